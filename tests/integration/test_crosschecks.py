"""Every cross-check passes on sound books, and finds exactly what was changed behind the router's back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.canonical.kinds import parse
from router.connectors.port import Delivery, Posted, Record
from router.model import JobId, SystemId
from tests.integration import test_intercompany as crossing
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_billing_scenarios import agreed, in_the_erps, line, send
from tests.integration.test_workflows import approve, at_work, deal, polled, to, win, worked


async def checks(stand: Stand, period: str = "2026-10") -> dict[str, dict[str, Any]]:
    """The checks of a period by name."""
    found = await stand.get(f"/v1/cross-checks?period={period}")
    for check in found["cross_checks"]:
        assert all(row["ties"] for row in check["totals"]), check
    return {one["name"]: one for one in found["cross_checks"]}


async def stored(stand: Stand, period: str = "2026-10") -> list[dict[str, Any]]:
    """Make the checks, store them; the open breaks."""
    assert (await stand.post({}, f"/v1/cross-checks?period={period}")).status_code == 200
    found: list[dict[str, Any]] = (await stand.get("/v1/breaks?state=open"))["breaks"]
    return found


async def behind_the_back(stand: Stand, erp: str, kind: str, name: str, **fields: Any) -> None:
    """Put a document into an ERP that the router knows nothing of."""
    made = event(kind, document_id=name, **fields)["data"]
    document, system = parse(made), SystemId(erp)
    refs = await stand.router.journal.crosswalk(system, document.needs)
    sent = Delivery(job_id=JobId(1), external_id=name, operation="create", document=document, refs=refs)
    (answer,) = (await stand.router.connectors[system].post([sent])).answers
    assert isinstance(answer, Posted), answer


@pytest.mark.parametrize("erp", ["sap_ecc", "netsuite"])
def test_hours_the_erp_lost_sight_of_are_found_and_age(tmp_path: Path, erp: str) -> None:
    """440 approved minutes agree; changed to 500 in the PSA with no trace, 60 are missing, and stay one break."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        await at_work(stand)
        entry = await worked(stand)
        await approve(stand, entry)
        found = (await checks(stand))["hours"]
        assert (found["verdict"], found["causes"]) == ("pass", {"timing": 1}), "the feed did not look yet"
        await polled(stand)
        found = (await checks(stand))["hours"]
        assert (found["verdict"], found["mismatches"]) == ("pass", 0)
        assert found["totals"] == [{"currency": "", "left": 440, "right": 440, "difference": 0, "ties": True}]
        (row,) = [one for one in stand.records("kantata")["time_entries"] if str(one["id"]) == entry]
        await stand.sim("kantata", "seed", {"time_entries": [{**row, "time_in_minutes": 500}]})
        await polled(stand)
        found = (await checks(stand))["hours"]
        (group,) = found["rows"]
        assert (found["verdict"], group["left"], group["right"]) == ("fail", "500", "440")
        assert [one["document_id"] for one in group["items"]] == [f"TE-{entry}"]
        first = await stored(stand)
        again = await stored(stand)
        assert [(one["class"], one["delta_minor"], one["cause"]) for one in first] == [
            ("cross_check", -60, "unexplained")
        ]
        assert [(one["identity"], one["state"]) for one in again] == [(first[0]["identity"], "recurring")]

    on_stand(tmp_path, test, routes=to(erp))


