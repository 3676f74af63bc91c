"""The schedule of a run: every start, fixed before the first request is sent. Pure.

Whoever answers slowly shifts nothing: an open schedule goes on, as the people of a firm do.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Arrival(NamedTuple):
    """The start of one request."""

    number: int
    """Its number in the run, from 0, in the order of time."""
    at_us: int
    """Microseconds from the start of the run."""
    stream: int
    """Which stream of the scenario."""
    ordinal: int
    """Its number among those of its stream, from 0: stream and ordinal determine what it carries."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """All starts of a run, in order of time; compact, for there may be millions."""

    starts_us: array[int]
    streams: bytes
    length_us: int
    """The length of the run; no start lies after it."""

    def __len__(self) -> int:
        return len(self.starts_us)

    def __iter__(self) -> Iterator[Arrival]:
        counts = [0] * (max(self.streams, default=0) + 1)
        for index, (at_us, stream) in enumerate(zip(self.starts_us, self.streams, strict=True)):
            yield Arrival(index, at_us, stream, counts[stream])
            counts[stream] += 1
