"""What was posted is put right: re-opened timesheets, credit and re-bill, write-offs, with both ERPs' ledgers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from router.model import State, SystemId
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_workflows import (
    ERPS,
    PSA,
    approve,
    at_work,
    deal,
    polled,
    refused,
    to,
    win,
    worked,
)

WIP, UNBILLED = "140000", "410000"


def ledger(stand: Stand, erp: str, entity: str = "UK01") -> dict[str, int]:
    """Account → balance in pence in an ERP's books, debit positive; accounts that stand at nothing left out."""
    books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    found: dict[str, int] = books.ledger.base_balance(entity)
    return {account: minor for account, minor in found.items() if minor}


async def re_opened(stand: Stand, submission: str) -> None:
    """An approver takes back the approval of a timesheet: its rows can be changed again."""
    path = f"{PSA}/timesheet_submissions/{submission}/cancel"
    await stand.person("kantata", "PUT", path, {"resolution": {"description": "wrong day"}})


async def changed(stand: Stand, entry: str, **fields: Any) -> None:
    """Somebody edits a row."""
    await stand.person("kantata", "PUT", f"{PSA}/time_entries/{entry}", {"time_entry": fields})


async def documents(stand: Stand, kind: str = "time_entry") -> list[tuple[Any, ...]]:
    """Id, state, minutes and what it corrects of every transaction of a kind, in order of acceptance."""
    found = []
    for row in await stand.of_kind(kind):
        told = await stand.get(f"/v1/transactions/{row['transaction_id']}")
        document = told["document"] or {}
        found.append(
            (document.get("document_id"), told["state"], document.get("minutes"), document.get("adjusts"))
        )
    return found


@pytest.mark.parametrize(("erp", "worth"), [("sap_ecc", 109_950), ("netsuite", 110_000)])
def test_a_re_opened_timesheet_is_reversed_and_posted_anew(tmp_path: Path, erp: str, worth: int) -> None:
    """Three rows, re-opened: one edited, one deleted, one as it was, one added; the ledger is what is right now.

    At 150.00 an hour 60 minutes are 150.00, 90 are 225.00, 30 are 75.00; 440 are 1100.00 or, where an
    ERP keeps hundredths of hours, 7.33 of them: 1099.50.
    """

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        await at_work(stand)
        edited, deleted = await worked(stand, minutes=440), await worked(stand, minutes=60)
        same = await worked(stand, minutes=90)
        sheet = await approve(stand, edited, deleted, same)
        await polled(stand)
        before = worth + 15_000 + 22_500
        assert ledger(stand, erp) == {WIP: before, UNBILLED: -before}
        await re_opened(stand, sheet)
        await polled(stand)
        assert ledger(stand, erp) == {WIP: before, UNBILLED: -before}, "posted until decided anew"
        await changed(stand, edited, time_in_minutes=30)
        await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{deleted}", {})
        await approve(stand, edited, same, await worked(stand, minutes=60))
        await polled(stand)
        assert sorted(await documents(stand)) == sorted(
            [
                (f"TE-{edited}", "posted", 440, None),
                (f"TE-{deleted}", "posted", 60, None),
                (f"TE-{same}", "posted", 90, None),
                (f"TE-{edited}.r1", "posted", -440, f"TE-{edited}"),
                (f"TE-{edited}.v2", "posted", 30, f"TE-{edited}"),
                (f"TE-{deleted}.r1", "posted", -60, f"TE-{deleted}"),
                (f"TE-{int(same) + 1}", "posted", 60, None),
            ]
        )
        assert ledger(stand, erp) == {WIP: 45_000, UNBILLED: -45_000}, "75.00 + 225.00 + 150.00"
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))


AR, TAX, REVENUE, BAD_DEBT, CASH = "120000", "230000", "400000", "660000", "100000"


async def delivered(stand: Stand) -> None:
    """Everything is in its ERP; nobody told the CRM of this project, so what it is to be told still waits."""
    for _ in range(3_600):
        backlog = await stand.router.journal.backlog()
        if not any(
            backlog.get(SystemId(erp), {}).get(state, 0)
            for erp in ERPS
            for state in (State.QUEUED, State.IN_FLIGHT, State.IN_DOUBT)
        ):
            return
        await asyncio.sleep(1)
    raise AssertionError(await stand.router.journal.lanes())


async def invoiced(stand: Stand) -> dict[str, Any]:
    """440 minutes at 150.00 an hour, billed with 20% tax; the invoice."""
    await stand.posted("rate_card", "resource", "customer", "contract", "project", "time_entry")
    await stand.post(event("billing_event"))
    await delivered(stand)
    found: dict[str, Any] = await stand.get("/v1/documents/invoice/INV-BE-100")
    return found


