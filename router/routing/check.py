"""Is a route table complete and free of surprises, for a landscape? Gaps, unreachable rules, overlaps.

Every cell (legal entity with its region × business unit × kind) is looked up in the bitmaps; within
a cell the accounting dates and the other fields are cut into boxes, from which each clause takes its
own away in the rules' order. What is left is a gap; a clause that finds nothing left is not reached.
Rules that must be evaluated (patterns, functions) may match: they count as reached, never as cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from router.canonical.kinds import KINDS
from router.landscape import Landscape
from router.routing.boxes import describe, windows
from router.routing.compiled import Compiled
from router.routing.facts import EXTRAS
from router.routing.sweep import Cell, Found, Hole, Sweep
from router.routing.table import RouteTable

CellSet = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Legal entities, regions, business units, kinds; `*` alone stands for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Cells of which some documents would be unroutable."""

    legal_entities: tuple[str, ...]
    regions: tuple[str, ...]
    business_units: tuple[str, ...]
    kinds: tuple[str, ...]
    since: str | None
    """First accounting date; None: from the beginning."""
    until: str | None
    """First accounting date after it; None: for good."""
    when: str
    """Further conditions, such as `amount is missing`; empty: none."""
    why: str

    @property
    def cells(self) -> str:
        """`UK01/EMEA/DIGITAL/payment from 2026-11-01`."""
        parts = (self.legal_entities, self.regions, self.business_units, self.kinds)
        text = "/".join(",".join(part) for part in parts)
        text += f" from {self.since}" if self.since else ""
        text += f" until {self.until}" if self.until else ""
        return text + (f" when {self.when}" if self.when else "")

    def to_json(self) -> dict[str, Any]:
        """The gap as an object."""
        return {
            "cells": self.cells,
            "legal_entities": list(self.legal_entities),
            "regions": list(self.regions),
            "business_units": list(self.business_units),
            "kinds": list(self.kinds),
            "from": self.since,
            "until": self.until,
            "when": self.when,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two rules that match the same documents and send them different ways; the first wins."""

    first: str
    second: str
    exception: bool
    """True: the first lies wholly within the second, as an exception does. False: they cross."""
    example: str
    """A cell both match."""

    def to_json(self) -> dict[str, Any]:
        """The overlap as an object."""
        return {
            "first": self.first,
            "second": self.second,
            "exception": self.exception,
            "example": self.example,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """A rule no document of the landscape can reach."""

    rule: str
    line: int
    covered_by: tuple[str, ...]
    """Earlier rules that take its documents; empty: it matches nothing in this landscape."""

    @property
    def why(self) -> str:
        """One sentence."""
        if not self.covered_by:
            return "it matches no document of this landscape"
        return "earlier rules take all it would match: " + ", ".join(self.covered_by)

    def to_json(self) -> dict[str, Any]:
        """The finding as an object."""
        return {"rule": self.rule, "line": self.line, "covered_by": list(self.covered_by), "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What was found. Overlaps are for information: the first match wins, by design."""

    table: str
    version: int
    gaps: tuple[Gap, ...]
    overlaps: tuple[Overlap, ...]
    unreachable: tuple[Unreachable, ...]
    more_overlaps: bool
    """True: there are more overlaps than are listed."""

    @property
    def clean(self) -> bool:
        """No gap and no unreachable rule."""
        return not self.gaps and not self.unreachable

    def to_json(self) -> dict[str, Any]:
        """The report as an object, in a fixed order."""
        return {
            "table": self.table,
            "version": self.version,
            "clean": self.clean,
            "gaps": [one.to_json() for one in self.gaps],
            "unreachable": [one.to_json() for one in self.unreachable],
            "overlaps": [one.to_json() for one in self.overlaps],
            "more_overlaps": self.more_overlaps,
        }

    def lines(self) -> list[str]:
        """The report as text, one finding a line, the verdict last."""
        told = [f"gap: {one.cells}: {one.why}" for one in self.gaps]
        told += [
            f"unreachable: {self.table}:{one.line}: rule {one.rule}: {one.why}" for one in self.unreachable
        ]
        for one in self.overlaps:
            how = f"an exception within {one.second}" if one.exception else f"crosses {one.second}"
            told.append(f"overlap: {one.first} {how}; both match {one.example}, {one.first} wins")
        if self.more_overlaps:
            told.append("overlap: there are more than are listed")
        verdict = "clean" if self.clean else "not clean"
        told.append(
            f"table {self.version} is {verdict}: {len(self.gaps)} gaps, "
            f"{len(self.unreachable)} unreachable rules, {len(self.overlaps)} overlaps"
        )
        return told


def check(
    table: RouteTable | Compiled, landscape: Landscape, *, kinds: Sequence[str] = tuple(KINDS)
) -> CheckReport:
    """Check a route table against all documents a landscape can give rise to."""
    compiled = table if isinstance(table, Compiled) else Compiled(table)
    table = compiled.table
    cells = [
        Cell(name, entity.region, unit, kind)
        for name, entity in landscape.legal_entities.items()
        for unit in landscape.business_units
        for kind in kinds
    ]
    sweep = Sweep(compiled)
    found: list[tuple[Cell, Found]] = [(cell, sweep.cell(cell)) for cell in cells]
    return CheckReport(
        table=table.name,
        version=table.version,
        gaps=_gaps(compiled, found, landscape, kinds),
        overlaps=_overlaps(compiled, found),
        unreachable=_unreachable(compiled, found),
        more_overlaps=sweep.more_overlaps,
    )


def _unreachable(compiled: Compiled, found: list[tuple[Cell, Found]]) -> tuple[Unreachable, ...]:
    reached = {rule for _, one in found for rule in one.reached}
    rules = compiled.table.rules
    takers: dict[int, dict[int, None]] = {}
    for _, one in found:
        for rule, by in one.takers:
            takers.setdefault(rule, {})[by] = None

    def covered_by(number: int) -> tuple[str, ...]:
        # Rules that are unreachable themselves take nothing, unless all a rule does is raise.
        by = sorted(takers.get(number, ()))
        return tuple(rules[one].id for one in [one for one in by if one in reached] or by)

    return tuple(
        Unreachable(rule=rule.id, line=rule.line, covered_by=covered_by(number))
        for number, rule in enumerate(rules)
        if number not in reached
    )


def _overlaps(compiled: Compiled, found: list[tuple[Cell, Found]]) -> tuple[Overlap, ...]:
    reached = {rule for _, one in found for rule in one.reached}
    first_cell: dict[tuple[int, int], Cell] = {}
    crossing: set[tuple[int, int]] = set()
    matched: dict[int, set[int]] = {}
    shared: dict[tuple[int, int], set[int]] = {}
    for at, (cell, one) in enumerate(found):
        for rule in one.matched:
            matched.setdefault(rule, set()).add(at)
        for pair, inside in one.overlaps:
            first_cell.setdefault(pair, cell)
            shared.setdefault(pair, set()).add(at)
            if not inside:
                crossing.add(pair)
    rules = compiled.table.rules
    made = []
    for pair in sorted(first_cell):
        first, second = pair
        # An unreachable rule is told as such; once is enough.
        if second not in reached:
            continue
        within = pair not in crossing and matched[first] <= shared[pair]
        made.append(
            Overlap(
                first=rules[first].id,
                second=rules[second].id,
                exception=within,
                example=str(first_cell[pair]),
            )
        )
    return tuple(sorted(made, key=lambda one: one.exception))


def _gaps(
    compiled: Compiled, found: list[tuple[Cell, Found]], landscape: Landscape, kinds: Sequence[str]
) -> tuple[Gap, ...]:
    grouped: dict[tuple[str | None, str | None, str, str], list[Cell]] = {}
    for cell, one in found:
        for hole in one.holes:
            for since, until in _windows(compiled, hole):
                key = (since, until, describe(compiled.index, hole.box), _because(compiled, hole))
                grouped.setdefault(key, []).append(cell)
    units = tuple(landscape.business_units)
    gaps = [
        Gap(
            legal_entities=entities,
            regions=regions,
            business_units=merged_units,
            kinds=merged_kinds,
            since=since,
            until=until,
            when=when,
            why=why,
        )
        for (since, until, when, why), cells in grouped.items()
        for entities, regions, merged_units, merged_kinds in merge(
            cells, tuple(landscape.legal_entities), units, tuple(kinds)
        )
    ]
    return tuple(sorted(gaps, key=lambda gap: (gap.cells, gap.why)))


def _windows(compiled: Compiled, hole: Hole) -> list[tuple[str | None, str | None]]:
    axis = compiled.index.axes.get("accounting_date")
    if axis is None:
        return [(None, None)]
    return windows(axis, hole.box["accounting_date"])


def _because(compiled: Compiled, hole: Hole) -> str:
    if hole.raised is None:
        return hole.note or "no rule says where it goes, and there is no default"
    rule = compiled.table.rules[hole.raised]
    fields = [field for field in EXTRAS if field in rule.condition.reads]
    said = f"rule {rule.id} can't be evaluated"
    if not fields:
        return said
    return f"{said}: {' or '.join(fields)} is missing; write `{fields[0]} != null and …` before comparing it"


def merge(
    cells: Sequence[Cell], entities: tuple[str, ...], units: tuple[str, ...], kinds: tuple[str, ...]
) -> list[CellSet]:
    """Cells as few products: kinds are joined first, then business units, then entities of a region."""
    by_unit: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        by_unit.setdefault((cell.legal_entity, cell.region, cell.business_unit), []).append(cell.kind)
    by_entity: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (entity, region, unit), some in by_unit.items():
        by_entity.setdefault((entity, region, _all(some, kinds)), []).append(unit)
    by_region: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, str]]] = {}
    for (entity, region, some_kinds), some in by_entity.items():
        by_region.setdefault((_all(some, units), some_kinds), []).append((entity, region))
    made: list[CellSet] = []
    for (some_units, some_kinds), places in by_region.items():
        if len(places) == len(entities):
            made.append((("*",), ("*",), some_units, some_kinds))
            continue
        regions: dict[str, list[str]] = {}
        for entity, region in places:
            regions.setdefault(region, []).append(entity)
        made += [(tuple(sorted(some)), (region,), some_units, some_kinds) for region, some in regions.items()]
    return made


def _all(some: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    return ("*",) if len(set(some)) == len(known) and len(known) > 1 else tuple(sorted(some))
