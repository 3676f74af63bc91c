"""Master data from a record's JSON: companies, people, orders, projects and their planning."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from simulators.core.rows import Contract, ContractLine, Customer, MasterRow, Project, RateCard, RoleRate
from simulators.erp.netsuite.account import ITEM_BILLS, Account
from simulators.erp.netsuite.errors import invalid, invalid_reference, user_error
from simulators.erp.netsuite.fields import Body

_ORDER_LINE = frozenset({"line", "item", "description", "taxCode", "class", "department", "amount", "quantity",
                         "rate", "isClosed", "links"})  # fmt: skip
_PRICE = frozenset({"billingClass", "currency", "rate", "effectiveDate", "links"})
_ADDRESS = frozenset({"defaultBilling", "defaultShipping", "label", "addressBookAddress", "links"})
_NET_DAYS = re.compile(r"net (\d{1,3})\Z", re.IGNORECASE)
BILLING = ("time_and_materials", "fixed_fee", "retainer", "subscription")
MAX_VERSION = 9999
MAX_MARKUP = 100_000
_TERMS = ("custcol_revenue_method", "custcol_service_from", "custcol_service_until")
"""Fields of an order line that are shown as they came."""


def customer(body: Body, account: Account) -> Customer:
    """A company; a parent that is not there is refused."""
    entity = account.entity(body)
    home = account.books.firm.entities[entity]
    country, address, city, postal_code = home.country, "", "", ""
    for line in body.lines("addressBook", _ADDRESS):
        place = Body(line.data.get("addressBookAddress") or {}, line.path("addressBookAddress"))
        country, address = place.name_of("country", country), place.text("addr1", "")
        city, postal_code = place.text("city", ""), place.text("zip", "")
    found = _NET_DAYS.match(body.name_of("terms", "Net 30"))
    person = f"{body.text('firstName', '')} {body.text('lastName', '')}".strip()
    name = body.text("companyName", person or None)
    if not name:
        raise invalid("Please enter value(s) for: companyName.", "companyName")
    return Customer(
        name=name,
        currency=account.currency(body, home.currency),
        country=country,
        entity=entity,
        tax_registration=body.text("vatRegNumber", "") or None,
        email=body.text("email", "") or None,
        terms_days=int(found[1]) if found else 30,
        active=not body.flag("isInactive", default=False),
        parent=account.maybe_row(body, "parent", "customer"),
        city=city,
        postal_code=postal_code,
        extra={"addr1": address} if address else {},
    )


def contact(body: Body, account: Account) -> MasterRow:
    """A person at a company."""
    kept = {name: body.text(name) for name in ("entityId", "firstName", "lastName", "email") if name in body}
    if not (kept.get("entityId") or kept.get("lastName")):
        raise invalid("Please enter value(s) for: entityId.", "entityId")
    return MasterRow(
        of="contact",
        entity=account.entity(body),
        active=not body.flag("isInactive", default=False),
        extra=kept | {"customer": account.row(body, "company", "customer")},
    )


def employee(body: Body, account: Account) -> MasterRow:
    """A person of the firm; one labor cost is kept, and the day of leaving."""
    texts = ("entityId", "firstName", "lastName", "email", "title")
    kept: dict[str, Any] = {name: body.text(name) for name in texts if name in body}
    kept |= {name: body.name_of(name) for name in ("department", "class") if name in body}
    kept |= {name: body.day(name).isoformat() for name in ("hireDate", "releaseDate") if name in body}
    entity = account.entity(body)
    currency = account.currency(body, account.books.firm.entities[entity].currency)
    cost = body.maybe_minor("laborCost", currency)
    if cost is not None:
        kept |= {"labor_cost_minor": cost, "currency": currency}
    return MasterRow(
        of="employee", entity=entity, active=not body.flag("isInactive", default=False), extra=kept
    )


def job(body: Body, account: Account) -> Project:
    """A project; closed, cancelled and inactive ones take no more work."""
    status = body.name_of("entityStatus", "In Progress")
    idle = body.flag("isInactive", default=False) or status.casefold() in ("closed", "cancelled")
    customer_id = account.row(body, "parent", "customer")
    contract_id = account.row(body, "custentity_sales_order", "salesOrder")
    contract = account.books.by_vendor_id("contract", contract_id)
    assert isinstance(contract, Contract)
    return Project(
        customer=customer_id,
        contract=contract_id,
        entity=account.entity(body),
        name=body.text("companyName"),
        currency=account.currency(body, contract.currency),
        dims=account.dims(body),
        status="closed" if idle else "active",
        starts=body.maybe_day("startDate"),
        ends=body.maybe_day("projectedEndDate"),
        extra={"isInactive": True} if body.flag("isInactive", default=False) else {},
    )


def project_task(body: Body, account: Account) -> MasterRow:
    """A task of a project; it lies in the project's subsidiary."""
    project = account.project(body, "project")
    return MasterRow(
        of="task",
        entity=project.entity,
        extra={
            "project": project.vendor_id,
            "title": body.text("title"),
            "billable": not body.flag("nonBillableTask", default=False),
        },
    )


