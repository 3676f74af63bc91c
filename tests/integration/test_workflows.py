"""Business processes end to end over the real simulators: won deals, approved work, invoices, payments."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.canonical.money import Money
from router.errors import NotFound
from router.ingest.observations import Observations
from router.ingest.replays import Replays
from tests.integration.router_stand import Stand, event, on_stand

DATA = "/services/data/v60.0/sobjects"
PSA = "/api/v1"
POLL_S = 1_000
"""Longer than a feed waits between two looks."""
ERPS = ["sap_ecc", "netsuite"]


def to(erp: str) -> str:
    """A route table that sends everything to one ERP."""
    return f"version: 1\ndefault: {{authority: {erp}}}\nrules: []\n"


async def win(stand: Stand, **fields: Any) -> str:
    """Somebody closes a deal in the CRM; its opportunity's id."""
    account = {
        "Name": "Acme Ltd", "Customer_Code__c": "C-7", "BillingCountryCode": "GB", "CurrencyIsoCode": "GBP",
    }  # fmt: skip
    made = await stand.person("salesforce", "POST", f"{DATA}/Account", account)
    deal = {
        "Name": "New ERP", "AccountId": made["id"], "StageName": "Negotiation/Review", "Amount": 50000,
        "CurrencyIsoCode": "GBP", "CloseDate": "2026-10-30", "Legal_Entity__c": "UK01",
        "Business_Unit__c": "CONSULTING", "Billing_Type__c": "Time & Materials", **fields,
    }  # fmt: skip
    opportunity = await stand.person("salesforce", "POST", f"{DATA}/Opportunity", deal)
    await asyncio.sleep(POLL_S)
    assert await stand.of_kind("opportunity") == [], "a deal that is not won is nobody's business"
    path = f"{DATA}/Opportunity/{opportunity['id']}"
    await stand.person("salesforce", "PATCH", path, {"StageName": "Closed Won"})
    return str(opportunity["id"])


async def polled(stand: Stand) -> None:
    """Every feed has been read, and what came of it is settled."""
    await asyncio.sleep(POLL_S)
    await stand.settled()


def deal(stand: Stand, opportunity: str) -> dict[str, Any]:
    """The opportunity as the CRM shows it."""
    return next(row for row in stand.records("salesforce")["Opportunity"] if row["Id"] == opportunity)


def held_by(stand: Stand, erp: str) -> dict[str, str]:
    """Type → status of what an ERP holds of the won deal."""
    rows = stand.simulators[erp].sim.state()["documents"]
    return {row["type"]: row["status"] for row in rows if row["type"] in ("customer", "contract", "project")}


