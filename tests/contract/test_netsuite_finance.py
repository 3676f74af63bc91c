"""NetSuite in full: planning, agreements and their changes, charges, write-offs, the general ledger.

Amounts are reckoned by hand; ledger accounts are those of the chart: 120000 receivables, 140000 work in progress,
250000 deferred revenue, 400000 revenue, 660000 bad debt, 700000 exchange differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from router.canonical.billing import Invoice
from router.canonical.documents import Document
from router.connectors.port import Missing, NoAnswer, Posted, SaidNo
from simulators.core.rows import Contract, ExpenseRow, RateCard, TimeRow
from simulators.erp.netsuite.api import NetSuite
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
    expense_item,
    invoice,
    journal_entry,
    make,
    milestone,
    payment,
    promises_wider_kinds,
    resource,
    revenue_schedule,
    task,
    time_entry,
    wider_documents,
    write_off,
)
from tests.contract.netsuite_bench import RECORD, run

ROW = {"contact": "contact", "task": "task", "assignment": "assignment", "resource": "employee"}


def account(bench: Bench) -> NetSuite:
    """The simulated account itself."""
    assert isinstance(bench.app.sim, NetSuite)
    return bench.app.sim


def shown(bench: Bench, record_type: str, external_id: str) -> dict[str, Any]:
    """A record's JSON as the account shows it."""
    records = account(bench).records
    return records.show(records.find(record_type, f"eid:{external_id}"))


def contract_row(bench: Bench) -> Contract:
    """The contract in the account's books."""
    row = account(bench).books.get("contract", "K-UK01")
    assert isinstance(row, Contract)
    return row


def contract(lines: list[dict[str, Any]], **fields: Any) -> Document:
    """The chain's contract with other lines or terms."""
    given = {"customer_id": "C-UK01", "currency": "GBP", "billing": "time_and_materials", "rate_card_id": "R-UK01",
             "starts": "2026-09-01", "ends": "2027-08-31"}  # fmt: skip
    return make("contract", "K-UK01", lines=lines, **(given | fields))


def balance(bench: Bench, entity: str = "UK01") -> Mapping[str, int]:
    """The trial balance, accounts at nothing left out."""
    found = account(bench).books.trial_balance()[entity]
    return {number: minor for number, minor in found.items() if minor}


async def refused(bench: Bench, document: Document) -> SaidNo:
    """Post a document that must be refused."""
    (answer,) = await bench.post(document)
    assert isinstance(answer, SaidNo), answer
    return answer


def test_the_wider_kinds_are_taken_found_and_read_back() -> None:
    """One of each, as both ERPs promise."""
    promises_wider_kinds(run)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (contact(2), "contact"),
        (task(2), "projectTask"),
        (assignment(2), "resourceAllocation"),
        (charge(2), "charge"),
        (change_order(2, 3, [contract_line(1, "time")]), "customrecord_change_order"),
        (write_off(2, invoice(1), "1"), "creditMemo"),
        (revenue_schedule(2), "customrecord_revenue_schedule"),
        (journal_entry(2), "journalEntry"),
    ],
    ids=lambda value: value.kind if isinstance(value, Document) else "",
)
def test_exactly_once_after_a_lost_answer(document: Document, path: str) -> None:
    """NetSuite acted, the answer was lost: found by look-up; sent again all the same, there is still one."""

    async def test(bench: Bench) -> None:
        await wider_documents(bench)
        row_type = ROW.get(document.kind, document.kind)
        held = len(bench.documents(row_type))
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "path": RECORD + path, "first": 1}]
        (answer,) = await bench.post(document)
        assert isinstance(answer, NoAnswer), answer
        (found,) = await bench.look_up(document)
        assert isinstance(found, Posted), found
        assert await bench.post(document) == [found]
        assert len(bench.documents(row_type)) == held + 1

    run(test)


