"""The series of a run, made as wide as a picture can show, and read without trust. Pure.

What is widened is said: counts are added, a backlog or a percentile is the highest of its seconds, as the
percentile of a wider bucket can't be had from those of narrower ones, and a peak must not be smoothed away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtests.report.wording import finite

SUMMED = ("arrivals", "answered", "accepted", "delivered", "late")
HIGHEST = ("backlog", "p50_ms", "p99_ms")
PER_ERP = ("calls", "refused")
DRAWN = 480
"""Buckets a picture of 900 pixels can show."""
STORED = 1_500
"""Buckets the report's JSON keeps; measured.json has all."""
LENGTH_MAX_S = 100 * 86_400.0
"""A row that says it is later is none: a run lasts a week at most."""
_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(slots=True)
class Bucket:
    """What happened in a stretch of the run that begins at `t` seconds."""

    t: float
    sums: dict[str, float] = field(default_factory=dict)
    highs: dict[str, float] = field(default_factory=dict)
    erps: dict[str, dict[str, float]] = field(default_factory=dict)
    """`calls`, `refused` → ERP → count."""

    def as_row(self) -> dict[str, Any]:
        """The bucket in the shape of a measured row."""
        row: dict[str, Any] = {"t": _tidy(self.t)}
        row |= {name: _tidy(self.sums[name]) for name in SUMMED if name in self.sums}
        row |= {name: _tidy(self.highs[name]) for name in HIGHEST if name in self.highs}
        return row | {
            name: {system: _tidy(count) for system, count in sorted(self.erps[name].items())}
            for name in PER_ERP
            if name in self.erps
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Buckets in order of time, gaps included."""

    buckets: Sequence[Bucket]
    width_s: float

    @property
    def end_s(self) -> float:
        """Where the last bucket ends."""
        return self.buckets[-1].t + self.width_s if self.buckets else 0.0

    def highest(self, name: str) -> float:
        """The most a value came to in any bucket."""
        return max((self.value(bucket, name) or 0.0 for bucket in self.buckets), default=0.0)

    def value(self, bucket: Bucket, name: str) -> float | None:
        """A bucket's value; None where there is none."""
        return bucket.sums.get(name, bucket.highs.get(name))

    def has(self, name: str) -> bool:
        """Whether any bucket knows it."""
        return any(name in bucket.sums or name in bucket.highs for bucket in self.buckets)

    def systems(self) -> list[str]:
        """The ERPs it tells of."""
        return sorted({name for bucket in self.buckets for kind in bucket.erps.values() for name in kind})


def series_of(
    rows: Iterable[Any],
    bucket_s: Any,
    *,
    most: int = DRAWN,
    end_s: float | None = None,
    width_s: float | None = None,
) -> Series:
    """The series of measured (or predicted) rows, in at most `most` buckets up to `end_s`.

    Rows that are none, or lie before 0, are left out. `width_s` forces a width, so that two series can share one.
    """
    narrow = max(finite(bucket_s) or 1.0, 0.001)
    told = [
        (at, row)
        for row in rows
        if isinstance(row, Mapping) and (at := finite(row.get("t"))) is not None and 0 <= at <= LENGTH_MAX_S
    ]
    last = max((at for at, _ in told), default=-narrow) + narrow
    until = last if end_s is None else min(last, max(end_s, narrow))
    width = width_s or _wide(until, narrow, most)
    count = min(int((until - 1e-9) // width) + 1 if until > 0 else 0, most * 4)
    buckets = [Bucket(at * width) for at in range(count)]
    for at, row in told:
        index = int((at + 1e-9) // width)
        if index < count:
            _add(buckets[index], row)
    return Series(buckets=buckets, width_s=width)


def _wide(until: float, narrow: float, most: int) -> float:
    if until / narrow <= most:
        return narrow
    least = until / most
    return float(next((step for step in _STEPS if step >= least), -(-least // 86400) * 86400))


def _add(bucket: Bucket, row: Mapping[str, Any]) -> None:
    for name in SUMMED:
        if (value := finite(row.get(name))) is not None:
            bucket.sums[name] = bucket.sums.get(name, 0.0) + value
    for name in HIGHEST:
        if (value := finite(row.get(name))) is not None:
            bucket.highs[name] = max(bucket.highs.get(name, value), value)
    for name in PER_ERP:
        told = row.get(name)
        if isinstance(told, Mapping):
            found = bucket.erps.setdefault(name, {})
            for system, count in told.items():
                found[str(system)] = found.get(str(system), 0.0) + (finite(count) or 0.0)


def _tidy(value: float) -> float | int:
    return int(value) if value == int(value) else round(value, 4)
