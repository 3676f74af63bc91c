"""Mutants that a gate of the plan, or the second look at the gates, must catch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cutover.freeze import beside as freeze
from cutover.plan.steps import Thresholds
from cutover.proving.scenarios import EARLY_FREEZE
from cutover.proving.seams import Seams
from cutover.rehearsal.people import RehearsedPeople
from cutover.runner import ground
from cutover.runner.controls import RouterControls
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.port import Backlog
from cutover.runner.steps import proving
from router.connectors.netsuite.connector import NetSuite
from router.connectors.port import Answer, Delivery, Result, SaidNo
from router.connectors.sap_ecc.connector import SapEcc
from router.delivery import outcomes
from router.delivery.decisions import Facts, after_answer, dead
from router.journal import acceptance
from router.journal.journal import Journal
from router.journal.port import Job, Settlement


def no_drain(seams: Seams) -> None:
    """The plan goes on without waiting for what is under way."""

    async def at_once(*_: Any, **__: Any) -> int:
        return 0

    seams.put(Ground, "until_drained", at_once)


def blind_backlog(seams: Seams) -> None:
    """From the freeze on the backlog is said to be empty, whatever is under way."""
    backlog = RouterControls.backlog

    async def blind(self: RouterControls, *given: Any, **named: Any) -> Backlog:
        if self.clock.now() >= EARLY_FREEZE:
            return Backlog(waiting=0, in_doubt=0, held=0)
        return await backlog(self, *given, **named)

    seams.put(RouterControls, "backlog", blind)


def nothing_passes(seams: Seams) -> None:
    """The ERPs are read as empty, and a gate that could measure nothing says pass."""
    reconciled: Callable[..., tuple[Gate, ...]] = vars(proving)["reconciled"]

    def generous(comparison: Any, thresholds: Thresholds) -> tuple[Gate, ...]:
        return tuple(
            replace(gate, verdict="pass") if gate.verdict == "inconclusive" else gate
            for gate in reconciled(comparison, thresholds)
        )

    async def empty(*_: Any, **__: Any) -> Sequence[Any]:
        return ()

    seams.put(proving, "reconciled", generous)
    for connector in (NetSuite, SapEcc):
        seams.put(connector, "read_back", empty)


def empty_books(seams: Seams) -> None:
    """The ERPs are read as empty."""

    async def empty(*_: Any, **__: Any) -> Sequence[Any]:
        return ()

    for connector in (NetSuite, SapEcc):
        seams.put(connector, "read_back", empty)


def failure_passes(seams: Seams) -> None:
    """A gate that fails is written down, and the step goes on as if it had passed."""
    wrong_hours(seams)

    def lenient(_: Any) -> str:
        return "pass"

    seams.put(ground, "worst", lenient)


def lost_shadow(seams: Seams) -> None:
    """One time entry is not sent to the shadow ERP."""
    jobs_of: Callable[..., Any] = vars(acceptance)["jobs_of"]
    lost: list[str] = []

    def careless(decision: Any, document: Any, verb: str, key: str = "") -> Any:
        jobs = jobs_of(decision, document, verb, key)
        if document.kind == "time_entry" and len(jobs) > 1 and not lost:
            lost.append(document.document_id)
            return [job for job in jobs if job.role != "shadow"]
        return jobs

    seams.put(acceptance, "jobs_of", careless)


def wrong_hours(seams: Seams) -> None:
    """The new ERP is told twice the hours of one time entry."""
    post = NetSuite.post
    wrong: list[str] = []

    async def careless(self: NetSuite, deliveries: Sequence[Delivery]) -> Result:
        told = list(deliveries)
        for at, delivery in enumerate(told):
            document: Any = delivery.document
            if document.kind == "time_entry" and (not wrong or document.document_id in wrong):
                wrong.append(document.document_id)
                twice = document.model_copy(update={"minutes": 2 * document.minutes})
                told[at] = replace(delivery, document=twice)
        return await post(self, told)

    seams.put(NetSuite, "post", careless)


def refused_master(seams: Seams) -> None:
    """The new ERP does not take a customer."""
    post = NetSuite.post

    async def picky(self: NetSuite, deliveries: Sequence[Delivery]) -> Result:
        if deliveries and deliveries[0].document.kind == "rate_card":
            done = await post(self, [])
            no: Answer = SaidNo(code="PLANTED", message="the new ERP does not take this rate card")
            return Result(answers=[no] * len(deliveries), exchange=done.exchange)
        return await post(self, deliveries)

    seams.put(NetSuite, "post", picky)


def given_up(seams: Seams) -> None:
    """A delivery to the new ERP is given up at the first try once that is the authority."""

    def hasty(job: Job, answer: Answer, facts: Facts) -> Settlement:
        if job.target == "netsuite" and job.role == "authority":
            return dead(job, "planted", "given up at the first try", facts)
        return after_answer(job, answer, facts)

    seams.put(outcomes, "after_answer", hasty)


def forgotten_release(seams: Seams) -> None:
    """The release lets nothing go of what the freeze held."""

    async def nothing(*_: Any, **__: Any) -> int:
        return 0

    seams.put(RouterControls, "release", nothing)


def stranger_within(seams: Seams) -> None:
    """The freeze stands from the start, and the journal forgets what it sent: its own postings look like a stranger's."""

    async def none(*_: Any) -> frozenset[str]:
        return frozenset()

    def from_the_start(plan_ground: Ground, _: Any) -> datetime:
        return plan_ground.plan.start

    seams.put(Journal, "sent", none)
    seams.put(freeze, "frozen_since", from_the_start)


def nobody_approved(seams: Seams) -> None:
    """The run goes on although nobody approved it."""

    async def none(*_: Any) -> list[str]:
        return []

    seams.put(RehearsedPeople, "approve", none)


def one_approves_twice(seams: Seams) -> None:
    """One person approves under two spellings of a name."""

    async def alone(*_: Any) -> list[str]:
        return ["A. Person", "a. person "]

    seams.put(RehearsedPeople, "approve", alone)


def as_it_is(seams: Seams) -> None:
    """Nothing is broken in the router; what is wrong is in the plan."""
    del seams
