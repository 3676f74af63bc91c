"""Small tables for the engine: text rows, a policy in YAML words, everything that came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from router.dualrun.engine import TableComparison
from router.dualrun.policy import Policy, Side
from router.dualrun.results import Difference, DocumentView
from router.dualrun.workbench import Source, Workbench

TODAY = date(2026, 11, 1)
Table = Sequence[Mapping[str, str | None]]


def source(bench: Workbench, side: Side, rows: Table, columns: Sequence[str] = ()) -> Source:
    """Rows as a source; a cell that is not given is no value."""
    names = list(columns or dict.fromkeys(name for row in rows for name in row))
    return bench.source(side, f"{side}.csv", names, [[row.get(name) for name in names] for row in rows])


def compare(
    bench: Workbench,
    policy: Mapping[str, Any],
    legacy: Table,
    cloud: Table,
    *,
    crosswalk: Table | None = None,
) -> TableComparison:
    """A comparison that has run."""
    named = [
        *policy["key"],
        *policy["columns"],
        "currency",
        *(name for names in policy.get("control_totals", []) for name in names),
    ]
    columns = list(dict.fromkeys([*named, *(name for row in [*legacy, *cloud] for name in row)]))
    given = None
    if crosswalk is not None:
        keys = policy["key"]
        names = [f"{side}.{key}" for side in ("legacy", "cloud") for key in keys]
        rows = [[row.get(name) for name in names] for row in crosswalk]
        given = bench.source("legacy", "crosswalk.csv", names, rows)
        bench.db.execute(f"CREATE OR REPLACE TABLE crosswalk_given AS SELECT * FROM {given.relation}")
        given = Source(
            side="legacy",
            name="crosswalk.csv",
            relation="crosswalk_given",
            columns=tuple(names),
            fingerprint=given.fingerprint,
        )
    made = TableComparison(
        bench,
        Policy.model_validate(policy),
        source(bench, "legacy", legacy, columns),
        source(bench, "cloud", cloud, columns),
        crosswalk=given,
        today=TODAY,
    )
    made.run()
    return made


Told = tuple[str, str, str | None, str | None, int | None]


def told(documents: Sequence[DocumentView]) -> list[tuple[tuple[str, ...], Told]]:
    """All differences with their keys, short."""
    return [
        (tuple(pair.key.values()), short(one))
        for document in documents
        for pair in document.pairs
        for one in pair.differences
    ]


def short(one: Difference) -> Told:
    """A difference without names."""
    return one.what, one.column, one.legacy, one.cloud, one.delta_minor
