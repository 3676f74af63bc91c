"""What every canonical document has, and how it is read from the wire.

Strict and frozen: no coercion, no unknown field, nothing changed after it was read. Documents are
plain values; they know their ordering key (D4), what they refer to (lineage, D7) and what must
stand in a system before they can (prerequisites).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, ClassVar, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from router.canonical.money import Money, exponent

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


@lru_cache(maxsize=4_096)
def _calendar_day(text: str) -> date:
    """A day of the calendar; remembered, because a month-end's documents name some hundred days."""
    if not _DAY.match(text):
        raise PydanticCustomError("day", "should be a date such as 2026-10-31")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PydanticCustomError("day", "is no day of the calendar") from error


def _day(value: Any) -> Any:
    return _calendar_day(value) if isinstance(value, str) else value


_RATE = re.compile(r"\d{1,9}(?:\.\d{1,10})?\Z", re.ASCII)


def _rate(value: Any) -> Any:
    if isinstance(value, str):
        if not _RATE.match(value) or not value.strip("0."):
            raise PydanticCustomError("rate", 'should be a positive decimal string such as "1.1734"')
        return Decimal(value)
    return value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Day = Annotated[date, BeforeValidator(_day, json_schema_input_type=date)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")]
"""An id given by a source system: up to 64 characters, safe in paths, queries and flat files."""
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
"""A short code of reference data."""
Text = Annotated[str, StringConstraints(max_length=255)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Minutes = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Rate = Annotated[
    Decimal,
    BeforeValidator(_rate, json_schema_input_type=str),
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
]
"""An exchange rate: units of the entity's currency for one unit of the document's; a decimal string."""
BasisPoints = Annotated[int, Field(ge=0, le=100_000)]
"""Hundredths of a percent: 1250 is 12.5%."""
Lines = BeforeValidator(_tuple)
"""Marks a tuple field that arrives as a JSON array."""


class Part(BaseModel):
    """A line or other part of a document; its amounts are in the document's currency."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Document(Part):
    """The header that routing reads, shared by every kind."""

    kind: str
    document_id: Identifier
    legal_entity: Code
    region: Code
    business_unit: Code
    accounting_date: Day

    transactional: ClassVar[bool] = False
    """True: a document id may be accepted once (time, invoices); False: masters may be sent again."""
    commutes: ClassVar[bool] = False
    """True: documents of this kind may share a batch in any order (D4)."""
    version: ClassVar[int] = 1
    verbs: ClassVar[tuple[str, ...]] = ("recorded",)
    """What may happen to it: the third part of the event type; the first is the usual one."""

    @property
    def ordering_key(self) -> str:
        """The project or, without one, the customer, else the document itself."""
        found = getattr(self, "project_id", None) or getattr(self, "customer_id", None)
        return found or f"{self.kind}:{self.document_id}"

    @property
    def refers_to(self) -> tuple[str, str] | None:
        """(kind, document id) of the document whose system this one must follow, if any (lineage)."""
        return None

    @property
    def needs(self) -> tuple[tuple[str, str], ...]:
        """(kind, document id) of what a system must hold before it can take this document."""
        return ()

    @property
    def money(self) -> Money | None:
        """The amount this document is counted by in control totals, if it has one."""
        return None

    @model_validator(mode="before")
    @classmethod
    def _bind_currency(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        shape = _money_shape(cls)
        if not shape:
            return data
        currency = data.get("currency", "")
        try:
            exponent(currency)
        except (ValueError, TypeError) as error:
            raise PydanticCustomError(
                "currency",
                "currency: {shown} is not an ISO 4217 currency code",
                {"shown": repr(currency)[:20]},
            ) from error
        return _bind(data, shape, str(currency), "")


Shape = dict[str, "Shape | None"]
_SHAPES: dict[type[Part], Shape] = {}


def _money_shape(model: type[Part]) -> Shape:
    """Which fields hold money, and which hold parts that do; computed once a class."""
    if model not in _SHAPES:
        shape: Shape = {}
        for name, field in model.model_fields.items():
            for inner in _inner_types(field.annotation):
                if inner is Money:
                    shape[name] = None
                elif isinstance(inner, type) and issubclass(inner, Part) and (nested := _money_shape(inner)):
                    shape[name] = nested
        _SHAPES[model] = shape
    return _SHAPES[model]


def _inner_types(annotation: Any) -> list[Any]:
    if get_origin(annotation) is None:
        return [annotation]
    return [inner for arg in get_args(annotation) for inner in _inner_types(arg)]


def _bind(data: dict[str, Any], shape: Shape, currency: str, path: str) -> dict[str, Any]:
    bound = dict(data)
    for name, nested in shape.items():
        value = bound.get(name)
        if value is None:
            continue
        if nested is None:
            if isinstance(value, Money):
                if value.currency != currency:
                    raise PydanticCustomError(
                        "money", "{field}: not in the document's currency", {"field": path + name}
                    )
                continue
            try:
                bound[name] = Money.parse(value, currency)
            except ValueError as error:
                raise PydanticCustomError(
                    "money", "{field}: {why}", {"field": path + name, "why": str(error)}
                ) from error
        elif isinstance(value, list | tuple):
            bound[name] = tuple(
                _bind(row, nested, currency, f"{path}{name}[{at}].") if isinstance(row, dict) else row
                for at, row in enumerate(value)
            )
        elif isinstance(value, dict):
            bound[name] = _bind(value, nested, currency, f"{path}{name}.")
    return bound
