"""Repairs on live ERPs: what is missing is sent again, what stands twice is taken back, what moved is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from cutover.checks import check_all, read_facts
from router.dualrun.repairs.files import read_plan, write_plan
from router.dualrun.repairs.plan import Plan, sealed
from router.dualrun.repairs.rules import RepairRules, as_repair_rules
from router.errors import FourEyes
from router.landscape import default_file
from router.model import SystemId
from tests.integration.router_stand import Stand, event, on_stand

LEGACY, CLOUD = SystemId("sap_ecc"), SystemId("netsuite")
BEFORE = ("customer", "rate_card", "contract", "project", "resource")
DUAL = """
version: 1
default: {authority: sap_ecc, shadow: netsuite}
rules: []
"""


def rules() -> RepairRules:
    return as_repair_rules(default_file("policies/repairs.yaml"))


async def compared(stand: Stand, run_id: str, *kinds: str) -> list[Mapping[str, Any]]:
    """The breaks of some kinds (none: of time) in a comparison of the example's entity."""
    await stand.router.dual_run.compare(
        run_id=run_id, legacy=LEGACY, cloud=CLOUD, entities=["UK01"], since="2026-10-01", until="2026-12-01"
    )
    return [
        row for row in await stand.router.journal.breaks(run_id) if row["kind"] in (kinds or ("time_entry",))
    ]


async def worked(stand: Stand) -> None:
    """A whole day of work in both ERPs: hours both of them keep exactly."""
    answer = await stand.post(event("time_entry", minutes=480))
    assert answer.status_code == 202, answer.text
    await stand.settled()


async def close_books(stand: Stand) -> None:
    """The month of the example is closed."""
    for step in ("soft-close", "close"):
        body = {"by": "ann", "why": "month end"}
        answer = await stand.post(body, f"/v1/periods/UK01/2026-10:{step}")
        assert answer.status_code == 200, answer.text


def decided(plan: Plan, action: str) -> Plan:
    """A plan in which a person set every proposal of an action to apply."""
    return sealed(
        plan,
        [
            one.model_copy(update={"decision": "apply" if one.action == action else "skip"})
            for one in plan.proposals
        ],
    )


def books(stand: Stand, system: str) -> Any:
    return stand.simulators[system].sim.books  # type: ignore[attr-defined]


def posted_time(stand: Stand, system: str) -> list[Any]:
    return [
        row
        for row in books(stand, system).store.every()
        if row.type == "time" and not row.extra.get("deleted")
    ]


def taken_out(stand: Stand) -> None:
    """Somebody deletes the time bill in the cloud ERP by hand."""
    (row,) = posted_time(stand, "netsuite")
    records = stand.simulators["netsuite"].sim.records  # type: ignore[attr-defined]
    records.delete("timeBill", row.vendor_id)


def posted_again(stand: Stand, system: str) -> None:
    """The vendor's protocol doubled a row: the same, under the same id of ours."""
    (row,) = posted_time(stand, system)
    again = type(row)(**{one.name: getattr(row, one.name) for one in fields(row)})
    again = replace(again, vendor_id="", number="", entry=0, extra=dict(row.extra), dims=dict(row.dims))
    books(stand, system).add_time(again, allow_duplicate=True)


def edited(stand: Stand, row: Any, minutes: int) -> None:
    """Somebody changes the hours of a time bill in the cloud ERP."""
    row.minutes += minutes
    stand.simulators["netsuite"].sim.records._note(row)  # type: ignore[attr-defined]


def test_what_is_missing_in_the_shadow_is_sent_again_and_the_break_is_gone(tmp_path: Path) -> None:
    """Missing in the cloud: one proposal to send it again, applied once, and the next comparison is clean."""

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        assert await compared(stand, "R0") == []
        taken_out(stand)
        (found,) = await compared(stand, "R1")
        assert found["class"] == "missing_in_cloud"
        repairs = stand.router.repairs
        plan = await repairs.propose("R1", rules())
        (one,) = [one for one in plan.proposals if one.kind == "time_entry"]
        assert (one.action, one.side, one.system) == ("resend", "cloud", "netsuite")
        (ready,) = await repairs.check(plan, only=[one.id])
        assert ready.verdict == "ready"
        (done,) = await repairs.apply(decided(plan, "resend"), by="ann", approved_by="bob")
        assert done.verdict == "applied", done
        (again,) = await repairs.apply(decided(plan, "resend"), by="ann", approved_by="bob")
        assert again.verdict == "blocked", again
        await stand.settled()
        assert await compared(stand, "R2") == []
        (over,) = await repairs.apply(decided(plan, "resend"), by="ann", approved_by="bob")
        assert over.verdict == "already_right"
        assert len(posted_time(stand, "netsuite")) == 1

    on_stand(tmp_path, test, routes=DUAL)


