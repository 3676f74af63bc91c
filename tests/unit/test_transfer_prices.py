"""Transfer prices: exact, rounded once, both legs alike, and nothing left when all is taken back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.examples import example
from router.canonical.kinds import parse
from router.canonical.ledger import JournalEntry
from router.canonical.masters import Resource
from router.canonical.money import Money
from router.canonical.reference import Intercompany
from router.canonical.work import ExpenseItem, TimeEntry
from router.finance.intercompany import (
    Side,
    amount,
    corrected,
    leg_ids,
    legs,
    markup,
    owed,
    price,
    taken_back,
)
from router.finance.matching import Held, Pair, Sent, match

UK = Side(legal_entity="UK01", region="EMEA")
US = Side(legal_entity="US01", region="AMER", exchange_rate=Decimal("1.3142"))
OCTOBER = date(2026, 10, 30)


def entry(name: str = "TE-1", minutes: int = 440, **fields: Any) -> TimeEntry:
    """A time entry on a project of US01."""
    data = example("time_entry").model_dump(mode="json") | {
        "document_id": name, "minutes": minutes, "legal_entity": "US01", "region": "AMER", **fields,
    }  # fmt: skip
    found = parse(data)
    assert isinstance(found, TimeEntry)
    return found


def person(*rates: tuple[str, str]) -> Resource:
    """A consultant of UK01 with cost rates from days on."""
    data = example("resource").model_dump(mode="json")
    found = parse(data | {"cost_rates": [{"hourly": hourly, "starts": starts} for hourly, starts in rates]})
    assert isinstance(found, Resource)
    return found


def charge(work: TimeEntry | ExpenseItem, charged: Money, reverses: str | None = None) -> tuple[Any, Any]:
    """Both legs of work of UK01 for US01."""
    return legs(
        work,
        charged=charged,
        provider=UK,
        receiver=US,
        resource=person(("70.00", "2026-01-01")),
        project=None,
        on=work.accounting_date,
        reverses=reverses,
    )


def test_the_price_by_hand() -> None:
    """7 h 20 min at 70.00 GBP plus 8%: 513.333… × 1.08 = 554.40; the pair's own mark-up wins."""
    terms = Intercompany(markup_basis_points=800, by_pair={"US01>UK01": 1000})
    assert [markup(terms, *pair) for pair in (("UK01", "US01"), ("US01", "UK01"))] == [800, 1000]
    assert price(440, Money(7000, "GBP"), 800) == Money(55440, "GBP")
    assert price(1, Money(7001, "GBP"), 0) == Money(117, "GBP"), "116.68 pence, half up once"
    assert price(50, Money(8100, "JPY"), 800) == Money(7290, "JPY")
    assert price(-440, Money(7000, "GBP"), 800) == Money(-55440, "GBP")


def test_the_cost_rate_is_the_one_of_the_work_date() -> None:
    """A raise from 1 October does not change what September costs."""
    raised = person(("60.00", "2026-01-01"), ("66.00", "2026-10-01"))
    assert amount(entry(work_date="2026-09-30", minutes=60), raised, 0) == Money(6000, "GBP")
    assert amount(entry(work_date="2026-10-01", minutes=60), raised, 0) == Money(6600, "GBP")


def test_both_legs_by_hand() -> None:
    """The provider has due what the receiver owes, in the provider's currency; only one has a rate."""
    mine, theirs = charge(entry(), Money(55440, "GBP"))
    assert (mine.document_id, theirs.document_id) == ("IC-TE-1.from", "IC-TE-1.to")
    assert [(line.account, line.amount.minor) for line in mine.lines] == [
        ("DUE_FROM", 55440), ("INTERCOMPANY_REVENUE", -55440),
    ]  # fmt: skip
    assert [(line.account, line.amount.minor) for line in theirs.lines] == [
        ("INTERCOMPANY_COST", 55440), ("DUE_TO", -55440),
    ]  # fmt: skip
    assert (mine.legal_entity, mine.counterparty, mine.project_id, mine.exchange_rate) == (
        "UK01", "US01", None, None,
    )  # fmt: skip
    assert (theirs.legal_entity, theirs.counterparty, theirs.project_id) == ("US01", "UK01", "P-100")
    assert (theirs.exchange_rate, theirs.currency) == (Decimal("1.3142"), "GBP")
    assert parse(theirs.model_dump(mode="json")) == theirs, "it is a document like any other"
    assert mine.ordering_key == "intercompany:UK01>US01"


