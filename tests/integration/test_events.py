"""Business events end to end: what the firm's business did, told once, in order, the same at every reading."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from router.events_out.catalogue import CATALOGUE
from tests.integration.router_stand import Stand, event, on_stand

ERPS = ["sap_ecc", "netsuite"]


def to(erp: str) -> str:
    """A route table that sends everything to one ERP."""
    return f"version: 1\ndefault: {{authority: {erp}}}\nrules: []\n"


async def in_the_books(stand: Stand, *kinds: str) -> None:
    """Accept the examples of some kinds and wait until the ERPs have all; CRM and PSA may wait for ever."""
    for kind in kinds:
        answer = await stand.post(event(kind))
        assert answer.status_code == 202, answer.text
    for _ in range(7200):
        states = {row["state"] async for row in stand.router.journal.transactions()}
        if not states & {"queued", "in_flight", "in_doubt"}:
            return
        await asyncio.sleep(1)
    raise AssertionError(states)


async def told(stand: Stand, limit: int = 200, types: str = "") -> list[dict[str, Any]]:
    """All business events, page by page."""
    found: list[dict[str, Any]] = []
    after, more = "", True
    while more:
        chosen = f"&type={types}" if types else ""
        page = await stand.get(f"/v1/events?limit={limit}{after and f'&after={after}'}{chosen}")
        assert len(page["events"]) <= limit
        found += page["events"]
        after, more = page["next"], page["more"]
    return found


def names(events: list[dict[str, Any]]) -> list[str]:
    """Their names, in order."""
    return [one["type"].split(".")[2] for one in events]


@pytest.mark.parametrize("erp", ERPS)
def test_a_project_from_its_customer_to_the_payment(tmp_path: Path, erp: str) -> None:
    """Each fact of a project's life is told once, in order, with its money; the pages make up the whole."""

    async def test(stand: Stand) -> None:
        await in_the_books(stand, "rate_card", "resource", "customer", "contract", "project")
        await in_the_books(stand, "time_entry")
        await in_the_books(stand, "billing_event")
        (invoice,) = await stand.of_kind("invoice")
        paid = event(
            "payment",
            invoice_id=invoice["document_id"],
            amount=_text(invoice["amount_minor"]),
            currency="GBP",
        )
        assert (await stand.post(paid)).status_code == 202
        await in_the_books(stand)
        events = await told(stand)
        assert names(events) == [
            "CustomerCreated", "ContractSigned", "ProjectActivated", "TimeApproved", "TimePosted", "BillingRequested",
            "InvoicePosted", "PaymentReceived", "InvoicePaid",
        ]  # fmt: skip
        assert all(one["specversion"] == "1.0" and one["source"] == "/coexist/journal" for one in events)
        posted = events[4]["data"]
        assert (posted["system"], posted["minutes"], posted["currency"]) == (erp, 440, "GBP")
        assert events[6]["data"]["total"] == _text(invoice["amount_minor"])
        assert await told(stand) == events, "the same journal gives the same events"
        for limit in (1, 2, 5):
            assert await told(stand, limit) == events, f"in pages of {limit}"
        assert names(await told(stand, 1, "TimePosted,InvoicePaid")) == ["TimePosted", "InvoicePaid"]
        for one in events:
            entry = CATALOGUE[one["type"].split(".")[2]]
            assert set(one["data"]) <= set(entry.fields)

    on_stand(tmp_path, test, routes=to(erp))


def _text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def test_an_invoice_paid_in_parts_is_paid_once(tmp_path: Path) -> None:
    """The payment that closes the invoice tells InvoicePaid, not the one before."""

    async def test(stand: Stand) -> None:
        await in_the_books(
            stand, "rate_card", "resource", "customer", "contract", "project", "time_entry", "billing_event"
        )
        (invoice,) = await stand.of_kind("invoice")
        total = invoice["amount_minor"]
        for n, minor in enumerate((100, total - 100)):
            body = event(
                "payment", f"pay-{n}", document_id=f"PAY-{n}", invoice_id=invoice["document_id"], amount=_text(minor),
                currency="GBP",
            )  # fmt: skip
            assert (await stand.post(body)).status_code == 202
            await in_the_books(stand)
        found = await told(stand, types="PaymentReceived,InvoicePaid")
        assert names(found) == ["PaymentReceived", "PaymentReceived", "InvoicePaid"]
        assert found[2]["data"]["total"] == _text(total)
        assert found[2]["subject"] == "PAY-1"

    on_stand(tmp_path, test)


def test_an_invoice_whose_rest_is_given_up_is_paid(tmp_path: Path) -> None:
    """All but 20.00 is paid, the rest written off: the write-off tells InvoicePaid with the invoice's total."""

    async def test(stand: Stand) -> None:
        await in_the_books(
            stand, "rate_card", "resource", "customer", "contract", "project", "time_entry", "billing_event"
        )
        (invoice,) = await stand.of_kind("invoice")
        name, total = invoice["document_id"], invoice["amount_minor"]
        for body in (
            event("payment", invoice_id=name, amount=_text(total - 2000), currency="GBP"),
            event("write_off", invoice_id=name, amount="20.00"),
        ):
            assert (await stand.post(body)).status_code == 202
            await in_the_books(stand)
        found = await told(stand, types="PaymentReceived,InvoiceWrittenOff,InvoicePaid")
        assert names(found) == ["PaymentReceived", "InvoiceWrittenOff", "InvoicePaid"]
        assert (found[2]["subject"], found[2]["data"]["total"]) == ("WO-100", _text(total))

    on_stand(tmp_path, test)


