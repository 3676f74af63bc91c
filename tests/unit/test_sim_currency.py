"""The simulated books in two currencies: write-offs, ledger entries, exchange rates and what they leave, to the cent."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core import ledger
from simulators.core.books import Books, BooksError
from simulators.core.firm_data import Personality
from simulators.core.rates import RateTable, published
from simulators.core.rows import (
    ContractLine,
    CreditMemo,
    EntryLine,
    ExpenseRow,
    Invoice,
    InvoiceLine,
    JournalEntry,
    MilestoneRow,
    Payment,
    PostedRow,
    WorkRow,
    WriteOff,
)
from tests.unit.sim_books import (
    CLOUD,
    DAY,
    LEGACY,
    MONTH_END,
    abroad,
    balance,
    bill,
    books,
    capped,
    charge,
    refused,
    terms,
    time_row,
    work,
)

OCTOBER = date(2026, 10, 31)
SPOT = Personality()
AVERAGE = Personality(fx="average")


# Write-offs and ledger entries


def test_a_write_off_lowers_what_is_open_and_can_not_go_beyond_it() -> None:
    """Of 120.00 open, 20.00 is written off: bad debt 20.00; 100.01 more is refused; cancelled, all is open again."""
    made = books(CLOUD)
    work(made, ("A", "CONSULTING", 60, 10_000))
    invoice = bill(made)
    gone = made.add_write_off(
        WriteOff(external_id="W1", invoice="B1", amount_minor=2_000, posting_date=MONTH_END, reason="Dispute")
    )
    assert (invoice.open_minor, invoice.open_base_minor, balance(made)[ledger.BAD_DEBT]) == (
        10_000,
        10_000,
        2_000,
    )
    over = WriteOff(external_id="W2", invoice="B1", amount_minor=10_001, posting_date=MONTH_END)
    assert refused(lambda: made.add_write_off(over)).code == "AMOUNT"
    made.add_write_off(replace(over, amount_minor=10_000))
    assert (invoice.status, balance(made).get(ledger.RECEIVABLES)) == ("paid", None)
    made.cancel(gone, MONTH_END)
    assert (invoice.open_minor, invoice.status) == (2_000, "posted")


def entry(**fields: Any) -> JournalEntry:
    """What US01 is owed for a consultant."""
    values: dict[str, Any] = {
        "external_id": "JE1",
        "entity": "UK01",
        "posting_date": MONTH_END,
        "purpose": "intercompany",
        "counterparty": "JP01",
        "lines": [
            EntryLine(account=ledger.DUE_FROM, minor=5_000),
            EntryLine(account=ledger.INTERCOMPANY_REVENUE, minor=-5_000),
        ],
    }
    return JournalEntry(**(values | fields))


def test_a_ledger_entry_balances_on_accounts_there_are() -> None:
    """Kept in the company's currency where none is given; an unbalanced one, one line or a strange account leaves no trace."""
    made = books(CLOUD)
    before = made.snapshot()
    lopsided = [EntryLine(account=ledger.DUE_FROM, minor=5), EntryLine(account=ledger.REVENUE, minor=-4)]
    assert refused(lambda: made.add_journal_entry(entry(lines=lopsided))).code == "AMOUNT"
    assert refused(
        lambda: made.add_journal_entry(entry(lines=[EntryLine(account=ledger.CASH, minor=0)]))
    ).code
    strange = [EntryLine(account="999999", minor=5), EntryLine(account=ledger.REVENUE, minor=-5)]
    assert refused(lambda: made.add_journal_entry(entry(lines=strange))).code == "UNKNOWN_ACCOUNT"
    assert refused(lambda: made.add_journal_entry(entry(entity="FR01"))).code == "UNKNOWN_ENTITY"
    assert refused(lambda: made.add_journal_entry(entry(reverses="JE9"))).code == "UNKNOWN_ROW"
    assert (
        refused(lambda: made.add_journal_entry(entry(posting_date=date(2026, 8, 1)))).code == "PERIOD_CLOSED"
    )
    assert made.snapshot() == before
    kept = made.add_journal_entry(entry())
    assert (kept.currency, balance(made)) == (
        "GBP",
        {ledger.DUE_FROM: 5_000, ledger.INTERCOMPANY_REVENUE: -5_000},
    )
    back = [replace(line, minor=-line.minor) for line in kept.lines]
    again = made.add_journal_entry(entry(external_id="JE2", reverses="JE1", lines=back))
    assert (again.reverses, balance(made)) == (kept.vendor_id, {})
    shown = [row["net_minor"] for row in made.documents() if row["type"] == "journal_entry"]
    assert shown == [5_000, 5_000]


