"""What work an invoice billed, asked of the charges of charge-based billing. Pure.

A charge names its time record or transaction, its invoice and the invoice's line, with quantity, rate and amount
(SuiteTalk's Charge record; that an expense's charge names its report: unverified). Asked only where the mapping
has `billed_work.columns`: an account without charge-based billing has no such charges.
"""

# ruff: noqa: S608  # names come from the mapping and are checked when it is read; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from router.connectors.netsuite.decisions import minutes_of
from router.connectors.netsuite.vocabulary import Names
from router.connectors.port import BilledWork

GROUP = "billed_work.columns"
KINDS: Mapping[str, str] = {
    "Time-Based": "time_entry",
    "Expense-Based": "expense_item",
    "Milestone": "milestone",
    "Fixed Date": "charge",
}
"""Charge types, and the kind of document each bills."""
_EXACT = Fraction(1, 1000)
"""Of a minute: decimal hours have six places."""


def query(fields: Mapping[str, Names]) -> str | None:
    """The charges of invoices of `{entities}` dated in a window; None where the mapping doesn't name them."""
    c = fields.get(GROUP)
    if c is None:
        return None
    day, eid = fields["invoice.columns"]["accounting_date"], fields["invoice.columns"]["document_id"]
    of = "CASE WHEN x.{time} IS NOT NULL THEN b.{b} WHEN x.{tran} IS NOT NULL THEN e.{e} ELSE x.{own} END"
    name = of.format(
        time=c["time_entry"], b=fields["time_entry.columns"]["document_id"], tran=c["expense_item"],
        e=fields["expense_item.columns"]["document_id"], own=c["document_id"],
    )  # fmt: skip
    return (
        f"SELECT x.id, x.{c['invoice']} AS document, i.{eid} AS invoice_id, {name} AS document_id, "
        f"BUILTIN.DF(x.{c['kind']}) AS kind, x.{c['line']} AS line, x.{c['quantity']} AS quantity, "
        f"x.{c['rate']} AS rate, x.{c['amount']} AS amount "
        f"FROM charge x JOIN transaction i ON i.id = x.{c['invoice']} "
        f"LEFT JOIN timebill b ON b.id = x.{c['time_entry']} "
        f"LEFT JOIN transaction e ON e.id = x.{c['expense_item']} "
        f"WHERE x.{c['legal_entity']} IN ({{entities}}) AND i.{day} >= TO_DATE(?, 'YYYY-MM-DD') "
        f"AND i.{day} < TO_DATE(?, 'YYYY-MM-DD') AND x.id > ? ORDER BY x.id"
    )


def kept_hours(text: str) -> tuple[int, int | None]:
    """Minutes, and hundredths of hours where decimal hours are no whole minutes; raises ValueError."""
    minutes = minutes_of(text)
    if minutes is None:
        msg = f"{text[:40]!r} are no hours"
        raise ValueError(msg)
    if ":" in text:
        return minutes, None
    exact = Fraction(Decimal(text))
    if abs(exact * 60 - minutes) <= _EXACT:
        return minutes, None
    return minutes, round(exact * 100)


def work_of(rows: Sequence[Mapping[str, Any]], currency: str, minor: Any) -> tuple[BilledWork, ...]:
    """The work of one invoice, by line and id; raises ValueError, KeyError."""
    found = []
    for row in rows:
        kind = KINDS[str(row["kind"])]
        minutes, hundredths, rate = None, None, None
        amount = minor(row["amount"], currency)
        if kind == "time_entry":
            minutes, hundredths = kept_hours(str(row["quantity"]))
            rate = minor(row["rate"], currency)
        found.append(
            BilledWork(
                kind=kind, external_id=str(row.get("document_id", "")), line=int(row["line"]), amount_minor=amount,
                minutes=minutes, hundredths=hundredths, rate_minor=rate,
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda work: (work.line, work.kind, work.external_id)))