@pytest.mark.parametrize("erp", ERPS)
def test_a_won_deal_becomes_a_project_everywhere(tmp_path: Path, erp: str) -> None:
    """CRM → customer, contract and project in the ERP → workspace in the PSA → its code in the CRM; once."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource")
        opportunity = await win(stand)
        await polled(stand)
        code = deal(stand, opportunity)["Project_Code__c"]
        assert code.startswith("P-UK01-")
        assert deal(stand, opportunity)["Project_Status__c"] == "active"
        (workspace,) = stand.records("kantata")["workspaces"]
        (reference,) = stand.records("kantata")["external_references"]
        assert workspace["title"] == f"{code} New ERP"
        assert (reference["service_model_ref"], reference["subject_id"]) == (code, workspace["id"])
        assert set(held_by(stand, erp)) == {"customer", "contract", "project"}
        (project,) = await stand.of_kind("project")
        told = await stand.get(f"/v1/transactions/{project['transaction_id']}")
        assert told["process"]["step"] == "done"
        assert [(job["target"], job["state"]) for job in told["jobs"]] == [
            (erp, "posted"), ("kantata", "posted"), ("salesforce", "posted"),
        ]  # fmt: skip
        before = await stand.count()
        path = f"{DATA}/Opportunity/{opportunity}"
        await stand.person("salesforce", "PATCH", path, {"NextStep": "Kick-off"})
        body = event("opportunity", document_id=f"OPP-{opportunity}", customer_id="C-7")["data"]
        again = await stand.post(body, "/v1/processes/initiate-project")
        assert again.status_code == 202
        await polled(stand)
        assert await stand.count() == before + 1, "seen again, a deal is recorded and not set up twice"
        assert len(stand.records("kantata")["workspaces"]) == 1

    on_stand(tmp_path, test, routes=to(erp))


def test_a_won_deal_may_come_as_an_event(tmp_path: Path) -> None:
    """`coexist example opportunity`, posted like any transaction, starts the same process."""

    async def test(stand: Stand) -> None:
        answer = await stand.post(event("opportunity"))
        assert answer.json()["correlation_id"] == "initiate-project:OPP-100"
        assert answer.json()["route"] is None
        batch = await stand.post(b"%b\n" % answer.request.content, "/v1/transactions:batch")
        assert (batch.json()["replayed"], len(batch.json()["results"])) == (1, 1)
        await stand.settled()
        assert set(held_by(stand, "sap_ecc")) == {"customer", "contract", "project"}

    on_stand(tmp_path, test)


async def closed_company(stand: Stand, erp: str, *, after: str) -> None:
    """The ERP's company UK01 is taken away once it holds a kind of document; given back when it said no."""
    books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    whole = books.firm
    while after and after not in held_by(stand, erp):  # noqa: ASYNC110 - the ERP tells nobody
        await asyncio.sleep(0.05)
    books.firm = replace(
        whole, entities={name: row for name, row in whole.entities.items() if name != "UK01"}
    )
    while not await refused(stand):  # noqa: ASYNC110 - the journal tells nobody
        await asyncio.sleep(1)
    books.firm = whole


async def refused(stand: Stand) -> list[dict[str, Any]]:
    """What waits for a person."""
    rows: list[dict[str, Any]] = (await stand.get("/v1/exceptions"))["exceptions"]
    return rows


@pytest.mark.parametrize(
    ("after", "step", "undone"),
    [
        ("", "customer", {}),
        ("customer", "contract", {"customer": "inactive"}),
        ("contract", "project", {"customer": "inactive", "contract": "inactive"}),
    ],
)
def test_a_refusal_by_the_erp_takes_back_what_was_done(
    tmp_path: Path, after: str, step: str, undone: dict[str, str]
) -> None:
    """Whatever step the ERP refuses, the steps before are cancelled in reverse and the CRM says why."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card")
        closing = asyncio.create_task(closed_company(stand, "sap_ecc", after=after))
        opportunity = await win(stand)
        await polled(stand)
        await closing
        (exception,) = await refused(stand)
        assert (exception["kind"], exception["state"]) == (step, "refused")
        shown = deal(stand, opportunity)
        assert (shown["Project_Status__c"], shown["Project_Code__c"]) == ("failed", None)
        assert f"sap_ecc did not take the {step}" in shown["Project_Problem__c"]
        assert held_by(stand, "sap_ecc") == undone
        assert stand.records("kantata")["workspaces"] == []
        told = await stand.get(f"/v1/transactions/{exception['transaction_id']}")
        assert (told["process"]["step"], step in told["process"]["why"]) == ("failed", True)
        cancels = [row async for row in stand.router.journal.jobs() if row["operation"] == "cancel"]
        assert [row["kind"] for row in cancels] == [
            kind for kind in ("contract", "customer") if kind in undone
        ]
        assert all(row["state"] == "posted" for row in cancels)

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_a_refusal_by_the_psa_takes_back_what_was_done(tmp_path: Path, erp: str) -> None:
    """A template the PSA does not have: project, contract and customer are cancelled in the ERP, the CRM knows."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card")
        opportunity = await win(stand, Project_Template__c="NO-SUCH")
        await polled(stand)
        shown = deal(stand, opportunity)
        assert (shown["Project_Status__c"], shown["Project_Code__c"]) == ("failed", None)
        assert "NO-SUCH" in shown["Project_Problem__c"]
        assert held_by(stand, erp) == {"customer": "inactive", "contract": "inactive", "project": "closed"}
        cancels = [row async for row in stand.router.journal.jobs() if row["operation"] == "cancel"]
        assert [row["kind"] for row in cancels] == ["project", "contract", "customer"]
        settled = [row["settled_at"] for row in cancels]
        assert settled == sorted(settled), "in reverse, one after the other"
        # The next deal with this customer sets the customer up again before its contract.
        known = event("opportunity", "again", document_id="OPP-2", customer_id="C-7")
        await stand.post(known)
        await stand.settled()
        assert held_by(stand, erp) == {"customer": "active", "contract": "active", "project": "active"}

    on_stand(tmp_path, test, routes=to(erp))


