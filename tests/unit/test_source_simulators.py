"""The simulated CRM and PSA as the back door sees them: seeds, snapshots, limits, events."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.core.firm_data import FirmData
from simulators.crm import salesforce
from simulators.crm.salesforce import Salesforce, make_id
from simulators.psa import kantata
from simulators.psa.kantata import Kantata
from tests.contract.source_bench import Bench, at_the_bench

NO_FIRM = FirmData(entities={}, tax_codes={}, closed_through={})


class Clock:
    """A clock the test sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def org(clock: Clock) -> Salesforce:
    """An empty org."""
    return salesforce.build("salesforce", {}, firm=NO_FIRM, clock=clock, rng=random.Random(1))


def account(clock: Clock) -> Kantata:
    """An empty account."""
    return kantata.build("kantata", {}, firm=NO_FIRM, clock=clock, rng=random.Random(1))


DEAL = {
    "Id": make_id("006", 7),
    "Name": "D",
    "StageName": "Closed Won",
    "CloseDate": "2026-10-30",
    "Amount": "0.1",
}
TIME = {"id": "9", "workspace_id": "1", "user_id": "1", "date_performed": "2026-10-30", "time_in_minutes": 5}
ROWS: Mapping[str, Any] = {
    "workspaces": [{"id": "1", "title": "W", "currency": "BHD"}],
    "users": [{"id": "1", "full_name": "U"}],
    "time_entries": [TIME, {**TIME, "id": "10", "approved": True}],
    "external_references": [
        {
            "service_name": "s",
            "service_model": "m",
            "service_model_ref": "r",
            "subject_type": "Workspace",
            "subject_id": 1,
        }
    ],
}


def test_seeds_keep_ids_and_derive_the_rest() -> None:
    """Given ids stay, derived fields follow, given stamps are kept, and seeding again replaces."""
    sim = org(Clock())
    stamp = "2026-01-02T03:04:05.000+0000"
    for _ in range(2):
        assert sim.seed({"Opportunity": [{**DEAL, "SystemModstamp": stamp}]}) == {
            "seeded": {"Opportunity": 1}
        }
    (row,) = sim.state()["records"]["Opportunity"]
    assert (row["Id"], row["IsWon"], row["Amount"], row["SystemModstamp"]) == (DEAL["Id"], True, "0.1", stamp)
    psa = account(Clock())
    psa.seed(ROWS)
    assert psa.state()["records"]["workspaces"][0]["currency_base_unit"] == 1000


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ({"Nope": []}, "no object"),
        ({"Opportunity": [{**DEAL, "Id": "abc"}]}, "no Salesforce id"),
        ({"Opportunity": [{**DEAL, "Id": make_id("001", 1)}]}, "starts with 006"),
        ({"Opportunity": [{**DEAL, "Nope__c": 1}]}, "INVALID_FIELD"),
        (
            {"Opportunity": [DEAL, {**DEAL, "Id": make_id("006", 8), "AccountId": make_id("001", 1)}]},
            "INVALID_CROSS",
        ),
    ],
)
def test_a_wrong_seed_is_named_and_leaves_nothing(rows: Mapping[str, Any], word: str) -> None:
    """A seed is taken whole or refused with the reason."""
    sim = org(Clock())
    with pytest.raises(ValueError, match=word):
        sim.seed(rows)
    assert sim.state()["records"]["Opportunity"] == []


def test_snapshots_bring_everything_back() -> None:
    """After a restore the state is byte for byte what it was, order of change and numbering included."""
    clock = Clock()
    crm, psa = org(clock), account(clock)
    crm.seed({"Opportunity": [DEAL]})
    psa.seed(ROWS)
    kept = [(sim, sim.snapshot(), sim.state()) for sim in (crm, psa)]
    for sim, snapshot, state in kept:
        sim.reset()
        assert sim.state() != state
        sim.restore(snapshot)
        assert sim.state() == state
    other = account(clock)
    other.restore(psa.snapshot())
    assert other.state() == psa.state()
    assert other._account.tables["time_entries"].approved == psa._account.tables["time_entries"].approved
    assert other._account.tables["time_entries"].loose == {"1": {9: None}}
    with pytest.raises(ValueError, match="snapshot"):
        psa.restore(b"nonsense")


