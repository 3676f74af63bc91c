"""Ledger entries as IDocs ACC_DOCUMENT: a header, then a segment for each G/L line. Pure.

They go in files like time does, since every hour worked for another entity makes two of them. The trading partner
(VBUND) of an intercompany line is the other entity's company code.
"""

from __future__ import annotations

from router.canonical.ledger import EntryLine, JournalEntry
from router.connectors.sap_ecc.formats import AMOUNT_WIDTH, day_text, one_line
from router.connectors.sap_ecc.idoc import Sender, amount_text
from router.connectors.sap_ecc.keys import external_key, reference
from router.connectors.sap_ecc.payloads import Source, rate_text

ENTRY, ENTRY_TYPE = "ACC_DOCUMENT", "ACC_DOCUMENT02"


def journal_entry(document: JournalEntry, source: Source, sender: Sender, serial: int) -> str:
    """An entry as the lines of an IDoc; raises Unfit for what is missing or does not fit, Unmapped for an account."""
    external_id = source.delivery.external_id
    project = source.ref("project", document.project_id) if document.project_id else ""
    partner = source.company(document.counterparty) if document.counterparty else ""
    if document.reverses:
        # What takes an entry back waits for it: both may be in one file, and ECC keeps no order for us.
        source.ref("journal_entry", document.reverses)
    day = day_text(document.accounting_date)
    header = (
        f"{source.company():<4}{day}{day}SA{reference(external_id):<16}{one_line(document.text, 25):<25}"
        f"{document.currency:<5}{rate_text(document.exchange_rate):<22}{source.key:<70}{document.purpose:<12}"
        f"{external_key(document.source_id or ''):<70}{external_key(document.reverses or ''):<70}{project:<24}"
        f"{one_line(document.text, 255):<255}"
    )
    lines = [
        sender.segment("E1BPACGL08", 2 + n, _line(line, source, project, partner), parent=1)
        for n, line in enumerate(document.lines)
    ]
    control = sender.control(ENTRY_TYPE, ENTRY, source.key, serial)
    return "\n".join((control, sender.segment("E1BPACHE08", 1, header), *lines, ""))


def _line(line: EntryLine, source: Source, project: str, partner: str) -> str:
    amount = amount_text(line.amount.minor, AMOUNT_WIDTH, f"lines.{line.line}.amount")
    coding = "".join(f"{code:<32}" for code in source.dimensions(line).values())
    return (
        f"{line.line:010d}{source.account(line.account):<10}{one_line(line.text, 50):<50}{amount:<16}{partner:<6}"
        f"{project:<24}{coding}"
    )
