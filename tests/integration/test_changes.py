"""Change orders, amendments and renewals: in order of version, by their effective date, from any order of arrival."""

from __future__ import annotations

import asyncio
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from router.workflows.directory import Directory
from tests.integration.router_stand import PROBLEM, Stand, event, on_stand

LINE = {
    "line": 1, "bills": "time", "description": "Time and materials", "tax_code": "GB-STD", "service_line": "CONSULTING",
}  # fmt: skip


def order(
    version: int, *, effective: str = "2026-11-01", cap: str | None = None, **more: Any
) -> dict[str, Any]:
    """Version `version` of contract K-100, with its cap."""
    line = LINE if cap is None else {**LINE, "cap": cap}
    name = f"CO-{version}"
    given = {
        "document_id": name,
        "contract_version": version,
        "effective": effective,
        "lines": [line],
        **more,
    }
    return event("change_order", name, **given)


async def taken_up(stand: Stand) -> None:
    """What waited for a version has gone on, and everything is delivered."""
    await asyncio.sleep(60)
    await stand.settled()


async def versions(stand: Stand) -> list[int]:
    """The versions of K-100 the ERP was given, in the order it took them."""
    jobs = [row async for row in stand.router.journal.jobs() if row["kind"] == "change_order"]
    posted = sorted((row for row in jobs if row["state"] == "posted"), key=lambda row: row["settled_at"])
    return [int(row["document_id"].removeprefix("CO-")) for row in posted]


def test_a_version_that_comes_too_early_waits_and_goes_on_by_itself(tmp_path: Path) -> None:
    """Version 3 before 2 is accepted as parked, saying what it waits for; when 2 has come both reach the ERP in order."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer", "contract", "project")
        early = await stand.post(order(3, cap="9000.00"))
        assert (early.status_code, early.json()["state"]) == (202, "parked")
        told = await stand.get(early.json()["status_url"])
        assert "version 3 of contract K-100 waits for version 2" in told["problem"]
        again = await stand.post(order(3, cap="9000.00"))
        assert (again.status_code, again.json()) == (200, early.json()), "a repeat gets its first answer"
        await taken_up(stand)
        assert await versions(stand) == []
        assert (await stand.post(order(2, cap="5000.00"))).status_code == 202
        await taken_up(stand)
        assert await versions(stand) == [2, 3]
        told = await stand.get(early.json()["status_url"])
        assert (told["state"], told["document"]["contract_version"]) == ("posted", 3)
        late = await stand.post(order(3, cap="9000.00"))
        assert (late.status_code, late.json()["transaction_id"]) == (200, early.json()["transaction_id"])

    on_stand(tmp_path, test)


def test_a_stale_version_is_refused(tmp_path: Path) -> None:
    """A version that was overtaken is answered 409 with what stands, from whichever document; nothing is stored."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer", "contract", "project")
        assert (await stand.post(order(2))).status_code == 202
        other = order(2, cap="7000.00", document_id="CO-OTHER")
        stale = await stand.post(other | {"id": "other"})
        assert (stale.status_code, stale.headers["content-type"]) == (409, PROBLEM)
        assert stale.json()["type"].endswith("stale-version")
        assert "send version 3" in stale.text
        before = await stand.count()
        contract = await stand.post(event("contract", "old", purchase_order="PO 7"))
        assert contract.status_code == 409, "the contract as signed was overtaken by its change order"
        newer = await stand.post(event("contract", "new", purchase_order="PO 7", contract_version=2))
        assert newer.status_code == 202
        assert await stand.count() == before + 1
        first = await stand.post(order(1) | {"id": "one"})
        assert (first.status_code, "count change orders from 2 on" in first.text) == (422, True)

    on_stand(tmp_path, test)


def test_a_cap_below_what_was_taken_is_refused(tmp_path: Path) -> None:
    """Of 5,000 1,100 are taken: a cap of 1,099.99 is 422 with the figure, 1,100 is taken; so is its repeat later."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer")
        capped = event("contract", lines=[{**LINE, "cap": "5000.00"}])
        assert (await stand.post(capped)).status_code == 202
        await stand.posted("project", "time_entry")
        for effective in ("2026-10-20", "2026-11-01"):
            answer = await stand.post(order(2, cap="1099.99", effective=effective))
            assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
            problem = answer.json()
            assert problem["type"] == "urn:coexist:problem:cap-below-billed"
            assert problem["detail"] == (
                "lines.1.cap: 1099.99 GBP is below the 1100.00 that was taken under it of contract K-100"
            )
            assert problem["mend"].endswith("set the cap to at least 1100.00")
        second = order(2, cap="1100.00")
        assert (await stand.post(second)).status_code == 202
        assert (await stand.post(order(3, cap="9000.00"))).status_code == 202
        more = event("time_entry", "more", document_id="TE-101")
        assert (await stand.post(more)).status_code == 202
        assert (await stand.post(second)).status_code == 200, "a repeat gets its first answer"

    on_stand(tmp_path, test)


def test_a_change_in_a_closed_period_is_refused(tmp_path: Path) -> None:
    """Lines that would take effect on days that are billed and closed are refused, naming field and mend."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer", "contract", "project")
        calendar = stand.router.landscape.calendars[stand.router.landscape.legal_entities["UK01"].calendar]
        closed = calendar.closed_through
        assert closed is not None
        answer = await stand.post(order(2, effective=closed.isoformat()))
        assert answer.status_code == 422, answer.text
        assert answer.json()["type"].endswith("period-closed")
        assert "effective" in answer.text
        shut = await stand.post(
            {"why": "month end", "by": "ann", "force": True}, "/v1/periods/UK01/2026-10:close"
        )
        assert shut.status_code == 200, shut.text
        answer = await stand.post(order(2, effective="2026-10-31"))
        assert (answer.status_code, "period-closed" in answer.text) == (422, True)
        assert (await stand.post(order(2, effective="2026-11-01") | {"id": "november"})).status_code == 202

    on_stand(tmp_path, test)


