"""What a failed step does to its wave: give it back, roll it back, or leave it to people."""

from __future__ import annotations

from cutover.plan.stages import NEW
from cutover.plan.steps import Step, Unwind
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed, StepResult
from cutover.runner.steps.rolling_back import going_back, roll_back
from cutover.runner.turning_back import given_back


def way(ground: Ground, step: Step) -> Unwind:
    """How this step is unwound: as the plan says, else by where its wave stands."""
    standings = ground.book.of(step.wave, step.kinds)
    switched = any(one.stage in NEW for one in standings)
    # One that a runner before this one began has moved the stage already.
    if going_back(ground, step.wave, step.id) is not None:
        return "roll_back"
    # Each way only where it leads home: what the new ERP is the authority of can't be given back by opening it,
    # for then the documents it holds would go there, past the gates that failed.
    possible = {"stop": True, "roll_back": switched, "give_back": not switched}
    if step.unwind is not None and possible[step.unwind]:
        return step.unwind
    if switched:
        armed = all(one.stage == "live" and not one.final for one in standings if one.stage in NEW)
        return "roll_back" if armed else "stop"
    return "give_back" if any(one.frozen for one in standings) else "stop"


async def unwind(ground: Ground, step: Step, result: StepResult) -> None:
    """Unwind a failed step, the way that is in its evidence since it failed; what was done is there too."""
    match result.evidence["unwind"]:
        case "give_back":
            await _give_back(ground, step, result)
        case "roll_back":
            await _roll_back(ground, step, result)
        case "stop":
            result.evidence["left_to"] = step.owner


async def _roll_back(ground: Ground, step: Step, result: StepResult) -> None:
    """After the switch it goes back to the old ERP; where there is no way back, people are left with it."""
    try:
        back = await roll_back(
            ground, step.wave, kinds=step.kinds, why=f"{step.id} failed: {result.why}", origin=step.id
        )
    except StepFailed as error:
        result.evidence |= {"left_to": step.owner, "not_rolled_back": error.message}
        return
    result.evidence["rolled_back"] = back.evidence
    if back.ended and (given := await given_back(ground, step.wave, back.why)) is not None:
        result.evidence["given_back"] = given


async def _give_back(ground: Ground, step: Step, result: StepResult) -> None:
    """Before the switch a failed step gives the wave back to the legacy ERP."""
    why = f"unwind: {step.id} failed"
    result.evidence["unwound"] = await ground.enter(step, frozen=False, why=why)
    result.evidence["given_back"] = await (await ground.controls()).release(
        ground.scope(step), by=ground.by, why=f"unwind of {step.id}"
    )
