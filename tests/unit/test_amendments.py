"""Versions of contracts, reversals and credits: the same whatever the order, and nothing left over."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.billing import CreditMemo, Invoice
from router.canonical.examples import example
from router.canonical.masters import Contract
from router.canonical.money import Money
from router.canonical.reference import TaxCode
from router.canonical.work import ChangeOrder, ExpenseItem, TimeEntry
from router.errors import BadInput
from router.finance.amendments import agreement, standing
from router.finance.caps import split_time
from router.finance.credits import credit_of, open_of, rebill_of
from router.finance.reversal import (
    Work,
    changed,
    history,
    repost,
    reversals,
    root_of_version,
    version_id,
)


def signed() -> Contract:
    """The example contract."""
    found = example("contract")
    assert isinstance(found, Contract)
    return found


SIGNED = signed()
START = date(2026, 10, 1)
TAXES = {"GB-STD": TaxCode(name="Standard", basis_points=2_000), "T0": TaxCode(name="None", basis_points=0)}


def order(version: int, effective: date, cap: int, ends: date | None = None) -> ChangeOrder:
    """A version of the contract with a cap."""
    found = example("change_order")
    assert isinstance(found, ChangeOrder)
    line = found.lines[0].model_copy(update={"cap": Money(cap, "GBP")})
    return found.model_copy(
        update={
            "document_id": f"CO-{version}", "contract_version": version, "effective": effective,
            "lines": (line,), "ends": ends,
        }
    )  # fmt: skip


days = st.integers(0, 400).map(lambda count: START + timedelta(days=count))
chains = st.lists(st.tuples(days, st.integers(1, 10**7), st.none() | days), min_size=1, max_size=6)


@settings(deadline=None, max_examples=200)
@given(chain=chains, data=st.data())
def test_terms_do_not_depend_on_the_order_of_arrival(
    chain: list[tuple[date, int, date | None]], data: st.DataObject
) -> None:
    """Every permutation gives the same lines on every day; a later version rules a day it is in effect on."""
    orders = [order(at, *row) for at, row in enumerate(chain, 2)]
    straight = agreement([SIGNED], orders)
    mixed = agreement([SIGNED], data.draw(st.permutations(orders)))
    assert straight == mixed
    day = data.draw(days)
    ruling = [one for one in orders if one.effective <= day]
    found = straight.on(day)
    if not ruling:
        assert (found.contract_version, found.lines) == (1, SIGNED.lines)
        return
    newest = ruling[-1]
    assert (found.contract_version, found.lines) == (newest.contract_version, newest.lines)
    stated = [one.ends for one in orders[: newest.contract_version - 1] if one.ends is not None]
    assert found.ends == (stated[-1] if stated else SIGNED.ends)


def test_a_contract_sent_again_restates_its_version() -> None:
    """As its change order's version it keeps that order's day; as one of its own it begins on its accounting date."""
    changed_terms = order(2, date(2026, 12, 1), 100)
    line = SIGNED.lines[0].model_copy(update={"cap": Money(200, "GBP")})
    restated = SIGNED.model_copy(update={"contract_version": 2, "lines": (line,), "purchase_order": "PO 7"})
    found = agreement([SIGNED, restated], [changed_terms])
    assert [str(found.on(date(2026, month, 1)).lines[0].cap) for month in (11, 12)] == ["None", "2.00"]
    assert (found.on(date(2026, 11, 30)).purchase_order, found.newest.purchase_order) == (None, "PO 7")
    amended = restated.model_copy(update={"contract_version": 3, "accounting_date": date(2027, 1, 1)})
    later = agreement([SIGNED, amended], [changed_terms])
    caps = [str(later.on(day).lines[0].cap) for day in (date(2026, 12, 31), date(2027, 1, 1))]
    assert caps == ["1.00", "2.00"]


@pytest.mark.parametrize(
    ("version", "stands", "said"), [(3, 2, "follows"), (4, 2, "waits"), (2, 2, "stands"), (1, 2, "stale")]
)
def test_where_a_version_stands(version: int, stands: int, said: str) -> None:
    """The next one follows, one after a gap waits, an earlier one is stale."""
    assert standing(version, stands) == said


def entry(**fields: object) -> TimeEntry:
    """The example entry with other fields."""
    found = example("time_entry")
    assert isinstance(found, TimeEntry)
    return found.model_copy(update=fields)


def on(found: list[Work]) -> dict[str, date]:
    """Every document on its own accounting date."""
    return {one.document_id: one.accounting_date for one in found}


minutes = st.integers(1, 1_440)


@settings(deadline=None, max_examples=200)
@given(
    first=minutes,
    edits=st.lists(st.none() | minutes, max_size=5),
    rate=st.integers(1, 50_000),
    room=st.integers(0, 200_000),
)
def test_whatever_was_changed_how_often_the_books_hold_the_last_word(
    first: int, edits: list[int | None], rate: int, room: int
) -> None:
    """All that was ever made of a row is worth, and lasts, what its newest version is: nothing is left over."""
    price = Money(rate, "GBP")
    made: list[Work] = []

    def post(document: TimeEntry) -> None:
        split = split_time(document, room)
        made.extend(one for one in (split.within, split.beyond) if isinstance(one, TimeEntry))

    post(entry(minutes=first, bill_rate=price))
    newest: int | None = first
    for edit in edits:
        if newest is None:
            break
        found = history("TE-100", made)
        assert sum(one.minutes for one in found.standing if isinstance(one, TimeEntry)) == newest
        assert version_id(found) == found.standing[0].document_id
        back = reversals(found, on=on(made))
        new = repost(found, entry(minutes=edit, bill_rate=price)) if edit is not None else None
        made.extend(back)
        if isinstance(new, TimeEntry):
            assert new.adjusts == "TE-100"
            post(new)
        newest = edit
    standing_now = history("TE-100", made).standing
    assert sum(one.money.minor for one in made) == sum(one.money.minor for one in standing_now)
    assert sum(one.minutes for one in made if isinstance(one, TimeEntry)) == (newest or 0)
    assert len({one.document_id for one in made}) == len(made)
    named = {one.document_id for one in made}
    assert all(one.adjusts in named for one in made if one.adjusts)


def test_an_expense_is_taken_back_with_its_mark_up() -> None:
    """Cost and price are both negated, parts one by one, under ids that tell what they take back."""
    item = example("expense_item")
    assert isinstance(item, ExpenseItem)
    sold = item.model_copy(update={"bill_amount": Money(9_262, "GBP")})
    rest = item.model_copy(update={"document_id": "EX-100.beyond", "part_of": "EX-100", "billable": False})
    found = history("EX-100", [sold, rest])
    back = reversals(found, on=on([sold, rest]))
    assert [(one.document_id, one.adjusts) for one in back] == [
        ("EX-100.r1", "EX-100"), ("EX-100.r1.beyond", "EX-100.beyond"),
    ]  # fmt: skip
    assert [one.money.minor for one in back] == [-8_420, -8_420]
    assert isinstance(back[0], ExpenseItem)
    assert back[0].billed.minor == -9_262
    assert history("EX-100", [sold, rest, *back]).standing == ()


def test_only_what_the_source_states_is_a_change() -> None:
    """Amounts compare by value; rates, dimensions and notes of today are no reason to correct."""
    before = {"minutes": 60, "billable": True, "notes": "a", "bill_rate": "100.00"}
    assert changed("time_entry", before, {**before, "notes": "b", "bill_rate": "120.00"}) == ()
    assert changed("time_entry", before, {**before, "minutes": 61}) == ("minutes",)
    assert changed("expense_item", {"amount": "10.0"}, {"amount": "10.00"}) == ()
    assert changed("expense_item", {"amount": "10.00"}, {"amount": "10.01"}) == ("amount",)


def test_ids_of_others_are_not_taken_for_parts() -> None:
    """`TE-10` has nothing to do with `TE-1`; only a re-post has a version."""
    found = history(
        "TE-1", [entry(document_id="TE-1"), entry(document_id="TE-10"), entry(document_id="TE-1.x.y")]
    )
    assert [one.document_id for one in found.standing] == ["TE-1"]
    assert root_of_version("TE-1.v3") == ("TE-1", 3)
    assert [root_of_version(one) for one in ("TE-1", "TE-1.r2", "TE-1.v3.beyond", "TE-1.v0")] == [None] * 4


def invoice(**fields: object) -> Invoice:
    """The example invoice: 1100.00 net, 220.00 tax."""
    found = example("invoice")
    assert isinstance(found, Invoice)
    return found.model_copy(update=fields)


def test_a_credit_takes_back_every_line_and_the_rate() -> None:
    """Same lines, same totals, same exchange rate; nothing is open after it."""
    memo = credit_of(invoice(), reason="wrong", on=date(2026, 11, 2))
    assert isinstance(memo, CreditMemo)
    assert (memo.lines, memo.total, memo.exchange_rate) == (
        invoice().lines, invoice().total, invoice().exchange_rate,
    )  # fmt: skip
    assert open_of(invoice(), [memo]).minor == 0
    assert open_of(invoice(), [example("payment")]).minor == 0
    assert open_of(invoice(), [example("write_off")]).minor == 130_000


@settings(deadline=None, max_examples=100)
@given(nets=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8))
def test_a_re_billed_invoice_adds_up(nets: list[int]) -> None:
    """Net and total tie to the lines; each line's tax is a fifth of it, half up; terms run from its own date.

    Lines that make less than nothing are no invoice.
    """
    lines = [
        {"line": at, "net": str(Money(net, "GBP")), "tax_code": "GB-STD", "description": "Work"}
        for at, net in enumerate(nets, 1)
    ]
    taxes = [(abs(net) * 2 + 5) // 10 * (1 if net >= 0 else -1) for net in nets]
    if sum(nets) < 0 or sum(nets) + sum(taxes) < 0:
        with pytest.raises(BadInput, match="lines: they make"):
            rebill_of(invoice(), lines, taxes=TAXES, on=date(2026, 11, 2))
        return
    again = rebill_of(invoice(), lines, taxes=TAXES, on=date(2026, 11, 2))
    assert again.net.minor == sum(nets)
    assert [line.tax.minor for line in again.lines] == taxes
    assert again.due_date - again.accounting_date == invoice().due_date - invoice().accounting_date


def test_a_corrected_line_keeps_what_it_does_not_say() -> None:
    """Only the net is given: description, code and dimensions stay; unchanged lines keep their tax to the penny."""
    odd = invoice().lines[0].model_copy(update={"tax": Money(22_001, "GBP"), "practice": "ADVISORY"})
    kept = invoice(lines=(odd,), tax=Money(22_001, "GBP"), total=Money(132_001, "GBP"))
    same = rebill_of(kept, [{"line": 1, "description": "Advice"}], taxes=TAXES, on=date(2026, 11, 2))
    assert (same.tax.minor, same.lines[0].description, same.lines[0].practice) == (
        22_001,
        "Advice",
        "ADVISORY",
    )
    less = rebill_of(kept, [{"net": "900.00"}], taxes=TAXES, on=date(2026, 11, 2))
    assert (less.tax.minor, less.lines[0].description) == (18_000, "Professional services")
    free = rebill_of(kept, [{"tax_code": "T0"}], taxes=TAXES, on=date(2026, 11, 2))
    assert (free.net.minor, free.tax.minor) == (110_000, 0)
    with pytest.raises(BadInput, match=r"lines\.1\.tax_code"):
        rebill_of(kept, [{"tax_code": "NO"}], taxes=TAXES, on=date(2026, 11, 2))
    nothing = rebill_of(kept, [{"net": "0.00"}], taxes=TAXES, on=date(2026, 11, 2))
    assert nothing.total.minor == 0
    with pytest.raises(BadInput, match=r"lines: they make -0\.01 net"):
        rebill_of(kept, [{"net": "-0.01"}], taxes=TAXES, on=date(2026, 11, 2))
    with pytest.raises(BadInput, match=r"lines\.2\.net"):
        rebill_of(kept, [{"line": 1}, {"line": 9, "tax_code": "T0"}], taxes=TAXES, on=date(2026, 11, 2))
