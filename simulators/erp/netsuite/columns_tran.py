"""Transactions of the books as rows of the SuiteQL tables.

Signs (vendor habit, unverified): a sales line's foreignamount and quantity are the opposite of its
document's, a credit memo's total is negative, payments are positive, expense lines are too; a journal's lines
are positive for debits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulators.core.money import decimal_text
from simulators.core.rows import (
    Contract,
    CreditMemo,
    ExpenseRow,
    Invoice,
    JournalEntry,
    Payment,
    Row,
    WriteOff,
)
from simulators.erp.netsuite.account import BILLS_ITEM, WRITE_OFF_ITEM, Account
from simulators.erp.netsuite.shapes import decimal_hours

Rows = Iterator[tuple[str, dict[str, Any]]]
_TRAN = {
    "contract": ("SalesOrd", "salesorder"),
    "expense": ("ExpRept", "expensereport"),
    "invoice": ("CustInvc", "invoice"),
    "credit_memo": ("CustCred", "creditmemo"),
    "payment": ("CustPymt", "customerpayment"),
    "write_off": ("CustCred", "creditmemo"),
    "journal_entry": ("Journal", "journalentry"),
}
_STATUS = {"posted": "A", "paid": "B", "cancelled": "V"}
LINES_A_TRANSACTION = 10_000
"""uniquekey = transaction id * this + line: stable when a transaction is written again."""


def flag(*, value: bool) -> str:
    """A checkbox as SuiteQL has it."""
    return "T" if value else "F"


def _tran(row: Any, account: Account, entity_id: str, total_minor: int) -> dict[str, Any]:
    kind, record_type = _TRAN[row.type]
    on = row.starts if isinstance(row, Contract) else row.posting_date
    return {
        "id": int(row.vendor_id),
        "externalid": row.external_id or None,
        "tranid": row.number,
        "type": kind,
        "recordtype": record_type,
        "trandate": on.isoformat(),
        "entity": int(entity_id) if entity_id else None,
        "currency": account.currency_id(row.currency),
        "foreigntotal": decimal_text(total_minor, row.currency),
        "status": "A" if isinstance(row, Contract) else _STATUS[row.status],
        "posting": flag(value=not isinstance(row, Contract)),
        "postingperiod": None if isinstance(row, Contract) else on.year * 12 + on.month,
        "createddate": row.created_at[:19].replace("T", " "),
        "createdby": row.created_by or None,
    }


def _line(row: Row, account: Account, entity: str, number: int, minor: int, currency: str) -> dict[str, Any]:
    amount = decimal_text(minor, currency)
    return {
        "uniquekey": int(row.vendor_id) * LINES_A_TRANSACTION + number,
        "transaction": int(row.vendor_id),
        "id": number,
        "linesequencenumber": number,
        "mainline": flag(value=number == 0),
        "taxline": "F",
        "foreignamount": amount,
        "netamount": amount,
        "subsidiary": int(account.entity_id(entity)),
    }


def sales_order(row: Contract, account: Account) -> Rows:
    """An order and its lines."""
    total = sum(line.amount_minor or 0 for line in row.lines)
    head = _tran(row, account, row.customer, total)
    head |= {"status": "B" if row.active else "H", "custbody_billing_type": row.billing}
    yield "transaction", head
    yield "transactionline", _line(row, account, row.entity, 0, total, row.currency)
    for line in row.lines:
        shown = _line(row, account, row.entity, line.line, -(line.amount_minor or 0), row.currency)
        yield (
            "transactionline",
            shown
            | {
                "item": BILLS_ITEM[line.bills],
                "memo": line.description,
                "taxcode": line.tax_code,
                "class": line.service_line,
            },
        )


def expense_report(row: ExpenseRow, account: Account) -> Rows:
    """A report of one line."""
    yield "transaction", _tran(row, account, row.employee, row.amount_minor)
    yield "transactionline", _line(row, account, row.entity, 0, -row.amount_minor, row.currency)
    shown = _line(row, account, row.entity, 1, row.amount_minor, row.currency)
    yield (
        "transactionline",
        shown
        | {
            "item": row.category,
            "memo": row.notes or None,
            "entity": int(row.project),
            "department": row.dims.get("department"),
            "class": row.dims.get("service_line"),
            "custcol_practice": row.dims.get("practice"),
            "custcol_cost_center": row.dims.get("cost_center"),
        },
    )


def billed(row: Invoice | CreditMemo, account: Account) -> Rows:
    """An invoice or credit memo with its lines and tax."""
    sign = 1 if isinstance(row, Invoice) else -1
    head = _tran(row, account, row.customer, sign * row.total_minor)
    head["job"] = int(row.project) if row.project else None
    if isinstance(row, Invoice):
        head |= {
            "duedate": row.due_date.isoformat() if row.due_date else None,
            "foreignamountunpaid": decimal_text(row.open_minor, row.currency),
            "createdfrom": int(row.contract) if row.through else None,
        }
    yield "transaction", head
    yield "transactionline", _line(row, account, row.entity, 0, sign * row.total_minor, row.currency)
    for at, line in enumerate(row.lines, start=1):
        shown = _line(row, account, row.entity, at, -sign * line.net_minor, row.currency)
        hours = None if line.minutes is None else format(decimal_hours(-sign * line.minutes), "f")
        yield (
            "transactionline",
            shown
            | {
                "item": BILLS_ITEM.get(line.source, "Time"),
                "linesequencenumber": line.line,
                "memo": line.description,
                "quantity": hours,
                "taxcode": line.tax_code,
                "tax1amt": decimal_text(-sign * (line.tax_minor or 0), row.currency),
                "department": line.dims.get("department"),
                "class": line.dims.get("service_line"),
                "custcol_practice": line.dims.get("practice"),
                "custcol_cost_center": line.dims.get("cost_center"),
            },
        )
    if row.tax_minor:
        shown = _line(row, account, row.entity, len(row.lines) + 1, -sign * row.tax_minor, row.currency)
        yield "transactionline", shown | {"taxline": "T"}


def payment(row: Payment, account: Account) -> Rows:
    """A customer payment."""
    head = _tran(row, account, row.customer, row.amount_minor)
    yield (
        "transaction",
        head | {"memo": row.reference or None, "job": int(row.project) if row.project else None},
    )
    shown = _line(row, account, row.entity, 0, row.amount_minor, row.currency)
    yield "transactionline", shown | {"createdfrom": int(row.invoice)}


def write_off(row: WriteOff, account: Account) -> Rows:
    """A credit memo of one line."""
    head = _tran(row, account, row.customer, -row.amount_minor)
    head |= {"job": int(row.project) if row.project else None, "custbody_write_off": "T"}
    yield "transaction", head | {"memo": row.reason or None}
    yield "transactionline", _line(row, account, row.entity, 0, -row.amount_minor, row.currency)
    shown = _line(row, account, row.entity, 1, row.amount_minor, row.currency)
    yield "transactionline", shown | {"item": WRITE_OFF_ITEM, "memo": row.reason or None}


def journal_entry(row: JournalEntry, account: Account) -> Rows:
    """Lines without a main one among them that differs, and the accounts they move."""
    total = sum(line.minor for line in row.lines if line.minor > 0)
    head = _tran(row, account, "", total)
    yield (
        "transaction",
        head
        | {
            "memo": row.text or None,
            "custbody_project": int(row.project) if row.project else None,
            "custbody_counterparty": row.counterparty or None,
            "exchangerate": row.exchange_rate,
        },
    )
    for at, line in enumerate(row.lines, start=1):
        shown = _line(row, account, row.entity, at, line.minor, row.currency)
        yield (
            "transactionline",
            shown
            | {
                "memo": line.text or None,
                "department": line.dims.get("department"),
                "class": line.dims.get("service_line"),
                "custcol_practice": line.dims.get("practice"),
                "custcol_cost_center": line.dims.get("cost_center"),
            },
        )
        amount = decimal_text(abs(line.minor), row.currency)
        yield (
            "transactionaccountingline",
            {
                "uniquekey": shown["uniquekey"],
                "transaction": int(row.vendor_id),
                "transactionline": at,
                "account": int(line.account),
                "debit" if line.minor >= 0 else "credit": amount,
                "amount": decimal_text(line.minor, row.currency),
                "posting": "T",
            },
        )
