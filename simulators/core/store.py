"""Rows in memory, by type: found by vendor id and by external id, in the order they were made."""

from __future__ import annotations

from collections.abc import Iterator

from simulators.core.rows import (
    ChangeOrder,
    ChargeRow,
    Contract,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    JournalEntry,
    MasterRow,
    MilestoneRow,
    Payment,
    Project,
    RateCard,
    RevenueSchedule,
    Row,
    TimeRow,
    WriteOff,
)

ROW_TYPES: tuple[type[Row], ...] = (
    Customer,
    RateCard,
    Contract,
    Project,
    MasterRow,
    TimeRow,
    ExpenseRow,
    MilestoneRow,
    ChargeRow,
    ChangeOrder,
    RevenueSchedule,
    Invoice,
    CreditMemo,
    Payment,
    WriteOff,
    JournalEntry,
)


class RowStore:
    """One ERP's rows. External ids may occur twice (that is what a doubled document is)."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Row]] = {cls.type: {} for cls in ROW_TYPES}
        self._by_external: dict[str, dict[str, list[Row]]] = {cls.type: {} for cls in ROW_TYPES}

    def insert(self, row: Row) -> None:
        """Keep a new row under its vendor id."""
        rows = self._rows[row.type]
        assert row.vendor_id not in rows, f"{row.type} {row.vendor_id} exists"
        rows[row.vendor_id] = row
        if row.external_id:
            self._by_external[row.type].setdefault(row.external_id, []).append(row)

    def by_vendor_id(self, row_type: str, vendor_id: str) -> Row | None:
        """The row the vendor calls so."""
        return self._rows[row_type].get(vendor_id)

    def by_external_id(self, row_type: str, external_id: str) -> list[Row]:
        """Every row with our id, oldest first."""
        return self._by_external[row_type].get(external_id, [])

    def resolve(self, row_type: str, ref: str) -> Row | None:
        """A row by vendor id, else by external id."""
        row = self._rows[row_type].get(ref)
        if row is not None:
            return row
        found = self._by_external[row_type].get(ref)
        return found[0] if found else None

    def rows(self, row_type: str) -> list[Row]:
        """All rows of a type, oldest first."""
        return list(self._rows[row_type].values())

    def every(self) -> Iterator[Row]:
        """All rows, by type in the order of `ROW_TYPES`."""
        for rows in self._rows.values():
            yield from rows.values()
