"""The bitmap index: for each field and position, the clauses that accept it, as one big integer.

Looking up is one AND a field; the lowest set bit is the first clause in the rules' order. Source:
bit-vector packet classification (Lakshman and Stiliadis, 1998). It decides nothing about routes; it
only finds the clauses a document falls into. Compare it to `oracle.first_match`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.routing.axis import Axis, bits
from router.routing.compile import Clause
from router.routing.facts import FIELDS, Facts


class Index:
    """An index over clauses in the order of their rules."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        tests = [test for clause in clauses for test in clause.tests]
        used = {test.field for test in tests}
        self.axes: dict[str, Axis] = {field: Axis(field, tests) for field in FIELDS if field in used}
        """By field, in the order of `FIELDS`; a field no clause tests has none."""
        self.clauses: list[Clause] = []
        self.boxes: list[dict[str, int]] = []
        """Per clause: field → the positions it accepts; a field it does not test is absent."""
        for clause in clauses:
            box = self._box(clause)
            if all(box.values()):
                self.clauses.append(clause)
                self.boxes.append(box)
        self.all = (1 << len(self.clauses)) - 1
        self.posting: dict[str, list[int]] = {field: self._post(axis) for field, axis in self.axes.items()}
        """Per field: position → the clauses that accept it."""
        self._look = tuple((f, axis.places, axis.at, self.posting[f]) for f, axis in self.axes.items())

    def _box(self, clause: Clause) -> dict[str, int]:
        box: dict[str, int] = {}
        for test in clause.tests:
            axis = self.axes[test.field]
            box[test.field] = box.get(test.field, axis.full) & axis.positions(test)
        return box

    def _post(self, axis: Axis) -> list[int]:
        # Each clause toggles its bit where a run of its positions starts or ends; a running XOR over
        # the positions then gives every bitmap. Equal bitmaps are kept once.
        toggles: dict[int, int] = {}
        untested = self.all
        for number, box in enumerate(self.boxes):
            accepted = box.get(axis.field)
            if accepted is None:
                continue
            bit = 1 << number
            untested ^= bit
            for place in bits(accepted ^ (accepted << 1)):
                toggles[place] = toggles.get(place, 0) ^ bit
        current, posting, kept = untested, [], {0: 0}
        for place in range(axis.count):
            change = toggles.get(place)
            if change is not None:
                current ^= change
                current = kept.setdefault(current, current)
            posting.append(current)
        return posting

    def candidates(self, facts: Facts) -> int:
        """The clauses whose tests all hold, as a bit set in the rules' order."""
        found = self.all
        for field, places, at, posting in self._look:
            value = facts.get(field)
            place = places.get(value)
            found &= posting[at(value) if place is None else place]
            if not found:
                break
        return found

    def walk(self, facts: Facts) -> Iterator[Clause]:
        """The clauses a document falls into, first rule first."""
        for number in bits(self.candidates(facts)):
            yield self.clauses[number]
