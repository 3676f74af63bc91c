"""Exceptions end to end: each is produced, its guidance followed as it says, and the transaction seen through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cutover.cli.journal import told
from router.delivery.policy import DeliveryPolicy
from router.exceptions.catalogue import CATALOGUE
from tests.integration.router_stand import PROBLEM, Stand, event, on_stand
from tests.integration.test_workflows import approve, at_work, win, worked

POLL_S = 1_000
MASTERS = ("rate_card", "resource", "customer", "contract", "project")
SAP = "version: 1\ndefault: {authority: sap_ecc}\nrules: []\n"
CLOUD = "version: 1\ndefault: {authority: netsuite}\nrules: []\n"
GAP = 'version: 1\nrules: [{id: de, when: legal_entity == "DE01", authority: sap_ecc}]\n'


async def settled(stand: Stand) -> None:
    """The ERPs have answered for everything; CRM and PSA may wait for what they will never get here."""
    for n in range(2_000):
        states = {row["state"] async for row in stand.router.journal.transactions()}
        if not states & {"queued", "in_flight", "in_doubt"}:
            return
        await asyncio.sleep(1 if n < 100 else 300)
    raise AssertionError(states)


async def sent(stand: Stand, *kinds: str, **changed: Any) -> str:
    """Accept the examples of some kinds one after the other; the last one's transaction."""
    name = ""
    for kind in kinds:
        answer = await stand.post(event(kind, f"{kind}-{len(changed)}", **changed))
        assert answer.status_code == 202, answer.text
        name = answer.json()["transaction_id"]
        await settled(stand)
    return name


async def one(stand: Stand, type_: str) -> dict[str, Any]:
    """The only exception of a type, as its page shows it."""
    (row,) = (await stand.get(f"/v1/exceptions?type={type_}"))["exceptions"]
    shown: dict[str, Any] = await stand.get(f"/v1/exceptions/{row['id']}")
    return shown


async def replayed(stand: Stand, row: dict[str, Any], **options: str) -> None:
    """Try it out first, then replay it as its guidance says."""
    ask: dict[str, Any] = {"filter": {"ids": [row["id"]]}, "by": "ann", "why": "mended as told", **options}
    tried = (await stand.post(ask, "/v1/exceptions:replay")).json()
    assert (tried["dry_run"], tried["would_go_on"]) == (True, 1), tried
    done = (await stand.post({**ask, "dry_run": False}, "/v1/exceptions:replay")).json()
    assert done["replayed"] == 1, done


async def corrected(stand: Stand, row: dict[str, Any], **changes: Any) -> None:
    """Correct its document by hand, as its guidance says."""
    ask = {"changes": changes, "by": "ann", "why": "as told by the project lead"}
    answer = await stand.post(ask, f"/v1/exceptions/{row['id']}:correct")
    assert answer.status_code == 200, answer.text
    assert answer.json()["goes_on"], answer.text


async def in_psa(stand: Stand) -> None:
    """Approved time of one person in the PSA, seen by the feed."""
    await approve(stand, await worked(stand))
    await asyncio.sleep(POLL_S)
    await settled(stand)


# --- one a type: produce it, then do what its guidance says -----------------------------------------


async def project_unknown(stand: Stand) -> None:
    await sent(stand, "rate_card", "resource")
    await at_work(stand)
    await in_psa(stand)
    row = await one(stand, "project-unknown")
    assert "send the project" in row["guidance"]["mend"]
    await sent(stand, "customer", "contract", "project")
    await replayed(stand, row)


async def resource_unknown(stand: Stand) -> None:
    await sent(stand, "rate_card", "customer", "contract", "project")
    await at_work(stand)
    await in_psa(stand)
    row = await one(stand, "resource-unknown")
    await sent(stand, "resource")
    await replayed(stand, row)


async def rate_card_unknown(stand: Stand) -> None:
    # The ERP waits for the card with the contract; the router is asked meanwhile.
    await sent(stand, "resource")
    for kind in ("customer", "contract", "project"):
        await stand.post(event(kind))
    await at_work(stand)
    await approve(stand, await worked(stand))
    await asyncio.sleep(POLL_S)
    row = await one(stand, "rate-card-unknown")
    await sent(stand, "rate_card")
    await replayed(stand, row)


async def rate_missing(stand: Stand) -> None:
    await sent(stand, "rate_card", "customer", "contract", "project")
    await sent(stand, "resource", role="ARCHITECT")
    await at_work(stand)
    await in_psa(stand)
    row = await one(stand, "rate-missing")
    assert "ARCHITECT" in row["guidance"]["what_is_wrong"]
    named = event("rate_card")["data"]["rates"]
    rates = [{**named[0], "role": "ARCHITECT"}, *named]
    await sent(stand, "rate_card", rates=rates)
    await replayed(stand, row)


