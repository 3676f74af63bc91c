"""A page of the feed, checked; a worker in canonical words. Pure.

A page that is not whole raises VendorUnknown, so that its cursor is never stored. A worker's odd values
are passed on as they are: ingest parks the row and names the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from router.connectors.mapping import Mappings
from router.connectors.port import Observed
from router.errors import BadInput, VendorUnknown

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "resource": (
        "document_id", "legal_entity", "name", "role", "department", "cost_center", "currency", "cost_rates",
        "weekly_minutes", "email", "manager_id", "hired_on", "left_on", "version", "changed_at",
    ),
    "resource.cost_rates": ("hourly", "starts"),
}  # fmt: skip
"""Every name the connector reads by; the shipped mapping must cover all of it in every version."""
PAGE_MAX = 500
RATES_MAX = 200
CURSOR_MAX = 200
PLACES_MAX = 20
MOST = 10**18
_HOURS = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?\Z", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}\Z", re.ASCII)
_CODES = {"legal_entity": "entities", "department": "departments", "cost_center": "cost_centers"}
_PLAIN = ("name", "role", "currency", "email", "manager_id", "hired_on", "left_on")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """A whole page."""

    rows: Sequence[Row]
    cursor: str
    more: bool


def good_cursor(cursor: str | None, since: str) -> str:
    """Where to read on; raises BadInput for a stored cursor that can't be one."""
    if cursor is None:
        return since
    if not 0 < len(cursor) <= CURSOR_MAX or not cursor.isascii() or not cursor.isprintable():
        raise BadInput("the stored cursor of a worker feed is damaged")
    return cursor


def page_of(body: Mapping[str, Any], *, before: str, limit: int) -> Workers:
    """The page in an answer; raises VendorUnknown for another shape, or one that could never end."""
    rows, cursor, more = body.get("workers"), body.get("next"), body.get("more")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise VendorUnknown("HCM: the answer has no list of workers")
    if not isinstance(more, bool):
        raise VendorUnknown("HCM: the answer does not say whether there is more")
    if not isinstance(cursor, str) or not 0 < len(cursor) <= CURSOR_MAX:
        raise VendorUnknown("HCM: the answer has no cursor to go on with")
    if not cursor.isascii() or not cursor.isprintable():
        raise VendorUnknown("HCM: the cursor has characters that can't be kept")
    if len(rows) > limit:
        raise VendorUnknown(f"HCM: {len(rows)} workers where {limit} were asked for")
    if cursor == before and (rows or more):
        raise VendorUnknown("HCM: the page does not move its cursor")
    if more and not rows:
        raise VendorUnknown("HCM: an empty page that is not the last")
    return Workers(rows=rows, cursor=cursor, more=more)


def worker(row: Row, mappings: Mappings) -> Observed:
    """A worker as a `resource` of version 2; raises VendorUnknown without id, version or stamp, and Unmapped."""
    names = {name: mappings.newest.field("resource", name) for name in REQUIRED["resource"]}
    employee, version = row.get(names["document_id"]), row.get(names["version"])
    if not isinstance(employee, str) or not _ID.match(employee):
        raise VendorUnknown(f"HCM: a worker has no {names['document_id']}")
    if not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 10**9:
        raise VendorUnknown(f"HCM: worker {employee} has no {names['version']}")
    changed = _instant(row.get(names["changed_at"]), employee, names["changed_at"])
    data: dict[str, Any] = {
        "document_id": employee,
        "accounting_date": changed[:10],
        "cost_rates": _rates(row.get(names["cost_rates"]), mappings),
        "weekly_minutes": _minutes(row.get(names["weekly_minutes"])),
    }
    for name, table in _CODES.items():
        value = row.get(names[name])
        data[name] = mappings.ours(table, value) if isinstance(value, str) else value  # type: ignore[arg-type]
    for name in _PLAIN:
        data[name] = row.get(names[name])
    left = data["left_on"] is not None
    return Observed(
        kind="resource",
        verb="left" if left else "hired" if version == 1 else "updated",
        event_id=f"{employee}@{version}",
        vendor_id=employee,
        occurred_at=changed,
        data={name: value for name, value in data.items() if value is not None},
        raw=row,
    )


def _rates(given: Any, mappings: Mappings) -> Any:
    if not isinstance(given, list) or len(given) > RATES_MAX:
        return None
    hourly, starts = (mappings.newest.field("resource.cost_rates", name) for name in ("hourly", "starts"))
    return [
        {"hourly": _amount(rate.get(hourly)), "starts": rate.get(starts)}
        if isinstance(rate, Mapping)
        else None
        for rate in given
    ]


def _amount(value: Any) -> Any:
    """JSON numbers arrive as Decimal or int; canonical amounts are text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < MOST else "too large"
    if isinstance(value, Decimal):
        # Written out only when it is short: 1e999999999 would fill the memory.
        return format(value, "f") if -PLACES_MAX <= int(value.as_tuple().exponent) <= 0 else str(value)[:40]
    return value


def _minutes(hours: Any) -> Any:
    """Whole minutes of decimal hours; what is none stays text, so that it is refused by name."""
    text = str(hours)[:40]
    if not _HOURS.match(text):
        return f"{text!r} is no number of hours"
    exact = Fraction(text) * 60
    return exact.numerator if exact.denominator == 1 else f"{text} hours are no whole minutes"


def _instant(value: Any, employee: str, field: str) -> str:
    try:
        at = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise VendorUnknown(f"HCM: {field} of worker {employee} is no instant") from None
    if at.tzinfo is None:
        raise VendorUnknown(f"HCM: {field} of worker {employee} has no offset")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
