"""What was agreed is what is billed, in both ERPs: the ledger of each scenario, reckoned by hand, to the cent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from router.canonical import events
from router.errors import RateMissing
from router.model import State, SystemId
from router.workflows.exchange import ExchangeRates
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_workflows import to

ERPS = ["sap_ecc", "netsuite"]
AR, WIP, TAX, DEFERRED = "120000", "140000", "230000", "250000"
REVENUE, UNBILLED, EXPENSE, EMPLOYEES = "400000", "410000", "600000", "240000"
CASH, FX = "100000", "700000"
LINE = {"tax_code": "GB-STD", "service_line": "CONSULTING", "description": "As agreed"}


def line(bills: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """A line of a contract on the wire."""
    return {**LINE, "line": number, "bills": bills, **fields}


def ledger(stand: Stand, erp: str, entity: str = "UK01") -> dict[str, int]:
    """Account to balance in minor units of the entity's currency, debit positive; nothing that is zero."""
    books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    found: dict[str, int] = books.ledger.base_balance(entity)
    return {account: minor for account, minor in sorted(found.items()) if minor}


async def send(stand: Stand, kind: str, event_id: str | None = None, /, **changed: Any) -> dict[str, Any]:
    """Send a document that must be accepted, and wait until nothing is on its way."""
    answer = await stand.post(event(kind, f"{kind} {event_id or 'first'}", **changed))
    assert answer.status_code == 202, answer.text
    await in_the_erps(stand)
    told: dict[str, Any] = answer.json()
    return told


async def in_the_erps(stand: Stand) -> None:
    """Wait (in virtual time) until the ERPs have everything; CRM and PSA know nothing of these projects."""
    for _ in range(3600):
        backlog = await stand.router.journal.backlog()
        states = [state for erp in ERPS for state in backlog.get(SystemId(erp), ())]
        if not {State.QUEUED, State.IN_FLIGHT, State.IN_DOUBT} & {*states}:
            return
        await asyncio.sleep(1)
    raise AssertionError(await stand.router.journal.lanes())


async def agreed(
    stand: Stand, *lines: dict[str, Any], billing: str = "time_and_materials", **fields: Any
) -> None:
    """Masters of the example project, under a contract with these lines."""
    for kind in ("rate_card", "resource", "customer"):
        await send(stand, kind)
    await send(stand, "contract", None, billing=billing, lines=list(lines), **fields)
    await send(stand, "project")


async def nothing_wrong(stand: Stand) -> None:
    """No exception waits for anybody."""
    assert (await stand.get("/v1/exceptions"))["exceptions"] == []


async def document(stand: Stand, kind: str, document_id: str) -> dict[str, Any]:
    """A document as the journal has it."""
    found: dict[str, Any] = await stand.get(f"/v1/documents/{kind}/{document_id}")
    return found


