"""Posted rows as a record's JSON, sublists expanded."""

from __future__ import annotations

from decimal import Decimal

from simulators.core.rows import (
    ChangeOrder,
    ChargeRow,
    CreditMemo,
    ExpenseRow,
    Invoice,
    JournalEntry,
    MilestoneRow,
    Payment,
    RevenueSchedule,
    TimeRow,
    WriteOff,
)
from simulators.erp.netsuite.account import BILLS_ITEM, WRITE_OFF_ITEM, Account
from simulators.erp.netsuite.reads_work import FIXED_DATE
from simulators.erp.netsuite.shapes import (
    Json,
    clean,
    decimal_hours,
    dims,
    hours_text,
    maybe_money,
    money,
    named,
    ref,
)

_STATUS_NAMES = {"posted": "Open", "paid": "Paid In Full", "cancelled": "Voided"}


def time_bill(row: TimeRow, _: Account) -> Json:
    """Hours of a person on a project."""
    return {
        "customer": {"id": row.project},
        "caseTaskEvent": ref("id", row.extra.get("task", "")),
        "employee": {"id": row.employee},
        "tranDate": row.work_date.isoformat(),
        "hours": hours_text(row.minutes),
        "item": {"refName": row.role},
        "rate": money(row.rate_minor, row.currency),
        "isBillable": row.billable,
        "memo": row.notes or None,
        **dims(row.dims, "custcol"),
        "custcol_posting_date": row.posting_date.isoformat(),
        "custcol_adjusts": row.adjusts or None,
        "custcol_part_of": row.extra.get("part_of"),
        "custcol_covered_by": row.covered or None,
    }


def expense_report(row: ExpenseRow, account: Account) -> Json:
    """An expense report of one line."""
    line = {
        "line": 1,
        "category": {"refName": row.category},
        "expenseDate": row.expense_date.isoformat(),
        "amount": money(row.amount_minor, row.currency),
        "currency": named(account.currency_id(row.currency), row.currency),
        "customer": {"id": row.project},
        "isBillable": row.billable,
        "memo": row.notes or None,
        **dims(row.dims, "custcol"),
        "custcol_bill_amount": maybe_money(row.bill_minor, row.currency),
        "custcol_adjusts": row.adjusts or None,
        "custcol_part_of": row.extra.get("part_of"),
    }
    return {
        "tranId": row.number,
        "entity": {"id": row.employee},
        "tranDate": row.posting_date.isoformat(),
        "total": money(row.amount_minor, row.currency),
        "expense": {"items": [clean(line)]},
    }


def charge(row: MilestoneRow | ChargeRow, _: Account) -> Json:
    """A milestone or a charge for a span of days."""
    fixed = isinstance(row, ChargeRow)
    done = row.service_from if isinstance(row, ChargeRow) else row.completed_on
    return {
        "chargeType": {"refName": FIXED_DATE if fixed else "Milestone"},
        "project": {"id": row.project},
        "salesOrder": {"id": row.contract},
        "salesOrderLine": row.contract_line,
        "amount": money(row.amount_minor, row.currency),
        "chargeDate": done.isoformat(),
        "description": row.name,
        "stage": {"refName": "Processed" if row.invoice else "Ready For Billing"},
        "custcol_posting_date": row.posting_date.isoformat(),
        "custcol_service_from": row.service_from.isoformat() if isinstance(row, ChargeRow) else None,
        "custcol_service_until": row.service_until.isoformat() if isinstance(row, ChargeRow) else None,
    }


def change_order(row: ChangeOrder, account: Account) -> Json:
    """A change order with its lines."""
    terms = row.extra.get("terms", {})
    lines = [
        clean(
            {
                "custrecord_col_line": line.line,
                "custrecord_col_item": {"refName": BILLS_ITEM[line.bills]},
                "custrecord_col_description": line.description,
                "custrecord_col_tax_code": {"refName": line.tax_code},
                "custrecord_col_class": ref("refName", line.service_line),
                "custrecord_col_amount": maybe_money(line.amount_minor, row.currency),
                "custrecord_col_cap": maybe_money(line.cap_minor, row.currency),
                "custrecord_col_markup_bp": line.markup_bp or None,
                **{
                    name.replace("custcol_", "custrecord_col_"): value
                    for name, value in terms.get(str(line.line), {}).items()
                },
            }
        )
        for line in row.lines
    ]
    return {
        "custrecord_co_sales_order": {"id": row.contract},
        "custrecord_co_project": ref("id", row.project),
        "custrecord_co_subsidiary": {"id": account.entity_id(row.entity)},
        "custrecord_co_currency": {"id": account.currency_id(row.currency), "refName": row.currency},
        "custrecord_co_version": row.version,
        "custrecord_co_effective": row.effective.isoformat(),
        "custrecord_co_ends": row.ends.isoformat() if row.ends else None,
        "custrecord_co_reason": row.reason or None,
        "custrecord_co_posting_date": row.posting_date.isoformat(),
        "recmachcustrecord_col_change_order": {"items": lines},
    }