def billed(worth: int) -> dict[str, int]:
    """The ledger of one invoice over a net worth at 20% tax."""
    tax = worth // 5
    return {AR: worth + tax, TAX: -tax, REVENUE: -worth}


@pytest.mark.parametrize(("erp", "worth"), [("sap_ecc", 109_950), ("netsuite", 110_000)])
def test_an_invoice_is_credited_whole_and_billed_anew(tmp_path: Path, erp: str, worth: int) -> None:
    """1100.00 (1099.50) net is taken back to nothing and 900.00 net, 180.00 tax billed in its place, in its ERP."""

    async def test(stand: Stand) -> None:
        invoice = await invoiced(stand)
        assert ledger(stand, erp) == billed(worth)
        body = {
            "invoice_id": "INV-BE-100", "reason": "Six hours were agreed", "lines": [{"line": 1, "net": "900.00"}],
        }  # fmt: skip
        first = await stand.post(body, "/v1/processes/credit-and-rebill")
        assert first.status_code == 202, first.text
        await delivered(stand)
        assert await refused(stand) == []
        assert ledger(stand, erp) == billed(90_000)
        credit = await stand.get("/v1/documents/credit_memo/INV-BE-100.credit")
        again = await stand.get("/v1/documents/invoice/INV-BE-100.rebill")
        assert (credit["total"], credit["invoice_id"]) == (invoice["total"], "INV-BE-100")
        assert (again["net"], again["tax"], again["total"]) == ("900.00", "180.00", "1080.00")
        assert again["rebills"] == "INV-BE-100"
        assert again["lines"][0]["description"] == invoice["lines"][0]["description"]
        repeat = await stand.post(body, "/v1/processes/credit-and-rebill")
        assert (repeat.status_code, repeat.json()) == (200, first.json())
        other = await stand.post(body | {"lines": None}, "/v1/processes/credit-and-rebill")
        assert other.status_code == 422, "another correction of the same invoice is no repeat"
        assert ledger(stand, erp) == billed(90_000)

    on_stand(tmp_path, test, routes=to(erp))


def test_what_was_paid_is_not_credited_whole(tmp_path: Path) -> None:
    """A paid or credited invoice is refused in words that name what settled it; wrong lines name their field."""

    async def test(stand: Stand) -> None:
        await invoiced(stand)
        body = {"invoice_id": "INV-BE-100", "reason": "Wrong"}
        wrong = await stand.post(
            body | {"lines": [{"line": 1, "net": "1.234"}]}, "/v1/processes/credit-and-rebill"
        )
        assert (wrong.status_code, "lines.1.net" in wrong.text) == (422, True)
        wrong = await stand.post(
            body | {"lines": [{"line": 1, "tax_code": "XX"}]}, "/v1/processes/credit-and-rebill"
        )
        assert (wrong.status_code, "lines.1.tax_code" in wrong.text) == (422, True)
        paid = {"invoice_id": "INV-BE-100", "amount": "100.00"}
        await stand.post(event("payment", **paid))
        answer = await stand.post(body, "/v1/processes/credit-and-rebill")
        assert answer.status_code == 422
        assert "settled by a payment already: PAY-100, 100.00 GBP" in answer.text
        assert (
            await stand.post({**body, "invoice_id": "NONE"}, "/v1/processes/credit-and-rebill")
        ).status_code == 404

    on_stand(tmp_path, test)


