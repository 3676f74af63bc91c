"""Caps, retainers and the expense policy: nothing is billed twice, nothing beyond what was agreed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.canonical.masters import ContractLine
from router.canonical.money import Money, hours_value
from router.canonical.reference import ExpenseLimit
from router.canonical.work import ExpenseItem, TimeEntry
from router.finance.caps import cap_draw, minutes_within, split_expense, split_time
from router.finance.expenses import marked_up, needs_receipt, over_limit, passable, priced, within_policy
from router.finance.identity import LONGEST, beyond_id, derived
from router.finance.milestones import fee_draw, milestone_line, take_milestone
from router.finance.retainers import split_retainer
from tests.unit.finance_samples import entry, expense, line, made

RATES = st.integers(min_value=1, max_value=100_000)
MINUTES = st.integers(min_value=1, max_value=6_000)
ROOM = st.integers(min_value=-1_000, max_value=400_000)


@settings(deadline=None)
@given(rate=RATES, room=st.integers(min_value=1, max_value=10**7))
def test_the_minutes_that_fit_are_the_most_that_fit(rate: int, room: int) -> None:
    """One minute more would be worth more than the room."""
    most = minutes_within(rate, room)
    assert hours_value(most, Money(rate, "GBP")).minor <= room
    assert hours_value(most + 1, Money(rate, "GBP")).minor > room


@settings(deadline=None)
@given(
    entries=st.lists(st.tuples(MINUTES, RATES), min_size=1, max_size=12),
    cap=st.integers(min_value=0, max_value=500_000),
    data=st.data(),
)
def test_a_cap_is_never_exceeded_in_any_order(
    entries: list[tuple[int, int]], cap: int, data: st.DataObject
) -> None:
    """Whatever comes first: what is billable stays within the cap, and every minute is kept once."""
    used = 0
    for at, (minutes, rate) in enumerate(data.draw(st.permutations(entries))):
        whole = entry(minutes, rate, f"TE-{at}")
        found = split_time(whole, cap - used)
        used += found.drawn_minor
        parts = [part for part in (found.within, found.beyond) if isinstance(part, TimeEntry)]
        assert sum(part.minutes for part in parts) == minutes
        assert all(part.minutes for part in parts)
        assert sum(part.money.minor for part in parts if part.billable) == found.drawn_minor
        assert used <= cap


def test_an_entry_that_crosses_a_cap_is_split_by_the_minute() -> None:
    """440 minutes at 150.00 under 1000.00: 400 are worth exactly that, 40 are for nothing."""
    found = split_time(entry(440), 100_000)
    assert isinstance(found.within, TimeEntry)
    assert isinstance(found.beyond, TimeEntry)
    assert (found.within.document_id, found.within.minutes, found.within.money.minor) == (
        "TE-1",
        400,
        100_000,
    )
    assert (found.beyond.document_id, found.beyond.minutes, found.beyond.part_of) == (
        "TE-1.beyond",
        40,
        "TE-1",
    )
    assert (found.beyond.billable, found.beyond.money.minor, found.drawn_minor) == (False, 0, 100_000)


def test_an_entry_without_room_keeps_its_id_and_is_not_billable() -> None:
    """Nothing fits: one document, not an empty one and a whole one."""
    found = split_time(entry(440), 0)
    assert isinstance(found.within, TimeEntry)
    assert (found.within.minutes, found.within.billable, found.beyond, found.drawn_minor) == (
        440,
        False,
        None,
        0,
    )


@settings(deadline=None)
@given(minutes=MINUTES, rate=RATES, room=ROOM)
def test_a_reversal_gives_back_what_its_original_drew(minutes: int, rate: int, room: int) -> None:
    """An entry and the reversal of its billable part leave a cap as it was."""
    taken = split_time(entry(minutes, rate), room)
    assert isinstance(taken.within, TimeEntry)
    back = taken.within.model_copy(
        update={"document_id": "TE-1.r1", "minutes": -taken.within.minutes, "adjusts": "TE-1"}
    )
    assert split_time(back, room - taken.drawn_minor).drawn_minor == -taken.drawn_minor


@settings(deadline=None)
@given(
    items=st.lists(
        st.tuples(st.integers(min_value=1, max_value=90_000), st.integers(min_value=0, max_value=5_000)),
        min_size=1,
        max_size=10,
    ),
    cap=st.integers(min_value=0, max_value=200_000),
    data=st.data(),
)
def test_expenses_are_split_by_amount_and_their_cost_stays_whole(
    items: list[tuple[int, int]], cap: int, data: st.DataObject
) -> None:
    """With or without mark-up: what is billed stays within the cap, costs sum to the whole."""
    used = 0
    for at, (cost, markup) in enumerate(data.draw(st.permutations(items))):
        found = split_expense(
            expense(cost, billed_minor=marked_up(cost, markup), name=f"EX-{at}"), cap - used
        )
        used += found.drawn_minor
        parts = [part for part in (found.within, found.beyond) if isinstance(part, ExpenseItem)]
        assert sum(part.amount.minor for part in parts) == cost
        assert all(part.amount.minor for part in parts)
        assert sum(part.billed.minor for part in parts) == found.drawn_minor
        assert used <= cap


@settings(deadline=None)
@given(
    entries=st.lists(st.tuples(MINUTES, RATES), min_size=1, max_size=12),
    fees=st.integers(min_value=0, max_value=500_000),
)
def test_a_retainer_covers_what_was_paid_and_the_rest_is_billed(
    entries: list[tuple[int, int]], fees: int
) -> None:
    """Covered and overage are the whole entry; covered never exceeds the fees; overage keeps its rate."""
    used = 0
    for at, (minutes, rate) in enumerate(entries):
        found = split_retainer(entry(minutes, rate, f"TE-{at}"), fees - used)
        used += found.drawn_minor
        parts = [part for part in (found.within, found.beyond) if isinstance(part, TimeEntry)]
        assert sum(part.minutes for part in parts) == minutes
        assert all(
            part.billable == (part.covered_by is None) and part.bill_rate.minor == rate for part in parts
        )
        assert sum(part.money.minor for part in parts if part.covered_by) == found.drawn_minor
        assert used <= fees


def test_a_correction_of_covered_time_refills_the_retainer_and_of_overage_does_not() -> None:
    """Each half of a split entry goes back to where it came from."""
    found = split_retainer(entry(440), 100_000)
    assert isinstance(found.within, TimeEntry)
    assert isinstance(found.beyond, TimeEntry)
    covered = found.within.model_copy(update={"minutes": -400, "adjusts": "TE-1"})
    overage = found.beyond.model_copy(update={"minutes": -40, "adjusts": "TE-1.beyond"})
    assert (split_retainer(covered, 0).drawn_minor, split_retainer(overage, 0).drawn_minor) == (-100_000, 0)


@pytest.mark.parametrize(
    ("category", "cost", "billed", "rest"),
    [("MEALS", 15_000, 12_000, 3_000), ("MEALS", 12_000, 12_000, 0), ("TRAVEL", 15_000, 15_000, 0)],
)
def test_policy_passes_on_so_much_of_an_item(category: str, cost: int, billed: int, rest: int) -> None:
    """Meals up to 120.00 an item; what is over it is the firm's, as a document of its own."""
    limits = {"MEALS": ExpenseLimit(most=Decimal(120), receipt_above=Decimal(25))}
    item = expense(cost, category=category)
    if not over_limit(item, limits.get(category)):
        assert rest == 0
        return
    found = within_policy(limits[category], capped=False)(item, 0)
    assert isinstance(found.within, ExpenseItem)
    assert isinstance(found.beyond, ExpenseItem)
    assert (found.within.billed.minor, found.beyond.amount.minor) == (billed, rest)
    assert not found.beyond.billable