def test_an_expense_moves_the_debt_to_the_employer_at_cost() -> None:
    """The project's books stop owing the employee and owe the employer; no cost is booked twice."""
    spent = example("expense_item")
    assert isinstance(spent, ExpenseItem)
    cost = amount(spent, person(("70.00", "2026-01-01")), 800)
    mine, theirs = charge(spent, cost)
    assert cost == Money(8420, "GBP")
    assert mine.document_id == "ICX-EX-100.from"
    assert {line.account: line.amount.minor for line in mine.lines} == {
        "DUE_FROM": 8420, "EMPLOYEE_PAYABLE": -8420,
    }  # fmt: skip
    assert {line.account: line.amount.minor for line in theirs.lines} == {
        "EMPLOYEE_PAYABLE": 8420, "DUE_TO": -8420,
    }  # fmt: skip


@pytest.mark.parametrize("length", [60, 64])
def test_long_ids_stay_apart_and_within_bounds(length: int) -> None:
    """Ids derived from the longest ids are valid, and differ where theirs differ."""
    one, other = "T" * (length - 1) + "1", "T" * (length - 1) + "2"
    found = [*leg_ids("time_entry", one), *leg_ids("time_entry", other), *leg_ids("expense_item", one)]
    assert len(set(found)) == len(found)
    assert max(len(name) for name in found) <= 64


@settings(max_examples=200, deadline=None)
@given(
    minutes=st.integers(1, 100_000),
    cost=st.integers(1, 10_000_000),
    basis_points=st.integers(0, 100_000),
)
def test_what_is_taken_back_is_what_was_charged(minutes: int, cost: int, basis_points: int) -> None:
    """The price is within half a minor unit of the exact one, and minus the whole is exactly minus it."""
    charged = price(minutes, Money(cost, "GBP"), basis_points)
    exact = Fraction(cost * minutes, 60) * (10_000 + basis_points) / 10_000
    assert abs(charged.minor - exact) <= Fraction(1, 2)
    assert taken_back(charged, part=-minutes, whole=minutes) == -charged
    assert corrected(entry(minutes=-minutes), whole=minutes, charged=charged) == -charged
    assert corrected(entry(minutes=minutes), whole=minutes, charged=charged) is None
    assert corrected(entry(minutes=-minutes), whole=minutes, charged=None) is None


@settings(max_examples=200, deadline=None)
@given(first=st.integers(1, 10_000), second=st.integers(1, 10_000), charged=st.integers(-(10**9), 10**9))
def test_parts_take_back_exactly_the_whole(first: int, second: int, charged: int) -> None:
    """An entry split at a cap is charged whole and corrected part by part: no penny is left, none too many goes."""
    whole, total = first + second, Money(charged, "GBP")
    one = taken_back(total, part=-first, whole=whole)
    other = taken_back(total, part=-second, whole=whole, before=first)
    assert one + other == -total
    assert abs(one.minor + Fraction(charged * first, whole)) <= Fraction(1, 2)