def test_terms_of_a_contract_arrive() -> None:
    """Fee, cap, mark-up, deferral, dates of service, grouping, engagement, rate and version; kept when it is closed."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        lines = [
            contract_line(1, "time", cap="5000.50"),
            contract_line(2, "expenses", markup_basis_points=1250),
            contract_line(3, "milestones", fee="25000", revenue="percentage_of_completion"),
            contract_line(
                4, "subscription", fee="900", revenue="straight_line", starts="2026-09-15", ends="2027-03-14"
            ),
        ]
        document = contract(
            lines, billing="subscription", engagement_id="ENG-1", group_by="customer", rate_type="contract",
            exchange_rate="1.25", contract_version=3,
        )  # fmt: skip
        await bench.posted(document)
        row = contract_row(bench)
        assert [(line.bills, line.amount_minor, line.cap_minor, line.deferred, line.markup_bp) for line in row.lines] == [
            ("time", None, 500050, False, 0),
            ("expenses", None, None, False, 1250),
            ("milestones", 2500000, None, True, 0),
            ("subscription", 90000, None, True, 0),
        ]  # fmt: skip
        assert (row.billing, row.engagement, row.group_by, row.rate_type, row.exchange_rate, row.version) == (
            "subscription", "ENG-1", "customer", "contract", "1.25", 3,
        )  # fmt: skip
        before = shown(bench, "salesOrder", "K-UK01")
        assert before["item"]["items"][3]["custcol_service_until"] == "2027-03-14"
        assert await bench.post(document, operation="cancel") == [Posted(vendor_id=row.vendor_id)]
        after = shown(bench, "salesOrder", "K-UK01")
        assert {name for name in before if before[name] != after[name]} == {"orderStatus"}

    run(test)


def test_masters_say_where_they_belong_and_who_left() -> None:
    """Parent, city and postal code of a customer; newest cost and last day of a person; one person's price."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        child = make("customer", "C-2", name="Branch", currency="GBP", country="GB", parent_id="C-UK01",
                     address="2 Quay", city="Hull", postal_code="HU1 1AA")  # fmt: skip
        await bench.posted(child)
        record = shown(bench, "customer", "C-2")
        assert record["parent"] == {"id": bench.refs["customer", "C-UK01"]}
        address = record["addressBook"]["items"][0]["addressBookAddress"]
        assert (address["addr1"], address["city"], address["zip"]) == ("2 Quay", "Hull", "HU1 1AA")
        orphan = make("customer", "C-3", name="Lost", currency="GBP", country="GB", parent_id="C-9")
        assert await bench.post(orphan) == [Missing(kind="customer", document_id="C-9")]
        rates = [{"hourly": "61.50", "starts": "2026-01-01"}, {"hourly": "66", "starts": "2026-10-01"}]
        await bench.posted(resource(cost_rates=rates, hired_on="2020-02-03", left_on="2026-11-30"))
        person = shown(bench, "employee", "E-1")
        assert (str(person["laborCost"]), person["hireDate"], person["releaseDate"]) == (
            "66.00", "2020-02-03", "2026-11-30",
        )  # fmt: skip
        await bench.posted(make("rate_card", "R-UK01", currency="GBP", name="Standard", rates=[
            {"role": "SENIOR", "hourly": "150", "starts": "2026-01-01"},
            {"role": "SENIOR", "hourly": "175", "starts": "2026-01-01", "resource_id": "E-1"},
        ]))  # fmt: skip
        card = account(bench).books.get("rate_card", "R-UK01")
        assert isinstance(card, RateCard)
        assert [(rate.hourly_minor, rate.employee) for rate in card.rates] == [(15000, ""), (17500, "E-1")]

    run(test)


