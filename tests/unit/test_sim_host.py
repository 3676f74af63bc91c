"""The host: back door, journal, concurrency, latency, our own bugs, and what a request costs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import httpx
import pytest

from simulators.core import fleet
from simulators.core.latency import Fixed, Lognormal, Uniform, latency_from
from simulators.core.limits import ConcurrencyLimit, RateLimit
from simulators.core.requests import BODY_KEPT, KEPT
from tests.unit.sim_books import VirtualClock, in_virtual_time
from tests.unit.sim_counter import client, hosted


def test_the_back_door_reads_seeds_and_resets() -> None:
    """State, seed, requests, faults and reset over HTTP; the back door is not journalled."""

    async def main() -> None:
        app = hosted()
        async with client(app) as http:
            assert (await http.post("/_sim/seed", json={"count": 4})).json() == {"counted": 4}
            await http.post("/add", content=b'{"by":1}', headers={"authorization": "Bearer secret"})
            await http.get("/nowhere?a=b")
            assert (await http.get("/_sim/state")).json() == {"count": 5}
            seen = (await http.get("/_sim/requests")).json()
            assert (seen["total"], seen["crashes"]) == (2, [])
            assert [
                (row["method"], row["path"], row["query"], row["status"]) for row in seen["requests"]
            ] == [
                ("POST", "/add", "", 200),
                ("GET", "/nowhere", "a=b", 404),
            ]
            assert (seen["requests"][0]["body"], seen["requests"][0]["headers"]["authorization"]) == (
                '{"by":1}',
                "…",
            )
            assert len((await http.get("/_sim/requests?limit=1")).json()["requests"]) == 1
            fault = {"name": "f", "kind": "refuse", "first": 1}
            assert (await http.put("/_sim/faults", json=[fault])).json() == {
                "faults": [fault],
                "fired": {"f": 0},
            }
            assert (await http.post("/add", json={"by": 1})).status_code == 503
            assert (await http.get("/_sim/faults")).json()["fired"] == {"f": 1}
            await http.post("/_sim/reset")
            assert (app.sim.state(), app.requests.total) == ({"count": 0}, 0)

    in_virtual_time(main())


def test_a_snapshot_travels_through_the_back_door() -> None:
    """GET it from one, PUT it into another."""

    async def main() -> int:
        one, other = hosted(), hosted()
        async with client(one) as first, client(other) as second:
            await first.post("/add", json={"by": 41})
            taken = (await first.get("/_sim/snapshot")).content
            assert (await second.put("/_sim/snapshot", content=taken)).status_code == 200
            return int((await second.post("/add", json={"by": 1})).json()["count"])

    assert in_virtual_time(main()) == 42


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/_sim/snapshot", b"junk", 400),
        ("POST", "/_sim/seed", b"[]", 400),
        ("POST", "/_sim/seed", b"{", 400),
        ("POST", "/_sim/seed", b"{}", 400),
        ("PUT", "/_sim/faults", b'[{"name": "f", "kind": "x"}]', 400),
        ("PUT", "/_sim/faults", b'{"faultz": []}', 400),
        ("GET", "/_sim/requests?limit=x", b"", 400),
        ("GET", "/_sim/nothing", b"", 404),
    ],
)
def test_bad_input_at_the_back_door_is_said_to_be_bad(
    method: str, path: str, body: bytes, status: int
) -> None:
    """Never a 500, always a reason."""

    async def main() -> httpx.Response:
        async with client(hosted()) as http:
            return await http.request(method, path, content=body)

    answer = in_virtual_time(main())
    assert (answer.status_code, bool(answer.json()["error"])) == (status, True)


def test_the_journal_is_bounded() -> None:
    """A month of load does not fill the memory: so many requests, so many bytes of each, all counted."""

    async def main() -> None:
        app = hosted()
        async with client(app) as http:
            await http.post("/nowhere", content=b"x" * (BODY_KEPT + 1))
            assert len(next(iter(app.requests)).body) == BODY_KEPT
            for _ in range(KEPT):
                app.requests.append(next(iter(app.requests)))
        assert (len(app.requests), app.requests.total) == (KEPT, KEPT + 1)

    in_virtual_time(main())


def test_a_bug_of_ours_is_a_500_and_on_record() -> None:
    """The caller gets the vendor's 500; a rehearsal finds the crash."""

    async def main() -> tuple[int, list[str]]:
        app = hosted()
        async with client(app) as http:
            return (await http.get("/bug")).status_code, app.crashes

    assert in_virtual_time(main()) == (500, ["GET /bug: RuntimeError('mistake')"])


