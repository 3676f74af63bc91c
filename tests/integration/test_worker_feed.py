"""People from the HCM to both ERPs: hired, paid more from a day on, and gone."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

from router.canonical.masters import Resource
from router.model import SystemId
from simulators.core.books import Books
from simulators.core.rows import MasterRow
from simulators.hcm.worker_feed import API_KEY
from tests.integration.router_stand import Stand, event, on_stand

BOTH = "version: 1\ndefault: {authority: sap_ecc, shadow: netsuite}\nrules: []\n"
POLLED_S = 2_000
"""Virtual seconds after which the slowest poll has come round."""
ANN: dict[str, Any] = {
    "employeeId": "R-0701",
    "displayName": "Ann Archer",
    "legalEntity": "UK01",
    "jobRole": "CONSULTANT",
    "department": "DELIVERY",
    "costCenter": "CC-UK01-DEL",
    "currency": "GBP",
    "costRates": [{"hourlyCost": "52.50", "validFrom": "2024-01-01"}],
    "weeklyHours": "37.5",
    "hireDate": "2024-01-01",
}


async def hr(stand: Stand, method: str, path: str, body: dict[str, Any]) -> None:
    """What HR does on its own screen; then the feed is polled and all is delivered."""
    client = stand.network.client(SystemId("hcm"))
    url = "http://hcm.test/api/workers" + path
    answer = await client.request(method, url, json=body, headers={"x-api-key": API_KEY})
    assert answer.status_code < 300, answer.text
    await asyncio.sleep(POLLED_S)
    await stand.settled()


def person(stand: Stand, erp: str) -> MasterRow:
    """The one person an ERP has."""
    books: Books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    (row,) = [row for row in books.rows("master") if isinstance(row, MasterRow)]
    return row


def kept(stand: Stand) -> list[tuple[str, str, str]]:
    """Cost, weekly working time and last day (SAP: the first day not employed) by ERP, in the ERP's own words."""
    legacy, cloud = person(stand, "sap_ecc").extra, person(stand, "netsuite").extra
    minutes = cloud["custom"]["custentity_weekly_minutes"]
    return [
        (legacy["0008-BET01"], legacy["0007-WOSTD"], legacy.get("0000-since 0", "")),
        (str(cloud["labor_cost_minor"]), minutes, cloud.get("releaseDate", "")),
    ]


def test_a_hire_a_raise_and_a_leaving_reach_both_erps(tmp_path: Path) -> None:
    """Each is one transaction of one person; the ERPs keep one row of them, at the newest cost, with the last day."""

    async def test(stand: Stand) -> None:
        await hr(stand, "POST", "", ANN)
        assert kept(stand) == [("52.5000", "37.50", ""), ("5250", "2250", "")]
        rates = [*ANN["costRates"], {"hourlyCost": "60.00", "validFrom": "2026-11-01"}]
        await hr(stand, "PATCH", "/R-0701", {"costRates": rates})
        assert kept(stand) == [("60.0000", "37.50", ""), ("6000", "2250", "")]
        known = stand.router.directory.get(Resource, "R-0701")
        assert known is not None
        costs = [str(known.cost_rate_on(date(2026, month, 1))) for month in (10, 11)]
        assert costs == ["52.50", "60.00"], "work of October costs what it cost in October"
        await hr(stand, "PATCH", "/R-0701", {"terminationDate": "2026-12-31"})
        assert kept(stand) == [("60.0000", "37.50", "2027-01-01"), ("6000", "2250", "2026-12-31")]
        rows = await stand.of_kind("resource")
        told = [(row["event_id"], row["verb"], row["state"]) for row in rows]
        assert told == [
            ("R-0701@1", "hired", "posted"),
            ("R-0701@2", "updated", "posted"),
            ("R-0701@3", "left", "posted"),
        ]

    on_stand(tmp_path, test, routes=BOTH)


def test_hr_keeps_the_business_unit_a_person_has(tmp_path: Path) -> None:
    """An HCM knows none: who is new gets the first, who was loaded with another keeps it."""

    async def test(stand: Stand) -> None:
        answer = await stand.post(event("resource", document_id="R-0702", business_unit="DIGITAL"))
        assert answer.status_code == 202
        await hr(stand, "POST", "", ANN)
        await hr(stand, "POST", "", ANN | {"employeeId": "R-0702", "displayName": "Bo Baker"})
        units = {}
        for name in ("R-0701", "R-0702"):
            found = stand.router.directory.get(Resource, name)
            assert found is not None
            units[name] = (found.business_unit, found.name)
        assert units == {"R-0701": ("CONSULTING", "Ann Archer"), "R-0702": ("DIGITAL", "Bo Baker")}

    on_stand(tmp_path, test, routes=BOTH)


def test_an_odd_worker_is_parked_with_its_mend_and_the_feed_goes_on(tmp_path: Path) -> None:
    """A legal entity we don't have waits for HR, who are told where to mend it; the next worker is delivered all the same."""

    async def test(stand: Stand) -> None:
        await hr(stand, "POST", "", ANN | {"employeeId": "R-0700", "legalEntity": "FR01"})
        await hr(stand, "POST", "", ANN)
        odd, good = await stand.of_kind("resource")
        assert (odd["state"], good["state"]) == ("parked", "posted")
        assert odd["problem"] == (
            "legal_entity: there is no 'FR01'; mend the worker's legal entity in the HCM, or map its code under"
            " codes.entities of the HCM's mapping, then replay"
        )
        await hr(stand, "PATCH", "/R-0700", {"legalEntity": "UK01"})
        states = [(row["event_id"], row["state"]) for row in await stand.of_kind("resource")]
        assert states[-1] == ("R-0700@2", "posted"), "mended in the HCM, it comes by itself"

    on_stand(tmp_path, test, routes=BOTH)


def test_a_page_that_is_cut_short_loses_nobody(tmp_path: Path) -> None:
    """While answers are truncated nothing is accepted and the cursor stays; afterwards everybody comes, once."""

    async def test(stand: Stand) -> None:
        await hr(stand, "POST", "", ANN)
        hcm = SystemId("hcm")
        assert (await stand.count(), await stand.router.journal.cursor(hcm, "workers")) == (0, None)
        assert stand.simulators["hcm"].faults.fired["cut"] > 0
        stand.simulators["hcm"].faults = []
        await hr(stand, "POST", "", ANN | {"employeeId": "R-0702"})
        rows = await stand.of_kind("resource")
        assert [(row["event_id"], row["state"]) for row in rows] == [
            ("R-0701@1", "posted"),
            ("R-0702@1", "posted"),
        ]

    fault = {"name": "cut", "kind": "truncated", "method": "GET", "path": "/api/workers"}
    on_stand(tmp_path, test, routes=BOTH, faults={"hcm": [fault]})
