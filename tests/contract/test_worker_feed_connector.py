"""The worker feed's connector against the simulated HCM, and against answers no HCM should give."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.canonical.kinds import parse
from router.canonical.masters import Resource
from router.connectors.mapping import read_mappings
from router.connectors.port import Observed
from router.connectors.worker_feed import WorkerFeedConnector, connect
from router.connectors.worker_feed.decisions import REQUIRED
from router.errors import BadInput, VendorRefused, VendorUnknown
from router.landscape import System, read_landscape
from router.model import SystemId
from simulators.core.firm_data import FirmData
from simulators.core.host import Hosted, host
from simulators.hcm import worker_feed

T = TypeVar("T")
START = datetime(2026, 10, 30, 18, tzinfo=UTC)
LANDSCAPE = read_landscape()
NO_FIRM = FirmData(entities={}, tax_codes={}, closed_through={})
ANN: dict[str, Any] = {
    "employeeId": "R-0001",
    "displayName": "Ann Archer",
    "legalEntity": "UK01",
    "jobRole": "CONSULTANT",
    "department": "DELIVERY",
    "costCenter": "CC-UK01-DELIVERY",
    "currency": "GBP",
    "costRates": [{"hourlyCost": "52.50", "validFrom": "2024-01-01"}],
    "weeklyHours": "37.5",
    "managerId": "R-0009",
    "workEmail": "ann@harbour.example",
    "hireDate": "2024-01-01",
}


@dataclass(slots=True)
class Bench:
    """A connector, the HCM it reads, and HR's own client."""

    connector: WorkerFeedConnector
    app: Hosted
    clock: VirtualClock
    hr: httpx.AsyncClient

    async def drain(self, cursor: str | None = None, limit: int = 200) -> tuple[list[Observed], str]:
        """Every event until the feed has no more, and the cursor to go on with."""
        events: list[Observed] = []
        for _ in range(100):
            page = await self.connector.changes("workers", cursor, limit=limit)
            events += page.events
            cursor = page.cursor
            if not page.more:
                return events, cursor
        raise AssertionError("the feed never ends")

    async def change(self, employee: str, **fields: Any) -> None:
        """HR changes a worker."""
        answer = await self.hr.patch(f"/api/workers/{employee}", content=orjson.dumps(fields))
        assert answer.status_code == 200, answer.text


def connected(
    http: httpx.AsyncClient,
    clock: VirtualClock,
    *,
    credentials: Mapping[str, str] | None = None,
    mapping: str | None = None,
    **options: str,
) -> WorkerFeedConnector:
    """A connector over a client."""
    given = credentials or {"client_id": worker_feed.CLIENT_ID, "client_secret": worker_feed.CLIENT_SECRET}
    config = System.model_validate(
        {
            "vendor": "worker_feed",
            "role": "hcm",
            "base_url": "http://hcm.example",
            "credentials": {name: f"env:{name}" for name in given},
            "timeout_s": 5,
            "options": options,
            "mapping": mapping,
        }
    )
    return connect(
        SystemId("hcm"),
        config,
        landscape=LANDSCAPE,
        client=http,
        clock=clock,
        rng=random.Random(1),
        secrets=lambda name: given[name.removeprefix("env:")],
    )


def at_the_bench(story: Callable[[Bench], Awaitable[T]], *workers: Mapping[str, Any], **options: str) -> T:
    """Run a story in virtual time over seeded workers; the simulator must not have crashed in it."""

    async def main(clock: VirtualClock) -> T:
        sim = worker_feed.build("hcm", {"options": options}, firm=NO_FIRM, clock=clock, rng=random.Random(1))
        app = host(sim, clock=clock, rng=random.Random(2))
        sim.seed({"workers": list(workers)})
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        key = {"x-api-key": worker_feed.API_KEY}
        async with (
            httpx.AsyncClient(transport=transport, timeout=None, trust_env=False) as http,
            httpx.AsyncClient(transport=transport, base_url="http://hcm.example", headers=key) as hr,
        ):
            told = await story(Bench(connected(http, clock), app, clock, hr))
        assert app.crashes == []
        return told

    return run(main, start=START)


