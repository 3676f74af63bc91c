"""Re-opened work in awkward moments: on its way, invoiced, capped, in a closed period, in the ERP of before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from router.journal.port import Switch
from router.model import SystemId
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_corrections import (
    UNBILLED,
    WIP,
    billed,
    changed,
    delivered,
    documents,
    ledger,
    re_opened,
)
from tests.integration.test_workflows import ERPS, PSA, approve, at_work, polled, refused, to, worked

CAPPED = {
    "line": 1, "bills": "time", "description": "Time", "tax_code": "GB-STD", "service_line": "CONSULTING", "cap": "1000.00",
}  # fmt: skip


async def ready(stand: Stand, **contract: Any) -> None:
    """Masters in their ERP, a person on a project in the PSA."""
    await stand.posted("rate_card", "resource", "customer")
    await stand.post(event("contract", **contract))
    await stand.posted("project")
    await at_work(stand)


async def corrected(stand: Stand, entry: str, sheet: str, **fields: Any) -> str:
    """The timesheet is re-opened, a row changed, and handed in and approved again."""
    await re_opened(stand, sheet)
    await changed(stand, entry, **fields)
    return await approve(stand, entry)


@pytest.mark.parametrize("erp", ERPS)
def test_a_correction_waits_behind_its_original(tmp_path: Path, erp: str) -> None:
    """The ERP is away while a row is approved, changed twice and approved again: it ends with the last word."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        stand.simulators[erp].faults = [{"name": "away", "kind": "refuse"}]
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        for minutes in (60, 90):
            await looked(stand)
            sheet = await corrected(stand, entry, sheet, time_in_minutes=minutes)
        await looked(stand)
        states = await documents(stand)
        assert [(row[0], row[2]) for row in states] == [
            (f"TE-{entry}", 120), (f"TE-{entry}.r1", -120), (f"TE-{entry}.v2", 60),
            (f"TE-{entry}.r2", -60), (f"TE-{entry}.v3", 90),
        ]  # fmt: skip
        assert "posted" not in {row[1] for row in states}
        stand.simulators[erp].faults = []
        await stand.settled()
        assert {row[1] for row in await documents(stand)} == {"posted"}
        assert ledger(stand, erp) == {WIP: 22_500, UNBILLED: -22_500}
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))


async def looked(stand: Stand) -> None:
    """Every feed has been read; nothing needs to have been delivered."""
    await asyncio.sleep(1_000)


