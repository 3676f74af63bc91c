"""The figures of a run in one flat list: what a later run is compared with, and a prediction is held against. Pure.

A flat list of named figures, each saying which way is worse, keeps the comparison free of knowledge about
runs: a figure that is new or gone is said to be so, rather than breaking the comparison of all others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from loadtests.report.wording import finite, stream_name
from loadtests.verdict.model import Erp, Measured, Percentiles

Worse = Literal["higher", "lower", ""]
QUANTILES = (
    ("p50_ms", "p50"), ("p90_ms", "p90"), ("p95_ms", "p95"), ("p99_ms", "p99"), ("p999_ms", "p99.9"), ("max_ms", "worst"),
)  # fmt: skip
"""Field of Percentiles → how it is called."""
_COMPARED = ("p50_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms")
_ANSWERED = "2"
"""Statuses beginning so are success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of a run."""

    key: str
    """Stable name: `latency.time.p99_ms`."""
    name: str
    group: str
    unit: str
    """ms, s, percent, count or per_s."""
    value: float | None
    """None: it was not measured."""
    worse: Worse
    """Which way is worse; empty: neither, it only tells."""

    def as_row(self) -> dict[str, Any]:
        """The figure as the report's JSON has it."""
        return asdict(self)


def figures_of(measured: Measured) -> list[Figure]:
    """Every figure of a run, in a fixed order."""
    return [
        *_requests(measured),
        *_latency(measured),
        *_business(measured),
        *_erps(measured.erps),
        *_sending(measured),
    ]


def errors(measured: Measured) -> int:
    """Requests whose answer was no success: refused, throttled, unanswered or never sent."""
    return sum(count for status, count in measured.answers.items() if not status.startswith(_ANSWERED))


def requests(measured: Measured) -> int:
    """Requests of the ledger."""
    return sum(measured.answers.values())


def length_s(measured: Measured) -> float:
    """How long the run's series is, at least one bucket."""
    last = max((finite(row.get("t")) or 0.0 for row in measured.series), default=0.0)
    return last + measured.bucket_s


def percentiles(row: Percentiles | Mapping[str, Any] | None) -> dict[str, float | None]:
    """The quantiles of a distribution, None for what it lacks or for nothing measured."""
    if row is None:
        return {field: None for field, _ in QUANTILES}
    told: Mapping[str, Any] = row if isinstance(row, Mapping) else asdict(row)
    if told.get("count") == 0:
        return {field: None for field, _ in QUANTILES}
    return {field: finite(told.get(field)) for field, _ in QUANTILES}


def _requests(measured: Measured) -> Iterator[Figure]:
    whole = requests(measured)
    wrong = errors(measured)
    yield Figure(key="requests", name="requests", group="Requests", unit="count", value=whole, worse="")
    yield Figure(
        key="errors_percent", name="errors", group="Requests", unit="percent",
        value=round(100 * wrong / whole, 4) if whole else None, worse="higher",
    )  # fmt: skip


def _latency(measured: Measured) -> Iterator[Figure]:
    for kind, group, rows in (
        ("latency", "Latency from the intended start", measured.latency),
        ("delivery", "Intended start to confirmed by the ERP", measured.delivery),
    ):
        for stream in sorted(rows):
            values = percentiles(rows[stream])
            for field, short in QUANTILES:
                if field in _COMPARED:
                    yield Figure(
                        key=f"{kind}.{stream or 'all'}.{field}", name=f"{stream_name(stream)} {short}", group=group,
                        unit="ms", value=values[field], worse="higher",
                    )  # fmt: skip


def _business(measured: Measured) -> Iterator[Figure]:
    group = "Documents"
    yield Figure(
        key="accepted", name="accepted", group=group, unit="count", value=measured.accepted, worse=""
    )
    for key, name, rows in (
        ("lost", "lost", measured.lost), ("doubled", "doubled", measured.doubled), ("strangers", "nobody sent", measured.strangers),
    ):  # fmt: skip
        yield Figure(key=key, name=name, group=group, unit="count", value=len(rows), worse="higher")
    yield Figure(
        key="sla_misses", name="later than their SLA", group=group, unit="count",
        value=measured.sla_misses.get("", sum(measured.sla_misses.values())), worse="higher",
    )  # fmt: skip
    yield Figure(
        key="backlog_peak", name="backlog at its highest", group=group, unit="count", value=measured.backlog_peak, worse="higher",
    )  # fmt: skip
    yield Figure(
        key="drained_s", name="drained after the last start", group=group, unit="s", value=measured.drained_s, worse="higher",
    )  # fmt: skip


def _erps(erps: tuple[Erp, ...]) -> Iterator[Figure]:
    for erp in sorted(erps, key=lambda one: one.system):
        rows: tuple[tuple[str, str, str, float | None, Worse], ...] = (
            ("calls", "calls", "count", erp.calls, ""),
            ("refused", "calls refused with 429", "count", erp.refused, "higher"),
            ("used_percent", "limit used while work waited", "percent", erp.used_percent, "lower"),
            ("documents", "documents in its books", "count", erp.documents, ""),
        )
        for field, name, unit, value, worse in rows:
            yield Figure(
                key=f"erp.{erp.system}.{field}", name=f"{erp.system} {name}", group="ERPs", unit=unit, value=value, worse=worse,
            )  # fmt: skip


def _sending(measured: Measured) -> Iterator[Figure]:
    told = measured.generator
    rows: tuple[tuple[str, str, str, float], ...] = (
        ("late", "late starts", "count", told.late), ("dropped", "dropped starts", "count", told.dropped),
        ("worst_late_ms", "latest start", "ms", told.worst_late_ms), ("processor_percent", "busiest worker", "percent", told.processor_percent),
    )  # fmt: skip
    for field, name, unit, value in rows:
        yield Figure(
            key=f"generator.{field}", name=name, group="Generator", unit=unit, value=value, worse="higher" if field in ("late", "dropped") else "",
        )  # fmt: skip
