"""Opening balances as rules: what is missing, what can't be posted, and a tie-out without tolerance."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.loading.opening import SUBLEDGER, entry, missing, problem_of, tie_out
from router.canonical.ledger import OPENING
from router.connectors.port import Balance
from router.model import SystemId

ACCOUNTS = ("CASH", "RECEIVABLES", "REVENUE", "TAX_PAYABLE", *SUBLEDGER)
OLD, NEW = SystemId("sap_ecc"), SystemId("netsuite")


def books(system: SystemId, minors: dict[str, int], entity: str = "UK01") -> list[Balance]:
    """A trial balance in pounds."""
    return [
        Balance(system=system, legal_entity=entity, account=account, currency="GBP", minor=minor)
        for account, minor in minors.items()
    ]


MINORS = st.dictionaries(st.sampled_from(ACCOUNTS[:4]), st.integers(-(10**11), 10**11), max_size=4)


@settings(deadline=None, max_examples=150)
@given(old=MINORS, new=MINORS, progress=st.integers(-(10**9), 10**9))
def test_old_less_new_is_what_is_missing(old: dict[str, int], new: dict[str, int], progress: int) -> None:
    """Posted on top of the new books, what is missing makes them the old ones; and then nothing is missing."""
    left = books(OLD, {**old, "WORK_IN_PROGRESS": progress})
    lacking = missing(left, books(NEW, new)).get(("UK01", "GBP"), {})
    after = dict(new)
    for account, minor in lacking.items():
        after[account] = after.get(account, 0) + minor
    assert missing(left, books(NEW, after)) == {}
    gate, _ = tie_out(left, books(NEW, after))
    assert gate.verdict == ("pass" if {**old, **after} else "inconclusive")


def test_a_minor_unit_off_fails_the_tie_out() -> None:
    """On any account but those that work itself posts, which are shown and decide nothing."""
    old = books(OLD, {"CASH": 100, "REVENUE": -100, "WORK_IN_PROGRESS": 5})
    new = books(NEW, {"CASH": 100, "REVENUE": -100})
    assert tie_out(old, new)[0].verdict == "pass"
    off = [replace(new[0], minor=101), new[1]]
    gate, table = tie_out(old, off)
    assert gate.verdict == "fail"
    assert "CASH" in gate.why
    assert [row["ties"] for row in table if row["account"] == "WORK_IN_PROGRESS"] == [False]
    assert tie_out(old, off, ("REVENUE",))[0].verdict == "pass"


def test_another_entitys_books_are_another_matter() -> None:
    """The same account of another entity makes up for nothing."""
    old = books(OLD, {"CASH": 100, "REVENUE": -100})
    new = books(NEW, {"CASH": 100, "REVENUE": -100}, entity="US01")
    assert tie_out(old, new)[0].verdict == "fail"
    assert set(missing(old, new)) == {("UK01", "GBP"), ("US01", "GBP")}


def test_what_does_not_balance_or_is_unknown_is_not_posted() -> None:
    """A half balance or an account no mapping knows stops the load with what to look for."""
    assert problem_of({"CASH": 5, "REVENUE": -5}) == ""
    assert "differ by 5" in problem_of({"CASH": 5})
    assert "417000" in problem_of({"CASH": 5, "417000": -5})


def test_an_entry_is_the_same_at_every_try() -> None:
    """Its id is of entity, day and currency; its lines bring each account what it lacks."""
    rows = {"CASH": 5, "REVENUE": -5}
    made = entry(("UK01", "GBP"), rows, as_of="2026-10-31", region="EMEA", business_unit="ADV")
    assert made.document_id == f"{OPENING}UK01-2026-10-31-GBP"
    assert {line.account: line.amount.minor for line in made.lines} == rows
    assert made == entry(("UK01", "GBP"), rows, as_of="2026-10-31", region="EMEA", business_unit="ADV")
