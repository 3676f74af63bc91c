"""The stage of the delivery tests: an ERP that misbehaves on cue, and a world with a journal and workers."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, ClassVar, Literal

import pytest

from router.canonical import Document, parse
from router.clock import Clock
from router.connectors.port import (
    Answer,
    Capabilities,
    Exchange,
    LookUpAnswer,
    LookUpResult,
    Missing,
    NoAnswer,
    NotThere,
    Page,
    Posted,
    Record,
    Result,
    SaidNo,
    TryLater,
)
from router.connectors.port import (
    Delivery as Sent,
)
from router.delivery import Delivery, DeliveryPolicy, LocalSignal
from router.errors import Overloaded, VendorRefused, VendorUnknown
from router.journal.journal import Journal
from router.journal.port import Lease, LeaseSettlement, Pin, Submission
from router.landscape import Budget as Limits
from router.model import SETTLED, Decision, Event, State, SystemId

START = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
ERP = SystemId("erp")
HEADER = {
    "legal_entity": "UK01",
    "region": "EMEA",
    "business_unit": "CONSULTING",
    "accounting_date": "2026-10-30",
}
Fault = Literal["ok", "lost", "late", "unavailable", "throttle", "refuse", "bug", "unknown", "hang", "short"]


def project(name: str) -> Document:
    return parse(
        {
            **HEADER, "kind": "project", "document_id": name, "customer_id": "CU1", "contract_id": "C1",
            "name": name, "currency": "GBP", "starts": "2026-01-01", "department": "DELIVERY",
            "practice": "CLOUD", "service_line": "BUILD", "cost_center": "CC1",
        }
    )  # fmt: skip


def time_entry(name: str, project_id: str) -> Document:
    return parse(
        {
            **HEADER, "kind": "time_entry", "document_id": name, "project_id": project_id,
            "resource_id": "R1", "work_date": "2026-10-30", "minutes": 60, "role": "DEV",
            "billable": True, "currency": "GBP", "bill_rate": "120.00", "cost_center": "CC1",
            "department": "DELIVERY", "practice": "CLOUD", "service_line": "BUILD",
        }
    )  # fmt: skip


def milestone(name: str, project_id: str) -> Document:
    return parse(
        {
            **HEADER, "kind": "milestone", "document_id": name, "project_id": project_id,
            "contract_id": "C1", "contract_line": 1, "name": name, "amount": "10.00", "currency": "GBP",
            "completed_on": "2026-10-30",
        }
    )  # fmt: skip


def decide(document: Document, *, table_version: int, lineage: SystemId | None, pin: Pin | None) -> Decision:
    """Everything goes to the one ERP, but documents named S… are its shadow's."""
    if document.document_id.startswith("S"):
        return Decision(rule="dual", table_version=1, authority=SystemId("other"), shadow=ERP)
    return Decision(rule="all", table_version=1, authority=ERP)


@dataclass(frozen=True)
class Row:
    """A job as the journal tells it."""

    lane: str
    name: str
    kind: str
    state: State
    attempts: int
    code: str
    why: str
    events: tuple[str, ...]
    """What its tries came to, in order."""


class Weak(Journal):
    """A journal behind a bad line: extensions get lost, and settling fails now and then."""

    lose_extensions = False
    fail_settling: ClassVar[list[bool]] = []
    polls = 0

    async def claim(self, **what: Any) -> list[Lease]:
        self.polls += 1
        return await super().claim(**what)

    async def extend(self, leases: Sequence[Lease], *, lease_s: float) -> list[bool]:
        return [True] * len(leases) if self.lose_extensions else await super().extend(leases, lease_s=lease_s)

    async def settle(self, settlements: Sequence[LeaseSettlement]) -> list[bool]:
        if self.fail_settling and self.fail_settling.pop():
            raise Overloaded("the database fails over")
        return await super().settle(settlements)


