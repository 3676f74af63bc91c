"""How long something takes: a number of minutes, or a spread that a rehearsal draws from its seed. Pure."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Annotated

from pydantic import Field, model_validator

from router.canonical.reference import Reference

Minutes = Annotated[int, Field(ge=0, le=100_000)]
LEAST_PERCENT, MOST_PERCENT = 80, 140
"""What a plain number is drawn from: people are late more often than early."""


class Spread(Reference):
    """Least, most likely and most minutes: drawn from a triangle over them."""

    low: Minutes
    likely: Minutes
    high: Minutes

    @model_validator(mode="after")
    def _rises(self) -> Spread:
        if not self.low <= self.likely <= self.high:
            msg = f"low ≤ likely ≤ high does not hold ({self.low}, {self.likely}, {self.high})"
            raise ValueError(msg)
        return self


Duration = Minutes | Spread


def likely_minutes(duration: Duration) -> int:
    """What one plans with."""
    return duration.likely if isinstance(duration, Spread) else duration


def draw(duration: Duration, rng: Random) -> timedelta:
    """One length of it, to the second."""
    if not isinstance(duration, Spread):
        return timedelta(seconds=duration * 60 * rng.randint(LEAST_PERCENT, MOST_PERCENT) // 100)
    low, likely, high = duration.low * 60, duration.likely * 60, duration.high * 60
    if low == high:
        return timedelta(seconds=low)
    return timedelta(seconds=int(rng.triangular(low, high, likely)))
