"""The invoice NetSuite made of a billing event, in canonical form. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from router.canonical.billing import BillingEvent, Invoice
from router.canonical.kinds import describe
from router.connectors.netsuite.decisions import minutes_of

_PAID = {"paid in full": "paid", "voided": "cancelled"}


class NotAnInvoice(Exception):
    """The record is not the invoice that was expected."""


def canonical(event: BillingEvent, body: Any) -> Invoice:
    """The canonical invoice of `GET /record/v1/invoice/{id}?expandSubResources=true`; raises NotAnInvoice."""
    try:
        data = _data(event, body)
        return Invoice.model_validate(data)
    except ValidationError as error:
        raise NotAnInvoice(describe(error)) from error
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise NotAnInvoice(f"{type(error).__name__}: {error}") from error


def _data(event: BillingEvent, body: Any) -> dict[str, Any]:
    status = str((body.get("status") or {}).get("refName", "")).casefold()
    return {
        "kind": "invoice",
        "document_id": f"INV-{event.document_id}",
        "legal_entity": event.legal_entity,
        "region": event.region,
        "business_unit": event.business_unit,
        "accounting_date": body["tranDate"],
        "customer_id": event.customer_id,
        "project_id": event.project_id,
        "contract_id": event.contract_id,
        "billing_event_id": event.document_id,
        "currency": body["currency"]["refName"],
        "number": body["tranId"],
        "due_date": body["dueDate"],
        "status": _PAID.get(status, "posted"),
        "lines": [_line(line, at) for at, line in enumerate(body["item"]["items"], start=1)],
        "net": _text(body["subtotal"]),
        "tax": _text(body["taxTotal"]),
        "total": _text(body["total"]),
    }


def _line(line: Any, at: int) -> dict[str, Any]:
    quantity = line.get("quantity")
    return {
        "line": line.get("line", at),
        "description": line.get("description", ""),
        "minutes": None if quantity is None else minutes_of(_text(quantity)),
        "net": _text(line["amount"]),
        "tax_code": line["taxCode"]["refName"],
        "tax": _text(line.get("tax1Amt", 0)),
        "department": (line.get("department") or {}).get("refName"),
        "service_line": (line.get("class") or {}).get("refName"),
        "practice": line.get("custcol_practice"),
        "cost_center": line.get("custcol_cost_center"),
    }


def _text(value: Any) -> str:
    """A JSON number (never a float) as a decimal text."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"{str(value)[:40]!r} is no number")
    return format(Decimal(value), "f")