class ScriptedErp:
    """A system that keeps every document it was sent, in order, and answers by a script of faults."""

    system = ERP

    def __init__(self, clock: Clock, script: Sequence[Fault] = (), *, latency_s: float = 0.3) -> None:
        self.capabilities = Capabilities(
            kinds=frozenset({"project", "time_entry", "milestone"}), bulk={"time_entry": 50},
            cancels=frozenset({"project"}),
        )  # fmt: skip
        self.script = list(script)
        self.fault: Callable[[Sequence[Sent]], Fault] = lambda _: "ok"
        self.kept: list[Sent] = []
        self.calls: list[tuple[datetime, list[str]]] = []
        self.look_ups = 0
        self.most_at_once = 0
        self.poison: set[str] = set()
        self.missing: set[str] = set()
        self._clock = clock
        self._out = 0
        self._latency_s = latency_s

    async def post(self, deliveries: Sequence[Sent]) -> Result:
        assert len({(d.document.kind, d.operation) for d in deliveries}) == 1
        fault = self.script.pop(0) if self.script else self.fault(deliveries)
        self.calls.append((self._clock.now(), [d.external_id for d in deliveries]))
        self._out += 1
        self.most_at_once = max(self.most_at_once, self._out)
        try:
            if fault == "late":  # it acts, but only long after the caller gave up
                await asyncio.sleep(self._latency_s)
                self._keep(deliveries)
                await asyncio.sleep(400)
            await asyncio.sleep(100_000 if fault == "hang" else self._latency_s)
        finally:
            self._out -= 1
        return Result(answers=self._answers(fault, deliveries), exchange=Exchange(request="q", response="a"))

    def _answers(self, fault: Fault, deliveries: Sequence[Sent]) -> Sequence[Answer]:
        count = len(deliveries)
        if fault == "unavailable":
            return [TryLater(reason="503")] * count
        if fault == "throttle":
            return [TryLater(reason="429", throttled=True, after_s=20)] * count
        if fault == "refuse":
            raise VendorRefused("bad token")
        if fault == "unknown":
            raise VendorUnknown("connection reset")
        answers = self._keep(deliveries) if fault != "late" else [NoAnswer(reason="time-out")] * count
        if fault == "lost":
            return [NoAnswer(reason="time-out")] * count
        if fault == "bug":
            raise ZeroDivisionError
        return answers[:-1] if fault == "short" else answers

    def _keep(self, deliveries: Sequence[Sent]) -> list[Answer]:
        answers: list[Answer] = []
        for sent in deliveries:
            if sent.external_id in self.poison:
                answers.append(SaidNo(code="BAD", message="no such cost centre", field="cost_center"))
            elif sent.external_id in self.missing:
                answers.append(Missing(kind="project", document_id=sent.document.ordering_key))
            else:
                self.kept.append(sent)
                answers.append(Posted(vendor_id=f"v-{sent.external_id}"))
        return answers

    async def look_up(self, deliveries: Sequence[Sent]) -> LookUpResult:
        self.look_ups += 1
        await asyncio.sleep(self._latency_s)
        have = {(d.external_id, d.operation) for d in self.kept}
        found: list[LookUpAnswer] = [
            Posted(vendor_id=f"v-{d.external_id}") if (d.external_id, d.operation) in have else NotThere()
            for d in deliveries
        ]
        return LookUpResult(answers=found, exchange=Exchange(request="q", response="a"))

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        return Page(events=(), cursor="", more=False)

    async def read_back(
        self, kind: str, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        return ()

    async def ping(self) -> None:
        return None

    async def aclose(self) -> None:
        return None

    def ids(self) -> list[str]:
        return [sent.external_id for sent in self.kept]


class World:
    """A journal, a system, and delivery between them, on virtual time."""

    def __init__(self, clock: Clock, url: str, **how: Any) -> None:
        self.clock = clock
        self.limits = how.pop("limits", Limits(concurrency=4))
        self.policy: DeliveryPolicy = how.pop("policy", DeliveryPolicy())
        self.follow_up = how.pop("follow_up", None)
        self.signal = LocalSignal()
        self.journal = Weak.open(url, clock=clock, decide=decide, poke=self.signal.poke)
        self.erp = ScriptedErp(clock, **how)
        self.delivery = self.new_delivery()
        self.rows: list[Row] = []

    def new_delivery(self, name: str = "w1", journal: Journal | None = None) -> Delivery:
        return Delivery(
            journal=journal or self.journal, connectors=[self.erp], limits={ERP: self.limits},
            signal=self.signal, clock=self.clock, random=Random(7), worker=name, policy=self.policy,
            follow_up=self.follow_up,
        )  # fmt: skip

    async def prepare(self) -> None:
        await self.journal.publish_table("version: 1\n", version=1, by="tester")
        await self.known("customer", "CU1")
        await self.known("contract", "C1")

    async def known(self, kind: str, document_id: str) -> None:
        await self.journal.put_crosswalk(ERP, {(kind, document_id): f"known-{document_id}"})

    async def accept(self, *documents: Document, verb: str = "") -> None:
        await self.journal.accept(
            [
                Submission(
                    client="psa", idempotency_key=one.document_id + verb, received=b"{}", source="psa",
                    event_id=one.document_id + verb, verb=verb or one.verbs[0], document=one, kind=one.kind,
                )
                for one in documents
            ]
        )  # fmt: skip

    @asynccontextmanager
    async def running(self, delivery: Delivery | None = None) -> AsyncIterator[None]:
        """Delivery runs meanwhile, and is killed after."""
        task = asyncio.create_task((delivery or self.delivery).run())
        yield
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def settle(self, *, within_s: float = 100_000, delivery: Delivery | None = None) -> None:
        """Deliver until everything is settled, or the time is over; then look at the jobs."""
        begin, end = self.clock.now(), self.clock.now() + timedelta(seconds=within_s)
        async with self.running(delivery):
            while self.clock.now() < end and await self.open_jobs():
                # Looks as a person would: often at first, then seldom, never beyond the end.
                passed = (self.clock.now() - begin).total_seconds()
                await asyncio.sleep(min(0.25 + passed / 30, within_s - passed))
        await self.look()

    async def open_jobs(self) -> int:
        backlog = (await self.journal.backlog()).get(ERP, {})
        return sum(count for state, count in backlog.items() if state not in SETTLED)

    async def look(self) -> list[Row]:
        rows = []
        async for job in self.journal.jobs():
            if job["target"] == ERP:
                known = await self.journal.transaction(job["transaction_id"])
                assert known is not None
                tries = next(one["tries"] for one in known["jobs"] if one["job_id"] == job["job_id"])
                names = ("lane", "kind", "attempts", "code", "why")
                events = tuple(Event(one["event"]).name if one["event"] else "LOST" for one in tries)
                found = {name: job[name] for name in names}
                rows.append(Row(name=job["external_id"], state=State(job["state"]), events=events, **found))
        self.rows = rows
        return rows

    def row(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def states(self) -> Counter[str]:
        return Counter(row.state.value for row in self.rows)

    def check(self) -> None:
        """Nothing lost, nothing doubled, order kept."""
        assert all(row.state in SETTLED for row in self.rows), self.states()
        assert len(set(self.erp.ids())) == len(self.erp.kept), "doubled"
        posted = [row for row in self.rows if row.state is State.POSTED]
        assert sorted(row.name for row in posted) == sorted(self.erp.ids()), "lost"
        place = {name: at for at, name in enumerate(self.erp.ids())}
        lanes: dict[str, list[Row]] = defaultdict(list)
        for row in posted:
            lanes[row.lane].append(row)
        for rows in lanes.values():
            for one, two in pairwise(rows):
                if "time_entry" not in (one.kind, two.kind) or one.kind != two.kind:
                    assert place[one.name] < place[two.name], "order"


Play = Callable[..., World]
