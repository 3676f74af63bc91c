"""Invoices, credits, payments and ledger entries from a record's JSON."""

from __future__ import annotations

import re
from decimal import Decimal

from simulators.core.ledger import ACCOUNTS
from simulators.core.rows import (
    Contract,
    CreditMemo,
    EntryLine,
    Invoice,
    InvoiceLine,
    JournalEntry,
    Payment,
    RevenueSchedule,
    ScheduleLine,
    WriteOff,
)
from simulators.erp.netsuite.account import ITEM_BILLS, WRITE_OFF_ITEM, Account
from simulators.erp.netsuite.errors import invalid, invalid_reference, user_error
from simulators.erp.netsuite.fields import MAX_HOURS, Body
from simulators.erp.netsuite.reads_masters import tax_code

_BILL_LINE = frozenset({"line", "item", "description", "taxCode", "class", "department", "amount", "quantity",
                        "rate", "isClosed", "links", "tax1Amt", "location", "grossAmt"})  # fmt: skip
_APPLY_LINE = frozenset({"doc", "apply", "amount", "line", "links", "refNum", "due", "total", "type"})
_ENTRY_LINE = frozenset({"line", "account", "debit", "credit", "memo", "department", "class", "location",
                         "entity", "links"})  # fmt: skip
_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z", re.ASCII)


def _bill_lines(body: Body, account: Account, entity: str, currency: str) -> list[InvoiceLine]:
    lines = [
        InvoiceLine(
            line=line.whole("line", at),
            description=line.text("description", ""),
            net_minor=line.minor("amount", currency),
            tax_code=tax_code(line, "taxCode", account, entity),
            tax_minor=line.maybe_minor("tax1Amt", currency),
            minutes=_quantity_minutes(line),
            dims=account.dims(line),
            source=ITEM_BILLS.get(line.name_of("item"), ""),
        )
        for at, line in enumerate(body.lines("item", _BILL_LINE), start=1)
    ]
    if not lines:
        raise user_error("You must enter at least one line item for this transaction.", "item")
    return lines


def _quantity_minutes(line: Body) -> int | None:
    hours = line.data.get("quantity")
    if hours is None or ITEM_BILLS.get(line.name_of("item")) != "time":
        return None
    if not isinstance(hours, int | Decimal) or isinstance(hours, bool) or abs(Decimal(hours)) > MAX_HOURS:
        raise invalid("Invalid number (must be numeric) for quantity.", line.path("quantity"))
    return round(Decimal(hours) * 60)


def invoice(body: Body, account: Account) -> Invoice:
    """An invoice given line by line."""
    entity = account.entity(body)
    customer = account.row(body, "entity", "customer")
    currency = account.currency(body, account.books.firm.entities[entity].currency)
    return Invoice(
        customer=customer,
        project=account.maybe_row(body, "job", "job"),
        contract=account.maybe_row(body, "custbody_sales_order", "salesOrder"),
        entity=entity,
        currency=currency,
        posting_date=body.day("tranDate"),
        due_date=body.maybe_day("dueDate"),
        lines=_bill_lines(body, account, entity, currency),
        exchange_rate=body.rate("exchangeRate"),
    )


def _applied(body: Body, account: Account) -> tuple[Invoice, Body]:
    lines = [line for line in body.lines("apply", _APPLY_LINE) if line.flag("apply", default=True)]
    if len(lines) != 1:
        raise user_error("This account applies a credit or payment to one invoice.", "apply.items")
    found = account.books.by_vendor_id("invoice", account.row(lines[0], "doc", "invoice"))
    assert isinstance(found, Invoice)
    return found, lines[0]


def credit_memo(body: Body, account: Account) -> CreditMemo | WriteOff:
    """A credit for an invoice or, with the write-off item, what will not be paid of it."""
    entity = account.entity(body)
    account.row(body, "entity", "customer")
    of, line = _applied(body, account)
    currency = account.currency(body, of.currency)
    items = [one.name_of("item") for one in body.lines("item", _BILL_LINE)] if "item" in body else []
    if WRITE_OFF_ITEM in items:
        return _write_off(body, line, of, currency, items)
    return CreditMemo(
        invoice=of.vendor_id,
        currency=currency,
        posting_date=body.day("tranDate"),
        lines=_bill_lines(body, account, entity, currency) if items else [],
        reason=body.text("memo", ""),
        exchange_rate=body.rate("exchangeRate"),
    )


