"""What the Kantata connector sees of deletions, of a period, and of an account with other names for attributes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.connectors import kantata
from router.connectors.kantata.connector import KantataConnector
from router.connectors.kantata.observations import withdrawal
from router.connectors.mapping import Unmapped
from router.connectors.port import Observed, Posted, SaidNo
from router.errors import BadInput, VendorUnknown
from router.landscape import System
from router.model import SystemId
from simulators.psa import kantata as simulator
from tests.contract.source_bench import Bench, at_the_bench, connect, default_landscape, delivery, project
from tests.contract.test_kantata_connector import TIME, approve, call, seed

DELETIONS = "deletions"
LATER_S = 40
"""Longer than deletions are left alone for."""


async def delete(bench: Bench, *numbers: int, of: str = TIME) -> None:
    """Somebody deletes rows."""
    for number in numbers:
        answer = await bench.person.delete(f"/api/v1/{of}/{number}")
        assert answer.status_code == 204, answer.text


async def re_open(bench: Bench, number: int) -> None:
    """An approver takes an approval back."""
    await call(bench, "PUT", f"/timesheet_submissions/{number}/cancel", {"resolution": {}})


def test_a_deleted_row_is_given_once_and_late() -> None:
    """A re-opened and deleted entry is withdrawn, half a minute later, once, whatever else was deleted."""

    async def story(bench: Bench) -> None:
        await approve(bench, 500, 501)
        refused = await bench.person.delete("/api/v1/time_entries/1000")
        assert refused.status_code == 422, "approved rows can't be deleted"
        await re_open(bench, 500)
        _, cursor = await bench.drain(DELETIONS)
        await delete(bench, 1000)
        await call(bench, "PUT", "/workspaces/11", {"workspace": {"title": "Other"}})
        await asyncio.sleep(5)
        found, cursor = await bench.drain(DELETIONS, cursor)
        assert found == [], "an approval read a moment ago may not be accepted yet"
        await asyncio.sleep(LATER_S)
        ((event,), after) = await bench.drain(DELETIONS, cursor)
        assert (event.kind, event.verb, event.vendor_id) == ("time_entry", "withdrawn", "1000")
        assert event.data == {"document_id": "TE-1000", "withdrawn": True}
        again, _ = await bench.drain(DELETIONS, after)
        assert again == []
        bench.reconnect()
        ((repeated,), _) = await bench.drain(DELETIONS, cursor)
        assert repeated.event_id == event.event_id, "a caller that could not store it is given it again"

    at_the_bench("kantata", story, seed=seed(3))


def test_a_quiet_account_costs_no_commits() -> None:
    """Without deletions the cursor stays where it is for hours, and nothing that comes then is missed."""

    async def story(bench: Bench) -> None:
        _, first = await bench.drain(DELETIONS)
        for _ in range(3):
            await asyncio.sleep(3_600)
            assert await bench.drain(DELETIONS, first) == ([], first)
        await delete(bench, 1001)
        await asyncio.sleep(LATER_S)
        found, moved = await bench.drain(DELETIONS, first)
        assert [event.vendor_id for event in found] == ["1001"]
        assert moved != first

    at_the_bench("kantata", story, seed=seed(3))


@pytest.mark.parametrize("options", [{}, {"events": "disorderly"}])
def test_a_mass_deletion_is_read_whole(options: Mapping[str, str]) -> None:
    """Five hundred rows deleted within minutes, in an account that lists events in any order and some twice."""

    async def story(bench: Bench) -> None:
        _, cursor = await bench.drain(DELETIONS)
        for number in range(500):
            await delete(bench, 1000 + number)
            await asyncio.sleep(0.5)
        await asyncio.sleep(LATER_S)
        found, _ = await bench.drain(DELETIONS, cursor)
        given = [event.vendor_id for event in found]
        assert sorted(given) == sorted(set(given)) == sorted(str(1000 + number) for number in range(500))

    at_the_bench("kantata", story, seed=seed(500), options=options)


@pytest.mark.parametrize("cursor", ["", "{}", '{"from": 1}', '{"from": "soon"}', "[]"])
def test_a_damaged_cursor_of_deletions_is_refused(cursor: str) -> None:
    """Only a cursor this feed gave is followed; an empty one is the beginning."""

    async def story(bench: Bench) -> None:
        if not cursor:
            assert (await bench.drain(DELETIONS, cursor))[0] == []
            return
        with pytest.raises(BadInput):
            await bench.connector.changes(DELETIONS, cursor)

    at_the_bench("kantata", story, seed=seed(1))


@pytest.mark.parametrize(
    "body",
    [
        {"count": "1", "results": [], "subscribed_events": {}},
        {"count": 0, "results": []},
        {"count": 900, "results": [], "subscribed_events": {}},
        {
            "count": 1,
            "results": [],
            "subscribed_events": {"1": {"event_type": "time_entry:deleted", "subject_id": "5"}},
        },
    ],
)
def test_an_odd_answer_is_no_deletion(body: dict[str, Any]) -> None:
    """A shape that is not the vendor's, events that are never shown, a deletion without a time: ask again later."""

    async def story(bench: Bench) -> None:
        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/oauth/token":
                return httpx.Response(200, json={"access_token": "t"})
            return httpx.Response(200, json=body)

        http = httpx.AsyncClient(transport=httpx.MockTransport(respond), trust_env=False)
        bench.connector = connect("kantata", bench.app, bench.clock, http=http)
        with pytest.raises(VendorUnknown):
            await bench.connector.changes(DELETIONS, None)
        await http.aclose()

    at_the_bench("kantata", story)


