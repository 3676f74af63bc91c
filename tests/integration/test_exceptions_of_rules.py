"""Exceptions of the firm's own rules and of the dual run: the guidance is followed until nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.exceptions.catalogue import CATALOGUE
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_exceptions import MASTERS, SAP, corrected, in_psa, one, replayed, sent, settled
from tests.integration.test_workflows import at_work

BOTH = "version: 1\ndefault: {authority: sap_ecc, shadow: netsuite}\nrules: []\n"
SAID = {"by": "ann", "why": "as the guidance says"}


def reopens(data: dict[str, Any]) -> None:
    """Late entries wait until their period is re-opened."""
    data["calendars"]["monthly"]["late"] = "reopen"


async def said(stand: Stand, path: str, **more: Any) -> None:
    """Somebody decides, as the guidance says how."""
    answer = await stand.post({**SAID, **more}, path)
    assert answer.status_code == 200, answer.text
    await settled(stand)


async def period_closed(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    await said(stand, "/v1/periods/UK01/2026-10:close", force=True)
    await sent(stand, "time_entry")
    row = await one(stand, "period-closed")
    assert (row["queue"], "2026-10" in row["guidance"]["what_is_wrong"]) == ("finance-operations", True)
    assert row["guidance"]["field"].startswith("POST /v1/periods/UK01/")
    await said(stand, "/v1/periods/UK01/2026-10:reopen", approved_by="bob")
    await replayed(stand, row)


async def version_gap(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    await sent(stand, "change_order", contract_version=3, document_id="CO-3")
    row = await one(stand, "version-gap")
    assert row["guidance"]["replay"] == "by-itself"
    answer = await stand.post(event("change_order", "two", contract_version=2, document_id="CO-2"))
    assert answer.status_code == 202
    await asyncio.sleep(60)


async def possible_duplicate(stand: Stand) -> None:
    await sent(stand, "customer", tax_registration="GB123456789")
    other = event("customer", "C2", document_id="C-200", name="Branch", tax_registration="123456789")
    assert (await stand.post(other)).status_code == 202
    row = await one(stand, "possible-duplicate")
    assert f"/v1/duplicates/{row['transaction_id']}:same-as" in row["guidance"]["example"]
    await said(stand, f"/v1/duplicates/{row['transaction_id']}:distinct")


async def ownership_conflict(stand: Stand) -> None:
    await sent(stand, "customer", payment_terms_days=45)
    crm = event("customer", "U1", payment_terms_days=10)
    crm["source"] = "/crm/accounts"
    await stand.post(crm)
    await settled(stand)
    row = await one(stand, "ownership-conflict")
    assert "payment_terms_days" in row["guidance"]["what_is_wrong"]
    number = row["id"].removeprefix("conflict-")
    await said(stand, f"/v1/conflicts/{number}:keep")


async def project_closed(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    await sent(stand, "project", document_id="P-200", name="Follow-on")
    closed = event("project", "closed", status="closed")
    closed["type"] = closed["type"].replace("initiated", "closed")
    assert (await stand.post(closed)).status_code == 202
    await settled(stand)
    await sent(stand, "time_entry")
    row = await one(stand, "project-closed")
    await corrected(stand, row, project_id="P-200")


async def milestone_incomplete(stand: Stand) -> None:
    line = {**event("contract")["data"]["lines"][0], "bills": "milestones", "fee": "20000.00", "cap": None}
    line = {name: value for name, value in line.items() if value is not None}
    await sent(stand, "rate_card", "resource", "customer")
    await sent(stand, "contract", billing="fixed_fee", rate_card_id=None, lines=[line])
    await sent(stand, "project")
    await sent(stand, "billing_event", milestone_ids=["MS-100"])
    row = await one(stand, "milestone-incomplete")
    assert "MS-100" in row["guidance"]["what_is_wrong"]
    await sent(stand, "milestone")
    await asyncio.sleep(60)


async def resource_left(stand: Stand) -> None:
    await sent(stand, "rate_card", "customer", "contract", "project")
    await sent(stand, "resource", left_on="2026-10-31")
    await sent(stand, "assignment", ends="2026-12-31")
    row = await one(stand, "resource-left")
    await corrected(stand, row, ends="2026-10-31")


async def erp_company_unknown(stand: Stand) -> None:
    books = stand.simulators["sap_ecc"].sim.books  # type: ignore[attr-defined]
    whole = books.firm
    books.firm = replace(whole, entities={k: v for k, v in whole.entities.items() if k != "UK01"})
    await sent(stand, "customer")
    row = await one(stand, "erp-company-unknown")
    assert (row["severity"], row["queue"]) == ("high", "integration-support")
    books.firm = whole
    await replayed(stand, row)


async def shadow_refused(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    books = stand.simulators["netsuite"].sim.books  # type: ignore[attr-defined]
    books.close_period("UK01", "2026-10")
    await sent(stand, "time_entry")
    await asyncio.sleep(600)
    row = await one(stand, "shadow-refused")
    assert (row["id"][0], row["role"], row["target"]) == ("J", "shadow", "netsuite")
    books.open_period("UK01", "2026-10")
    await replayed(stand, row)
    await asyncio.sleep(600)


async def rate_card_currency(stand: Stand) -> None:
    await sent(stand, "resource", "customer")
    await sent(stand, "rate_card", currency="EUR")
    await sent(stand, "contract", "project")
    await at_work(stand)
    await in_psa(stand)
    row = await one(stand, "rate-card-currency")
    assert "EUR" in row["guidance"]["what_is_wrong"]
    await sent(stand, "rate_card", currency="GBP", accounting_date="2026-10-01")
    await replayed(stand, row)


async def employee_id_missing(stand: Stand) -> None:
    await sent(stand, *MASTERS)
    await at_work(stand)
    other = {"id": "2", "service_name": "other", "service_model": "Employee", "service_model_ref": "X",
             "subject_type": "User", "subject_id": "11", "status": "successful"}  # fmt: skip
    await stand.sim("kantata", "seed", {"external_references": [other]})
    await in_psa(stand)
    row = await one(stand, "employee-id-missing")
    await corrected(stand, row, resource_id="R-100")


async def erp_tax(stand: Stand) -> None:
    await sent(stand, "rate_card", "customer")
    lines = event("contract")["data"]["lines"]
    await sent(stand, "contract", lines=[{**line, "tax_code": "NOWHERE"} for line in lines])
    row = await one(stand, "erp-tax")
    assert "NOWHERE" in row["guidance"]["what_is_wrong"]
    await corrected(stand, row, lines=lines)


async def feedback_refused(stand: Stand) -> None:
    await sent(stand, *MASTERS, "time_entry", "billing_event")
    await asyncio.sleep(90_000)
    rows = (await stand.get("/v1/exceptions?type=feedback-refused"))["exceptions"]
    (row,) = [row for row in rows if row["target"] == "kantata"]
    assert (row["id"][0], row["kind"], row["role"]) == ("J", "invoice", "feedback")
    await at_work(stand)
    await replayed(stand, row)
    await asyncio.sleep(600)
    rows = (await stand.get("/v1/exceptions?type=feedback-refused"))["exceptions"]
    assert [row["target"] for row in rows if row["target"] == "kantata"] == []


BREAK: dict[str, Any] = {
    "key": {"document_id": "TE-1"}, "kind": "time_entry", "class": "amount", "column": "net", "legacy": "10.00",
    "cloud": "9.00", "legal_entity": "UK01", "project_id": "P-100", "currency": "GBP", "delta": "-1.00",
    "delta_minor": -100, "cause": "unexplained", "evidence": "",
}  # fmt: skip


async def dual_run_break(stand: Stand) -> None:
    await stand.router.journal.store_breaks("run-1", [BREAK, {**BREAK, "cause": "rounding", "column": "tax"}])
    row = await one(stand, "dual-run-break")
    assert (row["amount"], row["about"]) == ("-1.00", "TE-1")
    await stand.router.journal.store_breaks("run-2", [BREAK])
    assert (await one(stand, "dual-run-break"))["id"] == row["id"], "found again, it is the same one"
    await said(stand, f"/v1/exceptions/{row['id']}:resolve")
    await stand.router.journal.store_breaks("run-3", [BREAK])
    await sent(stand, "customer")


async def intercompany_mismatch(stand: Stand) -> None:
    wrong = {**BREAK, "code": "intercompany-mismatch", "cause": "missing", "evidence": "a leg is missing"}
    await stand.router.journal.store_breaks("intercompany:2026-10", [wrong])
    row = await one(stand, "intercompany-mismatch")
    assert (row["severity"], "a leg is missing" in row["guidance"]["what_is_wrong"]) == ("high", True)
    await stand.router.journal.store_breaks("intercompany:2026-10", [])
    await sent(stand, "customer")


CLOUD = "version: 1\ndefault: {authority: netsuite}\nrules: []\n"
FOLLOWED: Mapping[str, tuple[Callable[[Stand], Awaitable[None]], dict[str, Any]]] = {
    "period-closed": (period_closed, {"landscape": reopens}),
    "version-gap": (version_gap, {}),
    "possible-duplicate": (possible_duplicate, {}),
    "ownership-conflict": (ownership_conflict, {}),
    "project-closed": (project_closed, {}),
    "milestone-incomplete": (milestone_incomplete, {}),
    "resource-left": (resource_left, {"routes": CLOUD}),
    "erp-company-unknown": (erp_company_unknown, {}),
    "shadow-refused": (shadow_refused, {"routes": BOTH}),
    "rate-card-currency": (rate_card_currency, {}),
    "employee-id-missing": (employee_id_missing, {}),
    "erp-tax": (erp_tax, {"routes": CLOUD}),
    "feedback-refused": (feedback_refused, {}),
    "dual-run-break": (dual_run_break, {}),
    "intercompany-mismatch": (intercompany_mismatch, {}),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_following_the_guidance_leaves_nothing(tmp_path: Path, name: str) -> None:
    """Produced, mended where the guidance says: everything is posted and nobody waits."""
    follow, options = FOLLOWED[name]
    assert name in CATALOGUE

    async def test(stand: Stand) -> None:
        await follow(stand)
        await settled(stand)
        left = (await stand.get("/v1/exceptions"))["exceptions"]
        assert [row for row in left if row["role"] != "feedback"] == []
        assert {row["state"] async for row in stand.router.journal.transactions()} == {"posted"}

    on_stand(tmp_path, test, **{"routes": SAP, **options})
