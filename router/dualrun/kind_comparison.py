"""Compares the documents of one kind, and their lines, with the engine; ties the sums to the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from router.connectors.port import Record
from router.dualrun.engine import TableComparison
from router.dualrun.policy import SIDES, KindPolicy, Policy
from router.dualrun.reading_back import KEY, MONEY, PeriodOf, Tables, documents, lines
from router.dualrun.results import ControlTotal, Counts, DocumentView, Hidden
from router.dualrun.workbench import Workbench


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """One compared table."""

    policy: Policy
    counts: Counts
    totals: tuple[ControlTotal, ...]
    hidden: tuple[Hidden, ...]
    views: tuple[DocumentView, ...]
    """The documents with differences, by key."""

    def differing(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Our id of each document that differs, and the columns; the empty one is a document's absence."""
        for view in self.views:
            columns = {difference.column for pair in view.pairs for difference in pair.differences}
            yield view.document[KEY], frozenset(columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class KindResult:
    """What both ERPs hold of one kind, side by side."""

    kind: str
    legacy: tuple[Record, ...]
    cloud: tuple[Record, ...]
    headers: TableResult
    lines: TableResult | None = None

    @property
    def untied_walks(self) -> tuple[str, ...]:
        """Control totals whose walk does not arrive, or which are not the sum of the records; none should be."""
        found = [
            f"{self.kind} {total.column} of {' '.join(total.by.values())}"
            for table in (self.headers, self.lines)
            for total in (table.totals if table else ())
            if not total.ties
        ]
        for side, records in zip(SIDES, (self.legacy, self.cloud), strict=True):
            for column, field in MONEY.items():
                if column not in self.headers.policy.columns:
                    continue
                summed: dict[str, int] = {}
                for total in self.headers.totals:
                    if total.column == column:
                        minor = total.legacy_minor if side == "legacy" else total.cloud_minor
                        summed[total.currency] = summed.get(total.currency, 0) + minor
                if _without_zero(summed) != _without_zero(_sums(records, field)):
                    found.append(f"{self.kind} {column}: {side} records sum to something else")
        return tuple(found)

    @property
    def untied_documents(self) -> tuple[str, ...]:
        """Documents of either side whose lines do not sum to their net, or net and tax to their total."""
        return tuple(
            row.external_id or row.vendor_id for row in (*self.legacy, *self.cloud) if not _adds_up(row)
        )


def kinds_bench() -> Workbench:
    """A bench for the kinds of one comparison, one after the other: to make one costs more than most kinds."""
    return Workbench(memory="1GB", threads=1)


def compare_kind(
    kind: str,
    policy: KindPolicy,
    legacy: Sequence[Record],
    cloud: Sequence[Record],
    *,
    period: PeriodOf,
    today: date,
    bench: Workbench,
) -> KindResult:
    """Compare one kind on a bench, and leave it empty; raises VendorUnknown for an amount that is none."""
    try:
        headers = _compared(bench, documents(bench, policy, legacy, cloud, period), today)
        found = lines(bench, policy, legacy, cloud, period)
        below = None if found is None else _compared(bench, found, today)
    finally:
        bench.clear()
    return KindResult(kind=kind, legacy=tuple(legacy), cloud=tuple(cloud), headers=headers, lines=below)


def _compared(bench: Workbench, tables: Tables, today: date) -> TableResult:
    table = TableComparison(bench, tables.policy, tables.legacy, tables.cloud, today=today)
    table.run()
    return TableResult(
        policy=tables.policy,
        counts=table.counts,
        totals=tuple(table.totals),
        hidden=tuple(table.hidden),
        views=tuple(table.documents()),
    )


def _sums(records: Sequence[Record], field: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in records:
        minor = getattr(row, field)
        if minor is not None:
            sums[row.currency] = sums.get(row.currency, 0) + minor
    return sums


def _without_zero(sums: Mapping[str, int]) -> dict[str, int]:
    return {currency: minor for currency, minor in sums.items() if minor}


def _adds_up(row: Record) -> bool:
    if row.lines and sum(int(line["net_minor"]) for line in row.lines) != row.net_minor:
        return False
    if row.total_minor is None or row.net_minor is None or row.tax_minor is None:
        return True
    return row.net_minor + row.tax_minor == row.total_minor
