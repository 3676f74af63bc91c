"""Rows of the books as a record's JSON, sublists expanded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import orjson

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

Json = dict[str, Any]
_SIX = Decimal("0.000001")
_STATUS_NAMES = {"posted": "Open", "paid": "Paid In Full", "cancelled": "Voided"}


def dumps(data: Any) -> bytes:
    """JSON bytes; Decimals become exact numbers."""
    return orjson.dumps(data, default=_exact)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError


def hours_text(minutes: int) -> str:
    """Minutes as `h:mm`."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else ''}{hours}:{rest:02d}"


def decimal_hours(minutes: int) -> Decimal:
    """Minutes as decimal hours with six places: the nearest minute is exact."""
    return (Decimal(minutes) / 60).quantize(_SIX)


def money(minor: int, currency: str) -> Decimal:
    """Minor units as a number in the major unit."""
    return Decimal(decimal_text(minor, currency))


def _ref(how: str, value: str) -> Json | None:
    return {how: value} if value else None


def _named(listed: str, value: str) -> Json | None:
    return {"id": listed, "refName": value} if value else None


def record(row: Row, account: Account) -> Json:
    """A record's JSON with its sublists expanded; empty properties are left out."""
    body: Json = {
        "id": row.vendor_id,
        "externalId": row.external_id or None,
        **_SHOWN[row.type](row, account),
    }
    entity, currency = getattr(row, "entity", ""), getattr(row, "currency", "")
    if entity:
        body["subsidiary"] = _named(account.entity_id(entity), account.books.firm.entities[entity].name)
    if currency and row.type != "time":
        body["currency"] = _named(account.currency_id(currency), currency)
    body = row.extra.get("custom", {}) | body
    return {name: value for name, value in body.items() if value is not None}


def _dims(dims: Mapping[str, str], prefix: str) -> Json:
    return {
        "department": _ref("refName", dims.get("department", "")),
        "class": _ref("refName", dims.get("service_line", "")),
        f"{prefix}_practice": dims.get("practice"),
        f"{prefix}_cost_center": dims.get("cost_center"),
    }


def _clean(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}


def _customer(row: Customer, _: Account) -> Json:
    address = {"country": {"id": row.country}, "addr1": row.extra.get("addr1")}
    return {
        "entityId": row.number,
        "companyName": row.name,
        "isPerson": False,
        "email": row.email,
        "vatRegNumber": row.tax_registration,
        "terms": {"refName": f"Net {row.terms_days}"},
        "isInactive": not row.active,
        "addressBook": {"items": [{"defaultBilling": True, "addressBookAddress": _clean(address)}]},
    }


def _employee(row: MasterRow, _: Account) -> Json:
    kept = {name: value for name, value in row.extra.items() if name not in ("custom", "deleted")}
    for name in ("department", "class"):
        if name in kept:
            kept[name] = {"refName": kept[name]}
    return {"entityId": row.number, **kept, "isInactive": not row.active}


def _rate_card(row: RateCard, account: Account) -> Json:
    currency = _named(account.currency_id(row.currency), row.currency)
    prices = [
        {
            "billingClass": {"refName": rate.role},
            "currency": currency,
            "rate": money(rate.hourly_minor, row.currency),
            "effectiveDate": rate.starts.isoformat(),
        }
        for rate in row.rates
    ]
    return {"name": row.name, "isInactive": False, "rateCardPrices": {"items": prices}}


def _sales_order(row: Contract, _: Account) -> Json:
    lines = [
        _clean(
            {
                "line": line.line,
                "item": {"refName": BILLS_ITEM[line.bills]},
                "description": line.description,
                "taxCode": {"refName": line.tax_code},
                "class": _ref("refName", line.service_line),
                "amount": None if line.amount_minor is None else money(line.amount_minor, row.currency),
            }
        )
        for line in row.lines
    ]
    return {
        "tranId": row.number,
        "entity": {"id": row.customer},
        "tranDate": row.starts.isoformat(),
        "endDate": row.ends.isoformat() if row.ends else None,
        "orderStatus": {"id": "B" if row.active else "H"},
        "item": {"items": lines},
        "custbody_billing_type": row.billing,
        "custbody_rate_card": _ref("id", row.rate_card or ""),
    }


def _job(row: Project, _: Account) -> Json:
    return {
        "entityId": row.number,
        "companyName": row.name,
        "parent": {"id": row.customer},
        "startDate": row.starts.isoformat() if row.starts else None,
        "projectedEndDate": row.ends.isoformat() if row.ends else None,
        "entityStatus": {"refName": "In Progress" if row.status == "active" else "Closed"},
        "isInactive": bool(row.extra.get("isInactive")),
        **_dims(row.dims, "custentity"),
        "custentity_sales_order": {"id": row.contract},
    }