def test_a_correction_follows_its_original_to_the_erp_it_is_in(tmp_path: Path) -> None:
    """The entity has moved to the cloud ERP since: reversal and re-post go where the original is."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        text = "version: 2\ndefault: {authority: netsuite}\nrules: []\n"
        stand.router.tables.publish(text)
        await stand.router.journal.publish_table(text, version=2, by="test")
        await stand.router.journal.switch(
            Switch(entities=["UK01"], table_version=2, by="test", why="cutover"), gate=()
        )
        await corrected(stand, entry, sheet, time_in_minutes=60)
        await polled(stand)
        assert ledger(stand, "sap_ecc") == {WIP: 15_000, UNBILLED: -15_000}
        assert ledger(stand, "netsuite") == {}
        rows = [row async for row in stand.router.journal.jobs() if row["kind"] == "time_entry"]
        assert [row["target"] for row in rows] == ["sap_ecc"] * 3

    on_stand(tmp_path, test, routes=to("sap_ecc"))


@pytest.mark.parametrize(
    ("erp", "first", "second"), [("sap_ecc", 109_950, 124_950), ("netsuite", 110_000, 125_000)]
)
def test_what_was_invoiced_is_corrected_on_the_next_invoice(
    tmp_path: Path, erp: str, first: int, second: int
) -> None:
    """440 minutes are invoiced, then found to be 500: the next invoice bills the difference, 150.00 net."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=440)
        sheet = await approve(stand, entry)
        await polled(stand)
        await stand.post(event("billing_event"))
        await delivered(stand)
        assert ledger(stand, erp) == billed(first)
        await corrected(stand, entry, sheet, time_in_minutes=500)
        await looked(stand)
        await delivered(stand)
        assert ledger(stand, erp) == billed(first) | {WIP: second - first, UNBILLED: first - second}
        await stand.post(event("billing_event", "BE-2", document_id="BE-2"))
        await delivered(stand)
        invoice = await stand.get("/v1/documents/invoice/INV-BE-2")
        assert (invoice["net"], invoice["tax"], invoice["total"]) == ("150.00", "30.00", "180.00")
        assert ledger(stand, erp) == billed(second)
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ERPS)
def test_parts_made_by_a_cap_are_taken_back_part_by_part(tmp_path: Path, erp: str) -> None:
    """480 minutes are 1200.00, the cap is 1000.00: 400 billable, 80 beyond; corrected to 100, 750.00 are left."""

    async def test(stand: Stand) -> None:
        await ready(stand, lines=[CAPPED])
        entry = await worked(stand, minutes=480)
        sheet = await approve(stand, entry)
        await polled(stand)
        assert ledger(stand, erp)[WIP] in (100_000, 100_050), "6.67 hours where an ERP keeps hundredths"
        assert await stand.router.journal.registers(["cap:K-100/1"]) == {"cap:K-100/1": 100_000}
        await corrected(stand, entry, sheet, time_in_minutes=120)
        await polled(stand)
        assert [(row[0], row[2]) for row in await documents(stand)] == [
            (f"TE-{entry}", 400), (f"TE-{entry}.beyond", 80), (f"TE-{entry}.r1", -400),
            (f"TE-{entry}.r1.beyond", -80), (f"TE-{entry}.v2", 120),
        ]  # fmt: skip
        assert ledger(stand, erp) == {WIP: 30_000, UNBILLED: -30_000}
        assert await stand.router.journal.registers(["cap:K-100/1"]) == {"cap:K-100/1": 30_000}
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))