def test_a_sheet_without_rows_covers_what_is_loose() -> None:
    """A submission seeded empty approves its user's rows of its days that nobody handed in."""

    async def story(bench: Bench) -> None:
        answer = await bench.person.put("/api/v1/timesheet_submissions/5/approve")
        assert answer.json()["timesheet_submissions"]["5"]["time_entry_ids"] == ["9"]

    sheet = {
        "id": "5",
        "user_id": "1",
        "status": "pending",
        "start_date": "2026-10-26",
        "end_date": "2026-10-30",
    }
    late = {**TIME, "id": "11", "date_performed": "2026-10-31"}
    other = {**TIME, "id": "12", "user_id": "2"}
    rows = {**ROWS, "time_entries": [TIME, late, other], "timesheet_submissions": [sheet]}
    at_the_bench("kantata", story, seed=rows)


def test_events_are_kept_nine_days_and_may_be_disorderly() -> None:
    """Old events are gone; a disorderly account repeats and shuffles, losing none."""

    async def story(bench: Bench) -> None:
        for at in range(30):
            body = {"workspace": {"title": f"W{at}", "creator_role": "maven"}}
            assert (await bench.person.post("/api/v1/workspaces", json=body)).status_code == 200
        listed = (await bench.person.get("/api/v1/subscribed_events?per_page=200")).json()
        ids = [int(row["id"]) for row in listed["results"]]
        assert len(ids) == 33
        assert set(ids) == set(range(1, 31))
        assert ids != sorted(ids)
        assert (await bench.person.get("/api/v1/subscribed_events?per_page=x")).status_code == 400
        await bench.clock.sleep_until(bench.clock.now() + timedelta(days=10))
        assert (await bench.person.get("/api/v1/subscribed_events")).json()["count"] == 0

    at_the_bench("kantata", story, options={"events": "disorderly"})


def test_the_rate_limit_bites_without_a_hint() -> None:
    """More calls a minute than allowed are 429 and never say when to come back."""

    async def story(bench: Bench) -> None:
        statuses = [(await bench.person.get("/api/v1/users")).status_code for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        await bench.clock.sleep_until(bench.clock.now() + timedelta(minutes=1))
        assert (await bench.person.get("/api/v1/users")).status_code == 200

    at_the_bench("kantata", story, options={"rate_per_minute": "3"})


@pytest.mark.parametrize("version", ["v45.0", "v59", "59.0"])
def test_versions_before_46_are_gone(version: str) -> None:
    """Any version from 46 on is served by one handler."""

    async def story(bench: Bench) -> None:
        assert (await bench.person.get(f"/services/data/{version}/limits")).status_code == 404
        for good in ("v46.0", "v68.0"):
            answer = await bench.person.get(f"/services/data/{good}/limits")
            assert answer.headers["sforce-limit-info"].startswith("api-usage=")

    at_the_bench("salesforce", story)


def test_upserts_in_bulk() -> None:
    """composite/sobjects by external id creates and changes, row by row, at most 200."""

    async def story(bench: Bench) -> None:
        path = "/services/data/v59.0/composite/sobjects/Account/Customer_Code__c"
        row = {"attributes": {"type": "Account"}, "Name": "A", "Customer_Code__c": "C-1"}
        for created in (True, False):
            found = (
                await bench.person.patch(path, json={"records": [row, {"attributes": {"type": "Account"}}]})
            ).json()
            assert [item["success"] for item in found] == [True, False]
            assert found[0]["created"] is created
        many = await bench.person.patch(path, json={"records": [row] * 201})
        assert many.status_code == 400

    at_the_bench("salesforce", story)
