"""One comparison of two tables, from sources to documents with differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from router.dualrun.engine.agreeing import Agreeing
from router.dualrun.engine.documents import Documents
from router.dualrun.engine.hiding import Hiding
from router.dualrun.engine.load import Loader
from router.dualrun.engine.marking import checks, flags
from router.dualrun.engine.pairing import Pairing
from router.dualrun.engine.plan import plan_for
from router.dualrun.engine.several import Several
from router.dualrun.engine.tables import BY_CROSSWALK, BY_FALLBACK, BY_KEY, NO_ENTRY, Tables
from router.dualrun.engine.totals import Totals
from router.dualrun.policy import SIDES, Policy, Side
from router.dualrun.results import ControlTotal, Counts, DocumentView, Hidden, Progress
from router.dualrun.workbench import Source, Workbench


class TableComparison:
    """Compares one table of the legacy ERP with one of the cloud ERP; call `run` first."""

    def __init__(
        self,
        bench: Workbench,
        policy: Policy,
        legacy: Source,
        cloud: Source,
        *,
        crosswalk: Source | None = None,
        today: date,
        progress: Progress | None = None,
    ) -> None:
        self._bench = bench
        self._policy = policy
        self._sources = (legacy, cloud)
        self._crosswalk = crosswalk
        self._today = today
        self._progress = progress
        self._plan = plan_for(policy)
        self._checks = checks(self._plan)
        taken = bench.rows("SELECT count(*) FROM duckdb_schemas() WHERE schema_name LIKE 'comparison%'")
        self._tables = Tables(f"comparison{taken[0][0]}")
        self._documents = Documents(bench, self._plan, self._tables, self._checks)
        self.agreement = Agreeing(bench, self._plan, self._tables)
        self.counts = Counts(legacy_rows=0, cloud_rows=0)
        self.totals: tuple[ControlTotal, ...] = ()
        self.hidden: tuple[Hidden, ...] = ()
        self.not_compared: Mapping[Side, tuple[str, ...]] = {}

    def run(self) -> None:
        """Load, pair, compare and add up; raises BadConfig for cells that can't be read."""
        names = self._tables
        self._bench.db.execute(f"CREATE SCHEMA {names.schema}")
        loader = Loader(self._bench, self._plan)
        rows = []
        for place, (source, table) in enumerate(zip(self._sources, (names.legacy, names.cloud), strict=True)):
            self._tell(f"read {source.side}", place)
            rows.append(loader.load(source, table))
        self._tell("pair", 2)
        Pairing(self._bench, self._plan, names).run(self._crosswalk)
        self._tell("compare", 3)
        several = Several(self._bench, self._plan, names, self._checks).run()
        self._mark()
        self._documents.prepare()
        self._tell("add up", 4)
        self._count(rows[0], rows[1], several.differing)
        self.totals = Totals(self._bench, self._plan, names).totals()
        self.hidden = Hiding(self._bench, self._plan, names, self._today).hidden(several.hidden)
        self.not_compared = {
            side: self._left_out(source) for side, source in zip(SIDES, self._sources, strict=True)
        }
        self._tell("compared", 5)

    def documents(self) -> Iterator[DocumentView]:
        """The documents with differences, in the order of their keys; reads as it goes."""
        return self._documents.views()

    def _tell(self, phase: str, done: int) -> None:
        if self._progress is not None:
            self._progress(phase, done, 5)

    def _mark(self) -> None:
        """Make `found`, everything that differs."""
        names = self._tables
        self._bench.db.execute(
            f"CREATE TABLE {names.found} AS "
            f"SELECT * FROM (SELECT p.ln, p.rn, p.how, {flags(self._checks)} AS flags, NULL::BIGINT AS g, "
            f"NULL::VARCHAR AS said_legacy, NULL::VARCHAR AS said_cloud FROM {names.pairs} AS p "
            f"JOIN {names.legacy} AS l ON l.rowid = p.ln JOIN {names.cloud} AS r ON r.rowid = p.rn "
            f"WHERE p.touched) WHERE contains(flags, '1') "
            f"UNION ALL SELECT ln, rn, how, '', NULL, NULL, NULL FROM {names.pairs} WHERE ln IS NULL OR rn IS NULL "
            f"UNION ALL SELECT ln, rn, how, '', NULL, said_legacy, said_cloud FROM {names.wrong} "
            f"UNION ALL SELECT min(n) FILTER (side = 0), min(n) FILTER (side = 1), min(how), '', g, NULL, NULL "
            f"FROM {names.members} WHERE doubled OR g IN (SELECT g FROM {names.differing}) GROUP BY g"
        )

    def _count(self, legacy_rows: int, cloud_rows: int, groups_differing: int) -> None:
        names = self._tables
        how = dict(self._bench.rows(f"SELECT how, count(*) FROM {names.pairs} GROUP BY how"))
        differing = self._bench.rows(
            f"SELECT count(DISTINCT (ln, rn)) FROM {names.found} "
            f"WHERE g IS NULL AND how IN ({BY_KEY}, {BY_CROSSWALK}, {BY_FALLBACK}, {NO_ENTRY}) AND ln IS NOT NULL AND rn IS NOT NULL"
        )[0][0]
        groups = self._bench.rows(
            f"SELECT count(*), count(*) FILTER (legacy = 1 AND cloud > 1), count(*) FILTER (legacy > 1 AND cloud = 1) "
            f"FROM (SELECT g, count(*) FILTER (side = 0) AS legacy, count(*) FILTER (side = 1) AS cloud "
            f"FROM {names.members} WHERE NOT doubled GROUP BY g)"
        )[0]
        self.counts = Counts(
            legacy_rows=legacy_rows,
            cloud_rows=cloud_rows,
            by_key=how.get(BY_KEY, 0),
            by_crosswalk=how.get(BY_CROSSWALK, 0) + groups[0],
            by_fallback=how.get(BY_FALLBACK, 0),
            split=groups[1],
            merged=groups[2],
            differing=differing + groups_differing,
        )

    def _left_out(self, source: Source) -> tuple[str, ...]:
        """The columns of a source that neither are compared nor name its rows nor say an amount's currency."""
        used = {one.name for one in self._plan.fields if one.rule is not None}
        used.update(self._policy.key)
        used.update(one.currency.name for one in self._plan.monies() if one.currency is not None)
        return tuple(name for name in source.columns if name not in used)
