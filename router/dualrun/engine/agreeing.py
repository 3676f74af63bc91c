"""What agrees, asked for when a cause would otherwise be proven from differences alone.

Only documents that differ are read one by one, so whoever learns from them never sees the million rows
in which a word stands against itself. These are counted here, or shown as a sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.dualrun.engine.bulk import fill
from router.dualrun.engine.plan import Plan
from router.dualrun.engine.rows import RowShape
from router.dualrun.engine.tables import Tables, key_parts
from router.dualrun.results import Row
from router.dualrun.workbench import Workbench

SAMPLE = 2_000
"""Rows that show a side's habit: enough that one of a few in a hundred is seen."""


@dataclass(frozen=True, slots=True)
class Agreeing:
    """The pairs of a comparison in which nothing differs, or not a certain column (`results.Agreement`)."""

    bench: Workbench
    plan: Plan
    tables: Tables

    def words(self, column: str, asked: Sequence[str]) -> Mapping[str, int]:
        """Pairs of rows in which both sides say this word, for each word that is asked for and is found."""
        one, names = self.plan.by_name[column], self.tables
        table = f"{names.schema}.asked"
        fill(self.bench, table, {"word": "VARCHAR"}, ([word] for word in asked))
        rows = self.bench.rows(
            f"SELECT l.{one.word}, count(*) FROM {names.pairs} AS p JOIN {names.legacy} AS l ON l.rowid = p.ln "
            f"JOIN {names.cloud} AS r ON r.rowid = p.rn WHERE l.{one.word} IN (SELECT word FROM {table}) "
            f"AND l.{one.word} = r.{one.word} GROUP BY 1 ORDER BY 1"
        )
        return dict(rows)

    def sample(self) -> Sequence[Row]:
        """Legacy rows whose partner is the same in all that is held; chosen by key, whatever their order."""
        shape, names = RowShape(self.plan), self.tables
        key = ", ".join(key_parts(self.plan.key, "l"))
        rows = self.bench.rows(
            f"SELECT {shape.select('l')} FROM {names.pairs} AS p JOIN {names.legacy} AS l ON l.rowid = p.ln "
            f"WHERE p.rn IS NOT NULL AND NOT p.touched ORDER BY hash({key}), {key} LIMIT {SAMPLE}"
        )
        return [shape.row(row) for row in rows]