def _time_bill(row: TimeRow, _: Account) -> Json:
    return {
        "customer": {"id": row.project},
        "employee": {"id": row.employee},
        "tranDate": row.work_date.isoformat(),
        "hours": hours_text(row.minutes),
        "item": {"refName": row.role},
        "rate": money(row.rate_minor, row.currency),
        "isBillable": row.billable,
        "memo": row.notes or None,
        **_dims(row.dims, "custcol"),
        "custcol_posting_date": row.posting_date.isoformat(),
        "custcol_adjusts": row.adjusts or None,
    }


def _expense_report(row: ExpenseRow, account: Account) -> Json:
    line = {
        "line": 1,
        "category": {"refName": row.category},
        "expenseDate": row.expense_date.isoformat(),
        "amount": money(row.amount_minor, row.currency),
        "currency": _named(account.currency_id(row.currency), row.currency),
        "customer": {"id": row.project},
        "isBillable": row.billable,
        "memo": row.notes or None,
        **_dims(row.dims, "custcol"),
    }
    return {
        "tranId": row.number,
        "entity": {"id": row.employee},
        "tranDate": row.posting_date.isoformat(),
        "total": money(row.amount_minor, row.currency),
        "expense": {"items": [_clean(line)]},
    }


def _charge(row: MilestoneRow, _: Account) -> Json:
    return {
        "chargeType": {"refName": "Milestone"},
        "project": {"id": row.project},
        "salesOrder": {"id": row.contract},
        "salesOrderLine": row.contract_line,
        "amount": money(row.amount_minor, row.currency),
        "chargeDate": row.completed_on.isoformat(),
        "description": row.name,
        "stage": {"refName": "Processed" if row.invoice else "Ready For Billing"},
        "custcol_posting_date": row.posting_date.isoformat(),
    }


def _billed(row: Invoice | CreditMemo) -> Json:
    lines = [
        _clean(
            {
                "line": line.line,
                "item": {"refName": BILLS_ITEM.get(line.source, "Time")},
                "description": line.description,
                "quantity": None if line.minutes is None else decimal_hours(line.minutes),
                "amount": money(line.net_minor, row.currency),
                "taxCode": {"refName": line.tax_code},
                "tax1Amt": money(line.tax_minor or 0, row.currency),
                **_dims(line.dims, "custcol"),
            }
        )
        for line in row.lines
    ]
    return {
        "tranId": row.number,
        "entity": {"id": row.customer},
        "job": _ref("id", row.project),
        "tranDate": row.posting_date.isoformat(),
        "subtotal": money(row.net_minor, row.currency),
        "taxTotal": money(row.tax_minor, row.currency),
        "total": money(row.total_minor, row.currency),
        "status": {"id": _STATUS_NAMES[row.status], "refName": _STATUS_NAMES[row.status]},
        "item": {"items": lines},
    }


def _invoice(row: Invoice, _: Account) -> Json:
    return {
        **_billed(row),
        "createdFrom": _ref("id", row.contract if row.through else ""),
        "custbody_sales_order": _ref("id", row.contract),
        "dueDate": row.due_date.isoformat() if row.due_date else None,
        "amountRemaining": money(row.open_minor, row.currency),
        "custbody_through_date": row.through.isoformat() if row.through else None,
    }


def _credit_memo(row: CreditMemo, _: Account) -> Json:
    applied = money(row.applied_minor, row.currency)
    return {
        **_billed(row),
        "memo": row.reason or None,
        "applied": applied,
        "apply": {"items": [{"doc": {"id": row.invoice}, "apply": True, "amount": applied}]},
    }


def _payment(row: Payment, _: Account) -> Json:
    amount = money(row.amount_minor, row.currency)
    return {
        "tranId": row.number,
        "customer": {"id": row.customer},
        "tranDate": row.posting_date.isoformat(),
        "payment": amount,
        "memo": row.reference or None,
        "apply": {"items": [{"doc": {"id": row.invoice}, "apply": True, "amount": amount}]},
    }


_SHOWN: dict[str, Callable[[Any, Account], Json]] = {
    "customer": _customer,
    "master": _employee,
    "rate_card": _rate_card,
    "contract": _sales_order,
    "project": _job,
    "time": _time_bill,
    "expense": _expense_report,
    "milestone": _charge,
    "invoice": _invoice,
    "credit_memo": _credit_memo,
    "payment": _payment,
}