async def at_work(stand: Stand, *, code: str = "P-100") -> None:
    """A person in the PSA on a project that carries a project code."""
    users = [{"id": "11", "full_name": "B. Baker", "email_address": "b@x.example", "currency": "GBP"}]
    space = {"id": "21", "title": f"{code} ERP advisory", "currency": "GBP", "start_date": "2026-10-01"}
    reference = {"service_name": "coexist", "status": "successful"}
    rows = {
        "users": users,
        "workspaces": [space],
        "external_references": [
            {**reference, "id": "1", "service_model": "Project", "service_model_ref": code,
             "subject_type": "Workspace", "subject_id": "21"},
            {**reference, "id": "2", "service_model": "Employee", "service_model_ref": "R-100",
             "subject_type": "User", "subject_id": "11"},
        ],
    }  # fmt: skip
    await stand.sim("kantata", "seed", rows)


async def worked(stand: Stand, *, minutes: int = 440) -> str:
    """Somebody enters time in the PSA; the entry's id."""
    entry = {
        "workspace_id": "21", "user_id": "11", "date_performed": "2026-10-29", "time_in_minutes": minutes,
        "billable": True, "notes": "Design",
    }  # fmt: skip
    made = await stand.person("kantata", "POST", f"{PSA}/time_entries", {"time_entry": entry})
    return str(next(iter(made["time_entries"])))


async def approve(stand: Stand, *entries: str) -> str:
    """Hand entries in and approve them; the submission's id."""
    sheet = {"workspace_id": "21", "title": "Week 44", "line_item_ids": list(entries)}
    path = f"{PSA}/timesheet_submissions"
    made = await stand.person("kantata", "POST", path, {"timesheet_submission": sheet})
    submission = str(next(iter(made["timesheet_submissions"])))
    body = {"resolution": {"description": "ok"}}
    await stand.person("kantata", "PUT", f"{path}/{submission}/approve", body)
    return submission