def test_a_snapshot_has_the_new_rows_too() -> None:
    """Charges, write-offs, entries, history of terms, caps used: what follows is the same as without the detour."""
    made, other = books(LEGACY), books(LEGACY)
    for each in (made, other):
        terms(each, capped(15_000), ContractLine(2, "retainer", "R", "GB-STD", "CONSULTING", 900))
        each.add_charge(charge("CH1", 2, 900))
        each.add_time(time_row("T1", 60))
        bill(each)
        each.add_write_off(WriteOff(external_id="W1", invoice="B1", amount_minor=1, posting_date=MONTH_END))
        each.add_journal_entry(entry())
    taken = made.snapshot()
    made.reset()
    assert made.base_balance()["UK01"] == {}
    made.restore(taken)
    for each in (made, other):
        each.add_time(time_row("T2", 60))
        assert bill(each, "B2").net_minor == 5_000
    assert made.state() == other.state()
    assert made.snapshot() == other.snapshot()


# Full credit


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 900), st.integers(1, 20_000)), min_size=1, max_size=12
    ),
    st.sampled_from([CLOUD, LEGACY, Personality(rounding="document", tax="line", mode="half_even")]),
    st.sampled_from(["GBP", "USD", "JPY"]),
    st.booleans(),
)
@settings(deadline=None, max_examples=100)
def test_an_invoice_and_its_full_credit_are_nothing(
    steps: list[tuple[int, int, int]], personality: Personality, currency: str, deferred: bool
) -> None:
    """On every account, in the document's currency and in the company's, but for what the work itself had moved."""
    made = books(personality)
    lines = [
        ContractLine(1, "time", "Services", "GB-STD", "CONSULTING", deferred=deferred),
        ContractLine(2, "expenses", "Expenses", "ZERO", "CONSULTING"),
        ContractLine(3, "milestones", "Fee", "GB-STD", "CONSULTING", 100, deferred=deferred),
        ContractLine(4, "subscription", "Fee", "GB-STD", "CONSULTING", 100),
    ]
    abroad(made, currency, lines=lines)
    for n, step in enumerate(steps):
        _do(made, f"W{n}", *step)
    whole = bill_abroad(made)
    made.add_credit_memo(CreditMemo(external_id="CM", invoice="B1", posting_date=OCTOBER))
    spent = sum(row.amount_minor for row in made.rows("expense") if isinstance(row, ExpenseRow))
    suffix = "" if currency == "GBP" else f" {currency}"
    expected = {ledger.EMPLOYEE_PAYABLE + suffix: -spent, ledger.PROJECT_EXPENSE + suffix: spent}
    assert balance(made) == {account: minor for account, minor in expected.items() if minor}
    base = {account: minor for account, minor in made.ledger.base_balance("UK01").items() if minor}
    assert set(base) <= {ledger.EMPLOYEE_PAYABLE, ledger.PROJECT_EXPENSE}
    assert (whole.open_minor, whole.open_base_minor, sum(base.values())) == (0, 0, 0)


def bill_abroad(made: Books, *, rate: str | None = None) -> Invoice:
    """Bill project PX at month-end."""
    return made.bill(
        external_id="B1",
        project="PX",
        contract="KX",
        through=MONTH_END,
        invoice_date=MONTH_END,
        exchange_rate=rate,
    )


