"""The sweep behind `check`: one cell at a time, which clauses get what, and what nobody gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from router.routing.axis import bits
from router.routing.boxes import Box, meet, within, without
from router.routing.compiled import Compiled
from router.routing.expression import Const
from router.routing.facts import possible

MAX_BOXES = 512
"""Pieces a cell may fall into; a table that needs more is told so, as a gap that was not checked."""
MAX_OVERLAPS = 1000
MAX_COMPARED = 2_000_000
"""Pairs of clauses compared for overlaps in all; about 3 s."""
FEW = 64
"""Positions of a clause whose rivals are looked up by bitmap; wider ones are compared one by one."""
_CELL = ("legal_entity", "region", "business_unit", "kind")


class Cell(NamedTuple):
    """A legal entity in its region, a business unit and a kind."""

    legal_entity: str
    region: str
    business_unit: str
    kind: str

    def __str__(self) -> str:
        return "/".join(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Documents of a cell that would be unroutable."""

    box: Mapping[str, int]
    """Field → positions: the accounting date, and what else narrows it within the cell."""
    raised: int | None = None
    """The rule that can't be evaluated for them."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the sweep found in a cell, by the rules' numbers."""

    holes: tuple[Hole, ...]
    reached: tuple[int, ...]
    matched: tuple[int, ...]
    takers: tuple[tuple[int, int], ...]
    """(rule, earlier rule that takes some of its documents)."""
    overlaps: tuple[tuple[tuple[int, int], bool], ...]
    """((earlier rule, later rule), whether the earlier lies wholly within the later here)."""


