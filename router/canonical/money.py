"""Money is integer minor units and a currency, from the first byte to the report (D9).

Minor units per currency are those of ISO 4217 itself (JPY 0, BHD 3), not what CLDR shows people: CLDR writes
a Serbian dinar or an Iraqi dinar without decimals, and an amount of RSD 12.50 could not be held. On the
wire an amount is a decimal string beside its document's `currency`; a JSON number is refused, so no
float ever touches it. Rates (per hour) are money too; exchange rates and percentages are Decimal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, Literal, NoReturn

from iso4217 import Currency
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

MAX_DIGITS = 15
"""Integer digits an amount may have: a quadrillion of the major unit, far inside 64-bit minor units."""
_AMOUNT = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,4}))?\Z", re.ASCII)
Rounding = Literal["half_up", "half_even"]


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
    """Every currency of ISO 4217 that has a minor unit, with its decimal places, by code in order."""
    return {
        one.code: one.exponent
        for one in sorted(Currency, key=lambda one: one.code)
        if one.exponent is not None
    }


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount: `minor` units (cents, yen, fils) of `currency`."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a decimal string such as `-1234.50`; raises ValueError when it does not fit the currency."""
        return _amount(text, currency) if isinstance(text, str) else _no_amount(text)

    @classmethod
    def of(cls, value: Decimal | Fraction, currency: str, rounding: Rounding = "half_up") -> Money:
        """Round an exact value in the major unit to the currency's minor unit."""
        scaled = Fraction(value) * 10 ** exponent(currency)
        return cls(round_half_up(scaled) if rounding == "half_up" else round_half_even(scaled), currency)

    def __str__(self) -> str:
        places = exponent(self.currency)
        digits = str(abs(self.minor)).rjust(places + 1, "0")
        sign = "-" if self.minor < 0 else ""
        return sign + (digits if not places else f"{digits[:-places]}.{digits[-places:]}")

    def decimal(self) -> Decimal:
        """The amount in the major unit, exact."""
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            msg = f"{self.currency} and {other.currency} can't be added"
            raise ValueError(msg)
        return other.minor

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(
            cls, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$",
            "description": "Decimal string in the document's currency",
        }


@lru_cache(maxsize=16_384)
def _amount(text: str, currency: str) -> Money:
    """A decimal string as money; remembered, because the rates of a rate card come again and again."""
    found = _AMOUNT.match(text)
    if found is None:
        return _no_amount(text)
    sign, whole, part = found.groups()
    places = exponent(currency)
    part = part or ""
    if len(part) > places:
        if part[places:].strip("0"):
            msg = f"{text!r} has more than the {places} decimal places of {currency}"
            raise ValueError(msg)
        part = part[:places]
    minor = int(whole + part.ljust(places, "0"))
    return Money(-minor if sign else minor, currency)


def _no_amount(value: object) -> NoReturn:
    shown = str(value)[:40]
    msg = f'{shown!r} is not a decimal string such as "1234.50" with at most {MAX_DIGITS} digits'
    raise ValueError(msg)


def round_half_up(value: Fraction) -> int:
    """Round to the nearest integer, a half away from zero (commercial rounding)."""
    doubled = 2 * abs(value.numerator) + value.denominator
    whole = doubled // (2 * value.denominator)
    return whole if value >= 0 else -whole


def round_half_even(value: Fraction) -> int:
    """Round to the nearest integer, a half to the even neighbour (banker's rounding)."""
    return round(value)


def hours_value(minutes: int, rate: Money, rounding: Rounding = "half_up") -> Money:
    """What `minutes` of work are worth at an hourly `rate`, rounded once."""
    # Whole numbers: a Fraction would cost a tenth of accepting a time entry.
    sixtieths = rate.minor * minutes
    whole = (2 * abs(sixtieths) + 60) // 120
    if rounding == "half_even" and whole % 2 and abs(sixtieths) % 60 == 30:
        whole -= 1
    return Money(whole if sixtieths >= 0 else -whole, rate.currency)