@settings(deadline=None)
@given(
    cost=st.integers(min_value=1, max_value=60_000),
    room=ROOM,
    markup=st.integers(min_value=0, max_value=3_000),
)
@example(cost=12_975, room=12_975, markup=812)
def test_policy_and_cap_together_keep_the_cost_whole(cost: int, room: int, markup: int) -> None:
    """Mark-up on what policy passes, then the cap: one rest, all of the cost, within the room."""
    limit = ExpenseLimit(most=Decimal(120))
    item = priced(expense(cost, category="MEALS"), line("expenses", markup_basis_points=markup))
    if not over_limit(item, limit):
        return
    found = within_policy(limit, capped=True, markup=markup)(item, room)
    parts = [part for part in (found.within, found.beyond) if isinstance(part, ExpenseItem)]
    assert sum(part.amount.minor for part in parts) == cost
    assert sum(part.billed.minor for part in parts) == found.drawn_minor <= max(room, 0)
    assert found.drawn_minor <= marked_up(12_000, markup)


def test_a_category_that_is_not_passed_on_is_the_firms_and_some_need_a_receipt() -> None:
    """Entertainment is never billed; a meal over 25.00 needs a receipt."""
    assert not passable(expense(100), ExpenseLimit(billable=False)).billable
    limit = ExpenseLimit(receipt_above=Decimal(25))
    assert [needs_receipt(Money(minor, "GBP"), limit) for minor in (2_500, 2_501)] == [False, True]
    assert not needs_receipt(Money(9_999, "GBP"), None)


