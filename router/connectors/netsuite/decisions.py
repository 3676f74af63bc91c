"""What NetSuite's answers mean for a document. Pure.

The vendor's codes decide, not its statuses alone: a third-party client has seen the concurrency limit
as HTTP 400. Texts are matched only where the vendor has no code of its own (closed period, duplicate).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from router.connectors.port import Missing, NoAnswer, SaidNo, TryLater

THROTTLED = frozenset(
    {
        "CONCURRENCY_LIMIT_EXCEEDED",
        "SSS_REQUEST_LIMIT_EXCEEDED",
        "WS_REQUEST_BLOCKED",
        "REQUEST_LIMIT_EXCEEDED",
    }
)
PERIOD_CLOSED = "PERIOD_CLOSED"
"""Our code for a closed or locked posting period, whatever code the vendor gave it (unverified)."""
_PERIOD = re.compile(
    r"period[^.]{0,60}\b(closed|locked)|\b(closed|locked)[^.]{0,40}period|CLOSED_TRAN_PRD", re.IGNORECASE
)
_DUPLICATE = re.compile(r"already exists|already (been )?used|DUP_RCRD|duplicate", re.IGNORECASE)
_REFERENCE = re.compile(r"invalid (reference|value)|does not exist|nonexistent", re.IGNORECASE)
_RECORD = re.compile(r"/record/v1/[A-Za-z_]+/([0-9]{1,15})\Z", re.ASCII)
_JOB = re.compile(r"/async/v1/job/([A-Za-z0-9-]{1,64})\Z", re.ASCII)
_TASK = re.compile(r"/async/v1/job/[A-Za-z0-9-]{1,64}/task/([A-Za-z0-9-]{1,64})\Z", re.ASCII)
_HOURS = re.compile(r"(-?)(\d{1,6}):([0-5]\d)\Z", re.ASCII)
MAX_MESSAGE = 500
INVOICE_STATUS = {"A": "posted", "B": "paid", "V": "cancelled"}
"""Status codes of a customer invoice in SuiteQL; an unknown one is passed on in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error envelope, or what could be made of it."""

    status: int
    code: str
    message: str
    path: str | None


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The vendor already has a record with this external id: look it up."""


Needed = Mapping[str, tuple[str, str]]
"""By property name of the body: kind and document id of what it refers to."""


def problem_of(status: int, envelope: Any) -> Problem:
    """Read an error envelope; every shape is tolerated, nothing long is kept."""
    details = envelope.get("o:errorDetails") if isinstance(envelope, dict) else None
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    title = envelope.get("title") if isinstance(envelope, dict) else None
    path = first.get("o:errorPath")
    return Problem(
        status=status,
        code=str(first.get("o:errorCode") or f"HTTP_{status}")[:64],
        message=str(first.get("detail") or title or f"NetSuite answered {status}")[:MAX_MESSAGE],
        path=str(path)[:120] if path else None,
    )


def refusal(
    problem: Problem, *, needed: Needed, retry_after_s: float | None = None
) -> SaidNo | Missing | TryLater | NoAnswer | Duplicate:
    """The answer for a document whose request came back with anything but success."""
    if problem.code in THROTTLED or problem.status in (429, 503):
        return TryLater(reason=problem.message, after_s=retry_after_s, throttled=True)
    if problem.status >= 500 or problem.status < 400:
        return NoAnswer(reason=f"{problem.status} {problem.code}: {problem.message}")
    if _DUPLICATE.search(problem.message) or problem.code == "DUP_RCRD":
        return Duplicate()
    if _PERIOD.search(problem.message) or problem.code == "CLOSED_TRAN_PRD":
        return SaidNo(code=PERIOD_CLOSED, message=problem.message, field=problem.path)
    if problem.path and _REFERENCE.search(problem.message):
        lacking = needed.get(problem.path) or needed.get(re.sub(r"\[\d+\]", "", problem.path))
        if lacking:
            return Missing(kind=lacking[0], document_id=lacking[1])
    return SaidNo(code=problem.code, message=problem.message, field=problem.path)


def record_id(location: str) -> str | None:
    """The internal id at the end of a record's Location; hosts are not looked at."""
    found = _RECORD.search(location)
    return found[1] if found else None


def job_id(location: str) -> str | None:
    """The job's id in the Location of a 202."""
    found = _JOB.search(location)
    return found[1] if found else None


def task_ids(tasks: Any) -> list[str]:
    """The task ids of a job's task list, in its order."""
    found: list[str] = []
    for item in _dicts(tasks, "items"):
        for link in _dicts(item, "links"):
            match = _TASK.search(str(link.get("href", "")))
            if match and link.get("rel") == "self" and match[1] not in found:
                found.append(match[1])
    return found


def _dicts(data: Any, name: str) -> list[dict[str, Any]]:
    """The objects of a list under a name; anything else is left out."""
    items = data.get(name) if isinstance(data, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def minutes_of(hours: str) -> int | None:
    """Minutes of `7:20` or of decimal hours to the nearest minute; None when it is neither."""
    found = _HOURS.match(hours)
    if found:
        minutes = int(found[2]) * 60 + int(found[3])
        return -minutes if found[1] else minutes
    try:
        value = Decimal(hours)
    except InvalidOperation:
        return None
    return round(Fraction(value) * 60) if value.is_finite() and abs(value) < 1_000_000 else None


def duration(minutes: int) -> str:
    """Minutes as NetSuite's `h:mm`."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else ''}{hours}:{rest:02d}"


def next_wait_s(waited: int) -> float:
    """Seconds before the (waited+1)th look at a job: 0.25, 0.5, 1, … 8."""
    return min(0.25 * (1 << min(waited, 10)), 8.0)
