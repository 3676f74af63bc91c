"""Delivery from the journal to a system that misbehaves: nothing lost, nothing doubled, order kept."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.canonical import Document, parse
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
from router.delivery.decisions import Circuit
from router.errors import VendorRefused, VendorUnknown
from router.journal.port import FollowUp, Job, Lease, LeaseSettlement
from router.landscape import Budget as Limits
from router.model import SETTLED, Event, JobId, LaneKey, Operation, State, SystemId, TransactionId, after

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


@dataclass
class Row:
    """A job of the journal below."""

    job_id: int
    lane: str
    document: Document
    operation: Operation
    role: Any
    due: datetime
    since: datetime
    state: State = State.QUEUED
    attempts: int = 0
    code: str = ""
    why: str = ""
    vendor_id: str | None = None
    history: list[str] = field(default_factory=list)


class MemoryJournal:
    """The journal's promises to a worker, in a dictionary: lanes, tokens, intent, settlement."""

    def __init__(self, clock: VirtualClock, signal: LocalSignal) -> None:
        self.rows: dict[int, Row] = {}
        self.stale = 0
        self.polls = 0
        self._clock = clock
        self._signal = signal
        self._leases: dict[str, tuple[int, datetime]] = {}
        self._tokens: Counter[str] = Counter()
        self._crosswalk: dict[tuple[str, str], str] = {}

    def accept(self, *documents: Document, operation: Operation = "create", role: str = "authority") -> None:
        for document in documents:
            at = len(self.rows) + 1
            now = self._clock.now()
            self.rows[at] = Row(at, document.ordering_key, document, operation, role, now, now)
        self._signal.poke(ERP)

    def known(self, kind: str, document_id: str) -> None:
        self._crosswalk[(kind, document_id)] = f"known-{document_id}"

    def _heads(self) -> dict[str, list[Row]]:
        heads: dict[str, list[Row]] = defaultdict(list)
        for row in self.rows.values():
            if row.state not in SETTLED:
                heads[row.lane].append(row)
        return heads

    def _run(self, rows: Sequence[Row], most: int) -> list[Row]:
        now, first = self._clock.now(), rows[0]
        found: list[Row] = []
        for row in rows[: most if first.document.commutes else 1]:
            alike = (row.document.kind, row.operation, row.state is State.QUEUED)
            if alike != (first.document.kind, first.operation, first.state is State.QUEUED) or row.due > now:
                break
            found.append(row)
        return found

    async def claim(
        self, *, worker: str, target: SystemId, lanes: int, jobs_per_lane: int, lease_s: float
    ) -> list[Lease]:
        now = self._clock.now()
        self.polls += 1
        found: list[Lease] = []
        for lane, rows in self._heads().items():
            held = self._leases.get(lane)
            if len(found) == lanes or (held is not None and held[1] > now):
                continue
            run_ = self._run(rows, jobs_per_lane)
            if not run_:
                continue
            self._tokens[lane] += 1
            until = now + timedelta(seconds=lease_s)
            self._leases[lane] = (self._tokens[lane], until)
            found.append(
                Lease(
                    target=target, lane=LaneKey(lane), token=self._tokens[lane], until=until,
                    jobs=tuple(self._claimed(row) for row in run_),
                )
            )  # fmt: skip
        return found

    def _claimed(self, row: Row) -> Job:
        row.attempts += 1
        if row.state is State.QUEUED:
            row.state = after(row.state, Event.CLAIMED)
        elif row.state is State.IN_FLIGHT:
            row.state = after(row.state, Event.LEASE_LOST)
        return Job(
            job_id=JobId(row.job_id), transaction_id=TransactionId(f"T{row.job_id:012d}"),
            correlation_id="c", target=ERP, role=row.role, operation=row.operation,
            kind=row.document.kind, external_id=row.document.document_id, lane=LaneKey(row.lane),
            state=row.state, attempts=row.attempts, document=row.document, facts={}, due=row.due,
            waiting_since=row.since,
        )  # fmt: skip

    async def settle(self, settlements: Sequence[LeaseSettlement]) -> list[bool]:
        held = []
        for one in settlements:
            ours = self._leases.get(one.lane, (0, START))[0] == one.token
            held.append(ours)
            if not ours:
                self.stale += 1
                continue
            for settlement in one.settlements:
                row = self.rows[int(settlement.job_id)]
                row.state = after(row.state, settlement.event)
                row.code, row.why = settlement.code, settlement.why
                row.history.append(settlement.event.name)
                row.due = settlement.due or self._clock.now()
                row.attempts -= not settlement.counts
                if settlement.vendor_id is not None:
                    row.vendor_id = settlement.vendor_id
                    self.known(row.document.kind, row.document.document_id)
            if one.release:
                del self._leases[one.lane]
                self._signal.poke(ERP)
        return held

    async def extend(self, leases: Sequence[Lease], *, lease_s: float) -> list[bool]:
        held = []
        for lease in leases:
            ours = self._leases.get(lease.lane, (0, START))[0] == lease.token
            held.append(ours)
            if ours:
                self._leases[lease.lane] = (lease.token, self._clock.now() + timedelta(seconds=lease_s))
        return held

    async def next_due(self, target: SystemId) -> datetime | None:
        dues = []
        for lane, rows in self._heads().items():
            held = self._leases.get(lane)
            dues.append(held[1] if held is not None else rows[0].due)
        return min(dues, default=None)

    async def crosswalk(
        self, system: SystemId, keys: Sequence[tuple[str, str]]
    ) -> Mapping[tuple[str, str], str]:
        return {key: self._crosswalk[key] for key in keys if key in self._crosswalk}

    def states(self) -> Counter[str]:
        return Counter(row.state.value for row in self.rows.values())