def test_a_period_is_closed_and_re_opened_once(tmp_path: Path) -> None:
    """Soft, hard and hard again, re-opened, opened again, closed: two closes and a re-opening are told."""

    async def test(stand: Stand) -> None:
        said = {"by": "ann", "why": "month end", "approved_by": "bob"}
        for verb in ("soft-close", "close", "close", "reopen", "reopen", "soft-close", "reopen", "close"):
            answer = await stand.post(said, f"/v1/periods/UK01/2026-10:{verb}")
            assert answer.status_code == 200, answer.text
        # The landscape has closed August; nobody did so here.
        assert (await stand.post(said, "/v1/periods/UK01/2026-08:reopen")).status_code == 200
        found = await told(stand, types="PeriodClosed,PeriodReopened")
        assert [(event["type"].split(".")[2], event["data"]["period"]) for event in found] == [
            ("PeriodClosed", "2026-10"),
            ("PeriodReopened", "2026-10"),
            ("PeriodClosed", "2026-10"),
            ("PeriodReopened", "2026-08"),
        ]
        assert found[1]["data"]["approved_by"] == "bob"

    on_stand(tmp_path, test)


def test_an_exception_is_raised_and_resolved(tmp_path: Path) -> None:
    """A refusal tells ExceptionRaised once however often it is tried; the posting after the mend resolves it."""

    async def test(stand: Stand) -> None:
        await in_the_books(stand, "rate_card", "resource", "customer", "contract", "project")
        body = event("time_entry", accounting_date="2026-09-15", work_date="2026-09-15")
        books = stand.simulators["sap_ecc"].sim.books  # type: ignore[attr-defined]
        books.close_period("UK01", "2026-09")
        name = (await stand.post(body)).json()["transaction_id"]
        await in_the_books(stand)
        replay = {"filter": {"ids": [name]}, "dry_run": False, "by": "ann", "why": "too early"}
        assert (await stand.post(replay, "/v1/exceptions:replay")).json()["replayed"] == 1
        await in_the_books(stand)
        assert names(await told(stand))[-2:] == ["TimeApproved", "ExceptionRaised"]
        books.open_period("UK01", "2026-09")
        await stand.post(replay | {"why": "period opened"}, "/v1/exceptions:replay")
        await in_the_books(stand)
        events = await told(stand)
        assert names(events)[-4:] == ["TimeApproved", "ExceptionRaised", "TimePosted", "ExceptionResolved"]
        raised = events[-3]["data"]
        assert (raised["exception_type"], raised["queue"]) == ("erp-period-closed", "finance-operations")
        assert (raised["exception_id"], events[-1]["data"]["how"]) == (name, "posted")

    on_stand(tmp_path, test)


def test_nothing_is_told_of_shadows(tmp_path: Path) -> None:
    """In a dual run each fact is told once, by the ERP that counts."""

    async def test(stand: Stand) -> None:
        await in_the_books(stand, "rate_card", "customer", "contract")
        events = await told(stand)
        assert names(events) == ["CustomerCreated", "ContractSigned"]
        assert {one["data"]["system"] for one in events} == {"sap_ecc"}

    routes = "version: 1\ndefault: {authority: sap_ecc, shadow: netsuite}\nrules: []\n"
    on_stand(tmp_path, test, routes=routes)


def test_a_bad_question_gets_a_clear_answer(tmp_path: Path) -> None:
    """A cursor, type or limit that is none is refused by name; the catalogue says what there is."""

    async def test(stand: Stand) -> None:
        for query, named in (
            ("after=x", "after"), ("type=Nothing", "type"), ("limit=0", "limit"), ("limit=99999", "limit"),
            ("page=2", "page"),
        ):  # fmt: skip
            answer = await stand.http.get(f"/v1/events?{query}")
            assert answer.status_code == 422
            assert answer.json()["detail"].startswith(named)
        shown = (await stand.get("/v1/events/catalogue"))["events"]
        assert [row["name"] for row in shown] == list(CATALOGUE)
        empty = await stand.get("/v1/events")
        assert (empty["events"], empty["more"]) == ([], False)

    on_stand(tmp_path, test, work=False)


@pytest.mark.parametrize("how", ["corrected", "replayed"])
def test_what_was_told_is_told_the_same_after_a_correction(tmp_path: Path, how: str) -> None:
    """An approval of 1,100.00 on 30 October stays that, though 733.33 is posted in the end, or the date is another."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        books = stand.simulators["netsuite"].sim.books  # type: ignore[attr-defined]
        books.close_period("UK01", "2026-10")
        told = (await stand.post(event("time_entry"))).json()["transaction_id"]
        await stand.settled()
        before = (await stand.get("/v1/events?limit=1000"))["events"]
        assert [one["data"]["amount"] for one in before[-2:]] == ["1100.00", "1100.00"]
        said = {"by": "ann", "why": "as agreed"}
        if how == "corrected":
            books.open_period("UK01", "2026-10")
            body = {**said, "changes": {"bill_rate": "100.00"}}
            assert (await stand.post(body, f"/v1/exceptions/{told}:correct")).status_code == 200
        else:
            closed = await stand.post({**said, "force": True}, "/v1/periods/UK01/2026-10:close")
            assert closed.status_code == 200
            assert await stand.router.replays.replay([told], route="pinned", by="ann", why="late") == 1
        await stand.settled()
        after = (await stand.get("/v1/events?limit=1000"))["events"]
        assert after[: len(before)] == before
        posted = next(one["data"] for one in reversed(after) if ".TimePosted." in one["type"])
        now = (posted["amount"], posted["accounting_date"])
        assert now == (("733.33", "2026-10-30") if how == "corrected" else ("1100.00", "2026-11-01"))

    on_stand(tmp_path, test, routes=to("netsuite"))
