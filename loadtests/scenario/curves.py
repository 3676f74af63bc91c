"""An arrival curve as straight pieces over the microseconds of a run. Pure and exact; reads the default landscape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from loadtests.running.run import Run
from loadtests.scenario.model import Curve, Scenario, Stream
from loadtests.scenario.month_end import levels
from router.landscape import default_file
from simulators.firm.entities import entities_of
from simulators.firm.model import Entity

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the run on which the rate is a straight line; rates are starts a second."""

    from_us: int
    until_us: int
    rate_from: Fraction
    rate_until: Fraction

    @property
    def starts(self) -> Fraction:
        """The integral of the rate: how many requests are to start."""
        return (self.rate_from + self.rate_until) / 2 * (self.until_us - self.from_us) / SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What turns a scenario's curves into rates: how long, how much, and whose clocks."""

    length_us: int
    peak_per_s: Fraction
    firm: tuple[Entity, ...]
    """The legal entities of the run's landscape, in its order."""


def scale_of(run: Run) -> Scale:
    """The scale of a run; its length is rounded down to the microsecond."""
    landscape = run.landscape or default_file("landscapes/default.yaml").data
    return Scale(
        length_us=int(Fraction(Decimal(run.minutes)) * 60 * SECOND_US),
        peak_per_s=Fraction(Decimal(run.peak_per_s)),
        firm=tuple(entities_of(landscape).values()),
    )


def pieces_of(scenario: Scenario, stream: Stream, scale: Scale) -> list[Piece]:
    """The stream's rate over the run; pieces without any start are left out."""
    curve = stream.curve or scenario.curve
    peak = scale.peak_per_s * Fraction(stream.share) / 100
    drawn = _by_hours(curve, stream, scale) if curve.month_end else _by_points(curve, scale.length_us)
    return [
        Piece(start, end, low * peak, high * peak)
        for start, end, low, high in drawn
        if start < end and (low or high)
    ]


def starts_of(scenario: Scenario, stream: Stream, scale: Scale) -> Fraction:
    """How many requests of a stream are to start: the integral of its rate."""
    return sum((piece.starts for piece in pieces_of(scenario, stream, scale)), Fraction(0))


def moment_us(at: Decimal, length_us: int) -> int:
    """The microsecond of a time that is given in per cent of the run, rounded down."""
    return int(Fraction(at) * length_us // 100)


def _by_points(curve: Curve, length_us: int) -> Iterator[tuple[int, int, Fraction, Fraction]]:
    """Straight lines between the points; before the first and after the last its level stays."""
    points = [(moment_us(point.at, length_us), Fraction(point.level)) for point in curve.points]
    points = [(0, points[0][1]), *points, (length_us, points[-1][1])]
    for (start, low), (end, high) in pairwise(points):
        yield start, end, low, high


def _by_hours(curve: Curve, stream: Stream, scale: Scale) -> Iterator[tuple[int, int, Fraction, Fraction]]:
    """The hours of a month-end, pressed together into the run, each at one level."""
    assert curve.month_end
    hours = levels(curve.month_end, scale.firm, stream.entities)
    for at, level in enumerate(hours):
        yield at * scale.length_us // len(hours), (at + 1) * scale.length_us // len(hours), level, level
