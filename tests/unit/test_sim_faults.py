"""Faults: each kind over ASGI, and when they fire: seeded, in windows, counted, bounded."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import httpx
import pytest

from simulators.core.bookkeeping import BooksError
from simulators.core.faults import Faults, read_fault
from simulators.core.rows import TimeRow
from tests.unit.sim_books import CLOUD, DAY, START, VirtualClock, books, in_virtual_time, work
from tests.unit.sim_counter import client, hosted


def adding(
    fault: dict[str, Any], calls: int = 1, timeout_s: float | None = None
) -> tuple[list[Any], int, float]:
    """What `calls` POSTs see under one fault, the count that the simulator has in the end, and seconds passed."""

    async def main() -> tuple[list[Any], int, float]:
        app = hosted(faults=[{"name": "f", "path": "/add", **fault}])
        seen: list[Any] = []
        async with client(app) as http:
            for _ in range(calls):
                try:
                    async with asyncio.timeout(timeout_s):
                        response = await http.post("/add", json={"by": 1})
                except TimeoutError:
                    seen.append("nothing")
                else:
                    seen.append((response.status_code, response.text, response.headers.get("retry-after")))
        return seen, app.sim.state()["count"], asyncio.get_running_loop().time()

    return in_virtual_time(main())


def test_refuse_and_throttle_do_not_act() -> None:
    """The vendor's own body with the status; a throttle tells when to come back."""
    seen, count, _ = adding({"kind": "refuse", "params": {"status": 503, "retry_after_s": 7}})
    assert (seen, count) == ([(503, '{"refused":503}', "7")], 0)
    seen, count, _ = adding({"kind": "throttle"})
    assert (seen, count) == ([(429, '{"refused":429}', "1")], 0)


def test_delay_acts_before_or_after_the_wait() -> None:
    """A client that gives up in time has caused nothing (before) or something (after)."""
    assert adding({"kind": "delay", "params": {"seconds": 9}}) == ([(200, '{"count":1}', None)], 1, 9)
    assert adding({"kind": "delay", "params": {"seconds": 9}}, timeout_s=5) == (["nothing"], 0, 5)
    after = {"kind": "delay", "params": {"seconds": 9, "when": "after"}}
    assert adding(after) == ([(200, '{"count":1}', None)], 1, 9)
    assert adding(after, timeout_s=5) == (["nothing"], 1, 5)


def test_hang_never_acts_and_drop_answer_has_acted() -> None:
    """To the client they look the same; the simulator knows better. Without patience of its own it gets a 504."""
    assert adding({"kind": "hang"}, timeout_s=60) == (["nothing"], 0, 60)
    assert adding({"kind": "drop_answer"}, timeout_s=60) == (["nothing"], 1, 60)
    assert adding({"kind": "hang", "params": {"seconds": 30}}) == ([(504, '{"refused":504}', None)], 0, 30)
    assert adding({"kind": "drop_answer"}) == ([(504, '{"refused":504}', None)], 1, 3600)


def test_answer_twice_acts_twice() -> None:
    """The client sees the first answer, or the second if so wished."""
    assert adding({"kind": "answer_twice"})[:2] == ([(200, '{"count":1}', None)], 2)
    second = {"kind": "answer_twice", "params": {"answer": "second"}}
    assert adding(second)[:2] == ([(200, '{"count":2}', None)], 2)


def test_malformed_and_truncated_have_acted() -> None:
    """The answer can't be read; half of `{"count":1}` is left of a truncated one."""
    seen, count, _ = adding({"kind": "malformed", "params": {"body": "<oops", "status": 200}})
    assert (seen, count) == ([(200, "<oops", None)], 1)
    seen, count, _ = adding({"kind": "truncated"})
    assert (seen, count) == ([(200, '{"cou', None)], 1)


def test_a_truncated_answer_without_a_body_loses_its_location() -> None:
    """A 204 with a Location has nothing else to lose; it still is valid HTTP."""

    async def main() -> httpx.Response:
        app = hosted(faults=[{"name": "f", "kind": "truncated", "path": "^/ba.e$", "method": "put"}])
        async with client(app) as http:
            return await http.put("/bare")

    answer = in_virtual_time(main())
    assert (answer.status_code, answer.headers.get("location")) == (204, None)


def test_a_fault_fires_in_its_window_after_its_skips_and_at_most_so_often() -> None:
    """Window [10 s, 50 s), one call every 5 s: calls 3 to 10 fit, two pass, then three are hit."""

    async def main() -> tuple[list[int], dict[str, int]]:
        fault = {
            "name": "f",
            "kind": "refuse",
            "from": (START + timedelta(seconds=10)).isoformat(),
            "until": (START + timedelta(seconds=50)).isoformat(),
            "skip": 2,
            "first": 3,
        }
        app = hosted(faults=[fault])
        statuses = []
        async with client(app) as http:
            for _ in range(12):
                statuses.append((await http.post("/add", json={"by": 1})).status_code)
                await asyncio.sleep(5)
        return statuses, app.faults.fired

    statuses, fired = in_virtual_time(main())
    assert statuses == [200] * 4 + [503] * 3 + [200] * 5
    assert fired == {"f": 3}


