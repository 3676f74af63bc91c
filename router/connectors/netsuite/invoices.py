"""The invoice NetSuite made of a billing event, in canonical form. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from router.canonical.billing import BillingEvent, Invoice
from router.canonical.kinds import describe
from router.connectors.mapping import Mappings, Table
from router.connectors.netsuite.decisions import minutes_of
from router.connectors.netsuite.vocabulary import Names

_PAID = {"paid in full": "paid", "voided": "cancelled"}


class NotAnInvoice(Exception):
    """The record is not the invoice that was expected."""


def canonical(event: BillingEvent, body: Any, mappings: Mappings) -> Invoice:
    """The canonical invoice of `GET /record/v1/invoice/{id}?expandSubResources=true`; raises NotAnInvoice.

    Read by the newest names: the record is as the account is now.
    """
    try:
        data = _data(event, body, mappings)
        return Invoice.model_validate(data)
    except ValidationError as error:
        raise NotAnInvoice(describe(error)) from error
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise NotAnInvoice(f"{type(error).__name__}: {error}") from error


def _data(event: BillingEvent, body: Any, mappings: Mappings) -> dict[str, Any]:
    f, g = mappings.newest.fields["invoice"], mappings.newest.fields["invoice.lines"]
    status = str((body.get(f["status"]) or {}).get("refName", "")).casefold()
    return {
        "kind": "invoice",
        "document_id": f"INV-{event.document_id}",
        "legal_entity": event.legal_entity,
        "region": event.region,
        "business_unit": event.business_unit,
        "accounting_date": body[f["accounting_date"]],
        "customer_id": event.customer_id,
        "project_id": event.project_id,
        "contract_id": event.contract_id,
        "billing_event_id": event.document_id,
        "currency": body[f["currency"]]["refName"],
        "exchange_rate": event.exchange_rate,
        "number": body[f["number"]],
        "due_date": body[f["due_date"]],
        "status": _PAID.get(status, "posted"),
        "lines": [_line(line, at, g, mappings) for at, line in enumerate(body[f["lines"]]["items"], start=1)],
        "net": _text(body[f["net"]]),
        "tax": _text(body[f["tax"]]),
        "total": _text(body[f["total"]]),
    }


def _line(line: Any, at: int, g: Names, mappings: Mappings) -> dict[str, Any]:
    quantity = line.get(g["minutes"])

    def ours(table: Table, name: str) -> str | None:
        given = line.get(g[name])
        given = given.get("refName") if isinstance(given, dict) else given
        return None if given is None else mappings.ours(table, given)

    return {
        "line": line.get(g["line"], at),
        "description": line.get(g["description"], ""),
        "minutes": None if quantity is None else minutes_of(_text(quantity)),
        "net": _text(line[g["net"]]),
        "tax_code": ours("tax_codes", "tax_code"),
        "tax": _text(line.get(g["tax"], 0)),
        "department": ours("departments", "department"),
        "service_line": ours("service_lines", "service_line"),
        "practice": ours("practices", "practice"),
        "cost_center": ours("cost_centers", "cost_center"),
    }


def _text(value: Any) -> str:
    """A JSON number (never a float) as a decimal text."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError(f"{str(value)[:40]!r} is no number")
    return format(Decimal(value), "f")
