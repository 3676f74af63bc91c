"""Where a change feed stands, and how it goes on when rows move under it. Pure.

Pages are asked for by `updated_after` and, inside one second, by offset. A row that changes moves to
the end and shifts the ones behind it; so every page begins with the last row of the page before
(the anchor). When the anchor is not there any more, that second is read again from its start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from router.connectors.port import SaidNo, TryLater
from router.errors import BadInput, VendorUnknown

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z", re.ASCII)
_ID = re.compile(r"\d{1,18}\Z", re.ASCII)
PAGE_MAX = 200
"""Rows in one page (vendor documentation)."""
ONE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a feed was read."""

    stamp: str = ""
    """Everything changed before this second was given."""
    count: int = 0
    """Rows of this second that were given."""
    anchor: str = ""
    """Id of the last of them."""
    began: str = ""
    """When the running scan began; empty between scans."""
    seen: str = ""
    """Tells different histories apart."""

    def text(self) -> str:
        """As it is stored."""
        row = {"at": self.stamp, "n": self.count, "id": self.anchor, "began": self.began, "seen": self.seen}
        return orjson.dumps(row).decode()


def read_cursor(text: str | None) -> Cursor:
    """A stored cursor; None is the beginning. Raises BadInput for anything else."""
    if text is None:
        return Cursor()
    try:
        row = orjson.loads(text)
        cursor = Cursor(
            stamp=row["at"], count=row["n"], anchor=row["id"], began=row["began"], seen=row["seen"]
        )
        good = all(not stamp or _STAMP.match(stamp) for stamp in (cursor.stamp, cursor.began))
        good = (
            good and isinstance(cursor.count, int) and (not cursor.anchor or bool(_ID.match(cursor.anchor)))
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadInput("the stored cursor of a Kantata feed can't be read") from error
    if not good:
        raise BadInput("the stored cursor of a Kantata feed is damaged")
    return cursor


def window(cursor: Cursor, limit: int) -> tuple[tuple[str, str], ...]:
    """The query parameters of the next page; an anchored page starts with its anchor."""
    size = max(2, min(limit, PAGE_MAX))
    query = (("order", "updated_at:asc"), ("limit", str(size)), ("offset", str(max(cursor.count - 1, 0))))
    if not cursor.stamp:
        return query
    # A second earlier: whether `updated_after` includes its own second is not documented.
    return (*query, ("updated_after", stamp_of(datetime.fromisoformat(cursor.stamp) - ONE)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a page means: its new rows, where to go on, and whether the end was reached."""

    rows: Sequence[Mapping[str, Any]]
    cursor: Cursor
    ended: bool


def advance(cursor: Cursor, rows: Sequence[Mapping[str, Any]], limit: int) -> Step:
    """Take a page in; raises VendorUnknown for rows without id or stamp."""
    size = max(2, min(limit, PAGE_MAX))
    places = [(to_stamp(row.get("updated_at")), _id(row)) for row in rows]
    if cursor.count:
        if not places or places[0] != (cursor.stamp, cursor.anchor):
            # The anchor moved, so others may have moved past us: this second again.
            return Step(rows=(), cursor=replace(cursor, count=0, anchor=""), ended=False)
        rows = rows[1:]
    if not places:
        return Step(rows=(), cursor=cursor, ended=True)
    stamp, anchor = places[-1]
    if stamp < cursor.stamp:
        # Only rows from before: an inclusive `updated_after` may repeat some, a page full of them is no filter.
        if len(places) >= size:
            raise VendorUnknown("Kantata: updated_after is not kept")
        return Step(rows=rows, cursor=cursor, ended=True)
    if stamp == cursor.stamp:
        count = max(cursor.count - 1, 0) + len(places)
    else:
        count = sum(1 for place in places if place[0] == stamp)
    ahead = replace(cursor, stamp=stamp, count=count, anchor=anchor)
    return Step(rows=rows, cursor=ahead, ended=len(places) < size)


def at_the_end(cursor: Cursor, overlap_s: int) -> Cursor:
    """Where the next scan starts: never later than `overlap_s` before this scan began.

    Rows of the last seconds may still be joined by others committed late; they are read again.
    """
    horizon = stamp_of(datetime.fromisoformat(cursor.began) - timedelta(seconds=overlap_s))
    if cursor.stamp < horizon:
        return replace(cursor, began="")
    return replace(cursor, stamp=horizon, count=0, anchor="", began="")


def to_stamp(text: object) -> str:
    """An ISO 8601 instant with any offset as UTC whole seconds; raises VendorUnknown."""
    return _to_stamp(text if isinstance(text, str) else "")


@lru_cache(maxsize=1024)  # a page has few distinct seconds and is asked twice a row
def _to_stamp(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise VendorUnknown("Kantata: updated_at is no datetime") from None
    if at.tzinfo is None:
        raise VendorUnknown("Kantata: updated_at has no offset")
    return stamp_of(at)


def stamp_of(at: datetime) -> str:
    """An instant in UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _id(row: Mapping[str, Any]) -> str:
    found = row.get("id")
    if not isinstance(found, str) or not _ID.match(found):
        raise VendorUnknown("Kantata: a row has no id")
    return found


def rows_of(body: Mapping[str, Any], collection: str) -> list[Mapping[str, Any]]:
    """The requested rows in the order of `results`; raises VendorUnknown for another shape."""
    results, records = body.get("results"), body.get(collection)
    if not isinstance(results, list) or not isinstance(records, Mapping):
        raise VendorUnknown(f"Kantata: the answer has no {collection}")
    rows: list[Mapping[str, Any]] = []
    for result in results:
        row = records.get(str(result.get("id"))) if isinstance(result, Mapping) else None
        if not isinstance(row, Mapping):
            raise VendorUnknown(f"Kantata: results name {collection} that are not there")
        if result.get("key") == collection:
            rows.append(row)
    return rows


def references_in(body: Mapping[str, Any], service: str) -> dict[tuple[str, str], str]:
    """(subject type, subject id) → the id a service gave it, of the references in an answer."""
    records = body.get("external_references")
    found: dict[tuple[str, str], str] = {}
    for row in records.values() if isinstance(records, Mapping) else ():
        if isinstance(row, Mapping) and row.get("service_name") == service:
            ref = row.get("service_model_ref")
            if isinstance(ref, str) and ref:
                found[str(row.get("subject_type")), str(row.get("subject_id"))] = ref
    return found


def refusal(status: int, body: Any, retry_after_s: float | None) -> SaidNo | TryLater | None:
    """What an error answer says: a refusal, come back later, or None when it can't be told."""
    errors = body.get("errors") if isinstance(body, Mapping) else None
    row = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else {}
    message = str(row.get("message") or "")[:500]
    if status in (429, 503):
        return TryLater(reason=f"{status}: {message}", after_s=retry_after_s, throttled=status == 429)
    if 400 <= status < 500 and row:
        field = row.get("field")
        code = str(row.get("type") or "error")[:100]
        return SaidNo(code=code, message=message, field=str(field) if field else None)
    return None
