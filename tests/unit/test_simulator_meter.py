"""The meter counts what a system went through: by hand-made calls, and through the host and its back door."""

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.core import meter as metering
from simulators.core.host import Hosted, host
from simulators.core.latency import Fixed
from simulators.core.limits import ConcurrencyLimit, RateLimit
from simulators.core.meter import Meter

START = datetime(2026, 10, 30, 12, 0, 0, tzinfo=UTC)
AT = int(START.timestamp())


def after(seconds: float) -> datetime:
    """An instant so long after the start."""
    return START + timedelta(seconds=seconds)


def test_places_are_integrated_over_time_and_split_at_seconds() -> None:
    """One place from 0.25 s to 2.5 s and a second one from 1.0 s to 1.5 s, to the microsecond."""
    meter = Meter()
    meter.arrived(after(0.25), admitted=True)
    meter.arrived(after(1.0), admitted=True)
    meter.left(after(1.5), admitted=True, status=200)
    meter.left(after(2.5), admitted=True, status=200)
    assert meter.seconds(after(9)) == [
        {"at": AT, "calls": 1, "refused": 0, "peak": 1, "held_us": 750_000, "window": 0},
        {"at": AT + 1, "calls": 1, "refused": 0, "peak": 2, "held_us": 1_500_000, "window": 0},
        {"at": AT + 2, "calls": 0, "refused": 0, "peak": 1, "held_us": 500_000, "window": 0},
    ]
    assert [row["at"] for row in meter.seconds(after(9), since=AT + 2)] == [AT + 2]


def test_a_refused_call_holds_no_place() -> None:
    """Neither one beyond the concurrency limit nor its waiting time counts as use; a 429 counts as refused."""
    meter = Meter(ConcurrencyLimit(1))
    meter.arrived(START, admitted=False)
    meter.left(after(0.5), admitted=False, status=503)
    meter.arrived(after(0.5), admitted=True)
    meter.left(after(0.6), admitted=True, status=429)
    (row,) = meter.seconds(after(1))
    assert (row["calls"], row["refused"], row["peak"], row["held_us"]) == (2, 2, 1, 100_000)


def test_a_call_under_way_is_seen_before_it_is_answered() -> None:
    """Whoever looks sees the place held up to now, and looking twice counts nothing twice."""
    meter = Meter()
    meter.arrived(START, admitted=True)
    first = meter.seconds(after(1.5))
    assert [row["held_us"] for row in first] == [1_000_000, 500_000]
    assert meter.seconds(after(1.5)) == first
    meter.left(after(2), admitted=True, status=200)
    assert sum(row["held_us"] for row in meter.seconds(after(3))) == 2_000_000


@given(
    st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(0, 3_000_000), st.booleans()), max_size=30),
    st.lists(st.integers(0, 9_000_000), max_size=5),
)
@settings(deadline=None)
def test_place_time_is_the_sum_of_the_calls_lengths(
    calls: list[tuple[int, int, bool]], looks: list[int]
) -> None:
    """Whatever overlaps and whenever somebody looks: places held together are held exactly so long."""
    meter = Meter()
    moments: list[tuple[int, int, bool]] = [(at, 2, True) for at in looks]
    for at, length, admitted in calls:
        moments += [(at, 0, admitted), (at + length, 1, admitted)]
    for at, what, admitted in sorted(moments):
        now = START + timedelta(microseconds=at)
        if what == 0:
            meter.arrived(now, admitted=admitted)
        elif what == 1:
            meter.left(now, admitted=admitted, status=200)
        else:
            meter.seconds(now)
    rows = meter.seconds(after(60))
    assert sum(row["held_us"] for row in rows) == sum(length for _, length, admitted in calls if admitted)
    assert sum(row["calls"] for row in rows) == len(calls)
    assert sum(row["refused"] for row in rows) == sum(not admitted for *_, admitted in calls)
    assert all(row["held_us"] <= row["peak"] * 1_000_000 for row in rows)


def test_it_remembers_a_day_and_says_what_it_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it runs, memory is bounded; a call that hangs over the bound is booked within it."""
    monkeypatch.setattr(metering, "KEPT_S", 3)
    meter = Meter()
    meter.arrived(START, admitted=True)
    meter.left(after(1000), admitted=True, status=0)
    rows = meter.seconds(after(1001))
    assert len(rows) == 3
    assert rows[-1]["at"] == AT + 1000
    assert meter.forgotten > 0


def test_a_clock_set_back_changes_nothing() -> None:
    """Time that runs backwards is no time."""
    meter = Meter()
    meter.arrived(after(5), admitted=True)
    meter.left(after(1), admitted=True, status=200)
    assert meter.seconds(after(9)) == [
        {"at": AT + 5, "calls": 1, "refused": 0, "peak": 1, "held_us": 0, "window": 0}
    ]


class Clock:
    """A clock that goes as far as the loop has."""

    def now(self) -> datetime:
        """The start and what the loop has run since."""
        return START + timedelta(seconds=asyncio.get_running_loop().time() - self.zero)

    zero = 0.0


class Limited:
    """A system with both sorts of limits."""

    name = vendor = "limited"

    def __init__(self, clock: Clock) -> None:
        self.concurrency = ConcurrencyLimit(2)
        self.rate = RateLimit(3, 60, clock)

    def routes(self) -> list[BaseRoute]:
        """One path."""

        async def serve(request: Request) -> Response:
            del request
            wait = self.rate.take()
            return PlainTextResponse("ok") if wait is None else self.refusal(429, wait)

        return [Route("/x", serve)]

    def state(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def snapshot(self) -> bytes:
        """Nothing."""
        return b""

    def restore(self, data: bytes) -> None:
        """Nothing."""

    def reset(self) -> None:
        """Nothing."""

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Nothing."""
        return data

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """A plain answer."""
        return PlainTextResponse(str(retry_after_s), status)


def test_the_host_counts_and_the_back_door_shows_it() -> None:
    """Three at once at two places: one is refused; the fourth in the minute is the rate's; reset forgets."""

    async def main() -> None:
        clock = Clock()
        clock.zero = asyncio.get_running_loop().time()
        app: Hosted = host(Limited(clock), clock=clock, rng=random.Random(1), latency=Fixed(0.05))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://limited") as http:
            answers = await asyncio.gather(*(http.get("/x") for _ in range(3)))
            assert sorted(answer.status_code for answer in answers) == [200, 200, 429]
            assert [(await http.get("/x")).status_code for _ in range(2)] == [200, 429]
            told = (await http.get("/_sim/meter")).json()
            assert told["limits"] == {"concurrency": 2, "rate": {"count": 3, "per_s": 60}}
            assert told["held"] == 0
            (row,) = told["seconds"]
            assert (row["calls"], row["refused"], row["peak"], row["window"]) == (5, 2, 2, 3)
            assert 150_000 < row["held_us"] < 500_000
            assert row == app.meter.seconds(clock.now())[0]
            assert (await http.get(f"/_sim/meter?since={AT + 1}")).json()["seconds"] == []
            assert (await http.get("/_sim/meter?since=soon")).status_code == 400
            await http.post("/_sim/reset")
            assert (await http.get("/_sim/meter")).json()["seconds"] == []

    asyncio.run(main())