def test_a_duplicate_is_reversed_in_its_own_erp_and_the_break_is_gone(tmp_path: Path) -> None:
    """Twice in the legacy ERP: an opposite goes there and nowhere else, and the books are worth one row again."""

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        before = books(stand, "sap_ecc").trial_balance()
        posted_again(stand, "sap_ecc")
        found = await compared(stand, "R1")
        assert {row["class"] for row in found} == {"duplicate_in_legacy"}
        repairs = stand.router.repairs
        plan = await repairs.propose("R1", rules())
        (one,) = plan.proposals
        assert (one.action, one.system, len(one.documents)) == ("reverse_duplicate", "sap_ecc", 1)
        write_plan(tmp_path / "plan.yaml", plan)
        assert read_plan(tmp_path / "plan.yaml") == plan
        (done,) = await repairs.apply(decided(plan, "reverse_duplicate"), by="ann", approved_by="bob")
        assert done.verdict == "applied", done
        await stand.settled()
        assert await compared(stand, "R2") == []
        assert books(stand, "sap_ecc").trial_balance() == before
        assert len(posted_time(stand, "netsuite")) == 1, "the other ERP is left alone"
        (over,) = await repairs.apply(decided(plan, "reverse_duplicate"), by="ann", approved_by="bob")
        assert over.verdict == "applied"
        await stand.settled()
        assert len(posted_time(stand, "sap_ecc")) == 3, "applied twice it does nothing twice"

    on_stand(tmp_path, test, routes=DUAL)


def test_what_moved_since_the_plan_is_refused_with_before_and_now(tmp_path: Path) -> None:
    """A row that is not what it was when the plan was made gets no correction."""

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        posted_again(stand, "sap_ecc")
        await compared(stand, "R1")
        repairs = stand.router.repairs
        plan = await repairs.propose("R1", rules())
        posted_time(stand, "sap_ecc")[-1].rate_minor += 100
        (finding,) = await repairs.apply(decided(plan, "reverse_duplicate"), by="ann", approved_by="bob")
        assert finding.verdict == "moved"
        assert any("net_minor" in line and "before" in line for line in finding.moved), finding.moved
        await stand.settled()
        assert len(posted_time(stand, "sap_ecc")) == 2

    on_stand(tmp_path, test, routes=DUAL)


def test_a_changed_entry_is_reversed_and_posted_anew(tmp_path: Path) -> None:
    """Hours edited in the cloud ERP: what stands there is taken back, what the firm accepted stands again."""

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        (row,) = posted_time(stand, "netsuite")
        edited(stand, row, 60)
        found = await compared(stand, "R1")
        assert {row["class"] for row in found} == {"amount"}
        override = {
            row["identity"]: {"action": "reverse_and_repost", "why": "edited by hand"} for row in found
        }
        repairs = stand.router.repairs
        plan = await repairs.propose("R1", RepairRules.model_validate({"overrides": override}))
        (one,) = plan.proposals
        assert [made["as"] for made in one.documents] == ["takes_back", "stands_for"]
        await repairs.apply(decided(plan, "reverse_and_repost"), by="ann", approved_by="bob")
        await stand.settled()
        assert await compared(stand, "R2") == []
        assert len(posted_time(stand, "sap_ecc")) == 1

    on_stand(tmp_path, test, routes=DUAL)