def resource_allocation(body: Body, account: Account) -> MasterRow:
    """Hours of a person on a project between two days; only the unit hours is kept here."""
    project = account.project(body, "project")
    if body.name_of("allocationUnit", "H") != "H":
        raise user_error("This account allocates resources by hours.", "allocationUnit")
    starts, ends = body.day("startDate"), body.day("endDate")
    if ends < starts:
        raise user_error("The end date must not be before the start date.", "endDate")
    return MasterRow(
        of="assignment",
        entity=project.entity,
        extra={
            "project": project.vendor_id,
            "resource": account.employee(body, "allocationResource", project.entity),
            "minutes": body.minutes_of_hours("allocationAmount"),
            "starts": starts.isoformat(),
            "ends": ends.isoformat(),
            "role": body.text("custevent_role", ""),
        },
    )


def rate_card(body: Body, account: Account) -> RateCard:
    """Prices by billing class, some of one person."""
    rates, currency = [], ""
    for line in body.lines("rateCardPrices", _PRICE):
        currency = account.currency(
            line, currency or account.books.firm.entities[account.entities[0]].currency
        )
        rates.append(
            RoleRate(
                role=line.name_of("billingClass"),
                hourly_minor=line.minor("rate", currency),
                starts=line.day("effectiveDate", date(1970, 1, 1)),
                employee=line.text("custrecord_price_resource", ""),
            )
        )
    return RateCard(currency=currency, rates=rates, name=body.text("name"), entity=account.entity(body))


def sales_order(body: Body, account: Account) -> Contract:
    """A contract; its terms beyond NetSuite's own are in custom fields."""
    entity = account.entity(body)
    customer_id = account.row(body, "entity", "customer")
    currency = account.currency(body, account.books.firm.entities[entity].currency)
    terms: dict[str, Any] = {}
    lines = [
        order_line(line, at, account, entity, currency, terms)
        for at, line in enumerate(body.lines("item", _ORDER_LINE), start=1)
    ]
    if not lines:
        raise user_error("You must enter at least one line item for this transaction.", "item")
    billing = body.text("custbody_billing_type", "time_and_materials")
    if billing not in BILLING:
        raise user_error(f"Invalid custbody_billing_type {billing[:40]}.", "custbody_billing_type")
    return Contract(
        customer=customer_id,
        entity=entity,
        currency=currency,
        billing=billing,  # type: ignore[arg-type]  # checked above
        rate_card=account.maybe_row(body, "custbody_rate_card", "billingRateCard") or None,
        starts=body.day("tranDate"),
        ends=body.maybe_day("endDate"),
        lines=lines,
        version=whole(body, "custbody_contract_version", 1, MAX_VERSION),
        active=body.name_of("orderStatus", "B") != "H",
        group_by=body.text("custbody_invoice_group", "project"),
        engagement=body.text("custbody_engagement", ""),
        rate_type=body.text("custbody_rate_type", "spot"),
        exchange_rate=body.rate("custbody_contract_rate"),
        extra={"terms": terms} if terms else {},
    )


def order_line(
    line: Body, at: int, account: Account, entity: str, currency: str, terms: dict[str, Any]
) -> ContractLine:
    """One line of an order; `terms` takes what the books do not keep, by line number."""
    number = line.whole("line", at)
    kept = {name: line.text(name) for name in _TERMS if name in line}
    if kept:
        terms[str(number)] = kept
    return ContractLine(
        line=number,
        bills=_bills(line, "item"),
        description=line.text("description", ""),
        tax_code=tax_code(line, "taxCode", account, entity),
        service_line=line.name_of("class"),
        amount_minor=line.maybe_minor("amount", currency),
        cap_minor=line.maybe_minor("custcol_cap", currency),
        deferred=line.text("custcol_revenue_method", "as_billed") != "as_billed",
        markup_bp=whole(line, "custcol_markup_bp", 0, MAX_MARKUP),
    )


def changed_line(
    line: Body, at: int, account: Account, entity: str, currency: str, terms: dict[str, Any]
) -> ContractLine:
    """One line of a change order, a child record whose fields are all custom; `terms` as in `order_line`."""
    number = line.whole("custrecord_col_line", at)
    known = {name: name.replace("custcol_", "custrecord_col_") for name in _TERMS}
    kept = {name: line.text(given) for name, given in known.items() if given in line}
    if kept:
        terms[str(number)] = kept
    return ContractLine(
        line=number,
        bills=_bills(line, "custrecord_col_item"),
        description=line.text("custrecord_col_description", ""),
        tax_code=tax_code(line, "custrecord_col_tax_code", account, entity),
        service_line=line.name_of("custrecord_col_class"),
        amount_minor=line.maybe_minor("custrecord_col_amount", currency),
        cap_minor=line.maybe_minor("custrecord_col_cap", currency),
        deferred=line.text("custrecord_col_revenue_method", "as_billed") != "as_billed",
        markup_bp=whole(line, "custrecord_col_markup_bp", 0, MAX_MARKUP),
    )


def whole(body: Body, name: str, default: int, most: int) -> int:
    """A whole number between 0 and `most`."""
    found = body.whole(name, default)
    if not 0 <= found <= most:
        raise invalid(f"Invalid number for {name}.", body.path(name))
    return found


def _bills(line: Body, name: str) -> Any:
    item = line.name_of(name)
    if item not in ITEM_BILLS:
        raise invalid_reference(item or "(none)", line.path(name))
    return ITEM_BILLS[item]


def tax_code(line: Body, name: str, account: Account, entity: str) -> str:
    """A tax code of the account's list; the subsidiary's own when none is given."""
    code = line.name_of(name, account.books.firm.entities[entity].tax_code)
    if code not in account.books.firm.tax_codes:
        raise invalid_reference(code, line.path(name))
    return code