class ScriptedErp:
    """A system that keeps every document it was sent, in order, and answers by a script of faults."""

    system = ERP

    def __init__(self, clock: VirtualClock, script: Sequence[Fault] = (), *, latency_s: float = 0.3) -> None:
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

    def __init__(self, clock: VirtualClock, **how: Any) -> None:
        self.clock = clock
        self.limits = how.pop("limits", Limits(concurrency=4))
        self.policy: DeliveryPolicy = how.pop("policy", DeliveryPolicy())
        self.follow_up = how.pop("follow_up", None)
        self.signal = LocalSignal()
        self.journal = MemoryJournal(clock, self.signal)
        self.erp = ScriptedErp(clock, **how)
        for kind, name in (("customer", "CU1"), ("contract", "C1")):
            self.journal.known(kind, name)
        self.delivery = self.new_delivery()

    def new_delivery(self, name: str = "w1") -> Delivery:
        return Delivery(
            journal=self.journal, connectors=[self.erp], limits={ERP: self.limits}, signal=self.signal,
            clock=self.clock, random=Random(7), worker=name, policy=self.policy, follow_up=self.follow_up,
        )  # fmt: skip

    async def settle(self, *, within_s: float = 100_000, delivery: Delivery | None = None) -> None:
        """Deliver until everything is settled, or the time is over."""
        task = asyncio.create_task((delivery or self.delivery).run())
        end = self.clock.now() + timedelta(seconds=within_s)
        while self.clock.now() < end and not self.settled():  # noqa: ASYNC110 - looks at rows, as a person would
            await asyncio.sleep(0.25)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    def settled(self) -> bool:
        return all(row.state in SETTLED for row in self.journal.rows.values())

    def check(self) -> None:
        """Nothing lost, nothing doubled, order kept."""
        assert self.settled(), self.journal.states()
        assert len(set(self.erp.ids())) == len(self.erp.kept), "doubled"
        posted = [row for row in self.journal.rows.values() if row.state is State.POSTED]
        assert sorted(row.document.document_id for row in posted) == sorted(self.erp.ids()), "lost"
        place = {name: at for at, name in enumerate(self.erp.ids())}
        lanes: dict[str, list[Row]] = defaultdict(list)
        for row in posted:
            lanes[row.lane].append(row)
        for rows in lanes.values():
            for one, two in pairwise(rows):
                if not (one.document.commutes and two.document.commutes):
                    assert place[one.document.document_id] < place[two.document.document_id], "order"