def people(count: int) -> list[dict[str, Any]]:
    """Workers like Ann."""
    return [ANN | {"employeeId": f"R-{n:04d}", "displayName": f"Worker {n}"} for n in range(1, count + 1)]


def test_a_worker_is_a_resource_of_version_2() -> None:
    """Every attribute the canonical person has comes from the feed; 37.5 hours are 2,250 minutes."""

    async def story(bench: Bench) -> Observed:
        (event,), _ = await bench.drain()
        return event

    event = at_the_bench(story, ANN | {"version": 4, "changedAt": "2026-10-29T23:30:00-02:00"})
    assert (event.kind, event.verb, event.event_id, event.vendor_id) == (
        "resource",
        "updated",
        "R-0001@4",
        "R-0001",
    )
    document = parse({"kind": "resource", "region": "EMEA", "business_unit": "CONSULTING", **event.data})
    assert isinstance(document, Resource)
    assert document.accounting_date.isoformat() == "2026-10-30", "the day of the change, in UTC"
    assert (document.name, document.role, document.cost_center, document.manager_id) == (
        "Ann Archer",
        "CONSULTANT",
        "CC-UK01-DELIVERY",
        "R-0009",
    )
    assert (document.weekly_minutes, str(document.cost_rate), str(document.hired_on)) == (
        2_250,
        "52.50",
        "2024-01-01",
    )


def test_a_raise_and_a_leaving_come_as_changes() -> None:
    """A hire, then another cost rate from a day on, then the last day: three events of one person, each once."""

    async def story(bench: Bench) -> None:
        first, cursor = await bench.drain()
        assert [event.verb for event in first] == ["hired"]
        raised = [*ANN["costRates"], {"hourlyCost": "60.00", "validFrom": "2026-11-01"}]
        await bench.change("R-0001", costRates=raised)
        second, cursor = await bench.drain(cursor)
        rates = [(row["hourly"], row["starts"]) for row in second[0].data["cost_rates"]]
        assert rates == [("52.50", "2024-01-01"), ("60.00", "2026-11-01")]
        await bench.change("R-0001", terminationDate="2026-11-30")
        third, cursor = await bench.drain(cursor)
        assert [(event.verb, event.data["left_on"]) for event in third] == [("left", "2026-11-30")]
        assert [event.event_id for event in (*first, *second, *third)] == [f"R-0001@{n}" for n in (1, 2, 3)]
        assert await bench.drain(cursor) == ([], cursor), "nothing new leaves the cursor where it is"

    at_the_bench(story, ANN)


@given(st.lists(st.integers(0, 11), max_size=12), st.integers(1, 5))
@settings(deadline=None, max_examples=30)
def test_nothing_is_lost_or_given_twice_between_pages(changed: list[int], limit: int) -> None:
    """Whoever HR changes after whichever page, in the end every worker was given at their last version, none twice at one."""

    async def story(bench: Bench) -> None:
        seen: list[str] = []
        cursor: str | None = None
        pending = list(changed)
        while True:
            page = await bench.connector.changes("workers", cursor, limit=limit)
            seen += [event.event_id for event in page.events]
            cursor = page.cursor
            if pending:
                await bench.change(f"R-{pending.pop() + 1:04d}", displayName=f"Name {len(pending)}")
            elif not page.more:
                break
        events, _ = await bench.drain(cursor)
        seen += [event.event_id for event in events]
        workers = bench.app.sim.state()["records"]["workers"]
        assert {f"{row['employeeId']}@{row['version']}" for row in workers} <= set(seen)
        assert len(seen) == len(set(seen))

    at_the_bench(story, *people(12))


