"""Smoke: follow the first real transactions after the switch into the new ERP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from cutover.gates.samples import READ_AS, SETTLED, problem_of, sampled
from cutover.plan.steps import Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepResult
from router.connectors.port import Record
from router.errors import VendorRefused, VendorUnknown
from router.journal.gate_facts import Followed

LOOK_S = 60
SHOWN = 20
"""Problems that are kept; all count."""


async def smoke(ground: Ground, step: Step, result: StepResult) -> None:
    """Ask the new ERP for the first `samples` transactions of each kind that it was the authority for.

    What the release let go and what was accepted since the switch; nothing is made up and posted for it,
    since these are the firm's books. Waits for them until shortly before the deadline; inconclusive when none came.
    """
    if ground.mode == "dry":
        await ground.note(step, "would follow", {"samples": step.samples, "to": ground.plan.target})
        return
    since, until = _since(ground, step, result), await _patience(ground, step)
    while True:
        measures = (await ground.controls()).measures()
        found = await measures.followed(ground.scope(step), ground.plan.target, since)
        picked = sampled(found, step.samples)
        settled = all(one.state in SETTLED for of_kind in picked.values() for one in of_kind)
        if (picked and settled) or await ground.now() >= until:
            break
        await asyncio.sleep(LOOK_S)
    problems, asked, unread = await _asked(ground, picked)
    kinds = {kind: len(of_kind) for kind, of_kind in picked.items() if kind not in unread}
    result.evidence |= {"followed": kinds, "not_asked_for": unread, "problems": problems[:SHOWN]}
    ground.judge(result, [_gate(asked, problems)])


def _since(ground: Ground, step: Step, result: StepResult) -> datetime:
    """When the new ERP took over the wave."""
    assert result.started is not None
    switches = [
        one.ended
        for one in ground.results.values()
        if one.step.kind == "switch" and one.step.wave == step.wave and one.ended and one.outcome == "done"
    ]
    return max(switches, default=result.started)


async def _patience(ground: Ground, step: Step) -> datetime:
    minutes = step.deadline_minutes or step.planned_minutes
    # Before the deadline, so that what was found is judged rather than lost.
    return await ground.now() + timedelta(seconds=max(0, minutes * 60 - 2 * LOOK_S))


async def _asked(
    ground: Ground, picked: Mapping[str, Sequence[Followed]]
) -> tuple[list[str], int, list[str]]:
    """(problems, how many were asked for, kinds the ERP can't be asked for)."""
    problems: list[str] = []
    unread: list[str] = []
    asked = 0
    for kind, samples in picked.items():
        try:
            records = await _read(ground, READ_AS.get(kind, kind), samples)
        except VendorRefused:
            unread.append(kind)
            continue
        except VendorUnknown as error:
            records = {}
            problems.append(f"{kind}: {error.one_line()}")
        asked += len(samples)
        told = ((one, problem_of(one, records)) for one in samples)
        problems += [f"{kind} {one.document_id}: {said}" for one, said in told if said]
    return problems, asked, unread


async def _read(ground: Ground, kind: str, samples: Sequence[Followed]) -> dict[str, Record]:
    measures = (await ground.controls()).measures()
    days = sorted(one.accounting_date for one in samples)
    # What came too late for its period is dated on; so is what an ERP makes of it.
    first = date.fromisoformat(days[0]) - timedelta(days=31)
    last = date.fromisoformat(days[-1]) + timedelta(days=62)
    records = await measures.held_by(
        ground.plan.target,
        kind,
        entities=tuple(sorted({one.legal_entity for one in samples})),
        since=first.isoformat(),
        until=last.isoformat(),
    )
    return {one.external_id: one for one in records if one.external_id}


def _gate(asked: int, problems: Sequence[str]) -> Gate:
    name, threshold = "smoke", "all found as they were sent"
    if not asked:
        why = "no transaction came that the new ERP could be asked for"
        return Gate(name=name, verdict="inconclusive", measured="nothing", threshold=threshold, why=why)
    return Gate(
        name=name,
        verdict="fail" if problems else "pass",
        measured=f"{asked - min(asked, len(problems))} of {asked}",
        threshold=threshold,
        why="; ".join(problems[:3]),
    )
