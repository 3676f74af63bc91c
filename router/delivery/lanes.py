"""The lanes a worker has in hand, and the documents of theirs that may be sent now.

Only a lane's current step is ever in the pool, and a step holds independent documents only, so no
call built from the pool can hold two documents of one lane that depend on each other.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.canonical.kinds import Kind
from router.clock import Clock
from router.connectors.port import Delivery, Exchange
from router.delivery.decisions import FINAL, Ref, batches, give_back
from router.journal.port import Job, Lease, LeaseSettlement, Settlement
from router.model import LaneKey, Operation, State

BEHIND = "behind"
"""Code of jobs given back because something before them in their lane has to wait."""


class LaneInHand:
    """A leased lane: what is decided and not yet settled, what is out, what is still to come."""

    __slots__ = (
        "blocker", "decided", "exchanges", "lease", "lost", "open", "soonest", "steps", "until",
    )  # fmt: skip

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.until = lease.until
        self.steps: deque[list[Job]] = deque(batches(lease.jobs))
        self.open = 0
        """Jobs of the current step without an outcome yet."""
        self.decided: list[Settlement] = []
        self.exchanges: list[Exchange] = []
        self.blocker: Settlement | None = None
        """The settlement the rest of the lane waits for longest."""
        self.soonest: datetime | None = None
        """When the first of its jobs may be tried again."""
        self.lost = False
        """The lease is no longer ours: nothing of it may be sent."""

    @property
    def lane(self) -> LaneKey:
        """The lane's key."""
        return self.lease.lane

    @property
    def hold(self) -> tuple[LaneKey, int]:
        """The lane and the token it is held by: a lane lost and claimed again is another hold."""
        return self.lease.lane, self.lease.token

    @property
    def finished(self) -> bool:
        """Whether the lane can be given back: nothing is out, and nothing may follow now."""
        return self.open == 0 and (self.blocker is not None or not self.steps)

    def decide(self, settlement: Settlement) -> None:
        """Keep an outcome until the next settlement; one that is not final stops the lane's later steps."""
        self.decided.append(settlement)
        if settlement.event in FINAL:
            return
        due = settlement.due
        assert due is not None, "what is not final says when it is tried again"
        if self.soonest is None or due < self.soonest:
            self.soonest = due
        if self.blocker is None or self.blocker.due is None or due > self.blocker.due:
            self.blocker = settlement

    def hear(self, exchange: Exchange) -> int:
        """Keep a wire exchange with the outcomes; gives its index."""
        self.exchanges.append(exchange)
        return len(self.exchanges) - 1

    def settlement(self) -> LeaseSettlement:
        """Everything decided so far, taken out; a finished lane is released, its rest given back."""
        release = self.finished
        if release and self.blocker is not None:
            # With the blocker's own due time the rest can't overtake it, whoever claims next.
            why, due = f"waits behind another document of its lane: {self.blocker.why}", self.blocker.due
            for step in self.steps:
                self.decided.extend(give_back(job, code=BEHIND, why=why, due=due) for job in step)
            self.steps.clear()
        decided, self.decided = self.decided, []
        exchanges, self.exchanges = self.exchanges, []
        return LeaseSettlement(
            target=self.lease.target, lane=self.lane, token=self.lease.token,
            settlements=tuple(decided), exchanges=tuple(exchanges), release=release,
        )  # fmt: skip


@dataclass(slots=True)
class Item:
    """One document that may be sent, or looked up, now."""

    lane: LaneInHand
    job: Job
    refs: Mapping[Ref, str]

    def delivery(self) -> Delivery:
        """As the connector gets it."""
        job = self.job
        return Delivery(
            job_id=job.job_id, external_id=job.external_id, operation=job.operation,
            document=job.document, refs=self.refs, facts=job.facts, kind=job.kind,
            mapping_of=job.mapping_of,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """What may share a call."""

    looks_up: bool
    kind: Kind
    operation: Operation

    @property
    def circuit(self) -> str:
        """The name of the circuit its calls go through."""
        return "look_up" if self.looks_up else self.operation


class Pool:
    """Documents that may be sent now, by group, first come first served; look-ups before the rest."""

    def __init__(self) -> None:
        self._groups: dict[Group, deque[Item]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._groups.values()))

    def add(self, item: Item) -> None:
        """Put a document in."""
        job = item.job
        group = Group(job.state is State.IN_DOUBT, job.kind, job.operation)
        queue = self._groups.get(group)
        if queue is None:
            queue = self._groups[group] = deque()
        queue.append(item)

    def groups(self) -> list[Group]:
        """Groups with something in them: look-ups first, then the one that waited longest."""
        return sorted(self._groups, key=lambda group: not group.looks_up)

    def take(self, group: Group, most: int, now: datetime) -> list[Item]:
        """Up to `most` documents of a group whose lease still holds; the group goes to the end."""
        queue = self._groups.pop(group)
        taken: list[Item] = []
        while queue and len(taken) < most:
            item = queue.popleft()
            if item.lane.until <= now:
                item.lane.lost = True
            if not item.lane.lost:
                taken.append(item)
        if queue:
            self._groups[group] = queue
        return taken


class KnownRefs:
    """Vendor ids this worker has seen, bounded, least recently used out first; absence is never kept.

    What was seen longer than `fresh_s` ago is asked for again: a merge may have given it another id.
    """

    def __init__(self, most: int, *, clock: Clock, fresh_s: float) -> None:
        self._most = most
        self._clock = clock
        self._fresh = timedelta(seconds=fresh_s)
        self._known: OrderedDict[Ref, tuple[str, datetime]] = OrderedDict()

    def get(self, ref: Ref) -> str | None:
        """The vendor id, if known."""
        found = self._known.get(ref)
        if found is None:
            return None
        self._known.move_to_end(ref)
        return found[0]

    def put(self, ref: Ref, vendor_id: str) -> None:
        """Remember one."""
        self._known[ref] = (vendor_id, self._clock.now())
        self._known.move_to_end(ref)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def forget(self, ref: Ref) -> None:
        """The system says it has no such thing, or cancelled it."""
        self._known.pop(ref, None)

    def unknown(self, refs: Iterable[Ref]) -> list[Ref]:
        """Those not known, or not lately, in order, each once."""
        since = self._clock.now() - self._fresh
        known = self._known
        return list(dict.fromkeys(ref for ref in refs if ref not in known or known[ref][1] < since))
