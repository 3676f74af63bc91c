"""Fees by the month, exchange rates and tax: parts tie to the whole, for any dates and prices."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.money import Money
from router.canonical.reference import FxRate, TaxCode, TaxRule
from router.finance.charges import due, fees_through, last_day, last_of, month_fees, months, retained
from router.finance.fx import as_rate, convert, convert_parts, rate
from router.finance.spread import round_together, spread
from router.finance.tax import REVERSE_CHARGE, Sale, invoice_note, tax_code, with_note
from router.landscape import read_landscape
from tests.unit.finance_samples import line, terms

FIRST = date(2026, 1, 15)


@settings(deadline=None)
@given(
    total=st.integers(min_value=-(10**9), max_value=10**9),
    weights=st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=40).filter(any),
)
def test_a_spread_sums_to_the_whole_and_is_off_by_less_than_one(total: int, weights: list[int]) -> None:
    """Largest remainder: no part is a whole unit from its exact share."""
    parts = spread(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_what_is_nothing_stays_nothing_and_bad_weights_are_named() -> None:
    """Zeroes round to zeroes; weights must be able to carry a total."""
    assert round_together([Fraction(0), Fraction(0)]) == [0, 0]
    with pytest.raises(ValueError, match="weights"):
        spread(1, [0, 0])


@settings(deadline=None)
@given(
    fee=st.integers(min_value=1, max_value=10**7),
    new=st.integers(min_value=1, max_value=10**7),
    after=st.integers(min_value=1, max_value=400),
    length=st.integers(min_value=0, max_value=500),
)
def test_every_day_of_service_is_charged_once(fee: int, new: int, after: int, length: int) -> None:
    """Stretches tile the service without gap or overlap, and a month's parts round once together."""
    last = FIRST + timedelta(days=length)
    agreed = terms(
        (FIRST, [line("subscription", fee=fee)]),
        (FIRST + timedelta(days=after), [line("subscription", fee=new)]),
        ends=last,
    )
    day = FIRST
    for month in months(FIRST, last):
        fees = month_fees("K-1", agreed, 1, month)
        for one in fees:
            assert one.first == day
            day = one.last + timedelta(days=1)
        exact = sum(
            (
                Fraction(
                    (one.line.fee.minor if one.line.fee else 0) * ((one.last - one.first).days + 1),
                    last_of(month).day,
                )
                for one in fees
            ),
            Fraction(0),
        )
        assert abs(sum(one.amount.minor for one in fees) - exact) <= Fraction(1, 2)
    assert day == last + timedelta(days=1)


def test_a_price_change_within_a_month_makes_two_charges_that_tie() -> None:
    """1000.00 to 14 October, 1300.00 from 15 October: 14 and 17 of 31 days."""
    agreed = terms(
        (date(2026, 10, 1), [line("subscription", fee=100_000)]),
        (date(2026, 10, 15), [line("subscription", fee=130_000)]),
    )
    found = month_fees("K-100", agreed, 1, "2026-10")
    # 1000.00 x 14/31 = 451.6129, 1300.00 x 17/31 = 712.9032, together 1164.5161: 1164.52
    assert [(one.charge_id, one.amount.minor) for one in found] == [
        ("CH-K-100-1-202610a", 45_161),
        ("CH-K-100-1-202610b", 71_291),
    ]
    assert [one.amount.minor for one in month_fees("K-100", agreed, 1, "2026-11")] == [130_000]
    assert month_fees("K-100", agreed, 1, "2026-09") == []


def test_a_retainer_is_prorated_at_both_ends_and_carries_over() -> None:
    """17 of 31 days of January, all of February, 10 of 31 of March; what is unused stays."""
    agreed = terms((FIRST, [line("retainer", fee=310_000)]), ends=date(2026, 3, 10))
    assert [one.amount.minor for one in fees_through("K-1", agreed, 1, "2026-05")] == [
        170_000,
        310_000,
        100_000,
    ]
    days = (date(2026, 1, 20), date(2026, 2, 1), date(2026, 4, 1))
    assert [retained("K-1", agreed, 1, day) for day in days] == [170_000, 480_000, 580_000]