@pytest.mark.parametrize(("erp", "worth"), [("sap_ecc", 109_950), ("netsuite", 110_000)])
def test_what_will_not_be_paid_is_written_off(tmp_path: Path, erp: str, worth: int) -> None:
    """1000.00 is paid, the rest of the gross becomes bad debt; never more than is open, never approved by who asks."""

    async def test(stand: Stand) -> None:
        await invoiced(stand)
        await stand.post(event("payment", invoice_id="INV-BE-100", amount="1000.00"))
        await delivered(stand)
        rest = worth + worth // 5 - 100_000
        body = {"invoice_id": "INV-BE-100", "reason": "Insolvent", "approved_by": "credit control"}
        path = "/v1/processes/write-off"
        self_made = await stand.post(body | {"approved_by": "anonymous"}, path)
        assert (self_made.status_code, "somebody else" in self_made.text) == (422, True)
        too_much = await stand.post(body | {"amount": "500.00"}, path)
        assert too_much.status_code == 422
        assert f"{rest // 100}.{rest % 100:02} GBP is open" in too_much.text
        first = await stand.post(body, path)
        assert first.status_code == 202, first.text
        await delivered(stand)
        assert await refused(stand) == []
        assert ledger(stand, erp) == {
            CASH: 100_000, BAD_DEBT: rest, TAX: -(worth // 5), REVENUE: -worth,
        }  # fmt: skip
        repeat = await stand.post(body, path)
        assert (repeat.status_code, repeat.json()["transaction_id"]) == (200, first.json()["transaction_id"])
        more = await stand.post(body | {"reason": "Again"}, path)
        assert (more.status_code, "0.00 GBP is open" in more.text) == (422, True)

    on_stand(tmp_path, test, routes=to(erp))


def test_crm_and_psa_hear_what_became_of_an_invoice(tmp_path: Path) -> None:
    """Credited, billed anew, the new one written off: both show the last word on each invoice."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource")
        opportunity = await win(stand)
        await polled(stand)
        code = deal(stand, opportunity)["Project_Code__c"]
        await stand.post(event("time_entry", project_id=code))
        await stand.post(
            event("billing_event", project_id=code, customer_id="C-7", contract_id="K" + code[1:])
        )
        await stand.settled()

        def told() -> dict[str, str]:
            rows = stand.records("kantata")["external_references"]
            return {
                row["service_name"]: row["external_status"]
                for row in rows
                if row["service_model"] == "Invoice"
            }

        assert told() == {"coexist:INV-BE-100": "posted"}
        body = {"invoice_id": "INV-BE-100", "reason": "Wrong order number"}
        answer = await stand.post(body, "/v1/processes/credit-and-rebill")
        assert answer.status_code == 202, answer.text
        await stand.settled()
        assert told() == {"coexist:INV-BE-100": "credited", "coexist:INV-BE-100.rebill": "posted"}
        assert deal(stand, opportunity)["Last_Invoice_Status__c"] == "posted"
        given_up = {"invoice_id": "INV-BE-100.rebill", "reason": "Insolvent", "approved_by": "credit control"}
        for amount in ("100.00", None):
            rest = await stand.post(
                given_up | ({"amount": amount} if amount else {}), "/v1/processes/write-off"
            )
            assert rest.status_code == 202, rest.text
            await stand.settled()
            assert told()["coexist:INV-BE-100.rebill"] == ("posted" if amount else "written_off")
        assert deal(stand, opportunity)["Last_Invoice_Status__c"] == "written_off"
        assert await refused(stand) == []

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_a_project_is_closed_when_nothing_is_open(tmp_path: Path, erp: str) -> None:
    """Held, unbilled, unpaid and waiting things are named; then ERP and PSA close it, and late time is parked."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project", "time_entry")
        await at_work(stand)
        path, body = "/v1/processes/close-project", {"project_id": "P-100"}

        async def open_now() -> list[tuple[str, str, str]]:
            rows = (await stand.get("/v1/projects/P-100/open-items"))["open_items"]
            assert all(row["why"] and row["mend"] for row in rows)
            return [(row["kind"], row["document_id"], row["state"]) for row in rows]

        await stand.post(event("change_order", contract_version=3))
        assert await open_now() == [
            ("change_order", "CO-100", "parked"),
            ("time_entry", "TE-100", "unbilled"),
        ]
        refusal = await stand.post(body, path)
        assert (refusal.status_code, "has 2 open items" in refusal.text) == (409, True)
        assert "time_entry TE-100" in refusal.text
        direct = event("project", "close", status="closed")
        direct["type"] = direct["type"].replace("initiated", "closed")
        assert (await stand.post(direct)).status_code == 409, "nor by an event of its own"
        await stand.post(event("change_order", "CO-2", document_id="CO-2", contract_version=2))
        await stand.post(event("billing_event"))
        await asyncio.sleep(20)
        await delivered(stand)
        assert await open_now() == [("invoice", "INV-BE-100", "unpaid")]
        invoice = await stand.get("/v1/documents/invoice/INV-BE-100")
        await stand.post(event("payment", invoice_id="INV-BE-100", amount=invoice["total"]))
        await delivered(stand)
        assert await open_now() == []
        closed = await stand.post(body, path)
        assert closed.status_code == 202, closed.text
        await delivered(stand)
        await asyncio.sleep(20)
        held = stand.simulators[erp].sim.state()["documents"]
        assert [row["status"] for row in held if row["type"] == "project"] == ["closed"]
        (workspace,) = stand.records("kantata")["workspaces"]
        assert workspace["archived"] is True
        assert await refused(stand) == []
        repeat = await stand.post(body, path)
        assert (repeat.status_code, repeat.json()["transaction_id"]) == (200, closed.json()["transaction_id"])
        late = await stand.post(event("time_entry", "late", document_id="TE-LATE"))
        assert (late.status_code, late.json()["state"]) == (202, "parked")
        (exception,) = await refused(stand)
        assert "project P-100 is closed" in exception["problem"]
        await stand.post(event("project", "open-again"))
        await delivered(stand)
        assert await stand.router.replays.replay(
            [late.json()["transaction_id"]], route="again", by="ann", why="opened again"
        ) == 1  # fmt: skip
        await delivered(stand)
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))
