"""Exact arithmetic of the simulators: minor units, decimal text, rounding. No float anywhere.

A currency's decimal places are those of ISO 4217 (JPY 0, BHD 3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from iso4217 import Currency

RoundingMode = Literal["half_up", "half_even"]
MAX_DIGITS = 18
"""Digits before the point an amount on the wire may have."""
_AMOUNT = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?\Z", re.ASCII)


@cache
def exponent(currency: str) -> int:
    """Decimal places of a currency's minor unit; raises ValueError for an unknown code (ISO 4217)."""
    places = exponents().get(currency)
    if places is None:
        msg = f"{currency!r} is not an ISO 4217 currency code"
        raise ValueError(msg)
    return places


@cache
def exponents() -> Mapping[str, int]:
    """Every currency that has a minor unit, with its decimal places, by code in order."""
    return {
        one.code: one.exponent
        for one in sorted(Currency, key=lambda one: one.code)
        if one.exponent is not None
    }


def rounded(value: Fraction | int, mode: RoundingMode) -> int:
    """The nearest integer; a half goes away from zero (half_up) or to the even neighbour (half_even)."""
    if isinstance(value, int):
        return value
    if mode == "half_even":
        return round(value)
    doubled = 2 * abs(value.numerator) + value.denominator
    whole = doubled // (2 * value.denominator)
    return whole if value >= 0 else -whole


def decimal_text(minor: int, currency: str) -> str:
    """Minor units as a decimal string in the major unit: `123450` USD is `1234.50`."""
    places = exponent(currency)
    digits = str(abs(minor)).rjust(places + 1, "0")
    sign = "-" if minor < 0 else ""
    return sign + (digits if not places else f"{digits[:-places]}.{digits[-places:]}")


def to_minor(value: str | int | Decimal, currency: str) -> int:
    """Minor units of an amount in the major unit; raises ValueError when it has too many places."""
    places = exponent(currency)
    found = _AMOUNT.match(format(value, "f") if isinstance(value, Decimal) else str(value)[:60])
    whole, part = (found[2], (found[3] or "").rstrip("0")) if found else ("", "")
    if found is None or len(whole.lstrip("0")) > MAX_DIGITS or len(part) > places:
        msg = f"{str(value)[:40]!r} is not an amount in {currency}"
        raise ValueError(msg)
    minor = int(whole + part.ljust(places, "0"))
    return -minor if found[1] == "-" else minor


def loads_exact(body: bytes | str) -> Any:
    """JSON with its fractional numbers as Decimal, for vendors that send amounts as JSON numbers."""
    return json.loads(body, parse_float=Decimal)
