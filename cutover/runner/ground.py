"""What every step of a run stands on: plan, stages, controls, people, and the moves steps share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cutover.plan.model import Plan
from cutover.plan.stages import Stage, StageBook
from cutover.plan.steps import Step
from cutover.runner.gates import Gate, worst
from cutover.runner.port import Backlog, Controls, Mode, People
from cutover.runner.results import StepFailed, StepResult, WayBack
from router.clock import to_text
from router.journal.port import Scope
from router.model import SystemId

POLL_S = 15
"""How often a step looks whether it is done."""


class Ground:
    """One run of one plan. `controls` is asked anew each time, as the router may be restarted.

    `newest_version` is the highest route table published so far: those of the run come after it.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        run_id: str,
        mode: Mode,
        by: str,
        controls: Callable[[], Awaitable[Controls]],
        people: People,
        newest_version: int = 1,
        base: str | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        self.plan = plan
        self.run_id = run_id
        self.mode: Mode = mode
        self.by = by
        self.people = people
        self.controls = controls
        self.base = base
        """The route table (YAML) in force when the run began."""
        self.book = StageBook(plan, base)
        self.results = {step.id: StepResult(step=step) for step in plan.steps}
        self.ways_back: dict[str, WayBack] = {}
        """Rollbacks that were begun, by the id of the step that stands for each."""
        self._version = newest_version
        self._poll_s = poll_s
        self._entering = asyncio.Lock()
        self._begun: dict[str, dict[str, Any]] = {}
        """Moves that were begun and not seen to their end, by step: a crash or a deadline came in between."""
        self._entered: dict[tuple[str, str], dict[str, Any]] = {}
        """What a step that was interrupted had already switched, by step and what it entered."""

    def scope(self, step: Step) -> Scope:
        """What a step acts on."""
        scope = self.plan.scope(step)
        back = self.ways_back.get(step.id)
        return scope if back is None else replace(scope, entities=back.entities)

    async def now(self) -> datetime:
        """The controls' now."""
        return (await self.controls()).clock.now()

    async def note(self, step: Step, event: str, data: dict[str, object]) -> None:
        """Append to the log of the run."""
        await (await self.controls()).record(self.run_id, step.id, event, data)

    async def enter(
        self,
        step: Step,
        *,
        stage: Stage | None = None,
        frozen: bool | None = None,
        why: str,
        gate: tuple[SystemId, ...] = (),
    ) -> dict[str, Any]:
        """Put the step's scope at a stage, frozen or not, by a new table and epoch; what it was.

        Once for a step: one that was interrupted after it finds it done. Raises StepFailed for an illegal jump.
        """
        what = f"{stage or 'same'}{'' if frozen is None else ' frozen' if frozen else ' open'}"
        if (step.id, what) in self._entered:
            return self._entered[(step.id, what)]
        # One at a time: a table holds the stages of all waves.
        async with self._entering:
            entities = self.scope(step).entities
            if stage is not None and (
                refused := self.book.refusal(step.wave, step.kinds, stage=stage, entities=entities)
            ):
                raise StepFailed(refused)
            moved = {"stage": stage, "frozen": frozen, "what": what, "why": why, "gate": list(gate)}
            return await self._flip(step, moved)

    async def _flip(self, step: Step, moved: dict[str, Any]) -> dict[str, Any]:
        controls = await self.controls()
        version = self._version = self._version + 1
        # Written first: a runner that starts again must not give this version another text, and must see
        # this move to its end, for what was accepted by it meanwhile can't be taken back.
        self._begun[step.id] = moved
        await controls.record(self.run_id, step.id, "entering", {"version": version, **moved})
        entities = self.scope(step).entities
        self.book.move(step.wave, step.kinds, stage=moved["stage"], frozen=moved["frozen"], entities=entities)
        await controls.publish(self.book.table_text(version), version=version, by=self.by)
        epochs = await controls.switch(
            self.scope(step), version=version, by=self.by, why=moved["why"],
            gate=tuple(SystemId(name) for name in moved["gate"]),
        )  # fmt: skip
        evidence = {"table_version": version, "epochs": dict(sorted(epochs.items()))}
        self._entered[(step.id, moved["what"])] = evidence
        where = {"wave": step.wave, "kinds": list(step.kinds), "entities": list(entities)}
        await controls.record(self.run_id, step.id, "stage", {**where, **moved, "evidence": evidence})
        self._begun.pop(step.id, None)
        return evidence

    async def finish_moves(self) -> None:
        """See moves that were interrupted to their end: what may have been switched is switched for sure."""
        async with self._entering:
            for step_id, moved in list(self._begun.items()):
                await self._flip(self._step(step_id), moved)

    def _step(self, step_id: str) -> Step:
        back = self.ways_back.get(step_id)
        return self.plan.step(step_id) if back is None else back.step

    async def resume(self) -> set[str]:
        """Read the log of an earlier runner of this run; the steps that need not run again."""
        done: set[str] = set()
        for row in await (await self.controls()).log(self.run_id):
            step_id, data = str(row["step"]), row["data"]
            match row["event"]:
                case "entering":
                    self._version = max(self._version, int(data["version"]))
                    self._begun[step_id] = data
                case "rolling_back":
                    self.ways_back[step_id] = WayBack.restored(step_id, data)
                case "rolled_back":
                    self.ways_back[step_id].evidence = data
                case "stage":
                    self.book.move(
                        data["wave"], data["kinds"], stage=data["stage"], frozen=data["frozen"],
                        entities=data.get("entities", ()),
                    )  # fmt: skip
                    self._entered[(step_id, data["what"])] = data["evidence"]
                    self._begun.pop(step_id, None)
                case "final":
                    self.book.move(data["wave"], data["kinds"], final=True)
                case "started":
                    self.results[step_id].restarted(data)
                case "unwinding":
                    self.results[step_id].restore("failed", data)
                case "done" | "failed":
                    done.add(step_id)
                    self.results[step_id].restore(row["event"], data)
        return done

    def switched(self, wave: str) -> dict[str, int]:
        """By entity of a wave the epoch from which on the new ERP is its authority."""
        found: dict[str, int] = {}
        for (step_id, what), evidence in self._entered.items():
            if what.startswith(("live", "cloud")) and self._step(step_id).wave == wave:
                for entity, epoch in evidence["epochs"].items():
                    found[entity] = min(int(epoch), found.get(entity, int(epoch)))
        return found

    async def until_drained(self, scope: Scope, targets: Sequence[SystemId]) -> int:
        """Wait until nothing of the scope is under way to these systems; how often it looked."""
        polls = 0
        while not (await (await self.controls()).backlog(scope, targets)).drained:
            polls += 1
            await asyncio.sleep(self._poll_s)
        return polls

    async def backlog(self, scope: Scope, *targets: SystemId) -> Backlog:
        """What the scope has under way to these systems."""
        return await (await self.controls()).backlog(scope, targets)

    def judge(self, result: StepResult, gates: Sequence[Gate]) -> None:
        """Keep a step's gates; raises StepFailed at the first that does not pass."""
        result.gates = (*result.gates, *gates)
        deciding = tuple(gate for gate in gates if gate.decides)
        verdict = worst(deciding)
        if verdict != "pass":
            first = next((gate for gate in deciding if gate.verdict == verdict), None)
            said = "no gate measured anything" if first is None else f"gate {first.name}: {verdict}"
            raise StepFailed(said if first is None else f"{said} ({first.measured}, {first.threshold})")

    async def began(self, result: StepResult) -> None:
        """Record that a step started, once."""
        if result.started is None:
            result.started = await self.now()
            await self.note(result.step, "started", {"at": to_text(result.started)})
