"""Differences of invoices, proven: reckoned again as either ERP does, and walked from one to the other."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.money import round_half_even, round_half_up
from router.dualrun.live_causes.habits import Learned, again, bill_of, learn
from router.dualrun.live_causes.path import Way, parts_of, way
from router.dualrun.live_causes.reckoning import ALL_HABITS, Bill, Habits, Piece, reckoned, spread
from simulators.core.firm_data import Personality
from tests.unit.live_records import RATES, Hours, invoiced

ROWS: list[Hours] = [
    ("CONSULTANT", "CONSULTING", 440, 12_345),
    ("CONSULTANT", "CONSULTING", 100, 9_999),
    ("ANALYST", "OPERATIONS", 50, 8_745),
]
hours = st.lists(
    st.tuples(
        st.sampled_from(["CONSULTANT", "ANALYST", "ARCHITECT"]),
        st.sampled_from(["CONSULTING", "OPERATIONS"]),
        st.integers(1, 900),
        st.integers(1, 60_000),
    ),
    min_size=1,
    max_size=12,
)
habits = st.sampled_from(ALL_HABITS)


def personality(of: Habits) -> Personality:
    """The simulator's word for the same."""
    return Personality(hours=of.hours, rounding=of.rounding, mode=of.mode, tax=of.tax)


def walked(old: Habits, new: Habits, work: list[Hours], **more: object) -> tuple[Way, dict[str, int]]:
    """The way between two ERPs of these habits, and what the total's difference is made of."""
    left = invoiced(personality(old), work, **more)  # type: ignore[arg-type]
    right = invoiced(personality(new), work, system="netsuite", **more)  # type: ignore[arg-type]
    found = way(left, right, Learned(habits=old), Learned(habits=new), RATES)
    assert found is not None
    delta = (right.total_minor or 0) - (left.total_minor or 0)
    parts = parts_of(found, "total", delta)
    assert sum(part.delta_minor for part in parts) == delta
    return found, {part.code: part.delta_minor for part in parts}


@settings(deadline=None)
@given(of=habits, work=hours, expenses=st.lists(st.integers(1, 99_999), max_size=3), entity=st.sampled_from(["UK01", "JP01", "BH01"]))  # fmt: skip
def test_every_invoice_is_made_again(of: Habits, work: list[Hours], expenses: list[int], entity: str) -> None:
    """What an ERP bills under any habits, we reckon again from its rows to the minor unit, line by line."""
    record = invoiced(personality(of), work, entity=entity, expenses=expenses)
    bill = bill_of(record)
    assert bill is not None
    made = again(bill, of, RATES)
    assert made is not None
    assert dict(made.nets) == {line["line"]: line["net_minor"] for line in record.lines}
    assert dict(made.taxes) == {line["line"]: line["tax_minor"] for line in record.lines}


@settings(deadline=None)
@given(old=habits, new=habits, work=hours)
def test_the_parts_sum_to_the_difference_and_nothing_is_left(
    old: Habits, new: Habits, work: list[Hours]
) -> None:
    """Between any two personalities: both ends are reproduced, no part is unexplained, only real steps have parts."""
    found, parts = walked(old, new, work, expenses=[1_999])
    assert found.legacy_again
    assert found.cloud_again
    changed = {
        name for name in ("hours", "rounding", "mode", "tax") if getattr(old, name) != getattr(new, name)
    }
    words = {
        "hours-in-hundredths": "hours", "rounded-per-line": "rounding", "half-up-half-even": "mode",
        "tax-per-line": "tax",
    }  # fmt: skip
    assert {words[code] for code in parts} <= changed


def test_a_cent_is_told_by_name() -> None:
    """440 min of 123.45 are 7.33 h = 904.8885 and 905.30; 100 min of 99.99 are 1.67 h = 166.9833 and 166.65;
    50 min of 87.45 are 0.83 h = 72.5835 and 72.875.

    Legacy: 1144.4553 → 1144.46, tax 228.892 → 228.89. Hours in minutes: 1144.825 → 1144.83, tax 228.966 → 228.97.
    Rounded per row: 905.30 + 166.65 + 72.88 = 1144.83, tax the same. Tax per line: 214.39 + 14.576 → 14.58 = 228.97.
    """
    legacy, cloud = Habits("hundredths", "document", "half_up", "document"), Habits()
    assert walked(legacy, cloud, ROWS)[1] == {"hours-in-hundredths": 37 + 8}


def test_half_even_is_a_step_of_its_own() -> None:
    """72.875 is 72.88 rounded up and to the even neighbour alike; 30 min of 0.01 is 0.005: 0.01 and 0.00."""
    rows: list[Hours] = [("CONSULTANT", "CONSULTING", 30, 1), ("CONSULTANT", "CONSULTING", 60, 10_000)]
    even = Habits(mode="half_even")
    assert walked(even, Habits(), rows)[1] == {"half-up-half-even": 1}
    assert walked(Habits(), even, rows)[1] == {"half-up-half-even": -1}


def test_a_capped_row_is_known_exactly() -> None:
    """2.5 h of 168.75 are 421.875; a cap of 800.00 leaves 378.125 of the second, shown as 378.13: together 800.00."""
    rows: list[Hours] = [("CONSULTANT", "CONSULTING", 150, 16_875)] * 2
    document = Habits("hundredths", "document", "half_up", "document")
    record = invoiced(personality(document), rows, cap_minor=80_000)
    assert [work.amount_minor for work in record.billed] == [42_188, 37_813]
    bill = bill_of(record)
    assert bill is not None
    assert [piece.value("hundredths") for piece in bill.pieces] == [
        Fraction(421_875, 10),
        Fraction(378_125, 10),
    ]
    made = again(bill, document, RATES)
    assert made is not None
    assert made.net == 80_000 == record.net_minor


