"""A cause is not proven from the rows that differ alone: those that agree are asked as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from router.dualrun.breaks import Break
from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.explain import explained
from router.dualrun.policy import Policy
from router.dualrun.workbench import Workbench
from tests.unit.engine_samples import Table, compare

ROWS = 100
ODD = (3, 50, 70)
DIMENSION = {"key": ["id"], "columns": {"cost_center": {"type": "dimension"}, "total": {"type": "money"}}}
NET = {
    "key": ["id"],
    "columns": {"quantity": {"type": "decimal"}, "rate": {"type": "money"}, "net": {"type": "money"}},
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Workbench]:
    """One database for all."""
    with Workbench(threads=2) as made:
        yield made


def breaks(bench: Workbench, policy: Mapping[str, Any], legacy: Table, cloud: Table) -> list[Break]:
    """Everything that differs, with its cause."""
    made = compare(bench, policy, legacy, cloud)
    rules = Policy.model_validate(policy)
    return list(explained(made.documents, ExtractJudge(rules, agreement=made.agreement), rules))


def table(wrong: Mapping[str, str], **cells: str) -> Table:
    """Rows that are alike, some of them with other cells."""
    plain = {"currency": "EUR", **cells}
    return [{"id": str(at), **plain, **(wrong if at in ODD else {})} for at in range(ROWS)]


def test_three_slips_among_many_rows_are_no_mapping(bench: Workbench) -> None:
    """A10 is B10 in three rows and A10 in ninety-seven: nobody maps A10 to B10."""
    legacy = table({}, total="10.00", cost_center="A10")
    cloud = table({"cost_center": "B10"}, total="10.00", cost_center="A10")
    found = breaks(bench, DIMENSION, legacy, cloud)
    assert [(one.cause, one.code) for one in found] == [("data_entry", "other-dimension")] * 3
    assert "97 other rows" in found[0].evidence


def test_a_word_that_is_another_one_in_every_row_is_a_mapping(bench: Workbench) -> None:
    """Rows with other words that agree don't stand against it."""
    legacy = table({"cost_center": "A10"}, total="10.00", cost_center="C30")
    cloud = table({"cost_center": "B10"}, total="10.00", cost_center="C30")
    found = breaks(bench, DIMENSION, legacy, cloud)
    assert [(one.cause, one.code) for one in found] == [("mapping", "dimension-mapping")] * 3


def test_a_cent_too_low_three_times_is_no_habit_of_cutting_off(bench: Workbench) -> None:
    """The same side rounds ninety-seven rows up as it should: nothing shows why three are a cent too low."""
    row = {"quantity": "1.07", "rate": "99.99"}
    found = breaks(bench, NET, table({}, net="106.99", **row), table({"net": "106.98"}, net="106.99", **row))
    assert [one.cause for one in found] == ["unexplained"] * 3


def test_a_side_that_always_cuts_off_is_known_by_it(bench: Workbench) -> None:
    """Where no row of the side was ever rounded up, cutting off explains."""
    row = {"quantity": "1.07", "rate": "99.99"}
    whole = {"quantity": "1", "rate": "10.00", "net": "10.00"}
    legacy, cloud = (table({**row, "net": net}, **whole) for net in ("106.99", "106.98"))
    found = breaks(bench, NET, legacy, cloud)
    assert [one.code for one in found] == ["truncated"] * 3
