"""The run second by second, or wider: what the report draws. Pure.

A bucket's percentiles are exact too, of the requests that were meant to start in it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loadtests.ledger.rows import DROPPED, NO_ANSWER, Sent
from loadtests.verdict.erps import Second
from loadtests.verdict.matching import NEVER, OPEN, STATES, Matched
from loadtests.verdict.moments import SECOND_US
from loadtests.verdict.percentiles import milliseconds, nearest_rank

WAITS = frozenset(code for code, state in enumerate(STATES) if state in OPEN)
BUCKETS = 7_200
"""At most so many rows: two hours by the second; longer runs have wider ones."""


def width_us(length_us: int) -> int:
    """The width of a bucket for a run of this length: whole seconds."""
    return max(1, -(-length_us // (BUCKETS * SECOND_US))) * SECOND_US


class Series:
    """Counts by bucket, filled from several sides."""

    def __init__(self, length_us: int) -> None:
        self.width_us = width_us(length_us)
        self._count = max(1, -(-length_us // self.width_us))
        self._sums: dict[str, array[int]] = {}
        self._changes = self._row("backlog")
        self._latencies: dict[int, array[int]] = {}
        self._erps: dict[str, dict[str, array[int]]] = {}

    def sent(self, starts_us: Iterable[int], rows: Iterable[Sent]) -> None:
        """The schedule's starts, and the first sending of each request."""
        arrivals, answered, late = (self._row(name) for name in ("arrivals", "answered", "late"))
        for at in starts_us:
            arrivals[self._at(at)] += 1
        for row in rows:
            if row.status == DROPPED:
                continue
            at = self._at(row.intended_us)
            late[at] += row.late
            self._latencies.setdefault(at, array("q")).append(row.latency_us)
            if row.status != NO_ANSWER:
                answered[self._at(row.ended_us)] += 1

    def documents(self, found: Matched, posted: int) -> None:
        """Acceptances, deliveries (state `posted`), and what waits in between."""
        accepted, delivered = self._row("accepted"), self._row("delivered")
        for seq, taken, settled, state in zip(
            found.seq, found.accepted_us, found.settled_us, found.state, strict=True
        ):
            if not seq:
                continue
            accepted[self._at(taken)] += 1
            if settled != NEVER and state == posted:
                delivered[self._at(settled)] += 1
        for moment, change in backlog_changes(found):
            self._changes[self._at(moment)] += change

    def erp(self, system: str, seconds: Iterable[Second], zero_s: int) -> None:
        """Calls and refusals of an ERP; `zero_s` is the run's beginning in seconds since 1970."""
        of = self._erps.setdefault(system, {"calls": self._blank(), "refused": self._blank()})
        for row in seconds:
            at = self._at((row.at - zero_s) * SECOND_US)
            of["calls"][at] += row.calls
            of["refused"][at] += row.refused

    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """A row a bucket, gaps included."""
        found, backlog = [], 0
        for at in range(self._count):
            backlog += self._changes[at]
            ranked = sorted(self._latencies.get(at, ()))
            found.append(
                {"t": at * self.width_us / SECOND_US}
                | {name: row[at] for name, row in self._sums.items() if name != "backlog"}
                | {"backlog": backlog}
                | ({"p50_ms": _at(ranked, 500), "p99_ms": _at(ranked, 990)} if ranked else {})
                | {
                    name: {system: of[name][at] for system, of in sorted(self._erps.items())}
                    for name in ("calls", "refused")
                    if self._erps
                }
            )
        return tuple(found)

    def _row(self, name: str) -> array[int]:
        return self._sums.setdefault(name, self._blank())

    def _blank(self) -> array[int]:
        return array("q", bytes(8 * self._count))

    def _at(self, us: int) -> int:
        return min(max(us // self.width_us, 0), self._count - 1)


def backlog_changes(found: Matched) -> Iterable[tuple[int, int]]:
    """(moment, +1 or -1) of every document that must reach an ERP; one that rests for a person is no backlog."""
    for taken, settled, deliver, state in zip(
        found.accepted_us, found.settled_us, found.deliver, found.state, strict=True
    ):
        if taken != NEVER and deliver and (settled != NEVER or state in WAITS):
            yield taken, 1
            if settled != NEVER:
                yield settled, -1


def backlog_peak(found: Matched) -> int:
    """The most documents that waited at one moment."""
    ups = sorted(moment for moment, change in backlog_changes(found) if change > 0)
    downs = sorted(moment for moment, change in backlog_changes(found) if change < 0)
    peak = gone = 0
    for count, moment in enumerate(ups, start=1):
        while gone < len(downs) and downs[gone] <= moment:
            gone += 1
        peak = max(peak, count - gone)
    return peak


def _at(ranked: Sequence[int], thousandths: int) -> float:
    return milliseconds(nearest_rank(ranked, thousandths))