def test_one_id_may_name_a_person_a_contact_and_a_task() -> None:
    """Record types have external ids of their own."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        same = [
            resource(),
            contact(1).model_copy(update={"document_id": "E-1"}),
            task(1).model_copy(update={"document_id": "E-1"}),
        ]
        ids = [(await bench.posted(document)).vendor_id for document in same]
        assert len(set(ids)) == 3
        assert [(await bench.look_up(document))[0] for document in same] == [
            Posted(vendor_id=one) for one in ids
        ]

    run(test)


def test_work_says_what_it_is_part_of_and_who_pays() -> None:
    """Split entries, corrections, hours under a retainer, and what the customer pays of an expense."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(task(1))
        entry = time_entry(1, part_of="T-0", covered_by="retainer", task_id="TK-1")
        (answer,) = (await bench.connector.post([bench.delivery(entry)])).answers
        assert isinstance(answer, Posted)
        record = shown(bench, "timeBill", "T-1")
        assert (record["custcol_part_of"], record["custcol_covered_by"]) == ("T-0", "retainer")
        assert record["caseTaskEvent"] == {"id": bench.refs["task", "TK-1"]}
        row = account(bench).books.get("time", "T-1")
        assert isinstance(row, TimeRow)
        assert (row.covered, row.billable, row.wip_minor, row.rate_minor) == ("retainer", False, 0, 15000)
        await bench.posted(expense_item(1, amount="100", bill_amount="112.50"))
        await bench.posted(expense_item(2, amount="-100", bill_amount="-112.50", adjusts="X-1"))
        expense = account(bench).books.get("expense", "X-2")
        assert isinstance(expense, ExpenseRow)
        assert (expense.amount_minor, expense.bill_minor, expense.adjusts) == (-10000, -11250, "X-1")
        await bench.posted(expense_item(3, amount="100", bill_amount="112.50"))
        (made,) = (await bench.posted(billing_event())).created
        assert isinstance(made, Invoice)
        assert (str(made.net), str(made.tax)) == ("112.50", "22.50")

    run(test)


def test_a_closed_project_takes_no_time() -> None:
    """Closed is not cancelled: it reads back as closed, and can be opened again."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        project = chain()[3]
        await bench.posted(project.model_copy(update={"status": "closed"}))
        answer = await refused(bench, time_entry(1))
        assert (answer.code, answer.field) == ("USER_ERROR", "customer")
        (record,) = await bench.connector.read_back(
            "project", legal_entities=["UK01"], since="2026-01-01", until="2027-01-01"
        )
        assert record.status == "closed"
        await bench.posted(project)
        await bench.posted(time_entry(1))

    run(test)


def test_a_change_order_takes_effect_on_its_day() -> None:
    """The order shows the new lines; work of before is billed by the old ones; a stale or skipped version is refused."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(milestone(1, amount="100"))
        reduced = [
            contract_line(1, "time", tax_code="EXPORT", revenue="straight_line"),
            contract_line(2, "expenses", cap="50"),
        ]
        await bench.posted(change_order(1, 2, reduced, effective="2026-10-15", ends="2027-12-31"))
        order = shown(bench, "salesOrder", "K-UK01")
        assert (order["custbody_contract_version"], order["endDate"], len(order["item"]["items"])) == (
            2, "2027-12-31", 2,
        )  # fmt: skip
        assert order["item"]["items"][0]["custcol_revenue_method"] == "straight_line"
        for version in (1, 2, 4):
            answer = await refused(bench, change_order(9, version, reduced, effective="2026-10-20"))
            assert (answer.code, answer.field) == ("USER_ERROR", "custrecord_co_version"), version
        await bench.posted(time_entry(1, minutes=60, rate="100", work_date="2026-10-14"))
        await bench.posted(time_entry(2, minutes=60, rate="100", work_date="2026-10-15"))
        await bench.posted(chain()[3])  # a master sent again changes nothing of it
        (made,) = (await bench.posted(billing_event())).created
        assert isinstance(made, Invoice)
        assert sorted((line.tax_code, str(line.net), str(line.tax)) for line in made.lines) == [
            ("EXPORT", "100.00", "0.00"),
            ("GB-STD", "100.00", "20.00"),
        ]

    run(test)


def test_a_cap_holds_in_the_account_too() -> None:
    """Two hours at 100 under a cap of 150.50: the invoice stops there."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(contract([contract_line(1, "time", cap="150.50")]))
        await bench.post(*(time_entry(n, minutes=60, rate="100") for n in (1, 2)))
        (made,) = (await bench.posted(billing_event())).created
        assert isinstance(made, Invoice)
        assert str(made.net) == "150.50"

    run(test)


def test_deferred_revenue_is_recognised_by_journal_entries() -> None:
    """Billed 900 plus 180 tax: deferred; 300 recognised: 600 stay deferred, 300 are revenue."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(contract([contract_line(4, "subscription", fee="900", revenue="straight_line")]))
        await bench.posted(charge(1))
        await bench.posted(billing_event())
        assert balance(bench) == {"120000": 108000, "230000": -18000, "250000": -90000}
        await bench.posted(journal_entry(1, amount="300"))
        assert balance(bench) == {"120000": 108000, "230000": -18000, "250000": -60000, "400000": -30000}
        await bench.posted(
            journal_entry(
                2, reverses="JE-1", purpose="revenue",
                lines=[{"line": 1, "account": "REVENUE", "amount": "300", **DIMS},
                       {"line": 2, "account": "DEFERRED_REVENUE", "amount": "-300", **DIMS}],
            )
        )  # fmt: skip
        assert balance(bench)["250000"] == -90000
        lost = journal_entry(3, reverses="JE-9")
        assert await bench.post(lost) == [Missing(kind="journal_entry", document_id="JE-9")]

    run(test)


