"""The few statistics used here, exact where they can be. Pure.

Intervals are Wilson's for shares (Wilson 1927; Newcombe 1998): they hold for few runs and for shares at 0 and 1,
where the usual one has no width. Percentiles are nearest-rank: always a value that was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any, TypeVar

Z95 = 1.959964
"""Two-sided 95% of the normal distribution."""
T = TypeVar("T", int, float, datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """`count` of `of`, with the 95% interval of the share behind it; percent with one decimal."""

    count: int
    of: int
    percent: float
    low: float
    high: float

    def as_row(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "count": self.count, "of": self.of, "percent": self.percent, "low": self.low, "high": self.high,
        }  # fmt: skip


def share(count: int, of: int) -> Share:
    """A share with Wilson's 95% interval; nothing of nothing is 0 with all of 0 to 100 possible."""
    if of == 0:
        return Share(count=0, of=0, percent=0.0, low=0.0, high=100.0)
    p, z2 = count / of, Z95 * Z95
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == of else min(1.0, middle + half)
    return Share(
        count=count, of=of, percent=round(p * 100, 1), low=round(low * 100, 1), high=round(high * 100, 1)
    )


def percentile(values: Sequence[T], percent: int) -> T | None:
    """The least value that at least `percent` of them do not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


def spread(values: Sequence[int]) -> dict[str, int] | None:
    """Least, P50, P90, P95 and most."""
    if not values:
        return None
    told = {f"p{percent}": percentile(values, percent) for percent in (50, 90, 95)}
    return {
        "least": min(values),
        **{name: int(value or 0) for name, value in told.items()},
        "most": max(values),
    }
