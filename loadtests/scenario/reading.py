"""Reads a scenario from YAML and checks it against the default landscape; each mistake has file, line and mend."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from cutover.montecarlo.whatif import apply, read_settings
from cutover.plan.model import Plan
from cutover.plan.reading import as_plan, built_in_plans, plan_file
from loadtests.scenario.arrivals import STREAMS_MAX
from loadtests.scenario.model import Curve, Limits, Scenario
from router.configfile import ConfigFile, Place, load, loads
from router.errors import BadInput, Refused
from router.landscape import Landscape, as_landscape, default_file
from simulators.core.faults import read_fault

WHOLE_PERCENT = 100


def built_in() -> dict[str, Path]:
    """Name → file of the scenarios that come with the program, sorted by name."""
    folder = resources.files("loadtests").joinpath("scenarios")
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): Path(str(folder.joinpath(name))) for name in names}


def read_scenario(path: Path | str) -> Scenario:
    """A scenario from a file, or by its built-in name; raises BadInput for no such name, BadConfig for a wrong file."""
    return as_scenario(scenario_file(path))


def scenario_file(path: Path | str) -> ConfigFile:
    """The file of a scenario. A folder of its name hides no scenario: `--out soak` leaves one behind."""
    named, known = str(path), built_in()
    if not Path(path).is_file() and named in known:
        return loads(known[named].read_bytes(), name=f"loadtests/scenarios/{named}.yaml")
    if not Path(path).exists() and Path(path).name == named and not Path(path).suffix:
        raise BadInput(
            f"{named[:80]!r} is neither a file nor a built-in scenario", mend="use one of " + ", ".join(known)
        )
    return load(path)


def as_scenario(file: ConfigFile) -> Scenario:
    """A scenario from a parsed file; raises BadConfig."""
    scenario = file.as_model(Scenario)
    landscape = _landscape(scenario, file)
    _check_curve(scenario.curve, file, ("curve",))
    _check_streams(scenario, file, landscape)
    _check_faults(scenario, file, landscape)
    _check_switch(scenario, file, landscape)
    _check_limits(scenario.limits, scenario, file, landscape)
    erps = landscape.of_role("erp")
    if scenario.authority and scenario.authority not in erps:
        raise file.error(
            f"authority: there is no ERP {scenario.authority!r}", ("authority",), mend=_one_of(erps)
        )
    return scenario


def _landscape(scenario: Scenario, file: ConfigFile) -> Landscape:
    """The default landscape with the scenario's settings in it."""
    default, plan = default_file("landscapes/default.yaml"), plan_file("pilot")
    for at, setting in enumerate(scenario.settings):
        # One by one, so that the wrong one is pointed at.
        try:
            changed, default = apply(read_settings([setting]), plan=plan, landscape=default)
            as_landscape(default)
        except Refused as error:
            raise file.error(f"settings: {error.message}", ("settings", at), mend=error.mend) from error
        if changed.data != plan.data:
            raise file.error(
                f"settings: {setting.partition('=')[0]} is the plan's; a load run takes the landscape's",
                ("settings", at),
                mend="write it like netsuite.concurrency=30",
            )
    return as_landscape(default)


def _check_curve(curve: Curve, file: ConfigFile, place: Place) -> None:
    said = ".".join(str(part) for part in place)
    if bool(curve.points) == bool(curve.month_end):
        raise file.error(
            f"{said}: takes either points or month_end",
            place,
            mend="give points like {at: 0, level: 0.2}, or month_end: three-days",
        )
    for at, (before, point) in enumerate(zip(curve.points, curve.points[1:], strict=False), start=1):
        if point.at < before.at:
            raise file.error(
                f"{said}: the point at {point.at} comes after the one at {before.at}",
                (*place, "points", at),
                mend="put the points in order of time",
            )
    if curve.points and not any(point.level for point in curve.points):
        raise file.error(f"{said}: nothing ever arrives", (*place, "points"), mend="give a point a level")


