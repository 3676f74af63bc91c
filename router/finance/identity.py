"""Ids of documents the firm's rules derive from others: readable, stable, and never too long."""

from __future__ import annotations

import hashlib

LONGEST = 64
"""Characters an id may have."""
_DIGEST = 10


def derived(stem: str, ending: str) -> str:
    """`stem` + `ending`; where that is too long, the stem's end gives way to a digest of all of it."""
    if len(stem) + len(ending) <= LONGEST:
        return stem + ending
    digest = hashlib.sha256(stem.encode()).hexdigest()[:_DIGEST]
    return f"{stem[: LONGEST - len(ending) - _DIGEST - 1]}-{digest}{ending}"


def beyond_id(document_id: str) -> str:
    """The id of what did not fit: under a cap, in a retainer, within the expense policy."""
    return derived(document_id, ".beyond")
