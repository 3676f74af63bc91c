"""Services finance on SAP ECC: agreements and their versions, charges, write-offs, currencies, ledger entries, people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.canonical.billing import Invoice
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.connectors.port import Missing, NoAnswer, NotThere, Posted, SaidNo, TryLater
from simulators.core.rows import (
    ChangeOrder,
    Contract,
    Customer,
    ExpenseRow,
    JournalEntry,
    MasterRow,
    RateCard,
)
from simulators.core.rows import Invoice as InvoiceRow
from tests.contract.erp_contract import (
    DIMS,
    Bench,
    assignment,
    billing_event,
    chain,
    change_order,
    charge,
    contact,
    contract_line,
    credit_memo,
    expense_item,
    invoice,
    journal_entry,
    payment,
    resource,
    revenue_schedule,
    task,
    time_entry,
    write_off,
)
from tests.contract.sap_ecc_bench import run, sap

LINES = [
    contract_line(1, "time", cap="1000"),
    contract_line(2, "expenses", cap="200", markup_basis_points=1250),
    contract_line(3, "milestones", fee="25000", revenue="milestone"),
    contract_line(4, "retainer", fee="900"),
    contract_line(5, "subscription", fee="600", revenue="straight_line"),
]


def changed(document: Document, **fields: Any) -> Document:
    """The document with other fields, as it would come over the wire."""
    return parse(document.model_dump(mode="json", by_alias=True, exclude_none=True) | fields)


def agreement(**fields: Any) -> list[Document]:
    """The chain with the contract above."""
    customer, card, terms, project = chain()
    return [customer, card, changed(terms, **({"lines": LINES} | fields)), project]


async def agreed(bench: Bench, **fields: Any) -> None:
    """Post it."""
    for document in agreement(**fields):
        await bench.posted(document)


def balance(bench: Bench) -> dict[str, int]:
    """Trial balance of UK01."""
    return sap(bench).books.ledger.trial_balance("UK01")


def home(bench: Bench) -> dict[str, int]:
    """The same in pounds."""
    return sap(bench).books.ledger.base_balance("UK01")


def only(bench: Bench, row_type: str) -> Any:
    """The one row of a type."""
    (row,) = sap(bench).books.rows(row_type)
    return row


async def refused(bench: Bench, document: Document) -> SaidNo:
    """Post what must be refused."""
    (answer,) = await bench.post(document)
    assert isinstance(answer, SaidNo), answer
    return answer


def test_every_term_of_a_contract_arrives() -> None:
    """Caps, fees, mark-up, deferral, grouping, engagement, rate type and version, as the books keep them."""

    async def test(bench: Bench) -> None:
        await agreed(
            bench, billing="retainer", group_by="customer", engagement_id="ENG-7", rate_type="contract",
            exchange_rate="1.2345678901", contract_version=3,
        )  # fmt: skip
        row = only(bench, "contract")
        assert isinstance(row, Contract)
        assert (row.billing, row.group_by, row.engagement, row.version) == (
            "retainer",
            "customer",
            "ENG-7",
            3,
        )
        assert (row.rate_type, row.exchange_rate) == ("contract", "1.2345678901")
        assert [(line.bills, line.cap_minor, line.amount_minor, line.deferred, line.markup_bp) for line in row.lines] == [
            ("time", 100000, None, False, 0), ("expenses", 20000, None, False, 1250), ("milestones", None, 2500000, True, 0),
            ("retainer", None, 90000, False, 0), ("subscription", None, 60000, True, 0),
        ]  # fmt: skip

    run(test)


def test_change_orders_follow_one_another() -> None:
    """Only the next version is taken; each is found by its own id; a contract sent again can't undo one."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        gap = await refused(bench, change_order(2, 3, LINES))
        assert (gap.code, gap.message) == (
            "ZC001",
            "Contract 0040000001 is at version 0001, so version 0003 cannot follow",
        )
        first = change_order(1, 2, LINES, effective="2026-10-15", ends="2027-12-31")
        assert (await bench.posted(first)).vendor_id == "00400000010002"
        assert (await bench.posted(change_order(2, 3, LINES))).vendor_id == "00400000010003"
        assert (await refused(bench, change_order(3, 2, LINES))).code == "ZC001"
        assert await bench.look_up(first) == [Posted(vendor_id="00400000010002")]
        assert await bench.look_up(change_order(3, 2, LINES)) == [NotThere()]
        row = sap(bench).books.rows("change_order")[0]
        assert isinstance(row, ChangeOrder)
        assert (row.version, row.effective.isoformat(), str(row.ends), row.reason) == (
            2,
            "2026-10-15",
            "2027-12-31",
            "More scope",
        )
        assert only(bench, "contract").version == 3
        assert (await refused(bench, chain()[2])).code == "ZC001"
        await bench.posted(chain()[2].model_copy(update={"contract_version": 3}))

    run(test)