@pytest.mark.parametrize("erp", ["sap_ecc", "netsuite"])
def test_the_crm_shows_what_was_invoiced_to_date(tmp_path: Path, erp: str) -> None:
    """Two invoices add up in the CRM; one it was never told of is exactly what lacks there."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource")
        opportunity = await win(stand)
        await polled(stand)
        code = deal(stand, opportunity)["Project_Code__c"]
        own = {"project_id": code, "customer_id": "C-7", "contract_id": "K" + code[1:]}
        totals = 0
        for number in ("1", "2"):
            await stand.post(event("time_entry", f"TE-{number}", document_id=f"TE-{number}", project_id=code))
            await stand.settled()
            await stand.post(event("billing_event", f"BE-{number}", document_id=f"BE-{number}", **own))
            await stand.settled()
            invoice = await stand.get(f"/v1/documents/invoice/INV-BE-{number}")
            totals += round(float(invoice["total"]) * 100)
        assert round(float(deal(stand, opportunity)["Invoiced_Total__c"]) * 100) == totals
        found = (await checks(stand))["invoices"]
        assert (found["verdict"], found["mismatches"], found["totals"][0]["left"]) == ("pass", 0, totals)
        one = {"line": 1, "description": "Services", "net": "100.00", "tax_code": "GB-STD", "tax": "20.00"}
        amounts = {"lines": [one], "net": "100.00", "tax": "20.00", "total": "120.00"}
        part = {**own, "invoice_id": "INV-BE-1", **amounts}
        await stand.post(event("credit_memo", "CM-1", document_id="CM-1", **part))
        await stand.settled()
        assert round(float(deal(stand, opportunity)["Invoiced_Total__c"]) * 100) == totals - 12_000
        found = (await checks(stand))["invoices"]
        assert (found["verdict"], found["totals"][0]["right"]) == ("pass", totals - 12_000), (
            "a partial credit"
        )
        path = f"/services/data/v60.0/sobjects/Opportunity/{opportunity}"
        await stand.person("salesforce", "PATCH", path, {"Invoiced_Total__c": 1})
        found = (await checks(stand))["invoices"]
        (group,) = found["rows"]
        assert (found["verdict"], group["right"], group["items"][0]["code"]) == (
            "fail",
            "1.00",
            "totals-differ",
        )
        assert found["facts"]["customers_apart"] == 1
        await stand.post({"invoice_id": "INV-BE-1"}, "/v1/processes/publish-invoice-status")
        await stand.settled()
        assert (await checks(stand))["invoices"]["verdict"] == "pass", "told again, it shows all of it"
        await behind_the_back(stand, erp, "invoice", "INV-BACK", **own)
        found = (await checks(stand))["invoices"]
        (group,) = found["rows"]
        assert (found["verdict"], "INV-BACK" in group["items"][0]["document_id"]) == ("fail", True)

    on_stand(tmp_path, test, routes=to(erp))


def test_a_shadow_s_invoice_of_a_refused_request_is_owed_to_nobody(tmp_path: Path) -> None:
    """The authority refused to bill and the shadow did: the CRM rightly shows nothing."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource")
        opportunity = await win(stand)
        await polled(stand)
        code = deal(stand, opportunity)["Project_Code__c"]
        own = {"project_id": code, "customer_id": "C-7", "contract_id": "K" + code[1:]}
        await stand.post(event("time_entry", "TE-1", document_id="TE-1", project_id=code))
        await stand.settled()
        lock = {"name": "lock", "kind": "period_lock", "params": {"entity": "UK01"}}
        stand.simulators[SystemId("sap_ecc")].faults = [lock]
        await stand.post(event("billing_event", "BE-1", document_id="BE-1", **own))
        await stand.settled()
        await in_the_erps(stand)
        assert await stand.of_kind("invoice") == [], "refused by its authority"
        made = await stand.router.connectors[SystemId("netsuite")].read_back(
            "invoice", legal_entities=["UK01"], since="2026-10-01", until="2026-12-01"
        )
        assert [one.external_id for one in made] == ["BE-1"], "billed by the shadow"
        found = (await checks(stand))["invoices"]
        assert (found["verdict"], found["mismatches"]) == ("pass", 0), found["rows"]

    routes = "version: 1\ndefault: {authority: sap_ecc, shadow: netsuite}\nrules: []\n"
    on_stand(tmp_path, test, routes=routes)


def test_a_leg_by_hand_is_a_mismatch_of_its_pair(tmp_path: Path) -> None:
    """Legs of real work agree; one booked by hand in one ERP is exactly the difference of its pair."""

    async def test(stand: Stand) -> None:
        await crossing.at_work(stand)
        await crossing.worked(stand)
        await stand.settled()
        found = (await checks(stand))["intercompany"]
        assert (found["verdict"], found["groups"], found["mismatches"]) == ("pass", 1, 0)
        await behind_the_back(
            stand, "netsuite", "journal_entry", "HAND-1", legal_entity="UK01", counterparty="US01",
            region="EMEA", purpose="intercompany",
        )  # fmt: skip
        found = (await checks(stand))["intercompany"]
        (group,) = found["rows"]
        assert (found["verdict"], group["difference"], group["items"][0]["code"]) == (
            "fail",
            "560.00",
            "by-hand",
        )
        (broken,) = [one for one in await stored(stand) if one["class"] == "intercompany"]
        assert (broken["column"], broken["cause"], broken["delta"]) == ("due", "by-hand", "560.00")
        await stand.router.matches.report("2026-10", store=True)
        again = [one for one in await stored(stand) if one["class"] == "intercompany"]
        assert [one["identity"] for one in again] == [broken["identity"]], "the leg is one break, not two"

    on_stand(tmp_path, test, routes=crossing.ROUTES)


