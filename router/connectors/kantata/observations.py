"""Kantata's rows in canonical words. Pure; what is odd is left out, so that ingest can park the row.

An event's id carries the approval it comes from and a check of what was approved: an unrelated change
of an approved row is the same event, a new approval or a changed value is a new one. What an attribute
is called in the account comes from the mapping.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any

from router.connectors.kantata.decisions import to_stamp
from router.connectors.port import Observed

NOTES_MAX = 255
_BASE_UNITS = {1: 0, 10: 1, 100: 2, 1000: 3, 10000: 4}
Row = Mapping[str, Any]
Names = Mapping[tuple[str, str], str]
"""(subject type, id in Kantata) → canonical id."""
Fields = Mapping[str, str]
"""Attribute → what the account calls it."""
DELETED = {"time_entry:deleted": ("time_entry", "TE"), "expense:deleted": ("expense_item", "EX")}
"""Types of subscribed events that say a row is gone → kind and prefix of its document id."""


def time_entry(row: Row, names: Names, fields: Fields) -> Observed:
    """An approved time entry; `minutes` are whole."""
    minutes = row.get(fields["minutes"])
    data = {
        "document_id": f"TE-{row['id']}",
        **_who(row, names, fields),
        "work_date": _text(row.get(fields["work_date"])),
        "minutes": minutes if isinstance(minutes, int) and not isinstance(minutes, bool) else None,
        "billable": row.get(fields["billable"]) is True,
        "notes": _notes(row, fields),
    }
    return _observed("time_entry", "approved", row, data, fields, version=_approval(row))


def expense(row: Row, names: Names, fields: Fields) -> Observed:
    """An approved expense; `amount` is a decimal string in its own currency."""
    data = {
        "document_id": f"EX-{row['id']}",
        **_who(row, names, fields),
        "expense_date": _text(row.get(fields["expense_date"])),
        "category": _code(row.get(fields["category"])),
        "amount": amount(row.get(fields["amount"]), row.get("currency_base_unit", 100)),
        "currency": _text(row.get(fields["currency"])),
        "billable": row.get(fields["billable"]) is True,
        "notes": _notes(row, fields),
    }
    stated = row.get(fields["receipt"]) if "receipt" in fields else None
    if stated is not None:  # only an account that knows is held to the policy on receipts
        data["receipt"] = bool(stated)
    return _observed("expense_item", "approved", row, data, fields, version=_approval(row))


def milestone(row: Row, names: Names, fields: Fields, billing: Row | None, priced: Fields) -> Observed:
    """A completed milestone; its amount is the billing milestone's or, without one, the story's budget.

    `priced` are the names of the billing milestone's attributes.
    """
    source, called = (row, fields) if billing is None else (billing, priced)
    completed = _text(row.get(fields["completed_on"])) or _text(row.get("updated_at")) or ""
    data = {
        "document_id": f"MS-{row['id']}",
        "project_id": names.get(("Workspace", str(row.get(fields["project_id"])))),
        "name": _text(row.get(fields["name"])),
        "amount": amount(source.get(called["amount"]), source.get("currency_base_unit", 100)),
        "currency": _text(source.get(called["currency"])) or _text(row.get(fields["currency"])),
        "completed_on": completed[:10],
    }
    return _observed("milestone", "completed", row, data, fields, version=completed[:10])


def withdrawal(event: Row) -> Observed | None:
    """A deleted time entry or expense, from a subscribed event; None for any other event."""
    kind, prefix = DELETED.get(str(event.get("event_type")), ("", ""))
    record_id = event.get("subject_id")
    if not kind or not isinstance(record_id, str) or not record_id.isascii() or not record_id.isdigit():
        return None
    document_id = f"{prefix}-{record_id}"
    return Observed(
        kind=kind,
        verb="withdrawn",
        event_id=f"{document_id}@deleted",
        vendor_id=record_id,
        occurred_at=to_stamp(event.get("created_at")),
        data={"document_id": document_id, "withdrawn": True},
        raw=event,
    )


def amount(cents: object, base_unit: object) -> str | None:
    """Minor units as a decimal string; `base_unit` is how many make one unit of the currency (JPY 1)."""
    whole = isinstance(cents, int) and not isinstance(cents, bool)
    if not whole or not isinstance(base_unit, int) or base_unit not in _BASE_UNITS:
        return None
    assert isinstance(cents, int)
    places = _BASE_UNITS[base_unit]
    units, part = divmod(abs(cents), base_unit)
    sign = "-" if cents < 0 else ""
    return f"{sign}{units}.{str(part).rjust(places, '0')}" if places else f"{sign}{units}"


def _who(row: Row, names: Names, fields: Fields) -> dict[str, Any]:
    return {
        "project_id": names.get(("Workspace", str(row.get(fields["project_id"])))),
        "resource_id": names.get(("User", str(row.get(fields["resource_id"])))),
    }


def _approval(row: Row) -> str:
    submission = row.get("active_submission_id")
    return str(submission)[:20] if submission else "0"


def _observed(
    kind: str, verb: str, row: Row, data: dict[str, Any], fields: Fields, *, version: str
) -> Observed:
    # Names may be completed later, so the check is over Kantata's own values.
    checked = [
        str(row.get(fields[name])) if name in fields else "None" for name in ("project_id", "resource_id")
    ]
    checked += [
        f"{name}={value}"
        for name, value in data.items()
        if name not in ("project_id", "resource_id", "notes")
    ]
    check = zlib.crc32("\n".join(checked).encode())
    document_id = data["document_id"]
    return Observed(
        kind=kind,
        verb=verb,
        event_id=f"{document_id}@{version}-{check:08x}",
        vendor_id=str(row["id"]),
        occurred_at=to_stamp(row.get("updated_at")),
        data={name: value for name, value in data.items() if value is not None},
        raw=row,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _notes(row: Row, fields: Fields) -> str:
    return (_text(row.get(fields["notes"])) or "")[:NOTES_MAX]


def _code(value: object) -> str | None:
    code = re.sub(r"[^A-Za-z0-9_-]+", "_", value).strip("_-") if isinstance(value, str) else ""
    return code[:32] or None