@pytest.mark.parametrize("erp", ERPS)
def test_time_is_split_at_the_cap(tmp_path: Path, erp: str) -> None:
    """900.00 at 150.00 an hour are 6 hours: of 440 minutes 360 are billed, 80 delivered for nothing.

    Before the invoice 900.00 are in progress; after it 900.00 are revenue and 180.00 tax at 20%.
    """

    async def test(stand: Stand) -> None:
        await agreed(stand, line("time", cap="900.00"))
        await send(stand, "time_entry")
        within = await document(stand, "time_entry", "TE-100")
        beyond = await document(stand, "time_entry", "TE-100.beyond")
        assert (within["minutes"], within["billable"]) == (360, True)
        assert (beyond["minutes"], beyond["billable"], beyond["part_of"]) == (80, False, "TE-100")
        assert ledger(stand, erp) == {WIP: 90_000, UNBILLED: -90_000}
        await send(stand, "time_entry", "later", document_id="TE-101", minutes=60)
        assert not (await document(stand, "time_entry", "TE-101"))["billable"]
        again = await stand.post(event("time_entry", "time_entry first"))
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        await send(stand, "billing_event")
        assert ledger(stand, erp) == {AR: 108_000, TAX: -18_000, REVENUE: -90_000}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_fixed_fee_is_billed_when_its_milestone_is_completed(tmp_path: Path, erp: str) -> None:
    """No invoice before the milestone; then 12,500.00 and 2,500.00 tax. Beyond the fee nothing is taken."""

    async def test(stand: Stand) -> None:
        await agreed(stand, line("milestones", fee="20000.00"), billing="fixed_fee", rate_card_id=None)
        asked = await stand.post(event("billing_event", milestone_ids=["MS-100"]))
        assert (asked.status_code, asked.json()["state"]) == (202, "parked")
        (waiting,) = (await stand.get("/v1/exceptions"))["exceptions"]
        assert "waits for milestone MS-100" in waiting["problem"]
        assert ledger(stand, erp) == {}
        future = await stand.post(event("milestone", "soon", document_id="MS-1", completed_on="2026-10-31"))
        assert (future.status_code, future.json()["type"]) == (
            422,
            "urn:coexist:problem:milestone-incomplete",
        )
        assert ledger(stand, erp) == {}, "nothing is billed before completion"
        await send(stand, "milestone")
        await asyncio.sleep(10)
        await in_the_erps(stand)
        assert ledger(stand, erp) == {AR: 1_500_000, TAX: -250_000, REVENUE: -1_250_000}
        more = await stand.post(event("milestone", "more", document_id="MS-2"))
        assert (more.status_code, more.json()["type"]) == (422, "urn:coexist:problem:fee-exceeded")
        assert "7500.00 left of its fee" in more.json()["detail"]
        await send(stand, "milestone", "rest", document_id="MS-3", amount="7500.00")
        await send(stand, "billing_event", "rest", document_id="BE-2")
        assert (await document(stand, "billing_event", "BE-2"))["milestone_ids"] == ["MS-3"]
        assert ledger(stand, erp) == {AR: 2_400_000, TAX: -400_000, REVENUE: -2_000_000}
        again = await stand.post(event("milestone", "milestone first"))
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_retainer_is_billed_in_advance_and_drawn_down(tmp_path: Path, erp: str) -> None:
    """900.00 a month cover 6 of 8 hours; 2 hours overage at 150.00: 1,200.00 net, 240.00 tax.

    The retainer's revenue is earned by draw-down: 900.00 of covered time in October.
    """

    async def test(stand: Stand) -> None:
        await agreed(
            stand,
            line("retainer", fee="900.00", revenue="percentage_of_completion"),
            line("time", 2),
            billing="retainer",
        )
        await send(stand, "time_entry", None, minutes=480)
        covered = await document(stand, "time_entry", "TE-100")
        overage = await document(stand, "time_entry", "TE-100.beyond")
        assert (covered["minutes"], covered["billable"], covered["covered_by"]) == (360, False, "retainer")
        assert (overage["minutes"], overage["billable"], overage["bill_rate"]) == (120, True, "150.00")
        assert ledger(stand, erp) == {WIP: 30_000, UNBILLED: -30_000}
        await send(stand, "billing_event")
        assert (await document(stand, "billing_event", "BE-100"))["charge_ids"] == ["CH-K-100-1-202610"]
        assert ledger(stand, erp) == {AR: 144_000, TAX: -24_000, DEFERRED: -90_000, REVENUE: -30_000}
        asked = {"legal_entity": "UK01", "period": "2026-10"}
        for _ in range(2):
            answer = await stand.post(asked, "/v1/processes/recognise-revenue")
            assert answer.status_code == 200, answer.text
            await in_the_erps(stand)
            assert ledger(stand, erp) == {AR: 144_000, TAX: -24_000, REVENUE: -120_000}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_subscription_is_prorated_and_earned_over_its_days(tmp_path: Path, erp: str) -> None:
    """1,300.00 a month from 15 October, 1,600.00 from 15 November, billed in advance and deferred.

    October: 17 of 31 days = 712.90, tax 142.58. November: 14 of 30 at 1,300.00 = 606.67 and 16 of 30 at
    1,600.00 = 853.33, together 1,460.00, tax 292.00. Earned in October: 712.90; the rest stays deferred.
    """

    async def test(stand: Stand) -> None:
        fee = line("subscription", fee="1300.00", revenue="straight_line")
        await agreed(stand, fee, billing="subscription", rate_card_id=None, starts="2026-10-15")
        await send(stand, "billing_event")
        assert ledger(stand, erp) == {AR: 85_548, TAX: -14_258, DEFERRED: -71_290}
        await send(stand, "change_order", None, effective="2026-11-15", lines=[{**fee, "fee": "1600.00"}])
        november = {"document_id": "BE-101", "period": "2026-11", "through": "2026-11-30"}
        await send(stand, "billing_event", "november", **november)
        first = await document(stand, "charge", "CH-K-100-1-202611a")
        second = await document(stand, "charge", "CH-K-100-1-202611b")
        assert [first["amount"], second["amount"]] == ["606.67", "853.33"]
        assert [second["service_from"], second["service_until"]] == ["2026-11-15", "2026-11-30"]
        assert ledger(stand, erp) == {AR: 260_748, TAX: -43_458, DEFERRED: -217_290}
        answer = await stand.post(
            {"legal_entity": "UK01", "period": "2026-10"}, "/v1/processes/recognise-revenue"
        )
        (told,) = answer.json()["lines"]
        assert (told["earned_to_date"], told["amount"], told["schedule"]) == (
            "712.90",
            "712.90",
            "RS-K-100-1",
        )
        await in_the_erps(stand)
        assert ledger(stand, erp) == {AR: 260_748, TAX: -43_458, DEFERRED: -146_000, REVENUE: -71_290}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_price_that_changes_after_the_bill_is_charged_all_the_same(tmp_path: Path, erp: str) -> None:
    """1000.00 a month to 14 October, 1300.00 from then on; billed on the 10th and at the month's end.

    The first invoice has 1000.00 x 14/31 = 451.61, the second the other 712.91; tax is 90.32 and 142.58.
    """

    async def test(stand: Stand) -> None:
        fees = [line("subscription", fee=fee) for fee in ("1000.00", "1300.00")]
        await agreed(stand, fees[0], billing="subscription", rate_card_id=None, starts="2026-10-01")
        change = {"contract_version": 2, "effective": "2026-10-15", "lines": [fees[1]]}
        await send(stand, "change_order", **change)
        for day in ("2026-10-10", "2026-10-31"):
            body = {"legal_entity": "UK01", "period": "2026-10", "through": day}
            (bill,) = (await stand.post(body, "/v1/processes/bill")).json()["bills"]
            assert bill["unbilled"] == ("451.61" if day == "2026-10-10" else "712.91")
            await in_the_erps(stand)
        nets = [
            (await document(stand, "invoice", row["document_id"]))["net"]
            for row in await stand.of_kind("invoice")
        ]
        assert nets == ["451.61", "712.91"]
        assert ledger(stand, erp) == {AR: 139_742, TAX: -23_290, REVENUE: -116_452}
        (nothing,) = (await stand.post(body, "/v1/processes/bill")).json()["bills"]
        assert nothing["blockers"]
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("ends", ["2099-12-31", "9999-12-31"])
def test_a_contract_to_the_end_of_time_is_billed_and_earned_as_one_without_end(
    tmp_path: Path, ends: str
) -> None:
    """Such a day stands for none: the entity's bills, revenue and positions are not spoiled by it."""

    async def test(stand: Stand) -> None:
        fee = line("subscription", fee="1000.00", revenue="straight_line")
        fields = {"starts": "2026-10-01", "ends": ends, "engagement_id": "E-1"}
        await agreed(stand, fee, billing="subscription", rate_card_id=None, **fields)
        body = {"legal_entity": "UK01", "period": "2026-10"}
        billed = await stand.post(body | {"through": "2026-10-31"}, "/v1/processes/bill")
        assert billed.json()["bills"][0]["unbilled"] == "1000.00"
        await in_the_erps(stand)
        (earned,) = (await stand.post(body, "/v1/processes/recognise-revenue")).json()["lines"]
        assert (earned["amount"], earned["problem"]) == ("1000.00", "")
        await in_the_erps(stand)
        (position,) = (await stand.get("/v1/engagements/E-1"))["contracts"]
        assert (position["contracted"], position["billed"]) == (None, "1000.00")
        for path in ("bill", "recognise-revenue"):
            for period in ("0000-01", "9999-12"):
                wrong = body | {"period": period} | ({"through": "2026-10-31"} if path == "bill" else {})
                answer = await stand.post(wrong, f"/v1/processes/{path}")
                assert (answer.status_code, "period" in answer.json()["detail"]) == (422, True)
        assert (await stand.http.get("/v1/engagements/E-1?through=9999-12-31")).status_code == 422
        await nothing_wrong(stand)

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_expenses_carry_a_mark_up_within_policy(tmp_path: Path, erp: str) -> None:
    """A meal of 150.00: 120.00 are passed on at 12.5% mark-up = 135.00, 30.00 are the firm's cost."""

    async def test(stand: Stand) -> None:
        await agreed(stand, line("expenses", markup_basis_points=1_250))
        await send(stand, "expense_item", None, category="MEALS", amount="150.00")
        kept = await document(stand, "expense_item", "EX-100")
        rest = await document(stand, "expense_item", "EX-100.beyond")
        assert (kept["amount"], kept["bill_amount"]) == ("120.00", "135.00")
        assert (rest["amount"], rest["billable"], rest["part_of"]) == ("30.00", False, "EX-100")
        cost = {EXPENSE: 15_000, EMPLOYEES: -15_000}
        assert ledger(stand, erp) == dict(sorted(({WIP: 13_500, UNBILLED: -13_500} | cost).items()))
        await send(stand, "expense_item", "fun", document_id="EX-2", category="ENTERTAINMENT", amount="80.00")
        assert not (await document(stand, "expense_item", "EX-2"))["billable"]
        await send(stand, "billing_event")
        cost = {EXPENSE: 23_000, EMPLOYEES: -23_000}
        assert ledger(stand, erp) == dict(
            sorted(({AR: 16_200, TAX: -2_700, REVENUE: -13_500} | cost).items())
        )

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_one_invoice_for_all_of_a_customers_projects(tmp_path: Path, erp: str) -> None:
    """Two contracts grouped by customer: 6 h at 150.00 and 2 h at 150.00 on one invoice of 1,200.00 net."""

    async def test(stand: Stand) -> None:
        await agreed(stand, line("time"), group_by="customer")
        await send(stand, "contract", "two", document_id="K-200", group_by="customer", lines=[line("time")])
        await send(stand, "project", "two", document_id="P-200", contract_id="K-200")
        await send(stand, "time_entry", None, minutes=360)
        await send(stand, "time_entry", "two", document_id="TE-2", project_id="P-200", minutes=120)
        asked = {"legal_entity": "UK01", "period": "2026-10", "through": "2026-10-31"}
        dry = (await stand.post({**asked, "dry_run": True}, "/v1/processes/bill")).json()
        (bill,) = dry["bills"]
        assert (bill["projects"], bill["unbilled"], bill["blockers"]) == (["P-100", "P-200"], "1200.00", [])
        assert await stand.of_kind("billing_event") == []
        real = (await stand.post(asked, "/v1/processes/bill")).json()
        await in_the_erps(stand)
        assert real["bills"][0]["accepted"][0]["status"] == 202
        assert ledger(stand, erp) == {AR: 144_000, TAX: -24_000, REVENUE: -120_000}
        assert len(await stand.of_kind("invoice")) == 1
        (after,) = (await stand.post(asked, "/v1/processes/bill")).json()["bills"]
        assert (after["unbilled"], "accepted" in after) == ("0.00", False)
        assert "nothing is unbilled" in after["blockers"][0]
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_contract_in_another_currency_is_booked_at_the_rate_of_its_day(tmp_path: Path, erp: str) -> None:
    """EUR through USD: 1.1267 / 1.3142 = 0.8573276518 on 30 October, 1.1219 / 1.3088 = 0.8571974328 after it.

    6 h at EUR 150.00 = 900.00 net, 180.00 tax: 771.59 and 154.32 GBP, together 925.91. The payment of
    EUR 1,080.00 is worth 925.77 GBP: 0.14 exchange difference, and nothing is left of the receivable.
    """

    async def test(stand: Stand) -> None:
        euros = {"currency": "EUR"}
        await send(stand, "rate_card", None, **euros)
        await send(stand, "resource")
        await send(stand, "customer", None, **euros)
        await send(stand, "contract", None, **euros, lines=[line("time")])
        await send(stand, "project", None, **euros)
        await send(stand, "time_entry", None, **euros, minutes=360)
        await send(stand, "billing_event", None, **euros)
        assert (await document(stand, "billing_event", "BE-100"))["exchange_rate"] == "0.8573276518"
        assert ledger(stand, erp) == {AR: 92_591, TAX: -15_432, REVENUE: -77_159}
        paid = {
            "amount": "1080.00",
            "invoice_id": "INV-BE-100",
            "paid_on": "2026-11-02",
            "accounting_date": "2026-11-02",
        }
        await send(stand, "payment", None, **euros, **paid)
        assert (await document(stand, "payment", "PAY-100"))["exchange_rate"] == "0.8571974328"
        assert ledger(stand, erp) == {CASH: 92_577, TAX: -15_432, REVENUE: -77_159, FX: 14}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


