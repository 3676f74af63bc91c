"""Blockers of a project: why it can't start or be billed, followed until nothing is in the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_exceptions import SAP, in_psa, replayed, sent, settled
from tests.integration.test_workflows import at_work


async def blockers(stand: Stand) -> dict[str, Any]:
    """What is in the way of project P-100."""
    found: dict[str, Any] = await stand.get("/v1/projects/P-100/blockers")
    return found


def codes(rows: list[dict[str, Any]]) -> list[str]:
    """Their codes, in order."""
    return [row["code"] for row in rows]


def test_a_project_that_waits_for_its_contract(tmp_path: Path) -> None:
    """Each master that is not posted is named with where to send it; when all are, the project can start."""

    async def test(stand: Stand) -> None:
        await stand.post(event("project"))
        found = await blockers(stand)
        assert (found["can_start"], codes(found["start"])) == (
            False, ["customer-unknown", "contract-unknown", "project-not-posted"],
        )  # fmt: skip
        assert all(row["what"] and row["mend"] and row["where"] and row["whose"] for row in found["start"])
        for kind in ("rate_card", "customer", "contract"):
            await stand.post(event(kind))
        await settled(stand)
        found = await blockers(stand)
        assert (codes(found["start"]), found["can_start"]) == ([], True)

    on_stand(tmp_path, test, routes=SAP)


def test_a_refused_master_is_named_with_its_guidance(tmp_path: Path) -> None:
    """The ERP refuses the contract: the blocker is its exception, whose guidance mends it."""

    async def test(stand: Stand) -> None:
        await sent(stand, "rate_card", "customer")
        books = stand.simulators["sap_ecc"].sim.books  # type: ignore[attr-defined]
        whole = books.firm
        books.firm = replace(whole, entities={})
        await sent(stand, "contract")
        rows = (await stand.get("/v1/exceptions"))["exceptions"]
        assert [row["kind"] for row in rows] == ["contract"]
        await stand.post(event("project"))
        found = await blockers(stand)
        (named,) = [row for row in found["start"] if row["kind"] == "contract"]
        assert (named["exception"], named["code"]) == (rows[0]["id"], rows[0]["type"])
        assert named["whose"] == rows[0]["owner"]

    on_stand(tmp_path, test, routes=SAP)


def test_from_parked_time_to_the_invoice(tmp_path: Path) -> None:
    """What keeps work from being billed is listed until it is mended; then what is unbilled is shown, and billed."""

    async def test(stand: Stand) -> None:
        await sent(stand, "rate_card", "customer", "contract", "project")
        await at_work(stand)
        await in_psa(stand)
        found = await blockers(stand)
        assert (found["can_start"], found["can_be_billed"]) == (True, False)
        assert codes(found["billing"]) == ["resource-unknown", "nothing-to-bill"]
        assert found["billing"][0]["whose"] == "Project management office"
        (row,) = (await stand.get("/v1/exceptions"))["exceptions"]
        assert found["billing"][0]["exception"] == row["id"]
        await sent(stand, "resource")
        await replayed(stand, row)
        await settled(stand)
        found = await blockers(stand)
        assert (found["can_be_billed"], codes(found["billing"])) == (True, [])
        assert [one["kind"] for one in found["unbilled"]] == ["time_entry"]
        await sent(stand, "billing_event")
        assert codes((await blockers(stand))["billing"]) == ["nothing-to-bill"]

    on_stand(tmp_path, test, routes=SAP)


def test_a_closed_period_and_an_unknown_project(tmp_path: Path) -> None:
    """Today's period closed is said; a project nobody knows is not found."""

    async def test(stand: Stand) -> None:
        assert (await stand.http.get("/v1/projects/P-404/blockers")).status_code == 404
        await sent(stand, "rate_card", "resource", "customer", "contract", "project", "time_entry")
        close = {"by": "ann", "why": "month-end"}
        assert (await stand.post(close, "/v1/periods/UK01/2026-10:soft-close")).status_code == 200
        found = await blockers(stand)
        assert codes(found["billing"]) == ["period-closed"]
        assert "2026-10" in found["billing"][0]["what"]

    on_stand(tmp_path, test, routes=SAP)
