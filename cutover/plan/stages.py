"""Where each (wave, legal entity, kind of document) stands, and the route table that follows from it. Pure.

Stages: legacy → shadow (dual run: the new ERP is fed beside the old one) → live (the new ERP is the authority,
the old one is fed as its shadow, so that there is a way back) → cloud (the new ERP alone). A scope is frozen
on top of its stage; the authority only changes while it is. Every change is a new table version and, for the
wave's entities, a new epoch, so that no one edits YAML at three in the morning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import yaml

from cutover.plan.footing import Feed, feeds
from cutover.plan.model import Plan, Wave
from router.canonical.kinds import KINDS, Kind

Stage = Literal["legacy", "shadow", "live", "cloud"]
NEXT: Mapping[Stage, tuple[Stage, ...]] = {
    "legacy": ("shadow",),
    "shadow": ("live", "cloud", "legacy"),
    "live": ("cloud", "shadow", "legacy"),
    "cloud": ("shadow", "legacy"),
}
"""Which stage may follow which; from live and cloud backwards is a rollback."""
NEW: frozenset[Stage] = frozenset({"live", "cloud"})
"""Stages in which the new ERP is the authority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one kind of document of one wave stands."""

    stage: Stage = "legacy"
    frozen: bool = False
    final: bool = False
    """Past the point of no return."""


Cell = tuple[str, str, Kind]
"""Wave, legal entity, kind of document."""


class StageBook:
    """The standing of every (wave, entity, kind) of a plan; without entities named, all of the wave's are meant."""

    def __init__(self, plan: Plan, base: str | None = None) -> None:
        """`base`: the route table (YAML) in force when the run began; it goes on deciding what no wave moves yet."""
        self._plan = plan
        self._base: Mapping[str, Any] = yaml.safe_load(base) if base else {}
        self._at: dict[Cell, Standing] = {
            (wave.id, entity, kind): Standing()
            for wave in plan.waves
            for entity in wave.entities
            for kind in wave.all_kinds
        }

    def of(
        self, wave_id: str, kinds: Iterable[Kind] = (), entities: Iterable[str] = ()
    ) -> tuple[Standing, ...]:
        """The different standings of some kinds of a wave (empty: all), in the order of the path."""
        return tuple(dict.fromkeys(self._at[key] for key in self._keys(wave_id, kinds, entities)))

    def kinds_at(
        self, wave_id: str, stages: Iterable[Stage], entities: Iterable[str] = ()
    ) -> tuple[Kind, ...]:
        """The kinds of a wave that stand at one of these stages, for any of the entities."""
        wanted = frozenset(stages)
        found = (key for key in self._keys(wave_id, (), entities) if self._at[key].stage in wanted)
        return tuple(dict.fromkeys(kind for _, _, kind in found))

    def entities_at(
        self, wave_id: str, stages: Iterable[Stage], kinds: Iterable[Kind] = ()
    ) -> tuple[str, ...]:
        """The entities of a wave of which any of the kinds stands at one of these stages."""
        wanted = frozenset(stages)
        found = {key[1] for key in self._keys(wave_id, kinds) if self._at[key].stage in wanted}
        return tuple(entity for entity in self._plan.wave(wave_id).entities if entity in found)

    def refusal(
        self,
        wave_id: str,
        kinds: Iterable[Kind] = (),
        *,
        stage: Stage,
        entities: Iterable[str] = (),
    ) -> str:
        """Why this move is not allowed; empty when it is. A stage it already stands at is no move."""
        for key in self._keys(wave_id, kinds, entities):
            now, kind = self._at[key], key[2]
            said = f"{kind} of wave {wave_id}"
            if stage == now.stage:
                continue
            if stage not in NEXT[now.stage]:
                return f"{said} can't go from {now.stage} to {stage}"
            if (stage in NEW) != (now.stage in NEW) and not now.frozen:
                return f"{said} must stand frozen to go from {now.stage} to {stage}"
            if now.final and stage not in NEW:
                return f"{said} is past its point of no return: only forward"
        return ""

    def move(
        self,
        wave_id: str,
        kinds: Iterable[Kind] = (),
        *,
        stage: Stage | None = None,
        frozen: bool | None = None,
        final: bool | None = None,
        entities: Iterable[str] = (),
    ) -> None:
        """Put kinds of a wave (empty: all) at a stage, frozen or not; what is None stays. Ask `refusal` first."""
        for key in self._keys(wave_id, kinds, entities):
            now = self._at[key]
            self._at[key] = replace(
                now,
                stage=now.stage if stage is None else stage,
                frozen=now.frozen if frozen is None else frozen,
                final=now.final if final is None else final,
            )

    def as_rows(self) -> list[dict[str, Any]]:
        """Wave, entities, kinds, stage, frozen, final: what stands alike together."""
        return [
            {
                "wave": wave.id,
                "entities": list(entities),
                "kinds": list(kinds),
                "stage": standing.stage,
                "frozen": standing.frozen,
                "final": standing.final,
            }
            for wave in self._plan.waves
            for standing, entities, kinds in self._groups(wave)
        ]

    def _keys(self, wave_id: str, kinds: Iterable[Kind], entities: Iterable[str] = ()) -> list[Cell]:
        wanted, of = frozenset(kinds), frozenset(entities)
        wave = self._plan.wave(wave_id)
        return [
            (wave_id, entity, kind)
            for entity in wave.entities
            for kind in wave.all_kinds
            if (not wanted or kind in wanted) and (not of or entity in of)
        ]

    def _groups(self, wave: Wave) -> list[tuple[Standing, tuple[str, ...], tuple[Kind, ...]]]:
        """What stands alike: kinds of an entity together, and entities whose kinds stand alike together."""
        alike: dict[tuple[Standing, tuple[Kind, ...]], list[str]] = {}
        for entity in wave.entities:
            groups: dict[Standing, list[Kind]] = {}
            for kind in wave.all_kinds:
                groups.setdefault(self._at[(wave.id, entity, kind)], []).append(kind)
            for standing, kinds in groups.items():
                alike.setdefault((standing, tuple(kinds)), []).append(entity)
        return [(standing, tuple(entities), kinds) for (standing, kinds), entities in alike.items()]

    def table_text(self, version: int) -> str:
        """The YAML of the route table for these standings."""
        rules: list[dict[str, object]] = []
        for wave in self._plan.waves:
            for standing, entities, kinds in self._groups(wave):
                rules += _rules(self._plan, wave, standing, entities, kinds)
        stages = {cell: standing.stage for cell, standing in self._at.items()}
        if fed := _fed(self._plan, feeds(self._plan, stages)):
            # After the freezes, before what would send a master to one ERP alone.
            holds = [rule for rule in rules if rule.get("hold")]
            rules = [*holds, *fed, *(rule for rule in rules if not rule.get("hold"))]
        table: dict[str, Any] = {"version": version}
        if not self._base:
            table["default"] = {"authority": str(self._plan.source)}
        elif self._base.get("default"):
            table["default"] = self._base["default"]
        table["rules"] = [*rules, *_kept(self._base, {str(rule["id"]) for rule in rules})]
        return yaml.safe_dump(table, sort_keys=False, allow_unicode=True)


