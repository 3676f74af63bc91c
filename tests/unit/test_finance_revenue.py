"""Recognised revenue sums to the fee, grows with what is done, and never recognises anything twice."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.finance.charges import months
from router.finance.grouping import Open, bills, event_id
from router.finance.revenue import (
    earned_by_completion,
    earned_by_milestones,
    earned_straight,
    straight_line,
)
from tests.unit.finance_samples import contract, line, made

FEES = st.integers(min_value=0, max_value=10**9)
FIRST = date(2026, 1, 31)


@settings(deadline=None)
@given(fee=FEES, days=st.integers(min_value=0, max_value=1_500))
def test_a_straight_line_sums_to_the_fee(fee: int, days: int) -> None:
    """For any term; earned to date only grows and ends at the fee."""
    last = FIRST + timedelta(days=days)
    rows = straight_line(fee, FIRST, last)
    assert sum(minor for _, minor in rows) == fee
    assert [period for period, _ in rows] == list(months(FIRST, last))
    earned = [earned_straight(fee, FIRST, last, period) for period in months(FIRST, last)]
    assert earned == sorted(earned)
    assert earned[-1] == fee
    assert earned_straight(fee, FIRST, last, "2025-12") == 0


def test_a_year_from_mid_october_by_hand() -> None:
    """12,000.00 over 365 days from 15 October: 17 days are 558.90, November's 30 are 986.30."""
    rows = straight_line(1_200_000, date(2026, 10, 15), date(2027, 10, 14))
    # 1200000 x 17/365 = 55890.41, x 30/365 = 98630.14
    assert rows[:2] == [("2026-10", 55_890), ("2026-11", 98_630)]
    with pytest.raises(ValueError, match="no days"):
        straight_line(1, FIRST, FIRST - timedelta(days=1))


@settings(deadline=None)
@given(
    fee=FEES, planned=st.integers(min_value=0, max_value=10**6),
    work=st.lists(st.integers(min_value=0, max_value=10**5), max_size=20),
)  # fmt: skip
def test_completion_recognises_the_fee_once(fee: int, planned: int, work: list[int]) -> None:
    """Period by period the differences sum to what is earned to date, never more than the fee."""
    done = recognised = 0
    for minutes in work:
        done += minutes
        recognised += earned_by_completion(fee, done, planned) - recognised
        assert 0 <= recognised <= fee
    if planned and done >= planned:
        assert recognised == fee
    if not planned:
        assert recognised == 0


def test_milestones_are_earned_when_completed() -> None:
    """The period of completion counts, not that of billing."""
    steps = [(date(2026, 10, 30), 1_250_000), (date(2026, 11, 1), 750_000)]
    assert [earned_by_milestones(steps, one) for one in ("2026-09", "2026-10", "2026-11")] == [
        0,
        1_250_000,
        2_000_000,
    ]


def opened(project: str, minor: int, group_by: str, contract_id: str = "K-1", **more: object) -> Open:
    """A project with something unbilled."""
    terms = contract(line("time"), document_id=contract_id, group_by=group_by)
    fields: dict[str, Any] = {"unbilled_minor": minor, "documents": int(minor != 0), **more}
    return Open(
        project=made("project", document_id=project, contract_id=contract_id), contract=terms, **fields
    )


@pytest.mark.parametrize(("group_by", "count"), [("project", 3), ("contract", 2), ("customer", 1)])
def test_invoices_are_grouped_as_the_contract_says(group_by: str, count: int) -> None:
    """Two projects of one contract and one of another: three, two or one invoice; the money is the same."""
    rows = [opened("P-1", 100, group_by), opened("P-2", 50, group_by), opened("P-3", 7, group_by, "K-2")]
    for order in (rows, rows[::-1]):
        found = bills(order, "2026-10")
        assert len(found) == count
        assert sum(one.unbilled_minor for one in found) == 157
        assert [one.blockers for one in found] == [()] * count


def test_why_nothing_is_billed() -> None:
    """Nothing there, more taken back than done, or an earlier bill still under way: each in words."""
    (nothing,) = bills([opened("P-1", 0, "project")], "2026-10")
    (minus,) = bills([opened("P-1", -5, "project")], "2026-10")
    (busy,) = bills([opened("P-1", 5, "project", under_way="BE-1")], "2026-10")
    assert "nothing is unbilled for 2026-10" in nothing.blockers[0]
    assert "corrections outweigh" in minus.blockers[0]
    assert "billing event BE-1 of project P-1 is not settled yet" in busy.blockers[0]
    assert (event_id("UK01", "2026-10", "P-1", 1), event_id("UK01", "2026-10", "P-1", 2)) == (
        "BE-UK01-2026-10-P-1",
        "BE-UK01-2026-10-P-1-2",
    )
