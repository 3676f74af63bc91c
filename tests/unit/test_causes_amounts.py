"""Causes of amounts follow from exact arithmetic, with the numbers a finance person checks them by."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.money import round_half_up
from router.dualrun.breaks import Explanation
from router.dualrun.causes.digits import slip
from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.results import Difference, Pair
from tests.unit.causes_samples import POLICY, codes, document, explain, lone, pair, parts, policy, row

TIE = {"quantity": "2.5", "rate": "133.33", "tax_rate": "20"}


def test_halves_rounded_up_and_to_even() -> None:
    """2.5 h x 133.33 are 333.325: one ERP rounds up, the other to even, and tax and total follow."""
    found = explain(
        TIE, {"net": 33333, "tax": 6667, "total": 40000}, {"net": 33332, "tax": 6666, "total": 39998}
    )
    assert codes(found) == dict.fromkeys(("net", "tax", "total"), "rounding/half-up-half-even")
    assert found["net"].evidence == (
        "net is 333.325 exactly: half-up 333.33 GBP in the legacy ERP, half-even 333.32 GBP in the cloud"
    )
    assert found["tax"].evidence == "tax follows net: 20% of 333.33 GBP and 333.32 GBP"
    assert found["total"].parts == ()


def test_a_cent_that_no_rounding_gives_is_unexplained() -> None:
    """The operands prove neither side's rounding, and the evidence says what they give."""
    found = explain({"quantity": "2", "rate": "133.33"}, {"net": 26666}, {"net": 26667})["net"]
    assert (found.cause, found.code) == ("unexplained", "unexplained")
    assert found.evidence.startswith("hours x rate gives 266.66 GBP on both sides")


def test_an_amount_cut_off_once_is_no_habit() -> None:
    """A cent too low fits cutting off every second time: it is a cause only where the side does so."""
    both = {"quantity": "1.5", "rate": "100.03"}
    once = {"net": 15005}, {"net": 15004}
    assert codes(explain(both, *once)) == {"net": "rounding/half-up-half-even"}
    both = {"quantity": "1.3", "rate": "100.06"}
    once = {"net": 13008}, {"net": 13007}
    assert codes(explain(both, *once)) == {"net": "unexplained/unexplained"}
    seen = [document([pair(7, {**both, "memo": "x"}, *once)])] * 2
    assert codes(explain(both, *once, learn=seen)) == {"net": "rounding/truncated"}


def test_hours_kept_in_hundredths() -> None:
    """455 minutes are 7.58 h in hundredths and 7.5833 in full; net follows, also from the minutes themselves."""
    net = round_half_up(Fraction(455, 60) * 13333)
    found = explain(
        {"rate": "133.33"}, {"quantity": "7.58", "net": 101064}, {"quantity": "7.5833", "net": net}
    )
    assert codes(found) == dict.fromkeys(("quantity", "net"), "rounding/hours-in-hundredths")
    assert "7.5833 h are 7.58 h in hundredths, as the legacy ERP keeps them" in found["quantity"].evidence
    same = explain({"rate": "133.33", "quantity": "7.58"}, {"net": 101064}, {"net": net})
    assert codes(same) == {"net": "rounding/hours-in-hundredths"}


def test_hours_and_rounding_add_up() -> None:
    """Two causes at once: each has its part, the larger one names the break, the parts sum to the delta."""
    found = explain(
        {"rate": "133.33"}, {"quantity": "7.58", "net": 101064}, {"quantity": "7.5", "net": 99997}
    )
    assert codes(found) == {"quantity": "unexplained/unexplained", "net": "unexplained/unexplained"}
    found = explain({"rate": "133.33"}, {"quantity": "2.5", "net": 33333}, {"quantity": "25", "net": 333325})
    assert codes(found) == dict.fromkeys(("quantity", "net"), "data_entry/decimal-shift")
    found = explain({"rate": "133.33"}, {"quantity": "2.5", "net": 33333}, {"quantity": "4.5", "net": 59998})
    assert parts(found["net"]) == {"unexplained": 59999 - 33333, "half-up-half-even": -1}


def test_no_more_habits_differ_than_must() -> None:
    """3,333.25 is exact, so the legacy ERP may round to even as well: only the hours differ."""
    found = explain({"rate": "133.33"}, {"quantity": "25", "net": 333325}, {"quantity": "2.5", "net": 33332})
    assert codes(found)["net"] == "data_entry/decimal-shift"
    assert found["net"].parts == ()


