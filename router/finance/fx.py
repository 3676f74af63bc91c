"""Exchange rates by type and date, exact; money is converted once, half up.

A rate is published for a pair directly, the other way round, or for both currencies against the
group's: then it is the cross rate. The newest rate published by the day holds. On documents and in
ERPs a rate has at most ten decimal places, so it is that text, not the fraction behind it, that
converts what is posted.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from router.canonical.documents import Day
from router.canonical.money import Money, exponent, round_half_up
from router.canonical.reference import FxRate

PLACES = 10


def rate(
    rates: Sequence[FxRate], kind: str, base: str, quote: str, on: Day, *, group: str | None = None
) -> Fraction | None:
    """Units of `quote` for one unit of `base` on a day; None when no published rate leads there."""
    if base == quote:
        return Fraction(1)
    found = _published(rates, kind, base, quote, on)
    if found is not None or group is None or group in (base, quote):
        return found
    first = _published(rates, kind, base, group, on)
    second = _published(rates, kind, group, quote, on)
    return None if first is None or second is None else first * second


def as_rate(value: Fraction) -> Decimal:
    """A rate as documents carry it: ten decimal places, half up, no trailing zeros.

    Raises ValueError for one so small that nothing is left.
    """
    scaled = round_half_up(value * 10**PLACES)
    if scaled <= 0:
        msg = f"an exchange rate of {value} has nothing left in {PLACES} decimal places"
        raise ValueError(msg)
    whole = Decimal(scaled).scaleb(-PLACES)
    return Decimal(format(whole, "f").rstrip("0").rstrip("."))


def convert(amount: Money, by: Fraction | Decimal, currency: str) -> Money:
    """An amount in another currency, rounded once."""
    exact = Fraction(amount.minor) * Fraction(by) * Fraction(10) ** exponent(currency)
    return Money(round_half_up(exact / 10 ** exponent(amount.currency)), currency)


def convert_parts(parts: Sequence[Money], by: Fraction | Decimal, currency: str) -> list[Money]:
    """Parts of either sign that sum, converted, exactly to the conversion of their sum.

    Each is rounded down by itself; the units then missing go to the largest remainders, earlier first.
    """
    if not parts:
        return []
    base = parts[0].currency
    scale = Fraction(by) * Fraction(10) ** (exponent(currency) - exponent(base))
    exact = [part.minor * scale for part in parts]
    found = [value.numerator // value.denominator for value in exact]
    rest = convert(Money(sum(part.minor for part in parts), base), by, currency).minor - sum(found)
    by_remainder = sorted(range(len(found)), key=lambda at: (found[at] - exact[at], at))
    for at in by_remainder[:rest]:
        found[at] += 1
    return [Money(minor, currency) for minor in found]


def _published(rates: Sequence[FxRate], kind: str, base: str, quote: str, on: Day) -> Fraction | None:
    fitting = [
        row
        for row in rates
        if row.type == kind and row.from_ <= on and {row.base, row.quote} == {base, quote}
    ]
    if not fitting:
        return None
    # Of two published for one day, the one for the pair as asked.
    newest = max(fitting, key=lambda row: (row.from_, row.base == base))
    return Fraction(newest.rate) if newest.base == base else 1 / Fraction(newest.rate)