def deliver(body: Callable[[World], Any], **how: Any) -> World:
    async def main(clock: VirtualClock) -> World:
        world = World(clock, **how)
        await body(world)
        return world

    return run(main, start=START)


def a_firm(world: World, *, projects: int = 6, entries: int = 8) -> None:
    for at in range(projects):
        name = f"P{at}"
        world.journal.accept(project(name))
        world.journal.accept(*[time_entry(f"{name}-E{n}", name) for n in range(entries)])
        world.journal.accept(milestone(f"{name}-M", name), time_entry(f"{name}-Z", name))


def test_everything_arrives_once_in_order_and_in_batches() -> None:
    """The plain case: lanes in order, time of several projects in one call."""

    async def body(world: World) -> None:
        a_firm(world)
        await world.settle()

    world = deliver(body)
    world.check()
    assert world.journal.states() == {"posted": 66}
    assert max(len(ids) for _, ids in world.erp.calls) > 8
    assert world.erp.kept[-1].refs[("project", world.erp.kept[-1].document.ordering_key)]


@pytest.mark.parametrize("fault", ["lost", "bug", "unknown", "short", "hang", "late"])
def test_a_lost_answer_never_doubles(fault: Fault) -> None:
    """Whatever loses the answer (network, our bug, a hanging system), the document is looked up first."""

    async def body(world: World) -> None:
        a_firm(world, projects=3)
        await world.settle()

    world = deliver(body, script=["ok", fault, "ok", fault, fault])
    world.check()
    assert world.journal.states() == {"posted": 33}
    assert world.erp.look_ups > 0
    doubtful = [row for row in world.journal.rows.values() if "NO_ANSWER" in row.history]
    assert doubtful
    assert all(row.history[row.history.index("NO_ANSWER") + 1] in {"FOUND", "NOT_FOUND"} for row in doubtful)


def test_no_look_up_means_a_person_decides() -> None:
    """Where the vendor offers no look-up, a lost answer is a dead letter and never sent again (D8)."""

    async def body(world: World) -> None:
        world.erp.capabilities = replace(world.erp.capabilities, can_look_up=False)
        world.delivery = world.new_delivery()
        world.journal.accept(project("P1"))
        await world.settle()

    world = deliver(body, script=["lost"])
    assert world.journal.states() == {"dead": 1}
    assert "a person decides" in world.journal.rows[1].why
    assert len(world.erp.calls) == 1


def test_a_storm_of_429_adapts_and_never_exceeds_concurrency() -> None:
    """Throttled calls are repeated after Retry-After, at half the pace, without using up attempts."""

    async def body(world: World) -> None:
        a_firm(world, projects=30, entries=3)
        storm = iter(range(60))
        world.erp.fault = lambda _: "throttle" if next(storm, None) is not None else "ok"
        await world.settle()
        status = (await world.delivery.status())[ERP]
        assert status.budget.throttled > 10
        assert status.restarts == 0

    world = deliver(body, limits=Limits(concurrency=4))
    world.check()
    assert world.journal.states() == {"posted": 180}
    assert world.erp.most_at_once <= 4
    assert all(row.attempts <= 2 for row in world.journal.rows.values())


def test_the_circuit_opens_and_probes() -> None:
    """An outage costs a handful of calls, then one probe at a time; no document is given up for it."""

    async def body(world: World) -> None:
        a_firm(world, projects=20, entries=3)
        back = world.clock.now() + timedelta(hours=2)
        world.erp.fault = lambda _: "unavailable" if world.clock.now() < back else "ok"
        await world.settle(within_s=600)
        status = (await world.delivery.status())[ERP]
        assert status.circuits["create"][0] is Circuit.OPEN
        assert status.waiting
        await world.settle(delivery=world.new_delivery("w2"))

    world = deliver(body)
    world.check()
    assert world.journal.states() == {"posted": 120}
    outage = [ids for at, ids in world.erp.calls if at < START + timedelta(hours=2)]
    assert len(outage) < 60


