"""Master data as NetSuite records. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.masters import (
    Assignment,
    Contact,
    Contract,
    ContractLine,
    Customer,
    Project,
    RateCard,
    Resource,
    Task,
)
from router.connectors.netsuite.vocabulary import Names
from router.connectors.netsuite.writer import (
    Json,
    Writer,
    amount,
    day,
    decimal_hours,
    maybe_amount,
    named,
    number,
    without_none,
)


def customer(document: Customer, w: Writer) -> Json:
    """A company; its parent may come later."""
    f = w.fields
    address = {
        f["country"]: {"id": document.country},
        f["address"]: document.address or "",
        f["city"]: document.city,
        f["postal_code"]: document.postal_code,
    }
    parent = document.parent_id
    return {
        **w.head(),
        f["name"]: document.name,
        "isPerson": False,
        f["currency"]: named(document.currency),
        f["email"]: document.email,
        f["tax_registration"]: document.tax_registration,
        f["payment_terms_days"]: named(f"Net {document.payment_terms_days}"),
        f["parent_id"]: w.by_external_id(f["parent_id"], "customer", parent) if parent else None,
        f["status"]: False,
        f["addresses"]: {"items": [{"defaultBilling": True, "addressBookAddress": without_none(address)}]},
    }


def contact(document: Contact, w: Writer) -> Json:
    """A person at a company."""
    f = w.fields
    first, _, last = document.name.rpartition(" ")
    return {
        **w.head(),
        f["name"]: document.name,
        f["first_name"]: first or None,
        f["last_name"]: last,
        f["email"]: document.email,
        f["customer_id"]: w.reference(f["customer_id"], "customer", document.customer_id),
    }


def rate_card(document: RateCard, w: Writer) -> Json:
    """Prices by billing class, some of one person."""
    f = w.part("rates")
    currency = named(document.currency)
    prices = [
        without_none(
            {
                f["role"]: named(rate.role),
                f["currency"]: currency,
                f["hourly"]: amount(rate.hourly),
                f["starts"]: rate.starts.isoformat(),
                f["resource_id"]: rate.resource_id,
            }
        )
        for rate in document.rates
    ]
    return {**w.head(), w.fields["name"]: document.name, w.fields["rates"]: {"items": prices}}


def contract(document: Contract, w: Writer) -> Json:
    """A sales order; what it needs beyond the vendor's own fields is in custom ones."""
    f = w.fields
    card = document.rate_card_id
    return {
        **w.head(),
        f["customer_id"]: w.reference(f["customer_id"], "customer", document.customer_id),
        f["currency"]: named(document.currency),
        f["starts"]: document.starts.isoformat(),
        f["ends"]: day(document.ends),
        f["purchase_order"]: document.purchase_order,
        f["billing"]: document.billing,
        f["rate_card_id"]: w.reference(f["rate_card_id"], "rate_card", card) if card else None,
        f["contract_version"]: document.contract_version,
        f["engagement_id"]: document.engagement_id,
        f["group_by"]: document.group_by,
        f["rate_type"]: document.rate_type,
        f["exchange_rate"]: number(document.exchange_rate),
        f["lines"]: {"items": contract_lines(document.lines, w.part("lines"), w)},
    }


def contract_lines(lines: Sequence[ContractLine], f: Names, w: Writer) -> list[Json]:
    """The lines of a sales order or change order: the service item says what one bills."""
    return [
        without_none(
            {
                f["line"]: line.line,
                f["bills"]: w.code("items", line.bills),
                f["description"]: line.description,
                f["tax_code"]: w.code("tax_codes", line.tax_code),
                f["service_line"]: w.code("service_lines", line.service_line),
                f["fee"]: maybe_amount(line.fee),
                f["cap"]: maybe_amount(line.cap),
                f["markup_basis_points"]: line.markup_basis_points or None,
                f["revenue"]: line.revenue,
                f["starts"]: day(line.starts),
                f["ends"]: day(line.ends),
            }
        )
        for line in lines
    ]


def project(document: Project, w: Writer) -> Json:
    """A job; a closed one takes no more time."""
    f = w.fields
    return {
        **w.head(),
        f["name"]: document.name,
        f["customer_id"]: w.reference(f["customer_id"], "customer", document.customer_id),
        f["contract_id"]: w.reference(f["contract_id"], "contract", document.contract_id),
        f["currency"]: named(document.currency),
        f["starts"]: document.starts.isoformat(),
        f["ends"]: day(document.ends),
        f["status"]: named("In Progress" if document.status == "active" else "Closed"),
        f["cancelled"]: False,
        **w.dimensions(f, document),
    }


def task(document: Task, w: Writer) -> Json:
    """A project task."""
    f = w.fields
    return {
        **w.external_id(),
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["name"]: document.name,
        f["billable"]: not document.billable,
    }


def resource(document: Resource, w: Writer) -> Json:
    """An employee. NetSuite keeps one labor cost: the newest; one who leaves has a release date."""
    f = w.fields
    first, _, last = document.name.rpartition(" ")
    return {
        **w.head(),
        f["number"]: document.document_id,
        f["first_name"]: first or document.name,
        f["last_name"]: last,
        f["email"]: document.email,
        f["role"]: document.role,
        f["department"]: w.code("departments", document.department),
        f["currency"]: named(document.currency),
        f["cost_rate"]: amount(document.cost_rate),
        f["cost_center"]: w.text_code("cost_centers", document.cost_center),
        f["manager_id"]: document.manager_id,
        f["weekly_minutes"]: document.weekly_minutes,
        f["hired_on"]: day(document.hired_on),
        f["left_on"]: day(document.left_on),
    }


def assignment(document: Assignment, w: Writer) -> Json:
    """A resource allocation in hours."""
    f = w.fields
    return {
        **w.external_id(),
        f["project_id"]: w.reference(f["project_id"], "project", document.project_id),
        f["resource_id"]: w.by_external_id(f["resource_id"], "resource", document.resource_id),
        f["minutes"]: decimal_hours(document.minutes),
        f["unit"]: {"id": "H"},
        f["starts"]: document.starts.isoformat(),
        f["ends"]: document.ends.isoformat(),
        f["role"]: document.role,
    }
