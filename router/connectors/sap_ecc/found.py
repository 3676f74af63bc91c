"""Where each kind stands in ECC's tables, and how a row there becomes a vendor id. Pure.

Tables are named here, columns by attribute: the mapping file has a section a table. Rows that were reversed don't count
as there: the document may be sent again. For cancelled masters it is the other way round: only a row that
carries the flag answers a cancellation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.canonical.kinds import Kind
from router.connectors.sap_ecc.names import Section
from router.connectors.sap_ecc.tables import Where, equal


@dataclass(frozen=True, slots=True)
class Place:
    """A kind's table: the attributes that make ECC's id, what marks a row as gone, what tells kinds of one table apart."""

    table: str
    ids: tuple[str, ...] = ("vendor_id",)
    gone: str = ""
    """The value `cancelled` has in a reversed or cancelled row; empty: no row is ever."""
    condition: tuple[str, str] = ("", "")
    """Attribute and value."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """What a look-up asks for."""
        return ("external_id", *self.ids, *(("cancelled",) if self.gone else ()))

    def where(self, names: Section) -> Where:
        """The condition in ECC's words; raises Unmapped."""
        attribute, value = self.condition
        return equal(names[attribute], value) if attribute else Where()

    def vendor_id(self, row: Mapping[str, str]) -> str:
        """ECC's id of a row: one column, or several in a row, such as number, company (4) and year of an FI document."""
        if len(self.ids) == 1:
            return row[self.ids[0]]
        return "".join(row[name].ljust(4) if name == "company" else row[name] for name in self.ids)

    def is_gone(self, row: Mapping[str, str]) -> bool:
        """Whether the row is reversed or cancelled."""
        return bool(self.gone) and row["cancelled"] == self.gone


_FI = ("number", "company", "year")


def _accounting(document_type: str) -> Place:
    return Place("BKPF", _FI, "X", ("type", document_type))


PLACES: Mapping[Kind, Place] = {
    "customer": Place("KNA1", gone="X"),
    "contact": Place("KNVK"),
    "rate_card": Place("KONH"),
    "contract": Place("VBAK", gone="01"),
    "project": Place("PROJ", gone="X"),
    "task": Place("PRPS"),
    "resource": Place("PA0105", condition=("subtype", "9001")),
    "assignment": Place("ZPSASSIGN"),
    "time_entry": Place("CATSDB", gone="60"),
    "expense_item": Place("COVP", _FI, "X"),
    "milestone": Place("MLST", gone="X", condition=("usage", "M")),
    "charge": Place("MLST", gone="X", condition=("usage", "C")),
    "change_order": Place("ZVBAKV", ("contract", "contract_version")),
    "billing_event": Place("VBRK", gone="X"),
    "invoice": _accounting("DR"),
    "credit_memo": _accounting("DG"),
    "payment": _accounting("DZ"),
    "write_off": _accounting("DA"),
    "revenue_schedule": Place("ZREVPLAN"),
    "journal_entry": _accounting("SA"),
}
MASTERS = frozenset(
    {"customer", "contact", "rate_card", "contract", "project", "task", "resource", "assignment"}
)
"""Kinds that may be sent again: looked up first, then changed or created."""
