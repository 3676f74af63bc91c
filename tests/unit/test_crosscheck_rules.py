"""Cross-checks as rules: figures are exact, totals tie, and only what is proven counts as explained."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.report.data import judge
from router.dualrun.breaks import Cause
from router.dualrun.crosschecks.check import Check, Group, Item

CAUSES: tuple[Cause, ...] = ("timing", "in_doubt", "split", "refused", "missing", "unexplained")


def group(left: int, right: int, *items: Item, currency: str = "EUR", project: str = "P-1") -> Group:
    """A group of a project."""
    return Group(
        key={"project_id": project, "period": "2026-10"},
        legal_entity="DE01",
        currency=currency,
        left=left,
        right=right,
        items=items,
    )


def check(*groups: Group, problem: str = "") -> Check:
    """A check of invoices."""
    return Check(
        name="invoices",
        kind="invoice",
        what="cross_check",
        column="invoiced_total",
        left_name="ERPs",
        right_name="CRM",
        period="2026-10",
        groups=groups,
        problem=problem,
    )


def verdict_of(*checks: Check) -> tuple[str, list[str]]:
    """What a rehearsal says in which all else went well."""
    found = [one.to_json() for one in checks]
    return judge([], [], {"settled": True, "left": {}}, {"fits": True, "spare_minutes": 10}, [], [], found)


def test_a_rehearsal_whose_cross_check_is_unexplained_is_no_go() -> None:
    """One cent nobody explains is a no-go; what is on its way or waits as an exception is none."""
    late = Item(document_id="INV-1", left=100, right=0, cause="timing", code="feedback-in-flight")
    parked = Item(document_id="INV-2", left=7, right=0, cause="refused", code="parked")
    assert verdict_of(check(group(100, 100)), check(group(107, 0, late, parked)))[0] == "go"
    verdict, because = verdict_of(check(group(5, 5), group(108, 0, late, parked, project="P-2")))
    assert verdict == "no-go"
    assert because == ["nothing explains 1 of 2 figures in the cross-check of invoices"]


def test_a_cross_check_that_could_not_be_made_is_inconclusive() -> None:
    """A rehearsal that could not read a system is no go, and says which check lacks."""
    verdict, because = verdict_of(check(problem="the CRM is down"))
    assert verdict == "inconclusive"
    assert because == ["the cross-check of invoices could not be made: the CRM is down"]


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        ("timing", "pass"),
        ("in_doubt", "pass"),
        ("split", "pass"),
        ("refused", "fail"),
        ("unexplained", "fail"),
    ],
)
def test_the_verdict_has_three_values(cause: Cause, verdict: str) -> None:
    """A mismatch passes only where its cause needs nobody; a check with a problem never does."""
    item = Item(document_id="D", left=1, right=0, cause=cause, code=cause)
    assert check(group(1, 0, item)).verdict == verdict
    assert check(group(1, 1)).verdict == "pass"
    assert check(group(1, 1), problem="down").verdict == "inconclusive"


def test_documents_that_differ_under_equal_sums_are_a_mismatch() -> None:
    """One document too many and one too few hide each other in a sum, and not in the check."""
    found = check(
        group(10, 10, Item(document_id="A", left=10, right=0), Item(document_id="B", left=0, right=10))
    )
    assert (found.verdict, len(found.mismatches)) == ("fail", 1)
    assert found.breaks()[0].delta_minor == 0


ITEM = st.builds(
    Item,
    document_id=st.sampled_from(["A", "B", "C"]),
    left=st.integers(-(10**15), 10**15),
    right=st.integers(-(10**15), 10**15),
    cause=st.sampled_from(CAUSES),
    code=st.sampled_from(["x", "y"]),
)
GROUP = st.builds(
    lambda left, right, items, currency: group(left, right, *items, currency=currency),
    st.integers(-(10**15), 10**15),
    st.integers(-(10**15), 10**15),
    st.lists(ITEM, max_size=5),
    st.sampled_from(["", "EUR", "BHD", "JPY"]),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(GROUP, max_size=6))
def test_left_less_right_is_the_sum_of_all_deltas(groups: list[Group]) -> None:
    """Whatever documents are named: totals tie, and breaks with their parts sum to right less left."""
    found = check(*groups)
    assert all(row["ties"] for row in found.totals())
    for one in groups:
        assert one.left - one.right == sum(part.difference for part in one.parts())
    breaks = found.breaks()
    for row in found.totals():
        own = [one.delta_minor or 0 for one in breaks if one.currency == row["currency"]]
        assert sum(own) == row["right"] - row["left"]
    for broken in breaks:
        if broken.parts:
            assert sum(part.delta_minor or 0 for part in broken.parts) == broken.delta_minor
