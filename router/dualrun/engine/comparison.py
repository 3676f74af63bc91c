"""One comparison of two tables, from sources to documents with differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from router.dualrun.engine.documents import Documents
from router.dualrun.engine.load import Loader
from router.dualrun.engine.marking import checks, flags
from router.dualrun.engine.pairing import BY_CROSSWALK, BY_FALLBACK, BY_KEY, Pairing, Tables
from router.dualrun.engine.plan import plan_for
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
        Pairing(self._bench, self._plan, names).run()
        self._tell("compare", 3)
        self._mark()
        self._documents.prepare()
        self._tell("add up", 4)
        self._count(*rows)
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
        names = self._tables
        self._bench.db.execute(
            f"CREATE TABLE {names.found} AS "
            f"SELECT * FROM (SELECT p.ln, p.rn, p.how, {flags(self._checks)} AS flags, NULL::BIGINT AS g, "  # noqa: S608 - our own names
            f"'' AS note FROM {names.pairs} AS p JOIN {names.legacy} AS l ON l.rowid = p.ln "
            f"JOIN {names.cloud} AS r ON r.rowid = p.rn WHERE p.touched) WHERE contains(flags, '1') "
            f"UNION ALL SELECT ln, rn, how, '', NULL, '' FROM {names.pairs} WHERE ln IS NULL OR rn IS NULL "
            f"UNION ALL SELECT min(n) FILTER (side = 0), min(n) FILTER (side = 1), min(how), '', g, '' "
            f"FROM {names.members} GROUP BY g"
        )

    def _count(self, legacy_rows: int, cloud_rows: int) -> None:
        names = self._tables
        how = dict(
            self._bench.rows(f"SELECT how, count(*) FROM {names.pairs} GROUP BY how")  # noqa: S608 - our own names
        )
        differing = self._bench.rows(
            f"SELECT count(*) FROM {names.found} WHERE ln IS NOT NULL AND rn IS NOT NULL AND g IS NULL"  # noqa: S608 - our own names
        )
        self.counts = Counts(
            legacy_rows=legacy_rows,
            cloud_rows=cloud_rows,
            by_key=how.get(BY_KEY, 0),
            by_crosswalk=how.get(BY_CROSSWALK, 0),
            by_fallback=how.get(BY_FALLBACK, 0),
            differing=differing[0][0],
        )

    def _left_out(self, source: Source) -> tuple[str, ...]:
        """The columns of a source that neither are compared nor name its rows nor say an amount's currency."""
        used = {one.name for one in self._plan.fields if one.rule is not None}
        used.update(self._policy.key)
        used.update(one.currency.name for one in self._plan.monies() if one.currency is not None)
        return tuple(name for name in source.columns if name not in used)