def test_the_concurrency_limit_is_held_through_the_latency() -> None:
    """Three at once of a system that takes two: one is refused; afterwards all places are free again."""

    async def main() -> tuple[list[int], int, int]:
        app = hosted(latency=Fixed(1), limit=2)
        async with client(app) as http:
            calls = [http.post("/add", json={"by": 1}) for _ in range(3)]
            statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await http.post("/add", json={"by": 1})
        limit = app.sim.concurrency  # type: ignore[attr-defined]
        return statuses, limit.held, app.in_flight

    assert in_virtual_time(main()) == ([200, 200, 429], 0, 0)


def test_a_large_body_in_pieces_arrives_whole() -> None:
    """Clients may stream."""

    async def main() -> int:
        async def pieces() -> AsyncIterator[bytes]:
            for piece in (b'{"by"', b": 4", b"2}"):
                yield piece

        async with client(hosted()) as http:
            return int((await http.post("/add", content=pieces())).json()["count"])

    assert in_virtual_time(main()) == 42


def test_latency_models_draw_from_the_seed_and_grow_with_load() -> None:
    """Fixed, uniform and lognormal, by their text; the median of many lognormal draws is the median."""
    assert latency_from("none") is None
    assert latency_from("fixed 0.5 0.1") == Fixed(0.5, 0.1)
    assert latency_from("uniform 0.1 0.3") == Uniform(0.1, 0.3)
    assert latency_from("lognormal 0.2 0.5") == Lognormal(0.2, 0.5)
    assert Fixed(2, load=0.5).seconds(random.Random(1), 4) == 6
    drawn = sorted(Lognormal(0.2, 0.5).seconds(random.Random(n), 0) for n in range(999))
    assert 0.17 < drawn[499] < 0.23
    assert 0.1 <= Uniform(0.1, 0.3).seconds(random.Random(1), 0) <= 0.3
    for text in ("", "fixed", "fixed -1", "fixed nan", "lognormal 0 1", "uniform 1", "slow 1"):
        with pytest.raises(ValueError, match="is none of"):
            latency_from(text)


def test_a_rate_limit_slides() -> None:
    """Two in ten seconds: the third must wait until the first is ten seconds old."""

    async def main() -> list[int | None]:
        limit = RateLimit(2, 10, VirtualClock())
        taken = [limit.take()]
        await asyncio.sleep(4)
        taken += [limit.take(), limit.take()]
        assert limit.left == 0
        await asyncio.sleep(6)
        return [*taken, limit.take(), limit.take()]

    assert in_virtual_time(main()) == [None, None, 6, None, 4]


def test_places_of_a_concurrency_limit_do_not_mix() -> None:
    """A refused caller gives nothing back."""
    limit = ConcurrencyLimit(1)
    with limit.place() as first, limit.place() as second:
        assert (first, second, limit.held) == (True, False, 1)
    assert (limit.held, limit.refused) == (0, 1)


def test_a_fleet_of_unknown_vendors_or_stray_faults_is_refused() -> None:
    """By name, before anything is imported."""
    landscape = {"legal_entities": {}, "systems": {"books": {"vendor": "abacus"}}}
    with pytest.raises(ValueError, match=r"systems\.books\.vendor 'abacus' is none of salesforce"):
        fleet.build_fleet(landscape, clock=VirtualClock(), seed=1)
    with pytest.raises(ValueError, match="faults for 'bokos', but the systems are books"):
        fleet.build_fleet(landscape, clock=VirtualClock(), seed=1, faults={"bokos": []})


def test_a_systems_latency_is_its_option_or_its_vendors() -> None:
    """`options.latency` wins, `none` switches it off."""
    assert fleet.latency_of({"vendor": "netsuite", "options": {"latency": "fixed 1"}}) == Fixed(1)
    assert fleet.latency_of({"vendor": "netsuite", "options": {"latency": "none"}}) is None
    assert fleet.latency_of({"vendor": "netsuite"}) == fleet.LATENCIES["netsuite"]
