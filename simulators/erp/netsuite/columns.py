"""Rows of the books as rows of the SuiteQL tables.

Signs (vendor habit, unverified): a sales line's foreignamount and quantity are the opposite of its
document's, a credit memo's total is negative, payments are positive, expense lines are too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from simulators.core.money import decimal_text
from simulators.core.rows import (
    Contract,
    CreditMemo,
    Customer,
    ExpenseRow,
    Invoice,
    MasterRow,
    MilestoneRow,
    Payment,
    Project,
    RateCard,
    Row,
    TimeRow,
)
from simulators.erp.netsuite.account import BILLS_ITEM, Account
from simulators.erp.netsuite.views import decimal_hours

Rows = Iterator[tuple[str, dict[str, Any]]]
_TRAN = {
    "contract": ("SalesOrd", "salesorder"),
    "expense": ("ExpRept", "expensereport"),
    "invoice": ("CustInvc", "invoice"),
    "credit_memo": ("CustCred", "creditmemo"),
    "payment": ("CustPymt", "customerpayment"),
}
_STATUS = {"posted": "A", "paid": "B", "cancelled": "V"}
LINES_A_TRANSACTION = 10_000
"""uniquekey = transaction id * this + line: stable when a transaction is written again."""


def rows_of(row: Row, account: Account) -> Rows:
    """(table, columns) of one row; a custom field is a column of the main one."""
    custom = row.extra.get("custom")
    for table, columns in _ROWS[row.type](row, account):
        if custom and columns.get("mainline", "T") == "T":
            columns |= {name: value for name, value in custom.items() if columns.get(name) is None}
        yield table, columns


def lists_of(account: Account) -> Rows:
    """The account's lists: subsidiaries, currencies, departments and classes."""
    for code, entity in account.books.firm.entities.items():
        yield (
            "subsidiary",
            {
                "id": int(account.entity_id(code)),
                "externalid": code,
                "name": entity.name,
                "currency": int(account.currency_id(entity.currency)),
                "country": entity.country,
                "isinactive": "F",
            },
        )
    for code in account.currencies:
        yield "currency", {"id": int(account.currency_id(code)), "symbol": code, "name": code}
    firm = account.books.firm
    for table, names in (("department", firm.departments), ("classification", firm.service_lines)):
        for at, listed in enumerate(names, start=1):
            yield table, {"id": at, "externalid": listed, "name": listed}


def _flag(*, value: bool) -> str:
    return "T" if value else "F"


def _head(row: Row, account: Account, entity: str) -> dict[str, Any]:
    return {
        "id": int(row.vendor_id),
        "externalid": row.external_id or None,
        "subsidiary": int(account.entity_id(entity)) if entity else None,
    }


def _customer(row: Customer, account: Account) -> Rows:
    yield (
        "customer",
        {
            **_head(row, account, row.entity),
            "entityid": row.number,
            "companyname": row.name,
            "email": row.email,
            "currency": account.currency_id(row.currency),
            "terms": f"Net {row.terms_days}",
            "isinactive": _flag(value=not row.active),
        },
    )


def _employee(row: MasterRow, account: Account) -> Rows:
    yield (
        "employee",
        {
            **_head(row, account, row.entity),
            "entityid": row.extra.get("entityId") or row.number,
            "firstname": row.extra.get("firstName"),
            "lastname": row.extra.get("lastName"),
            "email": row.extra.get("email"),
            "department": row.extra.get("department"),
            "isinactive": _flag(value=not row.active),
        },
    )


def _rate_card(row: RateCard, _: Account) -> Rows:
    yield (
        "billingratecard",
        {
            "id": int(row.vendor_id),
            "externalid": row.external_id or None,
            "name": row.name,
            "isinactive": "F",
        },
    )


