"""The firm's published exchange rates, exact. Pure: a pair, a kind and a day in, a Fraction out.

A pair is found as published, else upside down, else through the group's currency. Nothing is
rounded here: a rate may be a Fraction without an end, and amounts are rounded once, on posting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRate:
    """Units of `quote` for one unit of `base` from a day on."""

    type: str
    base: str
    quote: str
    starts: date
    rate: Fraction


class RateTable:
    """Published rates by kind and pair; the newest that had started holds."""

    def __init__(self, rates: Iterable[PublishedRate] = (), group_currency: str = "") -> None:
        self._group = group_currency
        self._by_pair: dict[tuple[str, str, str], list[PublishedRate]] = {}
        for row in sorted(rates, key=lambda row: row.starts):
            self._by_pair.setdefault((row.type, row.base, row.quote), []).append(row)

    def rate(self, of: str, base: str, quote: str, on: date) -> Fraction | None:
        """Units of `quote` for one unit of `base`; None when the table does not tell."""
        if base == quote:
            return Fraction(1)
        found = self._direct(of, base, quote, on)
        if found is not None or not self._group or self._group in (base, quote):
            return found
        first, second = self._direct(of, base, self._group, on), self._direct(of, self._group, quote, on)
        return first * second if first is not None and second is not None else None

    def _direct(self, of: str, base: str, quote: str, on: date) -> Fraction | None:
        found = self._newest((of, base, quote), on)
        if found is not None:
            return found
        inverse = self._newest((of, quote, base), on)
        return 1 / inverse if inverse is not None else None

    def _newest(self, key: tuple[str, str, str], on: date) -> Fraction | None:
        for row in reversed(self._by_pair.get(key, ())):
            if row.starts <= on:
                return row.rate
        return None


def exact_rate(text: object) -> Fraction:
    """A positive rate from decimal text; raises ValueError."""
    try:
        value = Decimal(str(text)[:60])
    except InvalidOperation as error:
        msg = f"{str(text)[:40]!r} is not an exchange rate"
        raise ValueError(msg) from error
    if not value.is_finite() or value <= 0:
        msg = f"{str(text)[:40]!r} is not a positive exchange rate"
        raise ValueError(msg)
    return Fraction(value)


def published(rows: Iterable[Mapping[str, Any]], group_currency: str) -> RateTable:
    """The table of a landscape's `fx_rates`; raises ValueError or KeyError when a row is none."""
    return RateTable(
        [
            PublishedRate(
                type=str(row.get("type", "spot")),
                base=str(row["base"]),
                quote=str(row["quote"]),
                starts=row["from"] if isinstance(row["from"], date) else date.fromisoformat(str(row["from"])),
                rate=exact_rate(row["rate"]),
            )
            for row in rows
        ],
        group_currency,
    )
