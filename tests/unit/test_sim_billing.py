"""Invoices to the cent, for both ERPs' habits; every expected figure is worked out in a comment."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core.billing import reckon_tax, spread
from simulators.core.firm_data import Personality
from simulators.core.money import decimal_text, loads_exact, rounded, to_minor
from simulators.core.rows import (
    ExpenseRow,
    Invoice,
    InvoiceLine,
    MilestoneRow,
    TimeRow,
)
from tests.unit.sim_books import CLOUD, DAY, LEGACY, MONTH_END, bill, books, firm, work


def totals(invoice: Invoice) -> tuple[int, int, int]:
    """Net, tax, total."""
    return invoice.net_minor, invoice.tax_minor, invoice.total_minor


ROWS_GBP = [("CONSULTANT", "CONSULTING", 440, 12_345)] * 3 + [("ANALYST", "OPERATIONS", 100, 9_999)]


def test_pounds_the_cloud_way() -> None:
    """Each row rounded: 440 min × 123.45/h = 905.30 exactly, 3 × = 2715.90; 100 min × 99.99/h = 166.65.

    Tax per line: 20% of 166.65 = 33.33, of 2715.90 = 543.18.
    """
    made = books(CLOUD)
    work(made, *ROWS_GBP)
    invoice = bill(made)
    assert [
        (line.line, line.description, line.minutes, line.net_minor, line.tax_minor) for line in invoice.lines
    ] == [
        (1, "ANALYST OPERATIONS", 100, 16_665, 3_333),
        (2, "CONSULTANT CONSULTING", 1_320, 271_590, 54_318),
    ]
    assert totals(invoice) == (288_255, 57_651, 345_906)
    assert invoice.lines[0].dims == {"service_line": "OPERATIONS", "department": "DELIVERY"}
    assert (invoice.due_date, invoice.number) == (date(2026, 10, 30), "INVOICE-UK01-000001")


def test_pounds_the_legacy_way() -> None:
    """The same work: 440 min is 7.33 h, 100 min is 1.67 h.

    3 × 7.33 × 123.45 = 2714.6655; 1.67 × 99.99 = 166.9833; sum 2881.6488 → 2881.65.
    Lines show 2714.67 and 166.98, which make 2881.65. Tax 20% of 2881.65 = 576.33 on the document;
    lines show 542.934 → 542.93 and 33.396 → 33.40, which make 576.33.
    """
    made = books(LEGACY)
    work(made, *ROWS_GBP)
    invoice = bill(made)
    assert [(line.net_minor, line.tax_minor) for line in invoice.lines] == [
        (16_698, 3_340),
        (271_467, 54_293),
    ]
    assert totals(invoice) == (288_165, 57_633, 345_798)


def test_the_same_month_gives_honestly_different_invoices() -> None:
    """The difference of the two ERPs is 1.08 and has its causes in hours and rounding, not in a planted number."""
    cloud, legacy = books(CLOUD), books(LEGACY)
    for made in (cloud, legacy):
        work(made, *ROWS_GBP)
    assert bill(cloud).total_minor - bill(legacy).total_minor == 108


def test_a_document_is_rounded_once_and_its_largest_line_takes_the_difference() -> None:
    """Exact minutes, document rounding: lines 10.004, 10.004, 10.004 sum to 30.012 → 30.01, shown 10.00 × 3.

    15 min at 40.016/h can't be in pence, so the rows are 7 min at 85.75/h = 10.0041666…
    """
    made = books(Personality(rounding="document", tax="document"))
    work(made, *[(role, "CONSULTING", 7, 8_575) for role in ("A", "B", "C")])
    invoice = bill(made)
    assert [line.net_minor for line in invoice.lines] == [1_001, 1_000, 1_000]  # ties: the first
    # Tax: 20% of 30.01 = 6.002 → 6.00; lines 2.002, 2.000, 2.000 → 2.00 each.
    assert totals(invoice) == (3_001, 600, 3_601)
    by_row = books(CLOUD)
    work(by_row, *[(role, "CONSULTING", 7, 8_575) for role in ("A", "B", "C")])
    assert totals(bill(by_row)) == (3_000, 600, 3_600)


def test_tax_is_rounded_per_line_or_once_per_code_of_the_document() -> None:
    """Three lines of 1.02 at 20%: 0.204 each is 0.20, so 0.60; on 3.06 it is 0.612, so 0.61 with a line of 0.21."""
    rows = [(role, "CONSULTING", 60, 102) for role in ("A", "B", "C")]
    per_line, once = books(CLOUD), books(Personality(rounding="line", tax="document"))
    for made in (per_line, once):
        work(made, *rows)
    assert [line.tax_minor for line in bill(per_line).lines] == [20, 20, 20]
    assert [line.tax_minor for line in bill(once).lines] == [21, 20, 20]


def test_yen_have_no_decimals() -> None:
    """Cloud: 100 min × 9,999/h = 16,665; 50 min × 9,999 = 8,332.5 → 8,333 a row; two rows 16,666.

    Legacy: 0.83 h × 9,999 = 8,299.17, twice 16,598.34; with 1.67 h = 16,698.33 → 33,296.67 → 33,297.
    Lines show 16,598 and 16,698, one yen short: the larger takes it, 16,699. Tax 3,329.7 → 3,330, lines
    1,659.8 → 1,660 and 1,669.9 → 1,670.
    """
    rows = [("B", "CONSULTING", 50, 9_999)] * 2 + [("A", "CONSULTING", 100, 9_999)]
    cloud, legacy = books(CLOUD, "JP01"), books(LEGACY, "JP01")
    work(cloud, *rows)
    work(legacy, *rows)
    first, second = bill(cloud), bill(legacy)
    # Tax per line: 1,666.5 → 1,667 and 1,666.6 → 1,667.
    assert [(line.net_minor, line.tax_minor) for line in first.lines] == [(16_665, 1_667), (16_666, 1_667)]
    assert totals(first) == (33_331, 3_334, 36_665)
    assert [(line.net_minor, line.tax_minor) for line in second.lines] == [(16_699, 1_670), (16_598, 1_660)]
    assert totals(second) == (33_297, 3_330, 36_627)


def test_dinars_have_three_decimals() -> None:
    """Cloud: 50 min × 33.333/h = 27.7775 → 27.778 a row, twice 55.556, tax 5.5556 → 5.556.

    Legacy: 0.83 h × 33.333 = 27.66639, twice 55.33278 → 55.333, tax 5.5333 → 5.533.
    """
    cloud, legacy = books(CLOUD, "BH01"), books(LEGACY, "BH01")
    for made in (cloud, legacy):
        work(made, *[("A", "CONSULTING", 50, 33_333)] * 2)
    assert totals(bill(cloud)) == (55_556, 5_556, 61_112)
    assert totals(bill(legacy)) == (55_333, 5_533, 60_866)


def test_half_even_differs_from_half_up_at_a_half() -> None:
    """50 min × 9,999 yen = 8,332.5: up to 8,333, to the even 8,332."""
    up, even = books(CLOUD, "JP01"), books(Personality(mode="half_even"), "JP01")
    for made in (up, even):
        work(made, ("A", "CONSULTING", 50, 9_999))
    assert [bill(made).net_minor for made in (up, even)] == [8_333, 8_332]
    assert [rounded(Fraction(n, 2), "half_up") for n in (-3, -1, 1, 3, 5)] == [-2, -1, 1, 2, 3]
    assert [rounded(Fraction(n, 2), "half_even") for n in (-3, -1, 1, 3, 5)] == [-2, 0, 0, 2, 2]


def test_expenses_and_milestones_are_billed_at_their_amounts_under_their_contract_lines() -> None:
    """One line per expense category and milestone, after time; expenses carry their line's tax code."""
    made = books(CLOUD)
    for n, (category, minor) in enumerate([("TRAVEL", 12_050), ("MEALS", 1_999), ("TRAVEL", 1)]):
        made.add_expense(
            ExpenseRow(
                external_id=f"X{n}",
                project="P1",
                posting_date=DAY,
                employee="E1",
                expense_date=DAY,
                category=category,
                amount_minor=minor,
            )
        )
    made.add_milestone(
        MilestoneRow(
            external_id="M1",
            project="P1",
            posting_date=DAY,
            contract="K1",
            contract_line=4,
            name="Design done",
            amount_minor=100_000,
            completed_on=DAY,
        )
    )
    invoice = bill(made)
    assert [(line.description, line.net_minor, line.tax_minor, line.tax_code) for line in invoice.lines] == [
        ("Expenses MEALS", 1_999, 0, "ZERO"),
        ("Expenses TRAVEL", 12_051, 0, "ZERO"),
        ("Design done", 100_000, 20_000, "GB-STD"),
    ]
    assert totals(invoice) == (114_050, 20_000, 134_050)


