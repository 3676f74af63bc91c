"""The books behind the simulated ERPs: balance, periods, references, doubles, reversal, snapshots."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.core.books import Books, BooksError
from simulators.core.firm_data import Personality, firm_data, personality
from simulators.core.ledger import Ledger, LedgerLine, PeriodClosed, Unbalanced
from simulators.core.numbering import Numbering
from simulators.core.rows import (
    ChangeOrder,
    Contract,
    ContractLine,
    CreditMemo,
    Invoice,
    InvoiceLine,
    MasterRow,
    Payment,
    PostedRow,
    Project,
    RateCard,
    RevenueSchedule,
    RoleRate,
    ScheduleLine,
    TimeRow,
)
from tests.unit.sim_books import CLOUD, DAY, LEGACY, MONTH_END, bill, books, firm, work

AUGUST = date(2026, 8, 31)


def time_row(**other: object) -> TimeRow:
    """An hour at 100.00, changed as told."""
    row = TimeRow(
        external_id="T1",
        project="P1",
        posting_date=DAY,
        employee="E1",
        work_date=DAY,
        role="A",
        rate_minor=10_000,
        minutes=60,
    )
    return replace(row, **other)  # type: ignore[arg-type]


def refused(call: Callable[[], object]) -> BooksError:
    """The error of a refused posting."""
    with pytest.raises(BooksError) as caught:
        call()
    return caught.value


def test_the_ledger_takes_only_what_balances_in_each_currency() -> None:
    """100 USD against 100 EUR does not balance, though the integers do; nothing is posted."""
    ledger = Ledger({"UK01": None}, {"UK01": "GBP"})
    with pytest.raises(Unbalanced, match="differ by 100 USD"):
        ledger.post(
            entity="UK01",
            on=DAY,
            reference="X",
            lines=[LedgerLine("1", 100, "USD"), LedgerLine("2", -100, "EUR")],
        )
    assert (ledger.entries, ledger.trial_balance("UK01")) == ([], {})
    number = ledger.post(
        entity="UK01", on=DAY, reference="X", lines=[LedgerLine("1", 5, "GBP"), LedgerLine("2", -5, "GBP")]
    )
    dollars = [LedgerLine("1", 7, "USD"), LedgerLine("2", -7, "USD")]
    with pytest.raises(Unbalanced, match="no rate from USD to GBP"):
        ledger.post(entity="UK01", on=DAY, reference="Y", lines=dollars)
    ledger.post(entity="UK01", on=DAY, reference="Y", lines=dollars, rate=Fraction(3, 4))
    assert ledger.base_balance("UK01") == {"1": 10, "2": -10}
    assert (number, ledger.trial_balance("UK01")) == (1, {"1": 5, "2": -5, "1 USD": 7, "2 USD": -7})


def test_periods_close_and_open_by_month() -> None:
    """Closed through August; a month can be opened again, and a later one closed."""
    ledger = Ledger({"UK01": AUGUST})
    assert [ledger.is_open("UK01", day) for day in (AUGUST, date(2026, 9, 1))] == [False, True]
    assert not ledger.is_open("XX", DAY)
    ledger.open_period("UK01", "2026-08")
    ledger.close_period("UK01", "2026-09")
    assert [ledger.is_open("UK01", day) for day in (date(2026, 7, 31), AUGUST, DAY, date(2026, 10, 1))] == [
        False,
        True,
        False,
        True,
    ]
    with pytest.raises(PeriodClosed, match="period 2026-09 of UK01 is closed"):
        ledger.post(entity="UK01", on=DAY, lines=[], reference="X")


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("PERIOD_CLOSED", {"posting_date": AUGUST}),
        ("UNKNOWN_PROJECT", {"project": "P9"}),
        ("CURRENCY", {"currency": "USD"}),
    ],
)
def test_a_refused_row_leaves_no_trace(code: str, change: dict[str, object]) -> None:
    """Neither a row, nor a ledger entry, nor a gap in the numbers."""
    made = books(CLOUD)
    before = made.snapshot()
    assert refused(lambda: made.add_time(time_row(**change))).code == code
    assert made.snapshot() == before


def test_unknown_references_are_named() -> None:
    """Each kind of reference has its own code and field."""
    made = books(CLOUD)
    project = made.require(Project, "P1")
    contract = made.require(Contract, "K1")
    errors = [
        refused(lambda: made.put_project(replace(project, external_id="P2", customer="C9"))),
        refused(lambda: made.put_project(replace(project, external_id="P2", contract="K9"))),
        refused(lambda: made.put_project(replace(project, external_id="P2", entity="FR01"))),
        refused(lambda: made.put_project(replace(project, external_id="P2", currency="USD"))),
        refused(lambda: made.put_contract(replace(contract, external_id="K2", rate_card="R9"))),
        refused(lambda: made.add_payment(Payment(invoice="I9", amount_minor=1, posting_date=DAY))),
        refused(lambda: bill(made)),
    ]
    assert [(error.code, error.field) for error in errors] == [
        ("UNKNOWN_CUSTOMER", "customer"),
        ("UNKNOWN_CONTRACT", "contract"),
        ("UNKNOWN_ENTITY", "entity"),
        ("CURRENCY", "currency"),
        ("UNKNOWN_RATE_CARD", "rate_card"),
        ("UNKNOWN_INVOICE", "invoice"),
        ("NOTHING_TO_BILL", None),
    ]


def test_a_double_is_refused_unless_the_vendor_doubles() -> None:
    """The refusal hands over the row that exists; allowed, both are there and both are billed."""
    made = books(CLOUD)
    first = made.add_time(time_row())
    error = refused(lambda: made.add_time(time_row()))
    assert (error.code, error.existing) == ("DUPLICATE", first)
    second = made.add_time(time_row(), allow_duplicate=True)
    assert [row.vendor_id for row in made.all_of("time", "T1")] == [first.vendor_id, second.vendor_id]
    assert bill(made).net_minor == 20_000


def test_masters_are_upserted_and_keep_their_identity() -> None:
    """A second put changes fields, never the vendor id or number; a closed project takes no time."""
    made = books(CLOUD)
    project = made.require(Project, "P1")
    vendor_id = project.vendor_id
    again = made.put_project(
        Project(
            external_id="P1",
            customer="C1",
            contract="K1",
            entity="UK01",
            name="Renamed",
            currency="GBP",
            status="closed",
        )
    )
    assert (again is project, again.vendor_id, again.name) == (True, vendor_id, "Renamed")
    assert refused(lambda: made.add_time(time_row())).code == "INACTIVE"
    made.put_master(MasterRow(external_id="E1", of="resource", extra={"name": "Ann"}))
    card = RateCard(
        external_id="R1", currency="GBP", rates=[RoleRate("A", 100, DAY), RoleRate("A", 90, AUGUST)]
    )
    assert made.put_rate_card(card).hourly_minor("A", DAY) == 100
    assert (card.hourly_minor("A", AUGUST), card.hourly_minor("A", date(2026, 8, 1))) == (90, None)


def test_receivables_from_invoice_to_paid() -> None:
    """A credit and payments bring what is open to nothing, and then the invoice is paid; bank and receivables agree."""
    made = books(CLOUD)
    work(made, ("A", "CONSULTING", 60, 10_000))
    invoice = bill(made)
    part = InvoiceLine(line=1, description="Goodwill", net_minor=1_000, tax_code="GB-STD")
    memo = made.add_credit_memo(
        CreditMemo(external_id="CM1", invoice="B1", posting_date=MONTH_END, lines=[part])
    )
    assert (memo.total_minor, invoice.open_minor, invoice.status) == (1_200, 10_800, "posted")
    over = Payment(external_id="PY0", invoice=invoice.vendor_id, amount_minor=10_801, posting_date=MONTH_END)
    assert refused(lambda: made.add_payment(over)).code == "AMOUNT"
    made.add_payment(Payment(external_id="PY1", invoice="B1", amount_minor=800, posting_date=MONTH_END))
    assert (invoice.open_minor, invoice.status) == (10_000, "posted")
    last = made.add_payment(
        Payment(external_id="PY2", invoice="B1", amount_minor=10_000, posting_date=MONTH_END)
    )
    assert (invoice.open_minor, invoice.status) == (0, "paid")
    balance = made.ledger.trial_balance("UK01")
    assert (balance["100000"], balance["120000"], balance["400000"], balance["230000"]) == (
        10_800,
        0,
        -9_000,
        -1_800,
    )
    whole = CreditMemo(external_id="CM2", invoice="B1", posting_date=MONTH_END)
    assert refused(lambda: made.add_credit_memo(whole)).code == "AMOUNT", (
        "1,200 of 12,000 is credited already"
    )
    assert refused(lambda: made.cancel(invoice, MONTH_END)).code == "STATUS"
    made.cancel(last, MONTH_END)
    assert (invoice.open_minor, invoice.status, last.status) == (10_000, "posted", "cancelled")


def test_a_cancelled_invoice_sets_its_work_free() -> None:
    """It can be billed again, and a cancelled time row can not."""
    made = books(CLOUD)
    work(made, ("A", "CONSULTING", 60, 10_000), ("A", "CONSULTING", 30, 10_000))
    first = bill(made)
    assert refused(lambda: made.cancel(made.require(TimeRow, "1"), MONTH_END)).code == "STATUS"
    made.cancel(first, MONTH_END)
    made.cancel(first, MONTH_END)
    made.cancel(made.require(TimeRow, "1"), MONTH_END)
    payment = Payment(invoice=first.vendor_id, amount_minor=1, posting_date=MONTH_END)
    assert refused(lambda: made.add_payment(payment)).code == "STATUS"
    again = bill(made, "B2")
    assert (again.net_minor, made.ledger.trial_balance("UK01")["120000"]) == (5_000, again.total_minor)


def test_a_direct_invoice_must_tie() -> None:
    """Totals that are given and differ from the lines are refused; without them they are summed."""
    made = books(CLOUD)
    line = InvoiceLine(line=1, description="Licence", net_minor=10_005, tax_code="GB-STD")
    direct = Invoice(external_id="I1", customer="C1", project="P1", posting_date=DAY, lines=[line])
    assert refused(lambda: made.add_invoice(replace(direct, net_minor=10_004))).field == "net"
    kept = made.add_invoice(direct)
    assert (kept.net_minor, kept.tax_minor, kept.open_minor) == (10_005, 2_001, 12_006)
    assert (kept.entity, kept.currency, kept.due_date) == ("UK01", "GBP", date(2026, 10, 15))
    strange = replace(line, tax_code="FR-STD")
    bad = replace(direct, external_id="I2", lines=[strange])
    assert refused(lambda: made.add_invoice(bad)).code == "UNKNOWN_TAX_CODE"


def test_a_change_order_replaces_the_contracts_lines() -> None:
    """From then on work is billed under the new terms; an older version is refused."""
    made = books(CLOUD)
    lines = [ContractLine(1, "time", "Services", "ZERO", "CONSULTING")]
    order = ChangeOrder(
        external_id="CO1", contract="K1", version=2, effective=DAY, posting_date=DAY, lines=lines
    )
    made.add_change_order(order)
    work(made, ("A", "CONSULTING", 60, 10_000))
    assert bill(made).tax_minor == 0
    old = replace(order, external_id="CO2", version=1)
    assert refused(lambda: made.add_change_order(old)).code == "STATUS"
    plan = RevenueSchedule(
        external_id="RS1",
        contract="K1",
        method="straight_line",
        posting_date=DAY,
        lines=[ScheduleLine("2026-10", 5), ScheduleLine("2026-11", 6)],
    )
    assert made.add_revenue_schedule(plan).vendor_id == "1"
    assert [row["net_minor"] for row in made.documents() if row["type"] == "revenue_schedule"] == [11]


def test_hours_are_kept_as_the_erp_keeps_them() -> None:
    """7 h 20 min is 7.33 h in the legacy ERP, worth 3 pence less at 9.99; 7.33 h read back is 440 minutes."""
    legacy, cloud = books(LEGACY), books(CLOUD)
    row = time_row(minutes=440, rate_minor=10_000)
    assert (legacy.add_time(replace(row)).hundredths, legacy.rows("time")[0].wip_minor) == (733, 73_300)  # type: ignore[attr-defined]
    assert (cloud.add_time(replace(row)).hundredths, cloud.rows("time")[0].wip_minor) == (None, 73_333)  # type: ignore[attr-defined]
    read_back = legacy.add_time(time_row(external_id="T2", minutes=0, hundredths=733))
    assert (read_back.minutes, read_back.wip_minor) == (440, 73_300)


def test_every_minute_survives_hundredths() -> None:
    """A day's minutes, kept with two decimals, read back as they were."""
    for minutes in range(1, 1_441):
        row = time_row(minutes=minutes)
        row.settle_hours(keep_hundredths=True)
        again = time_row(minutes=0, hundredths=row.hundredths)
        again.settle_hours(keep_hundredths=True)
        assert again.minutes == minutes