def test_a_cap_in_the_contract_bounds_what_ecc_bills() -> None:
    """1,099.50 of time under a cap of 1,000.00: net 1,000.00, tax 200.00, and no work in progress is left."""

    async def test(bench: Bench) -> None:
        await agreed(bench)
        await bench.posted(time_entry(1))
        (made,) = (await bench.posted(billing_event())).created
        assert isinstance(made, Invoice)
        assert (str(made.net), str(made.tax)) == ("1000.00", "200.00")
        assert balance(bench)["140000"] == 0

    run(test)


def test_charges_are_billed_and_what_is_deferred_waits() -> None:
    """Retainer 900.00 to revenue; subscription 300.00 to deferred revenue until a ledger entry recognises 100.00 of it."""

    async def test(bench: Bench) -> None:
        await agreed(bench)
        await bench.posted(charge(1, amount="900", line=4))
        half = charge(2, amount="300", line=5, service_from="2026-10-16", service_until="2026-10-31")
        assert (await bench.posted(half)).vendor_id != (await bench.look_up(charge(1)))[0].vendor_id  # type: ignore[union-attr]
        assert balance(bench) == {"140000": 90000, "410000": -90000}
        (made,) = (await bench.posted(billing_event())).created
        assert isinstance(made, Invoice)
        assert str(made.total) == "1440.00"
        await bench.posted(journal_entry(1, amount="100"))
        assert balance(bench) == {
            "120000": 144000, "140000": 0, "230000": -24000, "250000": -20000, "400000": -100000, "410000": 0,
        }  # fmt: skip
        row = sap(bench).books.rows("charge")[1]
        assert (row.service_from.isoformat(), row.service_until.isoformat()) == ("2026-10-16", "2026-10-31")  # type: ignore[attr-defined]
        none = await refused(bench, charge(3, line=1))
        assert none.code == "V1045"

    run(test)


def test_retainer_hours_and_marked_up_expenses() -> None:
    """Covered time keeps its rate but is not billed; an expense is billed at what the customer pays, mark-up included."""

    async def test(bench: Bench) -> None:
        await agreed(bench)
        await bench.posted(time_entry(1, covered_by="retainer", part_of="T-0"))
        await bench.posted(expense_item(1, amount="100", bill_amount="112.50", part_of="X-0"))
        await bench.posted(expense_item(2, amount="-100", bill_amount="-112.50", adjusts="X-1"))
        await bench.posted(expense_item(3, amount="10"))
        time = only(bench, "time")
        assert (time.covered, time.billable, time.rate_minor, time.extra["part_of"]) == (
            "retainer",
            False,
            15000,
            "T-0",
        )
        first, second, third = sap(bench).books.rows("expense")
        assert isinstance(first, ExpenseRow)
        assert (first.bill_minor, first.extra["part_of"]) == (11250, "X-0")
        assert (second.adjusts, third.bill_minor) == ("X-1", None)  # type: ignore[attr-defined]
        (made,) = (await bench.posted(billing_event())).created
        assert isinstance(made, Invoice)
        assert str(made.net) == "10.00"
        assert balance(bench)["600000"] == 1000

    run(test)


