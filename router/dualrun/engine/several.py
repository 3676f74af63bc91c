"""Groups of more than two rows: which of them differ, counted.

A query drops the groups in which nothing differs at all; the others are read and judged one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from router.dualrun.engine.bulk import fill
from router.dualrun.engine.groups import Group
from router.dualrun.engine.marking import Check
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.engine.reading import Reader
from router.dualrun.engine.rows import RowShape
from router.dualrun.engine.tables import Tables
from router.dualrun.workbench import Workbench


@dataclass(slots=True)
class Judged:
    """What came out."""

    differing: int = 0
    hidden: dict[tuple[str, str], tuple[int, dict[str, int]]] = field(default_factory=dict)
    """By column and why: how many groups, and the money by currency."""


@dataclass(frozen=True, slots=True)
class Several:
    """Judges the groups of a comparison."""

    bench: Workbench
    plan: Plan
    tables: Tables
    checks: list[Check]

    def run(self) -> Judged:
        """Make `differing`, the groups that differ; doubled keys always do."""
        names, judged, differing = self.tables, Judged(), array("q")
        if self.bench.rows(f"SELECT 1 FROM {names.members} WHERE NOT doubled LIMIT 1"):
            for number, group in self._suspects():
                if group.pair(self.checks).differences:
                    differing.append(number)
                for name, why, code, minor in group.hidden(self.checks):
                    count, money = judged.hidden.setdefault((name, why), (0, {}))
                    if code:
                        money[code] = money.get(code, 0) + minor
                    judged.hidden[(name, why)] = (count + 1, money)
        judged.differing = len(differing)
        fill(self.bench, names.differing, {"g": "BIGINT"}, ([number] for number in differing))
        return judged

    def _suspects(self) -> Iterator[tuple[int, Group]]:
        """The groups in which anything differs at all."""
        shape, names = RowShape(self.plan), self.tables
        self.bench.db.execute(f"CREATE TABLE {names.schema}.suspects AS {self._unlike()}")
        parts = [
            f"SELECT m.g, m.side, m.how, {shape.select('t')} FROM {names.members} AS m "
            f"SEMI JOIN {names.schema}.suspects AS s USING (g) JOIN {table} AS t ON t.rowid = m.n WHERE m.side = {side}"
            for side, table in ((0, names.legacy), (1, names.cloud))
        ]
        reader = Reader(self.bench.db, f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY 1, 2, 4")
        try:
            while (head := reader.peek()) is not None:
                group = Group.empty(self.plan, "crosswalk", doubled=False)
                for _, side, _, *cells in reader.while_first(head[0]):
                    (group.cloud if side else group.legacy).add(shape.row(cells))
                yield head[0], group
        finally:
            reader.close()

    def _unlike(self) -> str:
        names = self.tables
        looked = [one for one in self.plan.fields if one.rule is not None and one not in self.plan.key]
        looked += [one for one in self.plan.fields if self._holds_currency(one) and one not in looked]
        cells = ", ".join(f"t.{one.cell}" for one in looked)
        rows = " UNION ALL ".join(
            f"SELECT m.g, m.side, {cells} FROM {names.members} AS m JOIN {table} AS t ON t.rowid = m.n "
            f"WHERE m.side = {side} AND NOT m.doubled"
            for side, table in ((0, names.legacy), (1, names.cloud))
        )
        odd = " OR ".join(self._odd(one) for one in looked)
        return f"SELECT g FROM ({rows}) GROUP BY g HAVING {odd}"

    def _holds_currency(self, one: Field) -> bool:
        return any(
            money.currency is not None and money.currency.name == one.name for money in self.plan.monies()
        )

    def _odd(self, one: Field) -> str:
        cell = one.cell
        if one.numeric:
            given = [f"(count({cell}) FILTER (side = {side}) = 0)" for side in (0, 1)]
            total = f"coalesce(sum(CASE side WHEN 0 THEN -{cell} ELSE {cell} END), 0) <> 0"
            return f"{total} OR {given[0]} <> {given[1]}"
        return f"min({cell}) IS DISTINCT FROM max({cell}) OR count({cell}) NOT IN (0, count(*))"
