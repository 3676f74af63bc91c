"""The time of a run: microseconds since a moment all its workers agreed on.

It is the machine's monotonic clock, which nobody sets back. Workers on other machines measure how far the master's
is ahead of theirs: of several questions and answers the quickest is the truest (Cristian's algorithm), wrong by at
most half the time it took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic_ns


@dataclass(frozen=True, slots=True)
class RunClock:
    """Counts from `zero_ns` of this machine's monotonic clock."""

    zero_ns: int

    def now_us(self) -> int:
        """Microseconds since the run's moment 0; negative before it."""
        return (monotonic_ns() - self.zero_ns) // 1000


@dataclass(frozen=True, slots=True)
class Exchange:
    """The master was asked for its time, in nanoseconds of each side's own clock."""

    asked_ns: int
    told_ns: int
    heard_ns: int


def ahead_ns(exchanges: Iterable[Exchange]) -> int:
    """How far the master's clock is ahead of ours, by the quickest of the exchanges."""
    best = min(exchanges, key=lambda one: one.heard_ns - one.asked_ns)
    return best.told_ns - (best.asked_ns + best.heard_ns) // 2
