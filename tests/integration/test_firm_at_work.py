"""The firm's seeds and requests are what the source systems take: nothing refused, everything approved."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import httpx
import pytest
import yaml

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


@pytest.mark.parametrize(("name", "firm"), firms(), ids=[name for name, _ in firms()])
def test_source_systems_take_every_request(name: str, firm: Firm) -> None:
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
    deals = fleet["salesforce"].sim.state()
    won = [row for row in firm.opportunities if row.project_id is None]
    assert len(won) == (SMALL.wins if name == "fictional" else 0)
    assert deals
