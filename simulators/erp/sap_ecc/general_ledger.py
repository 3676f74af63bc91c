"""FAGLFLEXA: the line items of the new general ledger, one row for every account an entry moves.

A transparent table, with reconciliation accounts in it, so a trial balance as of any day is its sum by account
and currency (FAGLFLEXT holds the same by period). Amounts are signed, debit positive, in the document's currency
(TSL) and the company's (HSL). 0L is the leading ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulators.core.ledger import Entry, LedgerLine
from simulators.erp.sap_ecc.formats import day_text, inside_amount
from simulators.erp.sap_ecc.table import Getter, Hints, Table, columns, constant

if TYPE_CHECKING:
    from simulators.erp.sap_ecc.state import Ecc


@dataclass(frozen=True, slots=True)
class _Item:
    entry: Entry
    number: int
    line: LedgerLine


def faglflexa(ecc: Ecc) -> Table:
    """General ledger: actual line items."""

    def rows(hints: Hints) -> Iterable[Any]:
        asked = {ecc.config.entity_of.get(code) for code in hints["RBUKRS"]} if "RBUKRS" in hints else None
        for entry in ecc.books.ledger.entries:
            if asked is None or entry.entity in asked:
                for number, line in enumerate(entry.lines, start=1):
                    yield _Item(entry, number, line)

    getters: dict[str, Getter] = {
        "RLDNR": constant("0L"),
        "RBUKRS": lambda item: ecc.bukrs(item.entry.entity),
        "RYEAR": lambda item: f"{item.entry.on.year:04d}",
        "DOCNR": lambda item: f"{item.entry.number:010d}",
        "DOCLN": lambda item: f"{item.number:06d}",
        "BUDAT": lambda item: day_text(item.entry.on),
        "RACCT": lambda item: item.line.account.rjust(10, "0"),
        "RTCUR": lambda item: item.line.currency,
        "DRCRK": lambda item: "S" if item.line.minor >= 0 else "H",
        "TSL": lambda item: inside_amount(item.line.minor),
        "HSL": lambda item: inside_amount(item.line.base_minor),
    }
    text = "RLDNR C2, RBUKRS C4, RYEAR N4, DOCNR C10, DOCLN C6, BUDAT D8, RACCT C10, RTCUR C5, DRCRK C1, TSL P16.2, HSL P16.2"
    return Table(columns(text, getters), rows)