works = st.lists(st.integers(1, 10_000), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(minutes=works, order=st.randoms(use_true_random=False), back=st.integers(0, 12))
def test_intercompany_nets_to_zero_in_any_order(minutes: list[int], order: Any, back: int) -> None:
    """Due-from equals due-to for any order of legs and reversals, and all reversed leaves nothing."""
    rate = Money(7013, "GBP")
    made: list[JournalEntry] = []
    for at, worked in enumerate(minutes):
        charged = price(worked, rate, 800)
        made += charge(entry(f"TE-{at}", worked), charged)
        if at < back:
            fix = entry(f"TE-{at}R", -worked, adjusts=f"TE-{at}")
            gone = corrected(fix, whole=worked, charged=charged)
            assert gone is not None
            made += charge(fix, gone, reverses=f"TE-{at}")
    order.shuffle(made)
    sent = [Sent(entry=one, state="posted", system="erp") for one in made]
    held = [standing(one) for one in made]
    order.shuffle(held)
    (pair,) = match(sent, held, "2026-10", month)
    assert pair.status == "matched"
    assert pair.due_from_minor == pair.due_to_minor == pair.due_from_sent_minor == pair.due_to_sent_minor
    left = sum(price(worked, rate, 800).minor for at, worked in enumerate(minutes) if at >= back)
    assert pair.due_from_minor == left
    assert sum(line.amount.minor for one in made for line in one.lines) == 0
    assert all(
        one.reverses for one in made if owed(one).minor * (1 if one.counterparty == "US01" else -1) < 0
    )


def month(_entity: str, on: date) -> str:
    """Calendar months."""
    return f"{on:%Y-%m}"


def standing(one: JournalEntry, **changed: Any) -> Held:
    """A leg as its ERP holds it."""
    due = {
        name: sum(line.amount.minor for line in one.lines if line.account == name)
        for name in ("DUE_FROM", "DUE_TO")
    }
    fields: dict[str, Any] = {
        "system": "erp", "document_id": one.document_id, "number": "100", "legal_entity": one.legal_entity,
        "counterparty": one.counterparty or "", "on": one.accounting_date, "currency": one.currency,
        "due_from_minor": due["DUE_FROM"], "due_to_minor": due["DUE_TO"],
    }  # fmt: skip
    return Held(**(fields | changed))


@pytest.mark.parametrize(
    ("state", "changed", "cause", "status", "difference"),
    [
        ("queued", None, "in-flight", "pending", 55440),
        ("held", None, "in-flight", "pending", 55440),
        ("refused", None, "refused", "mismatch", 55440),
        ("posted", None, "missing", "mismatch", 55440),
        ("posted", {"due_to_minor": -50000}, "edited", "mismatch", 5440),
        ("posted", {"currency": "USD"}, "edited", "mismatch", 0),
        ("posted", {"on": date(2026, 11, 1)}, "other-period", "mismatch", 55440),
    ],
)
def test_a_leg_that_is_not_right_says_why(
    state: str, changed: dict[str, Any] | None, cause: str, status: str, difference: int
) -> None:
    """Each way a leg can go astray has its own word; one on its way is pending, not a mismatch."""
    mine, theirs = charge(entry(), Money(55440, "GBP"))
    sent = [Sent(entry=mine, state="posted", system="erp"), Sent(entry=theirs, state=state, system="erp")]
    held = [standing(mine)] + ([standing(theirs, **changed)] if changed is not None else [])
    (pair,) = match(sent, held, "2026-10", month)
    assert isinstance(pair, Pair)
    assert [(one.document_id, one.cause) for one in pair.wrong] == [("IC-TE-1.to", cause)]
    assert (pair.status, pair.difference_minor) == (status, difference)


def test_an_entry_by_hand_is_found_and_a_shadow_is_not_counted() -> None:
    """What carries none of our ids is somebody's own; of two copies only the authority's counts."""
    mine, theirs = charge(entry(), Money(55440, "GBP"))
    sent = [Sent(entry=one, state="posted", system="erp") for one in (mine, theirs)]
    copies = [standing(mine, system="new"), standing(theirs, system="new", due_to_minor=-1)]
    held = [standing(mine), standing(theirs), *copies]
    assert [pair.status for pair in match(sent, held, "2026-10", month)] == ["matched"]
    for name in ("", "SOMEBODYS-1"):
        stray = standing(mine, document_id=name, number="9001", due_from_minor=700)
        (pair,) = match(sent, [*held, stray], "2026-10", month)
        assert (pair.status, pair.difference_minor, pair.wrong[0].cause) == ("mismatch", 700, "by-hand")
        assert pair.wrong[0].document_id == (name or "9001")
    assert match(sent, held, "2026-09", month) == []