async def project_code_missing(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    await at_work(stand)
    rows = stand.records("kantata")["external_references"]
    assert len(rows) == 2
    await stand.sim("kantata", "seed", {"external_references": [
        {"id": "1", "service_name": "other", "service_model": "Project", "service_model_ref": "X",
         "subject_type": "Workspace", "subject_id": "21", "status": "successful"},
    ]})  # fmt: skip
    await in_psa(stand)
    row = await one(stand, "project-code-missing")
    await corrected(stand, row, project_id="P-100")


async def invalid_document(stand: Stand) -> None:
    await sent(stand, "rate_card")
    await win(stand, Business_Unit__c="NEW")
    await asyncio.sleep(POLL_S)
    row = await one(stand, "invalid-document")
    assert "'NEW'" in row["guidance"]["what_is_wrong"]
    await corrected(stand, row, business_unit="CONSULTING")


async def unroutable(stand: Stand) -> None:
    await sent(stand, "customer")
    row = await one(stand, "unroutable")
    assert (row["queue"], row["class"]) == ("integration-support", "technical")
    text = SAP.replace("version: 1", "version: 2")
    stand.router.tables.publish(text)
    await stand.router.journal.publish_table(text, version=2, by="ann")
    from router.journal.port import Switch  # noqa: PLC0415 only this one switches

    await stand.router.journal.switch(Switch(entities=["UK01"], table_version=2, by="ann", why="gap closed"))
    await replayed(stand, row, route="again")


async def erp_period_closed(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    books = stand.simulators["sap_ecc"].sim.books  # type: ignore[attr-defined]
    books.close_period("UK01", "2026-10")
    await sent(stand, "time_entry")
    row = await one(stand, "erp-period-closed")
    assert (row["severity"], row["guidance"]["system"]) == ("medium", "sap_ecc")
    books.open_period("UK01", "2026-10")
    await replayed(stand, row)


async def erp_period_closed_in_the_cloud(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    books = stand.simulators["netsuite"].sim.books  # type: ignore[attr-defined]
    books.close_period("UK01", "2026-10")
    await sent(stand, "time_entry")
    row = await one(stand, "erp-period-closed")
    books.open_period("UK01", "2026-10")
    await replayed(stand, row)


async def erp_amount(stand: Stand) -> None:
    await sent(stand, *MASTERS, "time_entry", "billing_event")
    (invoice,) = await stand.of_kind("invoice")
    await sent(stand, "payment", invoice_id=invoice["document_id"], amount=_text(0), currency="GBP")
    row = await one(stand, "erp-amount")
    await corrected(stand, row, amount=_text(invoice["amount_minor"]))


async def erp_nothing_to_bill(stand: Stand) -> None:
    await sent(stand, *MASTERS, "billing_event")
    row = await one(stand, "erp-nothing-to-bill")
    await sent(stand, "time_entry")
    await replayed(stand, row)


async def prerequisite_missing(stand: Stand) -> None:
    await sent(stand, "rate_card", "resource", "customer", "contract", "time_entry")
    row = await one(stand, "prerequisite-missing")
    assert "project" in row["guidance"]["what_is_wrong"]
    await sent(stand, "project")
    await replayed(stand, row)


async def attempts_exhausted(stand: Stand) -> None:
    await sent(stand, "rate_card")
    faults = stand.simulators["netsuite"].faults
    faults.set([{"name": "down", "kind": "refuse"}])
    await sent(stand, "customer")
    row = await one(stand, "attempts-exhausted")
    faults.set([])
    await replayed(stand, row)


async def outcome_unknown(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    faults = stand.simulators["netsuite"].faults
    faults.set([{"name": "cut", "kind": "drop_answer", "first": 100_000}])
    await sent(stand, "time_entry")
    row = await one(stand, "outcome-unknown")
    assert (row["severity"], row["state"]) == ("high", "dead")
    faults.set([])
    await replayed(stand, row)
    await settled(stand)
    rows = stand.simulators["netsuite"].sim.state()["documents"]
    held = [row for row in rows if row["type"] in ("time", "time_entry")]
    assert len(held) == 1, "posted once"


def _text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


FOLLOWED: dict[str, tuple[Callable[[Stand], Awaitable[None]], str]] = {
    "project-unknown": (project_unknown, SAP),
    "resource-unknown": (resource_unknown, SAP),
    "rate-card-unknown": (rate_card_unknown, SAP),
    "rate-missing": (rate_missing, SAP),
    "project-code-missing": (project_code_missing, SAP),
    "invalid-document": (invalid_document, SAP),
    "unroutable": (unroutable, GAP),
    "erp-period-closed": (erp_period_closed, SAP),
    "erp-period-closed in the cloud": (erp_period_closed_in_the_cloud, CLOUD),
    "erp-amount": (erp_amount, SAP),
    "erp-nothing-to-bill": (erp_nothing_to_bill, SAP),
    "prerequisite-missing": (prerequisite_missing, SAP),
    "attempts-exhausted": (attempts_exhausted, CLOUD),
    "outcome-unknown": (outcome_unknown, CLOUD),
}
"""What is produced and mended, and the route table it needs."""


@pytest.mark.parametrize("name", FOLLOWED)
def test_following_the_guidance_sees_the_transaction_through(tmp_path: Path, name: str) -> None:
    """Produced, mended where the guidance says, replayed or corrected: posted, and no exception is left."""
    follow, routes = FOLLOWED[name]
    assert name.split(" ", maxsplit=1)[0] in CATALOGUE

    async def test(stand: Stand) -> None:
        await follow(stand)
        await settled(stand)
        left = (await stand.get("/v1/exceptions"))["exceptions"]
        assert [row for row in left if row["state"] == "parked" or row["role"] == "authority"] == []
        states = {row["state"] async for row in stand.router.journal.transactions()}
        assert states == {"posted"}

    on_stand(tmp_path, test, routes=routes, policy=DeliveryPolicy(give_up_s=7_200))


def test_people_take_exceptions_on_and_let_them_go(tmp_path: Path) -> None:
    """Assigned, noted and resolved with who and why; the trace shows all of it, totals tell the queues."""

    async def test(stand: Stand) -> None:
        await sent(stand, "rate_card", "resource")
        await at_work(stand)
        await in_psa(stand)
        listed = await stand.get("/v1/exceptions")
        (row,) = listed["exceptions"]
        assert (row["queue"], row["owner"], row["class"]) == ("pmo", "Project management office", "business")
        assert (row["case"], row["over_sla"], row["about"]) == ("open", False, "TE-1")
        assert listed["totals"]["pmo"]["count"] == 1
        assert listed["totals"]["finance-operations"]["count"] == 0
        path = f"/v1/exceptions/{row['id']}"
        taken = await stand.post({"to": "bob", "by": "ann", "note": "yours"}, f"{path}:assign")
        assert (taken.json()["case"], taken.json()["assigned_to"]) == ("assigned", "bob")
        await stand.post({"by": "bob", "note": "asked the client lead"}, f"{path}:note")
        assert [one["id"] for one in (await stand.get("/v1/exceptions?state=assigned"))["exceptions"]] == [
            row["id"]
        ]
        done = await stand.post({"by": "bob", "why": "entered twice"}, f"{path}:resolve")
        assert done.json()["case"] == "resolved"
        assert (await stand.get("/v1/exceptions"))["exceptions"] == []
        assert len((await stand.get("/v1/exceptions?state=resolved"))["exceptions"]) == 1
        trace = await stand.get(f"/v1/transactions/{row['transaction_id']}")
        said = [
            (line["what"], line["detail"]["by"]) for line in trace["history"] if "exception" in line["what"]
        ]
        assert said == [
            ("exception assigned", "ann"), ("exception assigned", "bob"), ("exception resolved", "bob"),
        ]  # fmt: skip
        events = (await stand.get("/v1/events?type=ExceptionRaised,ExceptionResolved"))["events"]
        assert [one["data"].get("how") for one in events] == [None, "decided"]

    on_stand(tmp_path, test, routes=SAP)


def test_a_dry_run_says_what_would_happen_and_does_nothing(tmp_path: Path) -> None:
    """Item by item: still blocked and why, or complete and by which route; a real run then does just that."""

    async def test(stand: Stand) -> None:
        await sent(stand, "rate_card", "resource")
        await at_work(stand)
        await in_psa(stand)
        await in_psa(stand)
        ask: dict[str, Any] = {"filter": {"queue": "pmo"}, "by": "ann", "why": "project sent"}
        before = await stand.count()
        blocked = (await stand.post(ask, "/v1/exceptions:replay")).json()
        assert [item["would"] for item in blocked["items"]] == ["stay", "stay"]
        assert all("P-100 is not known" in item["why"] for item in blocked["items"])
        await sent(stand, "customer", "contract", "project")
        told = (await stand.post(ask, "/v1/exceptions:replay")).json()
        assert [item["would"] for item in told["items"]] == ["complete", "complete"]
        assert {item["route"]["authority"] for item in told["items"]} == {"sap_ecc"}
        assert len((await stand.get("/v1/exceptions?type=project-unknown"))["exceptions"]) == 2, "only tried"
        done = (await stand.post({**ask, "dry_run": False}, "/v1/exceptions:replay")).json()
        assert (done["replayed"], done["left"]) == (2, 0)
        await settled(stand)
        assert (await stand.get("/v1/exceptions?type=project-unknown"))["exceptions"] == []
        assert await stand.count() == before + 3

    on_stand(tmp_path, test, routes=SAP)


def test_a_correction_is_recorded_and_never_takes_back_what_was_posted(tmp_path: Path) -> None:
    """The original stays with who and why; a retry of the sender still gets its first answer; posted is posted."""

    async def test(stand: Stand) -> None:
        await sent(stand, *MASTERS)
        books = stand.simulators["sap_ecc"].sim.books  # type: ignore[attr-defined]
        books.close_period("UK01", "2026-09")
        late = event("time_entry", "late", accounting_date="2026-09-30")
        first = await stand.post(late)
        name = first.json()["transaction_id"]
        await settled(stand)
        row = await one(stand, "erp-period-closed")
        other = await stand.post(
            {"changes": {"document_id": "TE-9"}, "by": "ann", "why": "x"}, f"/v1/exceptions/{name}:correct"
        )
        assert (other.status_code, "TE-100" in other.json()["detail"]) == (422, True)
        await corrected(stand, row, accounting_date="2026-10-01")
        await settled(stand)
        trace = await stand.get(f"/v1/transactions/{name}")
        assert (trace["state"], trace["document"]["accounting_date"]) == ("posted", "2026-10-01")
        (line,) = [line for line in trace["history"] if line["what"] == "corrected"]
        assert (line["detail"]["by"], line["detail"]["before"]["accounting_date"]) == ("ann", "2026-09-30")
        assert "2026-09-30" in trace["received"]
        assert any(
            "corrected" in line and "by ann: as told by the project lead" in line for line in told(trace)
        )
        again = await stand.post(late)
        assert (again.status_code, again.json()) == (200, first.json() | {"state": again.json()["state"]})
        gone = await stand.post(
            {"changes": {"minutes": 60}, "by": "ann", "why": "x"}, f"/v1/exceptions/{name}:correct"
        )
        assert gone.status_code == 404, "what is posted is no exception any more"

    on_stand(tmp_path, test, routes=SAP)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/v1/exceptions:replay", {"filter": {"colour": "red"}}, "colour"),
        ("/v1/exceptions:replay", {"filter": {"queue": "nobody"}}, "queue"),
        ("/v1/exceptions:replay", {"filter": {}, "dry_run": False, "by": "ann", "why": "x"}, "filter"),
        ("/v1/exceptions:replay", {"filter": {"state": "all"}, "dry_run": False, "by": "ann"}, "why"),
        ("/v1/exceptions:replay", {"filter": {"ids": "T1"}, "dry_run": "no"}, "dry_run"),
        ("/v1/exceptions:replay", {"mapping": "old"}, "mapping"),
        ("/v1/exceptions/T000000000001:correct", {"by": "ann", "why": "x"}, "document"),
        ("/v1/exceptions/T000000000001:assign", {"by": "ann"}, "to"),
        ("/v1/exceptions/T000000000001:resolve", {"by": "ann", "reason": "x"}, "reason"),
    ],
)
def test_bad_requests_are_refused_by_name(tmp_path: Path, path: str, body: Any, named: str) -> None:
    """What is wrong is named with what there is."""

    async def test(stand: Stand) -> None:
        answer = await stand.post(body, path)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["detail"].startswith(named)

    on_stand(tmp_path, test, work=False)


def test_the_catalogue_can_be_read(tmp_path: Path) -> None:
    """Every type with its guidance; an unknown exception is not found; a wrong filter is named."""

    async def test(stand: Stand) -> None:
        rows = (await stand.get("/v1/exceptions/catalogue"))["types"]
        assert [row["code"] for row in rows] == list(CATALOGUE)
        assert (await stand.http.get("/v1/exceptions/T000000000009")).status_code == 404
        wrong = await stand.http.get("/v1/exceptions?severity=huge")
        assert (wrong.status_code, "critical" in wrong.json()["mend"]) == (422, True)

    on_stand(tmp_path, test, work=False)
