"""Rows of the books as rows of the SuiteQL tables: masters, work and custom records; see `columns_tran` for the rest."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from simulators.core.money import decimal_text
from simulators.core.rows import (
    ChangeOrder,
    ChargeRow,
    Customer,
    ExpenseRow,
    MasterRow,
    MilestoneRow,
    Project,
    RateCard,
    RevenueSchedule,
    Row,
    TimeRow,
    WorkRow,
)
from simulators.erp.netsuite import columns_tran
from simulators.erp.netsuite.account import Account
from simulators.erp.netsuite.columns_tran import LINES_A_TRANSACTION, Rows, flag
from simulators.erp.netsuite.reads_work import FIXED_DATE
from simulators.erp.netsuite.shapes import decimal_hours

TIME_BASED, EXPENSE_BASED = "Time-Based", "Expense-Based"
GENERATED = {TIME_BASED: 100_000_000, EXPENSE_BASED: 200_000_000}
"""Where the ids of charges begin that billing made of work. That such a charge names its time record, invoice and
invoice line is the vendor's (SuiteTalk's Charge); that one names its expense report is unverified."""


def rows_of(row: Row, account: Account) -> Rows:
    """(table, columns) of one row; a custom field is a column of the first, the main one."""
    custom = row.extra.get("custom")
    for table, columns in _ROWS[row.type](row, account):
        if custom:
            columns |= {name: value for name, value in custom.items() if columns.get(name) is None}
            custom = None
        yield table, columns


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
            "isinactive": flag(value=not row.active),
        },
    )


def _master(row: MasterRow, account: Account) -> Rows:
    match row.of:
        case "contact":
            yield "contact", _person(row, account) | {"company": int(row.extra["customer"])}
        case "task":
            yield (
                "projecttask",
                {
                    "id": int(row.vendor_id),
                    "externalid": row.external_id or None,
                    "title": row.extra["title"],
                    "project": int(row.extra["project"]),
                    "nonbillabletask": flag(value=not row.extra["billable"]),
                },
            )
        case "assignment":
            yield (
                "resourceallocation",
                {
                    "id": int(row.vendor_id),
                    "externalid": row.external_id or None,
                    "project": int(row.extra["project"]),
                    "allocationresource": int(row.extra["resource"]),
                    "numberhours": format(decimal_hours(row.extra["minutes"]), "f"),
                    "startdate": row.extra["starts"],
                    "enddate": row.extra["ends"],
                    "custevent_role": row.extra["role"] or None,
                },
            )
        case _:
            yield "employee", _person(row, account) | {"department": row.extra.get("department")}


def _person(row: MasterRow, account: Account) -> dict[str, Any]:
    return {
        **_head(row, account, row.entity),
        "entityid": row.extra.get("entityId") or row.number,
        "firstname": row.extra.get("firstName"),
        "lastname": row.extra.get("lastName"),
        "email": row.extra.get("email"),
        "isinactive": flag(value=not row.active),
    }


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
            "isinactive": flag(value=bool(row.extra.get("isInactive"))),
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
            "hours": _hours(row),
            "rate": decimal_text(row.rate_minor, row.currency),
            "isbillable": flag(value=row.billable),
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
    if row.invoice:
        rate = decimal_text(row.rate_minor, row.currency)
        own = {"timerecord": int(row.vendor_id), "quantity": _hours(row), "rate": rate}
        yield "charge", _billed(row, account, TIME_BASED, own)


def _hours(row: TimeRow) -> str:
    """Decimal hours as the account keeps them: exact to the minute, or in hundredths."""
    kept = decimal_hours(row.minutes) if row.hundredths is None else Decimal(row.hundredths) / 100
    return format(kept, "f")


def _expense(row: ExpenseRow, account: Account) -> Rows:
    yield from columns_tran.expense_report(row, account)
    if row.invoice:
        yield "charge", _billed(row, account, EXPENSE_BASED, {"transaction": int(row.vendor_id)})


def _billed(row: WorkRow, account: Account, kind: str, own: dict[str, Any]) -> dict[str, Any]:
    """The charge that billing made of a time or expense row; its id stands in a range of its own."""
    return {
        **_on_invoice(row),
        "id": generated_charge(row),
        "subsidiary": int(account.entity_id(row.entity)),
        "project": int(row.project),
        "chargetype": kind,
        "stage": "Processed",
        "amount": decimal_text(row.taken_minor, row.currency),
        "currency": account.currency_id(row.currency),
        "custcol_posting_date": row.posting_date.isoformat(),
        **own,
    }


def generated_charge(row: Row) -> int | None:
    """The id of the charge that billing makes of a time or expense row; None for other rows."""
    kind = {"time": TIME_BASED, "expense": EXPENSE_BASED}.get(row.type)
    return None if kind is None else GENERATED[kind] + int(row.vendor_id)


def _on_invoice(row: WorkRow) -> dict[str, Any]:
    return {"invoice": int(row.invoice), "invoiceline": row.invoice_line} if row.invoice else {}


def _charge(row: MilestoneRow | ChargeRow, account: Account) -> Rows:
    fixed = isinstance(row, ChargeRow)
    done = row.service_from if isinstance(row, ChargeRow) else row.completed_on
    yield (
        "charge",
        {
            **_head(row, account, row.entity),
            "project": int(row.project),
            "salesorder": int(row.contract),
            "salesorderline": row.contract_line,
            "chargedate": done.isoformat(),
            "amount": decimal_text(row.amount_minor, row.currency),
            "currency": account.currency_id(row.currency),
            "chargetype": FIXED_DATE if fixed else "Milestone",
            "stage": "Processed" if row.invoice else "Ready For Billing",
            "description": row.name,
            "custcol_posting_date": row.posting_date.isoformat(),
            **_on_invoice(row),
        },
    )


def _change_order(row: ChangeOrder, account: Account) -> Rows:
    yield (
        "customrecord_change_order",
        {
            "id": int(row.vendor_id),
            "externalid": row.external_id or None,
            "custrecord_co_sales_order": int(row.contract),
            "custrecord_co_project": int(row.project) if row.project else None,
            "custrecord_co_subsidiary": int(account.entity_id(row.entity)),
            "custrecord_co_currency": int(account.currency_id(row.currency)),
            "custrecord_co_version": row.version,
            "custrecord_co_effective": row.effective.isoformat(),
            "custrecord_co_posting_date": row.posting_date.isoformat(),
        },
    )


def _revenue_schedule(row: RevenueSchedule, account: Account) -> Rows:
    yield (
        "customrecord_revenue_schedule",
        {
            "id": int(row.vendor_id),
            "externalid": row.external_id or None,
            "custrecord_rs_sales_order": int(row.contract),
            "custrecord_rs_project": int(row.project) if row.project else None,
            "custrecord_rs_subsidiary": int(account.entity_id(row.entity)),
            "custrecord_rs_currency": int(account.currency_id(row.currency)),
            "custrecord_rs_method": row.method,
            "custrecord_rs_order_line": row.extra.get("contract_line"),
            "custrecord_rs_posting_date": row.posting_date.isoformat(),
        },
    )
    for at, line in enumerate(row.lines, start=1):
        yield (
            "customrecord_revenue_schedule_line",
            {
                "id": int(row.vendor_id) * LINES_A_TRANSACTION + at,
                "custrecord_rsl_schedule": int(row.vendor_id),
                "custrecord_rsl_period": line.period,
                "custrecord_rsl_amount": decimal_text(line.amount_minor, row.currency),
            },
        )


_ROWS: dict[str, Callable[[Any, Account], Rows]] = {
    "customer": _customer,
    "master": _master,
    "rate_card": _rate_card,
    "contract": columns_tran.sales_order,
    "project": _job,
    "time": _time_bill,
    "expense": _expense,
    "milestone": _charge,
    "charge": _charge,
    "change_order": _change_order,
    "invoice": columns_tran.billed,
    "credit_memo": columns_tran.billed,
    "payment": columns_tran.payment,
    "write_off": columns_tran.write_off,
    "journal_entry": columns_tran.journal_entry,
    "revenue_schedule": _revenue_schedule,
}
