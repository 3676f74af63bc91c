"""A trial balance from the line items of the new general ledger (FAGLFLEXA). Pure.

Standard fields of a standard table, so no mapping names them; a system on the classic ledger has no such table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from router.connectors.port import Balance
from router.connectors.sap_ecc.formats import of_stored
from router.connectors.sap_ecc.names import Names
from router.connectors.sap_ecc.tables import Where, among, equal, from_until
from router.model import SystemId

TABLE = "FAGLFLEXA"
FIELDS = ("RBUKRS", "RACCT", "RTCUR", "TSL")
LEADING = "0L"
"""The leading ledger; parallel ones hold the same by other rules."""
FIRST = "1900-01-01"


def where(companies: Sequence[str], until: str) -> Where:
    """Items of the leading ledger posted before a day."""
    return among("RBUKRS", companies) & equal("RLDNR", LEADING) & from_until("BUDAT", FIRST, until)


def balances(rows: Iterable[Mapping[str, str]], names: Names, system: SystemId) -> list[Balance]:
    """Sums by entity, account and currency, debit positive, sorted; raises ValueError, KeyError."""
    sums: dict[tuple[str, str, str], int] = {}
    for row in rows:
        entity = names.ours("entities", row["RBUKRS"])
        key = (entity, names.ours("accounts", row["RACCT"].lstrip("0")), row["RTCUR"])
        sums[key] = sums.get(key, 0) + of_stored(row["TSL"])
    return [
        Balance(system=system, legal_entity=entity, account=account, currency=currency, minor=minor)
        for (entity, account, currency), minor in sorted(sums.items())
    ]
