"""When enough work waited for an ERP that its limit could have been used: lanes with work, second by second. Pure.

A lane sends one call at a time, so a limit of fifteen calls can be full only while fifteen lanes have work. A
second counts when that many lanes had work through all of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from loadtests.verdict.journal import JobRow
from loadtests.verdict.moments import SECOND_US, Beginning

FAR_US = 1 << 62


class Waiting:
    """Lanes with work by ERP; seconds are those of the clock, since 1970."""

    def __init__(self, begin: Beginning) -> None:
        self._begin = begin
        self._lanes: dict[tuple[str, str], list[int]] = {}
        self._changes: dict[str, dict[int, int]] = {}

    def took(self, job: JobRow) -> None:
        """A delivery waited from its queueing to its settlement; deliveries come in about the order of time."""
        if job.state in ("held", "parked"):
            return
        since = self._begin.us(job.waiting_since)
        until = FAR_US if job.settled_at is None else self._begin.us(job.settled_at)
        if until < 0:
            return
        lane = self._lanes.get((job.target, job.lane))
        if lane is None:
            self._lanes[job.target, job.lane] = [since, until]
        elif since <= lane[1]:
            lane[0], lane[1] = min(lane[0], since), max(lane[1], until)
        else:
            self._cover(job.target, *lane)
            lane[0], lane[1] = since, until

    def seconds(self, system: str, lanes: int, *, first: int, last: int) -> list[int]:
        """Seconds of the clock in [first, last] through all of which at least so many lanes had work."""
        for (target, _), lane in sorted(self._lanes.items()):
            if target == system:
                self._cover(target, *lane)
                lane[:] = [0, -1]
        changes = self._changes.get(system, {})
        waiting = 0
        found: list[int] = []
        marks = sorted(changes)
        for mark, then in zip(marks, [*marks[1:], last + 1], strict=False):
            waiting += changes[mark]
            if waiting >= lanes:
                found += range(max(mark, first), min(then, last + 1))
        return found

    def _cover(self, system: str, since_us: int, until_us: int) -> None:
        zero = self._begin.epoch_us
        first = -(-(since_us + zero) // SECOND_US)
        until = (min(until_us, FAR_US - zero) + zero) // SECOND_US
        if first < until:
            changes = self._changes.setdefault(system, {})
            changes[first] = changes.get(first, 0) + 1
            changes[until] = changes.get(until, 0) - 1


def without(seconds: Iterable[int], spans: Iterable[tuple[int, int]]) -> list[int]:
    """Seconds outside all of some spans [first, last]."""
    away = list(spans)
    return [at for at in seconds if not any(first <= at <= last for first, last in away)]