# --- names --------------------------------------------------------------------------------------

RENAMED = {"renamed": "time_in_minutes:minutes_worked,title:name"}
"""What a release of the vendor did to the account."""


def mapped(bench: Bench, path: Path) -> None:
    """A connector that reads and writes by a mapping file of its own."""
    known = {"env:ID": simulator.CLIENT_ID, "env:SECRET": simulator.CLIENT_SECRET}
    config = System.model_validate(
        {
            "vendor": "kantata", "role": "psa", "base_url": "http://vendor.example", "timeout_s": 5, "mapping": str(path),
            "credentials": {"client_id": "env:ID", "client_secret": "env:SECRET"},
        }
    )  # fmt: skip
    transport = httpx.ASGITransport(app=bench.app, raise_app_exceptions=False)
    bench.connector = kantata.connect(
        SystemId("kantata"),
        config,
        landscape=default_landscape(),
        client=httpx.AsyncClient(transport=transport, trust_env=False, timeout=None),
        clock=bench.clock,
        rng=random.Random(1),
        secrets=known.__getitem__,
    )


def shipped(*more: str) -> str:
    """The mapping file as it travels, with further versions."""
    text = (Path(__file__).parents[2] / "fixtures/mappings/kantata.yaml").read_text(encoding="utf-8")
    return text + "".join(more)


def version(number: int, published: str, fields: str) -> str:
    """A further version that says only what changed."""
    return f"  - version: {number}\n    published: {published}\n    fields: {fields}\n"


def test_a_rename_by_the_vendor_changes_one_file(tmp_path: Path) -> None:
    """After a release rows lack their minutes and projects are refused; a new version in the file mends both."""
    path = tmp_path / "kantata.yaml"

    async def story(bench: Bench) -> None:
        row = {"workspace_id": "11", "user_id": "1", "date_performed": "2026-10-30", "minutes_worked": 45}
        made = await call(bench, "POST", "/time_entries", {"time_entry": row})
        sheet = {"name": "week", "workspace_id": "11", "line_item_ids": [made["results"][0]["id"]]}
        sent = await call(bench, "POST", "/timesheet_submissions", {"timesheet_submission": sheet})
        await approve(bench, int(sent["results"][0]["id"]))
        path.write_text(shipped(), encoding="utf-8")
        mapped(bench, path)
        ((event,), _) = await bench.drain(TIME)
        assert "minutes" not in event.data, "so that it is parked, not guessed"
        answer = await bench.post(delivery(project("P-9")))
        assert isinstance(answer, SaidNo)
        fields = (
            "{time_entry: {minutes: minutes_worked}, project: {name: name}, project.template: {name: name}}"
        )
        path.write_text(shipped(version(2, "2026-10-30", fields)), encoding="utf-8")
        mapped(bench, path)
        ((again,), _) = await bench.drain(TIME)
        assert (again.data["minutes"], again.data["work_date"]) == (45, "2026-10-30")
        assert isinstance(await bench.post(delivery(project("P-9"))), Posted)

    at_the_bench("kantata", story, seed=seed(), options=RENAMED)


def test_a_gap_in_the_mapping_is_an_answer(tmp_path: Path) -> None:
    """A file that lacks an attribute refuses the project naming file, attribute and mend; a feed says so too."""
    path = tmp_path / "gap.yaml"
    path.write_text(
        shipped()
        .replace("        starts: start_date\n", "")
        .replace("        minutes: time_in_minutes\n", "")
    )

    async def story(bench: Bench) -> None:
        await approve(bench, 500)
        mapped(bench, path)
        answer = await bench.post(delivery(project("P-9")))
        assert isinstance(answer, SaidNo)
        assert (answer.code, "project.starts" in answer.message) == ("UNMAPPED", True)
        with pytest.raises(Unmapped, match=r"time_entry\.minutes"):
            await bench.connector.changes(TIME, None)

    at_the_bench("kantata", story, seed=seed(1))


def test_observations_say_what_they_are() -> None:
    """An event of another sort, or of no row, is no deletion."""
    good = {"event_type": "expense:deleted", "subject_id": "7", "created_at": "2026-10-30T10:00:00+00:00"}
    found = withdrawal(good)
    assert isinstance(found, Observed)
    assert (found.kind, found.data["document_id"], found.occurred_at) == (
        "expense_item", "EX-7", "2026-10-30T10:00:00Z",
    )  # fmt: skip
    for odd in ({"event_type": "expense:updated"}, {"subject_id": "x"}, {"subject_id": 7}):
        assert withdrawal(good | odd) is None


def test_a_period_has_as_many_pages_as_its_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy month is read whole; a day with more pages than an account of people has is not believed."""
    monkeypatch.setattr("router.connectors.kantata.feeds.PAGES_MAX", 2)
    monkeypatch.setattr("router.connectors.kantata.feeds.PAGE_MAX", 3)

    async def story(bench: Bench) -> None:
        await approve(bench, *range(500, 509))
        connector = bench.connector
        assert isinstance(connector, KantataConnector)
        month = await connector.approved(TIME, first=date(2026, 10, 1), last=date(2026, 10, 31))
        assert len(month) == 9
        with pytest.raises(VendorUnknown, match="too many time_entries"):
            await connector.approved(TIME, first=date(2026, 10, 30), last=date(2026, 10, 30))

    at_the_bench("kantata", story, seed=seed(9))
