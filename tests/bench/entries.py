"""The time entries that are sent: alike but for their numbers, so that every body has the same length."""

from __future__ import annotations

import orjson

from router.canonical import events
from router.canonical.examples import example

PROJECTS = 500
"""Lanes the entries spread over, as at the month-end of a firm with some hundred running projects."""
_NUMBER = "9999999999"
_PROJECT = "P-88888888"


def template() -> bytes:
    """An event around a time entry; `body` fills its numbers in."""
    entry = example("time_entry").model_copy(
        update={"document_id": f"TE-{_NUMBER}", "project_id": _PROJECT, "notes": "Workshop with finance"}
    )
    wrapped = events.wrap(
        entry, source="/kantata/time", event_id=f"time-{_NUMBER}", time="2026-10-30T17:04:05Z"
    )
    text = orjson.dumps(wrapped).decode().replace("%", "%%")
    return text.replace(_NUMBER, "%(number)010d").replace(_PROJECT, "P-%(project)08d").encode()


def body(filled: bytes, number: int, *, first_project: int = 0) -> bytes:
    """The event with this number."""
    return filled % {b"number": number, b"project": first_project + number % PROJECTS}
