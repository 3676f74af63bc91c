"""Steps that measure named gates: once, or again and again for a while (hypercare)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cutover.gates.asking import measured, refresh
from cutover.plan.steps import Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed, StepResult
from cutover.runner.steps.loading import history_until
from router.clock import to_text

EVERY_S = 900
"""How often hypercare measures."""
IN_A_ROW = 2
"""Failures of one deciding gate after which hypercare ends: one alone may be a blip."""
_RANK = {"pass": 0, "inconclusive": 1, "fail": 2}


async def gate(ground: Ground, step: Step, result: StepResult) -> None:
    """Nothing but the gates the step names; the runner measures those of every step after its action."""
    del ground
    if not step.gates:
        raise StepFailed("a gate step that names no gates proves nothing")
    result.evidence["gates"] = [use.name for use in step.gates]


async def hypercare(ground: Ground, step: Step, result: StepResult) -> None:
    """Watch the step's gates for its `watch_minutes`; fails when a deciding one fails twice in a row.

    A comparison some gate rests on is made anew when it is half as old as it may be. What can't be told is
    no failure on the way, but at the end every deciding gate must pass.
    """
    if not step.gates:
        raise StepFailed("hypercare that names no gates proves nothing")
    if ground.mode == "dry":
        await measured(ground, step)
        return
    assert result.started is not None
    until = result.started + timedelta(minutes=step.watch_minutes)
    watched: dict[str, dict[str, Any]] = {}
    while True:
        await refresh(ground, step, history_until=history_until(ground, step))
        gates = await measured(ground, step)
        now = await ground.now()
        _keep(watched, gates, to_text(now))
        result.evidence["watched"] = list(watched.values())
        failing = [one for one in gates if one.decides and one.verdict == "fail"]
        if any(watched[one.name]["in_a_row"] >= IN_A_ROW for one in failing):
            break
        # One that failed at the very end is looked at once more: nobody knows yet whether it is a blip.
        if now >= until and not failing:
            break
        await asyncio.sleep(EVERY_S if now >= until else min(EVERY_S, (until - now).total_seconds()))
    ground.judge(result, gates)


def _keep(watched: dict[str, dict[str, Any]], gates: Sequence[Gate], at: str) -> None:
    """Of each gate how often it was measured, the worst and the last, so that a week of it stays small."""
    for one in gates:
        row: Mapping[str, Any] = {"at": at, "verdict": one.verdict, "measured": one.measured, "why": one.why}
        kept = watched.setdefault(
            one.name,
            {"name": one.name, "times": 0, "failed": 0, "in_a_row": 0, "worst": row, "decides": one.decides},
        )
        failed = one.verdict == "fail"
        kept["times"] += 1
        kept["failed"] += failed
        kept["in_a_row"] = kept["in_a_row"] + 1 if failed else 0
        kept["last"] = row
        if _RANK[one.verdict] > _RANK[kept["worst"]["verdict"]]:
            kept["worst"] = row
