"""What a rule may read of a document, and of which type it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, get_args

from router.canonical.documents import Document
from router.canonical.kinds import KINDS

Fact = str | date | Decimal | None
Facts = Mapping[str, Fact]
"""Field → value; a field the document has not is absent or None, which a rule reads as null."""
FieldType = Literal["text", "day", "number"]

HEADER = ("legal_entity", "region", "business_unit", "kind", "accounting_date")
"""Every document has these."""
FIELDS: dict[str, FieldType] = {
    "legal_entity": "text",
    "region": "text",
    "business_unit": "text",
    "kind": "text",
    "accounting_date": "day",
    "currency": "text",
    "customer_id": "text",
    "project_id": "text",
    "amount": "number",
}


def _currency(document: Document) -> Fact:
    return getattr(document, "currency", None)


def _customer(document: Document) -> Fact:
    return document.document_id if document.kind == "customer" else getattr(document, "customer_id", None)


def _project(document: Document) -> Fact:
    return document.document_id if document.kind == "project" else getattr(document, "project_id", None)


def _amount(document: Document) -> Fact:
    money = document.money
    return None if money is None else money.decimal()


EXTRAS: dict[str, Callable[[Document], Fact]] = {
    "currency": _currency,
    "customer_id": _customer,
    "project_id": _project,
    "amount": _amount,
}
"""Fields only some kinds have. A customer's own id is its customer_id, a project's its project_id,
so that a rule for a pilot customer also moves the customer itself. The amount is the one control
totals count, in the major unit."""


def facts(document: Document) -> dict[str, Fact]:
    """What a rule may read of a document: the header always, the rest when the document has it."""
    found: dict[str, Fact] = {name: getattr(document, name) for name in HEADER}
    for name, get in EXTRAS.items():
        value = get(document)
        if value is not None:
            found[name] = value
    return found


def thing(given: Facts) -> dict[str, Any]:
    """Facts as rule-engine evaluates them: a day is an instant in UTC, never in the process's zone."""
    made: dict[str, Any] = dict(given)
    on = made.get("accounting_date")
    if on is not None:
        made["accounting_date"] = datetime(on.year, on.month, on.day, tzinfo=UTC)
    return made


@cache
def possible(kind: str, field: str) -> tuple[bool, bool]:
    """Whether documents of a kind can lack a field, and whether they can have it."""
    if field in HEADER:
        return False, True
    model = KINDS[kind]
    if field == "amount":
        has = model.money is not Document.money
        return not has, has
    if field == f"{kind}_id":
        return False, True
    declared = model.model_fields.get(field)
    if declared is None:
        return True, False
    return type(None) in get_args(declared.annotation), True
