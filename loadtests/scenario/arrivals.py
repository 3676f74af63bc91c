"""When every request of a run starts. Pure and exact: whole numbers and fractions, no float adds up.

The rate of a stream is a curve times the peak. Its integral says how many requests have started by a moment:
`even` starts the k-th where the integral reaches k; `poisson` where it reaches the sum of k gaps drawn from the
unit exponential distribution, which is an inhomogeneous Poisson process (by inversion; Çinlar, Introduction to
Stochastic Processes, 1975). Every stream draws from a generator of its own, so that adding one moves no other.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import count
from math import isqrt, lcm, log1p
from random import Random

from loadtests.running.run import Run
from loadtests.scenario.curves import SECOND_US, Piece, Scale, pieces_of, scale_of
from loadtests.scenario.schedule import Schedule

GRAIN = 1 << 32
"""Marks on the integral a start: a drawn gap is rounded to the nearest, so that two C libraries agree on it."""
STREAMS_MAX = 255
"""So that the stream of a start fits a byte."""


def schedule(run: Run) -> Schedule:
    """Every start of a run, in order of time, those of one microsecond by stream. The same in every process."""
    scale = scale_of(run)
    streams = run.scenario.streams
    assert len(streams) <= STREAMS_MAX
    width = len(streams)
    keys: list[int] = []
    for at in range(width):
        keys.extend([moment * width + at for moment in starts_of_stream(run, at, scale)])
    keys.sort()  # streams lie in it one after the other, each in order: a merge
    return Schedule(
        starts_us=array("q", [key // width for key in keys]),
        streams=bytes([key % width for key in keys]),
        length_us=scale.length_us,
    )


def starts_of_stream(run: Run, at: int, scale: Scale) -> Iterator[int]:
    """The microseconds at which requests of one stream of the run start, in order."""
    stream = run.scenario.streams[at]
    pieces = pieces_of(run.scenario, stream, scale)
    if run.scenario.arrivals == "even":
        return _inverted(pieces, count(GRAIN, GRAIN))
    rng = Random(f"{run.seed}/arrivals/{stream.name}")  # noqa: S311 - reproducible on purpose
    return _inverted(pieces, _marks(rng))


def _marks(rng: Random) -> Iterator[int]:
    """Sums of exponential gaps of mean 1, in grains."""
    draw, mark = rng.random, 0
    while True:
        mark += round(-log1p(-draw()) * GRAIN)
        yield mark


def _inverted(pieces: Sequence[Piece], marks: Iterator[int]) -> Iterator[int]:
    """The first microsecond at which the integral of the rate reaches each mark, up to its end.

    Within a piece the integral is a parabola; its coefficients are whole numbers over one common denominator, so
    that every comparison is exact. The root of whole numbers is at most two below the answer.
    """
    mark = next(marks)
    done = Fraction(0)
    for piece in pieces:
        length = piece.until_us - piece.from_us
        # Starts since the piece began, x microseconds into it: (square·x² + line·x) / whole.
        slope = (piece.rate_until - piece.rate_from) / (2 * length * SECOND_US)
        rate = piece.rate_from / SECOND_US
        whole = lcm(slope.denominator, rate.denominator, done.denominator)
        square, line, before = int(slope * whole), int(rate * whole), int(done * whole)
        square, line, before = square * GRAIN, line * GRAIN, before * GRAIN
        top = (square * length + line) * length
        x = 0
        while (wanted := mark * whole - before) <= top:
            x = max(x, _below(square, line, wanted))
            while (square * x + line) * x < wanted:
                x += 1
            yield piece.from_us + x
            mark = next(marks)
        done += piece.starts


def _below(square: int, line: int, wanted: int) -> int:
    """A whole number at most two below where square·x² + line·x reaches `wanted`; never above its ceiling."""
    if square == 0:
        return wanted // line
    root = isqrt(line * line + 4 * square * wanted)
    if square > 0:
        return (root - line) // (2 * square)
    return (line - root - 1) // (-2 * square)