def _do(made: Books, name: str, what: int, minutes: int, rate: int) -> None:
    fields: dict[str, Any] = {"project": "PX", "posting_date": DAY, "external_id": name}
    row: WorkRow
    match what:
        case 0:
            made.add_time(time_row(name, minutes, rate, project="PX"))
        case 1:
            row = ExpenseRow(employee="E", expense_date=DAY, category="MEALS", amount_minor=rate, **fields)
            made.add_expense(row)
        case 2:
            row = MilestoneRow(
                contract="KX", contract_line=3, name="M", amount_minor=rate, completed_on=DAY, **fields
            )
            made.add_milestone(row)
        case _:
            made.add_charge(charge(name, 4, rate, project="PX", contract="KX"))


# Exchange rates


def test_rates_are_found_as_published_upside_down_or_through_the_group() -> None:
    """GBP→USD 1.25, so USD→GBP 0.8; JPY→GBP goes through dollars: 0.006713 / 1.25; the newest that had started holds."""
    rates = books(SPOT).firm.rates
    assert [rates.rate("spot", *pair, DAY) for pair in (("GBP", "USD"), ("USD", "GBP"), ("JPY", "GBP"))] == [
        Fraction("1.25"),
        Fraction("0.8"),
        Fraction("0.006713") / Fraction("1.25"),
    ]
    assert rates.rate("spot", "GBP", "USD", MONTH_END) == Fraction("1.3142")
    assert rates.rate("average", "GBP", "USD", MONTH_END) == Fraction("1.28")
    assert rates.rate("spot", "GBP", "GBP", date(2000, 1, 1)) == 1
    assert [
        rates.rate("spot", "GBP", "USD", date(2026, 8, 31)),
        rates.rate("average", "JPY", "GBP", DAY),
    ] == [None] * 2
    assert RateTable().rate("spot", "EUR", "GBP", DAY) is None


@pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity", "one"])
def test_a_rate_that_is_none_is_refused_by_the_landscape(rate: str) -> None:
    """Zero, negative, not a number: ValueError."""
    with pytest.raises(ValueError, match="exchange rate"):
        published([{"base": "GBP", "quote": "USD", "from": DAY, "rate": rate}], "USD")


def test_an_invoice_in_dollars_is_kept_in_pounds_too_and_the_payment_shows_the_difference() -> None:
    """100.00 USD of work on the 15th at 1/1.25 is 80.00 GBP in progress.

    Billed on the 30th with tax, 120.00 USD at 0.75 is 90.00 GBP: revenue 75.00, tax 15.00. Progress leaves at 80.00.
    Paid in October at 0.70: 84.00 GBP in the bank, the receivable of 90.00 gone, 6.00 lost.
    """
    made = books(SPOT)
    abroad(made, "USD")
    row = made.add_time(time_row("T1", 60, project="PX"))
    assert (row.wip_minor, row.wip_base_minor) == (10_000, 8_000)
    invoice = bill_abroad(made, rate="0.75")
    assert (invoice.open_base_minor, invoice.translated_at) == (9_000, "3/4")
    assert base(made) == {ledger.RECEIVABLES: 9_000, ledger.TAX_PAYABLE: -1_500, ledger.REVENUE: -7_500}
    paid = Payment(
        external_id="PY", invoice="B1", amount_minor=12_000, posting_date=OCTOBER, exchange_rate="0.70"
    )
    made.add_payment(paid)
    assert base(made) == {
        ledger.CASH: 8_400,
        ledger.TAX_PAYABLE: -1_500,
        ledger.REVENUE: -7_500,
        ledger.FX_DIFFERENCE: 600,
    }
    made.cancel(paid, OCTOBER)
    assert (invoice.open_minor, invoice.open_base_minor, base(made)[ledger.RECEIVABLES]) == (
        12_000,
        9_000,
        9_000,
    )


