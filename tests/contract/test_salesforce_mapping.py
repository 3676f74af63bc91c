"""An org renames its fields: one new version of the mapping, no code."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import yaml

from router.connectors import salesforce
from router.connectors.port import Posted, SaidNo
from router.landscape import System
from router.model import SystemId
from simulators.crm.salesforce import CLIENT_ID, CLIENT_SECRET
from tests.contract.source_bench import Bench, at_the_bench, default_landscape, delivery, project

SHIPPED = Path(__file__).parents[2] / "fixtures" / "mappings" / "salesforce.yaml"
RENAMED = {"Project_Status__c": "Engagement_State__c", "Legal_Entity__c": "Company__c"}


class Renamed(httpx.AsyncBaseTransport):
    """An org whose administrator renamed fields: the old names are unknown to it."""

    def __init__(self, inside: httpx.AsyncBaseTransport) -> None:
        self._inside = inside

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        asked = (str(request.url) + body.decode()).replace("%5F", "_")
        gone = [name for name in RENAMED if name in asked]
        if gone:
            error = {"errorCode": "INVALID_FIELD", "message": f"No such column '{gone[0]}'", "fields": gone}
            return httpx.Response(400, json=[error])
        url = _swapped(str(request.url), back=True)
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        made = httpx.Request(request.method, url, headers=headers, content=_swapped(body.decode(), back=True))
        answer = await self._inside.handle_async_request(made)
        told = _swapped((await answer.aread()).decode(), back=False)
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return httpx.Response(answer.status_code, headers=headers, content=told)


def _swapped(text: str, *, back: bool) -> str:
    for old, new in RENAMED.items():
        text = text.replace(new, old) if back else text.replace(old, new)
    return text


def connector_of(bench: Bench, mapping: Path | None) -> salesforce.SalesforceConnector:
    """A connector of the renamed org, by a mapping file."""
    config = System.model_validate(
        {
            "vendor": "salesforce",
            "role": "crm",
            "base_url": "http://vendor.example",
            "credentials": {"client_id": "env:ID", "client_secret": "env:SECRET"},
            "mapping": None if mapping is None else str(mapping),
        }
    )
    transport = Renamed(httpx.ASGITransport(app=bench.app, raise_app_exceptions=False))
    return salesforce.connect(
        SystemId("salesforce"),
        config,
        landscape=default_landscape(),
        client=httpx.AsyncClient(transport=transport, trust_env=False, timeout=None),
        clock=bench.clock,
        rng=random.Random(1),
        secrets={"env:ID": CLIENT_ID, "env:SECRET": CLIENT_SECRET}.__getitem__,
    )


def two_versions(folder: Path) -> Path:
    """The shipped mapping and, from November on, the new names."""
    data: dict[str, Any] = yaml.safe_load(SHIPPED.read_text())
    data["versions"].append(
        {
            "version": 2,
            "published": "2026-11-01",
            "fields": {
                "project": {"status": RENAMED["Project_Status__c"]},
                "opportunity": {"legal_entity": RENAMED["Legal_Entity__c"]},
            },
        }
    )
    path = folder / "salesforce.yaml"
    path.write_text(orjson.dumps(data, default=str).decode())
    return path


def test_a_rename_takes_a_new_version_of_the_mapping_and_no_code(tmp_path: Path) -> None:
    """By the old version the org refuses and says why; by the new one the same delivery is written."""

    async def story(bench: Bench) -> None:
        account = {"Name": "Northwind", "Customer_Code__c": "C-1", "BillingCountryCode": "GB"}
        data = "/services/data/v59.0/sobjects"
        made = (await bench.person.post(f"{data}/Account", json=account)).json()["id"]
        deal = {
            "Name": "Deal",
            "AccountId": made,
            "StageName": "Closed Won",
            "CloseDate": "2026-10-30",
            "Amount": 500,
            "CurrencyIsoCode": "GBP",
            "Legal_Entity__c": "UK01",
        }
        record = (await bench.person.post(f"{data}/Opportunity", json=deal)).json()["id"]
        connector = connector_of(bench, two_versions(tmp_path))
        page = await connector.changes("opportunities", None)
        assert [event.data["legal_entity"] for event in page.events] == ["UK01"]

        facts = {"opportunity_id": f"OPP-{record}", "project_code": "P-1", "status": "active"}
        told = delivery(project("P-1"), "feedback", facts)
        (old,) = (await connector.post([replace(told, mapping_of=date(2026, 10, 30))])).answers
        assert isinstance(old, SaidNo)
        assert (old.code, old.field) == ("INVALID_FIELD", "Project_Status__c")
        (new,) = (await connector.post([told])).answers
        assert isinstance(new, Posted)
        stored = (await bench.person.get(f"{data}/Opportunity/{record}")).json()
        assert (stored["Project_Status__c"], stored["Project_Code__c"]) == ("active", "P-1")

        shipped = connector_of(bench, None)
        (still,) = (await shipped.post([told])).answers
        assert isinstance(still, SaidNo)

    at_the_bench("salesforce", story)