def _job(row: Project, account: Account) -> Rows:
    yield (
        "job",
        {
            **_head(row, account, row.entity),
            "entityid": row.number,
            "companyname": row.name,
            "parent": int(row.customer),
            "customer": int(row.customer),
            "currency": account.currency_id(row.currency),
            "startdate": row.starts.isoformat() if row.starts else None,
            "projectedenddate": row.ends.isoformat() if row.ends else None,
            "entitystatus": "In Progress" if row.status == "active" else "Closed",
            "isinactive": _flag(value=bool(row.extra.get("isInactive"))),
            "department": row.dims.get("department"),
            "class": row.dims.get("service_line"),
            "custentity_practice": row.dims.get("practice"),
            "custentity_cost_center": row.dims.get("cost_center"),
            "custentity_sales_order": row.contract,
        },
    )


def _time_bill(row: TimeRow, account: Account) -> Rows:
    yield (
        "timebill",
        {
            **_head(row, account, row.entity),
            "employee": int(row.employee),
            "customer": int(row.project),
            "trandate": row.work_date.isoformat(),
            "hours": format(decimal_hours(row.minutes), "f"),
            "rate": decimal_text(row.rate_minor, row.currency),
            "isbillable": _flag(value=row.billable),
            "item": row.role,
            "memo": row.notes or None,
            "department": row.dims.get("department"),
            "class": row.dims.get("service_line"),
            "custcol_practice": row.dims.get("practice"),
            "custcol_cost_center": row.dims.get("cost_center"),
            "custcol_posting_date": row.posting_date.isoformat(),
            "status": "Billed" if row.invoice else "Open",
        },
    )


def _charge(row: MilestoneRow, account: Account) -> Rows:
    yield (
        "charge",
        {
            **_head(row, account, row.entity),
            "project": int(row.project),
            "salesorder": int(row.contract),
            "salesorderline": row.contract_line,
            "chargedate": row.completed_on.isoformat(),
            "amount": decimal_text(row.amount_minor, row.currency),
            "currency": account.currency_id(row.currency),
            "chargetype": "Milestone",
            "stage": "Processed" if row.invoice else "Ready For Billing",
            "description": row.name,
            "custcol_posting_date": row.posting_date.isoformat(),
        },
    )


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
        "posting": _flag(value=not isinstance(row, Contract)),
        "postingperiod": None if isinstance(row, Contract) else on.year * 12 + on.month,
        "createddate": row.created_at[:10],
    }


def _line(row: Row, account: Account, entity: str, number: int, minor: int, currency: str) -> dict[str, Any]:
    amount = decimal_text(minor, currency)
    return {
        "uniquekey": int(row.vendor_id) * LINES_A_TRANSACTION + number,
        "transaction": int(row.vendor_id),
        "id": number,
        "linesequencenumber": number,
        "mainline": _flag(value=number == 0),
        "taxline": "F",
        "foreignamount": amount,
        "netamount": amount,
        "subsidiary": int(account.entity_id(entity)),
    }


def _sales_order(row: Contract, account: Account) -> Rows:
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


def _expense_report(row: ExpenseRow, account: Account) -> Rows:
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


def _billed(row: Invoice | CreditMemo, account: Account) -> Rows:
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


def _payment(row: Payment, account: Account) -> Rows:
    head = _tran(row, account, row.customer, row.amount_minor)
    yield (
        "transaction",
        head | {"memo": row.reference or None, "job": int(row.project) if row.project else None},
    )
    shown = _line(row, account, row.entity, 0, row.amount_minor, row.currency)
    yield "transactionline", shown | {"createdfrom": int(row.invoice)}


_ROWS: dict[str, Callable[[Any, Account], Rows]] = {
    "customer": _customer,
    "master": _employee,
    "rate_card": _rate_card,
    "contract": _sales_order,
    "project": _job,
    "time": _time_bill,
    "expense": _expense_report,
    "milestone": _charge,
    "invoice": _billed,
    "credit_memo": _billed,
    "payment": _payment,
}
