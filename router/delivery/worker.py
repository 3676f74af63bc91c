"""One target's worker: claims lanes, brings up their steps, calls, settles, and keeps its leases.

Four kinds of tasks on one loop share the lanes in hand, without locks because none of them leaves a
lane half changed across an await: the *claimer* fills the hand, *callers* (as many as the budget
allows calls) empty the pool, the *settler* writes what was decided and brings up each lane's next
step, the *keeper* extends leases at half time. Whatever raises ends the worker, as a crash would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

import structlog

from router.clock import Clock
from router.connectors.port import Connector
from router.delivery.breaker import Breaker, Ticket
from router.delivery.budget import Budget, BudgetStatus, Grant
from router.delivery.calling import Heard, call
from router.delivery.decisions import Circuit, Ref, bulk_of, give_back, is_alive, references
from router.delivery.lanes import Group, Item, LaneInHand, Pool
from router.delivery.outcomes import FollowUps, Outcomes
from router.delivery.policy import DeliveryPolicy
from router.delivery.signal import Signal
from router.journal.port import Lease, LeaseSettlement
from router.landscape import Budget as Limits
from router.model import LaneKey, State, SystemId

_log = structlog.get_logger(__name__)
PAST_DUE_S = 1.0
"""Work that is due and could not be claimed is in somebody else's hands for a moment: asked for again
after this, doubling up to the sweep."""
LISTEN_S = 3600.0
"""A wait for pokes is begun anew this often; sweeps do not depend on it."""


class Work(Protocol):
    """The part of the journal a worker uses."""

    async def claim(
        self, *, worker: str, target: SystemId, lanes: int, jobs_per_lane: int, lease_s: int
    ) -> list[Lease]:
        """Lease due lanes; their jobs' intent is journalled."""
        ...

    async def settle(self, settlements: Sequence[LeaseSettlement]) -> list[bool]:
        """Write outcomes; False where the token is stale and nothing changed."""
        ...

    async def extend(self, leases: Sequence[Lease], *, lease_s: int) -> list[bool]:
        """Extend leases from now; False where one was lost."""
        ...

    async def next_due(self, target: SystemId) -> datetime | None:
        """When the next lane may be claimed."""
        ...

    async def crosswalk(self, system: SystemId, keys: Sequence[Ref]) -> Mapping[Ref, str]:
        """Vendor ids of those documents the system has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """How delivery to one target stands, for the console. Counts are this worker's own."""

    target: SystemId
    lanes_in_hand: int
    calls: int
    """Calls under way."""
    ready: int
    """Documents that could be sent now, if the budget allowed."""
    budget: BudgetStatus
    circuits: Mapping[str, tuple[Circuit, datetime | None]]
    """By operation: the state, and when open, the time of the probe."""
    waiting: Mapping[str, int]
    """Documents this worker gave back and has not settled since, by reason."""
    restarts: int = 0


