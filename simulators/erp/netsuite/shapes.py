"""How values look in the account's JSON: exact numbers, hours, references."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from simulators.core.money import decimal_text

Json = dict[str, Any]
_SIX = Decimal("0.000001")


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


def maybe_money(minor: int | None, currency: str) -> Decimal | None:
    """The same, or nothing."""
    return None if minor is None else money(minor, currency)


def ref(how: str, value: str) -> Json | None:
    """A reference of one way, or nothing."""
    return {how: value} if value else None


def named(listed: str, value: str) -> Json | None:
    """A reference with id and name, or nothing."""
    return {"id": listed, "refName": value} if value else None


def dims(of: Mapping[str, str], prefix: str) -> Json:
    """The books' dimensions as department, class and custom segments."""
    return {
        "department": ref("refName", of.get("department", "")),
        "class": ref("refName", of.get("service_line", "")),
        f"{prefix}_practice": of.get("practice"),
        f"{prefix}_cost_center": of.get("cost_center"),
    }


def clean(body: Json) -> Json:
    """Only what has a value."""
    return {name: value for name, value in body.items() if value is not None}