class Lacking:
    """An ERP from which somebody has deleted one document."""

    def __init__(self, connector: Any, name: str) -> None:
        self._connector, self._name = connector, name
        self.system, self.capabilities = connector.system, connector.capabilities

    async def read_back(self, kind: str, **asked: Any) -> list[Record]:
        """Its rows without that document."""
        rows = await self._connector.read_back(kind, **asked)
        return [row for row in rows if row.external_id != self._name]


def test_a_leg_that_was_deleted_is_a_mismatch_of_its_pair(tmp_path: Path) -> None:
    """554.40 are due from US01, whose ERP has lost its leg: exactly that is stored, once, and mended when back."""

    async def test(stand: Stand) -> None:
        await crossing.at_work(stand)
        await crossing.worked(stand)
        await stand.settled()
        matches = stand.router.matches
        sound = matches._connectors
        matches._connectors = {name: Lacking(one, "IC-TE-1.to") for name, one in sound.items()}  # type: ignore[misc]
        found = (await checks(stand))["intercompany"]
        (group,) = found["rows"]
        assert (found["verdict"], group["left"], group["right"]) == ("fail", "554.40", "0.00")
        assert [(one["document_id"], one["code"]) for one in group["items"]] == [("IC-TE-1.to", "missing")]
        (broken,) = [one for one in await stored(stand) if one["class"] == "intercompany"]
        assert (broken["cause"], broken["legal_entity"]) == ("missing", "US01")
        matches._connectors = sound
        assert [one for one in await stored(stand) if one["class"] == "intercompany"] == []

    on_stand(tmp_path, test, routes=crossing.ROUTES)


class Edited:
    """An ERP in which somebody has made every line of a journal entry 739.13 smaller."""

    def __init__(self, connector: Any) -> None:
        self._connector = connector
        self.system, self.capabilities = connector.system, connector.capabilities

    async def read_back(self, kind: str, **asked: Any) -> list[Record]:
        """Its rows, with the change."""
        rows = await self._connector.read_back(kind, **asked)
        if kind != "journal_entry":
            return list(rows)
        return [replace(row, lines=tuple(_smaller(one) for one in row.lines)) for row in rows]


def _smaller(one: Any) -> dict[str, Any]:
    off = 73_913 if one["net_minor"] > 0 else -73_913
    return {**one, "net_minor": one["net_minor"] - off}


@pytest.mark.parametrize("erp", ["sap_ecc", "netsuite"])
@pytest.mark.parametrize("changed", [False, True])
def test_a_schedule_is_held_against_what_was_recognised(tmp_path: Path, erp: str, changed: bool) -> None:
    """Planned and recognised to date agree; where somebody changed the entry in the ERP, exactly that differs."""

    async def test(stand: Stand) -> None:
        fee = line("milestones", fee="20000.00", revenue="straight_line")
        await agreed(stand, fee, billing="fixed_fee", rate_card_id=None, ends="2026-12-31")
        await send(stand, "milestone", None, amount="20000.00")
        asked = {"legal_entity": "UK01", "period": "2026-10"}
        assert (await stand.post(asked, "/v1/processes/recognise-revenue")).status_code == 200
        await in_the_erps(stand)
        if changed:
            books = stand.router.cross_checks._books
            books._connectors = {name: Edited(one) for name, one in books._connectors.items()}  # type: ignore[misc]
            found = (await checks(stand))["revenue"]
            (group,) = found["rows"]
            assert (found["verdict"], group["difference"]) == ("fail", "739.13")
            assert [one["document_id"] for one in group["items"]] == ["RS-K-100-1"]
            assert [
                (one["column"], one["delta"])
                for one in await stored(stand)
                if one["kind"] == "revenue_schedule"
            ] == [("revenue_to_date", "-739.13")]
            return
        found = (await checks(stand))["revenue"]
        assert (found["verdict"], found["groups"], found["mismatches"]) == ("pass", 1, 0)
        assert found["totals"][0]["left"] == 673_913
        november = (await checks(stand, "2026-11"))["revenue"]
        assert (november["verdict"], november["causes"]) == ("pass", {"timing": 1}), "not recognised yet"

    on_stand(tmp_path, test, routes=to(erp))


def test_a_system_that_cannot_be_read_never_passes(tmp_path: Path) -> None:
    """With a CRM that is down the invoices can't be told; the other checks are made all the same."""

    async def test(stand: Stand) -> None:
        stand.router.cross_checks._crm = None
        found = await checks(stand)
        assert found["invoices"]["verdict"] == "inconclusive"
        assert found["hours"]["verdict"] == "pass"
        assert (await stand.get("/v1/cross-checks"))["verdict"] == "inconclusive"

    on_stand(tmp_path, test)