def test_poison_blocks_nobody() -> None:
    """A refused document is refused at once with its code; its own lane and the others go on."""

    async def body(world: World) -> None:
        a_firm(world, projects=5)
        world.erp.poison = {"P1-M", "P2-E3"}
        await world.settle(within_s=120)

    world = deliver(body)
    world.check()
    assert world.journal.states() == {"posted": 53, "refused": 2}
    refused = [row for row in world.journal.rows.values() if row.state is State.REFUSED]
    assert {(row.code, row.why) for row in refused} == {("BAD", "cost_center: no such cost centre")}


def test_a_document_that_never_works_is_a_dead_letter() -> None:
    """Attempts are bounded; until then only its own lane waits, and says why."""

    async def body(world: World) -> None:
        a_firm(world, projects=4)
        world.erp.fault = lambda sent: "unavailable" if sent[0].external_id == "P1-M" else "ok"
        await world.settle(within_s=60)
        states = [row.state for row in world.journal.rows.values() if row.lane != "P1"]
        assert set(states) == {State.POSTED}
        # A system that answers nobody but this document would look dead; others keep it alive.
        task = asyncio.create_task(world.delivery.run())
        for at in range(200):
            world.journal.accept(project(f"X{at}"))
            await asyncio.sleep(5)
        task.cancel()
        await asyncio.wait([task])

    world = deliver(body)
    world.check()
    dead = [row for row in world.journal.rows.values() if row.state is State.DEAD]
    assert [(row.document.document_id, row.code) for row in dead] == [("P1-M", "exhausted")]


def test_a_missing_prerequisite_is_waited_for_then_refused() -> None:
    """Time waits for its project, says so, goes soon after it came; after a day it is refused."""

    async def body(world: World) -> None:
        world.journal.accept(time_entry("E1", "P1"), time_entry("E2", "P9"))
        await world.settle(within_s=600)
        assert world.journal.states() == {"queued": 2}
        assert world.journal.rows[1].why == "waits for project P1 in erp"
        assert world.journal.rows[1].attempts == 0
        came = world.clock.now()
        world.journal.known("project", "P1")
        while world.journal.rows[1].state is not State.POSTED:
            await world.settle(within_s=5)
        assert world.clock.now() - came < timedelta(seconds=320)
        await world.settle()
        assert world.clock.now() - START < timedelta(hours=25)

    world = deliver(body)
    assert world.journal.rows[2].code == "prerequisite-missing"
    assert world.erp.ids() == ["E1"]


def test_a_system_says_what_is_missing() -> None:
    """A connector's `Missing` waits the same way, and is asked again rather than believed for ever."""

    async def body(world: World) -> None:
        world.journal.accept(project("P1"), time_entry("E1", "P1"))
        world.erp.missing = {"E1"}
        await world.settle(within_s=300)
        assert world.journal.rows[2].why == "waits for project P1 in erp"
        world.erp.missing = set()
        await world.settle()

    deliver(body).check()


def test_unsupported_kinds_and_operations_are_refused() -> None:
    """What a connector doesn't take is refused without a call, and its lane goes on."""

    async def body(world: World) -> None:
        world.journal.accept(project("P1"))
        world.journal.accept(milestone("M1", "P1"), operation="cancel")
        world.journal.accept(time_entry("E1", "P1"))
        await world.settle()

    world = deliver(body)
    world.check()
    assert [row.state.value for row in world.journal.rows.values()] == ["posted", "refused", "posted"]
    assert world.journal.rows[2].code == "kind-not-supported"


def test_rejected_credentials_wait_long_and_cost_no_attempt() -> None:
    """Nobody hammers a system that rejects our credentials, and no document pays for it."""

    async def body(world: World) -> None:
        a_firm(world, projects=3)
        world.erp.fault = lambda _: "refuse" if world.clock.now() < START + timedelta(hours=1) else "ok"
        await world.settle()

    world = deliver(body)
    world.check()
    assert world.journal.states() == {"posted": 33}
    assert len([1 for at, _ in world.erp.calls if at < START + timedelta(hours=1)]) < 50


