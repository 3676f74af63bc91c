"""Runs the steps of a plan: waits for what they come after, acts, measures, records."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from cutover.plan.model import Plan, Step, StepKind
from cutover.plan.stages import NEXT, Stage, table_text
from cutover.runner.controls import Controls
from cutover.runner.gates import Gate, counted, reconcile, worst
from router.clock import from_text, to_text
from router.errors import CoexistError, VendorRefused, VendorUnknown

POLL_S = 15
"""How often a step looks whether it is done."""
Outcome = Literal["done", "failed", "not run"]


@dataclass(slots=True, kw_only=True)
class StepResult:
    """How a step went, planned against rehearsed."""

    step: Step
    outcome: Outcome = "not run"
    started: datetime | None = None
    ended: datetime | None = None
    gates: tuple[Gate, ...] = ()
    evidence: dict[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def minutes(self) -> int | None:
        """Minutes it took, rounded up."""
        if self.started is None or self.ended is None:
            return None
        return -(-int((self.ended - self.started).total_seconds()) // 60)

    def as_record(self) -> dict[str, Any]:
        """What the log keeps of a finished step, so that a runner that starts again knows it."""
        return {
            "ended": to_text(self.ended) if self.ended else None,
            "why": self.why,
            "gates": [gate.as_row() for gate in self.gates],
            "evidence": self.evidence,
        }

    def restore(self, outcome: Any, record: dict[str, Any]) -> None:
        """Become what the log kept."""
        self.outcome, self.why, self.evidence = outcome, record["why"], record["evidence"]
        self.ended = from_text(record["ended"]) if record["ended"] else None
        self.gates = tuple(Gate(**row) for row in record["gates"])

    def as_row(self) -> dict[str, Any]:
        """The step as the report shows it."""
        return {
            "id": self.step.id,
            "kind": self.step.kind,
            "wave": self.step.wave,
            "owner": self.step.owner,
            "after": list(self.step.after),
            "outcome": self.outcome,
            "planned_at": to_text(self.step.at) if self.step.at else None,
            "planned_minutes": self.step.planned_minutes,
            "people_minutes": self.step.people_minutes,
            "started": to_text(self.started) if self.started else None,
            "ended": to_text(self.ended) if self.ended else None,
            "minutes": self.minutes,
            "deadline_minutes": self.step.deadline_minutes,
            "evidence": self.evidence,
            "why": self.why,
        }


class StepFailed(CoexistError):
    """A step of the plan did not get through."""

    code = "step-failed"


class Runner:
    """One run of one plan. `controls` is asked anew each time, as the router may be restarted.

    `people` says how long the people of a step take on top of what the machines do.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        run_id: str,
        controls: Callable[[], Awaitable[Controls]],
        by: str,
        people: Callable[[Step], timedelta],
    ) -> None:
        self._plan = plan
        self._people = people
        self._run_id = run_id
        self._controls = controls
        self._by = by
        self._version = 1
        self._stages: dict[str, Stage] = {wave.id: "legacy" for wave in plan.waves}
        self._dual: set[str] = set()
        self._entering = asyncio.Lock()
        self._entered: dict[tuple[str, Stage], dict[str, Any]] = {}
        """What a step that was interrupted had already switched, by step and stage."""
        self._switched: dict[str, datetime] = {}
        self.results = {step.id: StepResult(step=step) for step in plan.steps}

    async def run(self) -> bool:
        """Run all steps; False when one failed. What comes after a failed step is not run."""
        done = await self._resume()
        finished = {step.id: asyncio.Event() for step in self._plan.steps}
        for step_id in done:
            finished[step_id].set()
        async with asyncio.TaskGroup() as group:
            for step in self._plan.order():
                if step.id not in done:
                    group.create_task(self._run_step(step, finished), name=f"step-{step.id}")
        return all(result.outcome == "done" for result in self.results.values())

    async def _resume(self) -> set[str]:
        controls = await self._controls()
        done: set[str] = set()
        for row in await controls.log(self._run_id):
            data: Any = row["data"]
            if row["event"] == "entering":
                self._version = max(self._version, int(data["version"]))
            if row["event"] == "stage":
                self._stages[data["wave"]] = data["stage"]
                self._entered[(str(row["step"]), data["stage"])] = data["evidence"]
                if data["stage"] == "dual_run":
                    self._dual.add(data["wave"])
            if row["event"] == "started":
                self.results[str(row["step"])].started = from_text(data["at"])
            if row["event"] in ("done", "failed"):
                done.add(str(row["step"]))
                self.results[str(row["step"])].restore(row["event"], data)
        return done

    async def _run_step(self, step: Step, finished: dict[str, asyncio.Event]) -> None:
        result = self.results[step.id]
        for name in step.after:
            await finished[name].wait()
            if self.results[name].outcome != "done":
                result.why = f"{name} was not done"
                finished[step.id].set()
                return
        if step.at is not None:
            now = (await self._controls()).clock.now()
            await asyncio.sleep(max(0.0, (step.at - now).total_seconds()))
        controls = await self._controls()
        if result.started is None:
            result.started = controls.clock.now()
            await controls.record(self._run_id, step.id, "started", {"at": to_text(result.started)})
        limit = None
        if step.deadline_minutes is not None:
            gone = controls.clock.now() - result.started
            limit = max(0.0, step.deadline_minutes * 60 - gone.total_seconds())
        try:
            async with asyncio.timeout(limit):
                await self._act(step, result)
                await self._hands(step, result)
            result.outcome = "done"
        except TimeoutError:
            result.outcome, result.why = (
                "failed",
                f"not done within its deadline of {step.deadline_minutes} minutes",
            )
        except StepFailed as error:
            result.outcome, result.why = "failed", error.message
        controls = await self._controls()
        result.ended = controls.clock.now()
        if result.outcome == "failed":
            await self._unwind(step)
        await controls.record(self._run_id, step.id, result.outcome, result.as_record())
        finished[step.id].set()

    async def _hands(self, step: Step, result: StepResult) -> None:
        """What people do once the machines are done: it counts from the step's start, also after a restart."""
        assert result.started is not None
        now = (await self._controls()).clock.now()
        left = result.started + self._people(step) - now
        await asyncio.sleep(max(0.0, left.total_seconds()))

    async def _act(self, step: Step, result: StepResult) -> None:
        actions: dict[StepKind, Callable[[Step, StepResult], Awaitable[None]]] = {
            "dual_run": self._dual_run,
            "freeze": self._freeze,
            "drain": self._drain,
            "reconcile": self._reconcile,
            "switch": self._switch,
            "release": self._release,
            "verify": self._verify,
        }
        await actions[step.kind](step, result)

    # --- the steps ------------------------------------------------------------------------------

    async def _dual_run(self, step: Step, result: StepResult) -> None:
        entities = self._plan.wave(step.wave).entities
        result.evidence |= await self._enter(step, "dual_run", why="dual run starts")
        # Only what the legacy ERP has posted is loaded; from here on everything new is shadowed anyway.
        await self._until_drained(entities, (self._plan.source,))
        controls = await self._controls()
        result.evidence["masters"] = await controls.load_masters(entities, self._plan.target)
        waited = await self._until_drained(entities, (self._plan.target,))
        result.evidence["polls"] = waited
        controls = await self._controls()
        bad = await controls.unresolved(entities, (self._plan.target,))
        result.gates = (counted("masters the cloud ERP did not take", sum(bad.values())),)
        self._judge(result)

    async def _freeze(self, step: Step, result: StepResult) -> None:
        result.evidence |= await self._enter(step, "frozen", why="freeze before the switch")

    async def _drain(self, step: Step, result: StepResult) -> None:
        entities = self._plan.wave(step.wave).entities
        result.evidence["polls"] = await self._until_drained(entities, (self._plan.source, self._plan.target))
        backlog = await (await self._controls()).backlog(entities, (self._plan.source, self._plan.target))
        result.evidence["held"] = backlog.held
        result.gates = (
            counted("deliveries waiting", backlog.waiting, why=backlog.why),
            counted("deliveries in doubt", backlog.in_doubt),
        )
        self._judge(result)

    async def _reconcile(self, step: Step, result: StepResult) -> None:
        controls = await self._controls()
        try:
            comparison = await controls.compare(
                run_id=f"{self._run_id}/{step.id}",
                legacy=self._plan.source,
                cloud=self._plan.target,
                entities=self._plan.wave(step.wave).entities,
                since="2000-01-01",
                until="9999-12-31",
            )
        except (VendorUnknown, VendorRefused) as error:
            # Nothing was compared, so nothing is proven: the step fails with what the ERP said.
            raise StepFailed(f"the ERPs could not be compared: {error.one_line()}") from error
        result.evidence["comparison"] = comparison.to_json()
        result.gates = reconcile(comparison, step.thresholds)
        self._judge(result)

    async def _switch(self, step: Step, result: StepResult) -> None:
        entities = self._plan.wave(step.wave).entities
        backlog = await (await self._controls()).backlog(entities, (self._plan.source,))
        result.gates = (
            counted("legacy deliveries waiting", backlog.waiting, why=backlog.why),
            counted("legacy deliveries in doubt", backlog.in_doubt),
        )
        self._judge(result)
        result.evidence |= await self._enter(
            step, "cloud", why="the cloud ERP takes over", gate=(self._plan.target,)
        )
        self._switched[step.wave] = (await self._controls()).clock.now()

    async def _release(self, step: Step, result: StepResult) -> None:
        entities = self._plan.wave(step.wave).entities
        controls = await self._controls()
        await controls.open_lanes(entities, (self._plan.target,))
        result.evidence["released"] = await controls.release(
            entities, by=self._by, why=f"{step.id} of {self._plan.name}"
        )
        result.evidence["polls"] = await self._until_drained(entities, (self._plan.target,))

    async def _verify(self, step: Step, result: StepResult) -> None:
        entities = self._plan.wave(step.wave).entities
        controls = await self._controls()
        backlog = await controls.backlog(entities, (self._plan.source,))
        bad = await controls.unresolved(entities, (self._plan.target,))
        result.evidence |= {"refused": bad["refused"], "dead": bad["dead"]}
        result.gates = (
            counted("transactions still held", backlog.held),
            counted("legacy deliveries in doubt", backlog.in_doubt),
            counted("deliveries the cloud ERP gave up", bad["dead"]),
        )
        self._judge(result)

    # --- how they do it ---------------------------------------------------------------------------

    async def _enter(
        self, step: Step, stage: Stage, *, why: str, gate: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        if (step.id, stage) in self._entered:
            return self._entered[(step.id, stage)]
        # One at a time: a table holds the stages of all waves.
        async with self._entering:
            return await self._flip(step, stage, why=why, gate=gate)

    async def _flip(self, step: Step, stage: Stage, *, why: str, gate: tuple[str, ...]) -> dict[str, Any]:
        wave = self._plan.wave(step.wave)
        before = self._stages[wave.id]
        if stage not in NEXT[before]:
            raise StepFailed(f"wave {wave.id} can't go from {before} to {stage}")
        controls = await self._controls()
        version = self._version = self._version + 1
        # Written first: a runner that starts again must not give this version another text.
        await controls.record(self._run_id, step.id, "entering", {"version": version})
        self._stages[wave.id] = stage
        if stage == "dual_run":
            self._dual.add(wave.id)
        text = table_text(self._plan, version=version, stages=self._stages, dual=frozenset(self._dual))
        await controls.publish(text, version=version, by=self._by)
        epochs = await controls.switch(
            wave.entities,
            version=version,
            by=self._by,
            why=why,
            gate=tuple(gate),  # type: ignore[arg-type]
        )
        evidence = {"table_version": version, "epochs": dict(sorted(epochs.items()))}
        await controls.record(
            self._run_id, step.id, "stage", {"wave": wave.id, "stage": stage, "evidence": evidence}
        )
        return evidence

    async def _until_drained(self, entities: tuple[str, ...], targets: tuple[Any, ...]) -> int:
        polls = 0
        while not (await (await self._controls()).backlog(entities, targets)).drained:
            polls += 1
            await asyncio.sleep(POLL_S)
        return polls

    async def _unwind(self, step: Step) -> None:
        """Before the switch a failed step gives the wave back to the legacy ERP; after it, people decide."""
        if self._stages[step.wave] != "frozen":
            return
        back: Stage = "dual_run" if step.wave in self._dual else "legacy"
        result = self.results[step.id]
        result.evidence["unwound"] = await self._enter(step, back, why=f"unwind: {step.id} failed")
        controls = await self._controls()
        entities = self._plan.wave(step.wave).entities
        result.evidence["given_back"] = await controls.release(
            entities, by=self._by, why=f"unwind of {step.id}"
        )

    def _judge(self, result: StepResult) -> None:
        verdict = worst(result.gates)
        if verdict != "pass":
            first = next(gate for gate in result.gates if gate.verdict == verdict)
            raise StepFailed(f"gate {first.name}: {verdict} ({first.measured}, {first.threshold})")
