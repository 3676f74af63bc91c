"""Turns answers into outcomes of lanes in hand, with what follows from a final one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import structlog

from router.clock import Clock
from router.connectors.port import (
    Answer,
    Capabilities,
    LookUpAnswer,
    Missing,
    NoAnswer,
    NotThere,
    Posted,
    SaidNo,
    TryLater,
)
from router.delivery.calling import Heard
from router.delivery.decisions import (
    FINAL,
    Facts,
    Ref,
    after_answer,
    after_look_up,
    after_missing,
    dead,
    no_look_up,
    references,
    refused,
    supported,
)
from router.delivery.lanes import Item, KnownRefs, LaneInHand
from router.delivery.policy import DeliveryPolicy
from router.journal.port import FollowUp, Job, Settlement
from router.model import Event, JobId, LaneKey, State, SystemId

_log = structlog.get_logger(__name__)
FollowUps = Callable[[Job, Answer], Awaitable[FollowUp]]
"""What is to happen in the commit that settles a job for good. For a dead job the answer is its last
one: a TryLater, or a NoAnswer when nobody can tell what the system did."""
WAITING_MAX = 200_000
"""Waiting jobs remembered for the console; beyond it the oldest are forgotten, the journal knows them."""
Decided = tuple[Answer | LookUpAnswer, Settlement]


class Outcomes:
    """Decides for one target; remembers vendor ids it has seen and why jobs wait."""

    def __init__(
        self, *, target: SystemId, capabilities: Capabilities, clock: Clock, random: Random,
        policy: DeliveryPolicy, follow_up: FollowUps | None,
    ) -> None:  # fmt: skip
        self.refs = KnownRefs(policy.refs_known_max, clock=clock, fresh_s=policy.refs_fresh_s)
        self.stood: frozenset[Ref] = frozenset()
        """Masters in doubt that the system had before, by the journal: what this process heard may not be settled."""
        self._target = target
        self._can = capabilities
        self._clock = clock
        self._random = random
        self._policy = policy
        self._follow_up = follow_up
        self._waiting: dict[JobId, tuple[str, int]] = {}
        self._log = _log.bind(target=target)

    def waiting(self) -> Mapping[str, int]:
        """Jobs given back and not yet settled for good, by reason."""
        return dict(sorted(Counter(code for code, _ in self._waiting.values()).items()))

    def without_call(self, job: Job) -> Decided | dict[Ref, str]:
        """What needs no call, decided; or the references to call with."""
        if job.state is State.IN_DOUBT:
            if self._can.can_look_up:
                return {}
            lost = NoAnswer(reason="the answer was lost")
            return lost, no_look_up(job, lost.reason, self._facts())
        if not supported(job, self._can):
            why = f"{self._target} takes no {job.kind} to {job.operation}"
            code = "kind-not-supported"
            return SaidNo(code=code, message=why), refused(job, code, why)
        required, wanted = references(job, self._can.kinds)
        refs: dict[Ref, str] = {}
        for ref in required:
            found = self.refs.get(ref)
            if found is None:
                facts = self._facts(waits=self._waits(job, "prerequisite"))
                return Missing(kind=ref[0], document_id=ref[1]), after_missing(job, ref, facts)
            refs[ref] = found
        for ref in wanted:
            found = self.refs.get(ref)
            if found is not None:
                refs[ref] = found
        return refs

    async def after_call(
        self, items: Sequence[Item], heard: Heard, *, looked_up: bool, systemic: bool
    ) -> None:
        """Decide every document of a call."""
        by_lane: dict[LaneKey, Facts] = {}
        for item, answer in zip(items, heard.answers, strict=True):
            lane, job = item.lane, item.job
            facts = by_lane.get(lane.lane)
            if facts is None:
                exchange = None if heard.exchange is None else lane.hear(heard.exchange)
                facts = by_lane[lane.lane] = self._facts(exchange=exchange, systemic=systemic)
            if isinstance(answer, Posted):
                self._learn(job, answer)
            elif isinstance(answer, Missing):
                self.refs.forget((answer.kind, answer.document_id))
                facts = replace(facts, waits=self._waits(job, "prerequisite"))
            elif looked_up:
                facts = replace(facts, waits=self._waits(job, "in-doubt"))
            if isinstance(answer, NotThere):
                settlement = after_look_up(job, answer, facts)
            elif looked_up:
                assert isinstance(answer, Posted | NoAnswer), "a look-up finds, does not find, or fails"
                stood = (job.kind, job.document.document_id) in self.stood
                settlement = after_look_up(job, answer, replace(facts, stood=stood))
            else:
                settlement = after_answer(job, answer, facts)
            await self.decide(lane, job, answer, settlement)
            lane.open -= 1

    async def decide(
        self, lane: LaneInHand, job: Job, answer: Answer | LookUpAnswer, settlement: Settlement
    ) -> None:
        """Keep an outcome with its lane; a final one gets what follows from it, for the same commit."""
        if settlement.event in FINAL:
            if settlement.event is Event.EXHAUSTED:
                self._log.warning("delivery.dead_letter", job=job.job_id, why=settlement.why)
            if self._follow_up is not None and job.role != "shadow":
                settlement = await self._with_follow_up(job, answer, settlement)
        if settlement.event in FINAL:
            self._waiting.pop(job.job_id, None)
        else:
            self._remember(job, settlement.code)
        lane.decide(settlement)

    def give_back(self, lane: LaneInHand, job: Job, settlement: Settlement) -> None:
        """Keep that a job was not tried after all."""
        self._remember(job, settlement.code)
        lane.decide(settlement)
        lane.open -= 1

    async def _with_follow_up(
        self, job: Job, answer: Answer | LookUpAnswer, settlement: Settlement
    ) -> Settlement:
        assert self._follow_up is not None
        if settlement.event is Event.SAID_NO and not isinstance(answer, SaidNo):
            answer = SaidNo(code=settlement.code, message=settlement.why)
        elif isinstance(answer, NotThere):
            answer = TryLater(reason=settlement.why)
        try:
            following = await self._follow_up(job, answer)
            if not (following.submissions or following.jobs or following.process is not None):
                return settlement
            return replace(settlement, follow_up=following)
        except Exception as error:
            log = self._log
            log.exception("delivery.follow_up_bug", job=job.job_id)
            why = f"{settlement.event.value}, but what follows from it failed: {type(error).__name__}"
            return self._without_follow_up(job, settlement, why)

    def _without_follow_up(self, job: Job, settlement: Settlement, why: str) -> Settlement:
        """A bug of ours in a follow-up: what follows must not be lost, so the outcome is heard again.

        A document that was posted is in doubt and looked up; one that was refused is sent again, which
        is safe; both until attempts are exhausted, then a person sees it.
        """
        facts = self._facts(exchange=settlement.exchange, waits=self._waits(job, "in-doubt"))
        if settlement.event is Event.EXHAUSTED:
            return replace(settlement, why=f"{settlement.why}; {why}")
        # What was posted goes in doubt however often it was tried: a replay must look it up, not send it again.
        tried = settlement.event is Event.SAID_NO and job.attempts >= self._policy.attempts_max
        if tried or not self._can.can_look_up:
            return dead(job, "follow-up", f"{why} (vendor id {settlement.vendor_id})", facts)
        if job.state is State.IN_DOUBT:
            # Found every time: what a person must be told is that we stumble, not that nobody can tell.
            found = after_look_up(job, NoAnswer(reason=why), facts)
            over = found.event is Event.EXHAUSTED
            return (
                dead(job, "follow-up", f"{why} (vendor id {settlement.vendor_id})", facts) if over else found
            )
        again = NoAnswer if settlement.event is Event.ACCEPTED else TryLater
        return after_answer(job, again(reason=why), facts)

    def _learn(self, job: Job, answer: Posted) -> None:
        own = (job.kind, job.document.document_id)
        if job.operation == "create":
            self.refs.put(own, answer.vendor_id)
        elif job.operation == "cancel":
            self.refs.forget(own)

    def _facts(self, *, waits: int = 0, exchange: int | None = None, systemic: bool = False) -> Facts:
        return Facts(
            now=self._clock.now(), policy=self._policy, draw=self._random.random(),
            can_look_up=self._can.can_look_up, systemic=systemic, waits=waits, exchange=exchange,
        )  # fmt: skip

    def _waits(self, job: Job, code: str) -> int:
        known, waits = self._waiting.get(job.job_id, ("", 0))
        return waits if known == code else 0

    def _remember(self, job: Job, code: str) -> None:
        waits = self._waits(job, code) + 1
        self._waiting.pop(job.job_id, None)
        self._waiting[job.job_id] = (code, waits)
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
