"""Canonical documents as NetSuite records, and which document each reference stands for. Pure.

Amounts become JSON numbers without passing through a float (`orjson.Fragment`). The custom fields
named here (`custcol_…`, `custbody_…`, `custentity_…`) are those an account must have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from router.canonical.billing import BillingEvent, CreditMemo, Invoice, InvoiceLine, Payment
from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.canonical.masters import Contract, Customer, Project, RateCard, Resource
from router.canonical.money import Money
from router.canonical.work import ExpenseItem, Milestone, TimeEntry
from router.connectors.netsuite.decisions import duration
from router.connectors.port import Delivery, Missing, SaidNo

RECORD_TYPES: Mapping[Kind, str] = {
    "customer": "customer",
    "rate_card": "billingRateCard",
    "contract": "salesOrder",
    "project": "job",
    "resource": "employee",
    "time_entry": "timeBill",
    "expense_item": "expenseReport",
    "milestone": "charge",
    "billing_event": "invoice",
    "invoice": "invoice",
    "credit_memo": "creditMemo",
    "payment": "customerPayment",
}
MASTERS = frozenset({"customer", "rate_card", "contract", "project", "resource"})
"""Kinds that may be sent again: upserted by external id. Everything else is created once."""
ITEMS = {"time": "Time", "expenses": "Expenses", "milestones": "Milestones"}
"""The service items an account bills each thing under, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One record to write: its JSON, and what each reference in it stands for."""

    body: bytes
    needed: Mapping[str, tuple[str, str]]


class Unfit(Exception):
    """The document can't be written yet, or never; carries the answer."""

    def __init__(self, answer: Missing | SaidNo) -> None:
        super().__init__(answer)
        self.answer = answer


class Writer:
    """Builds one delivery's record, noting every reference it makes."""

    def __init__(self, delivery: Delivery, subsidiaries: Mapping[str, str]) -> None:
        self._delivery, self._subsidiaries = delivery, subsidiaries
        self.needed: dict[str, tuple[str, str]] = {}

    def reference(self, path: str, kind: Kind, document_id: str) -> dict[str, str]:
        """`{"id": …}` from the crosswalk; raises Unfit(Missing) when it is not there yet."""
        vendor_id = self._delivery.refs.get((kind, document_id))
        if vendor_id is None:
            raise Unfit(Missing(kind=kind, document_id=document_id))
        self.needed[path] = (kind, document_id)
        return {"id": vendor_id}

    def employee(self, path: str, resource_id: str) -> dict[str, str]:
        """The employee by crosswalk or, since people come from HCM, by external id (unverified)."""
        vendor_id = self._delivery.refs.get(("resource", resource_id))
        self.needed[path] = ("resource", resource_id)
        return {"id": vendor_id} if vendor_id else {"externalId": resource_id}

    def head(self) -> dict[str, Any]:
        """External id and subsidiary, which every record has."""
        entity = self._delivery.document.legal_entity
        found = self._subsidiaries.get(entity)
        if found is None:
            raise Unfit(
                SaidNo(
                    code="UNKNOWN_SUBSIDIARY",
                    message=f"NetSuite has no subsidiary with external id {entity}",
                    field="legal_entity",
                )
            )
        return {"externalId": self._delivery.external_id, "subsidiary": {"id": found}}


def build(delivery: Delivery, subsidiaries: Mapping[str, str]) -> Call:
    """The record of a delivery; raises Unfit with the answer when it can't be written."""
    writer = Writer(delivery, subsidiaries)
    document = delivery.document
    body = _BUILDERS[document.kind](document, writer)
    return Call(body=orjson.dumps(_without_none(body)), needed=writer.needed)


def amount(money: Money) -> orjson.Fragment:
    """An exact JSON number."""
    return orjson.Fragment(str(money).encode())


def decimal_hours(minutes: int) -> orjson.Fragment:
    """Hours as an exact JSON number of six places: the nearest minute reads back exactly."""
    return orjson.Fragment(str(round(Decimal(minutes) / 60, 6)).encode())


def name(text: str | None) -> dict[str, str] | None:
    """A reference by name, to departments, classes, items, tax codes, currencies."""
    return {"refName": text} if text else None


def _without_none(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}


