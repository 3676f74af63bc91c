"""Who is at work in the request under way: the user an ERP writes beside what they make.

A context variable, because each request runs in a task of its own and the books know nothing of requests.
"""

from __future__ import annotations

from contextvars import ContextVar

ACTING: ContextVar[str] = ContextVar("acting", default="")
"""The user of the request; empty: the system itself."""