def test_a_closed_period_stays_closed(tmp_path: Path) -> None:
    """October was closed since: both are dated 1 November, the work date stays, and October stands as it was."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        body = {"why": "month end", "by": "ann", "force": True}
        closed = await stand.post(body, "/v1/periods/UK01/2026-10:close")
        assert closed.status_code == 200, closed.text
        await corrected(stand, entry, sheet, time_in_minutes=60)
        await polled(stand)
        assert await refused(stand) == []
        found = []
        for row in (await stand.of_kind("time_entry"))[1:]:
            document = (await stand.get(f"/v1/transactions/{row['transaction_id']}"))["document"]
            found.append((document["document_id"], document["accounting_date"], document["work_date"]))
        assert found == [
            (f"TE-{entry}.r1", "2026-11-01", "2026-10-29"), (f"TE-{entry}.v2", "2026-11-01", "2026-10-29"),
        ]  # fmt: skip
        assert ledger(stand, "sap_ecc") == {WIP: 15_000, UNBILLED: -15_000}

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_an_expense_is_corrected_like_time(tmp_path: Path, erp: str) -> None:
    """84.20 becomes 48.20: cost, payable and work in progress all show 48.20."""

    async def test(stand: Stand) -> None:
        await ready(stand, lines=[CAPPED, {**CAPPED, "line": 2, "bills": "expenses", "cap": "500.00"}])
        body = {
            "workspace_id": "21", "user_id": "11", "date": "2026-10-29", "category": "TRAVEL", "amount_in_cents": 8_420,
            "currency": "GBP", "billable": True,
        }  # fmt: skip
        made = await stand.person("kantata", "POST", f"{PSA}/expenses", {"expense": body})
        (name,) = made["expenses"]
        reports = f"{PSA}/expense_report_submissions"

        async def approved() -> str:
            report = {"workspace_id": "21", "title": "Trip", "line_item_ids": [name]}
            sent = await stand.person("kantata", "POST", reports, {"expense_report_submission": report})
            (number,) = sent["expense_report_submissions"]
            await stand.person("kantata", "PUT", f"{reports}/{number}/approve", {"resolution": {}})
            return str(number)

        number = await approved()
        await polled(stand)
        await stand.person("kantata", "PUT", f"{reports}/{number}/cancel", {"resolution": {}})
        await stand.person(
            "kantata", "PUT", f"{PSA}/expenses/{name}", {"expense": {"amount_in_cents": 4_820}}
        )
        await approved()
        await polled(stand)
        assert [row[0] for row in await documents(stand, "expense_item")] == [
            f"EX-{name}", f"EX-{name}.r1", f"EX-{name}.v2",
        ]  # fmt: skip
        assert ledger(stand, erp) == {"600000": 4_820, "240000": -4_820, WIP: 4_820, UNBILLED: -4_820}
        assert await refused(stand) == []

    on_stand(tmp_path, test, routes=to(erp))


def test_what_can_t_be_completed_leaves_the_original_alone(tmp_path: Path) -> None:
    """Moved to a day without a rate, the change is parked whole; with a rate, a replay makes both documents."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        await corrected(stand, entry, sheet, date_performed="2025-12-30")
        await polled(stand)
        (parked,) = await refused(stand)
        assert f"TE-{entry} was changed after it was sent: rate card RC-UK01 has no rate" in parked["problem"]
        assert ledger(stand, "sap_ecc") == {WIP: 30_000, UNBILLED: -30_000}
        rates = [
            {"role": "CONSULTANT", "hourly": hourly, "starts": starts}
            for hourly, starts in (("100.00", "2025-01-01"), ("150.00", "2026-01-01"))
        ]
        await stand.post(event("rate_card", "RC-2", rates=rates))
        await delivered(stand)
        assert await stand.router.replays.replay(
            [parked["transaction_id"]], route="again", by="ann", why="rate added"
        ) == 1  # fmt: skip
        await stand.settled()
        assert sorted((row[0], row[1]) for row in await documents(stand)) == [
            (f"TE-{entry}", "posted"), (f"TE-{entry}.r1", "posted"), (f"TE-{entry}.v2", "posted"),
        ]  # fmt: skip
        assert ledger(stand, "sap_ecc") == {WIP: 20_000, UNBILLED: -20_000}
        assert await refused(stand) == []

    on_stand(tmp_path, test)


@pytest.mark.parametrize("last", [60, None])
def test_what_waited_never_replaces_what_was_accepted_after_it(tmp_path: Path, last: int | None) -> None:
    """A row waits for a rate, and is changed (or sent, and then deleted) meanwhile: replayed late, it changes nothing."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        await changed(stand, entry, date_performed="2025-12-30")
        sheet = await approve(stand, entry)
        await polled(stand)
        (parked,) = await refused(stand)
        assert "RC-UK01 has no rate" in parked["problem"]
        sheet = await corrected(stand, entry, sheet, date_performed="2026-10-29", time_in_minutes=60)
        await polled(stand)
        if last is None:
            await re_opened(stand, sheet)
            await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{entry}", {})
            await polled(stand)
        rates = [
            {"role": "CONSULTANT", "hourly": "150.00", "starts": starts}
            for starts in ("2025-01-01", "2026-01-01")
        ]
        await stand.post(event("rate_card", "RC-2", rates=rates))
        await delivered(stand)
        name = parked["transaction_id"]
        again = await stand.router.replays.replay([name], route="again", by="ann", why="rate added")
        assert again == 0
        await delivered(stand)
        assert ledger(stand, "sap_ecc") == ({WIP: 15_000, UNBILLED: -15_000} if last else {})
        (waiting,) = await refused(stand)
        assert waiting["transaction_id"] == name
        assert f"TE-{entry} as its source showed it before T" in waiting["problem"]

    on_stand(tmp_path, test)


def test_what_was_deleted_while_it_waited_is_never_sent(tmp_path: Path) -> None:
    """A row waits for a rate and is deleted: with the rate there, no replay brings it back; both are named."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        await changed(stand, entry, date_performed="2025-12-30")
        sheet = await approve(stand, entry)
        await polled(stand)
        await re_opened(stand, sheet)
        await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{entry}", {})
        await polled(stand)
        rates = [{"role": "CONSULTANT", "hourly": "150.00", "starts": "2025-01-01"}]
        await stand.post(event("rate_card", "RC-2", rates=rates))
        await delivered(stand)
        first, second = (row["transaction_id"] for row in await stand.of_kind("time_entry"))
        for _ in range(2):
            sent = await stand.router.replays.replay([second, first], route="again", by="ann", why="rate")
            assert sent == 0
        problems = {row["transaction_id"]: row["problem"] for row in await refused(stand)}
        assert problems == {
            first: f"TE-{entry} as its source showed it before {second}: resolve this one",
            second: f"TE-{entry} was deleted in kantata while {first} waited: resolve this one too",
        }
        assert ledger(stand, "sap_ecc") == {}

    on_stand(tmp_path, test)


