"""Which rows belong together: by crosswalk, by key, by the declared fallback; and what stands alone.

Afterwards `pairs` holds one row for each pair of two rows and each row without a partner, `members` the
rows of everything else: several rows to one, and keys that stand twice on a side, which are never paired
by position. No row of either side is in two places or in none.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.dualrun.engine.crosswalk import Crosswalk
from router.dualrun.engine.marking import touched
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.engine.tables import (
    ALONE,
    BY_CROSSWALK,
    BY_FALLBACK,
    BY_KEY,
    NO_ENTRY,
    Tables,
    has_key,
    key_columns,
    key_parts,
    parts,
    same_key,
    same_parts,
)
from router.dualrun.workbench import Source, Workbench

FALLBACK_ALIKE = 200
"""Rows of one amount, customer, … on a side, beyond which the fallback calls them too alike to try."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pairs the two typed tables."""

    bench: Workbench
    plan: Plan
    tables: Tables

    def run(self, crosswalk: Source | None) -> None:
        """Make `pairs`, `members` and `wrong`."""
        names = self.tables
        self._do(
            f"CREATE TABLE {names.members} (g BIGINT, side TINYINT, n BIGINT, how TINYINT, doubled BOOLEAN)"
        )
        self._do(f"CREATE TABLE {names.linked} (ln BIGINT, rn BIGINT, how TINYINT)")
        self._do(
            f"CREATE TABLE {names.wrong} "
            "(ln BIGINT, rn BIGINT, how TINYINT, said_legacy VARCHAR, said_cloud VARCHAR)"
        )
        if crosswalk is not None:
            Crosswalk(self.bench, self.plan, names).run(crosswalk)
        self._doubled()
        self._by_key()
        if self.plan.policy.fallback is not None:
            self._by_fallback()
        self._look_at_linked()
        if crosswalk is not None and self.plan.policy.crosswalk_complete:
            self._without_entry()

    def _do(self, sql: str) -> None:
        self.bench.db.execute(sql)

    def _free(self, side: int) -> str:
        """The rows of a side that nothing has taken yet."""
        names = self.tables
        table, end = ((names.legacy, "ln"), (names.cloud, "rn"))[side]
        taken = (
            f"SELECT n FROM {names.members} WHERE side = {side} UNION ALL SELECT {end} FROM {names.linked}"
        )
        if not self.bench.rows(f"SELECT 1 FROM ({taken}) LIMIT 1"):
            return table
        return f"(SELECT t.rowid, t.* FROM {table} AS t ANTI JOIN ({taken}) AS x ON x.n = t.rowid)"

    def _doubled(self) -> None:
        """Keys that stand twice on a side: all rows with the key, of both sides, are one group."""
        names, key = self.tables, self.plan.key
        free = [self._free(side) for side in (0, 1)]
        twice = [self._twice(rows) for rows in free]
        if not any(self.bench.rows(f"SELECT 1 FROM ({sql}) LIMIT 1") for sql in twice):
            return
        start = f"(SELECT coalesce(max(g), 0) FROM {names.members})"
        self._do(
            f"CREATE TABLE {names.schema}.doubled AS "
            f"SELECT *, row_number() OVER (ORDER BY {', '.join(parts(key))}) + {start} AS g "
            f"FROM ({' UNION '.join(twice)})"
        )
        for side, rows in enumerate(free):
            self._do(
                f"INSERT INTO {names.members} SELECT d.g, {side}, t.rowid, {BY_KEY}, true "
                f"FROM {names.schema}.doubled AS d JOIN {rows} AS t ON {same_parts(key, 't', 'd')}"
            )

    def _twice(self, rows: str) -> str:
        """The keys that stand more than once among rows: by hash first, which is half the work."""
        key = self.plan.key
        hashed = f"hash({', '.join(key_parts(key, 't'))})"
        some = f"SELECT {hashed} AS h FROM {rows} AS t GROUP BY 1 HAVING count(*) > 1"
        return (
            f"SELECT {key_columns(key, 't')} FROM {rows} AS t WHERE {has_key(key, 't')} "
            f"AND {hashed} IN ({some}) GROUP BY ALL HAVING count(*) > 1"
        )

    def _by_key(self) -> None:
        left, right = self._free(0), self._free(1)
        self._do(
            f"CREATE TABLE {self.tables.pairs} AS SELECT l.rowid AS ln, r.rowid AS rn, "
            f"CASE WHEN l.rowid IS NULL OR r.rowid IS NULL THEN {ALONE} ELSE {BY_KEY} END::TINYINT AS how, "
            f"{touched(self.plan)} AS touched "
            f"FROM {left} AS l FULL JOIN {right} AS r ON {same_key(self.plan.key)}"
        )

    def _by_fallback(self) -> None:
        """Rows alone on both sides that agree in amount, the named columns and nearly in date, one to one."""
        names, fallback = self.tables, self.plan.policy.fallback
        assert fallback is not None
        amount = self.plan.by_name[fallback.amount]
        agree = [self.plan.by_name[name] for name in fallback.same]
        for side, (table, end, other) in enumerate(((names.legacy, "ln", "rn"), (names.cloud, "rn", "ln"))):
            traits = [f"t.{amount.cell} AS v0", f"{amount.currency_sql('t')} AS v1"]
            # Two rows without a customer have none in common.
            traits += [f"{_said(one)} AS v{place}" for place, one in enumerate(agree, 2)]
            when = f"t.{self.plan.by_name[fallback.date].cell}" if fallback.date else "NULL::DATE"
            whole = " AND ".join(f"v{place} IS NOT NULL" for place in range(len(traits)))
            alike = ", ".join(f"v{place}" for place in range(len(traits)))
            self._do(
                f"CREATE TABLE {names.schema}.alone{side} AS SELECT * FROM (SELECT p.{end} AS n, {', '.join(traits)}, "
                f"{when} AS day FROM {names.pairs} AS p JOIN {table} AS t ON t.rowid = p.{end} "
                f"WHERE p.{other} IS NULL) WHERE {whole} "
                f"QUALIFY count(*) OVER (PARTITION BY {alike}) <= {FALLBACK_ALIKE}"
            )
        same = " AND ".join(f"l.v{place} = r.v{place}" for place in range(2 + len(agree)))
        near = f" AND abs(l.day - r.day) <= {fallback.days}" if fallback.date else ""
        self._do(
            f"CREATE TABLE {names.schema}.likely AS SELECT l.n AS ln, r.n AS rn "
            f"FROM {names.schema}.alone0 AS l JOIN {names.schema}.alone1 AS r ON {same}{near} "
            "QUALIFY count(*) OVER (PARTITION BY l.n) = 1 AND count(*) OVER (PARTITION BY r.n) = 1"
        )
        for end in ("ln", "rn"):
            self._do(
                f"DELETE FROM {names.pairs} WHERE how = {ALONE} "
                f"AND {end} IN (SELECT {end} FROM {names.schema}.likely)"
            )
        self._do(f"INSERT INTO {names.linked} SELECT ln, rn, {BY_FALLBACK} FROM {names.schema}.likely")

    def _look_at_linked(self) -> None:
        names = self.tables
        self._do(
            f"INSERT INTO {names.pairs} SELECT x.ln, x.rn, x.how, {touched(self.plan)} FROM {names.linked} AS x "
            f"JOIN {names.legacy} AS l ON l.rowid = x.ln JOIN {names.cloud} AS r ON r.rowid = x.rn"
        )

    def _without_entry(self) -> None:
        """Pairs that only the key or the fallback made, where the crosswalk is said to be complete.

        A row whose entry is known to be wrong is not told twice.
        """
        names, key = self.tables, self.plan.key
        said = [
            f"concat_ws(', ', {', '.join(f'nullif({sql}, {chr(39) * 2})' for sql in key_parts(key, alias))})"
            for alias in ("l", "r")
        ]
        self._do(
            f"INSERT INTO {names.wrong} SELECT p.ln, p.rn, {NO_ENTRY}, {said[0]}, {said[1]} FROM {names.pairs} AS p "
            f"JOIN {names.legacy} AS l ON l.rowid = p.ln JOIN {names.cloud} AS r ON r.rowid = p.rn "
            f"WHERE p.how NOT IN ({ALONE}, {BY_CROSSWALK}) "
            f"AND p.ln NOT IN (SELECT ln FROM {names.wrong} WHERE ln IS NOT NULL) "
            f"AND p.rn NOT IN (SELECT rn FROM {names.wrong} WHERE rn IS NOT NULL)"
        )


def _said(one: Field) -> str:
    """SQL for what row t says in a column; an empty text says nothing."""
    cell = f"t.{one.word}"
    return cell if one.numeric or one.kind == "date" else f"nullif({cell}, '')"