def _check_streams(scenario: Scenario, file: ConfigFile, landscape: Landscape) -> None:
    if len(scenario.streams) > STREAMS_MAX:
        raise file.error(f"streams: are more than {STREAMS_MAX}", ("streams",))
    seen: set[str] = set()
    for at, stream in enumerate(scenario.streams):
        place = ("streams", at)
        if stream.name in seen:
            raise file.error(f"stream {stream.name} stands twice", (*place, "name"), mend="rename one")
        seen.add(stream.name)
        for entity in stream.entities:
            if entity not in landscape.legal_entities:
                raise file.error(
                    f"stream {stream.name}: there is no entity {entity!r}",
                    (*place, "entities"),
                    mend=_one_of(landscape.legal_entities),
                )
        if stream.curve is not None:
            _check_curve(stream.curve, file, (*place, "curve"))
    total = sum(stream.share for stream in scenario.streams)
    if total != WHOLE_PERCENT:
        raise file.error(f"streams: the shares make {total}, not 100", ("streams",), mend="change a share")


def _check_faults(scenario: Scenario, file: ConfigFile, landscape: Landscape) -> None:
    for at, fault in enumerate(scenario.faults):
        place, who = ("faults", at), f"fault {fault.name}"
        if fault.until <= fault.at:
            raise file.error(
                f"{who}: ends at {fault.until} before it begins at {fault.at}",
                (*place, "until"),
                mend="give it a later until",
            )
        if at and fault.at < scenario.faults[at - 1].at:
            raise file.error(
                f"{who}: begins before the one above it", (*place, "at"), mend="put faults in order"
            )
        if fault.kind == "freeze":
            if fault.system:
                raise file.error(
                    f"{who}: freeze befalls the gateway, no system",
                    (*place, "system"),
                    mend="take the system out, or use kind hang",
                )
            if fault.params:
                raise file.error(f"{who}: freeze takes no params", (*place, "params"), mend="take them out")
            continue
        if fault.system not in landscape.systems:
            raise file.error(
                f"{who}: there is no system {fault.system!r}",
                (*place, "system"),
                mend=_one_of(landscape.systems),
            )
        try:
            read_fault({"name": fault.name, "kind": fault.kind, "params": fault.params})
        except ValueError as error:
            raise file.error(str(error), (*place, "params")) from error


def _check_switch(scenario: Scenario, file: ConfigFile, landscape: Landscape) -> None:
    switch = scenario.switch
    if switch is None:
        return
    if switch.plan not in built_in_plans():
        raise file.error(
            f"switch: there is no plan {switch.plan!r}", ("switch", "plan"), mend=_one_of(built_in_plans())
        )
    plan: Plan = as_plan(plan_file(switch.plan), landscape)
    waves = [wave.id for wave in plan.waves]
    if switch.wave not in waves:
        raise file.error(
            f"switch: the plan {switch.plan} has no wave {switch.wave!r}",
            ("switch", "wave"),
            mend=_one_of(waves),
        )
    if (scenario.authority or plan.source) != plan.source:
        raise file.error(
            f"switch: the plan moves from {plan.source}, but {scenario.authority} has everything",
            ("switch",),
            mend="take the authority out",
        )


def _check_limits(limits: Limits, scenario: Scenario, file: ConfigFile, landscape: Landscape) -> None:
    streams = ("", *(stream.name for stream in scenario.streams))
    named = {
        "latency": [row.stream for row in limits.latency],
        "sla": [row.stream for row in limits.sla],
    }
    for key, rows in named.items():
        for at, stream in enumerate(rows):
            if stream not in streams:
                raise file.error(
                    f"limits: there is no stream {stream!r}",
                    ("limits", key, at, "stream"),
                    mend=_one_of(streams[1:]),
                )
    erps = landscape.of_role("erp")
    for at, use in enumerate(limits.erps):
        if use.system not in erps:
            raise file.error(
                f"limits: there is no ERP {use.system!r}",
                ("limits", "erps", at, "system"),
                mend=_one_of(erps),
            )


def _one_of(names: Iterable[str]) -> str:
    return "use one of " + ", ".join(names)