def _billed(row: Invoice | CreditMemo) -> Json:
    lines = [
        clean(
            {
                "line": line.line,
                "item": {"refName": BILLS_ITEM.get(line.source, "Time")},
                "description": line.description,
                "quantity": None if line.minutes is None else decimal_hours(line.minutes),
                "amount": money(line.net_minor, row.currency),
                "taxCode": {"refName": line.tax_code},
                "tax1Amt": money(line.tax_minor or 0, row.currency),
                **dims(line.dims, "custcol"),
            }
        )
        for line in row.lines
    ]
    return {
        "tranId": row.number,
        "entity": {"id": row.customer},
        "job": ref("id", row.project),
        "tranDate": row.posting_date.isoformat(),
        "exchangeRate": _rate(row.exchange_rate),
        "subtotal": money(row.net_minor, row.currency),
        "taxTotal": money(row.tax_minor, row.currency),
        "total": money(row.total_minor, row.currency),
        "status": {"id": _STATUS_NAMES[row.status], "refName": _STATUS_NAMES[row.status]},
        "item": {"items": lines},
    }


def _rate(given: str | None) -> Decimal | None:
    return None if given is None else Decimal(given)


def invoice(row: Invoice, _: Account) -> Json:
    """An invoice."""
    return {
        **_billed(row),
        "createdFrom": ref("id", row.contract if row.through else ""),
        "custbody_sales_order": ref("id", row.contract),
        "dueDate": row.due_date.isoformat() if row.due_date else None,
        "amountRemaining": money(row.open_minor, row.currency),
        "custbody_through_date": row.through.isoformat() if row.through else None,
        "custbody_with_projects": (
            {"items": [{"id": project} for project in row.with_projects]} if row.with_projects else None
        ),
    }


def _applied(row: CreditMemo | Payment | WriteOff, amount_minor: int) -> Json:
    amount = money(amount_minor, row.currency)
    return {"items": [{"doc": {"id": row.invoice}, "apply": True, "amount": amount}]}


def credit_memo(row: CreditMemo, _: Account) -> Json:
    """A credit memo."""
    return {
        **_billed(row),
        "memo": row.reason or None,
        "applied": money(row.applied_minor, row.currency),
        "apply": _applied(row, row.applied_minor),
    }


def write_off(row: WriteOff, _: Account) -> Json:
    """A credit memo with the write-off item."""
    amount = money(row.amount_minor, row.currency)
    line = {"line": 1, "item": {"refName": WRITE_OFF_ITEM}, "description": row.reason, "amount": amount}
    return {
        "tranId": row.number,
        "entity": {"id": row.customer},
        "job": ref("id", row.project),
        "tranDate": row.posting_date.isoformat(),
        "exchangeRate": _rate(row.exchange_rate),
        "total": amount,
        "memo": row.reason or None,
        "custbody_write_off": True,
        "item": {"items": [line]},
        "applied": money(row.applied_minor, row.currency),
        "apply": _applied(row, row.applied_minor),
    }


def payment(row: Payment, _: Account) -> Json:
    """A customer payment."""
    return {
        "tranId": row.number,
        "customer": {"id": row.customer},
        "tranDate": row.posting_date.isoformat(),
        "payment": money(row.amount_minor, row.currency),
        "exchangeRate": _rate(row.exchange_rate),
        "memo": row.reference or None,
        "apply": _applied(row, row.amount_minor),
    }


def journal_entry(row: JournalEntry, _: Account) -> Json:
    """A journal entry; a line has a debit or a credit."""
    lines = [
        clean(
            {
                "line": at,
                "account": {"id": line.account, "refName": line.account},
                "debit" if line.minor >= 0 else "credit": money(abs(line.minor), row.currency),
                "memo": line.text or None,
                **dims(line.dims, "custcol"),
            }
        )
        for at, line in enumerate(row.lines, start=1)
    ]
    return {
        "tranId": row.number,
        "tranDate": row.posting_date.isoformat(),
        "exchangeRate": _rate(row.exchange_rate),
        "memo": row.text or None,
        "custbody_purpose": row.purpose,
        "custbody_counterparty": row.counterparty or None,
        "custbody_source": row.source or None,
        "custbody_project": ref("id", row.project),
        "line": {"items": lines},
    }


def revenue_schedule(row: RevenueSchedule, account: Account) -> Json:
    """A plan of revenue with its periods."""
    lines = [
        {
            "custrecord_rsl_period": line.period,
            "custrecord_rsl_amount": money(line.amount_minor, row.currency),
        }
        for line in row.lines
    ]
    return {
        "custrecord_rs_sales_order": {"id": row.contract},
        "custrecord_rs_order_line": row.extra.get("contract_line"),
        "custrecord_rs_project": ref("id", row.project),
        "custrecord_rs_subsidiary": {"id": account.entity_id(row.entity)},
        "custrecord_rs_currency": {"id": account.currency_id(row.currency), "refName": row.currency},
        "custrecord_rs_method": row.method,
        "custrecord_rs_posting_date": row.posting_date.isoformat(),
        "recmachcustrecord_rsl_schedule": {"items": lines},
    }
