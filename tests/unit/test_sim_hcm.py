"""The simulated HCM as HR and a reader meet it: its rules, its refusals, its memory."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import httpx
import orjson
import pytest

from simulators.core.firm_data import FirmData
from simulators.core.host import host
from simulators.hcm import worker_feed
from simulators.hcm.worker_feed import WorkerFeed
from simulators.hcm.worker_feed.roster import Invalid
from tests.unit.sim_books import StillClock

ANN: dict[str, Any] = {
    "employeeId": "R-0001",
    "displayName": "Ann Archer",
    "legalEntity": "UK01",
    "jobRole": "CONSULTANT",
    "department": "DELIVERY",
    "costCenter": "CC-1",
    "currency": "GBP",
    "costRates": [{"hourlyCost": "52.50", "validFrom": "2024-01-01"}],
    "weeklyHours": "40",
}


def hcm(*workers: dict[str, Any]) -> WorkerFeed:
    """An HCM with some workers."""
    firm = FirmData(entities={}, tax_codes={}, closed_through={})
    made = worker_feed.build("hcm", {}, firm=firm, clock=StillClock(), rng=random.Random(1))
    made.seed({"workers": list(workers)})
    return made


def asked(sim: WorkerFeed, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """One request over ASGI, with the key unless told otherwise."""

    async def main() -> httpx.Response:
        app = host(sim, clock=StillClock(), rng=random.Random(2))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hcm.example") as http:
            content = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else None
            named = {"x-api-key": worker_feed.API_KEY} | {k.replace("_", "-"): v for k, v in headers.items()}
            answer = await http.request(method, path, content=content, headers=named)
        assert app.crashes == []
        return answer

    return asyncio.run(main())


def test_hr_hires_changes_and_takes_fields_out() -> None:
    """Each change counts the version up; null takes an optional field out; the id stays."""
    sim = hcm()
    made = asked(sim, "POST", "/api/workers", ANN | {"terminationDate": "2026-12-31"})
    assert (made.status_code, made.json()["version"]) == (201, 1)
    changed = asked(sim, "PATCH", "/api/workers/R-0001", {"terminationDate": None, "jobRole": "PARTNER"})
    assert changed.json() == ANN | {"jobRole": "PARTNER", "version": 2, "changedAt": "2026-09-30T22:00:00Z"}
    assert asked(sim, "GET", "/api/workers/R-0001").json() == changed.json()
    assert asked(sim, "PATCH", "/api/workers/R-9", {}).status_code == 404
    taken = asked(sim, "POST", "/api/workers", ANN)
    assert (taken.status_code, taken.json()["error"]["field"]) == (400, "employeeId")
    moved = asked(sim, "PATCH", "/api/workers/R-0001", {"employeeId": "R-2"})
    assert moved.json()["error"] == {"code": "invalid", "message": "can't be changed", "field": "employeeId"}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("employeeId", "a/b", "employeeId"),
        ("displayName", "", "displayName"),
        ("legalEntity", None, "legalEntity"),
        ("weeklyHours", "169", "weeklyHours"),
        ("weeklyHours", 40, "weeklyHours"),
        ("costRates", [], "costRates"),
        ("costRates", [{"hourlyCost": "1"}], "costRates"),
        ("costRates", [{"hourlyCost": "1.005", "validFrom": "2026-01-01"}], "costRates.hourlyCost"),
        ("costRates", [{"hourlyCost": "-1", "validFrom": "2026-01-01"}], "costRates.hourlyCost"),
        ("costRates", [{"hourlyCost": "1", "validFrom": "2026-02-30"}], "costRates.validFrom"),
        ("hireDate", "soon", "hireDate"),
        ("managerId", 7, "managerId"),
        ("salary", "1", "salary"),
    ],
)
def test_what_hr_can_not_save_is_refused_by_field(field: str, value: Any, named: str) -> None:
    """And a seed of it too; nobody is there afterwards."""
    sim = hcm()
    answer = asked(sim, "POST", "/api/workers", ANN | {field: value})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, named)
    with pytest.raises(ValueError, match=named):
        sim.seed({"workers": [ANN | {field: value}]})
    assert sim.state()["records"] == {"workers": []}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/workers?limit=0", 400),
        ("/api/workers?limit=501", 400),
        ("/api/workers?limit=x", 400),
        ("/api/workers?changed_since=yesterday", 400),
        ("/api/workers?changed_since=c999", 200),
        ("/api/people", 404),
    ],
)
def test_odd_questions_are_refused(path: str, status: int) -> None:
    """Limits and cursors out of range; a cursor from the future just has nothing after it."""
    answer = asked(hcm(ANN), "GET", path)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"workers": [], "next": "c999", "more": False}


def test_nobody_reads_without_a_key_or_token() -> None:
    """401 for none, a wrong key, a token never issued, and a client who is not who it says."""
    sim = hcm(ANN)
    for headers in ({"x_api_key": "no"}, {"x_api_key": "", "authorization": "Bearer x"}):
        assert asked(sim, "GET", "/api/workers", **headers).status_code == 401
    form = b"grant_type=client_credentials&client_id=coexist-hcm&client_secret=no"
    assert asked(sim, "POST", "/oauth/token", form).status_code == 401
    for body in (b"{", b"[]"):
        assert asked(sim, "POST", "/api/workers", body).status_code == 400


def test_pages_by_time_stamp_lose_nobody() -> None:
    """From the first worker changed at or after the instant on, in the order of change, whatever the stamps say."""
    names = {"R-0001": "2026-09-03", "R-0002": "2026-09-01", "R-0003": "2026-09-02"}
    sim = hcm(*(ANN | {"employeeId": name, "changedAt": f"{day}T00:00:00Z"} for name, day in names.items()))
    rows, cursor, more = sim.roster.page("2026-09-03T00:00:00Z", 2)
    assert ([row["employeeId"] for row in rows], cursor, more) == (["R-0001", "R-0002"], "c2", True)
    rows, cursor, more = sim.roster.page(cursor, 2)
    assert ([row["employeeId"] for row in rows], cursor, more) == (["R-0003"], "c3", False)
    assert sim.roster.page("2026-09-04T00:00:00", 2) == ([], "c3", False)
    with pytest.raises(Invalid, match="changed_since"):
        sim.roster.page("c1x", 2)


def test_a_snapshot_keeps_the_order_of_change() -> None:
    """Restored, a cursor from before goes on where it was; what is no snapshot changes nothing."""
    sim = hcm(ANN, ANN | {"employeeId": "R-0002"})
    sim.roster.change("R-0001", {"jobRole": "PARTNER"})
    taken, before = sim.snapshot(), sim.roster.page("c2", 10)
    assert [row["employeeId"] for row in before[0]] == ["R-0001"]
    sim.reset()
    assert sim.roster.page("", 10) == ([], "c0", False)
    sim.restore(taken)
    assert (sim.roster.page("c2", 10), sim.snapshot()) == (before, taken)
    for spoilt in (b"", taken[:-4], b"{}"):
        with pytest.raises(ValueError, match="snapshot"):
            sim.restore(spoilt)
    assert sim.snapshot() == taken
    assert sim.roster.hire(ANN | {"employeeId": "R-0003"})["version"] == 1
    assert sim.roster.page("c3", 10)[1] == "c4"


def test_a_seed_is_of_workers_only() -> None:
    """Another collection is refused by name."""
    with pytest.raises(ValueError, match="there is no collection 'people'"):
        hcm().seed({"people": []})