def test_only_approved_time_is_sent_and_it_is_enriched(tmp_path: Path) -> None:
    """Time in the PSA stays there until it is approved; then it has rate, entity and cost centre, in the ERP, once."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        await at_work(stand)
        first, second = await worked(stand), await worked(stand, minutes=60)
        await polled(stand)
        assert await stand.of_kind("time_entry") == []
        await approve(stand, first)
        await polled(stand)
        (entry,) = await stand.of_kind("time_entry")
        told = await stand.get(f"/v1/transactions/{entry['transaction_id']}")
        document = told["document"]
        assert (told["state"], document["document_id"], document["minutes"]) == ("posted", f"TE-{first}", 440)
        assert {name: document[name] for name in ("bill_rate", "legal_entity", "cost_center", "department")} == {
            "bill_rate": "150.00", "legal_entity": "UK01", "cost_center": "CC-UK01", "department": "DELIVERY",
        }  # fmt: skip
        assert {"system": "kantata", "vendor_id": first} in told["crosswalk"]
        held = [row for row in stand.simulators["sap_ecc"].sim.state()["documents"] if row["type"] == "time"]
        assert [(row["external_id"], row["minutes"]) for row in held] == [(f"TE-{first}", 440)]
        assert second not in {row["external_id"] for row in held}

    on_stand(tmp_path, test)


def test_a_milestone_changed_after_it_was_sent_is_parked_for_a_person(tmp_path: Path) -> None:
    """A completed milestone with another amount: never a second posting, never lost from sight."""

    async def test(stand: Stand) -> None:
        line = {"line": 1, "bills": "milestones", "description": "Fixed fee", "tax_code": "GB-STD",
                "service_line": "CONSULTING", "fee": "5000.00"}  # fmt: skip
        await stand.posted("rate_card", "resource", "customer")
        await stand.post(event("contract", billing="fixed_fee", lines=[line]))
        await stand.posted("project")
        await at_work(stand)
        story = {
            "title": "Design",
            "workspace_id": "21",
            "story_type": "milestone",
            "budget_estimate_in_cents": 100_000,
        }
        made = await stand.person("kantata", "POST", f"{PSA}/stories", {"story": story})
        path = f"{PSA}/stories/{next(iter(made['stories']))}"
        await stand.person("kantata", "PUT", path, {"story": {"state": "completed"}})
        await polled(stand)
        await stand.person("kantata", "PUT", path, {"story": {"budget_estimate_in_cents": 120_000}})
        await polled(stand)
        first, second = await stand.of_kind("milestone")
        assert (first["state"], second["state"]) == ("posted", "parked")
        assert f"was accepted before with another content, as {first['transaction_id']}" in second["problem"]
        assert await replays(stand).replay(
            [second["transaction_id"]], route="pinned", by="test", why="try"
        ) == 0, "it would be a second document of one id"  # fmt: skip

    on_stand(tmp_path, test)


def replays(stand: Stand) -> Replays:
    """What `coexist replay` uses."""
    router = stand.router
    observations = Observations(directory=router.directory, landscape=router.landscape)
    return Replays(journal=router.journal, observations=observations, workflows=router.workflows)


def test_unknown_project_parks_until_it_was_sent(tmp_path: Path) -> None:
    """Time on a project nobody sent is parked with what to do; after that was done a replay posts the same transaction."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource")
        await at_work(stand)
        entry = await worked(stand)
        await approve(stand, entry)
        await polled(stand)
        (parked,) = await refused(stand)
        assert (parked["kind"], parked["state"], parked["document_id"]) == ("time_entry", "parked", None)
        assert parked["problem"] == "project P-100 is not known; send the project first, then replay"
        name = parked["transaction_id"]
        received = (await stand.get(f"/v1/transactions/{name}"))["received"]
        tries = replays(stand)
        assert await tries.replay([name], route="pinned", by="ann", why="too early") == 0
        await stand.posted("customer", "contract", "project")
        assert await tries.replay([name], route="pinned", by="ann", why="project sent") == 1
        await stand.settled()
        told = await stand.get(f"/v1/transactions/{name}")
        assert (told["state"], told["document"]["document_id"]) == ("posted", f"TE-{entry}")
        assert (told["received"], told["amount_minor"] > 0) == (received, True)
        assert {"system": "kantata", "vendor_id": entry} in told["crosswalk"]
        assert [row["what"] for row in told["history"]][:2] == ["accepted", "completed"]
        assert await refused(stand) == []
        assert await tries.replay([name], route="pinned", by="ann", why="twice") == 0
        with pytest.raises(NotFound):
            await tries.replay(["T999999999999"], route="pinned", by="ann", why="no such")

    on_stand(tmp_path, test)


