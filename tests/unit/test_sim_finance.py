"""Billing by contract in the simulated books, to the cent: caps, charges, deferral, versions, grouped invoices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core import ledger
from simulators.core.books import Books
from simulators.core.caps import trimmed
from simulators.core.firm_data import Personality
from simulators.core.rows import (
    ChangeOrder,
    Contract,
    ContractLine,
    CreditMemo,
    EntryLine,
    ExpenseRow,
    Invoice,
    InvoiceLine,
    JournalEntry,
    Project,
    TimeRow,
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
)

OCTOBER = date(2026, 10, 31)


# Caps


def test_the_row_that_crosses_a_cap_is_billed_in_part() -> None:
    """Cap 250.00, three hours at 100.00: two are billed whole, 50.00 of the third; 50.00 is given away, not kept in progress."""
    made = books(CLOUD)
    terms(made, capped(25_000))
    for name in ("T1", "T2", "T3"):
        made.add_time(time_row(name, 60))
    invoice = bill(made)
    assert (invoice.net_minor, invoice.tax_minor, invoice.lines[0].minutes) == (25_000, 5_000, 180)
    assert [row.over_cap_minor for row in made.rows("time") if isinstance(row, TimeRow)] == [0, 0, 5_000]
    assert balance(made) == {ledger.RECEIVABLES: 30_000, ledger.TAX_PAYABLE: -5_000, ledger.REVENUE: -25_000}


def test_hundredths_of_hours_can_not_bring_a_line_over_its_cap() -> None:
    """Three times 40 min at 100.00 fit the cap of 200.00 exactly; as 0.67 h they make 201.00, so the last row gives 1.00 away."""
    made = books(LEGACY)
    terms(made, capped(20_000))
    for name in ("T1", "T2", "T3"):
        made.add_time(time_row(name, 40))
    assert bill(made).net_minor == 20_000
    assert [row.over_cap_minor for row in made.rows("time") if isinstance(row, TimeRow)] == [0, 0, 100]


def test_a_full_credit_frees_the_cap_and_a_cancelled_invoice_too() -> None:
    """What a line has billed is net of credits, so the work can be billed again after either."""
    made = books(CLOUD)
    terms(made, capped(10_000))
    made.add_time(time_row("T1", 60))
    first = bill(made)
    made.cancel(first, MONTH_END)
    second = bill(made, "B2")
    assert second.net_minor == 10_000
    made.add_time(time_row("T2", 60))
    assert bill(made, "B3").net_minor == 0
    made.add_credit_memo(CreditMemo(external_id="CM1", invoice="B2", posting_date=MONTH_END))
    made.add_time(time_row("T3", 30))
    fourth = bill(made, "B4")
    assert fourth.net_minor == 5_000
    made.cancel(fourth, MONTH_END)
    memo = made.get("credit_memo", "CM1")
    assert isinstance(memo, CreditMemo)
    made.cancel(memo, MONTH_END)
    assert bill(made, "B5").net_minor == 0, "the credit is taken back, so the cap is used up again"


def test_rounding_a_document_can_not_lift_a_line_over_its_cap() -> None:
    """Nets of one line that rounding made 101 with a room of 100: the largest gives way; none where a cap fell below what was billed."""
    line, other = ("K1", 1), ("K1", 2)
    assert trimmed([51, 50, 70], [line, line, other], {line: 100}) == [50, 50, 70]
    assert trimmed([0, 7], [line, other], {line: -50}) == [0, 7]


def test_taking_back_work_a_cap_had_cut_takes_back_only_what_was_billed() -> None:
    """100.00 was billed at 70.00; its reversal bills -70.00, so the two together are nothing."""
    made = books(CLOUD)
    terms(made, capped(7_000))
    made.add_time(time_row("T1", 60))
    assert bill(made).net_minor == 7_000
    made.add_time(time_row("T1-R", -60, adjusts="T1"))
    assert bill(made, "B2").net_minor == -7_000
    row = made.get("time", "T1")
    assert isinstance(row, TimeRow)
    assert row.over_cap_minor == 0
    assert balance(made) == {}
    taken_back = made.get("invoice", "B2")
    assert isinstance(taken_back, Invoice)
    made.cancel(taken_back, MONTH_END)
    assert (row.over_cap_minor, bill(made, "B3").net_minor) == (3_000, -7_000)


rows = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.integers(-300, 900),
        st.integers(1, 20_000),
        st.booleans(),  # bill after this row
        st.sampled_from(["P1", "P2"]),
    ),
    min_size=1,
    max_size=20,
)


@given(rows, st.integers(0, 300_000), st.sampled_from([CLOUD, LEGACY, Personality(rounding="document")]))
@settings(deadline=None, max_examples=120)
def test_a_cap_is_never_exceeded(
    given_rows: list[tuple[str, int, int, bool, str]], cap: int, personality: Personality
) -> None:
    """Any rows, corrections too, in any order over any invoices of two projects: what the line has billed stays under its cap."""
    made = books(personality)
    terms(made, capped(cap))
    made.put_project(replace(made.require(Project, "P1"), external_id="P2", vendor_id="", number=""))
    for n, (role, minutes, rate, then_bill, project) in enumerate(given_rows):
        made.add_time(time_row(f"T{n}", minutes, rate, role=role, project=project))
        if then_bill or n == len(given_rows) - 1:
            made.bill(
                external_id=f"B{n}",
                project=project,
                contract="K1",
                through=MONTH_END,
                invoice_date=MONTH_END,
                with_projects=["P2", "P1"],
            )
            invoices = [row for row in made.rows("invoice") if isinstance(row, Invoice)]
            assert sum(row.net_minor for row in invoices) <= cap
    assert made.ledger.trial_balance("UK01").get(ledger.WORK_IN_PROGRESS, 0) == 0


# Deferral, charges, retainers


def test_a_deferred_subscription_is_billed_into_deferred_revenue_and_recognised_later() -> None:
    """1,200.00 and VAT 240.00 are billed ahead; 100.00 a month is recognised by an entry; a full credit takes back what was billed."""
    made = books(CLOUD)
    terms(
        made,
        ContractLine(1, "subscription", "Platform", "GB-STD", "OPERATIONS", 120_000, deferred=True),
        billing="subscription",
    )
    assert made.add_charge(charge("CH1", 1, 120_000)).entry == 0
    invoice = bill(made)
    assert [(line.source, line.description, line.net_minor) for line in invoice.lines] == [
        ("subscription", "September", 120_000)
    ]
    assert balance(made) == {
        ledger.RECEIVABLES: 144_000,
        ledger.TAX_PAYABLE: -24_000,
        ledger.DEFERRED_REVENUE: -120_000,
    }
    made.add_journal_entry(
        JournalEntry(
            external_id="JE1",
            entity="UK01",
            posting_date=MONTH_END,
            purpose="revenue",
            lines=[
                EntryLine(account=ledger.DEFERRED_REVENUE, minor=10_000),
                EntryLine(account=ledger.REVENUE, minor=-10_000),
            ],
        )
    )
    assert balance(made)[ledger.DEFERRED_REVENUE] == -110_000
    part = InvoiceLine(line=1, description="Goodwill", net_minor=20_000, tax_code="GB-STD")
    made.add_credit_memo(CreditMemo(external_id="CM", invoice="B1", posting_date=MONTH_END, lines=[part]))
    assert balance(made) == {
        ledger.RECEIVABLES: 120_000,
        ledger.TAX_PAYABLE: -20_000,
        ledger.DEFERRED_REVENUE: -90_000,
        ledger.REVENUE: -10_000,
    }


def test_a_retainer_is_billed_by_its_charge_and_the_time_it_covers_is_not() -> None:
    """900.00 for the month; covered hours raise no work in progress and no line."""
    made = books(LEGACY)
    terms(
        made,
        ContractLine(1, "retainer", "Retainer", "GB-STD", "CONSULTING", 90_000),
        ContractLine(2, "time", "Beyond", "GB-STD", "CONSULTING"),
        billing="retainer",
    )
    row = made.add_charge(charge("CH1", 1, 90_000))
    covered = made.add_time(time_row("T1", 60, covered="retainer"))
    made.add_time(time_row("T2", 30))
    assert (row.wip_minor, covered.billable, covered.wip_minor, covered.value()) == (
        90_000,
        False,
        0,
        Fraction(10_000),
    )
    assert [(line.source, line.net_minor) for line in bill(made).lines] == [
        ("time", 5_000),
        ("retainer", 90_000),
    ]
    assert ledger.WORK_IN_PROGRESS not in balance(made)


def test_a_charge_is_of_a_retainer_or_subscription_line() -> None:
    """Another sort of line, a line there is not, and a span that ends before it starts are refused and leave no trace."""
    made = books(CLOUD)
    assert refused(lambda: made.add_charge(charge("CH1", 1, 100))).field == "contract_line"
    assert refused(lambda: made.add_charge(charge("CH1", 9, 100))).code == "UNKNOWN_CONTRACT"
    backwards = charge("CH1", 1, 100, service_until=date(2026, 8, 31))
    terms(made, ContractLine(1, "retainer", "R", "GB-STD", "CONSULTING", 100))
    assert refused(lambda: made.add_charge(backwards)).field == "service_until"
    assert (made.rows("charge"), balance(made)) == ([], {})
    assert made.add_charge(charge("CH1", 1, 100)).vendor_id == "1", "no gap in the numbers"


def test_expenses_are_billed_with_their_mark_up_and_cost_what_they_cost() -> None:
    """100.00 billed at 112.50 under a mark-up of 12.5%: the employee is owed 100.00."""
    made = books(CLOUD)
    made.add_expense(
        ExpenseRow(
            external_id="X1",
            project="P1",
            posting_date=DAY,
            employee="E1",
            expense_date=DAY,
            category="TRAVEL",
            amount_minor=10_000,
            bill_minor=11_250,
        )
    )
    assert bill(made).net_minor == 11_250
    assert balance(made) == {
        ledger.RECEIVABLES: 11_250,
        ledger.EMPLOYEE_PAYABLE: -10_000,
        ledger.REVENUE: -11_250,
        ledger.PROJECT_EXPENSE: 10_000,
    }


# Versions of a contract


def test_work_is_billed_under_the_terms_of_its_day() -> None:
    """A change order of 20 September moves services to zero tax: earlier hours keep 20%, whenever they are billed."""
    made = books(CLOUD)
    effective = date(2026, 9, 20)
    order = ChangeOrder(
        external_id="CO1",
        contract="K1",
        version=2,
        effective=effective,
        posting_date=effective,
        lines=[ContractLine(1, "time", "Services", "ZERO", "CONSULTING")],
        ends=OCTOBER,
    )
    made.add_change_order(order)
    made.add_time(time_row("T1", 60))
    made.add_time(time_row("T2", 60, work_date=effective, role="LATER"))
    invoice = bill(made)
    assert [(line.description, line.tax_code, line.tax_minor) for line in invoice.lines] == [
        ("CONSULTANT CONSULTING", "GB-STD", 2_000),
        ("LATER CONSULTING", "ZERO", 0),
    ]
    contract = made.require(Contract, "K1")
    assert (contract.version, contract.ends, [past.version for past in contract.past]) == (2, OCTOBER, [1])
    # A re-sent master neither forgets the history nor goes back.
    made.put_contract(replace(contract, past=[], effective=None, version=1))
    assert [line.tax_code for line in contract.lines_on(DAY)][:1] == ["GB-STD"]
    assert contract.version == 2


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_change_order_out_of_order_is_refused(version: int) -> None:
    """At version 2 only version 3 may follow; one that would skip, repeat or go back changes nothing."""
    made = books(CLOUD)
    lines = [ContractLine(1, "time", "Services", "ZERO", "CONSULTING")]
    order = ChangeOrder(
        external_id="CO", contract="K1", version=2, effective=DAY, posting_date=DAY, lines=lines
    )
    made.add_change_order(order)
    before = made.snapshot()
    other = replace(order, external_id="CO2", version=version)
    assert (refused(lambda: made.add_change_order(other)).code, made.snapshot()) == ("STATUS", before)
    assert made.add_change_order(replace(other, version=3)).version == 3


def test_a_later_version_with_an_earlier_day_replaces_the_one_between() -> None:
    """Version 3 from the 10th overrules version 2 from the 20th; before the 10th the first one holds."""
    made = books(CLOUD)
    for version, day, code in ((2, 20, "ZERO"), (3, 10, "JP-STD")):
        amend(made, version, date(2026, 9, day), code)
    contract = made.require(Contract, "K1")
    codes = [contract.lines_on(date(2026, 9, day))[0].tax_code for day in (9, 10, 19, 25)]
    assert codes == ["GB-STD", "JP-STD", "JP-STD", "JP-STD"]


def test_each_version_holds_from_its_day_to_the_next() -> None:
    """Version 2 from the 10th, version 3 from the 20th."""
    made = books(CLOUD)
    for version, day, code in ((2, 10, "ZERO"), (3, 20, "JP-STD")):
        amend(made, version, date(2026, 9, day), code)
    contract = made.require(Contract, "K1")
    codes = [contract.lines_on(date(2026, 9, day))[0].tax_code for day in (9, 10, 19, 20)]
    assert codes == ["GB-STD", "ZERO", "ZERO", "JP-STD"]


def amend(made: Books, version: int, effective: date, tax_code: str) -> None:
    """A change order of K1."""
    made.add_change_order(
        ChangeOrder(
            external_id=f"CO{version}",
            contract="K1",
            version=version,
            effective=effective,
            posting_date=DAY,
            lines=[ContractLine(1, "time", "Services", tax_code, "CONSULTING")],
        )
    )


# One invoice over several projects


def test_projects_of_one_customer_share_an_invoice_each_under_its_own_contract() -> None:
    """Project 1 at 20% and project 2 at no tax make one invoice of 100.00 and 50.00, with lines named after them."""
    made = books(CLOUD)
    abroad(made, "GBP", lines=[ContractLine(7, "time", "Services", "ZERO", "CONSULTING")])
    made.add_time(time_row("T1", 60))
    made.add_time(time_row("T2", 30, project="PX"))
    invoice = made.bill(
        external_id="B1",
        project="P1",
        contract="K1",
        through=MONTH_END,
        invoice_date=MONTH_END,
        with_projects=["PX", "P1", "PX"],
    )
    assert [
        (line.description, line.net_minor, line.tax_minor, line.contract_line) for line in invoice.lines
    ] == [
        ("Work: CONSULTANT CONSULTING", 10_000, 2_000, 1),
        ("Work X: CONSULTANT CONSULTING", 5_000, 0, 7),
    ]
    other = made.require(Project, "PX")
    assert (invoice.with_projects, invoice.lines[1].project) == ([other.vendor_id], other.vendor_id)
    assert refused(lambda: bill(made, "B2")).code == "NOTHING_TO_BILL"
    made.cancel(invoice, MONTH_END)
    assert (
        made.bill(
            external_id="B3", project="PX", contract="KX", through=MONTH_END, invoice_date=MONTH_END
        ).net_minor
        == 5_000
    ), "each can be billed by itself again"


@pytest.mark.parametrize("code", ["CUSTOMER", "ENTITY", "CURRENCY", "UNKNOWN_PROJECT"])
def test_projects_that_can_not_share_an_invoice_are_refused(code: str) -> None:
    """Another customer's, another company's, another currency's, and none at all."""
    made = books(CLOUD)
    made.add_time(time_row("T1", 60))
    abroad(made, "USD" if code == "CURRENCY" else "GBP")
    other = made.require(Project, "PX")
    if code == "CUSTOMER":
        other.customer = "other"
    if code == "ENTITY":
        other.entity = "JP01"
    before = made.snapshot()
    error = refused(
        lambda: made.bill(
            external_id="B1",
            project="P1",
            contract="K1",
            through=MONTH_END,
            invoice_date=MONTH_END,
            with_projects=["P404" if code == "UNKNOWN_PROJECT" else "PX"],
        )
    )
    assert (error.code, error.field, made.snapshot()) == (code, "with_projects", before)


