"""One field as an axis: its possible values cut into positions that no rule can tell apart.

With the literals p0 < p1 < … the positions are: 0 everything below p0, 1 p0 itself, 2 between p0
and p1, … and the last one for null. A test on the field is then a set of positions, one integer.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from router.routing.expression import Test
from router.routing.facts import FIELDS, Fact


class Axis:
    """The positions of one field; `at` finds a value's."""

    def __init__(self, field: str, tests: Iterable[Test]) -> None:
        own = [test for test in tests if test.field == field]
        self.field = field
        literals: set[Any] = {value for test in own for value in test.values if value is not None}
        self.points: list[Any] = sorted(literals)
        self.ordered = any(test.op not in ("in", "not in") for test in own)
        """False: only equality is asked, so all values between the points are alike."""
        self.null = 2 * len(self.points) + 1
        self.count = self.null + 1
        self.full = (1 << self.count) - 1
        self.present = (1 << self.null) - 1
        self.places: dict[Fact, int] = {value: 2 * i + 1 for i, value in enumerate(self.points)}
        self.places[None] = self.null

    def at(self, value: Fact) -> int:
        """The position of a value; positions 0, 2, 4 … of an axis without order are all given as 0."""
        place = self.places.get(value)
        if place is not None:
            return place
        return 2 * bisect_left(self.points, value) if self.ordered else 0

    def positions(self, test: Test) -> int:
        """The positions a test accepts, as a bit set; null is in no ordered comparison."""
        if test.op in ("in", "not in"):
            found = 0
            for value in test.values:
                found |= 1 << self.places[value]
            return found if test.op == "in" else self.full & ~found
        place = self.places[test.values[0]]
        below = (1 << place) - 1
        match test.op:
            case "lt":
                return below
            case "le":
                return below | 1 << place
            case "gt":
                return self.present & ~(below | 1 << place)
            case _:
                return self.present & ~below

    def inhabited(self) -> int:
        """Positions some value can lie in: between two days that follow each other there is none."""
        if FIELDS[self.field] != "day":
            return self.full
        found = self.full
        for i, (one, other) in enumerate(zip(self.points, self.points[1:], strict=False)):
            if one + timedelta(days=1) == other:
                found &= ~(1 << (2 * i + 2))
        return found


def bits(number: int) -> Iterator[int]:
    """The places of the set bits of a number, lowest first."""
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low


def runs(positions: int) -> Iterator[tuple[int, int]]:
    """The runs of set bits as (first, one past the last), lowest first."""
    edges = bits(positions ^ (positions << 1))
    for first in edges:
        yield first, next(edges)