def test_what_waited_goes_on_in_its_order(tmp_path: Path) -> None:
    """Three states of a row wait for a rate; replayed one by one, oldest first, the ledger has the last of them.

    480 minutes are split at the cap, so parts and reversals of the first come after the third was seen.
    """

    async def test(stand: Stand) -> None:
        await ready(stand, lines=[CAPPED])
        entry = await worked(stand, minutes=480)
        await changed(stand, entry, date_performed="2025-12-30")
        sheet = await approve(stand, entry)
        await polled(stand)
        for minutes in (420, 60):
            sheet = await corrected(stand, entry, sheet, time_in_minutes=minutes)
            await polled(stand)
        waiting = [row["transaction_id"] for row in await stand.of_kind("time_entry")]
        assert len(waiting) == 3
        rates = [{"role": "CONSULTANT", "hourly": "150.00", "starts": "2025-01-01"}]
        await stand.post(event("rate_card", "RC-2", rates=rates))
        await delivered(stand)
        for name in waiting:
            sent = await stand.router.replays.replay([name], route="again", by="ann", why="rate added")
            assert sent == 1
            await delivered(stand)
        assert ledger(stand, "sap_ecc") == {WIP: 15_000, UNBILLED: -15_000}
        assert await refused(stand) == []

    on_stand(tmp_path, test)


