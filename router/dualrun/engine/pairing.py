"""Which rows belong together: by crosswalk, by key, by the declared fallback; and what stands alone.

Afterwards `pairs` holds one row for each pair of two rows and each row without a partner, `members` the
rows of everything else: several rows to one, and keys that stand twice on a side, which are never paired
by position. No row of either side is in two places or in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.dualrun.engine.marking import touched
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.workbench import Workbench

BY_KEY, BY_CROSSWALK, BY_FALLBACK, ALONE = 1, 2, 3, 0
"""How a pair was found, as the tables have it."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one comparison, all in a schema of its own."""

    schema: str

    def __getattr__(self, name: str) -> str:
        return f"{self.schema}.{name}"


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pairs the two typed tables."""

    bench: Workbench
    plan: Plan
    tables: Tables

    def run(self) -> None:
        """Make `pairs` and `members`."""
        names = self.tables
        self._do(
            f"CREATE TABLE {names.members} (g BIGINT, side TINYINT, n BIGINT, how TINYINT, doubled BOOLEAN)"
        )
        self._doubled()
        self._by_key()

    def _do(self, sql: str) -> None:
        self.bench.db.execute(sql)

    def _doubled(self) -> None:
        """Keys that stand twice on a side: all rows with the key, of both sides, are one group."""
        names, key = self.tables, parts(self.plan.key)
        for side, table in ((0, names.legacy), (1, names.cloud)):
            self._do(
                f"CREATE TABLE {names.schema}.doubled{side} AS SELECT {key_columns(self.plan.key, 't')} "
                f"FROM {table} AS t WHERE {has_key(self.plan.key, 't')} "
                f"GROUP BY ALL HAVING count(*) > 1"
            )
        self._do(
            f"CREATE TABLE {names.doubled} AS SELECT *, row_number() OVER (ORDER BY {', '.join(key)}) AS g FROM "
            f"(SELECT * FROM {names.schema}.doubled0 UNION SELECT * FROM {names.schema}.doubled1)"
        )
        for side, table in ((0, names.legacy), (1, names.cloud)):
            on = " AND ".join(
                f"{part(one, 't')} = d.{name}" for one, name in zip(self.plan.key, key, strict=True)
            )
            self._do(
                f"INSERT INTO {names.members} SELECT d.g, {side}, t.rowid, {BY_KEY}, true "
                f"FROM {names.doubled} AS d JOIN {table} AS t ON {on}"
            )

    def _by_key(self) -> None:
        names = self.tables
        left, right = self._free(0), self._free(1)
        self._do(
            f"CREATE TABLE {names.pairs} AS SELECT l.rowid AS ln, r.rowid AS rn, "
            f"CASE WHEN l.rowid IS NULL OR r.rowid IS NULL THEN {ALONE} ELSE {BY_KEY} END::TINYINT AS how, "
            f"{touched(self.plan)} AS touched "
            f"FROM {left} AS l FULL JOIN {right} AS r ON {joined(self.plan.key)}"
        )

    def _free(self, side: int) -> str:
        """The rows of a side that no group has taken."""
        table = (self.tables.legacy, self.tables.cloud)[side]
        taken = f"SELECT n FROM {self.tables.members} WHERE side = {side}"
        if not self.bench.rows(f"SELECT 1 FROM ({taken}) LIMIT 1"):
            return table
        return f"(SELECT rowid, * FROM {table} WHERE rowid NOT IN ({taken}))"


def parts(key: Sequence[Field]) -> list[str]:
    """Names for the parts of a key."""
    return [f"k{place}" for place in range(len(key))]


def part(one: Field, alias: str) -> str:
    """SQL for a part of the key: no value is an empty part."""
    return f"coalesce({text_of(one, alias)}, '')"


def text_of(one: Field, alias: str) -> str:
    """SQL for what a field is compared as, as text."""
    cell = f"{alias}.{one.word}"
    return f"{cell}::VARCHAR" if one.numeric or one.kind == "date" else cell


def key_columns(key: Sequence[Field], alias: str) -> str:
    """The key's parts as columns k0, k1, …"""
    return ", ".join(f"{part(one, alias)} AS {name}" for one, name in zip(key, parts(key), strict=True))


def has_key(key: Sequence[Field], alias: str) -> str:
    """Whether a row has a key at all: one whose parts are all empty has none."""
    return "(" + " OR ".join(f"{text_of(one, alias)} <> ''" for one in key) + ")"


def joined(key: Sequence[Field]) -> str:
    """The condition that two rows have one key."""
    if len(key) == 1:
        return f"nullif({text_of(key[0], 'l')}, '') = {text_of(key[0], 'r')}"
    first = f"CASE WHEN {has_key(key, 'l')} THEN {part(key[0], 'l')} END = {part(key[0], 'r')}"
    return " AND ".join([first, *(f"{part(one, 'l')} = {part(one, 'r')}" for one in key[1:])])
