"""Control runs of a rehearsal: the same plan, with the cloud ERP replaced by a second legacy ERP.

Two instances of one ERP with one personality reckon alike, so whatever their comparison shows is not
deterministic: the noise floor. An amount that differs there is an error of the rehearsal itself.

What is the same: plan, seed, firm, what people do, faults and crashes. What is not: the second ERP is a
client of its own with its own logical system and file drop, and how long calls take is drawn anew for each run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cutover.rehearsal.memory import DROPS
from cutover.rehearsal.options import Options
from router.configfile import ConfigFile
from router.dualrun.comparison import Comparison
from router.dualrun.noise import ControlRun, Measure, NoiseFloor, learned, measured
from router.dualrun.policy import as_dual_run_policy
from router.landscape import as_landscape, default_file

Compared = Mapping[str, Comparison]
"""Comparisons by the name of their run, in order."""


def control_options(options: Options, number: int) -> Options:
    """The rehearsal as its `number`th control run, counted from 1."""
    data = _two_of_one(options)
    return replace(
        options,
        landscape=as_landscape(ConfigFile("the control run's landscape", data, {})),
        landscape_data=data,
        control=number,
        control_runs=0,
        noise=None,
        # A planted death of the router belongs to the rehearsal that is looked at.
        crash_commit=None,
    )


def noise_floor(options: Options, rehearsed: Callable[[Options], Compared]) -> NoiseFloor:
    """What the control runs that are asked for teach; `rehearsed` makes one."""
    runs: list[tuple[ControlRun, Measure]] = []
    for number in range(1, options.control_runs + 1):
        control = control_options(options, number)
        runs.append(_learn(control, rehearsed(control)))
    policy = as_dual_run_policy(default_file("policies/default.yaml"))
    return learned(policy.fingerprint, runs)


def _learn(control: Options, compared: Compared) -> tuple[ControlRun, Measure]:
    found = Measure()
    for _, one in sorted(compared.items()):
        seen = measured(one.pairs, one.breaks)
        for (kind, level), pairs in seen.pairs.items():
            found.compared(kind, level, pairs)
        for row in one.breaks:
            found.add(row)
    run = ControlRun(
        name=f"control-{control.control}",
        inputs={
            "plan": control.plan.digest(),
            "seed": str(control.seed),
            "timing_seed": str(control.timing_seed),
            "comparisons": ", ".join(sorted(compared)) or "none",
        },
        pairs=sum(found.pairs.values()),
        differing=sum(seen.differing for seen in found.fields.values()),
    )
    return run, found


def _two_of_one(options: Options) -> dict[str, Any]:
    """The landscape with a second instance of the plan's legacy ERP in the place of its cloud ERP."""
    plan, systems = options.plan, options.landscape_data["systems"]
    legacy, cloud = systems[plan.source], systems[plan.target]
    own = dict(legacy.get("options") or {})
    if "client" in own:
        own["client"] = _another(own["client"])
    if "logical_system" in own:
        # By custom it is named after the client: P01CLNT100.
        own["logical_system"] = _another(own["logical_system"])
    if "idoc_drop" in own:
        own["idoc_drop"] = f"{DROPS}/{plan.target}"
    second = {**legacy, "base_url": cloud["base_url"], "options": own}
    return {**options.landscape_data, "systems": {**systems, plan.target: second}}


def _another(name: str) -> str:
    """Another name of the same form: its number is a hundred more."""
    head = name.rstrip("0123456789")
    digits = name[len(head) :]
    if not digits:
        return f"{name}2"
    return head + str((int(digits) + 100) % 10 ** len(digits)).zfill(len(digits))