def test_a_stale_lease_changes_nothing() -> None:
    """A worker that lost its lane in mid-call settles nothing; the new holder looks the document up."""

    async def body(world: World) -> None:
        world.journal.accept(project("P1"), milestone("M1", "P1"))
        one = asyncio.create_task(world.delivery.run())
        await asyncio.sleep(1)
        world.journal._leases["P1"] = (world.journal._leases["P1"][0], world.clock.now())
        await world.settle(delivery=world.new_delivery("w2"))
        await asyncio.sleep(200)
        one.cancel()
        await asyncio.wait([one])

    world = deliver(body, latency_s=8)
    world.check()
    assert world.journal.stale > 0
    assert world.erp.ids() == ["P1", "M1"]


def test_long_calls_keep_their_lease() -> None:
    """A call longer than the lease is not taken over: the lease is extended at half time."""

    async def body(world: World) -> None:
        world.journal.accept(project("P1"))
        other = world.new_delivery("w2")
        second = asyncio.create_task(other.run())
        await world.settle()
        second.cancel()
        await asyncio.wait([second])

    world = deliver(body, latency_s=700)
    world.check()
    assert (world.erp.look_ups, world.journal.stale) == (0, 0)


def test_a_hanging_call_holds_only_its_own_lane() -> None:
    """While one call hangs, every other lane is delivered."""

    async def body(world: World) -> None:
        a_firm(world, projects=6)
        world.erp.fault = lambda sent: "hang" if sent[0].external_id == "P2-M" else "ok"
        await world.settle(within_s=60)
        assert world.journal.states()["posted"] == 66 - 2

    deliver(body)


def test_follow_ups_come_with_final_outcomes_only() -> None:
    """Posted, refused and dead ask what follows; a shadow does not; a failing follow-up loses nothing."""
    heard: list[tuple[str, str, str]] = []
    failures = iter(range(2))

    async def follow_up(job: Job, answer: Answer) -> FollowUp:
        if job.external_id == "P1" and next(failures, None) is not None:
            raise ZeroDivisionError
        heard.append((job.external_id, job.role, type(answer).__name__))
        return FollowUp()

    async def body(world: World) -> None:
        world.journal.accept(project("P1"), project("P2"))
        world.journal.accept(project("P3"), role="shadow")
        world.erp.poison = {"P2"}
        await world.settle()

    world = deliver(body, follow_up=follow_up)
    world.check()
    assert sorted(heard) == [("P1", "authority", "Posted"), ("P2", "authority", "SaidNo")]
    assert world.journal.rows[1].history == ["NO_ANSWER", "CANNOT_TELL", "FOUND"]


def test_an_idle_target_polls_at_most_every_sweep() -> None:
    """Nothing to do costs nothing: two polls a minute, in virtual time and in production."""

    async def body(world: World) -> None:
        task = asyncio.create_task(world.delivery.run())
        await asyncio.sleep(3600)
        task.cancel()
        await asyncio.wait([task])

    assert deliver(body).journal.polls <= 121


FAULTS: list[Fault] = [
    "ok",
    "lost",
    "late",
    "unavailable",
    "throttle",
    "refuse",
    "bug",
    "unknown",
    "hang",
    "short",
]


@given(
    script=st.lists(st.sampled_from(FAULTS), max_size=25),
    stops=st.lists(st.floats(0.1, 200), max_size=4),
    concurrency=st.integers(1, 5),
)
@settings(deadline=None, max_examples=60)
def test_crashes_and_faults_lose_and_double_nothing(
    script: list[Fault], stops: list[float], concurrency: int
) -> None:
    """Whatever the answers and wherever delivery is stopped and started again: once each, in order."""

    async def body(world: World) -> None:
        a_firm(world, projects=4, entries=4)
        for stop in stops:
            await world.settle(within_s=stop, delivery=world.new_delivery())
        await world.settle(delivery=world.new_delivery("last"))

    world = deliver(body, script=script, limits=Limits(concurrency=concurrency))
    world.check()
    assert world.journal.states() == {"posted": 28}
    assert world.erp.most_at_once <= concurrency