def test_work_is_billed_once_and_only_up_to_the_day() -> None:
    """Billed rows never come again; later work and non-billable work stay out."""
    made = books(CLOUD)
    work(made, ("A", "CONSULTING", 60, 10_000))
    for name, day, billable in (("LATE", MONTH_END, True), ("FREE", DAY, False)):
        made.add_time(
            TimeRow(
                external_id=name,
                project="P1",
                posting_date=MONTH_END,
                employee="E",
                work_date=day,
                role="A",
                rate_minor=10_000,
                minutes=60,
                billable=billable,
            )
        )
    assert bill(made, "B1", through=date(2026, 9, 29)).net_minor == 10_000
    assert bill(made, "B2").net_minor == 10_000


amounts = st.builds(Fraction, st.integers(-(10**9), 10**9), st.sampled_from([1, 2, 60, 100, 600]))


@given(st.lists(amounts, min_size=1, max_size=20), st.sampled_from(["half_up", "half_even"]))
@settings(deadline=None, max_examples=200)
def test_spread_keeps_the_rounded_sum(exact: list[Fraction], mode: str) -> None:
    """What is shown sums to what is owed, and only one part strays further than its own rounding."""
    shown = spread(exact, mode)  # type: ignore[arg-type]
    assert sum(shown) == rounded(sum(exact, Fraction(0)), mode)  # type: ignore[arg-type]
    strayed = [value for value, part in zip(exact, shown, strict=True) if abs(value - part) > Fraction(1, 2)]
    assert len(strayed) <= 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "C"]),
            st.sampled_from(["CONSULTING", "OPERATIONS"]),
            st.integers(1, 1440),
            st.integers(1, 99_999),
        ),
        min_size=1,
        max_size=25,
    ),
    st.sampled_from([CLOUD, LEGACY, Personality(rounding="document", tax="line", mode="half_even")]),
    st.sampled_from(["UK01", "JP01", "BH01"]),
)
@settings(deadline=None, max_examples=120)
def test_an_invoice_ties_and_the_ledger_balances(
    rows: list[tuple[str, str, int, int]], personality: Personality, entity: str
) -> None:
    """Lines sum to net and tax; no work stays in progress; rounding strays at most half a unit a row."""
    made = books(personality, entity)
    work(made, *rows)
    invoice = bill(made)
    assert sum(line.net_minor for line in invoice.lines) == invoice.net_minor
    assert sum(line.tax_minor or 0 for line in invoice.lines) == invoice.tax_minor
    assert invoice.total_minor == invoice.net_minor + invoice.tax_minor
    balance = made.ledger.trial_balance(entity)
    assert sum(balance.values()) == 0
    assert balance.get("140000", 0) == 0
    assert (balance["120000"], balance["400000"]) == (invoice.total_minor, -invoice.net_minor)
    if personality.hours == "minutes":
        exact = sum((Fraction(minutes * rate, 60) for _, _, minutes, rate in rows), Fraction(0))
        allowed = Fraction(len(rows) if personality.rounding == "line" else 1, 2)
        assert abs(invoice.net_minor - exact) <= allowed


