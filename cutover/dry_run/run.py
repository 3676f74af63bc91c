"""Plays a plan through the runner without doing anything, on virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cutover.dry_run.actions import Action, without_polls
from cutover.dry_run.controls import NotingControls
from cutover.dry_run.people import NotedPeople
from cutover.dry_run.today import Today
from cutover.plan.model import Plan
from cutover.plan.stages import StageBook
from cutover.rehearsal.virtual_time import VirtualClock, run
from cutover.runner.ground import Ground
from cutover.runner.port import Controls
from cutover.runner.results import StepResult
from cutover.runner.runner import Runner


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What the runner would do."""

    actions: Sequence[Action]
    results: Sequence[StepResult]
    """In the plan's order; times as planned."""


def dry_run(plan: Plan, *, run_id: str = "dry-run", today: Today | None = None) -> DryRun:
    """Every action of a plan in the order of its planned times; with `today`, of what is left of a run begun."""
    today = today or Today(table_version=1, table=StageBook(plan).table_text(1))

    async def main(clock: VirtualClock) -> DryRun:
        controls = NotingControls(clock=clock, today=today)

        async def door() -> Controls:
            return controls

        ground = Ground(
            plan=plan,
            run_id=run_id,
            mode="dry",
            by="dry run",
            controls=door,
            people=NotedPeople(controls),
            newest_version=today.table_version,
            base=today.base,
        )
        runner = Runner(ground)
        await runner.run()
        return DryRun(
            actions=without_polls(controls.actions),
            results=[runner.results[step.id] for step in plan.order()],
        )

    return run(main, start=today.begins(plan))