def test_numbers_follow_the_vendors_ranges() -> None:
    """Ids may run over several types, numbers per entity and type in the vendor's format."""
    numbering = Numbering(
        id_range=lambda row_type, _entity: "party" if row_type in ("customer", "master") else "all",
        number_format=lambda row_type, entity, n: f"{entity[:2]}{row_type[0].upper()}{n:04d}",
        starts=100,
    )
    assert [numbering.vendor_id(kind, "UK01") for kind in ("customer", "master", "invoice")] == [
        "100",
        "101",
        "100",
    ]
    assert [numbering.number("invoice", entity) for entity in ("UK01", "UK01", "US01")] == [
        "UKI0100",
        "UKI0101",
        "USI0100",
    ]


def test_a_snapshot_brings_everything_back() -> None:
    """State, ledger, periods and number ranges; what follows is the same as without the detour."""
    made, other = books(LEGACY), books(LEGACY)
    for each in (made, other):
        work(each, ("A", "CONSULTING", 440, 10_000), ("B", "CONSULTING", 10, 10_000))
        bill(each, through=DAY)
        each.open_period("UK01", "2026-08")
        work(each, ("A", "CONSULTING", 50, 10_000))
    taken = made.snapshot()
    made.reset()
    assert made.documents() == []
    made.restore(taken)
    for each in (made, other):
        bill(each, "B2")
        each.add_credit_memo(CreditMemo(external_id="CM1", invoice="B2", posting_date=AUGUST))
    assert made.state() == other.state()
    assert made.snapshot() == other.snapshot()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda taken: b"",
        lambda taken: taken[:-9],
        lambda taken: zlib.compress(b'{"customer": 1}'),
        lambda taken: zlib.compress(zlib.decompress(taken).replace(b'"minor":', b'"minor":1', 1)),
        lambda taken: b"\x80\x04K\x01.",
    ],
)
def test_what_is_no_snapshot_is_refused_and_changes_nothing(spoil: Callable[[bytes], bytes]) -> None:
    """Cut short, another shape, unbalanced or a pickle: ValueError, and the books are as before."""
    made = books(CLOUD)
    work(made, ("A", "CONSULTING", 60, 10_000))
    before = made.snapshot()
    with pytest.raises(ValueError, match="snapshot"):
        made.restore(spoil(before))
    assert made.snapshot() == before


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 900), st.integers(1, 20_000)), max_size=30))
@settings(deadline=None, max_examples=60)
def test_whatever_happens_the_ledger_balances_and_reversal_returns_to_zero(
    steps: list[tuple[int, int, int]],
) -> None:
    """Random work, billing, credits, payments and cancellations: sums are zero; all reversed, all are zero."""
    made = books(Personality(rounding="document", tax="line", hours="hundredths"))
    for n, (what, minutes, rate) in enumerate(steps):
        with suppress(BooksError):
            _act(made, what, f"X{n}", minutes, rate)
        assert sum(made.ledger.trial_balance("UK01").values()) == 0
    for row_type in ("payment", "credit_memo", "invoice", "time"):
        for row in made.rows(row_type):
            assert isinstance(row, PostedRow)
            made.cancel(row, MONTH_END)
    assert set(made.ledger.trial_balance("UK01").values()) <= {0}