@given(
    st.lists(
        st.tuples(st.sampled_from(["P1", "PX", "PY"]), st.integers(1, 900), st.integers(1, 20_000)),
        min_size=1,
        max_size=15,
    ),
    st.sampled_from([CLOUD, LEGACY]),
)
@settings(deadline=None, max_examples=80)
def test_a_grouped_invoice_is_the_sum_of_its_parts(
    given_rows: list[tuple[str, int, int]], personality: Personality
) -> None:
    """Where rows and lines are rounded by themselves, to the penny; rounded once a document, within half a penny a part."""
    together, apart = books(personality), books(personality)
    for made in (together, apart):
        for name in ("X", "Y"):
            abroad(made, "GBP", name=name)
        for n, (project, minutes, rate) in enumerate(given_rows):
            made.add_time(time_row(f"T{n}", minutes, rate, project=project))
    whole = together.bill(
        external_id="B",
        project="P1",
        contract="K1",
        through=MONTH_END,
        invoice_date=MONTH_END,
        with_projects=["PX", "PY"],
    )
    parts = [
        apart.bill(
            external_id=f"B{project}",
            project=project,
            contract="K" + project[1:],
            through=MONTH_END,
            invoice_date=MONTH_END,
        )
        for project in ("P1", "PX", "PY")
        if any(row[0] == project for row in given_rows)
    ]
    off = abs(whole.net_minor - sum(part.net_minor for part in parts))
    assert off <= (0 if personality is CLOUD else Fraction(len(parts) + 1, 2))
    if personality is CLOUD:
        assert together.trial_balance() == apart.trial_balance()