def test_a_month_is_charged_once_whatever_changes_later() -> None:
    """What was charged whole is not charged again in parts; missed months are."""
    agreed = terms(
        (date(2026, 9, 1), [line("subscription", fee=100_000)]),
        (date(2026, 10, 15), [line("subscription", fee=130_000)]),
    )

    def ids(charged: set[str], through: date = date(2026, 10, 31)) -> list[str]:
        found = due("K-1", agreed, period="2026-10", through=through, charged=charged)
        return [one.charge_id for one in found]

    assert ids(set()) == ["CH-K-1-1-202609", "CH-K-1-1-202610a", "CH-K-1-1-202610b"]
    assert ids({"CH-K-1-1-202610"}) == ["CH-K-1-1-202609"]
    assert ids({"CH-K-1-1-202609", "CH-K-1-1-202610a"}) == []
    assert ids(set(), through=date(2026, 10, 1)) == ids(set()), "all of a month is charged with its first day"
    assert ids(set(), through=date(2026, 9, 30)) == ["CH-K-1-1-202609"]


def test_a_month_that_begins_for_nothing_is_charged_once_too() -> None:
    """Free until the 14th: only the second stretch is a charge, and it is not one again."""
    agreed = terms(
        (date(2026, 10, 1), [line("subscription", fee=0)]),
        (date(2026, 10, 15), [line("subscription", fee=130_000)]),
    )
    named = [
        [
            one.charge_id
            for one in due("K-1", agreed, period="2026-10", through=last_of("2026-10"), charged=known)
        ]
        for known in (set(), {"CH-K-1-1-202610b"})
    ]
    assert named == [["CH-K-1-1-202610b"], []]


def test_the_end_of_time_is_no_end() -> None:
    """Contracts to 9999-12-31 have their fees as any other, and no last day to spread a fee over."""
    agreed = terms((date(2026, 10, 1), [line("subscription", fee=100_000)]), ends=date.max)
    assert [one.amount.minor for one in fees_through("K-1", agreed, 1, "2026-11")] == [100_000, 100_000]
    assert last_of("9999-12") == date.max
    assert list(months(date(9999, 11, 30), date.max)) == ["9999-11", "9999-12"]
    assert [last_day(FIRST, day) for day in (date.max, date(2099, 12, 31), date(2036, 1, 1), None)] == [
        None, None, date(2036, 1, 1), None,
    ]  # fmt: skip


RATES = read_landscape().fx_rates


def test_a_rate_is_found_direct_inverse_and_through_the_group() -> None:
    """The newest published by the day holds; a cross rate goes through the group's currency."""
    on = date(2026, 10, 30)
    assert rate(RATES, "spot", "GBP", "USD", on) == Fraction("1.3142")
    assert rate(RATES, "spot", "GBP", "USD", date(2026, 10, 31)) == Fraction("1.3088")
    assert rate(RATES, "spot", "USD", "GBP", on) == 1 / Fraction("1.3142")
    assert rate(RATES, "spot", "EUR", "GBP", on, group="USD") == Fraction("1.1267") / Fraction("1.3142")
    assert rate(RATES, "spot", "EUR", "GBP", on) is None
    assert rate(RATES, "spot", "GBP", "USD", date(2026, 9, 29)) is None
    assert rate(RATES, "budget", "GBP", "USD", on) is None
    assert rate(RATES, "spot", "CHF", "CHF", on) == 1


def test_a_rate_has_ten_places_on_paper() -> None:
    """Rounded half up, without trailing zeros; one that vanishes is refused."""
    assert str(as_rate(Fraction(1, 3))) == "0.3333333333"
    assert str(as_rate(Fraction("1.3142"))) == "1.3142"
    assert str(as_rate(Fraction(100))) == "100"
    with pytest.raises(ValueError, match="nothing left"):
        as_rate(Fraction(1, 10**12))


