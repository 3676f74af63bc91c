"""Runs the steps of a plan: waits for what they come after, acts, measures, records (D14).

One runner for the dry run, the rehearsal and the live weekend: they differ in the controls and the people
they are given. Every step is recorded before and after; a runner that starts again skips what is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cutover.gates.asking import prove
from cutover.plan.steps import Hook, Step
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed, StepResult, WayBack
from cutover.runner.steps import ACTIONS
from cutover.runner.turning_back import BROUGHT_TO_AN_END, turn_back
from cutover.runner.unwind import unwind, way
from router.errors import Overloaded, Refused, VendorRefused, VendorUnknown

LOOK_S = 60.0
"""How often a live runner that waits for an instant looks at the clock."""


class Runner:
    """One run of one plan."""

    def __init__(self, ground: Ground, *, turn_back_after: str | None = None) -> None:
        """`turn_back_after`: once this step has ended, nothing more begins and all goes back to the old ERP."""
        self._ground = ground
        self._turn_back_after = turn_back_after
        self._deadlines: dict[str, asyncio.Timeout] = {}
        self._objections: dict[str, str] = {}
        self.turned_back: list[dict[str, Any]] = []
        """What became of each wave when the plan was turned back."""

    @property
    def results(self) -> Mapping[str, StepResult]:
        """How each step went, by its id."""
        return self._ground.results

    @property
    def ways_back(self) -> Sequence[WayBack]:
        """Every rollback there was, in the order they began."""
        return tuple(self._ground.ways_back.values())

    async def run(self) -> bool:
        """Run all steps; False when one failed. What comes after a failed step is not run."""
        ground = self._ground
        done = await ground.resume()
        await ground.finish_moves()
        finished = {step.id: asyncio.Event() for step in ground.plan.steps}
        for step_id in done:
            finished[step_id].set()
        if self._turn_back_after is not None:
            await self._until(self._turn_back_after, done, finished)
            await ground.finish_moves()
            self.turned_back = await turn_back(ground, after=self._turn_back_after)
            return False
        async with asyncio.TaskGroup() as group:
            for step in ground.plan.order():
                if step.id not in done:
                    group.create_task(self._run_step(step, finished), name=f"step-{step.id}")
        return all(result.outcome == "done" for result in self.results.values())

    async def _until(self, last: str, done: set[str], finished: dict[str, asyncio.Event]) -> None:
        """Run steps until one has ended; what is under way then is broken off, where it may be."""
        tasks: dict[str, asyncio.Task[None]] = {}
        for step in self._ground.plan.order():
            if step.id not in done and (last not in done or self._goes_on(step)):
                tasks[step.id] = asyncio.create_task(self._run_step(step, finished), name=f"step-{step.id}")
        ended = asyncio.create_task(finished[last].wait(), name="last-step")
        try:
            while not ended.done():
                waiting = [task for task in tasks.values() if not task.done()]
                await asyncio.wait([ended, *waiting], return_when=asyncio.FIRST_COMPLETED)
                for task in tasks.values():
                    if task.done():
                        task.result()
            for step in self._ground.plan.order():
                if step.id in tasks and self._goes_on(step):
                    await tasks[step.id]
        finally:
            ended.cancel()
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(ended, *tasks.values(), return_exceptions=True)
        for result in self.results.values():
            if result.outcome == "not run" and not result.why:
                result.why = f"turned back after {last}"

    def _goes_on(self, step: Step) -> bool:
        return step.kind in BROUGHT_TO_AN_END and self.results[step.id].started is not None

    async def _run_step(self, step: Step, finished: dict[str, asyncio.Event]) -> None:
        ground, result = self._ground, self.results[step.id]
        for name in step.after:
            await finished[name].wait()
            if self.results[name].outcome != "done":
                result.why = f"{name} was not done"
                finished[step.id].set()
                return
        # One that a runner before this one found failed is not tried again: its unwind is brought to an end.
        if result.outcome != "failed":
            await self._try(step, result)
        if result.outcome == "failed":
            await unwind(ground, step, result)
        elif step.point_of_no_return or step.kind == "retire":
            await self._no_return(step)
        await ground.note(step, result.outcome, result.as_record())
        finished[step.id].set()

    async def _try(self, step: Step, result: StepResult) -> None:
        """Begin a step, or go on with it, and see how it ends."""
        ground = self._ground
        if step.at is not None:
            await self._until_instant(step.at)
        await self._begin(step, result)
        try:
            async with asyncio.timeout(await self._left_s(step, result)) as self._deadlines[step.id]:
                await self._through(step, result)
            result.outcome = "done"
        except TimeoutError as error:
            result.outcome = "failed"
            late = self._deadlines[step.id].expired()
            result.why = self._objections.get(
                step.id,
                f"not done within its deadline of {step.deadline_minutes} minutes"
                if late
                else f"something it asked did not answer in time: {error}"[:500],
            )
        except Overloaded:
            raise
        except (StepFailed, Refused, VendorRefused, VendorUnknown) as error:
            # What the router or an ERP refuses is no accident of this process: the step fails, and is unwound;
            # the other waves go on.
            result.outcome, result.why = "failed", error.one_line()
        finally:
            self._deadlines.pop(step.id, None)
        result.ended = await ground.now()
        if result.outcome == "failed":
            await ground.finish_moves()
            # Decided once: the unwind itself changes where the wave stands.
            result.evidence["unwind"] = way(ground, step)
            await ground.note(step, "unwinding", result.as_record())

    async def _until_instant(self, at: datetime) -> None:
        """Wait until the controls' clock says so."""
        while (left := (at - await self._ground.now()).total_seconds()) > 0:  # noqa: ASYNC110 - a clock sends no event
            # A machine that was asleep counts no time in it, so one long sleep would end too late.
            await asyncio.sleep(min(left, LOOK_S) if self._ground.mode == "live" else left)

    async def _begin(self, step: Step, result: StepResult) -> None:
        """Say that a step begins, once nobody holds it."""
        ground = self._ground
        held_by: list[str] = []
        while True:
            if held := await ground.people.unheld(step, await ground.controls()):
                # Held before it was said to begin, if only by a moment: it has not begun, nor does its deadline run.
                held_by += held
                result.started = None
            elif result.started is not None:
                break
            await ground.began(result)
        if held_by:
            result.evidence["held_by"] = list(dict.fromkeys(held_by))

    def object(self, step_id: str, why: str) -> bool:
        """People say no to a step that is under way: it fails now, wherever it is. False: it is not under way."""
        deadline = self._deadlines.get(step_id)
        if deadline is None or deadline.expired() or step_id in self._objections:
            return False
        self._objections[step_id] = why
        deadline.reschedule(asyncio.get_running_loop().time())
        return True

    def overdue(self, now: datetime) -> None:
        """End what is past its deadline by this clock: timers of a machine that was asleep stood still meanwhile."""
        for step_id, deadline in self._deadlines.items():
            started, minutes = self.results[step_id].started, self.results[step_id].step.deadline_minutes
            if started is None or minutes is None or deadline.expired():
                continue
            if now - started >= timedelta(minutes=minutes):
                deadline.reschedule(asyncio.get_running_loop().time())

    async def _left_s(self, step: Step, result: StepResult) -> float | None:
        if step.deadline_minutes is None or result.started is None:
            return None
        gone = await self._ground.now() - result.started
        return max(0.0, step.deadline_minutes * 60 - gone.total_seconds())

    async def _through(self, step: Step, result: StepResult) -> None:
        await self._ask("before", step, result)
        result.gates = ()
        await ACTIONS[step.kind](self._ground, step, result)
        await prove(self._ground, step, result)
        await self._ground.people.work(step, await self._ground.controls())
        await self._ask("after", step, result)

    async def _ask(self, when: str, step: Step, result: StepResult) -> None:
        hooks: tuple[Hook, ...] = (*self._ground.plan.hooks, *step.hooks)
        for hook in hooks:
            if hook.when != when:
                continue
            facts = {
                "run": self._ground.run_id, "mode": self._ground.mode, "when": when,
                "plan": self._ground.plan.digest(), "progress": self._progress(), **result.as_row(),
            }  # fmt: skip
            if (veto := await self._ground.people.ask(hook, step, facts)) is not None:
                raise StepFailed(f"hook {veto.hook} vetoed: {veto.why}")

    def _progress(self) -> str:
        ended = sum(one.outcome != "not run" for one in self.results.values())
        return f"{ended}/{len(self.results)}"

    async def _no_return(self, step: Step) -> None:
        self._ground.book.move(step.wave, step.kinds, final=True)
        await self._ground.note(step, "final", {"wave": step.wave, "kinds": list(step.kinds)})
