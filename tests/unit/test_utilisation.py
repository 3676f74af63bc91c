"""Utilisation and backlog: capacity by working days, time by dimension, and what is left to do."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.examples import example
from router.canonical.kinds import parse
from router.canonical.masters import Assignment, Contract, Resource
from router.canonical.money import Money
from router.canonical.work import TimeEntry
from router.finance.utilisation import (
    capacity,
    contract_value,
    planned_left,
    utilisation,
    working_days,
)

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
SPANS = {"UK01": (FIRST, LAST), "DE01": (FIRST, LAST)}


def made(kind: str, **fields: Any) -> Any:
    """The example of a kind with other fields."""
    return parse(example(kind).model_dump(mode="json", exclude_none=True) | fields)


@settings(max_examples=100, deadline=None)
@given(first=st.dates(date(2020, 1, 1), date(2030, 1, 1)), length=st.integers(-5, 800))
def test_working_days_are_counted_one_by_one(first: date, length: int) -> None:
    """The quick count is the slow count."""
    last = first + timedelta(days=length)
    slow = sum((first + timedelta(days=at)).weekday() < 5 for at in range(length + 1))
    assert working_days(first, last) == slow


def test_capacity_by_hand() -> None:
    """October 2026 has 22 working days: 176 hours of 40 a week; less for who comes or leaves within it."""
    person: Resource = made("resource")
    assert capacity(person, FIRST, LAST) == 22 * 480
    assert capacity(made("resource", weekly_minutes=1851), FIRST, LAST) == Fraction(1851 * 22, 5)
    assert capacity(made("resource", hired_on="2026-10-19"), FIRST, LAST) == 10 * 480
    assert capacity(made("resource", left_on="2026-10-02"), FIRST, LAST) == 2 * 480
    assert capacity(made("resource", left_on="2026-09-30"), FIRST, LAST) == 0


def test_time_is_counted_by_every_dimension() -> None:
    """Billable is what the customer pays for, covered by a retainer or not; unknown people stand apart."""
    people = [
        made("resource"),
        made("resource", document_id="R-2", legal_entity="DE01", department="SUPPORT"),
    ]
    work: list[TimeEntry] = [
        made("time_entry", document_id="1", minutes=480),
        made("time_entry", document_id="2", minutes=240, billable=False),
        made("time_entry", document_id="3", minutes=60, billable=False, covered_by="retainer"),
        made("time_entry", document_id="4", minutes=100, resource_id="R-2", practice="CLOUD"),
        made("time_entry", document_id="5", minutes=50, work_date="2026-09-30"),
        made("time_entry", document_id="6", minutes=30, resource_id="R-9"),
    ]
    found = utilisation(people, work, SPANS)
    assert found.people["R-100"].shown() == {
        "minutes": 780, "billable_minutes": 540, "capacity_minutes": 10560, "utilisation_basis_points": 511,
    }  # fmt: skip
    assert {name: one.minutes for name, one in found.departments.items()} == {"DELIVERY": 780, "SUPPORT": 100}
    assert {name: one.minutes for name, one in found.practices.items()} == {"ADVISORY": 780, "CLOUD": 100}
    assert {name: one.minutes for name, one in found.entities.items()} == {"UK01": 780, "DE01": 100}
    assert "capacity_minutes" not in found.practices["CLOUD"].shown()
    assert found.unknown["R-9"].minutes == 30


def line(number: int, bills: str, **fields: Any) -> dict[str, Any]:
    """A line of a contract."""
    return {
        "line": number, "bills": bills, "description": "x", "tax_code": "GB-STD", "service_line": "CONSULTING", **fields,
    }  # fmt: skip


def test_the_value_of_a_contract_by_hand() -> None:
    """A fee, a cap, and two months and 15 of 31 days at 1,000.00: 12,500 + 8,000 + 2,483.87."""
    contract: Contract = made(
        "contract",
        starts="2026-10-01",
        ends="2027-03-31",
        lines=[
            line(1, "milestones", fee="12500.00"),
            line(2, "time", cap="8000.00"),
            line(3, "retainer", fee="1000.00", starts="2026-10-01", ends="2026-12-15"),
        ],
    )
    assert contract_value(contract) == Money(1250000 + 800000 + 248387, "GBP")
    assert contract_value(made("contract")) is None, "time without a cap has no value agreed"
    assert contract_value(made("contract", lines=[line(1, "subscription", fee="10.00")])) is None


def test_what_is_planned_and_not_worked() -> None:
    """Several assignments of one person add up; overworked ones leave nothing, and take from nobody."""
    plans: list[Assignment] = [
        made("assignment", minutes=600),
        made("assignment", document_id="AS-2", minutes=300),
        made("assignment", document_id="AS-3", minutes=100, resource_id="R-2"),
    ]
    assert planned_left(plans, {("P-100", "R-100"): 700, ("P-100", "R-2"): 900}) == {"P-100": 200}
