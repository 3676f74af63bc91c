"""Accruals: what an ERP does not hold yet, once, with its exact reversal on the next period's first day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.examples import example
from router.canonical.kinds import parse
from router.canonical.masters import Contract
from router.canonical.money import Money
from router.finance.accruals import Run, Unposted, accruals, covered_by, revenue_of

RUN = Run(legal_entity="UK01", period="2026-10", last=date(2026, 10, 31), then=date(2026, 11, 1))


def made(kind: str, **fields: Any) -> Any:
    """The example of a kind with other fields."""
    return parse(example(kind).model_dump(mode="json", exclude_none=True) | fields)


def unposted(*names: str, project: str = "P-100", minutes: int = 440) -> list[Unposted]:
    """Time entries on their way."""
    rows = [made("time_entry", document_id=one, project_id=project, minutes=minutes) for one in names]
    return [Unposted(one, one.money) for one in rows]


def test_the_entry_by_hand() -> None:
    """7 h 20 min at 150.00 is 1,100.00 for each entry: Dr accrued revenue 2,200.00, Cr revenue twice."""
    ((entry, reversal),) = accruals(RUN, unposted("TE-1", "TE-2"), [], {})
    assert (entry.document_id, entry.accounting_date) == ("AC-UK01-2026-10-P-100.1", RUN.last)
    assert [(line.account, line.amount.minor, line.text) for line in entry.lines[1:]] == [
        ("REVENUE", -110000, "time_entry TE-1"), ("REVENUE", -110000, "time_entry TE-2"),
    ]  # fmt: skip
    assert (entry.lines[0].account, entry.lines[0].amount.minor) == ("ACCRUED_REVENUE", 220000)
    assert (reversal.document_id, reversal.accounting_date) == ("AC-UK01-2026-10-P-100.1R", RUN.then)
    assert reversal.reverses == entry.document_id
    assert [line.amount for line in reversal.lines] == [-line.amount for line in entry.lines]
    assert parse(entry.model_dump(mode="json")) == entry
    assert covered_by(entry) == (("time_entry", "TE-1"), ("time_entry", "TE-2"))
    assert covered_by(reversal) == ()


def test_a_second_run_covers_only_what_is_new() -> None:
    """Nothing twice: the first run's lines say what it covered; the next entry of the project has the next number."""
    first = [entry for entry, _ in accruals(RUN, unposted("TE-1"), [], {})]
    assert accruals(RUN, unposted("TE-1"), first, {}) == []
    ((entry, _),) = accruals(RUN, unposted("TE-1", "TE-2"), first, {})
    assert (entry.document_id, covered_by(entry)) == ("AC-UK01-2026-10-P-100.2", (("time_entry", "TE-2"),))


names = st.lists(st.integers(0, 400), unique=True, max_size=400)


@settings(max_examples=25, deadline=None)
@given(once=names, more=names)
def test_runs_cover_everything_once_and_reverse_to_nothing(once: list[int], more: list[int]) -> None:
    """However a period's work is spread over runs and projects, each document is in one entry."""

    def rows(numbers: list[int]) -> list[Unposted]:
        return [one for at in numbers for one in unposted(f"TE-{at}", project=f"P-{at % 2}", minutes=at or 1)]

    first = accruals(RUN, rows(once), [], {})
    second = accruals(RUN, rows(sorted({*once, *more})), [entry for entry, _ in first], {})
    entries = [entry for entry, _ in first + second]
    found = [key for entry in entries for key in covered_by(entry)]
    worth = {one.key: one.worth.minor for one in rows(sorted({*once, *more})) if one.worth.minor}
    assert sorted(found) == sorted(worth)
    assert len({entry.document_id for entry in entries}) == len(entries)
    assert sum(entry.lines[0].amount.minor for entry in entries) == sum(worth.values())
    assert all(
        sum(a.amount.minor + b.amount.minor for a, b in zip(entry.lines, back.lines, strict=True)) == 0
        for entry, back in first + second
    )
    assert all(len(entry.lines) <= 200 for entry in entries)


DEFERRED = {
    "line": 1, "bills": "subscription", "description": "x", "tax_code": "GB-STD", "service_line": "CONSULTING",
    "fee": "1500.00", "revenue": "straight_line",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields", "minor"),
    [
        ("time_entry", {}, 110000),
        ("time_entry", {"billable": False}, None),
        ("time_entry", {"billable": False, "covered_by": "retainer"}, None),
        ("time_entry", {"minutes": -440}, -110000),
        ("expense_item", {}, 8420),
        ("expense_item", {"bill_amount": "92.62"}, 9262),
        ("expense_item", {"billable": False}, 0),
        ("milestone", {}, 1250000),
        ("charge", {}, 150000),
        ("payment", {}, None),
    ],
)
def test_what_a_document_will_earn(kind: str, fields: dict[str, Any], minor: int | None) -> None:
    """Billable work at its rate, expenses at what the customer pays, fees; nothing that is paid in advance."""
    found = revenue_of(made(kind, **fields), None)
    assert found == (None if minor is None else Money(minor, "GBP"))


def test_what_is_deferred_is_not_accrued() -> None:
    """A charge of a line whose revenue is recognised over time earns nothing on its arrival."""
    contract = made("contract", lines=[DEFERRED])
    assert isinstance(contract, Contract)
    assert revenue_of(made("charge"), contract) is None


def test_what_the_contract_does_not_bill_earns_nothing() -> None:
    """A contract for time only: its expenses are the firm's own."""
    contract = made("contract")
    assert revenue_of(made("expense_item"), contract) is None
    assert revenue_of(made("time_entry"), contract) == Money(110000, "GBP")
    assert revenue_of(made("time_entry"), made("contract", lines=[DEFERRED])) is None