def test_a_row_moved_to_another_project_is_posted_there(tmp_path: Path) -> None:
    """It is taken back where it was, and posted on the project it belongs to; what was never sent leaves no trace."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        await stand.post(event("project", "P-200", document_id="P-200"))
        space = {"id": "22", "title": "P-200 Other", "currency": "GBP", "start_date": "2026-10-01"}
        named = {"id": "3", "service_name": "coexist", "status": "successful", "service_model": "Project",
                 "service_model_ref": "P-200", "subject_type": "Workspace", "subject_id": "22"}  # fmt: skip
        await stand.sim("kantata", "seed", {"workspaces": [space], "external_references": [named]})
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        await re_opened(stand, sheet)
        await changed(stand, entry, workspace_id="22")
        body = {"workspace_id": "22", "title": "Week 44", "line_item_ids": [entry]}
        path = f"{PSA}/timesheet_submissions"
        made = await stand.person("kantata", "POST", path, {"timesheet_submission": body})
        (number,) = made["timesheet_submissions"]
        await stand.person("kantata", "PUT", f"{path}/{number}/approve", {"resolution": {}})
        gone = await worked(stand, minutes=5)
        await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{gone}", {})
        await polled(stand)
        found = []
        for row in await stand.of_kind("time_entry"):
            document = (await stand.get(f"/v1/transactions/{row['transaction_id']}"))["document"]
            found.append((document["document_id"], document["project_id"], document["minutes"], row["state"]))
        assert found == [
            (f"TE-{entry}", "P-100", 120, "posted"), (f"TE-{entry}.r1", "P-100", -120, "posted"),
            (f"TE-{entry}.v2", "P-200", 120, "posted"),
        ]  # fmt: skip
        assert ledger(stand, "sap_ecc") == {WIP: 30_000, UNBILLED: -30_000}
        stale = event("time_entry", "again", document_id=f"TE-{entry}.v2", minutes=5)
        assert (await stand.post(stale)).status_code == 422, "its id was used"
        older = event("time_entry", "older", document_id=f"TE-{entry}.v1", minutes=5)
        assert (await stand.post(older)).status_code == 409, "a later correction has replaced it"

    on_stand(tmp_path, test)


def test_what_the_erp_holds_is_named_by_system(tmp_path: Path) -> None:
    """The vendor's row is known by each of its documents that was posted from it."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        await corrected(stand, entry, sheet, time_in_minutes=60)
        await polled(stand)
        keys = [("time_entry", name) for name in (f"TE-{entry}", f"TE-{entry}.r1", f"TE-{entry}.v2")]
        known = await stand.router.journal.crosswalk(SystemId("kantata"), keys)
        assert known == {keys[0]: entry, keys[2]: entry}

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ERPS)
def test_what_was_refused_is_not_taken_back(tmp_path: Path, erp: str) -> None:
    """The ERP refused the original: its correction waits, and both follow when the original was sent again."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
        books.ledger.close_period("UK01", "2026-10")
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        (exception,) = await refused(stand)
        books.ledger.open_period("UK01", "2026-10")
        await corrected(stand, entry, sheet, time_in_minutes=60)
        await looked(stand)
        assert ledger(stand, erp) == {}, "nothing is taken back that was never posted"
        assert [row[1] for row in await documents(stand)] == ["refused", "queued", "queued"]
        name = exception["transaction_id"]
        assert await stand.router.replays.replay([name], route="pinned", by="ann", why="opened") == 1
        await stand.settled()
        assert {row[1] for row in await documents(stand)} == {"posted"}
        assert ledger(stand, erp) == {WIP: 15_000, UNBILLED: -15_000}

    on_stand(tmp_path, test, routes=to(erp))


def test_what_was_taken_back_is_not_open(tmp_path: Path) -> None:
    """An entry and its reversal keep no project open, though neither was billed; the entry alone does."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry = await worked(stand, minutes=120)
        sheet = await approve(stand, entry)
        await polled(stand)
        path = "/v1/projects/P-100/open-items"
        (item,) = (await stand.get(path))["open_items"]
        assert (item["document_id"], item["state"]) == (f"TE-{entry}", "unbilled")
        assert item["why"] == "300.00 GBP is not billed"
        await re_opened(stand, sheet)
        await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{entry}", {})
        await polled(stand)
        assert ledger(stand, "sap_ecc") == {}
        assert (await stand.get(path))["open_items"] == []

    on_stand(tmp_path, test)


def test_what_somebody_else_sent_is_not_the_psa_s_to_change(tmp_path: Path) -> None:
    """A document whose id only looks like a row of the PSA is neither taken back nor corrected: a person sees it."""

    async def test(stand: Stand) -> None:
        await ready(stand)
        entry, other = await worked(stand, minutes=120), await worked(stand, minutes=30)
        for name in (f"TE-{entry}", f"TE-{other}"):
            await stand.post(event("time_entry", name, document_id=name, minutes=60))
        await stand.settled()
        await approve(stand, entry)
        await stand.person("kantata", "DELETE", f"{PSA}/time_entries/{other}", {})
        await polled(stand)
        (exception,) = await refused(stand)
        assert f"TE-{entry} was accepted before with another content" in exception["problem"]
        assert ledger(stand, "sap_ecc") == {WIP: 30_000, UNBILLED: -30_000}

    on_stand(tmp_path, test)
