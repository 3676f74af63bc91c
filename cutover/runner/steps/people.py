"""Steps that are done by people: a task, an approval."""

from __future__ import annotations

from cutover.plan.steps import Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepResult


async def manual(ground: Ground, step: Step, result: StepResult) -> None:
    """Nothing for the machines: the runner waits for people after every action."""
    del ground
    result.evidence["task"] = step.title


async def approval(ground: Ground, step: Step, result: StepResult) -> None:
    """Wait until enough people other than who proposed the run have approved this very plan."""
    approved = await ground.people.approve(step, await ground.controls())
    result.evidence |= {"approved_by": approved, "plan": ground.plan.digest()}
    enough = len(approved) >= step.approvals
    gate = Gate(
        name="approvals",
        verdict="pass" if enough else "fail",
        measured=f"{len(approved)} ({', '.join(approved)})" if approved else "0",
        threshold=f"at least {step.approvals}",
    )
    ground.judge(result, [gate])