def test_charges_are_refused_where_they_do_not_belong() -> None:
    """A charge on a line that bills time, and one on a line that is not there."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for line in (1, 9):
            answer = await refused(bench, charge(line, line=line))
            assert (answer.code, answer.field) == ("INVALID_CONTENT", "salesOrderLine")
        assert bench.documents("charge") == []

    run(test)


def test_a_grouped_invoice_bills_each_project_by_its_contract() -> None:
    """One invoice for two projects of one customer; another customer's project is refused by name."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        second = contract([contract_line(1, "time", tax_code="EXPORT")]).model_copy(
            update={"document_id": "K-2"}
        )
        await bench.posted(second)
        project = chain()[3].model_copy(update={"document_id": "P-2", "contract_id": "K-2"})
        await bench.posted(project)
        await bench.posted(time_entry(1, minutes=60, rate="100"))
        await bench.posted(time_entry(2, minutes=60, rate="50", project_id="P-2"))
        other = make("customer", "C-2", name="Other", currency="GBP", country="GB")
        await bench.posted(other)
        await bench.posted(second.model_copy(update={"document_id": "K-3", "customer_id": "C-2"}))
        await bench.posted(
            project.model_copy(update={"document_id": "P-3", "contract_id": "K-3", "customer_id": "C-2"})
        )
        event = billing_event()
        wrong = event.model_copy(update={"with_projects": ("P-2", "P-3")})
        answer = await refused(bench, wrong)
        assert (answer.code, answer.field) == ("USER_ERROR", "custbody_with_projects")
        bench.refs["project", "P-9"] = "9999"
        gone = event.model_copy(update={"with_projects": ("P-2", "P-9")})
        assert await bench.post(gone) == [Missing(kind="project", document_id="P-9")]
        posted = await bench.posted(event.model_copy(update={"with_projects": ("P-2",)}))
        (made,) = posted.created
        assert isinstance(made, Invoice)
        assert (str(made.net), str(made.tax), str(made.total)) == ("150.00", "20.00", "170.00")
        assert balance(bench) == {"120000": 17000, "230000": -2000, "400000": -15000}

    run(test)


def test_a_foreign_invoice_is_kept_at_the_rate_it_brings() -> None:
    """100 USD at 0.80 is 80.00 GBP; paid at 0.75, 5.00 GBP are an exchange loss and nothing stays receivable."""

    async def test(bench: Bench) -> None:
        await bench.posted(chain()[0])
        direct = invoice(1, net="100", tax="0", total="100").model_copy(
            update={"currency": "USD", "project_id": None, "contract_id": None}
        )
        data = direct.model_dump(mode="json", exclude_none=True) | {"exchange_rate": "0.80"}
        data["lines"][0]["tax_code"] = "EXPORT"
        kind, document_id = data.pop("kind"), data.pop("document_id")
        await bench.posted(make(kind, document_id, **data))
        books = account(bench).books
        assert books.ledger.base_balance("UK01")["120000"] == 8000
        paid = payment(1, direct, "100").model_dump(mode="json", exclude_none=True) | {
            "exchange_rate": "0.75"
        }
        kind, document_id = paid.pop("kind"), paid.pop("document_id")
        await bench.posted(make(kind, document_id, **paid))
        base = {number: minor for number, minor in books.ledger.base_balance("UK01").items() if minor}
        assert base == {"100000": 7500, "400000": -8000, "700000": 500}

    run(test)