def test_given_tax_is_kept_and_missing_tax_reckoned() -> None:
    """A direct invoice may bring its own tax; what it leaves out follows the personality."""
    lines = [
        InvoiceLine(line=1, description="a", net_minor=333, tax_code="GB-STD", tax_minor=70),
        InvoiceLine(line=2, description="b", net_minor=333, tax_code="GB-STD"),
    ]
    reckon_tax(lines, personality=CLOUD, tax_codes=firm().tax_codes)
    assert [line.tax_minor for line in lines] == [70, 67]


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1234.50", "USD", 123_450),
        ("-0.01", "GBP", -1),
        ("7", "JPY", 7),
        ("1.5", "BHD", 1_500),
        ("2.500", "GBP", 250),
    ],
)
def test_amounts_on_the_wire_are_exact(text: str, currency: str, minor: int) -> None:
    """Decimal text and JSON numbers become minor units without a float; and back."""
    assert to_minor(text, currency) == minor
    assert to_minor(loads_exact(text), currency) == minor
    assert to_minor(decimal_text(minor, currency), currency) == minor


@pytest.mark.parametrize(
    "text", ["0.001", "1e5", "NaN", "", "1.00000000000000000000000000001", "9" * 19, "١"]
)
def test_an_amount_that_does_not_fit_is_refused(text: str) -> None:
    """Too many places or digits never get rounded away in silence."""
    with pytest.raises(ValueError, match="is not an amount in GBP"):
        to_minor(text, "GBP")
