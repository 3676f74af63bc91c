"""What buys most: the same seeds rehearsed with one change at a time, compared pair by pair. Pure.

Pairs take the luck of the draw out: both runs of a pair have the same firm, load, people and faults. The gain in
probability has the interval of Agresti and Min (2005) for paired shares, the minutes saved the median of the pairs
with its distribution-free interval; where the interval holds zero, that is said, and nothing is claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from typing import Any

from cutover.montecarlo.statistics import Z95, percentile, share
from cutover.montecarlo.summary import finished, fits
from router.clock import from_text

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Zero is outside of it."""
        return self.low > 0 or self.high < 0


def compare(name: str, says: str, base: Sequence[Row], other: Sequence[Row]) -> dict[str, Any]:
    """What one change did to the seeds both have, JSON-able; positive gains are for the better."""
    changed = {row["seed"]: row for row in finished(other)}
    pairs = [(row, changed[row["seed"]]) for row in finished(base) if row["seed"] in changed]
    better = sum(fits(after) and not fits(before) for before, after in pairs)
    worse = sum(fits(before) and not fits(after) for before, after in pairs)
    gained = gain(better, worse, len(pairs))
    saved = sorted(minutes for before, after in pairs if (minutes := _earlier(before, after)) is not None)
    median = median_of(saved)
    ends = [
        [_end(row) for row in rows if row["spare_minutes"] is not None]
        for rows in ([before for before, _ in pairs], [after for _, after in pairs])
    ]
    p90 = [percentile(one, 90) for one in ends]
    told = {
        "change": name,
        "says": says,
        "pairs": len(pairs),
        "fits_before": share(sum(fits(before) for before, _ in pairs), len(pairs)).as_row(),
        "fits_after": share(sum(fits(after) for _, after in pairs), len(pairs)).as_row(),
        "gained_percent": _row(gained),
        "minutes_saved": _row(median) if median else None,
        "p90_minutes_saved": None if p90[0] is None or p90[1] is None else p90[0] - p90[1],
    }
    said = sentence(says, gained, median, len(pairs))
    why = _why_worse(pairs)
    if why is not None:
        said += f"; {worse} {'pair' if worse == 1 else 'pairs'} no longer fit, most often because: {why}"
    return told | {"verdict": verdict(gained, median), "why_worse": why, "sentence": said}


def _why_worse(pairs: Sequence[tuple[Row, Row]]) -> str | None:
    """What most of the runs say that fitted before the change and not after it; None where there is none."""
    said = Counter(str(after["because"][0]) for before, after in pairs if fits(before) and not fits(after))
    return min(said, key=lambda reason: (-said[reason], reason), default=None)


def ranked(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those that buy most first: by gained probability, then by minutes at P90, then by the median."""

    def worth(one: Mapping[str, Any]) -> tuple[float, float, float]:
        median = one["minutes_saved"]
        return (
            one["gained_percent"]["value"],
            one["p90_minutes_saved"] or 0.0,
            median["value"] if median else 0.0,
        )

    return [
        dict(one) for one in sorted(found, key=lambda one: (*(-part for part in worth(one)), one["change"]))
    ]


def not_made(name: str, says: str, why: str) -> dict[str, str]:
    """A change that a plan leaves no room for."""
    return {"change": name, "says": says, "why": why}


def gain(better: int, worse: int, pairs: int) -> Interval:
    """Percentage points gained, of so many pairs; half a pair is added to each cell (Agresti and Min 2005)."""
    if pairs == 0:
        return Interval(value=0.0, low=-100.0, high=100.0)
    n, split = pairs + 2, better - worse
    middle, half = split / n, Z95 * sqrt(max(0.0, (better + worse + 1) - split * split / n)) / n
    return Interval(
        value=round(split / pairs * 100, 1),
        low=round(max(-1.0, middle - half) * 100, 1),
        high=round(min(1.0, middle + half) * 100, 1),
    )


def median_of(ordered: Sequence[int]) -> Interval | None:
    """The median of sorted values, between the order statistics that hold it with at least 95%."""
    n = len(ordered)
    if n == 0:
        return None
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    rank, tail = 0, 0.0
    while rank < n // 2 and tail + comb(n, rank) / 2**n <= 0.025:
        tail += comb(n, rank) / 2**n
        rank += 1
    if rank == 0:  # too few for any interval: all of them and beyond
        return Interval(value=middle, low=float("-inf"), high=float("inf"))
    return Interval(value=middle, low=float(ordered[rank - 1]), high=float(ordered[n - rank]))


def verdict(gained: Interval, median: Interval | None) -> str:
    """`helps`, `hurts` or `within noise`."""
    for found in (gained, median):
        if found is not None and found.tells:
            return "helps" if found.low > 0 else "hurts"
    return "within noise"


def sentence(says: str, gained: Interval, median: Interval | None, pairs: int) -> str:
    """What may be claimed of a change, in words."""
    chance = f"{gained.value:+.1f} points of probability ({gained.low:+.1f} to {gained.high:+.1f})"
    if median is None:
        minutes = "no pair got through both ways"
    elif median.low == float("-inf"):
        minutes = f"{_minutes(median.value)} in the median, too few pairs for an interval"
    else:
        minutes = f"{_minutes(median.value)} in the median ({median.low:+.0f} to {median.high:+.0f})"
    told = verdict(gained, median)
    if told == "within noise":
        return f"{says}: no difference that {pairs} pairs could show; {chance}, {minutes}"
    return f"{says}: {told}; {chance}, {minutes}"


def _minutes(value: float) -> str:
    if value == 0:
        return "no minute earlier"
    return f"{abs(value):.0f} minutes {'earlier' if value > 0 else 'later'}"


def _row(found: Interval) -> dict[str, float | None]:
    finite = found.low != float("-inf")
    return {
        "value": found.value,
        "low": found.low if finite else None,
        "high": found.high if finite else None,
    }


def _end(row: Row) -> int:
    """Minutes since 1970: only differences are shown."""
    return int(from_text(row["ended"]).timestamp()) // 60


def _earlier(before: Row, after: Row) -> int | None:
    if before["spare_minutes"] is None or after["spare_minutes"] is None:
        return None
    return _end(before) - _end(after)