def _write_off(body: Body, applied: Body, of: Invoice, currency: str, items: list[str]) -> WriteOff:
    if len(items) != 1:
        raise user_error("A write-off has one line.", "item.items")
    (line,) = body.lines("item", _BILL_LINE)
    amount = line.minor("amount", currency)
    if "amount" in applied and applied.minor("amount", currency) != amount:
        raise user_error("The applied amount must equal the credit.", applied.path("amount"))
    return WriteOff(
        invoice=of.vendor_id,
        currency=currency,
        amount_minor=amount,
        posting_date=body.day("tranDate"),
        reason=body.text("memo", ""),
        exchange_rate=body.rate("exchangeRate"),
    )


def payment(body: Body, account: Account) -> Payment:
    """Money received for an invoice."""
    account.row(body, "customer", "customer")
    of, line = _applied(body, account)
    currency = account.currency(body, of.currency)
    amount = body.minor("payment", currency)
    if "amount" in line and line.minor("amount", currency) != amount:
        raise user_error("The applied amount must equal the payment.", line.path("amount"))
    return Payment(
        invoice=of.vendor_id,
        currency=currency,
        amount_minor=amount,
        posting_date=body.day("tranDate"),
        reference=body.text("memo", ""),
        exchange_rate=body.rate("exchangeRate"),
    )


def journal_entry(body: Body, account: Account) -> JournalEntry:
    """A journal entry of one subsidiary; lines have a debit or a credit."""
    entity = account.entity(body)
    currency = account.currency(body, account.books.firm.entities[entity].currency)
    counterparty = body.text("custbody_counterparty", "")
    if counterparty and (counterparty not in account.entities or counterparty == entity):
        raise user_error(f"There is no other subsidiary {counterparty[:40]}.", "custbody_counterparty")
    return JournalEntry(
        entity=entity,
        currency=currency,
        project=account.maybe_row(body, "custbody_project", "job"),
        posting_date=body.day("tranDate"),
        purpose=body.text("custbody_purpose", "adjustment"),
        counterparty=counterparty,
        source=body.text("custbody_source", ""),
        reverses=_reversed(body, account),
        text=body.text("memo", ""),
        exchange_rate=body.rate("exchangeRate"),
        lines=[_entry_line(line, account, currency) for line in body.lines("line", _ENTRY_LINE)],
    )


def _reversed(body: Body, account: Account) -> str:
    given = body.text("custbody_reverses", "")
    if not given:
        return ""
    found = account.find("journalEntry", "externalId", given)
    if found is None:
        raise invalid_reference(given, "custbody_reverses")
    return found.vendor_id


def _entry_line(line: Body, account: Account, currency: str) -> EntryLine:
    number = line.name_of("account")
    if number not in ACCOUNTS:
        raise invalid_reference(number or "(none)", line.path("account"))
    if ("debit" in line) == ("credit" in line):
        raise user_error("Enter a debit or a credit on each line.", line.path("debit"))
    side = "debit" if "debit" in line else "credit"
    amount = line.minor(side, currency)
    if amount < 0:
        raise user_error(f"Invalid {side}: it must not be negative.", line.path(side))
    return EntryLine(
        account=number,
        minor=amount if side == "debit" else -amount,
        text=line.text("memo", ""),
        dims=account.dims(line),
    )


def revenue_schedule(body: Body, account: Account) -> RevenueSchedule:
    """A plan of revenue by period."""
    order_id = account.row(body, "custrecord_rs_sales_order", "salesOrder")
    order = account.books.by_vendor_id("contract", order_id)
    assert isinstance(order, Contract)
    number = body.whole("custrecord_rs_order_line", 1)
    if all(line.line != number for line in order.lines):
        raise invalid_reference(number, "custrecord_rs_order_line")
    sublist = "recmachcustrecord_rsl_schedule"
    lines = []
    for line in body.lines(sublist, ()):
        period = line.text("custrecord_rsl_period")
        if not _PERIOD.match(period):
            raise invalid(f"Invalid period {period[:40]}.", line.path("custrecord_rsl_period"))
        lines.append(ScheduleLine(period, line.minor("custrecord_rsl_amount", order.currency)))
    if not lines:
        raise user_error("You must enter at least one period.", sublist)
    return RevenueSchedule(
        contract=order_id,
        project=account.maybe_row(body, "custrecord_rs_project", "job"),
        method=body.text("custrecord_rs_method"),
        lines=lines,
        posting_date=body.day("custrecord_rs_posting_date"),
        extra={"contract_line": number},
    )