def lines(taxes: list[list[int]], nets: list[int], percent: str, **more: str) -> list[Explanation]:
    """A document of lines with these taxes on each side; what is said of the last line's tax."""
    given = [{"net": net, "tax_rate": percent, "tax_code": "S", **more} for net in nets]
    last = len(nets)
    differing = pair(last, given[-1], {"tax": taxes[0][-1]}, {"tax": taxes[1][-1]})
    legacy = [
        row(at, {**one, "tax": tax}) for at, (one, tax) in enumerate(zip(given, taxes[0], strict=True), 1)
    ]
    cloud = [
        row(at, {**one, "tax": tax}) for at, (one, tax) in enumerate(zip(given, taxes[1], strict=True), 1)
    ]
    view = document([differing], legacy=legacy[:-1], cloud=cloud[:-1])
    (said,) = ExtractJudge(POLICY).explain(view)
    return list(said)


def test_tax_rounded_per_line_and_per_document() -> None:
    """Three lines of 0.33 at 20%: 0.07 each makes 0.21, on their sum it is 0.20."""
    (found,) = lines([[7, 7, 7], [7, 7, 6]], [33, 33, 33], "20")
    assert (found.cause, found.code) == ("tax", "tax-per-line")
    assert "the 3 lines of S comes to 0.21 GBP, on their sum to 0.20 GBP" in found.evidence
    (other,) = lines([[7, 7, 7], [7, 7, 5]], [33, 33, 33], "20")
    assert other.cause == "unexplained"


def test_tax_rounded_up_and_to_even() -> None:
    """5% of 2.50 is 0.125: 0.13 and 0.12."""
    found = explain({"net": 250, "tax_rate": "5"}, {"tax": 13}, {"tax": 12})
    assert codes(found) == {"tax": "rounding/half-up-half-even"}


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [((330, 330, 330), 331, "rounded-per-line"), ((330, 329, 330), 331, "unexplained")],
)
def test_net_rounded_per_line_and_per_document(legacy: tuple[int, ...], cloud: int, code: str) -> None:
    """Three times 3.3033 is 9.90 line by line and 9.91 on the sum; a side that does neither proves nothing."""
    both = {"quantity": "0.33", "rate": "10.01"}
    differing = pair(3, both, {"net": legacy[2]}, {"net": cloud})
    one = [row(at, {**both, "net": net}) for at, net in enumerate(legacy[:2], start=1)]
    other = [row(at, {**both, "net": 330}) for at in (1, 2)]
    ((found,),) = ExtractJudge(POLICY).explain(document([differing], legacy=one, cloud=other))
    assert found.code == code


def test_another_tax_code_and_another_rate_under_the_same() -> None:
    """The code is the cause where it differs, else the rate; tax and total follow."""
    both = {"net": 10000}
    one = {"tax_code": "S20", "tax_rate": "20", "tax": 2000, "total": 12000}
    other = {"tax_code": "R5", "tax_rate": "5", "tax": 500, "total": 10500}
    assert codes(explain(both, one, other)) == dict.fromkeys(other, "tax/tax-code")
    assert codes(explain(both, one, {**other, "tax_code": "S20"})) == dict.fromkeys(
        ("tax_rate", "tax", "total"), "tax/tax-rate"
    )


def test_a_net_that_holds_the_tax() -> None:
    """The totals agree, one side's net is the other's net and tax."""
    found = explain({"total": 12000, "tax_rate": "20"}, {"net": 10000, "tax": 2000}, {"net": 12000, "tax": 0})
    assert codes(found) == dict.fromkeys(("net", "tax"), "tax/tax-inclusive")


def test_what_a_total_is_made_of_sums_to_its_difference() -> None:
    """Net by the rounding of halves, tax by another code: the total has both parts."""
    found = explain(
        {"quantity": "2.5", "rate": "133.33"},
        {"net": 33333, "tax_code": "A", "tax_rate": "20", "tax": 6667, "total": 40000},
        {"net": 33332, "tax_code": "B", "tax_rate": "10", "tax": 3333, "total": 36665},
    )
    assert parts(found["tax"]) == {"tax-code": -3333, "half-up-half-even": -1}
    assert parts(found["total"]) == {"tax-code": -3333, "half-up-half-even": -2}
    assert (found["total"].cause, found["total"].code) == ("tax", "tax-code")