def test_a_missing_exchange_rate_is_named(tmp_path: Path) -> None:
    """Nothing is guessed: pair, type and day are in the answer, and where to add the rate."""

    async def test(stand: Stand) -> None:
        answer = await stand.post(event("billing_event", currency="CHF"))
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (422, "urn:coexist:problem:fx-rate-missing")
        assert "no spot rate from CHF to GBP on 2026-10-30" in problem["detail"]

    on_stand(tmp_path, test)


def test_a_repeat_gets_its_first_answer_though_the_rate_is_gone(tmp_path: Path) -> None:
    """A rate withdrawn later refuses what is new, not what was accepted with it."""

    async def test(stand: Stand) -> None:
        sent = event("billing_event", currency="EUR")
        assert (await stand.post(sent)).status_code == 202
        router = stand.router
        without = router.landscape.model_copy(update={"fx_rates": ()})
        vet = ExchangeRates(journal=router.journal, directory=router.directory, landscape=without)
        known = router.intake.submission(events.read(sent), client="test", received=b"{}")
        assert await vet.look(known) is known
        sent["data"]["document_id"] = "BE-NEW"
        new = router.intake.submission(events.read(sent), client="test", received=b"{}")
        with pytest.raises(RateMissing, match="no spot rate from EUR to GBP"):
            await vet.look(new)

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_a_sale_across_the_border_is_reverse_charged(tmp_path: Path, erp: str) -> None:
    """DE01 wins a deal with a registered French customer: no tax, and its papers say who owes it."""

    async def test(stand: Stand) -> None:
        home = {"legal_entity": "DE01", "currency": "EUR"}
        await send(stand, "rate_card", None, **home, document_id="RC-DE01")
        await send(stand, "resource", None, **home)
        await send(stand, "customer", None, **home, country="FR", tax_registration="FR40303265045")
        won = {"country": "FR", "billing": "time_and_materials", "document_id": "OPP-9"}
        await send(stand, "opportunity", None, **home, **won)
        (contract,) = await stand.of_kind("contract")
        told = await document(stand, "contract", contract["document_id"])
        assert [row["tax_code"] for row in told["lines"]] == ["EU-RC", "EU-RC"]
        assert "Reverse charge: the customer accounts for the tax" in told["lines"][0]["description"]
        project = (await stand.of_kind("project"))[0]["document_id"]
        on = {**home, "project_id": project}
        await send(stand, "time_entry", None, **on, minutes=360)
        await send(stand, "billing_event", None, **on, contract_id=told["document_id"])
        assert ledger(stand, erp, "DE01") == {AR: 90_000, REVENUE: -90_000}
        feedback = [row async for row in stand.router.journal.jobs() if row["facts"].get("tax_note")]
        assert {row["target"] for row in feedback} == {"kantata", "salesforce"}

    on_stand(tmp_path, test, routes=to(erp))


