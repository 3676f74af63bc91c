"""Documents with differences, in the order of their keys, streamed.

Three ordered queries are read side by side: what differs, the rows of groups, the rows of documents.
Nothing is held but one document, of which at most `DOCUMENT_ROWS` rows and pairs at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.canonical.money import Money
from router.dualrun.breaks import PairedBy
from router.dualrun.engine.groups import Group
from router.dualrun.engine.marking import Check
from router.dualrun.engine.plan import Plan
from router.dualrun.engine.reading import Reader
from router.dualrun.engine.rows import Facts, RowShape, shown
from router.dualrun.engine.tables import NO_ENTRY, WRONG_ENTRY, Tables, part
from router.dualrun.results import DOCUMENT_ROWS, Difference, DocumentView, Pair, Row
from router.dualrun.workbench import Workbench

HOW: tuple[PairedBy, ...] = ("", "key", "crosswalk", "fallback", "", "key")
"""By the numbers in the tables."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a comparison."""

    bench: Workbench
    plan: Plan
    tables: Tables
    checks: list[Check]

    def prepare(self) -> None:
        """Make `broken`, everything that differs, in order: which document, which pair or group."""
        names, plan = self.tables, self.plan
        document = plan.document or plan.key
        columns = [*document, *plan.key]
        sides = {
            alias: ", ".join(f"{part(one, alias)} AS o{place}" for place, one in enumerate(columns))
            for alias in ("l", "r")
        }
        order = [f"o{place}" for place in range(len(columns))]
        whole = f"SELECT * FROM {names.found}"
        self.bench.db.execute(
            f"CREATE TABLE {names.broken} AS "
            f"SELECT *, dense_rank() OVER (ORDER BY {', '.join(order[: len(document)])}"
            f"{', ln, rn' if not plan.document else ''}) AS did, "
            f"row_number() OVER (ORDER BY {', '.join(order)}, ln, rn, g, how) AS i FROM ("
            f"SELECT f.*, {sides['l']} FROM ({whole}) AS f JOIN {names.legacy} AS l ON l.rowid = f.ln "
            f"UNION ALL SELECT f.*, {sides['r']} FROM ({whole}) AS f JOIN {names.cloud} AS r ON r.rowid = f.rn "
            f"WHERE f.ln IS NULL)"
        )

    def views(self) -> Iterator[DocumentView]:
        """All documents with differences."""
        shape = RowShape(self.plan)
        broken = Reader(
            self.bench.db,
            f"SELECT * FROM {self._fetched(shape)} ORDER BY i",
        )
        members = Reader(self.bench.db, self._members(shape))
        rows = Reader(self.bench.db, self._rows(shape)) if self.plan.document else None
        maker = _Maker(Facts(self.plan), shape, self.checks)
        try:
            while (head := broken.peek()) is not None:
                did = head[0]
                whole = maker.split(rows.while_first(did)) if rows is not None else None
                pairs: list[Pair] = []
                for one in broken.while_first(did):
                    pairs.append(maker.pair(one, members))
                    if len(pairs) == DOCUMENT_ROWS:
                        yield self._view(pairs, whole)
                        pairs = []
                if pairs:
                    yield self._view(pairs, whole)
        finally:
            for reader in (broken, members, rows):
                if reader is not None:
                    reader.close()

    def _fetched(self, shape: RowShape) -> str:
        """The cells behind `broken`, joined once: causes, and then examples, read the documents again."""
        names = self.tables
        sides = [
            ", ".join(f"{sql} AS {alias}{at}" for at, sql in enumerate(shape.columns(alias)))
            for alias in ("l", "r")
        ]
        self.bench.db.execute(
            f"CREATE TABLE IF NOT EXISTS {names.fetched} AS "
            f"SELECT b.did, b.i, b.ln, b.rn, b.how, b.flags, b.g, b.said_legacy, b.said_cloud, {sides[0]}, {sides[1]} "
            f"FROM {names.broken} AS b LEFT JOIN {names.legacy} AS l ON l.rowid = b.ln "
            f"LEFT JOIN {names.cloud} AS r ON r.rowid = b.rn"
        )
        return names.fetched

    def _view(self, pairs: list[Pair], whole: tuple[tuple[Row, ...], tuple[Row, ...]] | None) -> DocumentView:
        if whole is None:
            legacy = tuple(row for pair in pairs for row in pair.legacy)
            cloud = tuple(row for pair in pairs for row in pair.cloud)
            return DocumentView(document=pairs[0].key, pairs=tuple(pairs), legacy=legacy, cloud=cloud)
        first = (pairs[0].legacy or pairs[0].cloud)[0]
        return DocumentView(
            document={one.name: shown(first.cells[one.name]) or "" for one in self.plan.document},
            pairs=tuple(pairs),
            legacy=whole[0],
            cloud=whole[1],
        )

    def _members(self, shape: RowShape) -> str:
        names = self.tables
        sides = ((names.legacy, 0), (names.cloud, 1))
        parts = [
            f"SELECT b.i, m.side, m.doubled, {shape.select('t')} FROM {names.broken} AS b "
            f"JOIN {names.members} AS m ON m.g = b.g AND m.side = {side} JOIN {table} AS t ON t.rowid = m.n"
            for table, side in sides
        ]
        return f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY 1, 2, 4"

    def _rows(self, shape: RowShape) -> str:
        """The rows of documents with differences; a cloud row belongs to its partner's document."""
        names, document = self.tables, self.plan.document
        place = ", ".join(f"o{at}" for at in range(len(document)))
        docs = f"(SELECT DISTINCT did, {place} FROM {names.broken})"
        own = {
            alias: " AND ".join(f"{part(one, alias)} = d.o{at}" for at, one in enumerate(document))
            for alias in ("l", "r")
        }
        legacy = (
            f"SELECT d.did, 0 AS side, l.rowid AS n FROM {docs} AS d JOIN {names.legacy} AS l ON {own['l']}"
        )
        cloud = (
            f"SELECT d.did, 1 AS side, r.rowid AS n FROM {docs} AS d JOIN {names.cloud} AS r ON {own['r']} "
            f"UNION SELECT o.did, 1, p.rn FROM of_legacy AS o JOIN {names.pairs} AS p ON p.ln = o.n WHERE p.rn IS NOT NULL "
            f"UNION SELECT o.did, 1, c.n FROM of_legacy AS o JOIN {names.members} AS m ON m.side = 0 AND m.n = o.n "
            f"JOIN {names.members} AS c ON c.g = m.g AND c.side = 1"
        )
        parts = [
            f"SELECT w.did, w.side, false, {shape.select('t')} FROM {which} AS w JOIN {table} AS t ON t.rowid = w.n"
            for which, table in (("of_legacy", names.legacy), ("of_cloud", names.cloud))
        ]
        cut = f"QUALIFY row_number() OVER (PARTITION BY did ORDER BY n) <= {DOCUMENT_ROWS}"
        return (
            f"WITH of_legacy AS ({legacy} {cut}), of_cloud AS (SELECT * FROM ({cloud}) {cut}) "
            f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY 1, 2, 4"
        )


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes pairs of what was fetched."""

    facts: Facts
    shape: RowShape
    checks: list[Check]

    def split(self, fetched: Iterator[tuple[Any, ...]]) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        """The rows of a document by side."""
        sides: tuple[list[Row], list[Row]] = ([], [])
        for _, side, _, *cells in fetched:
            sides[side].append(self.shape.row(cells))
        return tuple(sides[0]), tuple(sides[1])

    def pair(self, fetched: tuple[Any, ...], members: Reader) -> Pair:
        """The pair or group of one row of `broken`."""
        _, i, ln, rn, how, flags, g, said_legacy, said_cloud, *cells = fetched
        legacy = self.shape.row(cells[: self.shape.width]) if ln is not None else None
        cloud = self.shape.row(cells[self.shape.width :]) if rn is not None else None
        if g is not None:
            return self.group(i, how, members)
        first = legacy or cloud
        assert first is not None
        found: list[Difference] = []
        if how in (WRONG_ENTRY, NO_ENTRY):
            found.append(Difference(what="crosswalk", legacy=said_legacy, cloud=said_cloud))
        elif legacy is None or cloud is None:
            found.append(self._missing(first, in_cloud=cloud is None))
        else:
            found += [
                self.facts.difference(self.checks[place], legacy, cloud)
                for place, letter in enumerate(flags)
                if letter == "1"
            ]
        return Pair(
            key=self.facts.key(first),
            legacy=() if legacy is None else (legacy,),
            cloud=() if cloud is None else (cloud,),
            paired_by=HOW[how],
            differences=tuple(found),
        )

    def group(self, i: int, how: int, members: Reader) -> Pair:
        """The group of one row of `broken`."""
        group: Group | None = None
        for _, side, doubled, *cells in members.while_first(i):
            if group is None:
                group = Group.empty(self.facts.plan, HOW[how], doubled=doubled)
            (group.cloud if side else group.legacy).add(self.shape.row(cells))
        assert group is not None
        return group.pair(self.checks)

    def _missing(self, row: Row, *, in_cloud: bool) -> Difference:
        worth: Mapping[str, Any] = {}
        told = self.facts.worth(row)
        amount = None
        if told is not None:
            code, minor = told
            worth = {"currency": code, "delta_minor": -minor if in_cloud else minor}
            amount = str(Money(minor, code))
        return Difference(
            what="missing_in_cloud" if in_cloud else "missing_in_legacy",
            legacy=amount if in_cloud else None,
            cloud=None if in_cloud else amount,
            **worth,
        )