def test_each_erp_translates_by_its_own_table() -> None:
    """On 30 September 100.00 and tax 20.00 USD: spot / 1.3142 is 76.09 + 15.22, so 91.31 GBP are owed.

    Average / 1.28 is 78.125 → 78.13 and 15.625 → 15.63; 120.00 / 1.28 = 93.75, but the entry must balance, so 93.76.
    """
    found = []
    for personality in (SPOT, AVERAGE):
        made = books(personality)
        abroad(made, "USD")
        made.add_time(time_row("T1", 60, project="PX"))
        found.append(bill_abroad(made).open_base_minor)
    assert found == [9_131, 9_376]


def test_yen_become_pence_by_their_decimals() -> None:
    """12,000 yen × 0.006713 / 1.3142 = 61.30 GBP: the yen has no minor unit, the pound two."""
    made = books(SPOT)
    abroad(made, "JPY")
    made.add_time(time_row("T1", 60, project="PX"))
    assert bill_abroad(made).open_base_minor == 6_130


def test_a_missing_or_odd_rate_is_refused_and_named() -> None:
    """The pair and the day; a rate that is none; a rate for the company's own currency. No trace is left."""
    made = books(AVERAGE)
    abroad(made, "JPY")
    before = made.snapshot()
    error = refused(lambda: made.add_time(time_row("T1", 60, project="PX")))
    assert (error.code, error.message) == (
        "CURRENCY",
        "there is no average rate from JPY to GBP on 2026-09-15",
    )
    for currency, rate in (("USD", "0"), ("USD", "x"), ("GBP", "1.1")):
        row = entry(currency=currency, exchange_rate=rate)
        assert refused(lambda row=row: made.add_journal_entry(row)).field == "exchange_rate"  # type: ignore[misc]
    assert made.snapshot() == before
    assert made.add_time(time_row("T1", 60, project="PX", billable=False)).entry == 0, (
        "worth nothing, needs no rate"
    )
    assert made.add_journal_entry(entry(exchange_rate="1.00")).translated_at == ""


def test_a_reversal_has_the_rate_of_what_it_reverses() -> None:
    """An entry in dollars of the 15th is taken back on the 30th, when the rate is another: nothing stays."""
    made = books(SPOT)
    first = made.add_journal_entry(entry(currency="USD", posting_date=DAY))
    lines = [replace(line, minor=-line.minor) for line in first.lines]
    made.add_journal_entry(entry(external_id="JE2", currency="USD", reverses="JE1", lines=lines))
    abroad(made, "USD")
    made.add_time(time_row("T1", 60, project="PX"))
    made.add_time(time_row("T1-R", -60, project="PX", adjusts="T1", posting_date=MONTH_END))
    assert base(made) == {}


def base(made: Books) -> dict[str, int]:
    """Balances in pounds, without what is nothing."""
    return {account: minor for account, minor in made.ledger.base_balance("UK01").items() if minor}


rates = st.integers(1, 40_000).map(lambda n: f"{n / 10_000:.4f}")
settlements = st.lists(
    st.tuples(st.sampled_from(["payment", "credit", "write_off"]), st.integers(1, 10_000), rates), max_size=8
)


@given(st.integers(1, 50_000), rates, settlements, rates, st.sampled_from(["USD", "JPY", "GBP"]))
@settings(deadline=None, max_examples=100)
def test_a_settled_invoice_leaves_no_receivable_in_either_currency(
    minor: int, rate: str, parts: list[tuple[str, int, str]], last_rate: str, currency: str
) -> None:
    """Whatever part payments, credits and write-offs come at whatever rates, once nothing is open nothing is left."""
    made = books(SPOT)
    abroad(made, currency)
    made.add_time(time_row("T1", 60, minor, project="PX"))
    at_home = currency == "GBP"
    invoice = bill_abroad(made, rate=None if at_home else rate)
    for n, (how, amount, part_rate) in enumerate(parts):
        least = min(amount, invoice.open_minor)
        if least:
            _settle(made, how, f"S{n}", least, None if at_home else part_rate)
    if invoice.open_minor:
        _settle(made, "payment", "LAST", invoice.open_minor, None if at_home else last_rate)
    assert (invoice.status, invoice.open_base_minor) == ("paid", 0)
    assert ledger.RECEIVABLES not in base(made)
    assert not any(account.startswith(ledger.RECEIVABLES) for account in balance(made))
    if at_home:
        assert ledger.FX_DIFFERENCE not in base(made)


