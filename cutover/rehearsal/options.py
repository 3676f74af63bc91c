"""Everything a rehearsal is determined by: printed first, repeated in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from cutover.montecarlo.changes import changed
from cutover.montecarlo.chaos import draw_crashes, draw_faults
from cutover.montecarlo.whatif import apply, read_settings
from cutover.plan.durations import draw
from cutover.plan.model import Crash, Plan
from cutover.plan.reading import as_plan, plan_file
from cutover.plan.steps import Step
from cutover.rehearsal.memory import in_memory
from router.clock import to_text
from router.configfile import ConfigFile, load
from router.dualrun.noise import NoiseFloor
from router.errors import BadInput
from router.landscape import Landscape, as_landscape, default_file
from router.routing.tables import Tables
from simulators.core.faults import read_fault
from simulators.firm.model import SIZES, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One rehearsal. Same options, same report, byte for byte."""

    plan: Plan
    landscape: Landscape
    landscape_data: Mapping[str, Any]
    """The landscape's YAML as plain data: what the simulators read."""
    routes: str
    seed: int
    size: str
    faults: Mapping[str, tuple[Mapping[str, Any], ...]]
    extracts: Path | None = None
    crash_commit: tuple[str, int] | None = None
    """(`before` or `after`, n): the router dies at its n-th commit, besides the plan's crashes."""
    firm: Size | None = None
    """A size of the firm that has no name of its own; None: the one `size` names."""
    command: str = "coexist rehearse"
    with_hooks: bool = False
    """The plan's hooks are asked, in mode `rehearsal`; else they agree."""
    roll_back_after: str | None = None
    """The step after which everything goes back to the old ERP; None: it goes through."""
    control_runs: int = 0
    """How many control runs of the legacy ERP with itself are made first."""
    control: int = 0
    """Which control run this is; 0: the rehearsal itself."""
    noise: NoiseFloor | None = None
    """What the control runs taught."""
    drawn_crashes: tuple[Crash, ...] | None = None
    """Deaths of the router drawn from the seed, instead of the plan's."""
    settings: tuple[str, ...] = ()
    """What was set otherwise than plan and landscape say, as written: `netsuite.concurrency=30`."""

    @property
    def timing_seed(self) -> int:
        """What latencies and the router's own draws come from: a control run's own, else the seed."""
        if not self.control:
            return self.seed
        return Random(f"{self.seed}/control/{self.control}").getrandbits(48)  # noqa: S311 - reproducible on purpose

    @property
    def planned_crashes(self) -> tuple[Crash, ...]:
        """The deaths of the router: the plan's, or those drawn instead."""
        return self.plan.crashes if self.drawn_crashes is None else self.drawn_crashes

    def crashes(self) -> tuple[datetime, ...]:
        """When the router dies: the planned instants, moved by up to ten minutes drawn from the seed."""
        rng = Random(f"{self.seed}/crashes")  # noqa: S311 - reproducible on purpose
        return tuple(crash.at + timedelta(seconds=rng.randrange(600)) for crash in self.planned_crashes)

    def people(self, step: Step) -> timedelta:
        """How long the people of a step take, drawn from the seed (`cutover.plan.durations`)."""
        return draw(step.people_minutes, Random(f"{self.seed}/people/{step.id}"))  # noqa: S311 - reproducible on purpose

    def as_row(self) -> dict[str, Any]:
        """The options as the report shows them, drawn values included."""
        return {
            "size": self.size,
            "extracts": self.extracts.name if self.extracts else None,
            "faults": {
                name: [{key: _plain(value) for key, value in fault.items()} for fault in faults]
                for name, faults in sorted(self.faults.items())
            },
            "crashes": [to_text(at) for at in self.crashes()],
            "budgets": {
                name: system.budget.model_dump(mode="json") for name, system in self.landscape.systems.items()
            },
            "personalities": {
                name: system.personality.model_dump(mode="json")
                for name, system in self.landscape.systems.items()
                if system.role == "erp"
            },
            **({"roll_back_after": self.roll_back_after} if self.roll_back_after else {}),
            **({"control_runs": self.control_runs} if self.control_runs else {}),
            **({"settings": list(self.settings)} if self.settings else {}),
            **({"chaos": True} if self.drawn_crashes is not None else {}),
        }