def test_what_net_and_tax_leave_of_a_total_is_said() -> None:
    """The rest is a part of its own, never hidden in the others."""
    found = explain(
        TIE, {"net": 33333, "tax": 6667, "total": 40000}, {"net": 33332, "tax": 6666, "total": 39990}
    )
    assert parts(found["total"]) == {"unexplained": -8, "half-up-half-even": -2}


FX = {"total": 10000, "accounting_date": "2026-10-30", "fx_date": "2026-10-30"}


def test_another_exchange_rate_and_one_of_another_day() -> None:
    """The amount in the base currency follows the rate, and the rate its day."""
    one, other = {"fx_rate": "1.1712", "base_amount": 11712}, {"fx_rate": "1.1698", "base_amount": 11698}
    assert codes(explain(FX, one, other)) == dict.fromkeys(("fx_rate", "base_amount"), "fx/fx-rate")
    dated = explain({"total": 10000}, {**one, "fx_date": "2026-10-30"}, {**other, "fx_date": "2026-10-29"})
    assert codes(dated) == dict.fromkeys(("fx_rate", "fx_date", "base_amount"), "fx/fx-date")
    assert "rates of 2026-10-30 and of 2026-10-29" in dated["fx_rate"].evidence


def test_the_rate_of_another_day_is_known_from_other_documents() -> None:
    """Nobody states the day, but other documents show whose rate it is."""
    seen = [
        document(
            [
                pair(
                    at,
                    {**FX, "accounting_date": day, "fx_date": day, "fx_rate": rate},
                    {"memo": "a"},
                    {"memo": "b"},
                )
            ]
        )
        for at, (day, rate) in enumerate([("2026-10-30", "1.1712"), ("2026-10-29", "1.1698")] * 2, start=10)
    ]
    one, other = {"fx_rate": "1.1712", "base_amount": 11712}, {"fx_rate": "1.1698", "base_amount": 11698}
    found = explain(FX, one, other, learn=seen)
    assert codes(found) == dict.fromkeys(("fx_rate", "base_amount"), "fx/fx-date")
    stated = explain({**FX, "fx_rate": "1.1712"}, {"base_amount": 11712}, {"base_amount": 11698}, learn=seen)
    assert codes(stated) == {"base_amount": "fx/fx-date"}
    small = explain(
        {**FX, "total": 100, "fx_rate": "1.1712"}, {"base_amount": 117}, {"base_amount": 116}, learn=seen
    )
    assert codes(small) == {"base_amount": "unexplained/unexplained"}


@pytest.mark.parametrize("rates", [["1.1712"] * 4, ["1.1712", "1.1705", "1.1705", "1.1698"]])
def test_a_rate_is_another_days_only_where_it_is_usual_there(rates: list[str]) -> None:
    """Two days with one rate prove nothing of it, and neither does a rate that was used there once."""
    days = ["2026-10-30", "2026-10-29", "2026-10-29", "2026-10-29"]
    seen = [
        document([pair(at, {**FX, "fx_date": day, "fx_rate": rate}, {"memo": "a"}, {"memo": "b"})])
        for at, (day, rate) in enumerate(zip(days, rates, strict=True), start=10)
    ]
    one, other = {"fx_rate": "1.1712", "base_amount": 11712}, {"fx_rate": "1.1698", "base_amount": 11698}
    assert codes(explain(FX, one, other, learn=seen))["fx_rate"] == "fx/fx-rate"


def test_without_a_column_of_rates_two_values_of_one_amount_are_two_rates() -> None:
    """Equal amounts converted to unequal ones: the implied rates are told; a cent is not enough."""
    bare = policy(fx_rate=None, fx_date=None)
    found = explain({"total": 10000}, {"base_amount": 11712}, {"base_amount": 11698}, rules=bare)
    assert codes(found) == {"base_amount": "fx/fx-rate"}
    cent = explain({"total": 10000}, {"base_amount": 11712}, {"base_amount": 11713}, rules=bare)
    assert codes(cent) == {"base_amount": "unexplained/unexplained"}


