"""Exact percentiles: values that were measured, by nearest rank; nothing is rounded into buckets. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from loadtests.verdict.model import Percentiles

EVERY = ""
"""The name of all streams together."""


def percentiles(values_us: Iterable[int]) -> Percentiles:
    """The distribution of some microseconds, in milliseconds; zeros of nothing."""
    ranked = sorted(values_us)

    def at(thousandths: int) -> float:
        return milliseconds(nearest_rank(ranked, thousandths)) if ranked else 0.0

    return Percentiles(
        count=len(ranked), p50_ms=at(500), p90_ms=at(900), p95_ms=at(950), p99_ms=at(990), p999_ms=at(999),
        max_ms=at(1000),
    )  # fmt: skip


def nearest_rank(ranked: Sequence[int], thousandths: int) -> int:
    """The smallest value that at least so many thousandths of all do not exceed; `ranked` is sorted, not empty."""
    return ranked[max(0, -(-len(ranked) * thousandths // 1000) - 1)]


def milliseconds(us: int) -> float:
    """Microseconds as milliseconds, to the microsecond."""
    return round(us / 1000, 3)


def percent(part: int, whole: int) -> str:
    """A share in per cent, to two decimals."""
    return f"{Decimal(100 * part) / Decimal(whole):.2f}%"
