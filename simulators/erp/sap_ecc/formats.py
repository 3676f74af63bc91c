"""How ECC writes values: days, amounts inside and outside, quantities, padded numbers.

Inside (tables, flat files) an amount is a number with two implied decimals whatever the currency has: table
TCURX gives JPY 0 and BHD 3, and the stored value is the minor units shifted to two places. So
1000 JPY is `10.00`, 1.234 BHD is `12.34`, and minor units are the digits without the point; the sign trails
(`10.00-`). Outside (BAPI parameters) an amount is in the major unit with four decimals and a
leading sign: `1000.0000`, `1.2340`. (TCURX shifting as commonly documented; unverified on a live system.)
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from simulators.core.money import exponent, to_minor

NO_DAY = "00000000"


class NotAValue(ValueError):
    """A value from outside that is no date, amount or quantity."""


_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})\Z", re.ASCII)
_INSIDE = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))?(-?)\Z", re.ASCII)


def day_text(day: date | None) -> str:
    """`YYYYMMDD`, and eight zeros for no day."""
    return NO_DAY if day is None else f"{day.year:04d}{day.month:02d}{day.day:02d}"


def day_of(text: str) -> date | None:
    """A day written `YYYYMMDD` or `YYYY-MM-DD`; None for the initial value; raises NotAValue."""
    text = text.strip()
    if not text.strip("0-"):
        return None
    found = _DAY.match(text)
    if found is None:
        msg = f"{text[:20]!r} is no date"
        raise NotAValue(msg)
    year, month, day = found.groups()
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        msg = f"{text!r} is no day of the calendar"
        raise NotAValue(msg) from error


def inside_amount(minor: int) -> str:
    """Minor units of any currency as a table holds them: two implied decimals, trailing sign."""
    whole, part = divmod(abs(minor), 100)
    return f"{whole}.{part:02d}" + ("-" if minor < 0 else "")


def of_inside_amount(text: str) -> int:
    """Minor units of a table amount; raises NotAValue."""
    found = _INSIDE.match(text.strip())
    if found is None or len(found[2] or "") > 2:
        msg = f"{text[:20]!r} is no amount"
        raise NotAValue(msg)
    minor = int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    return -minor if found[3] else minor


def hours_text(hundredths: int) -> str:
    """Hundredths of hours as a quantity: `7.33`, trailing sign."""
    return inside_amount(hundredths)


def of_hours_text(text: str) -> int:
    """Hundredths of hours of a quantity; raises NotAValue."""
    return of_inside_amount(text)


def outside_amount(minor: int, currency: str) -> str:
    """Minor units as a BAPI gives them: major unit, four decimals, leading sign."""
    return f"{Decimal(minor).scaleb(-exponent(currency)):.4f}"


def of_outside_amount(text: str, currency: str) -> int:
    """Minor units of a BAPI amount; raises NotAValue when the currency has fewer decimals."""
    try:
        return to_minor(Decimal(text.strip() or "0"), currency)
    except (InvalidOperation, ValueError) as error:
        msg = f"{text[:20]!r} is no amount in {currency[:5]!r}"
        raise NotAValue(msg) from error


def padded(number: str, length: int) -> str:
    """ALPHA conversion: a number made of digits gets leading zeros, anything else stays."""
    number = number.strip()
    return number.rjust(length, "0") if number.isascii() and number.isdigit() else number


def fit(text: str, length: int) -> str:
    """Text for a field of a length: one line, cut."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text[:length]
