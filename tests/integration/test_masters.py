"""Whose an attribute is, what may be there twice, who belongs to whom: through the API, into the ERP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from orjson import dumps

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.canonical import events
from router.connectors.port import Delivery, Result
from router.journal.port import Accepted
from router.landscape import default_file
from router.model import SystemId
from tests.integration.router_stand import START, Stand, event, on_stand, stand

SAID = {"by": "ann", "why": "asked the customer"}
VAT = "GB 123 4567 89"


def sent(kind: str, event_id: str, source: str, **changed: Any) -> dict[str, Any]:
    """An event of a system about a master it sends again."""
    made = event(kind, event_id, **changed)
    verb = "updated" if kind in ("customer", "project", "resource") else made["type"].split(".")[2]
    made["type"] = made["type"].replace(made["type"].split(".")[2], verb)
    return made | {"source": source}


async def taken(stand: Stand, body: dict[str, Any]) -> dict[str, Any]:
    """Post an event that must be accepted; the answer."""
    answer = await stand.post(body)
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decided(stand: Stand, path: str, **body: str) -> dict[str, Any]:
    """A person's decision that must be taken."""
    answer = await stand.post(SAID | body, path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_owner_changes_and_another_one_does_not(tmp_path: Path) -> None:
    """The CRM renames a customer; its payment terms stay the ERP's, and a person sees that they differ."""

    async def story(stand: Stand) -> None:
        await taken(stand, event("customer", payment_terms_days=45))
        await taken(
            stand, sent("customer", "U1", "/crm/accounts", name="Northwind Ltd", payment_terms_days=10)
        )
        found = await stand.get("/v1/masters/customer/C-100/attributes")
        name, terms = found["attributes"]["name"], found["attributes"]["payment_terms_days"]
        assert (name["value"], name["owner"]) == ("Northwind Ltd", "crm")
        assert [row["event_id"] for row in name["history"]] == ["customer-1", "U1"]
        assert (terms["value"], terms["owner"], len(terms["history"])) == (45, "erp", 1)
        (conflict,) = (await stand.get("/v1/conflicts?state=open"))["conflicts"]
        assert (conflict["attribute"], conflict["kept"], conflict["offered"]) == (
            "payment_terms_days",
            45,
            10,
        )
        assert (conflict["sender"], conflict["owner"]) == ("crm", "erp")

        told = await decided(stand, f"/v1/conflicts/{conflict['conflict_id']}:accept")
        assert told["state"] == "accepted"
        terms = (await stand.get("/v1/masters/customer/C-100/attributes"))["attributes"]["payment_terms_days"]
        assert [row["value"] for row in terms["history"]] == [45, 10]
        assert (await stand.get("/v1/conflicts?state=open"))["conflicts"] == []
        again = await stand.post(SAID, f"/v1/conflicts/{conflict['conflict_id']}:keep")
        assert again.status_code == 422

    on_stand(tmp_path, story)


def test_an_old_conflict_never_overrides_what_its_owner_said_since(tmp_path: Path) -> None:
    """The ERP changed its terms after the CRM's change was kept out: accepting that is 409, keeping ends it."""

    async def test(stand: Stand) -> None:
        await taken(stand, event("customer", payment_terms_days=45))
        await taken(stand, sent("customer", "U1", "/crm/accounts", payment_terms_days=10))
        await taken(stand, sent("customer", "E1", "/erp/customers", payment_terms_days=60))
        (conflict,) = (await stand.get("/v1/conflicts?state=open"))["conflicts"]
        answer = await stand.post(SAID, f"/v1/conflicts/{conflict['conflict_id']}:accept")
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:coexist:problem:stale-version"
        assert "is 60 by now; the conflict was about 45, for which 10 was offered" in answer.json()["detail"]
        assert (await stand.get("/v1/documents/customer/C-100"))["payment_terms_days"] == 60
        await decided(stand, f"/v1/conflicts/{conflict['conflict_id']}:keep")
        assert (await stand.get("/v1/conflicts?state=open"))["conflicts"] == []

    on_stand(tmp_path, test)


def test_two_owners_in_one_batch_both_have_their_say(tmp_path: Path) -> None:
    """The CRM renames a customer, the ERP, which knows the old name, changes its terms: neither undoes the other."""

    async def test(stand: Stand) -> None:
        await stand.posted("customer")
        crm = sent("customer", "crm-1", "/crm", name="Northwind Group Ltd", payment_terms_days=None)
        erp = sent("customer", "erp-1", "/erp", payment_terms_days=45)
        answer = await stand.post(b"\n".join(dumps(one) for one in (crm, erp)), "/v1/transactions:batch")
        assert answer.json()["accepted"] == 2
        stands = await stand.get("/v1/documents/customer/C-100")
        assert (stands["name"], stands["payment_terms_days"]) == ("Northwind Group Ltd", 45)
        (conflict,) = (await stand.get("/v1/conflicts"))["conflicts"]
        assert (conflict["attribute"], conflict["kept"]) == ("name", "Northwind Group Ltd")

    on_stand(tmp_path, test)


@pytest.mark.parametrize("client", ["", "feed:netsuite"])
def test_two_owners_through_two_gateways_both_have_their_say(tmp_path: Path, client: str) -> None:
    """Two routers on one journal take two systems' changes of one master at once: neither undoes the other."""

    async def story(clock: VirtualClock) -> None:
        async with stand(tmp_path, clock, work=False) as one:
            await taken(one, event("customer"))
            async with stand(tmp_path, clock, work=False, simulators=one.simulators) as two:
                crm = sent("customer", "crm-1", "/crm", name="Northwind Group Ltd", payment_terms_days=None)
                erp = sent("customer", "erp-1", "/erp", payment_terms_days=45)
                theirs = two.router.intake.submission(
                    events.read(erp), client=client or "gateway", received=dumps(erp)
                )
                cursor = None
                if client:
                    theirs = replace(theirs, keep_conflict=True)
                    cursor = (SystemId("netsuite"), "customers", "7")
                answer, kept = await asyncio.gather(
                    taken(one, crm), two.router.intake.accept([theirs], cursor=cursor)
                )
                assert answer["state"] == "queued"
                assert [type(one) for one in kept] == [Accepted]
                stands = await one.get("/v1/documents/customer/C-100")
                assert (stands["name"], stands["payment_terms_days"]) == ("Northwind Group Ltd", 45)
                (conflict,) = (await one.get("/v1/conflicts"))["conflicts"]
                assert (conflict["attribute"], conflict["offered"]) == ("name", "Northwind Trading Ltd")
                if client:
                    read = await one.router.journal.cursor(SystemId("netsuite"), "customers")
                    assert read == "7"

    run(story, start=START)


def test_a_refused_change_names_owner_and_mend_and_a_repeat_gets_its_first_answer(tmp_path: Path) -> None:
    """Another currency from the CRM is 422; the first event, sent again after it, is a replay."""

    async def story(stand: Stand) -> None:
        first = event("customer", "C1") | {"source": "/erp/customers"}
        told = await taken(stand, first)
        answer = await stand.post(sent("customer", "U1", "/crm/accounts", currency="EUR"))
        assert answer.status_code == 422
        problem = answer.json()
        assert problem["type"] == "urn:coexist:problem:not-owner"
        assert "currency belongs to the erp" in problem["detail"]
        assert problem["mend"] == "change currency in the erp, or leave it out"
        # By now the customer has another name, which is not the ERP's: still the first answer.
        await taken(stand, sent("customer", "U2", "/crm/accounts", name="Northwind Ltd"))
        again = await stand.post(first)
        assert again.status_code == 200
        assert again.json()["transaction_id"] == told["transaction_id"]
        assert (await stand.get("/v1/conflicts"))["conflicts"] == []

    on_stand(tmp_path, story, work=False)


def test_what_a_sender_leaves_out_and_does_not_own_stays(tmp_path: Path) -> None:
    """A CRM that knows no payment terms does not reset them, and that is no conflict."""

    async def story(stand: Stand) -> None:
        await taken(stand, event("customer", payment_terms_days=45, tax_registration=VAT))
        named = sent("customer", "U1", "/crm/accounts", name="Northwind Ltd", payment_terms_days=None)
        await taken(stand, named)
        found = await stand.get("/v1/documents/customer/C-100")
        assert (found["name"], found["payment_terms_days"], found["tax_registration"]) == (
            "Northwind Ltd",
            45,
            VAT,
        )
        assert (await stand.get("/v1/conflicts"))["conflicts"] == []

    on_stand(tmp_path, story, work=False)


def test_an_ignored_change_is_noted_and_nobody_is_asked(tmp_path: Path) -> None:
    """A contact's name belongs to the CRM: the PSA's stays out, and can be looked up."""

    async def story(stand: Stand) -> None:
        await taken(stand, event("contact"))
        await taken(stand, sent("contact", "U1", "/psa/people", name="Somebody Else"))
        assert (await stand.get("/v1/documents/contact/CT-100"))["name"] == "A. Archer"
        assert (await stand.get("/v1/conflicts"))["conflicts"] == []
        (noted,) = (await stand.get("/v1/conflicts?rule=ignore"))["conflicts"]
        assert (noted["attribute"], noted["offered"]) == ("name", "Somebody Else")
        assert (await stand.http.get("/v1/conflicts?rule=x")).status_code == 422

    on_stand(tmp_path, story, work=False)


def test_the_same_registration_waits_until_somebody_says_it_is_another(tmp_path: Path) -> None:
    """Two branches of one registration: the second is parked, said to be distinct, and posted."""

    async def story(stand: Stand) -> None:
        await taken(stand, event("customer", tax_registration=VAT))
        other = event(
            "customer", "C2", document_id="C-200", name="Northwind Scotland", tax_registration="123456789"
        )
        told = await taken(stand, other)
        assert told["state"] == "parked"
        (row,) = (await stand.get("/v1/duplicates?state=open"))["duplicates"]
        assert (row["transaction_id"], row["policy"]) == (told["transaction_id"], "park")
        assert [(one["document_id"], one["score"]) for one in row["candidates"]] == [("C-100", 100)]
        assert "same tax registration GB123456789" in row["candidates"][0]["why"]
        waiting = (await stand.get(f"/v1/transactions/{told['transaction_id']}"))["problem"]
        assert "C-100" in waiting

        done = await decided(stand, f"/v1/duplicates/{told['transaction_id']}:distinct")
        assert done["sent"] == 1
        await stand.settled()
        found = await stand.get(f"/v1/transactions/{told['transaction_id']}")
        assert (found["state"], found["document"]["document_id"]) == ("posted", "C-200")
        assert (await stand.post(other)).status_code == 200
        # Decided once, it is not asked again.
        await taken(
            stand, sent("customer", "U2", "/crm/accounts", document_id="C-200", name="Northwind North")
        )
        assert [row["state"] for row in (await stand.get("/v1/duplicates"))["duplicates"]] == ["distinct"]

    on_stand(tmp_path, story)


def test_an_alias_lets_later_documents_follow_the_one_that_stays(tmp_path: Path) -> None:
    """C-200 is C-100: nothing of C-100 changes, and C-200's contract and project become C-100's."""

    async def story(stand: Stand) -> None:
        await stand.posted("rate_card")
        await taken(stand, event("customer", tax_registration=VAT))
        told = await taken(
            stand,
            event("customer", "C2", document_id="C-200", name="Northwind Trade", tax_registration=VAT),
        )
        path = f"/v1/duplicates/{told['transaction_id']}:same-as"
        assert (await stand.post(SAID | {"document_id": "C-999"}, path)).status_code == 404
        await decided(stand, path, document_id="C-100")
        found = await stand.get("/v1/documents/customer/C-100")
        assert found["name"] == "Northwind Trading Ltd"

        contract = event("contract", customer_id="C-200")
        await taken(stand, contract)
        await taken(stand, event("project", customer_id="C-200"))
        await stand.settled()
        assert (await stand.get("/v1/documents/contract/K-100"))["customer_id"] == "C-100"
        assert (await stand.get("/v1/documents/project/P-100"))["customer_id"] == "C-100"
        assert [row["state"] for row in await stand.of_kind("customer")] == ["posted", "posted"]
        assert {row["document_id"] for row in await stand.of_kind("customer")} == {"C-100"}
        # Sent again as it was, it is the same one.
        assert (await stand.post(contract)).status_code == 200

    on_stand(tmp_path, story)


def test_a_name_alike_is_accepted_and_suggested(tmp_path: Path) -> None:
    """`Northwind Trading Limited` at the same address: accepted, listed with its score."""

    async def story(stand: Stand) -> None:
        address = {"address": "1 High Street", "city": "Leeds"}
        await taken(stand, event("customer", **address))
        told = await taken(
            stand,
            event(
                "customer",
                "C2",
                document_id="C-200",
                name="NORTHWIND TRADING LIMITED",
                address="1 High St., Leeds",
            ),
        )
        assert told["state"] != "parked"
        (row,) = (await stand.get("/v1/duplicates"))["duplicates"]
        assert (row["policy"], row["state"]) == ("suggest", "open")
        assert row["candidates"][0]["score"] >= 95

    on_stand(tmp_path, story, work=False)


def test_lookalikes_in_one_batch_are_seen(tmp_path: Path) -> None:
    """A load that holds one registration twice: the first is taken, the second waits, the rest goes on."""

    async def story(stand: Stand) -> None:
        lines = [
            event("customer", "C1", tax_registration=VAT),
            event("customer", "C2", document_id="C-200", name="Other", tax_registration=VAT),
            event("customer", "C3", document_id="C-300", name="Third", tax_registration="GB999999973"),
        ]
        answer = await stand.post(b"\n".join(map(dumps, lines)), "/v1/transactions:batch")
        assert [row["state"] == "parked" for row in answer.json()["results"]] == [False, True, False]

    on_stand(tmp_path, story, work=False)


def test_a_hierarchy_waits_for_its_top_and_never_closes_a_ring(tmp_path: Path) -> None:
    """A daughter before her parent waits for it in the ERP; a ring is refused, also inside one batch."""

    async def story(stand: Stand) -> None:
        await taken(stand, event("customer", "C2", document_id="C-200", name="Daughter", parent_id="C-100"))
        await taken(stand, event("customer", "C1", name="Top"))
        await taken(stand, event("customer", "C3", document_id="C-300", name="Grand", parent_id="C-200"))
        await stand.settled()
        assert [row["state"] for row in await stand.of_kind("customer")] == ["posted"] * 3
        shown = await stand.get("/v1/customers/C-200/hierarchy")
        assert [row["document_id"] for row in shown["ancestors"]] == ["C-100"]
        assert [row["document_id"] for row in shown["children"]] == ["C-300"]
        ring = await stand.post(sent("customer", "U1", "/crm/accounts", name="Top", parent_id="C-300"))
        assert ring.status_code == 422
        assert "C-100 belongs to C-300 belongs to C-200 belongs to C-100" in ring.json()["detail"]
        own = await stand.post(event("customer", "C4", document_id="C-400", name="Self", parent_id="C-400"))
        assert own.status_code == 422

    on_stand(tmp_path, story)


def test_a_ring_inside_one_batch_is_refused(tmp_path: Path) -> None:
    """Two customers that name each other as parents: the second line is refused, the first is taken."""

    async def story(stand: Stand) -> None:
        lines = [
            event("customer", "C1", parent_id="C-200"),
            event("customer", "C2", document_id="C-200", name="Other", parent_id="C-100"),
        ]
        answer = await stand.post(b"\n".join(map(dumps, lines)), "/v1/transactions:batch")
        assert [row["status"] for row in answer.json()["results"]] == [202, 422]

    on_stand(tmp_path, story, work=False)


def test_a_vendor_id_that_changes_keeps_its_document(tmp_path: Path) -> None:
    """After a merge in the ERP the crosswalk has the new id, and the old one is still known."""

    async def story(stand: Stand) -> None:
        await stand.posted("customer")
        before = (await stand.get("/v1/masters/customer/C-100/attributes"))["names"]["crosswalk"][0]
        body = {"system": before["system"], "kind": "customer", "document_id": "C-100", "vendor_id": "9001"}
        told = await decided(stand, "/v1/crosswalk:rename", **body)
        assert told["was"] == before["vendor_id"]
        names = (await stand.get("/v1/masters/customer/C-100/attributes"))["names"]
        assert names["crosswalk"] == [{"system": before["system"], "vendor_id": "9001"}]
        assert [row["vendor_id"] for row in names["former"]] == [before["vendor_id"]]
        journal = stand.router.journal
        both = ["9001", before["vendor_id"]]
        assert await journal.named(before["system"], "customer", both) == dict.fromkeys(both, "C-100")
        unknown = await stand.post(SAID | body | {"document_id": "C-999"}, "/v1/crosswalk:rename")
        assert unknown.status_code == 404
        nobody = await stand.post(body, "/v1/crosswalk:rename")
        assert nobody.status_code == 422
        assert nobody.json()["detail"].startswith("by:")

    on_stand(tmp_path, story)


def test_what_is_delivered_after_a_rename_names_the_new_id(tmp_path: Path) -> None:
    """A minute after a merge in the ERP, documents refer to the customer by its new number."""
    named: list[str] = []

    async def story(stand: Stand) -> None:
        await stand.posted("customer", "rate_card", "contract")
        system = SystemId("sap_ecc")
        body = {"system": "sap_ecc", "kind": "customer", "document_id": "C-100", "vendor_id": "0000009001"}
        await decided(stand, "/v1/crosswalk:rename", **body)
        await asyncio.sleep(61)
        connector = stand.router.connectors[system]
        post = connector.post

        async def recorded(deliveries: Sequence[Delivery]) -> Result:
            named.extend(one.refs[("customer", "C-100")] for one in deliveries)
            return await post(deliveries)

        connector.post = recorded  # type: ignore[method-assign]
        await taken(stand, event("project"))
        await stand.settled()
        assert named == ["0000009001"]

    on_stand(tmp_path, story)


def test_a_feed_that_names_a_merged_account_means_its_customer(tmp_path: Path) -> None:
    """Two deals of one client under two account ids: after the rename both are the customer's."""

    async def story(stand: Stand) -> None:
        await stand.posted("rate_card")
        base = "/services/data/v59.0/sobjects"

        async def won(account: str, name: str) -> dict[str, Any]:
            deal = {
                "Name": name,
                "AccountId": account,
                "StageName": "Closed Won",
                "CloseDate": "2026-10-30",
                "Amount": 50000,
                "CurrencyIsoCode": "GBP",
                "Legal_Entity__c": "UK01",
                "Business_Unit__c": "CONSULTING",
                "Billing_Type__c": "Time & Materials",
            }
            await stand.person("salesforce", "POST", f"{base}/Opportunity", deal)
            for _ in range(3600):
                seen = [
                    row["document_id"]
                    for row in await stand.of_kind("opportunity")
                    if row["document_id"] is not None
                ]
                documents = [await stand.get(f"/v1/documents/opportunity/{name}") for name in seen]
                found: list[dict[str, Any]] = [one for one in documents if one["name"] == name]
                if found:
                    return found[0]
                await asyncio.sleep(10)
            raise AssertionError(name)

        async def account(name: str) -> str:
            body = {"Name": name, "BillingCountryCode": "GB"}
            made = await stand.person("salesforce", "POST", f"{base}/Account", body)
            return str(made["id"])

        first, second = await account("Contoso Ltd"), await account("Contoso (new)")
        deal = await won(first, "Deal one")
        assert deal["customer_id"] == f"SF-{first}"
        body = {"system": "salesforce", "kind": "customer", "document_id": f"SF-{first}", "vendor_id": second}
        assert (await decided(stand, "/v1/crosswalk:rename", **body))["was"] == ""
        assert (await won(second, "Deal two"))["customer_id"] == f"SF-{first}"

    on_stand(tmp_path, story)


def parking(folder: Path) -> Callable[[dict[str, Any]], None]:
    """A landscape whose ownership file parks every lookalike, and lets nobody but the CRM set terms."""
    text = default_file("ownership/default.yaml").text
    path = folder / "ownership.yaml"
    path.write_text(text.replace("alike: suggest, threshold: 90", "alike: park, threshold: 90"))

    def change(landscape: dict[str, Any]) -> None:
        landscape["ownership"] = str(path)

    return change


def test_a_won_deal_of_a_client_that_is_there_waits_and_goes_on_with_it(tmp_path: Path) -> None:
    """The deal's account looks like a customer: parked by the firm's file; `same-as`, and its project starts."""

    async def story(stand: Stand) -> None:
        await stand.posted("customer", "rate_card")
        deal = event("opportunity", customer_id="C-200", customer_name="NORTHWIND TRADING LIMITED")
        told = await taken(stand, deal)
        assert told["state"] == "parked"
        assert await stand.of_kind("contract") == []
        (row,) = (await stand.get("/v1/duplicates?state=open"))["duplicates"]
        assert (row["kind"], row["document_id"], row["policy"]) == ("customer", "C-200", "park")
        await decided(stand, f"/v1/duplicates/{told['transaction_id']}:same-as", document_id="C-100")
        await stand.settled()
        (contract,) = await stand.of_kind("contract")
        found = await stand.get(f"/v1/documents/contract/{contract['document_id']}")
        assert (contract["state"], found["customer_id"]) == ("posted", "C-100")
        assert [row["document_id"] for row in await stand.of_kind("customer")] == ["C-100"]
        (project,) = await stand.of_kind("project")
        assert project["state"] == "posted"
        assert (await stand.post(deal)).status_code == 200

    on_stand(tmp_path, story, landscape=parking(tmp_path))
