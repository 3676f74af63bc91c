"""Where each kind stands in ECC's tables, and how a row there becomes a vendor id. Pure.

Rows that were reversed don't count as there: the document may be sent again. For cancelled masters it is the other way
round: only a row that carries the flag answers a cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.canonical.kinds import Kind
from router.connectors.sap_ecc.tables import Where, equal

ALL = Where()


@dataclass(frozen=True, slots=True)
class Place:
    """A kind's table: the column with our id, the columns that make ECC's id, and what marks a row as gone."""

    table: str
    ids: tuple[str, ...]
    gone: tuple[str, str] = ("", "")
    """Column and value of a reversed or cancelled row."""
    external: str = "ZZEXTID"
    condition: Where = ALL

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns a look-up asks for."""
        return (self.external, *self.ids, *((self.gone[0],) if self.gone[0] else ()))

    def vendor_id(self, row: Mapping[str, str]) -> str:
        """ECC's id of a row: one column, or an FI document's number, company (4) and year in a row."""
        if len(self.ids) == 1:
            return row[self.ids[0]]
        return "".join(row[name].ljust(4) if name == "BUKRS" else row[name] for name in self.ids)

    def is_gone(self, row: Mapping[str, str]) -> bool:
        """Whether the row is reversed or cancelled."""
        return bool(self.gone[0]) and row[self.gone[0]] == self.gone[1]


_FI = ("BELNR", "BUKRS", "GJAHR")
PLACES: Mapping[Kind, Place] = {
    "customer": Place("KNA1", ("KUNNR",), ("LOEVM", "X")),
    "rate_card": Place("KONH", ("KNUMH",)),
    "contract": Place("VBAK", ("VBELN",), ("ABGRU", "01")),
    "project": Place("PROJ", ("PSPID",), ("LOEVM", "X")),
    "resource": Place("PA0105", ("PERNR",), external="USRID_LONG", condition=equal("SUBTY", "9001")),
    "time_entry": Place("CATSDB", ("COUNTER",), ("STATUS", "60")),
    "expense_item": Place("COVP", ("REFBN", "BUKRS", "GJAHR"), ("STOKZ", "X")),
    "milestone": Place("MLST", ("MLSTN",), ("STOKZ", "X")),
    "billing_event": Place("VBRK", ("VBELN",), ("FKSTO", "X")),
    "invoice": Place("BKPF", _FI, ("STBLG", "X"), condition=equal("BLART", "DR")),
    "credit_memo": Place("BKPF", _FI, ("STBLG", "X"), condition=equal("BLART", "DG")),
    "payment": Place("BKPF", _FI, ("STBLG", "X"), condition=equal("BLART", "DZ")),
}
MASTERS = frozenset({"customer", "rate_card", "contract", "project", "resource"})
"""Kinds that may be sent again: looked up first, then changed or created."""