def test_a_cap_that_only_hundredths_meet_is_the_hours_share() -> None:
    """10 min of 300.00 are 50.00 and 0.17 h = 51.00: six of them keep within a cap of 300.00 only in minutes."""
    rows: list[Hours] = [("CONSULTANT", "CONSULTING", 10, 30_000)] * 5 + [
        ("CONSULTANT", "CONSULTING", 11, 30_000)
    ]
    legacy = Habits("hundredths", "document", "half_up", "document")
    left = invoiced(personality(legacy), rows, cap_minor=30_500)
    assert left.net_minor == 30_500
    _, parts = walked(legacy, Habits(), rows, cap_minor=30_500)
    assert parts == {}
    _, parts = walked(legacy, Habits(), rows[:5], cap_minor=25_200)
    assert parts == {"hours-in-hundredths": -200 - 40}


def test_what_no_habit_makes_stays_unexplained() -> None:
    """A cent that nobody's habits make is a part of its own, however large the explained parts are."""
    legacy = Habits("hundredths", "document", "half_up", "document")
    left, right = (
        invoiced(personality(legacy), ROWS),
        invoiced(personality(Habits()), ROWS, system="netsuite"),
    )
    for wrong in (replace(left, net_minor=(left.net_minor or 0) + 1), left):
        other = right if wrong is not left else replace(right, net_minor=(right.net_minor or 0) - 1)
        found = way(wrong, other, Learned(habits=legacy), Learned(habits=Habits()), RATES)
        assert found is not None
        assert not (found.legacy_again and found.cloud_again)
        parts = parts_of(found, "net", (other.net_minor or 0) - (wrong.net_minor or 0))
        assert {part.code: part.delta_minor for part in parts} == {
            "hours-in-hundredths": 37,
            "unexplained": -1,
        }


def test_work_on_another_invoice_is_named() -> None:
    """A row that the legacy has not billed yet is the difference, not the habits."""
    left = invoiced(personality(Habits()), ROWS[:2])
    right = invoiced(personality(Habits()), ROWS, system="netsuite")
    found = way(left, right, Learned(habits=Habits()), Learned(habits=Habits()), RATES)
    assert found is not None
    parts = parts_of(found, "net", (right.net_minor or 0) - (left.net_minor or 0))
    assert [(part.cause, part.code, part.delta_minor) for part in parts] == [
        ("timing", "billed-elsewhere", 7_288)
    ]


@pytest.mark.parametrize("of", ALL_HABITS)
def test_habits_are_learned_from_invoices(of: Habits) -> None:
    """Forty invoices tell every combination of habits from every other; their ERP's is found, all of them prove it."""
    records = [
        replace(
            invoiced(
                personality(of),
                [
                    (role, line, 7 + 13 * n + 30 * at, 8_745 + 3_331 * at + n)
                    for at, (role, line) in enumerate(PLACES)
                ]
                + [("CONSULTANT", "CONSULTING", 30, 2 * n + 1)],
                expenses=[999],
            ),
            external_id=f"B{n}",
        )
        for n in range(40)
    ]
    learned = learn(records, RATES)
    assert learned.habits == of
    assert (learned.reproduced, learned.invoices) == (40, 40)
    assert all(learned.told_apart(name) for name in ("rounding", "mode", "tax"))


PLACES = [("CONSULTANT", "CONSULTING"), ("ANALYST", "OPERATIONS"), ("ARCHITECT", "CONSULTING")]


def test_an_unknown_tax_code_is_no_proof() -> None:
    """Without the rate of a code nothing is reckoned, and nothing is claimed."""
    record = invoiced(personality(Habits()), ROWS)
    assert way(record, record, Learned(habits=Habits()), Learned(habits=Habits()), {"ZERO": 0}) is None
    assert learn([record], {}).reproduced == 0


def test_lines_take_what_is_left() -> None:
    """The largest with a fraction takes the difference; of equals the first."""
    assert spread([21, 21, 60], 2, "half_up") == [10, 11, 30]
    assert spread([], 2, "half_up") == []


PIECES = st.lists(
    st.one_of(
        st.builds(
            Piece,
            line=st.integers(1, 3),
            minutes=st.integers(-900, 900),
            rate_minor=st.integers(0, 30_000),
        ),
        st.builds(Piece, line=st.integers(1, 3), fixed=st.fractions(-999, 999, max_denominator=300)),
    ),
    min_size=1,
    max_size=12,
)


@given(PIECES, st.sampled_from(ALL_HABITS))
@settings(deadline=None)
def test_whole_shares_reckon_as_fractions_do(pieces: list[Piece], habits: Habits) -> None:
    """Rows are rounded one by one, or the document once; tax of each line, or of the sum: whatever the values are."""
    bill = Bill(pieces=tuple(pieces), tax_codes={1: "A", 2: "A", 3: "A"})
    made = reckoned(bill, habits, {"A": 1_925})
    values = [one.value(habits.hours) for one in pieces]
    rounding = round_half_up if habits.mode == "half_up" else round_half_even
    if habits.rounding == "line":
        assert made.net == sum(rounding(value) for value in values)
    else:
        assert made.net == rounding(sum(values, Fraction(0)))
        assert all(
            abs(
                made.nets[line]
                - sum((one.value(habits.hours) for one in pieces if one.line == line), Fraction(0))
            )
            <= Fraction(3, 2)
            for line in made.nets
        )
    taxes = {line: Fraction(net * 1_925, 10_000) for line, net in made.nets.items()}
    if habits.tax == "line":
        assert made.taxes == {line: rounding(tax) for line, tax in taxes.items()}
    else:
        assert made.tax == rounding(sum(taxes.values(), Fraction(0)))
