"""The people of a dry run: they take the likely time and agree; what they will be asked is noted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from cutover.dry_run.controls import NotingControls
from cutover.plan.durations import likely_minutes
from cutover.plan.steps import Hook, Step
from cutover.runner.port import Controls, Veto


class NotedPeople:
    """`cutover.runner.port.People` of a dry run; each step takes what is planned for it."""

    def __init__(self, controls: NotingControls) -> None:
        self._controls = controls

    async def work(self, step: Step, controls: Controls) -> None:
        """Note what people do, and let the planned time pass."""
        del controls
        people = likely_minutes(step.people_minutes)
        if people or step.kind == "manual":
            task = step.title or "their part"
            self._controls.note(
                "people", f"{step.owner}: {task} (likely {people} min); reported done by people"
            )
        await asyncio.sleep(step.likely_minutes * 60)

    async def approve(self, step: Step, controls: Controls) -> list[str]:
        """Note the wait; enough approve."""
        del controls
        self._controls.note(
            "approval",
            f"Wait for {step.approvals} approval{'s' if step.approvals > 1 else ''} of this plan, by others than who proposed it",
            reads=("the log of the run",),
        )
        return [f"approver {at}" for at in range(1, step.approvals + 1)]

    async def unheld(self, step: Step, controls: Controls) -> list[str]:
        """Nobody holds a dry run."""
        del step, controls
        return []

    async def ask(self, hook: Hook, step: Step, facts: Mapping[str, Any]) -> Veto | None:
        """Note the hook; it agrees."""
        del facts
        self._controls.note(
            "hook", f"Ask {hook.url or ' '.join(hook.run)} {hook.when} {step.id}; its no fails the step"
        )
        return None
