"""How ECC writes values, and back to exact canonical ones. Pure; no float anywhere.

Inside (tables, IDocs) an amount has two implied decimals whatever its currency: table TCURX gives JPY 0 and BHD 3, and the
stored number is the minor units shifted to two places: 1000 JPY is `10.00`, 1.234 BHD is `12.34`, and a negative
sign trails. So minor units are the stored digits without the point. Outside (BAPI parameters) an amount
is in the major unit with four decimals: `1000.0000`, `1.2340`.

Hours have two decimals. Minutes go out as the nearest hundredth of an hour, a half away from zero, and come back as
hundredths x 60 / 100 rounded the same way; as a hundredth is 0.6 minutes, every whole minute survives the round trip.
"""

from __future__ import annotations

import re
from datetime import date

from router.canonical.money import Money, exponent

_STORED = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))?(-?)\Z", re.ASCII)
_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})\Z", re.ASCII)
AMOUNT_WIDTH = 16
"""Characters an amount has in a table or segment."""


def day_text(day: date | None) -> str:
    """`YYYYMMDD`; eight zeros for no day."""
    return "00000000" if day is None else f"{day.year:04d}{day.month:02d}{day.day:02d}"


def day_of(text: str) -> date | None:
    """The day of `YYYYMMDD`; None for the initial value; raises ValueError for anything else."""
    if not text.strip("0 "):
        return None
    found = _DAY.match(text)
    if found is None:
        msg = f"{text[:20]!r} is no date"
        raise ValueError(msg)
    return date(int(found[1]), int(found[2]), int(found[3]))


def day_iso(text: str) -> str:
    """`YYYY-MM-DD` of a stored day; empty for the initial value; raises ValueError."""
    day = day_of(text)
    return "" if day is None else day.isoformat()


def soap_day(day: date | None) -> str:
    """A day in a BAPI parameter: `YYYY-MM-DD`."""
    return "0000-00-00" if day is None else day.isoformat()


def stored(minor: int) -> str:
    """Minor units of any currency as ECC stores them."""
    whole, part = divmod(abs(minor), 100)
    return f"{whole}.{part:02d}{'-' if minor < 0 else ''}"


def of_stored(text: str) -> int:
    """Minor units of a stored amount (or hundredths of a quantity); raises ValueError."""
    return _digits(text, 2)


def of_thousandths(text: str) -> int:
    """Thousandths of a stored quantity with three decimals; raises ValueError."""
    return _digits(text, 3)


def _digits(text: str, places: int) -> int:
    found = _STORED.match(text.strip())
    part = found[2] or "" if found else ""
    if found is None or len(part) > places:
        msg = f"{text[:20]!r} is no number with {places} decimals"
        raise ValueError(msg)
    digits = int(found[1] + part.ljust(places, "0"))
    return -digits if found[3] else digits


def outside(money: Money) -> str:
    """An amount as a BAPI takes it."""
    places = exponent(money.currency)
    digits = str(abs(money.minor)).rjust(places + 1, "0")
    whole, part = (digits[:-places], digits[-places:]) if places else (digits, "")
    return f"{'-' if money.minor < 0 else ''}{whole}.{part.ljust(4, '0')}"


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number, a half away from zero; tens of thousands of times a night, so in integers."""
    whole = (2 * abs(numerator) + denominator) // (2 * denominator)
    return whole if numerator >= 0 else -whole


def hundredths(minutes: int) -> int:
    """Hundredths of hours of whole minutes: 440 minutes are 733."""
    return half_up(minutes * 100, 60)


def minutes_of(hundredths_: int) -> int:
    """Whole minutes of hundredths of hours: 733 are 440."""
    return half_up(hundredths_ * 60, 100)


def minutes_of_thousandths(thousandths: int) -> int:
    """Whole minutes of thousandths of hours, as billing quantities have them."""
    return half_up(thousandths * 60, 1000)


def one_line(text: str, width: int) -> str:
    """Free text for a field: control characters become blanks, and what does not fit is cut."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text[:width]