def _act(made: Books, what: int, name: str, minutes: int, rate: int) -> None:
    invoices = made.rows("invoice")
    target = invoices[minutes % len(invoices)].vendor_id if invoices else ""
    if what <= 2 or not target:
        made.add_time(time_row(external_id=name, minutes=minutes, rate_minor=rate))
    if what == 3:
        bill(made, name)
    if what == 4 and target:
        made.add_payment(Payment(external_id=name, invoice=target, amount_minor=rate, posting_date=DAY))
    if what == 5 and target:
        line = InvoiceLine(line=1, description="c", net_minor=rate, tax_code="GB-STD")
        made.add_credit_memo(CreditMemo(external_id=name, invoice=target, posting_date=DAY, lines=[line]))
    if what == 6 and target:
        row = made.by_vendor_id("invoice", target)
        assert isinstance(row, Invoice)
        made.cancel(row, MONTH_END)


def test_an_odd_landscape_is_refused_by_name() -> None:
    """A word no personality knows, and a currency nobody has."""
    with pytest.raises(ValueError, match=r"personality\.rounding: 'up' is none of line, document"):
        personality({"personality": {"rounding": "up"}})
    with pytest.raises(ValueError, match=r"personality\.tone is none of"):
        personality({"personality": {"tone": "dry"}})
    with pytest.raises(ValueError, match="'XQX' is not an ISO 4217"):
        firm_data({"legal_entities": {"A": {"name": "", "region": "", "currency": "XQX", "country": ""}}})
    assert firm().closed_through["UK01"] == AUGUST