class Sweep:
    """Sweeps cells of one table; cells that look alike to it are worked out once."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._index = compiled.index
        self._loose = [field for field in compiled.index.axes if field not in _CELL]
        self._known: dict[tuple[int, Box], Found] = {}
        self._pairs: set[tuple[int, int]] = set()
        self._compared = 0
        self.more_overlaps = False

    def cell(self, cell: Cell) -> Found:
        """What is found in one cell."""
        fitting = self._index.all
        for field, value in zip(_CELL, cell, strict=True):
            axis = self._index.axes.get(field)
            if axis is not None:
                fitting &= self._index.posting[field][axis.at(value)]
        universe = self._universe(cell.kind)
        key = (fitting, universe)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._work_out(fitting, universe)
        return found

    def _universe(self, kind: str) -> Box:
        box = []
        for field in self._loose:
            axis = self._index.axes[field]
            lacks, has = possible(kind, field)
            box.append((1 << axis.null if lacks else 0) | (axis.inhabited() & axis.present if has else 0))
        return tuple(box)

    def _box(self, number: int, universe: Box) -> Box | None:
        own = self._index.boxes[number]
        return meet(universe, tuple(own.get(field, -1) for field in self._loose))

    def _work_out(self, fitting: int, universe: Box) -> Found:
        rules, clauses = self._compiled.table.rules, self._index.clauses
        boxes = {n: box for n in bits(fitting) if (box := self._box(n, universe)) is not None}
        left: list[Box] = [universe]
        holes: list[Hole] = []
        reached: dict[int, None] = {}
        for number, box in boxes.items():
            if not left:
                break
            clause = clauses[number]
            hits = [shared for one in left if (shared := meet(one, box)) is not None]
            if not hits:
                continue
            if clause.verdict == "raise":
                holes += [self._hole(hit, universe, raised=clause.rule) for hit in hits]
            else:
                reached[clause.rule] = None
            if clause.verdict == "raise" or (
                clause.verdict == "match" and rules[clause.rule].authority is not None
            ):
                left = [piece for one in left for piece in without(one, box)]
            if len(left) > MAX_BOXES:
                # Not checked is not covered; what follows counts as reached, so nothing is accused.
                holes += [self._hole(universe, universe, note="too finely divided to be checked")]
                reached |= dict.fromkeys(clauses[n].rule for n in boxes)
                left = []
        if self._compiled.table.authority is None:
            holes += [self._hole(one, universe) for one in left]
        takers, overlaps = self._rivals(fitting, boxes, reached)
        return Found(
            holes=_joined(holes),
            reached=tuple(reached),
            matched=tuple(dict.fromkeys(clauses[n].rule for n in boxes if clauses[n].verdict != "raise")),
            takers=takers,
            overlaps=overlaps,
        )

    def _hole(self, box: Box, universe: Box, *, raised: int | None = None, note: str = "") -> Hole:
        # A field that could not be otherwise in this cell is no condition worth telling.
        told = {
            field: positions
            for field, positions, whole in zip(self._loose, box, universe, strict=True)
            if field == "accounting_date" or positions != whole
        }
        return Hole(box=told, raised=raised, note=note)

    def _rivals(
        self, fitting: int, boxes: dict[int, Box], reached: dict[int, None]
    ) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[tuple[int, int], bool], ...]]:
        """Earlier clauses that share documents with a later rule's, as takers and as overlaps."""
        rules, clauses = self._compiled.table.rules, self._index.clauses
        takers: dict[tuple[int, int], None] = {}
        pairs: dict[tuple[int, int], None] = {}
        for later, box in boxes.items():
            rule = clauses[later].rule
            barred = rule not in reached
            if clauses[later].verdict == "raise" or (self._catches_all(rule) and not barred):
                continue
            for earlier in bits(self._near(fitting & ((1 << later) - 1), later, box)):
                by, verdict = clauses[earlier].rule, clauses[earlier].verdict
                if by == rule or earlier not in boxes or not self._may_compare():
                    continue
                if meet(boxes[earlier], box) is None:
                    continue
                gives = rules[by].authority is not None
                if barred and (verdict == "raise" or (gives and verdict == "match")):
                    takers[rule, by] = None
                if gives and verdict != "raise" and self._differ(by, rule):
                    pairs[by, rule] = None
        return tuple(takers), self._told(pairs, boxes)

    def _near(self, earlier: int, later: int, box: Box) -> int:
        """Of some clauses those that may share a position with a later one on every axis."""
        own = self._index.boxes[later]
        for field, positions in zip(self._loose, box, strict=True):
            if field in own and positions.bit_count() <= FEW:
                fitting = 0
                for place in bits(positions):
                    fitting |= self._index.posting[field][place]
                earlier &= fitting
        return earlier

    def _may_compare(self) -> bool:
        self._compared += 1
        if self._compared > MAX_COMPARED:
            self.more_overlaps = True
            return False
        return True

    def _catches_all(self, number: int) -> bool:
        rule = self._compiled.table.rules[number]
        return rule.condition.tree == Const(value=True) and rule.since is None and rule.until is None

    def _differ(self, one: int, other: int) -> bool:
        first, second = self._compiled.table.rules[one], self._compiled.table.rules[other]
        return (first.authority, first.shadow, first.hold) != (second.authority, second.shadow, second.hold)

    def _told(
        self, pairs: dict[tuple[int, int], None], boxes: dict[int, Box]
    ) -> tuple[tuple[tuple[int, int], bool], ...]:
        of_rule: dict[int, list[Box]] = {}
        for number, box in boxes.items():
            if self._index.clauses[number].verdict != "raise":
                of_rule.setdefault(self._index.clauses[number].rule, []).append(box)
        told = []
        for pair in pairs:
            if pair not in self._pairs:
                if len(self._pairs) >= MAX_OVERLAPS:
                    self.more_overlaps = True
                    continue
                self._pairs.add(pair)
            first, second = pair
            inside = all(any(within(one, other) for other in of_rule[second]) for one in of_rule[first])
            told.append((pair, inside))
        return tuple(told)


def _joined(holes: list[Hole]) -> tuple[Hole, ...]:
    """Holes that differ only in their accounting dates, as one."""
    made: dict[tuple[object, ...], dict[str, int]] = {}
    sample: dict[tuple[object, ...], Hole] = {}
    for hole in holes:
        rest = tuple((field, at) for field, at in hole.box.items() if field != "accounting_date")
        key = (rest, hole.raised, hole.note)
        if key not in made:
            made[key], sample[key] = dict(hole.box), hole
        elif "accounting_date" in hole.box:
            made[key]["accounting_date"] |= hole.box["accounting_date"]
    return tuple(Hole(box=box, raised=sample[key].raised, note=sample[key].note) for key, box in made.items())
