"""Payroll runs: every entry in exactly one, nothing lost at a cut-off, however late it is approved."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.finance.payroll import Approved, cut_off, pay, run_of

days = st.dates(min_value=date(2024, 1, 1), max_value=date(2028, 12, 31))
cut_offs = st.one_of(st.none(), st.integers(1, 31))


def runs_about(on: date) -> list[str]:
    """The runs of three years around a day."""
    return [f"{year:04d}-{month:02d}" for year in range(on.year - 1, on.year + 6) for month in range(1, 13)]


@pytest.mark.parametrize(
    ("work", "approved", "run"),
    [
        ((2026, 10, 12), (2026, 10, 25), "2026-10"),
        ((2026, 10, 12), (2026, 10, 26), "2026-11"),
        ((2026, 10, 30), (2026, 10, 30), "2026-11"),
        ((2026, 8, 3), (2026, 10, 20), "2026-10"),
        ((2026, 8, 3), (2026, 12, 26), "2027-01"),
        ((2026, 11, 2), (2026, 10, 28), "2026-11"),
        ((2027, 1, 4), (2026, 10, 28), "2027-01"),
    ],
)
def test_the_run_by_hand(work: tuple[int, int, int], approved: tuple[int, int, int], run: str) -> None:
    """Cut-off on the 25th: approved by then it is paid with its month, later with the next run."""
    assert run_of(date(*work), date(*approved), 25) == run


def test_a_month_without_the_cut_off_day_ends_with_its_last() -> None:
    """The 31st is the 28th in February; without a cut-off day a month is open to its end."""
    assert cut_off(date(2026, 2, 1), 31) == date(2026, 2, 28)
    assert run_of(date(2026, 2, 3), date(2026, 2, 28), 31) == "2026-02"
    assert run_of(date(2026, 2, 3), date(2026, 2, 28), None) == "2026-02"
    assert run_of(date(2026, 2, 3), date(2026, 3, 1), None) == "2026-03"


@settings(max_examples=200, deadline=None)
@given(work=days, approved=days, day=cut_offs)
def test_a_run_is_the_first_that_can_pay(work: date, approved: date, day: int | None) -> None:
    """No run pays before its month or after its cut-off, and no earlier run could have paid."""
    run = run_of(work, approved, day)
    month = date.fromisoformat(f"{run}-01")
    assert month >= work.replace(day=1)
    assert approved <= cut_off(month, day) or approved < month
    before = (month - timedelta(days=1)).replace(day=1)
    assert before < work.replace(day=1) or approved > cut_off(before, day)


entries = st.lists(
    st.tuples(st.sampled_from(["R-1", "R-2"]), days, st.integers(-600, 600), st.integers(0, 500)), max_size=20
)


@settings(max_examples=60, deadline=None)
@given(rows=entries, day=cut_offs, order=st.randoms(use_true_random=False))
def test_every_entry_is_in_exactly_one_run(
    rows: list[tuple[str, date, int, int]], day: int | None, order: object
) -> None:
    """The runs of all months together pay every entry once, whatever order they came in."""
    work = [
        Approved(
            document_id=f"TE-{at}",
            resource_id=who,
            work_date=on,
            minutes=minutes,
            approved_on=on + timedelta(days=late),
        )
        for at, (who, on, minutes, late) in enumerate(rows)
    ]
    shuffled = list(work)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    paid = [one for run in runs_about(date(2025, 1, 1)) for one in pay(run, shuffled, day)]
    assert sorted(name for one in paid for name in one.entries) == sorted(one.document_id for one in work)
    assert sum(one.minutes for one in paid) == sum(one.minutes for one in work)
    for one in paid:
        assert abs(one.late_minutes) <= sum(
            abs(row.minutes) for row in work if row.document_id in one.entries
        )
