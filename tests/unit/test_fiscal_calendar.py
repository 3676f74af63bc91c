"""Fiscal calendars: every day lies in exactly one period, and the periods follow each other without a gap."""

from __future__ import annotations

from datetime import date, timedelta

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.examples import example
from router.canonical.kinds import parse
from router.canonical.reference import FiscalCalendar
from router.errors import BadInput
from router.finance.calendar import (
    following,
    is_adjustment,
    may_enter,
    period_named,
    period_on,
    periods_between,
)

MONTHLY = FiscalCalendar()
days = st.dates(min_value=date(1995, 1, 1), max_value=date(2090, 12, 31))
weekly = days.map(lambda day: FiscalCalendar(periods="4-4-5", year_starts=day))
calendars = st.one_of(st.just(MONTHLY), weekly)


@settings(max_examples=200, deadline=None)
@given(calendar=calendars, on=days)
@hypothesis.example(
    calendar=FiscalCalendar(periods="4-4-5", year_starts=date(2000, 7, 1)), on=date(2001, 1, 1)
)
def test_a_day_lies_in_one_period_that_the_next_one_follows_at_once(
    calendar: FiscalCalendar, on: date
) -> None:
    """Periods tile the calendar: no day is in none or two, and a name leads back to its period."""
    period = period_on(calendar, on)
    assert on in period
    after = following(calendar, period)
    assert after.first == period.last + timedelta(days=1)
    assert after.name > period.name
    assert period_named(calendar, period.name) == period
    assert period_on(calendar, period.first) == period == period_on(calendar, period.last)


@settings(max_examples=100, deadline=None)
@given(calendar=weekly, on=days)
def test_a_year_of_weeks_has_52_or_53(calendar: FiscalCalendar, on: date) -> None:
    """Twelve periods of four, four and five weeks; only the last may have six; all start on one weekday."""
    assert calendar.year_starts is not None
    year = period_on(calendar, on).name[:4]
    periods = [period_named(calendar, f"{year}-{number:02d}") for number in range(1, 13)]
    weeks = [((one.last - one.first).days + 1) // 7 for one in periods]
    assert weeks[:11] == [4, 4, 5, 4, 4, 5, 4, 4, 5, 4, 4]
    assert weeks[11] in (5, 6)
    assert {one.first.weekday() for one in periods} == {calendar.year_starts.weekday()}
    assert period_on(calendar, calendar.year_starts).first == calendar.year_starts


def test_a_retail_year_by_hand() -> None:
    """The year from Sunday 2026-02-01: 52 weeks; fiscal 2028 begins 2028-01-30 and has 53."""
    calendar = FiscalCalendar(periods="4-4-5", year_starts=date(2026, 2, 1))
    assert period_on(calendar, date(2026, 2, 28)).name == "2026-01"
    assert period_on(calendar, date(2026, 3, 1)).name == "2026-02"
    assert period_on(calendar, date(2026, 1, 31)).name == "2025-12"
    last = period_named(calendar, "2028-12")
    assert (last.first, last.last) == (date(2028, 12, 24), date(2029, 2, 3))
    assert period_named(calendar, "2026-12").last == date(2027, 1, 30)


def test_periods_between_two_days_are_those_that_hold_any_of_them() -> None:
    """From the last day of a month to the first of the one after next: three months."""
    found = [one.name for one in periods_between(MONTHLY, date(2026, 12, 31), date(2027, 2, 1))]
    assert found == ["2026-12", "2027-01", "2027-02"]


@pytest.mark.parametrize("name", ["2026-13", "2026-00", "26-10", "2026-1", "2026/10", "", "２０２６-10"])
def test_what_is_no_name_of_a_period_is_refused(name: str) -> None:
    """The refusal names the field and shows how one looks."""
    with pytest.raises(BadInput, match=r"period: .* is no fiscal period"):
        period_named(MONTHLY, name)


def test_a_soft_closed_period_takes_corrections_with_a_reason_only() -> None:
    """Nothing enters a closed one; a soft-closed one takes adjustments, reversals and entries that say why."""
    entry = example("time_entry")
    fix = entry.model_copy(update={"adjusts": "TE-1", "minutes": -60})
    silent = example("journal_entry").model_copy(update={"text": ""})
    assert [is_adjustment(one) for one in (entry, fix, example("journal_entry"), silent)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert is_adjustment(example("credit_memo"))
    assert is_adjustment(example("write_off"))
    assert not is_adjustment(parse(example("credit_memo").model_dump(mode="json") | {"reason": ""}))
    assert may_enter(entry, "open")
    assert not may_enter(entry, "soft_closed")
    assert may_enter(fix, "soft_closed")
    assert not may_enter(fix, "closed")