def with_chaos(options: Options) -> Options:
    """The rehearsal under faults and crashes drawn from its seed, instead of its plan's."""
    return replace(
        options,
        faults=draw_faults(options.seed, options.plan, options.landscape),
        drawn_crashes=draw_crashes(options.seed, options.plan),
    )


def _plain(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else value


def make_options(
    *,
    seed: int,
    command: str,
    plan: Path | None = None,
    landscape: Path | None = None,
    routes: Path | None = None,
    extracts: Path | None = None,
    faults: Path | None = None,
    size: str | None = None,
    control_runs: int | None = None,
    roll_back_after: str | None = None,
    settings: Sequence[str] = (),
    chaos: bool = False,
    change: str | None = None,
) -> Options:
    """Options from what a user gave; raises BadConfig naming file, place and mend.

    `settings`: what-ifs, `path=value` (`cutover.montecarlo.whatif`); `chaos`: faults and crashes drawn from the
    seed; `change`: one of `cutover.montecarlo.changes`, made after the settings.
    """
    if chaos and faults is not None:
        raise BadInput("--chaos draws the faults, and --faults gives them", mend="give one of the two")
    file = load(landscape) if landscape is not None else default_file("landscapes/default.yaml")
    written = plan_file(plan)
    written, file = apply(read_settings(settings), plan=written, landscape=file)
    if change is not None:
        written, file = changed(change, plan=written, landscape=file)
    as_landscape(file)
    data = in_memory(file.data)
    table = load(routes) if routes is not None else default_file("routes/default.yaml")
    read = as_landscape(ConfigFile(file.name, data, file.places))
    Tables(landscape=read).publish(table.text, name=table.name)
    wanted = as_plan(written, read)
    if size is not None and size not in SIZES:
        raise BadInput(f"there is no size {size!r}", mend="use one of " + ", ".join(SIZES))
    if extracts is not None and not extracts.is_dir():
        raise BadInput(f"{extracts} is not a folder", mend="give a folder with CSV files and a mapping.yaml")
    planned = {str(name): tuple(rows) for name, rows in wanted.faults.items()}
    given = _read_faults(load(faults), read) if faults is not None else planned
    made = Options(
        plan=wanted,
        landscape=read,
        landscape_data=data,
        routes=table.text,
        seed=seed,
        size=size or wanted.size,
        faults=given,
        extracts=extracts,
        command=command,
        control_runs=control_runs or 0,
        roll_back_after=_known(roll_back_after, wanted),
        settings=tuple(settings),
    )
    return with_chaos(made) if chaos else made


def _known(step_id: str | None, plan: Plan) -> str | None:
    if step_id is not None and step_id not in {step.id for step in plan.steps}:
        raise BadInput(
            f"--roll-back-after: the plan {plan.name} has no step {step_id[:48]!r}",
            mend="use one of " + ", ".join(step.id for step in plan.order()),
        )
    return step_id


def _read_faults(file: ConfigFile, landscape: Landscape) -> dict[str, tuple[Mapping[str, Any], ...]]:
    if not isinstance(file.data, Mapping):
        raise file.error("should map systems to lists of faults")
    for system, rows in file.data.items():
        if system not in landscape.systems:
            raise file.error(
                f"there is no system {system!r}", (system,), mend="use one of " + ", ".join(landscape.systems)
            )
        if not isinstance(rows, list):
            raise file.error("should be a list of faults", (system,))
        for at, row in enumerate(rows):
            try:
                read_fault(row)
            except (ValueError, TypeError, KeyError) as error:
                raise file.error(str(error), (system, at)) from error
    return {system: tuple(rows) for system, rows in file.data.items()}
