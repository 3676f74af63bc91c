"""A second look at the gates of a run: did every step that was let through deserve it?

It shares no code with the gates. It reads the run's own log and what the journal says was under way at the time,
so that a gate that takes nothing for a pass, believes an old measurement or lets a failure through is found out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from cutover.checks.facts import Facts, transaction_of
from cutover.plan.model import Plan
from cutover.plan.steps import Step
from router.clock import from_text

CLAIM = "every step that is done passed its gates, on something measured, recent and true of the journal"
NOT_CHECKED = "waves of single business units beyond their entities; what people did outside of the router"


@dataclass(slots=True, kw_only=True)
class _Log:
    """What the log of a run says of one step."""

    started: str = ""
    done: Mapping[str, Any] | None = None
    moved: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    """(when, what) of each change of stage."""


def check(facts: Facts, plan: Plan) -> tuple[int, list[str]]:
    """How many steps were looked at, and a sentence for each that should not have got through."""
    logs = {step.id: _Log() for step in plan.steps}
    for row in facts.steps:
        log = logs.get(row.step)
        if log is None or row.run_id != plan.name:
            continue
        if row.event == "started":
            log.started = log.started or row.at
        elif row.event == "done":
            log.done = row.data
        elif row.event == "stage":
            log.moved.append((row.at, row.data))
    found: list[str] = []
    done = [step for step in plan.order() if logs[step.id].done is not None]
    for step in done:
        record = logs[step.id].done or {}
        found += [f"{step.id}: {said}" for said in _step(step, record, logs, facts, plan)]
    return len(done), found


def _step(
    step: Step, record: Mapping[str, Any], logs: Mapping[str, _Log], facts: Facts, plan: Plan
) -> Iterable[str]:
    for gate in record["gates"]:
        if gate["decides"] and gate["verdict"] != "pass":
            yield f"it is done, but its gate {gate['name']!r} says {gate['verdict']}"
    match step.kind:
        case "reconcile":
            yield from _compared(step, record["evidence"].get("comparison"))
        case "drain":
            yield from _drained(step, str(record["ended"]), (plan.source, plan.target), facts, plan)
        case "switch":
            for at, moved in logs[step.id].moved:
                if moved["stage"] in ("live", "cloud"):
                    epochs = moved["evidence"]["epochs"]
                    yield from _drained(step, at, (plan.source,), facts, plan, epochs)
            yield from _fresh(step, logs, plan)
        case "verify":
            yield from _let_go(step, str(record["ended"]), facts, plan)
        case "approval":
            names = [name.casefold().strip() for name in record["evidence"].get("approved_by", ())]
            if len(set(names)) < step.approvals:
                yield f"it is done with {len(set(names))} approvals, {step.approvals} were asked for"
        case _:
            pass


def _compared(step: Step, comparison: Mapping[str, Any] | None) -> Iterable[str]:
    if comparison is None or not comparison["compared"]:
        yield "it passed, but nothing was compared"
        return
    bounds = {
        "missing": step.thresholds.count_differences,
        "unexplained": step.thresholds.unexplained,
        "pending": 0,
        "held_back": 0,
        "untied": 0,
    }
    for name, most in bounds.items():
        if comparison[name] > most:
            yield f"it passed with {comparison[name]} {name.replace('_', ' ')}, {most} are allowed"


def _drained(
    step: Step,
    at: str,
    targets: tuple[str, ...],
    facts: Facts,
    plan: Plan,
    epochs: Mapping[str, int] | None = None,
) -> Iterable[str]:
    """Nothing of the scope was on its way to these ERPs at an instant.

    `epochs`: of the switch made then; what was routed in them came after it, the old ERP as its shadow.
    """
    scope = plan.scope(step)
    since: dict[int, int] = {}
    for row in facts.decisions if epochs else ():
        if not row.hold:
            since.setdefault(row.seq, row.epoch)
    left = [
        job
        for job in facts.jobs
        if job.role in ("authority", "shadow")
        and job.target in targets
        and job.legal_entity in scope.entities
        and (not scope.kinds or job.kind in scope.kinds)
        and job.waiting_since <= at
        and (job.settled_at is None or job.settled_at > at)
        and not (epochs and since.get(transaction_of(job.job_id), 0) >= epochs.get(job.legal_entity, 1))
    ]
    if left:
        yield (
            f"{len(left)} deliveries were still under way at {at[:16]}Z"
            f" (the first: {left[0].kind} {left[0].external_id} of T{transaction_of(left[0].job_id):012d}"
            f" to {left[0].target})"
        )


def _fresh(step: Step, logs: Mapping[str, _Log], plan: Plan) -> Iterable[str]:
    """What the switch rests on is not older than the plan allows."""
    rests_on = [
        logs[one.id].done or {} for one in plan.steps if one.kind == "reconcile" and one.wave == step.wave
    ]
    ended = max((str(one["ended"]) for one in rests_on if one.get("ended")), default="")
    started = logs[step.id].started
    most = timedelta(minutes=step.thresholds.evidence_age_minutes)
    if ended and started and from_text(started) - from_text(ended) > most:
        age = int((from_text(started) - from_text(ended)).total_seconds()) // 60
        yield (
            f"it rests on a comparison that was {age} minutes old,"
            f" {step.thresholds.evidence_age_minutes} are allowed"
        )


def _let_go(step: Step, ended: str, facts: Facts, plan: Plan) -> Iterable[str]:
    """What the freeze held had been decided again when the wave was verified."""
    scope = plan.scope(step)
    last = {row.seq: row for row in facts.decisions if row.at <= ended}
    held = [
        row
        for row in facts.transactions
        if row.legal_entity in scope.entities
        and (not scope.kinds or row.kind in scope.kinds)
        and row.seq in last
        and last[row.seq].hold
    ]
    if held and not _frozen_again(step, ended, facts, plan):
        yield (
            f"{len(held)} transactions were still held when it was verified"
            f" (the first: {held[0].kind} {held[0].document_id}, T{held[0].seq:012d})"
        )


def _frozen_again(step: Step, ended: str, facts: Facts, plan: Plan) -> bool:
    """Whether the wave stood frozen at that time: another step of it may have begun."""
    frozen = False
    for row in facts.steps:
        ours = row.run_id == plan.name and row.event == "stage" and row.at <= ended
        if ours and row.data["wave"] == step.wave and row.data["frozen"] is not None:
            frozen = bool(row.data["frozen"])
    return frozen
