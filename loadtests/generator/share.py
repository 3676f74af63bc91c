"""Which of the run's starts are this worker's, in the order of time, repeats among them. Pure.

Every worker computes the same schedule and takes the arrivals whose number leaves its index when divided by the
number of workers: nobody hands out work while the run goes on, so nobody can be late with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from loadtests.running.run import Run
from loadtests.scenario.schedule import Arrival, Schedule

SOONEST_REPEAT_US, LATEST_REPEAT_US = 150_000, 1_500_000
"""An impatient client asks again after 0.15 to 1.5 s: often before it was answered."""


class Start(NamedTuple):
    """One start of this worker."""

    at_us: int
    repeat: bool
    arrival: Arrival


def share_of(run: Run, schedule: Schedule, index: int, workers: int) -> Iterator[Start]:
    """The starts of worker `index` of `workers`, lazily, by time; a repeat belongs to whoever sent the first."""
    limits = [int(stream.repeats * 10_000) for stream in run.scenario.streams]
    repeats: list[Start] = []
    for arrival in schedule:
        if arrival.number % workers != index:
            continue
        while repeats and repeats[0].at_us <= arrival.at_us:
            yield heappop(repeats)
        yield Start(arrival.at_us, False, arrival)
        if limits[arrival.stream] and (after := _repeated_after(run.seed, arrival, limits[arrival.stream])):
            heappush(repeats, Start(arrival.at_us + after, True, arrival))
    while repeats:
        yield heappop(repeats)


def _repeated_after(seed: int, arrival: Arrival, limit: int) -> int:
    """Microseconds until an arrival is sent again; 0: never. `limit` is in millionths."""
    drawn = hashlib.blake2b(
        f"{seed}/repeat/{arrival.stream}/{arrival.ordinal}".encode(), digest_size=12
    ).digest()
    if int.from_bytes(drawn[:6], "big") * 1_000_000 >> 48 >= limit:
        return 0
    spread = LATEST_REPEAT_US - SOONEST_REPEAT_US
    return SOONEST_REPEAT_US + (int.from_bytes(drawn[6:], "big") * spread >> 48)
