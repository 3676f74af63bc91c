"""Arrival curves: how a month-end's work spreads over the rehearsed days. Pure.

A curve is a row of hours with whole-number weights; a moment is drawn by weight, then evenly inside
the hour. Weights follow the local clock of the entity, so that Asia's evening comes before Europe's
noon and America's evening closes the day.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
BY_HOUR = (0, 0, 0, 0, 0, 0, 1, 3, 8, 12, 12, 10, 6, 9, 12, 14, 18, 20, 10, 5, 4, 3, 2, 1)
"""How busy approvers are through a working day, by local hour."""
LAST_DAY_BY_HOUR = (0, 0, 0, 0, 0, 0, 2, 5, 10, 16, 18, 16, 12, 18, 26, 38, 60, 84, 62, 34, 20, 12, 8, 3)
"""The last working day of the month: everybody is reminded at four."""
DAY_OFF_BY_HOUR = (0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 3, 2, 1, 1, 2, 2, 2, 2, 3, 4, 3, 2, 1)
"""Stragglers on days off."""
AFTER_BY_HOUR = (0, 0, 0, 0, 0, 0, 1, 4, 9, 8, 5, 3, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0)
"""The first working day after: those who were reminded twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Hours with a weight each; `running` are the running totals of the weights."""

    starts: tuple[datetime, ...]
    running: tuple[int, ...]

    def draw(self, rng: random.Random, *, not_before: datetime | None = None) -> datetime | None:
        """A moment by weight, to the second, at or after `not_before`; None when no hour is left."""
        first = 0 if not_before is None else bisect_right(self.starts, not_before)
        low = self.running[first - 1] if first else 0
        if not self.running or self.running[-1] == low:
            return None
        at = bisect_right(self.running, rng.randrange(low, self.running[-1]))
        return self.starts[at] + timedelta(seconds=rng.randrange(3600))


def weight(local: datetime, *, last_workday: datetime, weekend: Sequence[int]) -> int:
    """How busy an hour is, by the local clock; `last_workday` is any moment of that local day."""
    if local.weekday() in weekend:
        return DAY_OFF_BY_HOUR[local.hour]
    if local.date() == last_workday.date():
        return LAST_DAY_BY_HOUR[local.hour]
    if local.date() > last_workday.date():
        return AFTER_BY_HOUR[local.hour]
    return BY_HOUR[local.hour]


def month_end_curve(
    *, start: datetime, end: datetime, time_zone: str, weekend: Sequence[int], last_workday: datetime
) -> Curve:
    """The curve of one entity over whole hours in [start, end); `start` and `end` are aware."""
    zone = ZoneInfo(time_zone)
    hours = max(0, (end - start) // HOUR)
    starts = tuple(start + at * HOUR for at in range(hours))
    weights = [
        weight(
            at.astimezone(zone),
            last_workday=last_workday.astimezone(zone),
            weekend=weekend,
        )
        for at in starts
    ]
    return Curve(starts=starts, running=tuple(accumulate(weights)))


def local_moment(time_zone: str, day: date, hour: int) -> datetime:
    """The UTC instant of a local full hour of a day."""
    return datetime.combine(day, time(hour), tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
