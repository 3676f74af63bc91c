"""The engine's other ways, each against a plain comparison in Python: fallback, documents, threads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from router.dualrun.results import DocumentView
from router.dualrun.workbench import Workbench
from tests.unit.engine_samples import compare

Row = Mapping[str, str | None]
QUICK = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
ONE: Row = {
    "id": "1", "total": "5", "currency": "EUR", "customer": "C1", "day": "2026-10-30", "status": "open",
}  # fmt: skip
DAYS = ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-03", None]
FALLBACK = {
    "key": ["id"],
    "columns": {"total": {"type": "money"}, "day": {"type": "date"}, "status": {"type": "status"}},
    "fallback": {"amount": "total", "same": ["customer"], "date": "day", "days": 1},
    "control_totals": [["customer"], []],
}
LINES = {
    "key": ["doc", "line"],
    "document": ["doc"],
    "columns": {"total": {"type": "money"}, "status": {"type": "status"}},
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """One database for all examples."""
    with Workbench(threads=1) as made:
        yield made


@pytest.fixture(scope="module")
def wide() -> Iterator[Workbench]:
    """One with more threads than the machine has processors."""
    with Workbench(threads=4) as made:
        yield made


rows = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["1", "2", "3", "4", "5", "6", None]),
        "total": st.sampled_from(["5", "5", "5.00", "-5", "0", None]),
        "currency": st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
        "customer": st.sampled_from(["C1", "C1", "C1", "C2", "", None]),
        "day": st.sampled_from(DAYS),
        "status": st.sampled_from(["open", "paid"]),
    }
)
lines = st.fixed_dictionaries(
    {
        "doc": st.sampled_from(["D1", "D2", "D10", "", None]),
        "line": st.sampled_from(["1", "2", "10", None]),
        "total": st.sampled_from(["5", "6", None]),
        "currency": st.just("EUR"),
        "status": st.sampled_from(["open", "open", "paid"]),
    }
)


def by_fallback(legacy: Sequence[Row], cloud: Sequence[Row]) -> list[tuple[int, int]]:
    """Places of the rows that the rule pairs: alone by key, and nobody else's candidate."""
    keys = [Counter(row["id"] for row in table if row["id"]) for table in (legacy, cloud)]

    def alone(row: Row, other: int) -> bool:
        key = row["id"]
        return not key or (keys[1 - other][key] == 1 and keys[other][key] == 0)

    def fits(one: Row, other: Row) -> bool:
        if None in (one["total"], other["total"], one["day"], other["day"]) or not one["customer"]:
            return False
        days = [date.fromisoformat(row["day"] or "") for row in (one, other)]
        return (
            float(one["total"] or 0) == float(other["total"] or 0)
            and (one["currency"], one["customer"]) == (other["currency"], other["customer"])
            and abs((days[0] - days[1]).days) <= 1
        )

    pairs = [
        (a, b)
        for a, one in enumerate(legacy)
        for b, other in enumerate(cloud)
        if alone(one, 1) and alone(other, 0) and fits(one, other)
    ]
    here, there = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    return [(a, b) for a, b in pairs if here[a] == there[b] == 1]


@example(legacy=[{**ONE, "customer": ""}], cloud=[{**ONE, "id": "2", "customer": ""}])
@example(legacy=[ONE], cloud=[{**ONE, "id": "2", "day": "2026-10-31", "status": "paid"}])
@example(legacy=[ONE], cloud=[{**ONE, "id": "2"}, {**ONE, "id": "3", "day": "2026-10-31"}])
@given(legacy=st.lists(rows, max_size=7), cloud=st.lists(rows, max_size=7))
@QUICK
def test_the_fallback_pairs_what_only_fits_each_other(bench: Workbench, legacy: Any, cloud: Any) -> None:
    """Never a row that has a partner or a double, never one of two that fit; no customer is no customer."""
    expected = by_fallback(legacy, cloud)
    made = compare(bench, FALLBACK, legacy, cloud)
    assert made.counts.by_fallback == len(expected)
    assert all(total.ties for total in made.totals)
    told = [pair for view in made.documents() for pair in view.pairs]
    shown = {(a.number - 1, b.number - 1) for p in told if p.paired_by == "fallback" for a in p.legacy for b in p.cloud}  # fmt: skip
    assert shown == {
        (a, b) for a, b in expected if any(legacy[a][name] != cloud[b][name] for name in ("day", "status"))
    }
    missing = {row.number - 1 for p in told for row in p.legacy if not p.cloud and not _doubled(p)}
    assert not missing & {a for a, _ in expected}


def _doubled(pair: Any) -> bool:
    return any(one.what.startswith("duplicate") for one in pair.differences)


@given(legacy=st.lists(lines, max_size=9), cloud=st.lists(lines, max_size=9))
@QUICK
def test_documents_hold_all_of_their_rows(bench: Workbench, legacy: Any, cloud: Any) -> None:
    """Each document once, in order, with every line of both sides; its pairs are those of the flat comparison."""
    views = list(compare(bench, LINES, legacy, cloud).documents())
    names = [view.document["doc"] for view in views]
    assert names == sorted(set(names))
    rows_of: list[dict[str, list[int]]] = [defaultdict(list), defaultdict(list)]
    for side, table in enumerate((legacy, cloud)):
        for number, row in enumerate(table, 1):
            rows_of[side][row["doc"] or ""].append(number)
    for view in views:
        name = view.document["doc"]
        assert [row.number for row in view.legacy] == rows_of[0][name]
        assert [row.number for row in view.cloud] == rows_of[1][name]
    flat = compare(bench, {**LINES, "document": []}, legacy, cloud).documents()
    assert Counter(_pairs(views)) == Counter(_pairs(flat))


@given(legacy=st.lists(rows, max_size=12), cloud=st.lists(rows, max_size=12))
@settings(QUICK, max_examples=8)
def test_threads_never_show(bench: Workbench, wide: Workbench, legacy: Any, cloud: Any) -> None:
    """One thread or four: the same documents in the same order, the same totals, counts and hidden sums."""
    one, other = (compare(each, FALLBACK, legacy, cloud) for each in (bench, wide))
    assert list(one.documents()) == list(other.documents())
    assert (one.totals, one.counts, one.hidden) == (other.totals, other.counts, other.hidden)


def _pairs(views: Sequence[DocumentView] | Iterator[DocumentView]) -> list[Any]:
    return [
        (tuple(pair.key.items()), tuple(row.number for row in pair.legacy), tuple(row.number for row in pair.cloud),
         pair.differences)
        for view in views
        for pair in view.pairs
    ]  # fmt: skip