@pytest.mark.parametrize("arrival", list(permutations([2, 3, 4])))
def test_any_order_of_arrival_gives_the_same_contract(tmp_path: Path, arrival: tuple[int, ...]) -> None:
    """Six orders of arrival: the ERP takes 2, 3, 4; each day has the same cap and end, a renewal moves the end."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer", "contract", "project")
        bodies = {
            2: order(2, effective="2026-11-01", cap="2000.00"),
            3: order(3, effective="2026-12-01", cap="3000.00"),
            4: order(4, effective="2027-01-01", cap="4000.00", ends="2027-12-31"),
        }
        for version in arrival:
            assert (await stand.post(bodies[version])).status_code == 202
        await taken_up(stand)
        assert await versions(stand) == [2, 3, 4]
        assert await stand.router.journal.registers(["version:K-100"]) == {"version:K-100": 4}
        found = []
        for day in (date(2026, 10, 31), date(2026, 11, 30), date(2026, 12, 31), date(2027, 1, 1)):
            contract = await stand.router.directory.contract_on("K-100", day)
            assert contract is not None
            found.append((contract.contract_version, str(contract.lines[0].cap), str(contract.ends)))
        assert found == [
            (1, "None", "None"), (2, "2000.00", "None"), (3, "3000.00", "None"), (4, "4000.00", "2027-12-31"),
        ]  # fmt: skip
        assert (await stand.get("/v1/exceptions"))["exceptions"] == []

    on_stand(tmp_path, test)


def test_a_crash_between_two_versions_strands_none(tmp_path: Path) -> None:
    """Version 2 was accepted by a process that died at once: another one finds 3 waiting and sends it on."""

    async def accepted(stand: Stand) -> None:
        for kind in ("rate_card", "customer", "contract", "project"):
            await stand.post(event(kind))
        for version in (3, 2):
            assert (await stand.post(order(version))).status_code == 202

    async def after(stand: Stand) -> None:
        await taken_up(stand)
        assert await versions(stand) == [2, 3]

    on_stand(tmp_path, accepted, work=False)
    on_stand(tmp_path, after)


@pytest.mark.parametrize("arrival", list(permutations([1, 2, 3])))
def test_changes_may_come_before_their_contract(tmp_path: Path, arrival: tuple[int, ...]) -> None:
    """The contract itself is one of the versions: whenever it comes, the ERP has all of them, in order."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer")
        for version in arrival:
            body = event("contract") if version == 1 else order(version, cap=f"{version}000.00")
            assert (await stand.post(body)).status_code == 202
        await stand.post(event("project"))
        await taken_up(stand)
        assert await versions(stand) == [2, 3]
        contract = await stand.router.directory.contract_on("K-100", date(2026, 11, 1))
        assert contract is not None
        assert (contract.contract_version, str(contract.lines[0].cap)) == (3, "3000.00")
        assert (await stand.get("/v1/exceptions"))["exceptions"] == []

    on_stand(tmp_path, test)


@pytest.mark.parametrize("erp", ["sap_ecc", "netsuite"])
def test_an_amended_contract_is_a_version_like_any(tmp_path: Path, erp: str) -> None:
    """The CRM sends the contract again as version 2, the PSA a change order of version 3: both ERPs bill by the third."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        capped = [{**LINE, "cap": "500.00"}]
        amended = event("contract", "amended", contract_version=2, lines=capped, accounting_date="2026-10-30")
        amended["type"] = amended["type"].replace("signed", "amended")
        assert (await stand.post(amended)).status_code == 202
        await taken_up(stand)
        assert (await stand.post(order(3, effective="2026-10-30", cap="600.00"))).status_code == 202
        await taken_up(stand)
        assert await versions(stand) == [3]
        assert (await stand.post(event("time_entry"))).status_code == 202
        await stand.settled()
        # 150.00 an hour, 600.00 at most: 240 of 440 minutes.
        entry = await stand.get("/v1/documents/time_entry/TE-100")
        rest = await stand.get("/v1/documents/time_entry/TE-100.beyond")
        assert (entry["minutes"], rest["minutes"], rest["billable"]) == (240, 200, False)
        assert (await stand.get("/v1/exceptions"))["exceptions"] == []

    on_stand(tmp_path, test, routes=f"version: 1\ndefault: {{authority: {erp}}}\nrules: []\n")


def test_a_change_another_gateway_took_is_known_here(tmp_path: Path) -> None:
    """A change order accepted by another process on the same journal rules here at once, from the register."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer", "contract", "project")
        other = Directory(stand.router.journal)
        await other.load()
        assert (await stand.post(order(2, cap="700.00"))).status_code == 202
        contract = await other.contract_on("K-100", date(2026, 11, 1))
        assert contract is not None
        assert (contract.contract_version, str(contract.lines[0].cap)) == (2, "700.00")
        assert await other.contract_on("K-NONE", date(2026, 11, 1)) is None

    on_stand(tmp_path, test)