def test_a_repair_needs_two_people_over_http_too(tmp_path: Path) -> None:
    """One person is not enough, an edited plan is refused, and the endpoints say what the service says."""

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        taken_out(stand)
        await compared(stand, "R1")
        answer = await stand.post({"run_id": "R1"}, "/v1/repairs:propose")
        assert answer.status_code == 200, answer.text
        plan = answer.json()
        assert plan["proposals"][0]["action"] == "resend"
        checked = (await stand.post({"plan": plan}, "/v1/repairs:check")).json()
        assert checked["counts"] == {"ready": 1}
        plan["proposals"][0]["decision"] = "apply"
        alone = await stand.post({"plan": plan, "by": "ann", "approved_by": " Ann"}, "/v1/repairs:apply")
        assert (alone.status_code, alone.json()["type"]) == (422, "urn:coexist:problem:four-eyes")
        with pytest.raises(FourEyes):
            await stand.router.repairs.apply(
                await stand.router.repairs.propose("R1", rules()), by="a", approved_by="A "
            )
        done = await stand.post({"plan": plan, "by": "ann", "approved_by": "bob"}, "/v1/repairs:apply")
        assert done.json()["counts"] == {"applied": 1}
        plan["proposals"][0]["effect"][0]["amount"] = "1000000.00"
        edited = await stand.post({"plan": plan}, "/v1/repairs:check")
        assert edited.status_code == 422
        assert "was edited" in edited.text
        assert (await stand.post({"run_id": "none"}, "/v1/repairs:propose")).status_code == 404

    on_stand(tmp_path, test, routes=DUAL)


@pytest.mark.parametrize(("owner", "wrong"), [("sap_ecc", "netsuite"), ("netsuite", "sap_ecc")])
def test_a_wrong_invoice_is_credited_and_issued_again_in_its_erp_alone(
    owner: str, wrong: str, tmp_path: Path
) -> None:
    """An invoice edited in the ERP that does not own it is credited as it stands there and billed as the owner has it.

    The firm's own view does not change: nothing was settled against the invoice, nothing else is unbilled.
    """

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        assert (await stand.post(event("billing_event"))).status_code == 202
        await asyncio.sleep(
            900
        )  # what CRM and PSA are told waits for their project, and is not asked for here
        (invoice,) = [row for row in books(stand, wrong).store.every() if row.type == "invoice"]
        for part in ("net_minor", "total_minor", "open_minor"):
            setattr(invoice, part, getattr(invoice, part) + 1000)
        invoice.lines[0].net_minor += 1000
        if wrong == "netsuite":
            stand.simulators[wrong].sim.records._note(invoice)  # type: ignore[attr-defined]
        assert {row["column"] for row in await compared(stand, "R1", "invoice")} == {"net", "total"}
        repairs, journal = stand.router.repairs, stand.router.journal
        plan = await repairs.propose("R1", rules())
        (one,) = plan.proposals
        assert (one.action, one.system, len(one.breaks)) == ("credit_and_rebill", wrong, 3)
        assert plan.totals.by_system[wrong].effect == {"GBP": "-10.00"}
        (done,) = await repairs.apply(decided(plan, "credit_and_rebill"), by="ann", approved_by="bob")
        assert done.verdict == "applied", done
        await asyncio.sleep(900)
        assert await compared(stand, "R2", "invoice", "credit_memo") == []
        assert await journal.against("INV-BE-100") == []
        assert [one.document.document_id for one in await journal.kept(["invoice"])] == ["INV-BE-100"]
        assert not [row for row in books(stand, owner).store.every() if row.type == "credit_memo"]
        told = (await stand.get("/v1/events?limit=1000"))["events"]
        assert [one["type"] for one in told if "nvoice" in one["type"]], "the firm's own invoice was told"
        assert not [one for one in told if ".fix-" in orjson.dumps(one).decode()]

        broken = [
            one for one in check_all(read_facts(f"sqlite:///{tmp_path}/journal.sqlite")) if not one.held
        ]
        assert [one for one in broken if one.name != "I7"] == []  # no run of a plan asked for a comparison

    routes = f"version: 1\ndefault: {{authority: {owner}, shadow: {wrong}}}\nrules: []\n"
    on_stand(tmp_path, test, routes=routes)


def test_what_no_period_takes_or_nobody_accepted_is_a_persons(tmp_path: Path) -> None:
    """A plan whose documents would be others by now is blocked; a row nobody sent gets no correction at all."""

    async def test(stand: Stand) -> None:
        await stand.posted(*BEFORE)
        await worked(stand)
        posted_again(stand, "sap_ecc")
        (row,) = posted_time(stand, "netsuite")
        await compared(stand, "R1")
        repairs = stand.router.repairs
        plan = await repairs.propose("R1", rules())
        await close_books(stand)
        (finding,) = await repairs.apply(decided(plan, "reverse_duplicate"), by="ann", approved_by="bob")
        assert finding.verdict == "blocked"
        assert "period" in finding.why
        again = await repairs.propose("R1", rules())
        (one,) = again.proposals
        assert one.documents[0]["document"]["accounting_date"] > row.posting_date.isoformat()

    on_stand(tmp_path, test, routes=DUAL)
