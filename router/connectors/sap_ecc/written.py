"""Who wrote what since when: BKPF with USNAM, CPUDT and CPUTM, the user and the clock of entry. Pure.

BKPF holds the documents of the ledger: time in CATSDB makes none. CPUTM is the application server's time, which this
project's systems keep in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from router.canonical.kinds import Kind
from router.connectors.port import Written
from router.connectors.sap_ecc.names import Section
from router.connectors.sap_ecc.tables import Where, among
from router.model import SystemId

ENTERED = ("USNAM", "CPUDT", "CPUTM")
"""Standard fields of every system (data elements USNAM, CPUDT, CPUTM), which no mapping renames."""
ATTRIBUTES = ("number", "company", "year", "type", "external_id")
KIND_OF: Mapping[str, Kind] = {
    "RV": "invoice", "DR": "invoice", "DG": "credit_memo", "DZ": "payment", "DA": "write_off", "KR": "expense_item",
    "SA": "journal_entry",
}  # fmt: skip
"""Document types (BLART) as this landscape uses them."""


def where(names: Section, companies: Sequence[str], since: datetime, until: datetime) -> Where:
    """Documents of these companies entered on the days of the span; hours are cut by `written_of`'s reader."""
    low, high = (at.astimezone(UTC).strftime("%Y%m%d") for at in (since, until))
    days = Where(("CPUDT", "GE", f"'{low}'", "AND", "CPUDT", "LE", f"'{high}'"))
    return among(names["company"], companies) & days


def written_of(
    row: Mapping[str, str], names: Section, *, system: SystemId, entities: Mapping[str, str]
) -> Written:
    """A row as the port has it; raises KeyError, ValueError for one that makes no sense."""
    of = {attribute: row[names[attribute]] for attribute in ATTRIBUTES}
    at = datetime.strptime(row["CPUDT"] + row["CPUTM"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return Written(
        system=system,
        what=f"BLART {of['type']}",
        kind=KIND_OF.get(of["type"], ""),
        vendor_id=f"{of['company']} {of['number']} {of['year']}",
        number=of["number"],
        external_id=of["external_id"],
        legal_entity=entities[of["company"]],
        created_at=at.isoformat().replace("+00:00", "Z"),
        created_by=row["USNAM"],
    )
