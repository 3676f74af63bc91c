"""Reads a plan from YAML and checks it against the landscape; each mistake has file, line and mend."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

from cutover.plan.footing import BILLED, torn
from cutover.plan.model import Plan, Wave
from cutover.plan.steps import ONLY_FOR, Step, StepKind
from router.canonical.kinds import KINDS
from router.configfile import ConfigFile, Place, load
from router.errors import BadConfig
from router.landscape import Landscape, default_file

DEFAULT = "weekend"


def read_plan(path: Path | str | None, landscape: Landscape) -> Plan:
    """A plan from a file or by its built-in name (None: the default weekend); raises BadConfig."""
    return as_plan(plan_file(path), landscape)


def plan_file(path: Path | str | None) -> ConfigFile:
    """The file of a plan: a path, or the name of a built-in plan where there is no such file; raises BadConfig.

    A folder of that name hides no plan: `--out pilot` leaves one behind.
    """
    name = DEFAULT if path is None else str(path)
    built_in = built_in_plans()
    if (path is None or not Path(path).is_file()) and name in built_in:
        return default_file(f"plans/{name}.yaml")
    if not Path(name).exists() and Path(name).name == name and not Path(name).suffix:
        raise BadConfig(
            "is neither a file nor a built-in plan", file=name, mend="use one of " + ", ".join(built_in)
        )
    return load(name)


def built_in_plans() -> tuple[str, ...]:
    """Names of the plans that come with the program, sorted."""
    folder = resources.files("fixtures").joinpath("plans")
    return tuple(
        sorted(one.name.removesuffix(".yaml") for one in folder.iterdir() if one.name.endswith(".yaml"))
    )


def as_plan(file: ConfigFile, landscape: Landscape) -> Plan:
    """A plan from a parsed file, its regions resolved into entities; raises BadConfig."""
    plan = file.as_model(Plan)
    _check_names(plan, file, landscape)
    waves = tuple(_resolved(wave, landscape) for wave in plan.waves)
    plan = plan.model_copy(update={"waves": waves, "business_units": landscape.business_units})
    _check_waves(plan, file, landscape)
    _check_steps(plan, file)
    _check_kinds(plan, file)
    _check_stages(plan, plan.order(), file)
    _check_straddling(plan, file)
    return plan


def _resolved(wave: Wave, landscape: Landscape) -> Wave:
    named = [
        code
        for code, entity in landscape.legal_entities.items()
        if entity.region in wave.regions and code not in wave.entities
    ]
    return wave.model_copy(update={"entities": (*wave.entities, *named)})


def _check_names(plan: Plan, file: ConfigFile, landscape: Landscape) -> None:
    erps = landscape.of_role("erp")
    for key, system in (("from", plan.source), ("to", plan.target)):
        if system not in erps:
            raise file.error(f"{key}: there is no ERP {system!r}", (key,), mend=one_of(erps))
    if plan.source == plan.target:
        raise file.error("to: is the same system as from", ("to",))
    for system in plan.faults:
        if system not in landscape.systems:
            raise file.error(f"faults: there is no system {system!r}", ("faults", system))
    seen: set[str] = set()
    for at, wave in enumerate(plan.waves):
        if wave.id in seen:
            raise file.error(f"wave {wave.id} stands twice", ("waves", at, "id"), mend="rename one")
        seen.add(wave.id)
        if not wave.entities and not wave.regions:
            raise file.error(
                f"wave {wave.id} moves no entity", ("waves", at), mend="give it entities or regions"
            )
        for field, what, known in (
            ("entities", "entity", tuple(landscape.legal_entities)),
            ("regions", "region", landscape.regions),
            ("business_units", "business unit", landscape.business_units),
            ("kinds", "kind", tuple(KINDS)),
        ):
            _all_known(file, f"wave {wave.id}", getattr(wave, field), known, what, ("waves", at, field))
    for at, busy in enumerate(plan.calendar.busy):
        place = ("calendar", "busy", at)
        _all_known(
            file, busy.name, busy.entities, tuple(landscape.legal_entities), "entity", (*place, "entities")
        )
        if busy.opens >= busy.closes:
            raise file.error(f"{busy.name} closes before it opens", (*place, "closes"))
    if not plan.start <= plan.window.opens < plan.window.closes <= plan.end:
        raise file.error("start ≤ window.opens < window.closes ≤ end does not hold", ("window",))


def _check_straddling(plan: Plan, file: ConfigFile) -> None:
    """What stays with the old ERP must be able to: it needs a date, and the masters of new projects."""
    policy, place = plan.straddling, ("straddling",)
    stated = " and ".join(name for name in ("back_dated", "milestones") if getattr(policy, name) == "old_erp")
    if policy.stays and policy.cut_date is None:
        raise file.error(
            f"straddling: {stated}: old_erp needs a cut_date",
            place,
            mend="give the first accounting date that belongs to the new ERP",
        )
    if policy.cut_date is not None and not policy.stays:
        raise file.error(
            "straddling: a cut_date means nothing where everything goes to the new ERP",
            place,
            mend="take it out, or say back_dated: old_erp",
        )
    for at, step in enumerate(plan.steps):
        kinds = step.kinds or plan.wave(step.wave).all_kinds
        if step.kind == "switch" and not step.reverse and any(kind in policy.stays for kind in kinds):
            raise file.error(
                f"straddling: {stated}: old_erp can't work after {step.id}: the old ERP would not know the"
                " projects that are begun after it, and their back-dated documents would wait there for ever",
                ("steps", at),
                mend="give the switch reverse: true, so that the old ERP is fed until it is retired, or say new_erp",
            )


def _all_known(
    file: ConfigFile, who: str, names: Iterable[str], known: tuple[str, ...], what: str, place: Place
) -> None:
    for name in names:
        if name not in known:
            raise file.error(f"{who}: there is no {what} {name!r}", place, mend=one_of(known))


def _check_waves(plan: Plan, file: ConfigFile, landscape: Landscape) -> None:
    """No document may belong to two waves."""
    seen: dict[tuple[str, str, str], str] = {}
    for at, wave in enumerate(plan.waves):
        units = wave.business_units or landscape.business_units
        for cell in product(wave.entities, units, wave.all_kinds):
            if cell in seen:
                entity, unit, kind = cell
                said = entity if not wave.business_units else f"{entity} {unit}"
                said = said if not wave.kinds else f"{said} {kind}"
                raise file.error(
                    f"{said} is in wave {seen[cell]} and in wave {wave.id}",
                    ("waves", at, "entities"),
                    mend="take it out of one of them",
                )
            seen[cell] = wave.id


MOVES: tuple[StepKind, ...] = ("dual_run", "switch", "retire")
"""Steps that put kinds at another stage; a freeze or a release may be of some kinds first."""


def _check_kinds(plan: Plan, file: ConfigFile) -> None:
    """What an ERP bills together moves together (`cutover.plan.footing`)."""
    asked: list[tuple[str, tuple[str, ...], Place]] = [
        (f"wave {wave.id}", wave.kinds, ("waves", at, "kinds")) for at, wave in enumerate(plan.waves)
    ]
    asked += [
        (f"step {step.id}", step.kinds, ("steps", at, "kinds"))
        for at, step in enumerate(plan.steps)
        if step.kind in MOVES
    ]
    for who, kinds, place in asked:
        if missing := torn(kinds):
            mine = ", ".join(kind for kind in BILLED if kind in kinds)
            raise file.error(
                f"{who}: moves {mine} without {', '.join(missing)}: an ERP makes invoices of the work it holds"
                " and settles the invoices it made",
                place,
                mend=f"add {', '.join(missing)}, or take out {mine}",
            )


def _check_steps(plan: Plan, file: ConfigFile) -> None:
    waves = {wave.id: wave for wave in plan.waves}
    ids: set[str] = set()
    for at, step in enumerate(plan.steps):
        if step.id in ids:
            raise file.error(f"step {step.id} stands twice", ("steps", at, "id"))
        ids.add(step.id)
        if step.wave not in waves:
            raise file.error(
                f"step {step.id}: there is no wave {step.wave!r}",
                ("steps", at, "wave"),
                mend=one_of(sorted(waves)),
            )
        kinds = waves[step.wave].all_kinds
        _all_known(
            file, f"step {step.id}", step.kinds, kinds, f"kind of wave {step.wave}", ("steps", at, "kinds")
        )
        for field, allowed in ONLY_FOR.items():
            if field in step.model_fields_set and step.kind not in allowed:
                raise file.error(
                    f"step {step.id}: {field} means nothing for a {step.kind}",
                    ("steps", at, field),
                    mend=f"it is a field of {' and '.join(allowed)} steps",
                )
    for at, step in enumerate(plan.steps):
        for name in step.after:
            if name not in ids:
                raise file.error(
                    f"step {step.id}: there is no step {name!r} to come after", ("steps", at, "after")
                )
    try:
        plan.order()
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        first = next(at for at, step in enumerate(plan.steps) if step.id in error.args[1])
        raise file.error(
            f"the steps wait for each other in a circle: {circle}",
            ("steps", first, "after"),
            mend="take one of them out",
        ) from error


_BEFORE: dict[StepKind, tuple[StepKind, ...]] = {
    "drain": ("freeze",), "reconcile": ("dual_run",), "arm": ("dual_run",),
    "switch": ("dual_run", "freeze", "drain"), "release": ("switch",), "smoke": ("release",),
    "verify": ("release",), "hypercare": ("release",), "retire": ("switch",),
}  # fmt: skip
"""What a wave must have behind it: a switch without a drain, say, is refused."""


def _check_stages(plan: Plan, order: tuple[Step, ...], file: ConfigFile) -> None:
    """What a step needs must be among what it comes after: steps beside each other run at the same time."""
    behind: dict[str, frozenset[str]] = {}
    for step in order:
        behind[step.id] = frozenset(step.after).union(*(behind[name] for name in step.after))
        before = [one for one in order if one.id in behind[step.id] and one.wave == step.wave]
        mine = frozenset(step.kinds or plan.wave(step.wave).all_kinds)
        at = plan.steps.index(step)
        for needed in _BEFORE.get(step.kind, ()):
            found = [one for one in before if one.kind == needed]
            if not found:
                raise file.error(
                    f"step {step.id}: a {step.kind} of wave {step.wave} needs a {needed} before it",
                    ("steps", at),
                    mend=f"add a {needed} step and name it in `after`, of this step or of one it comes after",
                )
            covered = {kind for one in found for kind in one.kinds or plan.wave(step.wave).all_kinds}
            if left := [kind for kind in KINDS if kind in mine - covered]:
                raise file.error(
                    f"step {step.id}: the {needed} before it leaves out {', '.join(left)}",
                    ("steps", at, "kinds") if step.kinds else ("steps", at),
                    mend=f"let a {needed} step before it be of these kinds too",
                )
    for step in order:
        mine = frozenset(step.kinds or plan.wave(step.wave).all_kinds)
        releases = [
            one
            for one in order
            if one.kind == "release" and one.wave == step.wave and step.id in behind[one.id]
        ]
        opened = {kind for one in releases for kind in one.kinds or plan.wave(step.wave).all_kinds}
        if step.kind == "switch" and not mine <= opened:
            raise file.error(
                f"step {step.id}: no release of wave {step.wave} comes after it, so the new ERP's lanes stay closed",
                ("steps", plan.steps.index(step)),
                mend="add a release step that names it in `after`, of the same kinds",
            )


def one_of(names: Any) -> str:
    """The names one may use."""
    return "use one of " + ", ".join(names)
