"""Billing, receivables and the general ledger as NetSuite records. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.billing import (
    BillingEvent,
    CreditMemo,
    Invoice,
    InvoiceLine,
    Payment,
    RevenueSchedule,
    WriteOff,
)
from router.canonical.ledger import JournalEntry
from router.canonical.money import Money
from router.connectors.netsuite.writer import (
    Json,
    Writer,
    amount,
    decimal_hours,
    named,
    number,
    without_none,
)


def billing_event(document: BillingEvent, w: Writer) -> Json:
    """What a sales order is transformed into an invoice with; further projects go on the same invoice."""
    f = w.fields
    w.reference("salesOrder", "contract", document.contract_id)
    more = f["with_projects"]
    others = [
        w.reference(f"{more}.items[{at}]", "project", project)
        for at, project in enumerate(document.with_projects)
    ]
    return {
        **w.external_id(),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["through"]: document.through.isoformat(),
        more: {"items": others} if others else None,
        f["exchange_rate"]: number(document.exchange_rate),
    }


def _lines(lines: Sequence[InvoiceLine], w: Writer) -> Json:
    f = w.part("lines")
    return {
        "items": [
            without_none(
                {
                    f["line"]: line.line,
                    f["item"]: w.code("items", "time"),
                    f["description"]: line.description,
                    f["net"]: amount(line.net),
                    f["tax_code"]: w.code("tax_codes", line.tax_code),
                    f["tax"]: amount(line.tax),
                    f["minutes"]: decimal_hours(line.minutes) if line.minutes is not None else None,
                    **w.dimensions(f, line),
                }
            )
            for line in lines
        ]
    }


def _billed(document: Invoice | CreditMemo, w: Writer) -> Json:
    f = w.fields
    project = document.project_id
    return {
        **w.head(),
        f["customer_id"]: w.reference(f["customer_id"], "customer", document.customer_id),
        f["project_id"]: w.reference(f["project_id"], "project", project) if project else None,
        f["contract_id"]: w.known(f["contract_id"], "contract", document.contract_id),
        f["currency"]: named(document.currency),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["exchange_rate"]: number(document.exchange_rate),
        f["lines"]: _lines(document.lines, w),
    }


def invoice(document: Invoice, w: Writer) -> Json:
    """An invoice given line by line."""
    f = w.fields
    return {
        **_billed(document, w),
        f["due_date"]: document.due_date.isoformat(),
        f["rebills"]: document.rebills,
    }


def _apply(document: CreditMemo | Payment | WriteOff, w: Writer, applied: Money) -> Json:
    f = w.applied
    path = f"{w.fields['applied_to']}.items.{f['invoice_id']}"
    invoice = w.reference(path, "invoice", document.invoice_id)
    return {"items": [{f["invoice_id"]: invoice, "apply": True, f["amount"]: amount(applied)}]}


def credit_memo(document: CreditMemo, w: Writer) -> Json:
    """A credit memo applied to its invoice."""
    f = w.fields
    return {
        **_billed(document, w),
        f["reason"]: document.reason or None,
        f["applied_to"]: _apply(document, w, document.total),
    }


def payment(document: Payment, w: Writer) -> Json:
    """A customer payment applied to its invoice."""
    f = w.fields
    return {
        **w.head(),
        f["customer_id"]: w.reference(f["customer_id"], "customer", document.customer_id),
        f["currency"]: named(document.currency),
        f["amount"]: amount(document.amount),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["bank_reference"]: document.bank_reference or None,
        f["exchange_rate"]: number(document.exchange_rate),
        f["applied_to"]: _apply(document, w, document.amount),
    }


def write_off(document: WriteOff, w: Writer) -> Json:
    """A credit memo of one line with the write-off item, applied to the invoice; no tax is taken back by it."""
    f, g = w.fields, w.part("lines")
    project = document.project_id
    line = {
        g["line"]: 1,
        g["item"]: w.code("items", "write_off"),
        g["description"]: document.reason,
        g["amount"]: amount(document.amount),
    }
    return {
        **w.head(),
        f["customer_id"]: w.reference(f["customer_id"], "customer", document.customer_id),
        f["project_id"]: w.known(f["project_id"], "project", project),
        f["currency"]: named(document.currency),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["reason"]: document.reason or None,
        f["approved_by"]: document.approved_by or None,
        f["is_write_off"]: True,
        f["lines"]: {"items": [line]},
        f["applied_to"]: _apply(document, w, document.amount),
    }


def revenue_schedule(document: RevenueSchedule, w: Writer) -> Json:
    """A custom record with a child a period; NetSuite's own revenue plans can't be written from outside."""
    f, g = w.fields, w.part("lines")
    return {
        **w.head(),
        f["contract_id"]: w.reference(f["contract_id"], "contract", document.contract_id),
        f["contract_line"]: document.contract_line,
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["currency"]: named(document.currency),
        f["method"]: document.method,
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["lines"]: {
            "items": [{g["period"]: line.period, g["amount"]: amount(line.amount)} for line in document.lines]
        },
    }


def journal_entry(document: JournalEntry, w: Writer) -> Json:
    """A journal entry of one subsidiary; the other leg of an intercompany charge is an entry of its own."""
    f, g = w.fields, w.part("lines")
    project = document.project_id
    lines = []
    for line in document.lines:
        side = g["debit"] if line.amount.minor >= 0 else g["credit"]
        lines.append(
            without_none(
                {
                    g["line"]: line.line,
                    g["account"]: w.code("accounts", line.account),
                    side: amount(Money(abs(line.amount.minor), line.amount.currency)),
                    g["text"]: line.text or None,
                    **w.dimensions(g, line),
                }
            )
        )
    return {
        **w.head(),
        f["currency"]: named(document.currency),
        f["exchange_rate"]: number(document.exchange_rate),
        f["accounting_date"]: document.accounting_date.isoformat(),
        f["text"]: document.text or None,
        f["purpose"]: document.purpose,
        f["counterparty"]: w.text_code("entities", document.counterparty),
        f["source_id"]: document.source_id,
        f["reverses"]: w.text_reference(f["reverses"], "journal_entry", document.reverses),
        f["project_id"]: w.reference(f["project_id"], "project", project) if project else None,
        f["contract_id"]: w.known(f["contract_id"], "contract", document.contract_id),
        f["lines"]: {"items": lines},
    }