def test_projects_of_one_customer_share_an_invoice() -> None:
    """Both projects' work on one billing document; a project of another company is refused and nothing is billed."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.chain("US01")
        second = chain()[3].model_copy(update={"document_id": "P-2"})
        await bench.posted(second)
        await bench.posted(expense_item(1, amount="100"))
        await bench.posted(expense_item(2, amount="50", project_id="P-2"))
        event = billing_event()
        foreign = event.model_copy(update={"with_projects": ("P-US01",)})
        assert (await refused(bench, foreign)).code == "VF050"
        unknown = event.model_copy(update={"with_projects": ("P-3",)})
        assert await bench.post(unknown) == [Missing(kind="project", document_id="P-3")]
        (made,) = (await bench.posted(event.model_copy(update={"with_projects": ("P-2",)}))).created
        assert isinstance(made, Invoice)
        assert str(made.net) == "150.00"
        assert {row.invoice for row in sap(bench).books.rows("expense")} == {made.number}  # type: ignore[attr-defined]

    run(test)


async def abroad(bench: Bench) -> None:
    """A dollar contract of the British company."""
    customer, card, terms, project = agreement(lines=[contract_line(1, "expenses")])
    for document in (customer, card, terms, project):
        await bench.posted(changed(document, currency="USD"))


def test_the_senders_exchange_rate_comes_before_eccs() -> None:
    """100.00 dollars billed at 0.76 and paid at 0.75: the receivable is zero in pounds, the pound lost is a difference."""

    async def test(bench: Bench) -> None:
        await abroad(bench)
        await bench.posted(expense_item(1, amount="100", currency="USD"))
        event = billing_event().model_copy(update={"currency": "USD", "exchange_rate": Decimal("0.76")})
        posted = await bench.posted(event)
        (made,) = posted.created
        assert isinstance(made, Invoice)
        assert (str(made.total), made.exchange_rate) == ("120.00", Decimal("0.76"))
        assert await bench.look_up(event) == [posted]
        bench.refs["invoice", made.document_id] = posted.vendor_id
        assert home(bench)["120000"] == 9120
        money = payment(1, made, "120").model_copy(update={"exchange_rate": Decimal("0.75")})
        await bench.posted(money)
        found = home(bench)
        assert (found["120000"], found["100000"], found["700000"]) == (0, 9000, 120)

    run(test)


def test_direct_documents_carry_their_rate() -> None:
    """Invoice and credit memo at 0.81 pounds a dollar: nothing is left in pounds; a re-billed invoice names the old one."""

    async def test(bench: Bench) -> None:
        await abroad(bench)
        of = changed(invoice(1), currency="USD", exchange_rate="0.81")
        assert isinstance(of, Invoice)
        await bench.posted(of)
        assert home(bench)["120000"] == 9720
        await bench.posted(credit_memo(1, of))
        assert set(home(bench).values()) <= {0}
        await bench.posted(changed(of, document_id="IN-2", rebills="IN-1"))
        row = sap(bench).books.rows("invoice")[1]
        assert isinstance(row, InvoiceRow)
        assert (row.extra["rebills"], row.exchange_rate) == ("IN-1", "0.81")
        assert (await refused(bench, changed(of, document_id="IN-3", currency="GBP"))).code == "VK034"

    run(test)


def test_a_write_off_lowers_what_is_open() -> None:
    """20.50 of 120.00 to bad debt; more than is open is refused, by ECC's word for it."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        of = invoice(1)
        await bench.posted(of)
        key = (await bench.posted(write_off(1, of, "20.50"))).vendor_id
        assert key == "1500000001UK012026"
        assert balance(bench)["660000"] == 2050
        assert only(bench, "invoice").open_minor == 9950
        row = only(bench, "write_off")
        assert (row.reason, row.extra["approved_by"]) == ("Insolvent", "finance")
        over = await refused(bench, write_off(2, of, "99.51"))
        assert (over.code, over.field) == ("RW033", "AMT_DOCCUR")
        await bench.posted(write_off(3, of, "99.50"))
        assert only(bench, "invoice").status == "paid"

    run(test)