def _customer(document: Customer, writer: Writer) -> dict[str, Any]:
    address = {"country": {"id": document.country}, "addr1": document.address or ""}
    return {
        **writer.head(),
        "companyName": document.name,
        "isPerson": False,
        "currency": name(document.currency),
        "email": document.email,
        "vatRegNumber": document.tax_registration,
        "terms": name(f"Net {document.payment_terms_days}"),
        "isInactive": False,
        "addressBook": {"items": [{"defaultBilling": True, "addressBookAddress": address}]},
    }


def _rate_card(document: RateCard, writer: Writer) -> dict[str, Any]:
    currency = name(document.currency)
    prices = [
        {
            "billingClass": name(rate.role),
            "currency": currency,
            "rate": amount(rate.hourly),
            "effectiveDate": rate.starts.isoformat(),
        }
        for rate in document.rates
    ]
    return {**writer.head(), "name": document.name, "rateCardPrices": {"items": prices}}


def _contract(document: Contract, writer: Writer) -> dict[str, Any]:
    lines = [
        _without_none(
            {
                "line": line.line,
                "item": name(ITEMS[line.bills]),
                "description": line.description,
                "taxCode": name(line.tax_code),
                "class": name(line.service_line),
                "amount": amount(line.amount) if line.amount else None,
            }
        )
        for line in document.lines
    ]
    card = document.rate_card_id
    return {
        **writer.head(),
        "entity": writer.reference("entity", "customer", document.customer_id),
        "currency": name(document.currency),
        "tranDate": document.starts.isoformat(),
        "endDate": document.ends.isoformat() if document.ends else None,
        "otherRefNum": document.purchase_order,
        "custbody_billing_type": document.billing,
        "custbody_rate_card": writer.reference("custbody_rate_card", "rate_card", card) if card else None,
        "item": {"items": lines},
    }


def _project(document: Project, writer: Writer) -> dict[str, Any]:
    return {
        **writer.head(),
        "companyName": document.name,
        "parent": writer.reference("parent", "customer", document.customer_id),
        "custentity_sales_order": writer.reference(
            "custentity_sales_order", "contract", document.contract_id
        ),
        "currency": name(document.currency),
        "startDate": document.starts.isoformat(),
        "projectedEndDate": document.ends.isoformat() if document.ends else None,
        "entityStatus": name("In Progress" if document.status == "active" else "Closed"),
        "isInactive": False,
        "department": name(document.department),
        "class": name(document.service_line),
        "custentity_practice": document.practice,
        "custentity_cost_center": document.cost_center,
    }


def _resource(document: Resource, writer: Writer) -> dict[str, Any]:
    first, _, last = document.name.rpartition(" ")
    return {
        **writer.head(),
        "entityId": document.document_id,
        "firstName": first or document.name,
        "lastName": last,
        "email": document.email,
        "title": document.role,
        "department": name(document.department),
        "currency": name(document.currency),
        "laborCost": amount(document.cost_rate),
        "custentity_cost_center": document.cost_center,
    }


def _time_entry(document: TimeEntry, writer: Writer) -> dict[str, Any]:
    return {
        **writer.head(),
        "customer": writer.reference("customer", "project", document.project_id),
        "employee": writer.employee("employee", document.resource_id),
        "tranDate": document.work_date.isoformat(),
        "hours": duration(document.minutes),
        "item": {"refName": document.role},
        "rate": amount(document.bill_rate),
        "isBillable": document.billable,
        "memo": document.notes or None,
        "department": {"refName": document.department},
        "class": {"refName": document.service_line},
        "custcol_practice": document.practice,
        "custcol_cost_center": document.cost_center,
        "custcol_posting_date": document.accounting_date.isoformat(),
        "custcol_adjusts": document.adjusts,
    }


def _expense_item(document: ExpenseItem, writer: Writer) -> dict[str, Any]:
    line = {
        "category": {"refName": document.category},
        "expenseDate": document.expense_date.isoformat(),
        "amount": amount(document.amount),
        "currency": {"refName": document.currency},
        "customer": writer.reference("expense.items.customer", "project", document.project_id),
        "isBillable": document.billable,
        "department": {"refName": document.department},
        "class": {"refName": document.service_line},
        "memo": document.notes,
        "custcol_practice": document.practice,
        "custcol_cost_center": document.cost_center,
    }
    return {
        **writer.head(),
        "entity": writer.employee("entity", document.resource_id),
        "tranDate": document.accounting_date.isoformat(),
        "currency": {"refName": document.currency},
        "expense": {"items": [line]},
    }