BOTH = """
version: 1
default: {authority: sap_ecc}
rules:
  - {id: uk-is-over, when: legal_entity == "UK01", authority: netsuite}
"""


def test_one_engagement_billed_by_two_entities_in_two_erps(tmp_path: Path) -> None:
    """UK01 (cloud ERP) bills 900.00 GBP, US01 (legacy ERP) 300.00 USD; the group sees 1,482.78 USD.

    900.00 x 1.3142 = 1,182.78 USD by the spot rate of 30 October.
    """

    async def test(stand: Stand) -> None:
        await agreed(stand, line("time", cap="2000.00"), engagement_id="ENG-1")
        america = {"legal_entity": "US01", "region": "AMER", "currency": "USD"}
        await send(stand, "rate_card", "us", **america, document_id="RC-US01")
        await send(stand, "resource", "us", **america, document_id="R-200")
        await send(
            stand, "customer", "us", **america, document_id="C-200", country="US", name="Southwind Inc"
        )
        own = {"customer_id": "C-200", "engagement_id": "ENG-1", "rate_card_id": "RC-US01"}
        terms = [{**line("time", cap="1000.00"), "tax_code": "US-EXEMPT"}]
        await send(stand, "contract", "us", **america, **own, document_id="K-200", lines=terms)
        on = {"customer_id": "C-200", "contract_id": "K-200", "document_id": "P-200", "name": "Audit"}
        await send(stand, "project", "us", **america, **on)
        await send(stand, "time_entry", None, minutes=360)
        work = {"project_id": "P-200", "document_id": "TE-2", "resource_id": "R-200", "minutes": 120}
        await send(stand, "time_entry", "us", **america, **work)
        for entity in ("UK01", "US01"):
            asked = {"legal_entity": entity, "period": "2026-10", "through": "2026-10-30"}
            answer = await stand.post(asked, "/v1/processes/bill")
            assert answer.json()["bills"][0]["accepted"][0]["status"] == 202, answer.text
            await in_the_erps(stand)
        assert ledger(stand, "netsuite", "UK01") == {AR: 108_000, TAX: -18_000, REVENUE: -90_000}
        assert ledger(stand, "sap_ecc", "US01") == {AR: 30_000, REVENUE: -30_000}
        assert (ledger(stand, "sap_ecc", "UK01"), ledger(stand, "netsuite", "US01")) == ({}, {})
        shown = await stand.get("/v1/engagements/ENG-1?through=2026-10-30")
        assert [(row["legal_entity"], row["billed"], row["unbilled"]) for row in shown["contracts"]] == [
            ("UK01", "900.00", "0.00"),
            ("US01", "300.00", "0.00"),
        ]
        assert shown["group"] == {
            "currency": "USD", "contracted": "3628.40", "billed": "1482.78", "unbilled": "0.00",
        }  # fmt: skip
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=BOTH)