class TargetWorker:
    """Delivers to one target until cancelled."""

    def __init__(
        self, *, connector: Connector, journal: Work, budget: Budget, limits: Limits, signal: Signal,
        clock: Clock, random: Random, worker: str, policy: DeliveryPolicy | None = None,
        follow_up: FollowUps | None = None,
    ) -> None:  # fmt: skip
        self.target = connector.system
        self._connector = connector
        self._can = connector.capabilities
        self._journal = journal
        self._budget = budget
        self._limits = limits
        self._signal = signal
        self._clock = clock
        self._worker = worker
        self._policy = policy or DeliveryPolicy()
        self._log = _log.bind(target=self.target, worker=worker)
        self._hands: dict[LaneKey, LaneInHand] = {}
        self._pool = Pool()
        self._outcomes = Outcomes(
            target=self.target, capabilities=self._can, clock=clock, random=random,
            policy=self._policy, follow_up=follow_up,
        )  # fmt: skip
        self._breakers = {
            name: Breaker(clock=clock, policy=self._policy)
            for name in ("look_up", "create", "cancel", "feedback")
        }
        self._calls = 0
        self._answered: dict[tuple[LaneKey, int], LaneInHand] = {}
        self._settle_now = asyncio.Event()
        self._work_ready = asyncio.Event()
        self._held = asyncio.Event()
        self._replan = asyncio.Event()
        self._more = False
        self._last_claim = self._next_claim = clock.now()
        self._past_due = 0

    async def run(self) -> None:
        """Deliver until cancelled; cancelled, it settles nothing: its leases expire, as after a crash."""
        async with asyncio.TaskGroup() as tasks:
            for at in range(self._limits.concurrency):
                tasks.create_task(self._caller(), name=f"{self.target}-caller-{at}")
            tasks.create_task(self._settler(), name=f"{self.target}-settler")
            tasks.create_task(self._keeper(), name=f"{self.target}-keeper")
            tasks.create_task(self._listener(), name=f"{self.target}-listener")
            tasks.create_task(self._claimer(), name=f"{self.target}-claimer")

    async def status(self) -> TargetStatus:
        """How this worker stands."""
        return TargetStatus(
            target=self.target, lanes_in_hand=len(self._hands), calls=self._calls, ready=len(self._pool),
            budget=await self._budget.status(self.target), waiting=self._outcomes.waiting(),
            circuits={name: (b.state, b.until) for name, b in self._breakers.items()},
        )  # fmt: skip

    # --- the claimer: fills the hand ---

    async def _claimer(self) -> None:
        while True:
            now = self._clock.now()
            if now >= self._next_claim:
                await self._claim(now)
                continue
            self._replan.clear()
            try:
                async with asyncio.timeout((self._next_claim - now).total_seconds()):
                    await self._replan.wait()
            except TimeoutError:
                continue  # the planned time has come

    async def _claim(self, now: datetime) -> None:
        policy = self._policy
        self._last_claim = now
        self._next_claim = now + timedelta(seconds=policy.sweep_s)
        self._more = True
        room = policy.lanes - len(self._hands)
        if room <= 0:
            return
        # Most sweeps find nothing: one question, and no claim.
        due = await self._journal.next_due(self.target)
        if due is not None and due <= self._clock.now():
            if await self._claim_due(room):
                return
            due = await self._journal.next_due(self.target)
        self._more = False
        now = self._clock.now()
        self._past_due = 0 if due is None or due > now else min(self._past_due + 1, 30)
        if due is not None:
            self._claim_by(max(due, now + timedelta(seconds=PAST_DUE_S * 2.0**self._past_due - PAST_DUE_S)))

    async def _claim_due(self, room: int) -> bool:
        """Fill the hand; True: it is full, and there may be more."""
        # Behind an open circuit most lanes only learn how long to wait: take little of each.
        closed = all(breaker.state is Circuit.CLOSED for breaker in self._breakers.values())
        jobs_per_lane = self._policy.jobs_per_lane if closed else 1
        leases = await self._journal.claim(
            worker=self._worker, target=self.target, lanes=room,
            jobs_per_lane=jobs_per_lane, lease_s=self._policy.lease_s,
        )  # fmt: skip
        if leases:
            await self._take_in(leases)
        if len(leases) < room:
            return False
        self._claim_if_low()
        return True

    def _claim_by(self, at: datetime, *, gather_s: float | None = None) -> None:
        """Claim no later than `at`, but leave a pause after the last claim, so that work gathers."""
        pause_s = self._policy.gather_s if gather_s is None else gather_s
        at = max(at, self._last_claim + timedelta(seconds=pause_s))
        if at < self._next_claim:
            self._next_claim = at
            self._replan.set()

    def _claim_if_low(self) -> None:
        """The last claim left work behind: take more at once when half of the hand is empty."""
        if self._more and len(self._hands) <= self._policy.lanes // 2:
            self._more = False
            self._next_claim = self._clock.now()
            self._replan.set()

    async def _take_in(self, leases: Sequence[Lease]) -> None:
        lanes = [LaneInHand(lease) for lease in leases]
        for lane in lanes:
            before = self._hands.get(lane.lane)
            if before is not None:
                self._lose(before)
            self._hands[lane.lane] = lane
        self._held.set()
        await self._bring_up(lanes)

    async def _listener(self) -> None:
        while True:
            if await self._signal.wait(self.target, LISTEN_S):
                self._claim_by(self._clock.now() + timedelta(seconds=self._policy.gather_s))

    # --- steps: from the hand into the pool ---

    async def _bring_up(self, lanes: Sequence[LaneInHand]) -> None:
        """Put each lane's next step in the pool, deciding at once what needs no call."""
        await self._learn_refs(lanes)
        for lane in lanes:
            for job in lane.steps.popleft() if lane.steps else ():
                found = self._outcomes.without_call(job)
                if isinstance(found, dict):
                    lane.open += 1
                    self._pool.add(Item(lane, job, found))
                else:
                    await self._outcomes.decide(lane, job, *found)
            if lane.open == 0 or lane.decided:
                self._to_settle(lane)
        if len(self._pool):
            self._work_ready.set()

    async def _learn_refs(self, lanes: Sequence[LaneInHand]) -> None:
        """Ask the journal, once for all lanes, for references of the next steps not known yet."""
        wanted: list[Ref] = []
        doubtful: list[Ref] = []
        for lane in lanes:
            for job in lane.steps[0] if lane.steps else ():
                if job.state is not State.IN_DOUBT:
                    for refs in references(job, self._can.kinds):
                        wanted.extend(refs)
                elif not job.document.transactional:
                    doubtful.append((job.kind, job.document.document_id))
        if doubtful:
            self._outcomes.stood |= frozenset(await self._journal.crosswalk(self.target, doubtful))
        known = self._outcomes.refs
        unknown = known.unknown(wanted)
        if unknown:
            for ref, vendor_id in (await self._journal.crosswalk(self.target, unknown)).items():
                known.put(ref, vendor_id)

    # --- callers: empty the pool ---

    async def _caller(self) -> None:
        while True:
            await self._work_ready.wait()
            grant = await self._budget.take(self.target)
            picked = self._pick()
            if picked is None:
                # Nothing may go out now: more work or a probe's answer wakes us.
                self._work_ready.clear()
                await self._budget.done(grant, used=False)
            else:
                await self._call(grant, *picked)

    def _pick(self) -> tuple[Group, list[Item], Ticket] | None:
        """The next call: its documents, and its ticket through the circuit."""
        now = self._clock.now()
        for group in self._pool.groups():
            breaker = self._breakers[group.circuit]
            if not breaker.due:
                if breaker.until is not None:
                    self._give_back(self._pool.take(group, len(self._pool), now), group, breaker.until)
                continue
            most = 1  # a probe
            if breaker.state is Circuit.CLOSED:
                most = bulk_of(
                    group.kind, looks_up=group.looks_up, capabilities=self._can,
                    bulk=self._limits.bulk, look_up=self._policy.look_up_bulk,
                )  # fmt: skip
            items = self._pool.take(group, most, now)
            if items:
                ticket = breaker.ask()
                assert ticket is not None, "a circuit that is due gives a ticket"
                return group, items, ticket
        return None

    def _give_back(self, items: Iterable[Item], group: Group, until: datetime) -> None:
        why = f"{self.target} does not answer ({group.circuit}): tried again from {until:%H:%M:%S} UTC"
        for item in items:
            settlement = give_back(item.job, code="circuit-open", why=why, due=until)
            self._outcomes.give_back(item.lane, item.job, settlement)
            self._to_settle(item.lane)

    async def _call(self, grant: Grant, group: Group, items: list[Item], ticket: Ticket) -> None:
        heard: Heard | None = None
        self._calls += 1
        try:
            heard = await call(
                self._connector, [item.delivery() for item in items],
                looks_up=group.looks_up, policy=self._policy,
            )  # fmt: skip
        finally:
            self._calls -= 1
            throttled = heard is not None and heard.throttled
            after_s = heard.after_s if heard is not None else None
            await self._budget.done(grant, throttled=throttled, after_s=after_s)
        breaker = self._breakers[group.circuit]
        breaker.record(ticket, alive=heard.throttled or is_alive(heard.answers))
        if len(self._pool):
            self._work_ready.set()
        systemic = heard.refused or breaker.state is not Circuit.CLOSED
        await self._outcomes.after_call(items, heard, looked_up=group.looks_up, systemic=systemic)
        for item in items:
            self._to_settle(item.lane)

    # --- the settler: writes what was decided ---

    def _to_settle(self, lane: LaneInHand) -> None:
        self._answered[lane.hold] = lane
        self._settle_now.set()

    async def _settler(self) -> None:
        while True:
            await self._settle_now.wait()
            if self._calls:
                await asyncio.sleep(self._policy.settle_gather_s)
            self._settle_now.clear()
            lanes, self._answered = list(self._answered.values()), {}
            settlements = [lane.settlement() for lane in lanes]
            kept = await self._journal.settle(settlements)
            going_on: list[LaneInHand] = []
            for lane, settlement, ours in zip(lanes, settlements, kept, strict=True):
                if not ours:
                    self._lose(lane)
                elif settlement.release:
                    self._release(lane)
                elif lane.open == 0 and not lane.decided and not lane.lost:
                    going_on.append(lane)
            if going_on:
                await self._bring_up(going_on)
            self._claim_if_low()

    def _release(self, lane: LaneInHand) -> None:
        self._drop(lane)
        if lane.soonest is not None:
            self._claim_by(lane.soonest)
        elif lane.lease.more:
            self._claim_by(self._clock.now(), gather_s=self._policy.again_s)

    def _lose(self, lane: LaneInHand) -> None:
        """The lease is no longer ours: nothing more of it is sent, and its outcomes change nothing."""
        if not lane.lost:
            self._log.warning("delivery.lease_lost", lane=lane.lane)
        lane.lost = True
        self._drop(lane)

    def _drop(self, lane: LaneInHand) -> None:
        if self._hands.get(lane.lane) is lane:
            del self._hands[lane.lane]
        if not self._hands:
            self._held.clear()

    # --- the keeper: extends leases ---

    async def _keeper(self) -> None:
        lease_s = self._policy.lease_s
        while True:
            await self._held.wait()
            # A quarter at a time: a lease is extended between a half and a quarter of its time to go.
            await asyncio.sleep(lease_s / 4)
            now = self._clock.now()
            half = now + timedelta(seconds=lease_s / 2)
            lanes = [lane for lane in self._hands.values() if lane.until <= half]
            if not lanes:
                continue
            kept = await self._journal.extend([lane.lease for lane in lanes], lease_s=lease_s)
            for lane, ours in zip(lanes, kept, strict=True):
                if ours and not lane.lost:
                    lane.until = now + timedelta(seconds=lease_s)
                else:
                    self._lose(lane)