def test_a_contract_in_another_currency_is_billed_at_the_rate_the_event_brings() -> None:
    """Two hours at 100 USD, without tax: 200 USD, which at 0.80 are 160.00 GBP receivable."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        card = make("rate_card", "R-2", currency="USD", name="Dollars",
                    rates=[{"role": "SENIOR", "hourly": "100", "starts": "2026-01-01"}])  # fmt: skip
        await bench.posted(card)
        terms = contract([contract_line(1, "time", tax_code="EXPORT")], currency="USD", rate_card_id="R-2")
        await bench.posted(terms.model_copy(update={"document_id": "K-2"}))
        project = chain()[3].model_copy(
            update={"document_id": "P-2", "contract_id": "K-2", "currency": "USD"}
        )
        await bench.posted(project)
        await bench.posted(time_entry(1, minutes=120, rate="100", project_id="P-2", currency="USD"))
        event = billing_event().model_copy(
            update={
                "project_id": "P-2",
                "contract_id": "K-2",
                "currency": "USD",
                "exchange_rate": Decimal("0.80"),
            }
        )
        (made,) = (await bench.posted(event)).created
        assert isinstance(made, Invoice)
        assert (str(made.total), made.currency, str(made.exchange_rate)) == ("200.00", "USD", "0.80")
        assert account(bench).books.ledger.base_balance("UK01")["120000"] == 16000

    run(test)


def test_a_write_off_lowers_what_is_open() -> None:
    """20.50 of 120 are given up, then the rest is paid; more than is open is refused; it is no credit memo."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        direct = invoice(1)
        await bench.posted(direct)
        answer = await refused(bench, write_off(1, direct, "120.01"))
        assert answer.code == "USER_ERROR"
        await bench.posted(write_off(2, direct, "20.50"))
        assert (balance(bench)["660000"], balance(bench)["120000"]) == (2050, 9950)
        assert shown(bench, "invoice", "IN-1")["amountRemaining"] == 99.5
        credits_held = await bench.connector.read_back(
            "credit_memo", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert list(credits_held) == []
        await bench.posted(payment(1, direct, "99.50"))
        assert "120000" not in balance(bench)
        (record,) = await bench.connector.read_back(
            "invoice", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert record.status == "paid"

    run(test)


def leg(n: int, entity: str, other: str, accounts: tuple[str, str], amount: str = "66.42") -> Document:
    """One leg of an intercompany charge."""
    debit, credit = accounts
    return journal_entry(
        n, entity, purpose="intercompany", counterparty=other, project_id=None, source_id="T-1",
        lines=[{"line": 1, "account": debit, "amount": amount}, {"line": 2, "account": credit, "amount": f"-{amount}"}],
    )  # fmt: skip


def test_legs_of_an_intercompany_charge_go_in_batches() -> None:
    """A hundred and fifty entries of two entities in two batches; due-to and due-from are equal."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        legs = [leg(n, "UK01", "US01", ("INTERCOMPANY_COST", "DUE_TO")) for n in range(75)]
        legs += [
            leg(100 + n, "US01", "UK01", ("DUE_FROM", "INTERCOMPANY_REVENUE")).model_copy(
                update={"currency": "USD"}
            )
            for n in range(75)
        ]
        answers = await bench.post(*legs)
        assert all(isinstance(answer, Posted) for answer in answers)
        sent = [entry for entry in bench.app.requests if entry.path == RECORD + "journalEntry"]
        assert len(sent) == 2
        assert balance(bench) == {"235000": -498150, "650000": 498150}
        assert balance(bench, "US01") == {"130000": 498150, "450000": -498150}
        records = await bench.connector.read_back(
            "journal_entry", legal_entities=["US01"], since="2026-10-01", until="2026-11-01"
        )
        assert len(records) == 75
        assert [(line["account"], line["net_minor"], line["counterparty"]) for line in records[0].lines] == [
            ("DUE_FROM", 6642, "UK01"),
            ("INTERCOMPANY_REVENUE", -6642, "UK01"),
        ]

    run(test)


def test_a_ledger_entry_must_be_right() -> None:
    """A closed period and an unknown counterparty are refused by field; nothing is posted."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        closed = await refused(bench, journal_entry(1, accounting_date="2026-08-31"))
        assert (closed.code, closed.field) == ("PERIOD_CLOSED", "tranDate")
        unknown = await refused(bench, leg(2, "UK01", "FR01", ("INTERCOMPANY_COST", "DUE_TO")))
        assert unknown.field == "custbody_counterparty"
        assert bench.documents("journal_entry") == []

    run(test)
