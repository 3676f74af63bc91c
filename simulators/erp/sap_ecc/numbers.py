"""ECC's number ranges: drawn when a document is made, before the commit, so a rollback leaves a gap.

Ranges as SAP delivers them for FI document types: 18 invoices, 16 credit memos, 14 payments, 19 expenses, 01 ledger
entries; write-offs have 15;
billing documents from 90000001, contracts from 40000001, customers from 100001. Internal numbers have
leading zeros. An FI document's key is BELNR (10), BUKRS (4) and GJAHR (4) in a row, as OBJ_KEY gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from simulators.core.numbering import Numbering

_STARTS = {
    "customer": (100_000, 10),
    "rate_card": (0, 10),
    "contract": (40_000_000, 10),
    "master": (10_000_000, 8),
    "time": (0, 12),
    "milestone": (0, 12),
    "billing": (90_000_000, 10),
    "contact": (0, 10),
    "assignment": (0, 12),
    "plan": (0, 10),
    "idoc": (0, 16),
    "SA": (100_000_000, 10),
    "DA": (1_500_000_000, 10),
    "DR": (1_800_000_000, 10),
    "DG": (1_600_000_000, 10),
    "DZ": (1_400_000_000, 10),
    "KR": (1_900_000_000, 10),
}


class EccNumbering(Numbering):
    """Numbers of one ECC system; `given` makes the books use one that was drawn before."""

    def __init__(self) -> None:
        super().__init__()
        self._given: tuple[str, str] | None = None

    def draw(self, name: str, scope: str = "") -> str:
        """The next number of a range, zero-padded; FI ranges count per company (`scope`)."""
        base, length = _STARTS[name]
        return str(base + self._next(f"{name}/{scope}" if scope else name)).rjust(length, "0")

    @contextmanager
    def given(self, vendor_id: str, number: str = "") -> Iterator[None]:
        """Within it, the next row gets this id and number."""
        self._given = (vendor_id, number or vendor_id)
        try:
            yield
        finally:
            self._given = None

    def vendor_id(self, row_type: str, entity: str) -> str:
        """The id given, else the next of the type's range."""
        del entity
        return self._given[0] if self._given else self.draw(row_type)

    def number(self, row_type: str, entity: str) -> str:
        """The number given; rows that draw their own id have no other number."""
        del entity
        if self._given:
            return self._given[1]
        name = row_type
        base, length = _STARTS[name]
        return str(base + self.counters[name] - 1).rjust(length, "0")


def fi_key(belnr: str, bukrs: str, on: date) -> str:
    """OBJ_KEY of an FI document."""
    return f"{belnr}{bukrs.ljust(4)}{on.year:04d}"
