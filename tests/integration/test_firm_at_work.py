"""The firm's seeds and requests are what the source systems take: nothing refused, everything approved."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import httpx
import pytest
import yaml

from router.canonical import events
from router.connectors import kantata as kantata_connector
from router.connectors import salesforce as salesforce_connector
from router.connectors.port import Connector, Observed
from router.landscape import as_landscape, default_file
from router.model import SystemId
from router.workflows.enrich import Masters, Problem, enrich
from simulators.core.fleet import build_fleet
from simulators.core.host import Hosted
from simulators.crm import salesforce
from simulators.firm import SMALL, Action, Firm, build, read_extracts, workload
from simulators.psa import kantata

START = datetime(2026, 10, 29, tzinfo=UTC)
END = datetime(2026, 11, 2, 12, tzinfo=UTC)
TOKENS = {
    "kantata": ("/oauth/token", kantata.CLIENT_ID, kantata.CLIENT_SECRET),
    "salesforce": ("/services/oauth2/token", salesforce.CLIENT_ID, salesforce.CLIENT_SECRET),
}


class At:
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.at


def landscape() -> dict[str, Any]:
    """The default landscape without the ERPs: the firm does not work in them."""
    found: dict[str, Any] = yaml.safe_load(
        resources.files("fixtures").joinpath("landscapes/default.yaml").read_bytes()
    )
    found["systems"] = {name: found["systems"][name] for name in TOKENS}
    return found


async def drive(firm: Firm) -> tuple[Mapping[str, Hosted], Counter[str], Counter[tuple[str, int]]]:
    """Seed the systems and send every request; returns (systems, expected documents, odd answers)."""
    clock = At()
    fleet = build_fleet(landscape(), clock=clock, seed=1, latency=False)
    expected: Counter[str] = Counter()
    odd: Counter[tuple[str, int]] = Counter()
    clients: dict[str, httpx.AsyncClient] = {}
    for name, app in fleet.items():
        app.sim.seed(firm.seeds()[name])
        clients[name] = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=f"http://{name}.test"
        )
    for step in workload(firm, start=START, end=END, seed=3):
        if not isinstance(step, Action) or step.system not in clients:
            continue
        clock.at = step.at
        client = clients[step.system]
        answer = await client.request(step.method, step.path, json=dict(step.json))
        if answer.status_code == 401:
            path, client_id, secret = TOKENS[step.system]
            form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
            token = (await client.post(path, data=form)).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            answer = await client.request(step.method, step.path, json=dict(step.json))
        if answer.status_code != step.expect:
            odd[f"{step.what}: {answer.text[:200]}", answer.status_code] += 1
        expected[step.what] += step.documents
    for client in clients.values():
        await client.aclose()
    return fleet, expected, odd


def firms() -> list[tuple[str, Firm]]:
    """The fictional firm and the one of the sample extracts."""
    sample = resources.files("fixtures").joinpath("extracts/sample")
    with resources.as_file(sample) as folder:
        extracted, _ = read_extracts(folder, landscape())
    return [("fictional", build(landscape(), seed=7, size=SMALL)), ("extracts", extracted)]


async def read_feed(connector: Connector, feed: str) -> list[Observed]:
    """Everything a change feed has."""
    found: list[Observed] = []
    cursor: str | None = None
    for _ in range(1000):
        page = await connector.changes(feed, cursor, limit=200)
        found += page.events
        cursor = page.cursor
        if not page.more:
            return found
    raise AssertionError("the feed does not end")


def masters_of(firm: Firm) -> Callable[[Mapping[str, Any]], Masters]:
    """What an observed row refers to, from the firm's initial load."""
    known: dict[tuple[str, str], Any] = {}
    for event in firm.masters():
        document = events.read(event).document
        known[document.kind, document.document_id] = document

    def find(data: Mapping[str, Any]) -> Masters:
        project = known["project", data["project_id"]]
        contract = known["contract", project.contract_id]
        return Masters(
            project=project,
            contract=contract,
            rate_card=known["rate_card", contract.rate_card_id],
            resource=known.get(("resource", data.get("resource_id", ""))),
        )

    return find


async def routed(firm: Firm) -> tuple[Counter[str], Counter[str], list[str]]:
    """Drive the firm, read it with the real connectors, enrich; (documents, expected, problems)."""
    fleet, expected, odd = await drive(firm)
    assert not odd
    real = as_landscape(default_file("landscapes/default.yaml"))
    clock = At()
    clock.at = END
    made: Counter[str] = Counter()
    problems: list[str] = []
    find = masters_of(firm)
    for name, module, feeds in (
        ("kantata", kantata_connector, ("time_entries", "expenses", "milestones")),
        ("salesforce", salesforce_connector, ("opportunities",)),
    ):
        config = real.systems[SystemId(name)]
        _, client_id, secret = TOKENS[name]
        secrets = {config.credentials["client_id"]: client_id, config.credentials["client_secret"]: secret}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=fleet[name])) as client:
            connector = module.connect(
                SystemId(name),
                config,
                landscape=real,
                client=client,
                clock=clock,
                rng=random.Random(1),
                secrets=secrets.__getitem__,
            )
            for feed in feeds:
                for event in await read_feed(connector, feed):
                    made[event.kind] += 1
                    if event.kind != "opportunity":
                        document = enrich(event.kind, event.data, find(event.data))
                        problems += [document.why] if isinstance(document, Problem) else []
    return made, expected, problems


@pytest.mark.parametrize("firm", [firm for _, firm in firms()], ids=[name for name, _ in firms()])
def test_source_systems_take_every_request(firm: Firm) -> None:
    """No request is refused, and what is approved in the end is what the workload said would be."""
    fleet, expected, odd = asyncio.run(drive(firm))
    assert not odd
    psa = fleet["kantata"].sim.state()["records"]
    approved = sum(row["approved"] for row in psa["time_entries"])
    assert approved == expected["timesheet approved"] > 0
    assert sum(row["approved"] for row in psa["expenses"]) == expected["expense_report approved"] > 0
    done = [row for row in psa["stories"] if row["story_type"] == "milestone" and row["state"] == "completed"]
    assert len(done) == expected["milestone completed"] > 0
    late = [row for row in psa["time_entries"] if row["date_performed"] >= "2026-11"]
    assert all(row["approved"] for row in late)


@pytest.mark.parametrize(("name", "firm"), firms(), ids=[name for name, _ in firms()])
def test_the_connectors_read_what_the_firm_did(name: str, firm: Firm) -> None:
    """Every approval, milestone and won deal comes out as one complete canonical document, priced and placed."""
    made, expected, problems = asyncio.run(routed(firm))
    assert not problems
    assert made["time_entry"] == expected["timesheet approved"]
    assert made["expense_item"] == expected["expense_report approved"]
    assert made["milestone"] == expected["milestone completed"]
    assert made["opportunity"] == (SMALL.wins if name == "fictional" else 0)
