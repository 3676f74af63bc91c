"""Lines of one document in two ERPs belong together by what they say, however each numbers or cuts them."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.dualrun.line_matching import CUT_AT, matched

LONG = "Monthly retainer 2026-05-01 to 2026-05-31"
assert len(LONG) > CUT_AT


def line(text: str, **more: Any) -> dict[str, Any]:
    """A line that says this."""
    return {"line": 1, "description": text, "net_minor": 1, "tax_code": "STD", "department": "D1"} | more


def test_lines_match_by_their_text_and_not_by_their_order() -> None:
    """Two ERPs that list the same lines in another order name them alike."""
    old = [line("Travel"), line("Consulting")]
    assert matched(old, old[::-1]) == (["Travel", "Consulting"], ["Consulting", "Travel"])


def test_a_text_that_was_cut_off_is_the_text_it_begins() -> None:
    """An item text of 40 characters is the whole text; a shorter one that only begins alike is another."""
    old, new = matched([line(LONG[:CUT_AT]), line("Mon")], [line(LONG), line("Monday")])
    assert old == [LONG, "Mon"]
    assert new == [LONG, "Monday"]


def test_texts_that_were_cut_off_to_the_same_are_one_group() -> None:
    """Where the cut took away what told two lines apart, both sides' lines of that beginning belong together."""
    old, new = matched([line(LONG[:CUT_AT])] * 2, [line(f"{LONG} a"), line(f"{LONG} b")])
    assert set(old) == set(new)
    assert len(set(old)) == 1


def test_lines_that_say_the_same_are_told_apart_by_their_coding() -> None:
    """Two lines of one text in two departments pair by department; the last pair differs in it."""
    old = [line("Work", department="D1"), line("Work", department="D2")]
    same = matched(old, old[::-1])
    assert same[0] == same[1][::-1]
    assert len(set(same[0])) == 2
    names = matched(old, [line("Work", department="D1"), line("Work", department="D9")])
    assert names[0] == names[1]


def test_the_coding_of_a_line_that_stands_alone_is_no_part_of_its_name() -> None:
    """Another tax code is a difference of the line, not another line."""
    assert matched([line("Work")], [line("Work", tax_code="RED")]) == (["Work"], ["Work"])


def test_entries_are_told_apart_by_account_and_counterparty() -> None:
    """Debit and credit of a ledger entry with one text stay two lines."""
    entry = [line("Charge", account="DUE_TO", counterparty="US01"), line("Charge", account="COST")]
    assert matched(entry, entry)[0] == ["DUE_TO · US01 · Charge", "COST · Charge"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", LONG, LONG + " 2"]), st.sampled_from(["D1", "D2", ""])),
        max_size=8,
    ),
    st.integers(0, 99),
)
def test_the_same_lines_in_any_order_always_match(given_lines: list[tuple[str, str]], seed: int) -> None:
    """What both ERPs hold alike is never called missing."""
    old = [line(text, department=department) for text, department in given_lines]
    new = random.Random(seed).sample(old, len(old))
    left, right = matched(old, new)
    assert sorted(left) == sorted(right)
    by = {id(row): name for row, name in zip(old, left, strict=True)}
    assert [by[id(row)] for row in new] == right