def test_a_person_has_a_price_of_their_own(tmp_path: Path) -> None:
    """Baker costs 180.00 from 15 October, other consultants 150.00: person before role, by the work date."""

    async def test(stand: Stand) -> None:
        rates = [
            {"role": "CONSULTANT", "hourly": "150.00", "starts": "2026-01-01"},
            {"role": "CONSULTANT", "hourly": "180.00", "starts": "2026-10-15", "resource_id": "R-100"},
        ]
        await send(stand, "rate_card", None, rates=rates)
        for kind in ("resource", "customer", "contract", "project"):
            await send(stand, kind)
        entries = [
            {"document_id": f"T-{at}", "project_id": "P-100", "resource_id": "R-100", "work_date": day,
             "minutes": 60, "billable": True}
            for at, day in enumerate(("2026-10-14", "2026-10-15"))
        ]  # fmt: skip
        answer = await stand.post({"entries": entries}, "/v1/processes/submit-approved-time")
        assert [row["status"] for row in answer.json()["results"]] == [202, 202]
        assert [(await document(stand, "time_entry", f"T-{at}"))["bill_rate"] for at in (0, 1)] == [
            "150.00",
            "180.00",
        ]

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_a_credit_takes_back_what_its_invoice_booked_at_its_rate(tmp_path: Path, erp: str) -> None:
    """The agreed rate of the contract, 0.9, books 810.00 + 162.00 GBP of EUR 1,080.00; a later credit leaves nothing."""

    async def test(stand: Stand) -> None:
        euros = {"currency": "EUR"}
        for kind in ("rate_card", "resource", "customer"):
            await send(stand, kind, None, **({} if kind == "resource" else euros))
        agreement = {"rate_type": "contract", "exchange_rate": "0.9", "lines": [line("time")]}
        await send(stand, "contract", None, **euros, **agreement)
        await send(stand, "project", None, **euros)
        await send(stand, "time_entry", None, **euros, minutes=360)
        await send(stand, "billing_event", None, **euros)
        assert ledger(stand, erp) == {AR: 97_200, TAX: -16_200, REVENUE: -81_000}
        amounts = {"net": "900.00", "tax": "180.00"}
        credit = {
            "invoice_id": "INV-BE-100", "accounting_date": "2026-11-02", **amounts, "total": "1080.00",
            "lines": [{"line": 1, "description": "All of it", "tax_code": "GB-STD", **amounts}],
        }  # fmt: skip
        await send(stand, "credit_memo", None, **euros, **credit)
        assert (await document(stand, "credit_memo", "CM-100"))["exchange_rate"] == "0.9"
        assert ledger(stand, erp) == {}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_a_correction_gives_a_retainer_back_what_it_drew(tmp_path: Path, erp: str) -> None:
    """900.00 cover 6 hours; 2 of them taken back cover 2 of the next 3, so that 1 hour of 150.00 is overage."""

    async def test(stand: Stand) -> None:
        await agreed(stand, line("retainer", fee="900.00"), line("time", 2), billing="retainer")
        await send(stand, "time_entry", None, minutes=360)
        taken_back = {"document_id": "TE-101", "minutes": -120, "adjusts": "TE-100"}
        await send(stand, "time_entry", "back", **taken_back)
        back = await document(stand, "time_entry", "TE-101")
        assert (back["billable"], back["covered_by"]) == (False, "retainer"), "as what it takes back was"
        await send(stand, "time_entry", "more", document_id="TE-102", minutes=180)
        covered = await document(stand, "time_entry", "TE-102")
        overage = await document(stand, "time_entry", "TE-102.beyond")
        assert (covered["minutes"], overage["minutes"], overage["billable"]) == (120, 60, True)
        assert (await stand.router.journal.registers(["retainer:K-100/1"])) == {"retainer:K-100/1": 90_000}
        assert ledger(stand, erp) == {WIP: 15_000, UNBILLED: -15_000}
        await nothing_wrong(stand)

    on_stand(tmp_path, test, routes=to(erp))


def test_an_invoice_sent_line_by_line_says_who_owes_the_tax(tmp_path: Path) -> None:
    """Under a reverse-charge code each line carries the sentence; the sender's code and amounts stay."""

    async def test(stand: Stand) -> None:
        await send(stand, "customer")
        rows = [{"line": 1, "description": "Advice", "net": "100.00", "tax_code": "EU-RC", "tax": "0.00"}]
        totals = {"net": "100.00", "tax": "0.00", "total": "100.00"}
        await send(stand, "invoice", None, project_id=None, contract_id=None, lines=rows, **totals)
        (told,) = (await document(stand, "invoice", "INV-100"))["lines"]
        assert told["description"] == "Advice - Reverse charge: the customer accounts for the tax"
        assert (told["tax_code"], told["net"]) == ("EU-RC", "100.00")

    on_stand(tmp_path, test, routes=to("netsuite"))
