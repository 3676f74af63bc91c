"""The facts of a run and the verdict on it: the shape of the report's JSON. Pure.

Seconds count from the start of the run. Percentiles are exact: values that were measured, by nearest rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["pass", "fail", "invalid"]
CheckOutcome = Literal["pass", "fail", "invalid", "not asked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """A distribution in milliseconds, exact; zeros of nothing."""

    count: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """How the generator did: whether the run is a measurement at all."""

    planned: int
    """Starts the schedule has."""
    started: int
    dropped: int
    """Starts that never became a request, those of lost workers included."""
    late: int
    """Starts more than 50 ms after their intended moment."""
    worst_late_ms: float
    workers: int
    processor_percent: float
    """Of the busiest worker."""
    lost_workers: int = 0
    """Workers that went away, or fell silent, before their share was over."""
    ended: bool = True
    """Whether it said how it ended; one that was killed could not."""
    foreign: int = 0
    """Rows of the ledger that are not this run's: of no start of its schedule, or of one at another moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erp:
    """What an ERP went through."""

    system: str
    calls: int
    refused: int
    """Calls it refused because a limit of its was exceeded (429)."""
    limit: str
    """Its contract limit in words: `concurrency 15`."""
    peak: int
    """The most calls under way at once."""
    used_percent: float | None
    """How much of the limit was used while work waited for it; None: never enough work waited."""
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Everything measured in a run."""

    generator: Generator
    answers: Mapping[str, int]
    """Status (`202`, `none`, `dropped`) → requests."""
    latency: Mapping[str, Percentiles]
    """Stream (`` = all) → from the intended start."""
    service: Mapping[str, Percentiles]
    """The same from the real start, for contrast."""
    documents: int
    """Documents sent in requests that were answered with success."""
    accepted: int
    """Of all documents sent, those the journal has."""
    unanswered_accepted: int
    """Those the journal has though nobody heard so: the sender will ask again."""
    states: Mapping[str, int]
    """State in the journal → documents, at the end."""
    lost: tuple[str, ...]
    """Documents whose acceptance was promised and which the journal, or the ERP that confirmed, has not."""
    doubled: tuple[str, ...]
    """Documents that stand twice in the journal or in the ERPs."""
    strangers: tuple[str, ...]
    """Documents of the run's clients that nobody sent."""
    delivery: Mapping[str, Percentiles]
    """Stream (`` = all) → from the intended start to the confirmation of the ERP that owns it."""
    backlog_peak: int
    drained_s: float | None
    """From the last start until nothing waited; None: it never was empty."""
    erps: tuple[Erp, ...]
    invariants: tuple[Mapping[str, Any], ...]
    """Findings of the invariant checkers (`cutover.checks.claims.Finding.as_row`)."""
    series: tuple[Mapping[str, Any], ...]
    """A row a second (or wider, see `bucket_s`): t, arrivals, answered, accepted, delivered, backlog, p50_ms,
    p99_ms (from the intended start), late, refused (ERP → 429s)."""
    bucket_s: float
    bands: tuple[Mapping[str, Any], ...] = ()
    """What was made to go wrong: name, from_s, until_s."""
    sla_misses: Mapping[str, int] = field(default_factory=dict)
    """Stream (`` = all) → documents later than its SLA."""
    owed: Mapping[str, int] = field(default_factory=dict)
    """Stream (`` = all) → documents that were accepted and must reach an ERP."""
    notes: tuple[str, ...] = ()
    """What could not be asked, and why."""
    planned_documents: int = 0
    """Documents of all requests that were sent, answered or not."""
    refused_documents: int = 0
    """Lines of batches that were answered with success and that the gateway refused one by one."""
    without_promise: int = 0
    """Answers of success that named no transaction, or not one a document."""
    repeat_answers: Mapping[str, int] = field(default_factory=dict)
    """The same of second sendings: status → repeats."""
    repeats_sent: int = 0
    """Requests sent a second time."""
    repeats: int = 0
    """Requests sent a second time of which both sendings were answered with success."""
    repeats_differ: tuple[str, ...] = ()
    """Those whose second answer was not the first's."""
    journal_asked: bool = True
    """Whether the journal, or the gateway's own account of it, could be read."""
    erps_asked: bool = True
    """Whether the ERPs could be asked what they hold."""
    erp_documents: int = 0
    """Documents the ERPs were found to hold, of whatever origin."""
    clocks_off_s: float = 0.0
    """How far the gateway's clock must at least be from the generator's: it dated an acceptance before its request, or
    after its answer. Positive: the gateway's is ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question of the verdict with its answer."""

    name: str
    outcome: CheckOutcome
    measured: str
    limit: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Pass, fail or invalid, and every check behind it."""

    outcome: Outcome
    because: tuple[str, ...]
    """The sentences a person reads first."""
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 3 something was lost or doubled, 4 invalid: no measurement."""
        if self.outcome == "invalid":
            return 4
        if any(check.outcome == "fail" and check.name in BROKEN for check in self.checks):
            return 3
        return 0 if self.outcome == "pass" else 1


BROKEN = ("nothing lost", "nothing doubled", "invariants")
"""Checks whose failure is no matter of speed."""