def test_the_feed_starts_where_it_is_told() -> None:
    """With `since`, who was loaded by other means and has not changed is not given."""

    async def story(bench: Bench) -> list[str]:
        transport = httpx.ASGITransport(app=bench.app)
        async with httpx.AsyncClient(transport=transport) as http:
            late = connected(http, bench.clock, since="2026-10-01T00:00:00Z")
            page = await late.changes("workers", None)
            assert not (await late.changes("workers", page.cursor)).events
        return [event.vendor_id for event in page.events]

    old, new = people(2)
    stamps = [{"changedAt": "2026-09-30T23:59:59Z"}, {"changedAt": "2026-10-01T00:00:00Z"}]
    assert at_the_bench(story, old | stamps[0], new | stamps[1]) == ["R-0002"]


def test_a_key_reads_as_well_as_a_token_and_a_wrong_one_is_refused() -> None:
    """Both ways of logging in; refused, it says whose credentials to check; an expired token is fetched anew."""

    async def story(bench: Bench) -> None:
        await bench.connector.ping()
        transport = httpx.ASGITransport(app=bench.app)
        async with httpx.AsyncClient(transport=transport) as http:
            keyed = connected(http, bench.clock, credentials={"api_key": worker_feed.API_KEY})
            assert len((await keyed.changes("workers", None)).events) == 1
            for wrong in ({"api_key": "no"}, {"client_id": "no", "client_secret": "no"}):
                with pytest.raises(VendorRefused, match="hcm refuses our"):
                    await connected(http, bench.clock, credentials=wrong).ping()
        bench.app.sim.access.revoke_all()  # type: ignore[attr-defined]
        await bench.connector.ping()

    at_the_bench(story, ANN)


def test_throttling_says_when_to_come_back() -> None:
    """A 429 is VendorUnknown with the seconds to wait."""

    async def story(bench: Bench) -> None:
        await bench.connector.ping()
        with pytest.raises(VendorUnknown) as told:
            await bench.connector.ping()
        assert (told.value.throttled, told.value.retry_after_s) == (True, 60)

    at_the_bench(story, ANN, rate_per_minute="1")


@pytest.mark.parametrize("fault", ["refuse", "throttle", "hang", "drop_answer", "malformed", "truncated"])
def test_a_fault_leaves_the_cursor_where_it_was(fault: str) -> None:
    """No answer, half an answer, no service: it raises, and the same cursor gives everything afterwards."""

    async def story(bench: Bench) -> None:
        _, cursor = await bench.drain()
        await bench.change("R-0001", displayName="Ann Baker")
        bench.app.faults = [{"name": "bad day", "kind": fault, "path": "/api/workers"}]
        with pytest.raises(VendorUnknown):
            await bench.connector.changes("workers", cursor)
        bench.app.faults = []
        events, _ = await bench.drain(cursor)
        assert [event.event_id for event in events] == ["R-0001@2"]

    at_the_bench(story, ANN)


ROW = ANN | {"version": 1, "changedAt": "2026-10-30T18:00:00Z"}
PAGE = {"workers": [ROW], "next": "c1", "more": False}