@pytest.mark.parametrize(
    ("legacy", "cloud", "code"),
    [
        (12340, -12340, "data_entry/sign-flip"),
        (12340, 12430, "data_entry/transposed-digits"),
        (12340, 1234000, "data_entry/decimal-shift"),
        (None, 0, "formatting/null-versus-zero"),
        (0, None, "formatting/null-versus-zero"),
        (12340, 12349, "unexplained/unexplained"),
        (12340, 43210, "unexplained/unexplained"),
        (None, 12340, "unexplained/unexplained"),
        (12, 21, "data_entry/transposed-digits"),
        (12340, 14320, "unexplained/unexplained"),
        (12340, 12560, "unexplained/unexplained"),
    ],
)
def test_slips_of_the_hand(legacy: int | None, cloud: int | None, code: str) -> None:
    """Each is told by the digits; a difference of nine alone is not two digits in each other's place."""
    assert codes(explain({}, {"total": legacy}, {"total": cloud})) == {"total": code}


def test_the_same_number_in_another_currency_and_a_converted_one() -> None:
    """The same number is a slip; an amount times the row's rate is a conversion; else nothing is known."""
    swapped = explain({"total": 10000}, {"currency": "GBP"}, {"currency": "USD"})
    assert codes(swapped) == {"currency": "data_entry/currency-swapped"}
    yen = explain({}, {"currency": "GBP", "total": 10000}, {"currency": "JPY", "total": 100})
    assert codes(yen) == {"currency": "data_entry/currency-swapped"}
    converted = explain(
        {"fx_rate": "1.27"}, {"currency": "GBP", "total": 10000}, {"currency": "USD", "total": 12700}
    )
    assert codes(converted) == {"currency": "fx/converted"}
    neither = explain({}, {"currency": "GBP", "total": 10000}, {"currency": "USD", "total": 12345})
    assert codes(neither) == {"currency": "unexplained/unexplained"}


def test_a_doubled_row_says_where_it_stands() -> None:
    """The rows, and in what they differ."""
    rows = (row(4, {"total": 100, "memo": "a"}), row(9, {"total": 100, "memo": "b"}))
    double = Pair(
        key={"document": "4711", "line": "1"}, legacy=(row(1, {"total": 100}),), cloud=rows, paired_by="key",
        differences=(Difference(what="duplicate_in_cloud", currency="GBP", delta_minor=100),),
    )  # fmt: skip
    ((found,),) = ExtractJudge(POLICY).explain(document([double]))
    assert (found.cause, found.code) == ("duplicate_posting", "duplicate-posting")
    assert found.evidence == "the key stands 2 times in the cloud ERP, in rows 4, 9; they differ in memo"


AMOUNTS = st.integers(-(10**6), 10**6)


@settings(deadline=None)
@given(st.lists(AMOUNTS, min_size=8, max_size=8), st.integers(0, 400), st.integers(0, 400))
def test_parts_always_sum_to_the_difference(amounts: list[int], hours: int, percent: int) -> None:
    """Whatever the numbers are: no explanation accounts for more or less than what differs."""
    names = ("net", "tax", "total", "base_amount")
    both = {"quantity": str(hours / 4), "rate": "99.99", "tax_rate": str(percent / 8), "fx_rate": "1.1"}
    one = pair(
        1, both, dict(zip(names, amounts[:4], strict=True)), dict(zip(names, amounts[4:], strict=True))
    )
    ((*said,),) = ExtractJudge(POLICY).explain(document([one]))
    for each, reason in zip(one.differences, said, strict=True):
        if reason.parts:
            assert sum(part.delta_minor for part in reason.parts) == each.delta_minor
            assert abs(reason.parts[0].delta_minor) == max(abs(part.delta_minor) for part in reason.parts)
            assert (reason.cause, reason.code) == (reason.parts[0].cause, reason.parts[0].code)


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_a_slip_is_the_same_seen_from_either_side(one: int, other: int, places: int) -> None:
    """Which ERP is called legacy does not matter to a slip."""
    scale = 10**places
    there, back = (
        slip(Fraction(a, scale), Fraction(b, scale), places) for a, b in ((one, other), (other, one))
    )
    assert (there and there.code) == (back and back.code)


def test_a_lone_row_without_amount_is_just_absent() -> None:
    """No amount, no date, no approver column: it is absent, and no more is said."""
    bare = policy(approved_by=None)
    ((found,),) = ExtractJudge(bare).explain(document([lone("legacy", 3, {"customer": "C1"})]))
    assert (found.cause, found.code) == ("missing", "not-in-cloud")
    assert found.evidence == "row 3 of the legacy ERP has no partner in the cloud ERP"