def _milestone(document: Milestone, writer: Writer) -> dict[str, Any]:
    return {
        **writer.head(),
        "chargeType": {"refName": "Milestone"},
        "project": writer.reference("project", "project", document.project_id),
        "salesOrder": writer.reference("salesOrder", "contract", document.contract_id),
        "salesOrderLine": document.contract_line,
        "amount": amount(document.amount),
        "currency": name(document.currency),
        "chargeDate": document.completed_on.isoformat(),
        "description": document.name,
        "stage": {"refName": "Ready For Billing"},
        "custcol_posting_date": document.accounting_date.isoformat(),
    }


def _billing_event(document: BillingEvent, writer: Writer) -> dict[str, Any]:
    writer.reference("salesOrder", "contract", document.contract_id)
    return {
        "externalId": writer.head()["externalId"],
        "tranDate": document.accounting_date.isoformat(),
        "job": writer.reference("job", "project", document.project_id),
        "custbody_through_date": document.through.isoformat(),
    }


def _lines(lines: tuple[InvoiceLine, ...]) -> dict[str, Any]:
    return {
        "items": [
            _without_none(
                {
                    "line": line.line,
                    "item": name(ITEMS["time"]),
                    "description": line.description,
                    "amount": amount(line.net),
                    "taxCode": name(line.tax_code),
                    "tax1Amt": amount(line.tax),
                    "quantity": decimal_hours(line.minutes) if line.minutes is not None else None,
                    "department": name(line.department),
                    "class": name(line.service_line),
                    "custcol_practice": line.practice,
                    "custcol_cost_center": line.cost_center,
                }
            )
            for line in lines
        ]
    }


def _billed(document: Invoice | CreditMemo, writer: Writer) -> dict[str, Any]:
    project, contract = document.project_id, document.contract_id
    return {
        **writer.head(),
        "entity": writer.reference("entity", "customer", document.customer_id),
        "job": writer.reference("job", "project", project) if project else None,
        "custbody_sales_order": (
            writer.reference("custbody_sales_order", "contract", contract)
            if contract and ("contract", contract) in writer._delivery.refs  # noqa: SLF001  # same file
            else None
        ),
        "currency": name(document.currency),
        "tranDate": document.accounting_date.isoformat(),
        "item": _lines(document.lines),
    }


def _invoice(document: Invoice, writer: Writer) -> dict[str, Any]:
    return {**_billed(document, writer), "dueDate": document.due_date.isoformat()}


def _apply(document: CreditMemo | Payment, writer: Writer, applied: Money) -> dict[str, Any]:
    invoice = writer.reference("apply.items.doc", "invoice", document.invoice_id)
    return {"items": [{"doc": invoice, "apply": True, "amount": amount(applied)}]}


def _credit_memo(document: CreditMemo, writer: Writer) -> dict[str, Any]:
    return {
        **_billed(document, writer),
        "memo": document.reason or None,
        "apply": _apply(document, writer, document.total),
    }


def _payment(document: Payment, writer: Writer) -> dict[str, Any]:
    return {
        **writer.head(),
        "customer": writer.reference("customer", "customer", document.customer_id),
        "currency": name(document.currency),
        "payment": amount(document.amount),
        "tranDate": document.accounting_date.isoformat(),
        "memo": document.bank_reference or None,
        "apply": _apply(document, writer, document.amount),
    }


_BUILDERS: Mapping[Kind, Callable[[Any, Writer], dict[str, Any]]] = {
    "customer": _customer,
    "rate_card": _rate_card,
    "contract": _contract,
    "project": _project,
    "resource": _resource,
    "time_entry": _time_entry,
    "expense_item": _expense_item,
    "milestone": _milestone,
    "billing_event": _billing_event,
    "invoice": _invoice,
    "credit_memo": _credit_memo,
    "payment": _payment,
}
KINDS = frozenset(_BUILDERS)


def cancellation(document: Document) -> dict[str, Any]:
    """The change that takes a master out of use: a sales order is closed, entities are made inactive."""
    return {"orderStatus": {"id": "H"}} if document.kind == "contract" else {"isInactive": True}
