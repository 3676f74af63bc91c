"""The people of a live weekend: what they say through `coexist cutover` or the gateway stands in the run's log."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from cutover.live.log import LiveLog
from cutover.plan.durations import Spread
from cutover.plan.steps import Hook, Step
from cutover.runner.port import Controls, Veto
from cutover.runner.results import StepFailed
from router.journal.run_words import EVENTS, Row, approvals, holds, said_of

Asker = Callable[[Hook, Mapping[str, Any]], Awaitable[Veto | None]]


def needs_people(step: Step) -> bool:
    """Whether the runner waits for somebody to say that a step is done: manual tasks, and any that takes people time."""
    if step.kind == "manual":
        return True
    minutes = step.people_minutes
    # The signatures of an approval are its people's part.
    return step.kind != "approval" and (minutes.high if isinstance(minutes, Spread) else minutes) > 0


class LivePeople:
    """`cutover.runner.port.People` over the log of a run."""

    def __init__(self, *, log: LiveLog, digest: str, not_by: Sequence[str], asker: Asker) -> None:
        """`digest`: of the plan that runs; `not_by`: who proposed and who runs it, whose approvals don't count."""
        self._log = log
        self._digest = digest
        self._not_by = tuple(not_by)
        self._asker = asker

    async def work(self, step: Step, controls: Controls) -> None:
        """Wait for `coexist cutover done STEP`, where people have a part in it. Raises StepFailed for a no."""
        del controls
        if not needs_people(step):
            return
        await self._log.until(lambda rows: said_of(rows, step.id) is not None)
        said = said_of(self._log.rows, step.id)
        if said is not None and said["event"] == EVENTS["fail"]:
            raise StepFailed(objection(said))

    async def approve(self, step: Step, controls: Controls) -> list[str]:
        """Wait until enough people have approved this very plan at this step."""
        del controls

        def who(rows: Sequence[Row]) -> list[str]:
            return [one.by for one in approvals(rows, step.id, digest=self._digest, not_by=self._not_by)]

        await self._log.until(lambda rows: len(who(rows)) >= step.approvals)
        return who(self._log.rows)

    async def unheld(self, step: Step, controls: Controls) -> list[str]:
        """Wait while the plan or this step is held; who held it meanwhile. What has begun goes on, whoever holds later."""
        del controls
        held_by: dict[str, None] = {}

        def free(rows: Sequence[Row]) -> bool:
            now = holds(rows)
            said = [at for at, row in enumerate(rows) if (row["step"], row["event"]) == (step.id, "started")]
            before = rows[: said[-1]] if said else rows
            standing = [
                now[name] for name in ("", step.id) if name in now and any(one is now[name] for one in before)
            ]
            held_by.update((row["data"]["by"], None) for row in standing)
            return not standing

        await self._log.until(free)
        return list(held_by)

    async def ask(self, hook: Hook, step: Step, facts: Mapping[str, Any]) -> Veto | None:
        """Ask a hook (`cutover.live.hooks`)."""
        del step
        return await self._asker(hook, facts)


def objection(row: Row) -> str:
    """Why a step fails that people said no to."""
    return f"{row['data']['by']} says no: {row['data']['why']}"
