"""How a row shows itself to the back door and to checkers: one flat shape for all types."""

from __future__ import annotations

from typing import Any

from simulators.core.rows import (
    BilledRow,
    ChargeRow,
    ExpenseRow,
    JournalEntry,
    MilestoneRow,
    Payment,
    PostedRow,
    RevenueSchedule,
    Row,
    TimeRow,
    WriteOff,
)
from simulators.core.store import RowStore


def described(row: Row, store: RowStore) -> dict[str, Any]:
    """One row as the back door shows it; amounts in minor units, None where the type has none.

    `project` and `invoice` are external ids (vendor ids where there is none).
    """
    net, tax, total, minutes = _money(row)
    posted = isinstance(row, PostedRow)
    return {
        "type": row.of if row.type == "master" and hasattr(row, "of") else row.type,
        "external_id": row.external_id,
        "vendor_id": row.vendor_id,
        "number": row.number,
        "entity": getattr(row, "entity", ""),
        "date": row.posting_date.isoformat() if isinstance(row, PostedRow) else None,
        "currency": getattr(row, "currency", None),
        "net_minor": net,
        "tax_minor": tax,
        "total_minor": total,
        "minutes": minutes,
        "status": _status(row),
        "project": _external(store, "project", row.project) if isinstance(row, PostedRow) else None,
        "invoice": _external(store, "invoice", getattr(row, "invoice", "")) if posted else None,
    }


def listed(row: Row) -> list[Any]:
    """One row as a line of the long list: type, external id, vendor id, entity, currency, total, status, made when."""
    return [
        row.of if row.type == "master" and hasattr(row, "of") else row.type,
        row.external_id,
        row.vendor_id,
        getattr(row, "entity", ""),
        getattr(row, "currency", None),
        _money(row)[2],
        _status(row),
        row.created_at,
    ]


def _money(row: Row) -> tuple[int | None, int | None, int | None, int | None]:
    if isinstance(row, BilledRow):
        minutes = [line.minutes for line in row.lines if line.minutes is not None]
        return row.net_minor, row.tax_minor, row.total_minor, sum(minutes) if minutes else None
    if isinstance(row, TimeRow):
        return row.wip_minor, None, row.wip_minor, row.minutes
    if isinstance(row, ExpenseRow | MilestoneRow | ChargeRow | Payment | WriteOff):
        return row.amount_minor, None, row.amount_minor, None
    if isinstance(row, JournalEntry):
        debits = sum(line.minor for line in row.lines if line.minor > 0)
        return debits, None, debits, None
    if isinstance(row, RevenueSchedule):
        planned = sum(line.amount_minor for line in row.lines)
        return planned, None, planned, None
    return None, None, None, None


def _status(row: Row) -> str:
    if isinstance(row, PostedRow):
        return row.status
    status = getattr(row, "status", None)
    if status is not None:
        return str(status)
    return "active" if getattr(row, "active", True) else "inactive"


def _external(store: RowStore, row_type: str, vendor_id: str) -> str:
    found = store.by_vendor_id(row_type, vendor_id) if vendor_id else None
    return (found.external_id or vendor_id) if found is not None else vendor_id
