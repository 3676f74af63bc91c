"""Rows paired by the crosswalk: one to one, one to several, several to one, and entries that are wrong.

An entry that names a row on one side only is a break of its own; one whose rows are on neither side says
nothing about these extracts. An entry is also wrong when its rows agree neither in key nor in money while
a row of the very key and the very amount stands unclaimed: then the key is believed, and the entry is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from router.dualrun.engine.bulk import fill
from router.dualrun.engine.load import Loader
from router.dualrun.engine.plan import Plan
from router.dualrun.engine.tables import (
    BY_CROSSWALK,
    WRONG_ENTRY,
    Tables,
    has_key,
    key_columns,
    key_parts,
    parts,
    same_parts,
)
from router.dualrun.policy import SIDES
from router.dualrun.workbench import Source, Workbench, quoted


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """Applies a crosswalk to the typed tables: fills `members`, `linked` and `wrong`."""

    bench: Workbench
    plan: Plan
    tables: Tables

    def run(self, source: Source) -> None:
        """Pair what the entries say."""
        self._entries(source)
        self._edges()
        self._several()
        self._believe_keys()

    def _do(self, sql: str) -> None:
        self.bench.db.execute(sql)

    def _entries(self, source: Source) -> None:
        """The entries, normalised as keys are: a0, a1, … for the legacy key and b0, b1, … for the cloud's."""
        key, names = self.plan.key, self.tables
        keys_only = replace(
            self.plan, fields=key, compared=(), amount=None, by_name={one.name: one for one in key}
        )
        for side in SIDES:
            columns = ", ".join(f"{quoted(f'{side}.{one.name}')} AS {quoted(one.name)}" for one in key)
            half = replace(
                source, side=side, relation=f"(SELECT {columns} FROM {source.relation})",
                columns=tuple(one.name for one in key),
            )  # fmt: skip
            Loader(self.bench, keys_only).load(half, f"{names.schema}.entries_{side}")
        sides = [
            ", ".join(
                f"{column} AS {letter}{place}" for place, column in enumerate(key_parts(self.plan.key, alias))
            )
            for letter, alias in (("a", "l"), ("b", "r"))
        ]
        self._do(
            f"CREATE TABLE {names.entries} AS SELECT {', '.join(sides)}, min(l.rowid) AS e "
            f"FROM {names.schema}.entries_legacy AS l JOIN {names.schema}.entries_cloud AS r "
            f"ON l.rowid = r.rowid GROUP BY ALL"
        )

    def _edges(self) -> None:
        """Entries with the first row of each key and how many rows have it."""
        names = self.tables
        for letter, table, heads in (("a", names.legacy, "heads_legacy"), ("b", names.cloud, "heads_cloud")):
            named = ", ".join(f"{letter}{place} AS {name}" for place, name in enumerate(parts(self.plan.key)))
            self._do(
                f"CREATE TABLE {names.schema}.{heads} AS SELECT {key_columns(self.plan.key, 't')}, "
                f"min(t.rowid) AS n, count(*) AS many FROM {table} AS t JOIN "
                f"(SELECT DISTINCT {named} FROM {names.entries}) AS x ON {same_parts(self.plan.key, 't', 'x')} "
                f"WHERE {has_key(self.plan.key, 't')} GROUP BY ALL"
            )
        found = {
            letter: " AND ".join(
                f"{letter}h.{name} = e.{letter}{place}" for place, name in enumerate(parts(self.plan.key))
            )
            for letter in ("a", "b")
        }
        said = [_said(letter, len(self.plan.key)) for letter in ("a", "b")]
        self._do(
            f"CREATE TABLE {names.edges} AS SELECT e.e, ah.n AS a, bh.n AS b, "
            f"coalesce(ah.many > 1 OR bh.many > 1, false) AS doubled, "
            f"{said[0]} AS said_legacy, {said[1]} AS said_cloud FROM {names.entries} AS e "
            f"LEFT JOIN {names.schema}.heads_legacy AS ah ON {found['a']} "
            f"LEFT JOIN {names.schema}.heads_cloud AS bh ON {found['b']}"
        )
        self._do(
            f"INSERT INTO {names.wrong} SELECT a, b, {WRONG_ENTRY}, said_legacy, said_cloud FROM {names.edges} "
            "WHERE (a IS NULL) <> (b IS NULL)"
        )
        # Entries that point nowhere must not make a good one look like one of several.
        self._do(
            f"CREATE TABLE {names.good} AS SELECT e, a, b, doubled, said_legacy, said_cloud, "
            f"count(*) OVER (PARTITION BY a) = 1 AND count(*) OVER (PARTITION BY b) = 1 AND NOT doubled AS single "
            f"FROM {names.edges} WHERE a IS NOT NULL AND b IS NOT NULL"
        )

    def _several(self) -> None:
        """Entries that hang together become groups with all rows of all their keys."""
        names = self.tables
        edges = self.bench.rows(f"SELECT a, b, doubled FROM {names.good} WHERE NOT single ORDER BY a, b")
        if not edges:
            return
        group, doubled = connected((a, b) for a, b, _ in edges), set[int]()
        doubled.update(group[a] for a, _, twice in edges if twice)
        heads = sorted(
            {(group[a], 0, a) for a, _, _ in edges} | {(group[a], 1, b) for a, b, _ in edges}
        )  # a head stands for all rows of its key
        fill(
            self.bench,
            f"{names.schema}.heads",
            {"g": "BIGINT", "side": "TINYINT", "n": "BIGINT", "doubled": "BOOLEAN"},
            ((g, side, n, str(g in doubled).lower()) for g, side, n in heads),
        )
        for side, table in ((0, names.legacy), (1, names.cloud)):
            self._do(
                f"INSERT INTO {names.members} SELECT h.g, {side}, t.rowid, {BY_CROSSWALK}, h.doubled "
                f"FROM {names.schema}.heads AS h JOIN {table} AS f ON f.rowid = h.n "
                f"JOIN {table} AS t ON {same_parts(self.plan.key, 't', 'f', both=True)} WHERE h.side = {side}"
            )

    def _believe_keys(self) -> None:
        """Take single entries for pairs, but those that a key and an amount prove wrong."""
        names, amount = self.tables, self.plan.amount
        wrong = "SELECT NULL::BIGINT AS e WHERE false"
        if amount is not None:
            agree = f"l.{amount.cell} IS NOT DISTINCT FROM r.{amount.cell}"
            if amount.currency is not None:
                agree += f" AND l.{amount.currency.word} IS NOT DISTINCT FROM r.{amount.currency.word}"
            self._do(
                f"CREATE TABLE {names.schema}.judged AS SELECT s.e, s.a, s.b, ({agree}) AS agrees, "
                f"({same_parts(self.plan.key, 'l', 'r', both=True)}) AS alike FROM {names.good} AS s "
                f"JOIN {names.legacy} AS l ON l.rowid = s.a JOIN {names.cloud} AS r ON r.rowid = s.b WHERE s.single"
            )
            odd = f"(SELECT * FROM {names.schema}.judged WHERE NOT agrees AND NOT alike)"
            fit = f"{agree} AND {same_parts(self.plan.key, 'l', 'r', both=True)}"
            free = [
                f"(SELECT t.rowid, t.* FROM {table} AS t ANTI JOIN (SELECT {end} AS n FROM {names.schema}.judged "
                f"WHERE agrees UNION ALL SELECT n FROM {names.members} WHERE side = {side}) AS x ON x.n = t.rowid)"
                for side, table, end in ((0, names.legacy, "a"), (1, names.cloud, "b"))
            ]
            wrong = (
                f"SELECT o.e FROM {odd} AS o JOIN {names.legacy} AS l ON l.rowid = o.a JOIN {free[1]} AS r ON {fit} "
                f"UNION SELECT o.e FROM {odd} AS o JOIN {names.cloud} AS r ON r.rowid = o.b JOIN {free[0]} AS l ON {fit}"
            )
        self._do(f"CREATE TABLE {names.schema}.disproved AS {wrong}")
        self._do(
            f"INSERT INTO {names.wrong} SELECT a, b, {WRONG_ENTRY}, said_legacy, said_cloud FROM {names.good} "
            f"SEMI JOIN {names.schema}.disproved USING (e)"
        )
        self._do(
            f"INSERT INTO {names.linked} SELECT a, b, {BY_CROSSWALK} FROM {names.good} "
            f"ANTI JOIN {names.schema}.disproved USING (e) WHERE single"
        )


def connected(edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """For each legacy end its group, numbered from 1 in the order of its least legacy end."""
    above: dict[int, int] = {}

    def top(node: int) -> int:
        while (up := above.setdefault(node, node)) != node:
            above[node] = above[up]
            node = up
        return node

    legacy: list[int] = []
    for a, b in edges:
        legacy.append(a)
        left, right = top(a), top(-1 - b)  # the cloud's ends are below zero
        if left != right:
            above[max(left, right)] = min(left, right)
    numbers: dict[int, int] = {}
    return {a: numbers.setdefault(top(a), len(numbers) + 1) for a in sorted(set(legacy))}


def _said(letter: str, many: int) -> str:
    return (
        f"concat_ws(', ', {', '.join(f'nullif(e.{letter}{place}, {chr(39) * 2})' for place in range(many))})"
    )