def test_the_window_ends_when_it_says() -> None:
    """`until` is exclusive, `from` inclusive."""

    async def main() -> list[int]:
        window = {"from": (START + timedelta(seconds=1)).isoformat(), "until": START + timedelta(seconds=3)}
        app = hosted(faults=[{"name": "f", "kind": "refuse", **window}])
        statuses = []
        async with client(app) as http:
            for _ in range(4):
                statuses.append((await http.post("/add", json={"by": 1})).status_code)
                await asyncio.sleep(1)
        return statuses

    assert in_virtual_time(main()) == [200, 503, 503, 200]


def test_chance_follows_the_seed() -> None:
    """The same seed hits the same requests, another seed others; about a fifth of them."""

    def hits(seed: int) -> list[int]:
        faults = Faults(
            [{"name": "f", "kind": "refuse", "probability": "0.2"}], clock=_Still(), rng=random.Random(seed)
        )
        return [n for n in range(500) if faults.on_request("GET", "/x")]

    assert hits(1) == hits(1) != hits(2)
    assert 70 < len(hits(1)) < 130


def test_a_fault_never_shifts_the_latencies() -> None:
    """Faults and latencies draw from generators of their own, so a control run differs in the fault alone."""

    async def main(faults: list[dict[str, Any]]) -> list[float]:
        from simulators.core.latency import Lognormal  # noqa: PLC0415 - only here

        app = hosted(faults=faults, latency=Lognormal(1, 0.5))
        times = []
        async with client(app) as http:
            for _ in range(5):
                await http.post("/add", json={"by": 1})
                times.append(asyncio.get_running_loop().time())
        return times

    unlucky = {"name": "f", "kind": "refuse", "probability": "0.5"}
    assert in_virtual_time(main([])) == in_virtual_time(main([unlucky]))


class _Still:
    def now(self) -> Any:
        return START


def test_a_period_lock_bites_in_the_books_of_its_entity() -> None:
    """Books ask; a lock of another company or outside the window does nothing, and each refusal is counted."""
    made = books(CLOUD)
    lock = {"name": "lock", "kind": "period_lock", "params": {"entity": "UK01"}, "first": 1}
    elsewhere = {"name": "other", "kind": "period_lock", "params": {"entity": "JP01"}}
    faults = Faults([lock, elsewhere], clock=_Still(), rng=random.Random(1))
    made.faults = faults
    row = TimeRow(
        external_id="T1",
        project="P1",
        posting_date=DAY,
        employee="E",
        work_date=DAY,
        role="A",
        rate_minor=1,
        minutes=1,
    )
    with pytest.raises(BooksError, match="PERIOD_CLOSED: period 2026-09 of UK01 is locked"):
        made.add_time(row)
    assert [fault.name for fault in faults.active("period_lock")] == ["other"]
    work(made, ("A", "CONSULTING", 60, 100))
    assert faults.fired == {"lock": 1, "other": 0}


def test_the_host_gives_its_faults_to_the_books() -> None:
    """A simulator with books needs no wiring of its own."""

    async def main() -> bool:
        from simulators.core.host import host  # noqa: PLC0415 - only here
        from tests.unit.sim_counter import Counter  # noqa: PLC0415 - only here

        sim = Counter()
        sim.books = books(CLOUD)  # type: ignore[attr-defined]
        app = host(sim, clock=VirtualClock(), rng=random.Random(1))
        return sim.books.faults is app.faults  # type: ignore[attr-defined]

    assert in_virtual_time(main())


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"name": "f", "kind": "explode"}, "kind 'explode' is none of refuse, throttle"),
        ({"name": "f", "kind": "refuse", "when": 1}, "'when' is none of name, kind"),
        ({"name": "f", "kind": "refuse", "from": "2026-10-01T00:00:00"}, "has no time zone"),
        ({"name": "f", "kind": "refuse", "probability": "1.5"}, "not between 0 and 1"),
        ({"name": "f", "kind": "refuse", "path": "^("}, "unterminated"),
        ({"name": "f", "kind": "hang", "params": {"seconds": "nan"}}, "is not a number of seconds"),
        ({"kind": "refuse"}, "fault None: 'name'"),
    ],
)
def test_a_fault_that_is_none_is_refused(fault: dict[str, Any], says: str) -> None:
    """By its name and what is wrong with it."""
    with pytest.raises(ValueError, match="fault") as caught:
        read_fault(fault)
    assert says in str(caught.value)
