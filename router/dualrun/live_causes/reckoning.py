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
from typing import Literal

from router.canonical.money import Rounding, round_half_even, round_half_up

BASIS = 10_000
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
    return round_half_up(Fraction(minutes * 100, 60))


def rounded(value: Fraction, mode: Rounding) -> int:
    """The nearest minor unit."""
    return round_half_up(value) if mode == "half_up" else round_half_even(value)


def reckoned(bill: Bill, habits: Habits, rates: Mapping[str, int]) -> Amounts:
    """Net and tax of each line; `rates` are basis points by tax code. Raises KeyError for an unknown code."""
    nets = _nets(bill, habits)
    by_code: dict[str, list[int]] = {}
    for line in nets:
        by_code.setdefault(bill.tax_codes[line], []).append(line)
    taxes: dict[int, int] = {}
    for code, lines in by_code.items():
        exact = [Fraction(nets[line] * rates[code], BASIS) for line in lines]
        shown = (
            [rounded(value, habits.mode) for value in exact]
            if habits.tax == "line"
            else spread(exact, habits.mode)
        )
        taxes.update(zip(lines, shown, strict=True))
    return Amounts(nets, {line: taxes[line] for line in nets})


def _nets(bill: Bill, habits: Habits) -> dict[int, int]:
    exact: dict[int, Fraction] = dict.fromkeys(sorted(bill.tax_codes), Fraction(0))
    for piece in bill.pieces:
        value = piece.value(habits.hours)
        exact[piece.line] += rounded(value, habits.mode) if habits.rounding == "line" else value
    return dict(zip(exact, spread(list(exact.values()), habits.mode), strict=True))


def spread(exact: Sequence[Fraction], mode: Rounding) -> list[int]:
    """Each rounded, and together exactly the rounded sum: the largest with a fraction takes the difference."""
    shown = [rounded(value, mode) for value in exact]
    rest = rounded(sum(exact, Fraction(0)), mode) - sum(shown)
    if rest:
        uneven = [at for at, value in enumerate(exact) if value.denominator != 1]
        shown[max(uneven, key=lambda at: (abs(exact[at]), -at))] += rest
    return shown