def test_a_parked_deal_is_set_up_by_a_replay(tmp_path: Path) -> None:
    """A deal that could not be read starts its process, once, when a replay can complete it."""

    async def test(stand: Stand) -> None:
        landscape = stand.router.landscape
        opportunity = await win(stand, Business_Unit__c="NEW")
        await polled(stand)
        (parked,) = await refused(stand)
        assert "NEW" in parked["problem"]
        observations = Observations(
            directory=stand.router.directory,
            landscape=landscape.model_copy(update={"business_units": (*landscape.business_units, "NEW")}),
        )
        again = Replays(
            journal=stand.router.journal, observations=observations, workflows=stand.router.workflows
        )
        for expected in (1, 0):
            done = await again.replay([parked["transaction_id"]], route="pinned", by="ann", why="new unit")
            assert done == expected
        await polled(stand)
        assert deal(stand, opportunity)["Project_Status__c"] == "active"
        told = await stand.get(f"/v1/transactions/{parked['transaction_id']}")
        assert (told["state"], told["correlation_id"]) == ("posted", f"initiate-project:OPP-{opportunity}")

    on_stand(tmp_path, test)


@pytest.mark.parametrize(("erp", "net"), [("sap_ecc", "1099.50"), ("netsuite", "1100.00")])
def test_an_invoice_and_its_payment_come_back_to_crm_and_psa(tmp_path: Path, erp: str, net: str) -> None:
    """Billing makes an invoice in the ERP; its number, total and status, then part paid and paid, reach CRM and PSA."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource")
        opportunity = await win(stand)
        await polled(stand)
        code = deal(stand, opportunity)["Project_Code__c"]
        own = {"project_id": code, "customer_id": "C-7", "contract_id": "K" + code[1:]}
        await stand.post(event("time_entry", project_id=code))
        await stand.settled()
        await stand.post(event("billing_event", **own))
        await stand.settled()
        invoice = await stand.get("/v1/documents/invoice/INV-BE-100")
        assert (invoice["net"], invoice["project_id"]) == (net, code)
        assert shown(stand, opportunity) == {"number": invoice["number"], "status": "posted", "psa": "posted"}
        total = next(
            row
            for row in stand.records("kantata")["external_references"]
            if row["service_model"] == "Invoice"
        )
        assert total["external_message"] == f"{invoice['total']} GBP"
        paid = {"invoice_id": "INV-BE-100", "project_id": code, "customer_id": "C-7"}
        rest = str(Money.parse(invoice["total"], "GBP") - Money.parse("320.00", "GBP"))
        for number, amount, status in (("PAY-1", "320.00", "part_paid"), ("PAY-2", rest, "paid")):
            answer = await stand.post(event("payment", number, document_id=number, amount=amount, **paid))
            assert answer.status_code == 202, answer.text
            await stand.settled()
            assert shown(stand, opportunity) == {"number": invoice["number"], "status": status, "psa": status}
        before = await stand.count()
        path = f"{DATA}/Opportunity/{opportunity}"
        await stand.person("salesforce", "PATCH", path, {"Last_Invoice_Status__c": "lost"})
        for _ in range(2):
            again = await stand.post({"invoice_id": "INV-BE-100"}, "/v1/processes/publish-invoice-status")
            assert again.status_code == 202, again.text
        await stand.settled()
        assert shown(stand, opportunity)["status"] == "paid", "told again, it is told how it stands now"
        told = await stand.get(again.json()["status_url"])
        assert told["document"]["document_id"] == "INV-BE-100"
        assert [job["target"] for job in told["jobs"]] == ["kantata", "salesforce"], "asked twice, told once"
        assert await stand.count() == before
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))


def shown(stand: Stand, opportunity: str) -> dict[str, Any]:
    """Invoice number and status as the CRM shows them, and the status in the PSA."""
    row = deal(stand, opportunity)
    references = stand.records("kantata")["external_references"]
    told = [one["external_status"] for one in references if one["service_model"] == "Invoice"]
    return {
        "number": row["Last_Invoice_Number__c"],
        "status": row["Last_Invoice_Status__c"],
        "psa": told[-1] if told else None,
    }