def _settle(made: Books, how: str, name: str, minor: int, rate: str | None) -> PostedRow:
    fields: dict[str, Any] = {
        "external_id": name,
        "invoice": "B1",
        "posting_date": OCTOBER,
        "exchange_rate": rate,
    }
    if how == "payment":
        return made.add_payment(Payment(amount_minor=minor, **fields))
    if how == "write_off":
        return made.add_write_off(WriteOff(amount_minor=minor, **fields))
    line = InvoiceLine(line=9, description="Goodwill", net_minor=minor, tax_code="ZERO")
    return made.add_credit_memo(CreditMemo(lines=[line], **fields))


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 900), st.integers(1, 20_000), rates), max_size=20),
    st.sampled_from([CLOUD, LEGACY]),
    st.sampled_from(["USD", "JPY"]),
)
@settings(deadline=None, max_examples=80)
def test_every_entry_balances_in_both_currencies_and_all_reversed_is_nothing(
    steps: list[tuple[int, int, int, str]], personality: Personality, currency: str
) -> None:
    """Random work, invoices, settlements and entries abroad: each entry sums to nothing twice; all cancelled, so does each account."""
    made = books(personality)
    lines = [
        ContractLine(1, "time", "Services", "GB-STD", "CONSULTING", cap_minor=90_000),
        ContractLine(2, "expenses", "Expenses", "ZERO", "CONSULTING"),
        ContractLine(3, "milestones", "Fee", "GB-STD", "CONSULTING", 100, deferred=True),
        ContractLine(4, "subscription", "Fee", "GB-STD", "CONSULTING", 100),
    ]
    abroad(made, currency, lines=lines)
    for n, (what, minutes, rate, translated) in enumerate(steps):
        with suppress(BooksError):
            _act(made, what, f"X{n}", minutes, rate, translated)
    for posted in made.ledger.entries:
        assert sum(line.minor for line in posted.lines) == sum(line.base_minor for line in posted.lines) == 0
    for row_type in (
        "payment",
        "write_off",
        "credit_memo",
        "invoice",
        "time",
        "expense",
        "milestone",
        "charge",
        "journal_entry",
    ):
        for row in made.rows(row_type):
            assert isinstance(row, PostedRow)
            made.cancel(row, OCTOBER)
    assert (balance(made), base(made)) == ({}, {})


def _act(made: Books, what: int, name: str, minutes: int, rate: int, translated: str) -> None:
    invoices = made.rows("invoice")
    if what <= 3:
        _do(made, name, what, minutes, rate)
    elif what == 4:
        fields: dict[str, Any] = {
            "project": "PX",
            "contract": "KX",
            "through": MONTH_END,
            "invoice_date": MONTH_END,
        }
        made.bill(external_id=name, exchange_rate=translated, **fields)
    elif what == 5:
        made.add_journal_entry(entry(external_id=name, currency="USD", exchange_rate=translated))
    elif invoices:
        invoice = invoices[minutes % len(invoices)]
        assert isinstance(invoice, Invoice)
        common: dict[str, Any] = {"external_id": name, "invoice": invoice.vendor_id, "posting_date": OCTOBER}
        if what == 6:
            made.add_payment(Payment(amount_minor=rate, exchange_rate=translated, **common))
        elif what == 7:
            made.add_write_off(WriteOff(amount_minor=rate, exchange_rate=translated, **common))
        else:
            made.add_credit_memo(CreditMemo(exchange_rate=translated, **common))
