"""Where a system stood at a limit of its budget, for how long, and with how much waiting. Pure.

Limits are the landscape's: calls at once (`concurrency`), calls a minute (`per_minute`); `throttled` is the
pause after the system itself said 429. Stretches come from the budget that enforces them, so this is measured.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Stretches = Sequence[Sequence[datetime]]


class Levels:
    """How many deliveries wait for each system at any time, from when each began and ended to wait."""

    def __init__(self, waits: Iterable[tuple[str, datetime, datetime]]) -> None:
        moves: dict[str, dict[datetime, int]] = {}
        for system, since, until in waits:
            row = moves.setdefault(system, {})
            row[since] = row.get(since, 0) + 1
            row[until] = row.get(until, 0) - 1
        self._times: dict[str, list[datetime]] = {}
        self._levels: dict[str, list[int]] = {}
        for system, changes in moves.items():
            self._times[system] = sorted(changes)
            level, levels = 0, []
            for at in self._times[system]:
                level += changes[at]
                levels.append(level)
            self._levels[system] = levels

    def busy_s(self, system: str, start: datetime, end: datetime) -> float:
        """Seconds in which anything waited."""
        return sum(seconds for level, seconds in self._pieces(system, start, end) if level > 0)

    def mean(self, system: str, stretches: Stretches) -> float:
        """How many waited on the average over some stretches."""
        pieces = [piece for since, until in stretches for piece in self._pieces(system, since, until)]
        seconds = sum(length for _, length in pieces)
        return sum(level * length for level, length in pieces) / seconds if seconds else 0.0

    def _pieces(self, system: str, start: datetime, end: datetime) -> Iterable[tuple[int, float]]:
        times, levels = self._times.get(system, []), self._levels.get(system, [])
        at = bisect_right(times, start) - 1
        now = start
        while now < end:
            until = min(times[at + 1], end) if at + 1 < len(times) else end
            yield (levels[at] if at >= 0 else 0), (until - now).total_seconds()
            now, at = until, at + 1


def seconds_within(stretches: Stretches, start: datetime, end: datetime) -> float:
    """Seconds of the stretches that lie in a span."""
    return sum(
        max(0.0, (min(until, end) - max(since, start)).total_seconds())
        for since, until in stretches
        if since < end and until > start
    )


def at_limits(
    stood: Mapping[tuple[str, str], Stretches], levels: Levels, *, start: datetime, end: datetime
) -> dict[str, Any]:
    """System → limit → seconds at it, its share of the time anything waited (percent), what waited meanwhile."""
    found: dict[str, Any] = {}
    for (system, limit), stretches in sorted(stood.items()):
        seconds = seconds_within(stretches, start, end)
        busy = levels.busy_s(system, start, end)
        if seconds >= 1:
            found.setdefault(system, {})[limit] = {
                "seconds": round(seconds),
                "share_percent": round(min(1.0, seconds / busy) * 100, 1) if busy else 0.0,
                "waiting": round(levels.mean(system, stretches)),
            }
    return found
