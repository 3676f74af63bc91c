"""The engine says what a plain comparison in Python says, whatever the tables hold."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from router.dualrun.workbench import Workbench
from tests.unit.engine_oracle import Oracle, policy
from tests.unit.engine_samples import compare, told

IDS = ["S1", "S2", "S3", "L1", "L2", "C1", "C2"]


@st.composite
def rows(draw: st.DrawFn) -> dict[str, str | None]:
    """A row, often much like another."""
    currency = draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY", "BHD"]))
    total = draw(st.sampled_from([None, "0", "1", "2", "-1"]))
    if total is not None and currency != "JPY" and draw(st.booleans()):
        total += draw(st.sampled_from([".01", ".00", ".5"]))
    return {
        "id": draw(st.sampled_from([*IDS, None, ""])),
        "total": total,
        "currency": None if total is None and draw(st.booleans()) else currency,
        "hours": draw(st.sampled_from([None, "0", "0.0", "1.5", "1.50", "2"])),
        "status": draw(st.sampled_from([None, "P", "open", "posted", "void"])),
        "memo": draw(st.sampled_from([None, "", "a", "A ", "ä", "Ä", "b"])),
        "entity": draw(st.sampled_from(["E1", "E2", None])),
    }


tables = st.lists(rows(), max_size=7)
entries = st.none() | st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)), max_size=6)
rules = st.builds(
    Oracle,
    tolerance_minor=st.sampled_from([0, 0, 1, 60]),
    empty_is_zero=st.booleans(),
    complete=st.booleans(),
)


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """One database for all examples: every comparison has tables of its own."""
    with Workbench(threads=2) as made:
        yield made


@given(legacy=tables, cloud=tables, said=entries, oracle=rules, seed=st.integers(0, 9))
@settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_engine_agrees_with_the_oracle(
    bench: Workbench, legacy: Any, cloud: Any, said: Any, oracle: Oracle, seed: int
) -> None:
    """The same breaks with the same keys and amounts, the same counts, and totals that tie."""
    oracle.run(legacy, cloud, said)
    crosswalk = None if said is None else [{"legacy.id": a, "cloud.id": b} for a, b in said]
    ours = compare(bench, policy(oracle), legacy, cloud, crosswalk=crosswalk)
    found = told(list(ours.documents()))
    assert Counter(found) == Counter(oracle.found)
    assert all(total.ties for total in ours.totals), ours.totals
    assert (ours.counts.by_key, ours.counts.by_crosswalk) == (
        oracle.paired["key"],
        oracle.paired["crosswalk"],
    )
    tolerated = {
        code: minor for one in ours.hidden if one.why == "tolerance" for code, minor in one.money.items()
    }
    assert tolerated == {code: minor for code, minor in oracle.tolerated.items() if minor}
    rng = random.Random(seed)
    mixed = [rng.sample(table, len(table)) for table in (legacy, cloud)]
    again = told(list(compare(bench, policy(oracle), mixed[0], mixed[1], crosswalk=crosswalk).documents()))
    assert Counter(nameless(again)) == Counter(nameless(found))


def nameless(found: list[Any]) -> list[Any]:
    """Without the row numbers of rows that have no key, which follow the order."""
    return [(key[:1], one) for key, one in found]


SWAPPED = {"missing_in_cloud": "missing_in_legacy", "missing_in_legacy": "missing_in_cloud"}
SWAPPED |= {"duplicate_in_cloud": "duplicate_in_legacy", "duplicate_in_legacy": "duplicate_in_cloud"}


@given(legacy=tables, cloud=tables, oracle=rules)
@settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_swapped_sides_are_the_mirror_image(
    bench: Workbench, legacy: Any, cloud: Any, oracle: Oracle
) -> None:
    """What is missing here is too much there, and every delta turns its sign."""
    one, other = (
        told(list(compare(bench, policy(oracle), *sides).documents()))
        for sides in ((legacy, cloud), (cloud, legacy))
    )
    mirrored = [
        (key, (SWAPPED.get(what, what), column, cloud_says, legacy_says, None if delta is None else -delta))
        for key, (what, column, legacy_says, cloud_says, delta) in one
    ]
    assert Counter(mirrored) == Counter(other)
