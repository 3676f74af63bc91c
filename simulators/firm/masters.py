"""The initial load: master data and open invoices as CloudEvents, in the order they need each other.

Written out field by field from the published event format, not from the router's classes: that the
two agree is what the tests check.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from simulators.core.money import decimal_text
from simulators.firm.model import (
    Assignment,
    Contact,
    Contract,
    Customer,
    OpenInvoice,
    Person,
    Project,
    RateCard,
    Task,
)

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

SOURCE = "/firm/masters"
VERBS = {
    "customer": "created",
    "rate_card": "published",
    "contract": "signed",
    "project": "initiated",
    "resource": "hired",
    "contact": "created",
    "task": "created",
    "assignment": "assigned",
    "invoice": "issued",
}

VERSIONS = {"contract": 2, "change_order": 2}
"""Kinds this firm's systems send in another version than the first; people still come as version 1."""


def master_events(firm: Firm) -> list[dict[str, Any]]:
    """Customers, rate cards, contracts, projects, resources, open invoices; dated the month's first day."""
    on = firm.month.isoformat()
    regions = {code: entity.region for code, entity in firm.entities.items()}
    return [
        event(
            kind,
            {"document_id": document_id, "region": regions[str(body["legal_entity"])], "accounting_date": on}
            | body,
            source=SOURCE,
            time=f"{on}T00:00:00Z",
        )
        for kind, document_id, body in _bodies(firm)
    ]


def event(kind: str, data: dict[str, Any], *, source: str, time: str, verb: str = "") -> dict[str, Any]:
    """A CloudEvents 1.0 envelope around a document; absent fields (None) are left out."""
    return {
        "specversion": "1.0",
        "id": f"{kind}:{data['document_id']}",
        "source": source,
        "type": f"coexist.{kind}.{verb or VERBS[kind]}.v{VERSIONS.get(kind, 1)}",
        "time": time,
        "datacontenttype": "application/json",
        "data": {"kind": kind} | {name: value for name, value in data.items() if value is not None},
    }


def _bodies(firm: Firm) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for customer in firm.customers:
        yield "customer", customer.customer_id, _customer(customer)
    for card in firm.rate_cards:
        yield "rate_card", card.rate_card_id, _rate_card(card)
    for contract in firm.contracts:
        yield "contract", contract.contract_id, _contract(contract)
    for project in firm.projects:
        yield "project", project.project_id, _project(project)
    for person in firm.people:
        yield "resource", person.person_id, _resource(person)
    for contact in firm.contacts:
        yield "contact", contact.contact_id, _contact(contact)
    # Only where fees are agreed by task does finance want tasks in the ERP.
    fixed = {contract.contract_id for contract in firm.contracts if contract.billing == "fixed_fee"}
    for project in firm.projects:
        if project.contract_id in fixed:
            for task in project.tasks:
                yield "task", task.task_id, _task(project, task)
    project_of = {project.project_id: project for project in firm.projects}
    for assignment in firm.assignments:
        yield (
            "assignment",
            assignment.assignment_id,
            _assignment(assignment, project_of[assignment.project_id]),
        )
    for invoice in firm.open_invoices:
        yield "invoice", invoice.invoice_id, _invoice(invoice)


def _customer(row: Customer) -> dict[str, Any]:
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "name": row.name,
        "currency": row.currency,
        "country": row.country,
        "tax_registration": row.tax_registration,
        "payment_terms_days": row.terms_days,
        "email": row.email,
        "address": row.address,
        "parent_id": row.parent_id,
    }


def _rate_card(row: RateCard) -> dict[str, Any]:
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "currency": row.currency,
        "name": row.name,
        "rates": [
            {
                "role": rate.role,
                "hourly": decimal_text(rate.hourly_minor, row.currency),
                "starts": rate.starts.isoformat(),
            }
            for rate in row.rates
        ],
    }


def contract_lines(row: Contract) -> list[dict[str, Any]]:
    """The lines of a contract, version 2, as contracts and change orders carry them."""
    lines = []
    for line in row.lines:
        shown: dict[str, Any] = {
            "line": line.line,
            "bills": line.bills,
            "description": line.description,
            "tax_code": line.tax_code,
            "service_line": line.service_line,
        }
        if line.amount_minor is not None:
            name = "cap" if line.bills in ("time", "expenses") else "fee"
            shown[name] = decimal_text(line.amount_minor, row.currency)
        if line.markup_basis_points:
            shown["markup_basis_points"] = line.markup_basis_points
        if line.revenue != "as_billed":
            shown["revenue"] = line.revenue
        lines.append(shown)
    return lines


def _contract(row: Contract) -> dict[str, Any]:
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "customer_id": row.customer_id,
        "currency": row.currency,
        "billing": row.billing,
        "rate_card_id": row.rate_card_id,
        "starts": row.starts.isoformat(),
        "ends": row.ends.isoformat() if row.ends else None,
        "purchase_order": row.purchase_order,
        "engagement_id": row.engagement_id,
        "group_by": row.group_by,
        "rate_type": row.rate_type,
        "lines": contract_lines(row),
    }


def _project(row: Project) -> dict[str, Any]:
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "customer_id": row.customer_id,
        "contract_id": row.contract_id,
        "name": row.name,
        "currency": row.currency,
        "starts": row.starts.isoformat(),
        "ends": row.ends.isoformat() if row.ends else None,
        "department": row.department,
        "practice": row.practice,
        "service_line": row.service_line,
        "cost_center": row.cost_center,
        "manager": row.manager,
    }


def _resource(row: Person) -> dict[str, Any]:
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "name": row.name,
        "role": row.role,
        "department": row.department,
        "cost_center": row.cost_center,
        "currency": row.currency,
        "cost_rate": decimal_text(row.cost_minor, row.currency),
        "email": row.email,
    }


def _contact(row: Contact) -> dict[str, Any]:
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "customer_id": row.customer_id,
        "name": row.name,
        "email": row.email,
    }


def _task(project: Project, row: Task) -> dict[str, Any]:
    return {
        "legal_entity": project.entity,
        "business_unit": project.business_unit,
        "project_id": project.project_id,
        "name": row.name,
        "billable": row.billable,
    }


def _assignment(row: Assignment, project: Project) -> dict[str, Any]:
    return {
        "legal_entity": project.entity,
        "business_unit": project.business_unit,
        "project_id": row.project_id,
        "resource_id": row.person_id,
        "role": row.role,
        "starts": row.starts.isoformat(),
        "ends": row.ends.isoformat(),
        "minutes": row.minutes,
    }


def _invoice(row: OpenInvoice) -> dict[str, Any]:
    net, tax = decimal_text(row.net_minor, row.currency), decimal_text(row.tax_minor, row.currency)
    return {
        "legal_entity": row.entity,
        "business_unit": row.business_unit,
        "customer_id": row.customer_id,
        "project_id": row.project_id,
        "currency": row.currency,
        "number": row.number,
        "lines": [
            {
                "line": 1,
                "description": f"Open item {row.number}",
                "net": net,
                "tax_code": row.tax_code,
                "tax": tax,
            }
        ],
        "net": net,
        "tax": tax,
        "total": decimal_text(row.net_minor + row.tax_minor, row.currency),
        "due_date": row.due_on.isoformat(),
    }