def test_a_price_an_expense_came_with_stays() -> None:
    """The mark-up of the contract is for items that bring no price."""
    terms = line("expenses", markup_basis_points=1_250)
    assert priced(expense(8_420), terms).billed.minor == 9_473  # 84.20 x 1.125 = 94.725
    assert priced(expense(8_420, billed_minor=9_000), terms).billed.minor == 9_000


def test_milestones_beyond_the_fee_are_parked_with_words() -> None:
    """All or nothing: half a step can't be billed."""
    draw = fee_draw("K-100", line("milestones", fee=2_000_000))
    assert draw is not None
    assert (draw.register, draw.bound_minor) == ("fee:K-100/1", 2_000_000)
    first = take_milestone(made("milestone"), 2_000_000)
    assert (first.drawn_minor, first.problem) == (1_250_000, "")
    second = take_milestone(made("milestone", document_id="MS-2"), 750_000)
    assert (second.drawn_minor, second.problem_code) == (0, "fee-exceeded")
    assert "12500.00 GBP, line 1 of contract K-100 has 7500.00 left" in second.problem


def test_a_milestone_finds_its_line_by_name_then_by_amount() -> None:
    """A contract with several fees: each milestone draws on its own."""
    lines: tuple[ContractLine, ...] = (
        line("milestones", 1, description="Design", fee=100_000),
        line("milestones", 2, description="Build", fee=200_000),
    )
    found = [
        milestone_line(lines, name, amount)
        for name, amount in (("Build", "1.00"), ("X", "2000.00"), ("X", "3.00"))
    ]
    assert [one.line for one in found if one] == [2, 2, 1]


def test_derived_ids_fit_and_differ() -> None:
    """An id of 64 characters still has a rest of its own, and two long ids never the same."""
    long = ["T" * 63 + end for end in "AB"]
    found = [beyond_id(one) for one in long]
    assert all(len(one) <= LONGEST and one.endswith(".beyond") for one in found)
    assert len({*found}) == 2
    assert derived("TE-1", ".beyond") == "TE-1.beyond"


def test_a_line_without_a_cap_draws_on_nothing() -> None:
    """Only time and expenses are capped."""
    assert cap_draw("K", line("time")) is None
    capped: Any = cap_draw("K", line("time", cap=5_000))
    assert (capped.register, capped.bound_minor, capped.currency) == ("cap:K/1", 5_000, "GBP")
