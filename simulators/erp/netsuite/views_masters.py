"""Master data as a record's JSON, sublists expanded."""

from __future__ import annotations

from decimal import Decimal

from simulators.core.rows import Contract, Customer, MasterRow, Project, RateCard
from simulators.erp.netsuite.account import BILLS_ITEM, Account
from simulators.erp.netsuite.shapes import Json, clean, decimal_hours, dims, maybe_money, money, named, ref


def customer(row: Customer, _: Account) -> Json:
    """A company."""
    address = {
        "country": {"id": row.country},
        "addr1": row.extra.get("addr1"),
        "city": row.city or None,
        "zip": row.postal_code or None,
    }
    return {
        "entityId": row.number,
        "companyName": row.name,
        "isPerson": False,
        "email": row.email,
        "vatRegNumber": row.tax_registration,
        "terms": {"refName": f"Net {row.terms_days}"},
        "isInactive": not row.active,
        "parent": ref("id", row.parent),
        "addressBook": {"items": [{"defaultBilling": True, "addressBookAddress": clean(address)}]},
    }


def master(row: MasterRow, account: Account) -> Json:
    """A contact, employee, task or allocation."""
    if row.of == "contact":
        kept = {
            name: row.extra.get(name) for name in ("entityId", "firstName", "lastName", "email", "isInactive")
        }
        return {**kept, "company": {"id": row.extra["customer"]}, "isInactive": not row.active}
    if row.of == "task":
        return {
            "title": row.extra["title"],
            "project": {"id": row.extra["project"]},
            "nonBillableTask": not row.extra["billable"],
        }
    if row.of == "assignment":
        return {
            "project": {"id": row.extra["project"]},
            "allocationResource": {"id": row.extra["resource"]},
            "allocationAmount": decimal_hours(row.extra["minutes"]),
            "allocationUnit": {"id": "H"},
            "startDate": row.extra["starts"],
            "endDate": row.extra["ends"],
            "custevent_role": row.extra["role"] or None,
        }
    return _employee(row, account)


def _employee(row: MasterRow, account: Account) -> Json:
    hidden = ("custom", "deleted", "labor_cost_minor", "currency")
    kept = {name: value for name, value in row.extra.items() if name not in hidden}
    for name in ("department", "class"):
        if name in kept:
            kept[name] = {"refName": kept[name]}
    currency = row.extra.get("currency", "")
    cost = row.extra.get("labor_cost_minor")
    return {
        "entityId": row.number,
        **kept,
        "laborCost": maybe_money(cost, currency),
        "currency": named(account.currency_id(currency), currency) if currency else None,
        "isInactive": not row.active,
    }


def rate_card(row: RateCard, account: Account) -> Json:
    """Prices by billing class."""
    currency = named(account.currency_id(row.currency), row.currency)
    prices = [
        clean(
            {
                "billingClass": {"refName": rate.role},
                "currency": currency,
                "rate": money(rate.hourly_minor, row.currency),
                "effectiveDate": rate.starts.isoformat(),
                "custrecord_price_resource": rate.employee or None,
            }
        )
        for rate in row.rates
    ]
    return {"name": row.name, "isInactive": False, "rateCardPrices": {"items": prices}}


def sales_order(row: Contract, _: Account) -> Json:
    """A contract, with the lines now in force."""
    terms = row.extra.get("terms", {})
    lines = [
        clean(
            {
                "line": line.line,
                "item": {"refName": BILLS_ITEM[line.bills]},
                "description": line.description,
                "taxCode": {"refName": line.tax_code},
                "class": ref("refName", line.service_line),
                "amount": maybe_money(line.amount_minor, row.currency),
                "custcol_cap": maybe_money(line.cap_minor, row.currency),
                "custcol_markup_bp": line.markup_bp or None,
                "custcol_revenue_method": "deferred" if line.deferred else None,
                **terms.get(str(line.line), {}),
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
        "custbody_rate_card": ref("id", row.rate_card or ""),
        "custbody_contract_version": row.version,
        "custbody_invoice_group": row.group_by,
        "custbody_engagement": row.engagement or None,
        "custbody_rate_type": row.rate_type,
        "custbody_contract_rate": None if row.exchange_rate is None else Decimal(row.exchange_rate),
    }


def job(row: Project, _: Account) -> Json:
    """A project."""
    return {
        "entityId": row.number,
        "companyName": row.name,
        "parent": {"id": row.customer},
        "startDate": row.starts.isoformat() if row.starts else None,
        "projectedEndDate": row.ends.isoformat() if row.ends else None,
        "entityStatus": {"refName": "In Progress" if row.status == "active" else "Closed"},
        "isInactive": bool(row.extra.get("isInactive")),
        **dims(row.dims, "custentity"),
        "custentity_sales_order": {"id": row.contract},
    }
