"""Measures the gates of a step, while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cutover.gates.named import named
from cutover.gates.port import Asked
from cutover.plan.steps import GateUse, Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepResult
from router.errors import VendorRefused, VendorUnknown


async def measured(ground: Ground, step: Step, uses: Sequence[GateUse] | None = None) -> list[Gate]:
    """The gates of a step (or some of them), now; one that asks a system which does not answer is inconclusive.

    A dry run only notes what it would measure, and gets none.
    """
    uses = step.gates if uses is None else uses
    if ground.mode == "dry":
        for use in uses:
            await ground.note(step, "would measure", {"gate": use.name, "what": named(use.name).what})
        return []
    if not uses:
        return []
    controls = await ground.controls()
    asked = Asked(
        measures=controls.measures(),
        scope=ground.scope(step),
        source=ground.plan.source,
        target=ground.plan.target,
        thresholds=step.thresholds,
        now=controls.clock.now(),
        wave=step.wave,
        plan=ground.plan,
        log=await controls.log(ground.run_id),
    )
    found: list[Gate] = []
    for use in uses:
        found += [replace(gate, decides=use.decides) for gate in await ask(use.name, asked)]
    return found


async def ask(name: str, asked: Asked) -> tuple[Gate, ...]:
    """One named gate; raises BadInput for a name there is not."""
    try:
        return await named(name).measure(asked)
    except (VendorUnknown, VendorRefused) as error:
        said = error.one_line()
        return (Gate(name=name, verdict="inconclusive", measured="nothing", threshold="an answer", why=said),)


async def refresh(ground: Ground, step: Step, *, history_until: datetime | None) -> str | None:
    """Make a comparison where a gate of the step rests on one that is older than half its age; its run id.

    `history_until`: as the comparison is asked.
    """
    if not any(named(use.name).compares for use in step.gates):
        return None
    controls, plan, scope = await ground.controls(), ground.plan, ground.scope(step)
    now = controls.clock.now()
    last = await controls.measures().compared(scope, plan.source, plan.target)
    if last is not None and (now - last.at).total_seconds() < step.thresholds.evidence_age_minutes * 30:
        return None
    run_id = f"{ground.run_id}/{step.id}/{now:%Y%m%dT%H%M}"
    try:
        await controls.compare(
            run_id=run_id,
            legacy=plan.source,
            cloud=plan.target,
            scope=scope,
            since="2000-01-01",
            until="9999-12-31",
            history_until=history_until,
        )
    except (VendorUnknown, VendorRefused) as error:
        # No reason to stop: what is on record grows old, and the gates that rest on it say so.
        await ground.note(step, "not compared", {"why": error.one_line()})
        return None
    return run_id


async def prove(ground: Ground, step: Step, result: StepResult) -> None:
    """Measure and judge the gates a step names; raises StepFailed. Where all are only tried, nothing hangs on them."""
    if step.kind == "hypercare":  # which measures its own all along
        return
    gates = await measured(ground, step)
    if any(gate.decides for gate in gates):
        ground.judge(result, gates)
    else:
        result.gates = (*result.gates, *gates)