def _kept(base: Mapping[str, Any], taken: Collection[str]) -> list[dict[str, object]]:
    """The rules of the table before the run, after those of the waves; an id that is taken gets another one."""
    kept: list[dict[str, object]] = []
    names = set(taken)
    for rule in base.get("rules") or ():
        name = str(rule["id"])
        while name in names:
            name = f"{name[:56]}-{base['version']}" if name == str(rule["id"]) else f"{name[:60]}-x"
        names.add(name)
        kept.append({**rule, "id": name})
    return kept


def _rules(
    plan: Plan, wave: Wave, standing: Standing, entities: tuple[str, ...], kinds: tuple[Kind, ...]
) -> list[dict[str, object]]:
    when = condition(wave, kinds, entities)
    # Ids are unique in a table: the kinds and entities of a wave may stand at several stages.
    part = "" if kinds == wave.all_kinds else f"-{kinds[0]}"
    part += "" if entities == wave.entities else f"-{entities[0]}"
    rules: list[dict[str, object]] = []
    if standing.frozen:
        rules.append({"id": f"{wave.id}-freeze{part}", "when": when, "hold": True})
    old, new = str(plan.source), str(plan.target)
    rules += _old_days(plan, wave, standing, entities, kinds, part)
    match standing.stage:
        case "shadow":
            rules.append({"id": f"{wave.id}-dual-run{part}", "when": when, "authority": old, "shadow": new})
        case "live":
            rules.append({"id": f"{wave.id}-live{part}", "when": when, "authority": new, "shadow": old})
        case "cloud":
            rules.append({"id": f"{wave.id}-cloud{part}", "when": when, "authority": new})
        case "legacy":
            pass
    return rules


def _old_days(
    plan: Plan,
    wave: Wave,
    standing: Standing,
    entities: tuple[str, ...],
    kinds: tuple[Kind, ...],
    part: str,
) -> list[dict[str, object]]:
    """What the plan leaves with the old ERP by its accounting date, ahead of the new ERP's rule.

    The new ERP gets a copy, as of everything of the dual run: an ERP bills what it holds, so work that stood in
    the old one alone would be billed by nobody. It ends when the old ERP is retired.
    """
    stays = [kind for kind in kinds if kind in plan.straddling.stays]
    if standing.stage != "live" or not stays or plan.straddling.cut_date is None:
        return []
    return [
        {
            "id": f"{wave.id}-old-days{part}",
            "when": condition(wave, tuple(stays), entities),
            "until": plan.straddling.cut_date,
            "authority": str(plan.source),
            "shadow": str(plan.target),
        }
    ]


def _fed(plan: Plan, rows: list[Feed]) -> list[dict[str, object]]:
    """Rules for masters that both ERPs need (`cutover.plan.footing`)."""
    rules: list[dict[str, object]] = []
    for n, row in enumerate(rows, 1):
        said = [f"legal_entity in [{_quoted(row.entities)}]"]
        said += [f"business_unit in [{_quoted(row.units)}]"] if row.units else []
        said += [f"kind in [{_quoted(row.kinds)}]"]
        owner, other = (plan.source, plan.target) if row.owner == "old" else (plan.target, plan.source)
        rules.append(
            {
                "id": f"masters-{n}",
                "when": " and ".join(said),
                "authority": str(owner),
                "shadow": str(other),
                "why": "what moved and what did not both stand on them",
            }
        )
    return rules


def condition(wave: Wave, kinds: tuple[Kind, ...], entities: tuple[str, ...] = ()) -> str:
    """What a rule of a wave matches; kinds are named only where not all are meant."""
    said = [f"legal_entity in [{_quoted(entities or wave.entities)}]"]
    if wave.business_units:
        said.append(f"business_unit in [{_quoted(wave.business_units)}]")
    if len(kinds) < len(KINDS):
        said.append(f"kind in [{_quoted(kinds)}]")
    return " and ".join(said)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