def test_what_is_paid_or_credited_beyond_an_invoice_stays_on_account() -> None:
    """BAPI_ACC_DOCUMENT_POST knows no open items: cents more than ECC billed settle the invoice and stay as credit."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        of, other = invoice(1), invoice(2)
        for one in (of, other):
            await bench.posted(one)
        await bench.posted(payment(1, of, "120.02"))
        more = {"net": "100.02", "total": "120.02", "whole": True}
        memo = credit_memo(1, other)
        lines = [{**line, "net": "100.02"} for line in memo.model_dump(mode="json")["lines"]]
        await bench.posted(changed(memo, lines=lines, **more))
        found = [row for row in sap(bench).books.rows("invoice") if isinstance(row, InvoiceRow)]
        assert [row.status for row in found] == ["paid", "paid"]
        assert balance(bench)["120000"] == -4

    run(test)


def test_a_plan_of_revenue_is_read_back_by_period() -> None:
    """Each month's amount, in the plan's order; an item the contract has not is refused."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(revenue_schedule(1))
        (plan,) = await bench.connector.read_back(
            "revenue_schedule", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [(line["line"], line["description"], line["net_minor"]) for line in plan.lines] == [
            (1, "2026-10", 1250000),
            (2, "2026-11", 1250000),
        ]
        none = await refused(bench, changed(revenue_schedule(2), contract_line=9))
        assert (none.code, none.field) == ("V1045", "POSNR")

    run(test)


INTERCOMPANY: dict[str, Any] = {
    "purpose": "intercompany",
    "project_id": None,
    "counterparty": "DE01",
    "source_id": "T-1",
    "lines": [
        {"line": 1, "account": "DUE_FROM", "amount": "108", "text": "Ada", **DIMS},
        {"line": 2, "account": "INTERCOMPANY_REVENUE", "amount": "-108", "text": "Ada", **DIMS},
    ],
}


def test_an_intercompany_leg_names_its_partner_and_its_reversal_takes_it_back() -> None:
    """Trading partner, source and dimensions on the lines; original and reversal leave nothing."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        leg = journal_entry(1, **INTERCOMPANY)
        assert (await bench.posted(leg)).vendor_id == "0100000001UK012026"
        assert balance(bench) == {"130000": 10800, "450000": -10800}
        (record,) = await bench.connector.read_back(
            "journal_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [(line["account"], line["net_minor"], line["counterparty"]) for line in record.lines] == [
            ("DUE_FROM", 10800, "DE01"),
            ("INTERCOMPANY_REVENUE", -10800, "DE01"),
        ]
        assert record.lines[0]["practice"] == "ADVISORY"
        row = only(bench, "journal_entry")
        assert isinstance(row, JournalEntry)
        assert (row.source, row.counterparty, row.purpose) == ("T-1", "DE01", "intercompany")
        back = [{**line, "amount": str(-int(line["amount"]))} for line in INTERCOMPANY["lines"]]
        reversal = journal_entry(2, **(INTERCOMPANY | {"lines": back, "reverses": "JE-1"}))
        original = bench.refs.pop(("journal_entry", "JE-1"))
        assert await bench.post(reversal) == [Missing(kind="journal_entry", document_id="JE-1")]
        bench.refs["journal_entry", "JE-1"] = original
        await bench.posted(reversal)
        assert set(balance(bench).values()) == {0}

    run(test)


def test_ledger_entries_go_in_files() -> None:
    """Three hundred in one call; a bad one concerns no other."""

    async def test(bench: Bench) -> int:
        await bench.chain()
        sap(bench).books.close_period("UK01", "2026-09")
        before = bench.app.requests.total
        entries = [journal_entry(n) for n in range(300)]
        entries[7] = journal_entry(7, accounting_date="2026-09-30")
        entries[8] = journal_entry(8, project_id="P-9")
        answers = await bench.post(*entries)
        assert isinstance(answers[7], SaidNo)
        assert answers[7].code == "F5201"
        assert answers[8] == Missing(kind="project", document_id="P-9")
        assert sum(isinstance(answer, Posted) for answer in answers) == 298
        assert balance(bench)["400000"] == -12345 * 298
        return int(bench.app.requests.total - before)

    assert run(test) == 1


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(-(10**9), 10**9).filter(bool), min_size=1, max_size=12))
def test_any_balanced_entry_posts_and_reads_back(amounts: list[int]) -> None:
    """Whatever its lines: what ECC holds is what was sent, line by line, in a currency without decimals too."""
    values = [*amounts, -sum(amounts)]
    lines = [
        {"line": n, "account": "ACCRUED_REVENUE" if n % 2 else "REVENUE", "amount": str(value)}
        for n, value in enumerate(values, start=1)
    ]

    async def test(bench: Bench) -> None:
        entry = journal_entry(1, "JP01", project_id=None, lines=lines)
        await bench.posted(entry)
        (record,) = await bench.connector.read_back(
            "journal_entry", legal_entities=["JP01"], since="2026-10-01", until="2026-11-01"
        )
        assert [line["net_minor"] for line in record.lines] == values
        assert (record.net_minor, record.total_minor) == (0, sum(value for value in values if value > 0))

    run(test)


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize(
    ("document", "row_type"),
    [
        (charge(1, line=3), "charge"),
        (change_order(1, 2, LINES), "change_order"),
        (write_off(1, invoice(1), "20"), "write_off"),
        (revenue_schedule(1), "revenue_schedule"),
        (contact(1), "contact"),
        (task(1), "task"),
    ],
    ids=lambda value: value.kind if isinstance(value, Document) else None,
)
def test_a_lost_answer_doubles_none_of_them(document: Document, row_type: str, skip: int) -> None:
    """At the BAPI, between the calls of a unit of work, at the commit: the look-up tells, and there is one in the end."""

    async def test(bench: Bench) -> None:
        customer, card, terms, project = agreement(
            lines=[*LINES[:2], contract_line(3, "subscription", fee="900")]
        )
        for master in (customer, card, terms, project, invoice(1)):
            await bench.posted(master)
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "skip": skip, "first": 1}]
        (answer,) = await bench.post(document)
        bench.app.faults = []
        if not isinstance(answer, Posted):
            assert isinstance(answer, NoAnswer | TryLater), answer
            (found,) = await bench.look_up(document)
            if found == NotThere():
                await bench.posted(document)
        assert len(bench.documents(row_type)) == 1

    run(test)


def test_a_lost_answer_to_a_file_of_entries() -> None:
    """The status file tells what became of them; nothing is posted twice."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "first": 1}]
        answers = await bench.post(journal_entry(1), journal_entry(2))
        assert [type(answer) for answer in answers] == [Posted, Posted]
        assert await bench.look_up(journal_entry(1), journal_entry(2)) == answers
        assert len(bench.documents("journal_entry")) == 2

    run(test)


def test_masters_of_the_wider_kinds_are_changed_not_doubled() -> None:
    """Sent again with another content: one row each, under its first number, with the new content."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        first = [contact(1), task(1), resource(), assignment(1)]
        numbers = [(await bench.posted(document)).vendor_id for document in first]
        for document in first:
            bench.refs.pop((document.kind, document.document_id), None)
        bench.refs["resource", "E-1"] = numbers[2]
        changed = [
            contact(1).model_copy(update={"name": "Kim Smith"}),
            task(1).model_copy(update={"name": "Build"}),
            resource(left_on="2026-11-30", cost_rates=[{"hourly": "61.50", "starts": "2026-01-01"},
                     {"hourly": "70", "starts": "2026-10-01"}], weekly_minutes=1800, manager_id="E-0"),
            assignment(1, minutes=35),
        ]  # fmt: skip
        assert [(await bench.posted(document)).vendor_id for document in changed] == numbers
        rows = {row.of: row for row in sap(bench).books.rows("master") if isinstance(row, MasterRow)}
        assert len(sap(bench).books.rows("master")) == 4
        assert (rows["contact"].extra["name"], rows["task"].extra["name"]) == ("Kim Smith", "Build")
        person = rows["resource"]
        assert (person.active, person.extra["0008-BET01"], person.extra["0007-WOSTD"]) == (
            False,
            "70.0000",
            "30.00",
        )
        assert (person.extra["0000-since 0"], person.extra["0001-ZZMGR"]) == ("2026-12-01", "E-0")
        assert rows["assignment"].extra["hours"] == "0.58"
        (plan,) = await bench.connector.read_back(
            "assignment", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert plan.minutes == 35
        # One index of external ids for all sorts of masters: another sort under the same id is refused.
        clash = await refused(bench, task(1).model_copy(update={"document_id": "CT-1"}))
        assert clash.code == "F2042"

    run(test)


def test_hierarchy_address_and_prices_of_persons_arrive() -> None:
    """A customer below another, whether ECC has that one yet or not; a person's price beside the role's."""

    async def test(bench: Bench) -> None:
        customer, card, _, _ = chain()
        child = customer.model_copy(
            update={"document_id": "C-2", "parent_id": "C-UK01", "city": "Leeds", "postal_code": "LS1 4DY"}
        )
        await bench.posted(child)
        row = only(bench, "customer")
        assert isinstance(row, Customer)
        assert (row.parent, row.city, row.postal_code) == ("C-UK01", "Leeds", "LS1 4DY")
        above = await bench.posted(customer)
        await bench.posted(child)
        assert row.parent == above.vendor_id
        rates = [
            {"role": "SENIOR", "hourly": "150", "starts": "2026-01-01"},
            {"role": "SENIOR", "hourly": "180", "starts": "2026-06-01", "resource_id": "E-1"},
        ]
        await bench.posted(changed(card, rates=rates))
        kept = only(bench, "rate_card")
        assert isinstance(kept, RateCard)
        assert [(rate.role, rate.employee, rate.hourly_minor) for rate in kept.rates] == [
            ("SENIOR", "", 15000),
            ("SENIOR", "E-1", 18000),
        ]

    run(test)


def test_a_closed_project_takes_nothing_until_it_is_opened_again() -> None:
    """Status CLSD: time, expenses, milestones, charges and tasks are refused as ECC words it."""

    async def test(bench: Bench) -> None:
        await agreed(bench)
        project = chain()[3]
        await bench.posted(project.model_copy(update={"status": "closed"}))
        (record,) = await bench.connector.read_back(
            "project", legal_entities=["UK01"], since="2026-01-01", until="2027-01-01"
        )
        assert record.status == "closed"
        documents = (time_entry(1), expense_item(1), charge(1, line=4), task(1))
        for document in documents:
            said = await refused(bench, document)
            assert said.code == "CJ031", document.kind
        await bench.posted(project)
        for document in documents:
            await bench.posted(document)

    run(test)
