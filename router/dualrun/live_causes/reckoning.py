"""How an ERP makes an invoice of work, written again: the same work under any habits, exact. Pure.

Rounding `line`: each time row is rounded to the minor unit and rows are summed. Rounding `document`: rows are
summed exactly and the document is rounded once; each line is shown rounded, and the rest goes to the
largest line that had a fraction. Tax `line`: on each line's net; `document`: once a tax code on the sum of
its lines' nets. Hours in hundredths: 7 h 20 min is 7.33 h, rounded half up, before anything is multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Literal

from router.canonical.money import Rounding

BASIS = 10_000
SIXTIETHS, HUNDREDTHS = 60, 100
Hours = Literal["hundredths", "minutes"]
Grain = Literal["line", "document"]


@dataclass(frozen=True, slots=True, order=True)
class Habits:
    """How one ERP reckons."""

    hours: Hours = "minutes"
    rounding: Grain = "line"
    mode: Rounding = "half_up"
    tax: Grain = "line"


ALL_HABITS = tuple(
    Habits(hours, rounding, mode, tax)
    for mode in ("half_up", "half_even")
    for hours in ("minutes", "hundredths")
    for rounding in ("line", "document")
    for tax in ("line", "document")
)
"""Every combination, half up first: what no document tells apart is taken to be as most systems have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of work on an invoice: hours at a rate, or an amount."""

    line: int
    minutes: int | None = None
    rate_minor: int = 0
    """Of an hour."""
    fixed: Fraction | None = None
    """Minor units of what has no hours, or of hours that a cap cut."""

    def value(self, hours: Hours) -> Fraction:
        """Exact minor units."""
        if self.fixed is not None or self.minutes is None:
            return self.fixed or Fraction(0)
        if hours == "hundredths":
            return Fraction(hundredths(self.minutes) * self.rate_minor, 100)
        return Fraction(self.minutes * self.rate_minor, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What an invoice is made of: its work, and the tax code of each line."""

    pieces: tuple[Piece, ...]
    tax_codes: Mapping[int, str]

    def on_lines(self, lines: Mapping[int, int], tax_codes: Mapping[int, str]) -> Bill:
        """The same work on other lines."""
        moved = tuple(replace(piece, line=lines[piece.line]) for piece in self.pieces)
        return Bill(pieces=moved, tax_codes=tax_codes)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Net and tax by line, minor units."""

    nets: Mapping[int, int]
    taxes: Mapping[int, int]

    @property
    def net(self) -> int:
        """Of the document."""
        return sum(self.nets.values())

    @property
    def tax(self) -> int:
        """Of the document."""
        return sum(self.taxes.values())


def hundredths(minutes: int) -> int:
    """Hundredths of hours of whole minutes, half up away from zero: 440 minutes are 733."""
    return nearest(minutes * 100, 60, "half_up")


def nearest(share: int, unit: int, mode: Rounding) -> int:
    """The whole number nearest to share / unit; a half goes away from zero, or to the even neighbour."""
    whole, rest = divmod(abs(share), unit)
    if 2 * rest > unit or (2 * rest == unit and (mode == "half_up" or whole % 2)):
        whole += 1
    return whole if share >= 0 else -whole


def rounded(value: Fraction, mode: Rounding) -> int:
    """The nearest minor unit."""
    return nearest(value.numerator, value.denominator, mode)


def reckoned(bill: Bill, habits: Habits, rates: Mapping[str, int]) -> Amounts:
    """Net and tax of each line; `rates` are basis points by tax code. Raises KeyError for an unknown code."""
    nets = _nets(bill, habits)
    by_code: dict[str, list[int]] = {}
    for line in nets:
        by_code.setdefault(bill.tax_codes[line], []).append(line)
    taxes: dict[int, int] = {}
    for code, lines in by_code.items():
        exact = [nets[line] * rates[code] for line in lines]
        shown = (
            [nearest(value, BASIS, habits.mode) for value in exact]
            if habits.tax == "line"
            else spread(exact, BASIS, habits.mode)
        )
        taxes.update(zip(lines, shown, strict=True))
    return Amounts(nets, {line: taxes[line] for line in nets})


def _nets(bill: Bill, habits: Habits) -> dict[int, int]:
    # Whole shares of one unit that all values are made of: exact, and ten times as fast as fractions.
    unit = lcm(
        SIXTIETHS, HUNDREDTHS, *(one.fixed.denominator for one in bill.pieces if one.fixed is not None)
    )
    exact = dict.fromkeys(sorted(bill.tax_codes), 0)
    for piece in bill.pieces:
        share = _share(piece, habits.hours, unit)
        exact[piece.line] += nearest(share, unit, habits.mode) * unit if habits.rounding == "line" else share
    return dict(zip(exact, spread(list(exact.values()), unit, habits.mode), strict=True))


def _share(piece: Piece, hours: Hours, unit: int) -> int:
    """`Piece.value` in shares of a minor unit."""
    if piece.fixed is not None or piece.minutes is None:
        return piece.fixed.numerator * (unit // piece.fixed.denominator) if piece.fixed is not None else 0
    if hours == "hundredths":
        return hundredths(piece.minutes) * piece.rate_minor * (unit // HUNDREDTHS)
    return piece.minutes * piece.rate_minor * (unit // SIXTIETHS)


def spread(exact: Sequence[int], unit: int, mode: Rounding) -> list[int]:
    """Shares of a unit, each rounded, and together exactly the rounded sum: the largest with a fraction takes
    the difference."""
    shown = [nearest(value, unit, mode) for value in exact]
    rest = nearest(sum(exact), unit, mode) - sum(shown)
    if rest:
        uneven = [at for at, value in enumerate(exact) if value % unit]
        shown[max(uneven, key=lambda at: (abs(exact[at]), -at))] += rest
    return shown