@settings(deadline=None)
@given(
    parts=st.lists(st.integers(min_value=-(10**8), max_value=10**8), min_size=1, max_size=30),
    by=st.fractions(min_value=Fraction(1, 1000), max_value=1000),
    currencies=st.sampled_from([("GBP", "JPY"), ("JPY", "GBP"), ("USD", "BHD"), ("EUR", "USD")]),
)
def test_converted_parts_tie_to_the_converted_total(
    parts: list[int], by: Fraction, currencies: tuple[str, str]
) -> None:
    """The total is converted, the parts share it: never a penny between them."""
    base, quote = currencies
    amounts = [Money(minor, base) for minor in parts]
    found = convert_parts(amounts, by, quote)
    assert sum(one.minor for one in found) == convert(Money(sum(parts), base), by, quote).minor
    for one, amount in zip(found, amounts, strict=True):
        assert abs(one.minor - convert(amount, by, quote).minor) <= 1


def test_money_is_converted_between_currencies_of_other_places() -> None:
    """1000.00 GBP are 195,775 JPY and back; fils have three places."""
    yen = convert(Money(100_000, "GBP"), Fraction("195.7746"), "JPY")
    assert (yen.minor, str(yen)) == (195_775, "195775")
    assert str(convert(Money(100_000, "USD"), Decimal("0.377"), "BHD")) == "377.000"


@pytest.mark.parametrize(
    ("seller", "buyer", "registered", "code"),
    [
        ("DE", "FR", True, "EU-RC"),
        ("DE", "FR", False, "DE-STD"),
        ("DE", "DE", True, "DE-STD"),
        ("GB", "US", True, "EXPORT"),
    ],
)
def test_the_first_rule_that_fits_gives_the_tax_code(
    seller: str, buyer: str, registered: bool, code: str
) -> None:
    """A business in the EU accounts for the tax itself; a person, or a customer at home, is charged."""
    rules = read_landscape().tax_rules
    sale = Sale(seller=seller, buyer=buyer, registered=registered, on=date(2026, 10, 1))
    assert tax_code(rules, sale, f"{seller}-STD")[0] == code


def test_a_rule_holds_for_its_days_only() -> None:
    """Effective dates: from inclusive, until exclusive."""
    rule = TaxRule.model_validate({"from": date(2026, 10, 1), "until": date(2026, 11, 1), "tax_code": "X"})
    days = (date(2026, 9, 30), date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 1))
    found = [tax_code([rule], Sale(seller="GB", buyer="GB", registered=True, on=day), "S")[0] for day in days]
    assert found == ["S", "X", "X", "S"]


def test_an_invoice_without_tax_says_why() -> None:
    """The sentence is there once, and a long text gives way to it."""
    codes = {
        "RC": TaxCode(name="RC", basis_points=0, reverse_charge=True),
        "S": TaxCode(name="S", basis_points=100),
    }
    assert (invoice_note("RC", codes), invoice_note("S", codes)) == (REVERSE_CHARGE, "")
    assert with_note("Services", REVERSE_CHARGE) == f"Services - {REVERSE_CHARGE}"
    assert with_note(f"Services - {REVERSE_CHARGE}", REVERSE_CHARGE) == f"Services - {REVERSE_CHARGE}"
    assert len(with_note("x" * 255, REVERSE_CHARGE)) == 255


def test_spot_rates_of_the_default_landscape_reach_every_pair() -> None:
    """Every entity's currency can be turned into every other's."""
    landscape = read_landscape()
    homes = sorted({entity.currency for entity in landscape.legal_entities.values()})
    found = [
        rate(RATES, "spot", one, other, date(2026, 10, 1), group=landscape.group_currency)
        for one in homes
        for other in homes
    ]
    assert None not in found
    assert [FxRate.model_validate(row.model_dump(by_alias=True)) for row in RATES[:1]]
