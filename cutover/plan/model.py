"""The plan: waves, steps, window, faults; read from YAML, refused with file, line and mend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Field

from router.canonical.documents import Code
from router.canonical.reference import Reference
from router.configfile import ConfigFile, load
from router.landscape import Landscape, default_file
from router.model import SystemId

StepKind = Literal["dual_run", "freeze", "drain", "reconcile", "switch", "release", "verify"]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]


def _utc(value: Any) -> Any:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return value


Instant = Annotated[datetime, BeforeValidator(_utc)]


class Window(Reference):
    """When the business lets the cutover happen."""

    opens: Instant
    closes: Instant


class Wave(Reference):
    """Legal entities that move together."""

    id: Slug
    entities: Annotated[tuple[Code, ...], Field(min_length=1)]


class Thresholds(Reference):
    """What a reconcile gate lets pass; money in basis points of the legacy total."""

    variance_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 50
    unexplained: Annotated[int, Field(ge=0)] = 0
    """Breaks without a cause."""
    count_differences: Annotated[int, Field(ge=0)] = 0
    """Documents that stand in one ERP only."""


class Step(Reference):
    """One step of the plan. Durations in minutes."""

    id: Slug
    kind: StepKind
    wave: Slug
    owner: str = "cutover lead"
    at: Instant | None = None
    """Not before this instant."""
    after: tuple[Slug, ...] = ()
    planned_minutes: Annotated[int, Field(ge=0, le=100_000)] = 30
    people_minutes: Annotated[int, Field(ge=0, le=100_000)] = 0
    """What people need on top of the machines: reviews, signatures, phone calls. Rehearsed as drawn."""
    deadline_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """From its start; a step that is not done by then fails and the plan stops: no-go."""
    thresholds: Thresholds = Thresholds()


class Crash(Reference):
    """The router process dies here and is started again from its journal."""

    at: Instant
    down_s: Annotated[int, Field(ge=0, le=86_400)] = 90


class Plan(Reference):
    """A cutover plan with the load and the faults it is rehearsed under."""

    name: Slug
    version: Annotated[int, Field(ge=1)] = 1
    title: str = ""
    start: Instant
    end: Instant
    window: Window
    source: SystemId = Field(alias="from")
    target: SystemId = Field(alias="to")
    size: Literal["small", "default", "large"] = "default"
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    faults: Mapping[SystemId, tuple[Mapping[str, Any], ...]] = {}
    crashes: tuple[Crash, ...] = ()

    def wave(self, wave_id: str) -> Wave:
        """A wave by its id."""
        return next(wave for wave in self.waves if wave.id == wave_id)

    def order(self) -> tuple[Step, ...]:
        """The steps in an order that respects `after`, the file's order among equals."""
        by_id = {step.id: step for step in self.steps}
        sorter = TopologicalSorter({step.id: step.after for step in self.steps})
        rank = {step.id: at for at, step in enumerate(self.steps)}
        sorter.prepare()
        ordered: list[Step] = []
        while sorter.is_active():
            for name in sorted(sorter.get_ready(), key=lambda name: rank[name]):
                ordered.append(by_id[name])
                sorter.done(name)
        return tuple(ordered)

    def digest(self) -> str:
        """SHA-256 of the plan's content: what approvals and reports are bound to."""
        data = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_plan(path: Path | str | None, landscape: Landscape) -> Plan:
    """A plan from a file (None: the default weekend), checked against the landscape; raises BadConfig."""
    file = load(path) if path is not None else default_file("plans/weekend.yaml")
    plan = file.as_model(Plan)
    _check_names(plan, file, landscape)
    _check_steps(plan, file)
    return plan


def _check_names(plan: Plan, file: ConfigFile, landscape: Landscape) -> None:
    for key, system in (("from", plan.source), ("to", plan.target)):
        if system not in landscape.of_role("erp"):
            raise file.error(
                f"{key}: there is no ERP {system!r}", (key,), mend=_one_of(landscape.of_role("erp"))
            )
    if plan.source == plan.target:
        raise file.error("to: is the same system as from", ("to",))
    for system in plan.faults:
        if system not in landscape.systems:
            raise file.error(f"faults: there is no system {system!r}", ("faults", system))
    seen: dict[str, str] = {}
    for at, wave in enumerate(plan.waves):
        for entity in wave.entities:
            place = ("waves", at, "entities")
            if entity not in landscape.legal_entities:
                raise file.error(
                    f"wave {wave.id}: there is no entity {entity!r}",
                    place,
                    mend=_one_of(landscape.legal_entities),
                )
            if entity in seen:
                raise file.error(f"{entity} is in wave {seen[entity]} and in wave {wave.id}", place)
            seen[entity] = wave.id
    if not plan.start <= plan.window.opens < plan.window.closes <= plan.end:
        raise file.error("start ≤ window.opens < window.closes ≤ end does not hold", ("window",))


def _check_steps(plan: Plan, file: ConfigFile) -> None:
    waves = {wave.id for wave in plan.waves}
    ids: set[str] = set()
    for at, step in enumerate(plan.steps):
        if step.id in ids:
            raise file.error(f"step {step.id} stands twice", ("steps", at, "id"))
        ids.add(step.id)
        if step.wave not in waves:
            raise file.error(
                f"step {step.id}: there is no wave {step.wave!r}",
                ("steps", at, "wave"),
                mend=_one_of(sorted(waves)),
            )
    for at, step in enumerate(plan.steps):
        for name in step.after:
            if name not in ids:
                raise file.error(
                    f"step {step.id}: there is no step {name!r} to come after", ("steps", at, "after")
                )
    try:
        order = plan.order()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        first = next(at for at, step in enumerate(plan.steps) if step.id in error.args[1])
        raise file.error(
            f"the steps wait for each other in a circle: {circle}",
            ("steps", first, "after"),
            mend="take one of them out",
        ) from error
    _check_stages(plan, order, file)


_BEFORE: dict[StepKind, tuple[StepKind, ...]] = {
    "freeze": (), "dual_run": (), "drain": ("freeze",), "reconcile": ("dual_run",),
    "switch": ("freeze", "drain"), "release": ("switch",), "verify": ("release",),
}  # fmt: skip
"""What a wave must have behind it: a switch without a drain, say, is refused."""


def _check_stages(plan: Plan, order: tuple[Step, ...], file: ConfigFile) -> None:
    done: dict[str, set[str]] = {wave.id: set() for wave in plan.waves}
    for step in order:
        for needed in _BEFORE[step.kind]:
            if needed not in done[step.wave]:
                at = plan.steps.index(step)
                raise file.error(
                    f"step {step.id}: a {step.kind} of wave {step.wave} needs a {needed} before it",
                    ("steps", at), mend=f"add a {needed} step and name it in `after`",
                )  # fmt: skip
        done[step.wave].add(step.kind)


def _one_of(names: Any) -> str:
    return "use one of " + ", ".join(names)
