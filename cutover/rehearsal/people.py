"""The people of a rehearsed weekend: they take as long as the seed says, and agree."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from cutover.plan.steps import Hook, Step
from cutover.runner.port import Controls, Veto
from cutover.runner.results import StepResult


class RehearsedPeople:
    """`cutover.runner.port.People` on virtual time; `takes` says how long they need for a step.

    `asker`: asks hooks while virtual time stands; None: they are not asked.
    """

    def __init__(
        self,
        *,
        takes: Callable[[Step], timedelta],
        results: Callable[[], Mapping[str, StepResult]],
        asker: Callable[[Hook, Mapping[str, Any]], Veto | None] | None = None,
    ) -> None:
        self._takes = takes
        self._results = results
        self._asker = asker

    async def work(self, step: Step, controls: Controls) -> None:
        """Counted from the step's start, also after a restart."""
        started = self._results()[step.id].started
        assert started is not None
        left = started + self._takes(step) - controls.clock.now()
        await asyncio.sleep(max(0.0, left.total_seconds()))

    async def approve(self, step: Step, controls: Controls) -> list[str]:
        """They all approve; how long that takes is in the step's people_minutes."""
        del controls
        return [f"rehearsed approver {at}" for at in range(1, step.approvals + 1)]

    async def unheld(self, step: Step, controls: Controls) -> list[str]:
        """Nobody holds a rehearsal."""
        del step, controls
        return []

    async def ask(self, hook: Hook, step: Step, facts: Mapping[str, Any]) -> Veto | None:
        """Hooks are asked only where the rehearsal is to try them: what stands behind them is the real weekend's."""
        del step
        return None if self._asker is None else self._asker(hook, facts)
