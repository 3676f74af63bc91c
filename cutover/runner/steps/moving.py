"""Steps that change who is the authority: dual run, freeze, switch, release, retire."""

from __future__ import annotations

from cutover.plan.footing import masters_of
from cutover.plan.steps import Step
from cutover.runner.gates import counted
from cutover.runner.ground import Ground
from cutover.runner.results import StepResult
from cutover.runner.steps.rolling_back import armed


async def shadow(ground: Ground, step: Step, result: StepResult) -> None:
    """Dual run: the new ERP is fed beside the old one, after it was given the masters."""
    scope, plan = ground.scope(step), ground.plan
    result.evidence |= await ground.enter(step, stage="shadow", why="dual run starts")
    # Only what the legacy ERP has posted is loaded; from here on everything new is shadowed anyway.
    await ground.until_drained(scope, (plan.source,))
    if scope.business_units or scope.kinds:
        await ground.until_drained(masters_of(scope), (plan.source,))
    controls = await ground.controls()
    result.evidence["masters"] = await controls.load_masters(scope, plan.target)
    result.evidence["polls"] = await ground.until_drained(scope, (plan.target,))
    controls = await ground.controls()
    bad = await controls.unresolved(scope, (plan.target,))
    ground.judge(result, [counted("masters the cloud ERP did not take", sum(bad.values()))])


async def freeze(ground: Ground, step: Step, result: StepResult) -> None:
    """Hold everything of the scope that is accepted from now on."""
    result.evidence |= await ground.enter(step, frozen=True, why="freeze before the switch")


async def switch(ground: Ground, step: Step, result: StepResult) -> None:
    """The new ERP becomes the authority; its lanes stay closed until the release."""
    plan = ground.plan
    backlog = await ground.backlog(ground.scope(step), plan.source)
    gates = [
        counted("legacy deliveries waiting", backlog.waiting, why=backlog.why),
        counted("legacy deliveries in doubt", backlog.in_doubt),
    ]
    if step.reverse:
        gates.append(armed(ground, step, await ground.now()))
    ground.judge(result, gates)
    result.evidence |= await ground.enter(
        step,
        stage="live" if step.reverse else "cloud",
        frozen=False,
        why="the cloud ERP takes over",
        gate=(plan.target,),
    )


async def release(ground: Ground, step: Step, result: StepResult) -> None:
    """Open the new ERP's lanes and let go what the freeze held."""
    scope, plan = ground.scope(step), ground.plan
    controls = await ground.controls()
    await controls.open_lanes(scope, (plan.target,))
    result.evidence["released"] = await controls.release(scope, by=ground.by, why=f"{step.id} of {plan.name}")
    result.evidence["polls"] = await ground.until_drained(scope, (plan.target,))


async def retire(ground: Ground, step: Step, result: StepResult) -> None:
    """End the reverse shadow: the new ERP is alone from here on, and there is only forward."""
    result.evidence |= await ground.enter(step, stage="cloud", why="the legacy ERP is no longer fed")