def reads(answer: Any, cursor: str | None = "c0", limit: int = 200) -> list[Observed]:
    """What the connector makes of an answer."""

    async def main(clock: VirtualClock) -> list[Observed]:
        def respond(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/oauth/token":
                return httpx.Response(200, json={"access_token": "t"})
            content = answer if isinstance(answer, bytes) else orjson.dumps(answer)
            return httpx.Response(200, content=content)

        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
            page = await connected(http, clock).changes("workers", cursor, limit=limit)
            return list(page.events)

    return run(main, start=START)


@pytest.mark.parametrize(
    "answer",
    [
        orjson.dumps(PAGE)[:-20],
        b"[]",
        {},
        PAGE | {"workers": {"R-0001": ROW}},
        PAGE | {"workers": [ROW, "R-0002"]},
        PAGE | {"next": None},
        PAGE | {"next": ""},
        PAGE | {"next": "c0"},
        PAGE | {"next": "c1\n"},
        PAGE | {"next": "c" * 201},
        PAGE | {"more": "false"},
        {"workers": [], "next": "c1", "more": True},
        {"workers": [ROW, ROW], "next": "c2", "more": False},
        PAGE | {"workers": [ROW | {"employeeId": None}]},
        PAGE | {"workers": [ROW | {"employeeId": "../../x y"}]},
        PAGE | {"workers": [ROW | {"version": True}]},
        PAGE | {"workers": [ROW | {"version": "1"}]},
        PAGE | {"workers": [ROW | {"changedAt": "yesterday"}]},
        PAGE | {"workers": [ROW | {"changedAt": "2026-10-30T18:00:00"}]},
    ],
    ids=str,
)
def test_a_page_that_is_not_whole_is_no_page(answer: Any) -> None:
    """Truncated, of another shape, without end, too long, or with a worker nobody can name: VendorUnknown, no cursor."""
    with pytest.raises(VendorUnknown):
        reads(answer, limit=1)


def test_the_whole_page_is_read() -> None:
    """The page the broken ones are made from is a good one."""
    assert [event.event_id for event in reads(PAGE, limit=1)] == ["R-0001@1"]


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("weeklyHours", None, "weekly_minutes"),
        ("weeklyHours", "1e999999999", "weekly_minutes"),
        ("weeklyHours", "37.51234", "weekly_minutes"),
        ("costRates", [], "cost_rates"),
        ("costRates", ["x"], "cost_rates"),
        ("costRates", [{"hourlyCost": "52.505", "validFrom": "2024-01-01"}], "cost_rates"),
        ("costRates", [{"hourlyCost": 1e300, "validFrom": "2024-01-01"}], "cost_rates"),
        ("hireDate", "soon", "hired_on"),
        ("jobRole", "", "role"),
        ("displayName", 7, "name"),
    ],
)
def test_an_odd_value_parks_the_worker_by_name_and_not_the_feed(field: str, value: Any, named: str) -> None:
    """The row is given as it is; the canonical model refuses it, naming the attribute."""
    (event,) = reads(PAGE | {"workers": [ROW | {field: value}]})
    with pytest.raises(BadInput, match=named):
        parse({"kind": "resource", "region": "EMEA", "business_unit": "CONSULTING", **event.data})


def test_a_number_of_json_is_an_exact_amount() -> None:
    """52.10 as a JSON number is the text 52.10, through no float."""
    raw = orjson.dumps(PAGE).replace(b'"52.50"', b"52.10")
    assert reads(raw)[0].data["cost_rates"] == [{"hourly": "52.10", "starts": "2024-01-01"}]


def test_a_damaged_cursor_is_ours_to_mend() -> None:
    """What can't have come from a feed is refused before anything is asked."""
    for cursor in ("", "c1\x00", "ü"):
        with pytest.raises(BadInput, match="cursor"):
            reads(PAGE, cursor)


def test_another_feed_is_refused_by_name() -> None:
    """There is one feed."""

    async def story(bench: Bench) -> None:
        with pytest.raises(BadInput, match="no feed 'people'"):
            await bench.connector.changes("people", None)

    at_the_bench(story)


def test_the_mapping_covers_what_the_connector_reads() -> None:
    """In every version ever published."""
    assert [one.missing(REQUIRED) for one in read_mappings("worker_feed").versions] == [[]]


def test_a_rename_at_the_hcm_changes_its_mapping_file_and_no_code(tmp_path: Path) -> None:
    """A new version with other names and a mapped entity code is enough to read the feed on."""
    shipped = Path(__file__).parents[2] / "fixtures/mappings/worker_feed.yaml"
    file = tmp_path / "hcm.yaml"
    file.write_text(
        shipped.read_text()
        + "  - version: 2\n    published: 2026-10-01\n    codes:\n      entities: {UK01: Harbour-UK}\n"
        + "    fields:\n      resource: {name: fullName}\n"
    )
    row = {name: value for name, value in ROW.items() if name != "displayName"}
    row |= {"fullName": "Ann Archer", "legalEntity": "Harbour-UK"}

    async def main(clock: VirtualClock) -> Observed:
        def respond(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=PAGE | {"workers": [row]})

        async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
            made = connected(http, clock, credentials={"api_key": "k"}, mapping=str(file))
            return (await made.changes("workers", None)).events[0]

    event = run(main, start=START)
    assert (event.data["name"], event.data["legal_entity"]) == ("Ann Archer", "UK01")
