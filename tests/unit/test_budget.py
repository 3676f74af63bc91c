"""Budgets: never more than allowed, halved by a storm, won back, shared by workers, safe from crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.clock import WallClock
from router.delivery.budget import Budget, LocalBudget
from router.delivery.policy import DeliveryPolicy
from router.delivery.shared_budget import SharedBudget, metadata
from router.landscape import Budget as Limits
from router.model import SystemId

START = datetime(2026, 10, 31, 18, 0, tzinfo=UTC)
ERP = SystemId("netsuite")
POLICY = DeliveryPolicy()


async def shared(
    clock: VirtualClock, folder: Path, limits: Limits, count: int, policy: DeliveryPolicy = POLICY
) -> list[Budget]:
    found: list[Budget] = []
    for _ in range(count):
        engine = sa.create_engine(f"sqlite:///{folder / 'budget.sqlite'}")
        budget = SharedBudget(engine, {ERP: limits}, clock=clock, policy=policy)
        await budget.prepare()
        found.append(budget)
    return found


async def budgets_of(kind: str, clock: VirtualClock, folder: Path, limits: Limits) -> list[Budget]:
    """One budget as two callers see it: the same object, or two that share a database."""
    if kind == "local":
        return [LocalBudget({ERP: limits}, clock=clock, policy=POLICY)] * 2
    return await shared(clock, folder, limits, 2)


async def together(calls: Sequence[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for call in calls:
            tasks.create_task(call)


KINDS = pytest.mark.parametrize("kind", ["local", "shared"])


@KINDS
def test_concurrency_is_never_exceeded(kind: str, tmp_path: Path) -> None:
    """Many callers of two workers never have more calls out than the landscape allows, and use all of it."""
    out, most = 0, 0

    async def call(budget: Budget) -> None:
        nonlocal out, most
        grant = await budget.take(ERP)
        out += 1
        most = max(most, out)
        await asyncio.sleep(1.0)
        out -= 1
        await budget.done(grant)

    async def main(clock: VirtualClock) -> datetime:
        both = await budgets_of(kind, clock, tmp_path, Limits(concurrency=3))
        await together([call(both[at % 2]) for at in range(30)])
        assert (await both[0].status(ERP)).in_flight == 0
        return clock.now()

    end = run(main, start=START)
    assert most == 3
    assert timedelta(seconds=10) <= end - START <= timedelta(seconds=15)


@KINDS
def test_rate_is_never_exceeded(kind: str, tmp_path: Path) -> None:
    """No minute sees more calls than allowed, whoever makes them, and waiting is not wasted."""
    at: list[datetime] = []

    async def main(clock: VirtualClock) -> None:
        both = await budgets_of(kind, clock, tmp_path, Limits(concurrency=50, per_minute=30))

        async def call(budget: Budget) -> None:
            grant = await budget.take(ERP)
            at.append(clock.now())
            await budget.done(grant)

        await together([call(both[n % 2]) for n in range(75)])

    run(main, start=START)
    for first in at:
        assert sum(first <= other < first + timedelta(minutes=1) for other in at) <= 30
    assert at[-1] - at[0] < timedelta(seconds=170)


@KINDS
def test_a_storm_halves_once_pauses_and_is_won_back(kind: str, tmp_path: Path) -> None:
    """Several 429s of one storm halve once; Retry-After stops everybody; successes recover additively."""

    async def main(clock: VirtualClock) -> None:
        one, two = await budgets_of(kind, clock, tmp_path, Limits(concurrency=8))
        grants = [await one.take(ERP) for _ in range(4)] + [await two.take(ERP) for _ in range(4)]
        for grant in grants:
            await one.done(grant, throttled=True, after_s=60)
        found = await two.status(ERP)
        assert (found.concurrency, found.throttled) == (4, 8)
        grant = await two.take(ERP)
        assert clock.now() >= START + timedelta(seconds=60)
        await two.done(grant, throttled=True)
        assert (await one.status(ERP)).concurrency == 2
        rounds = 0
        while (await one.status(ERP)).concurrency < 8:
            grant = await one.take(ERP)
            await one.done(grant)
            rounds += 1
        assert 20 < rounds < 60

    run(main, start=START)


def test_pauses_without_retry_after_grow() -> None:
    """A vendor that names no time (NetSuite) is left alone for longer at each further storm."""

    async def main(clock: VirtualClock) -> list[float]:
        budget = LocalBudget({ERP: Limits(concurrency=2)}, clock=clock, policy=POLICY)
        pauses = []
        for _ in range(8):
            grant = await budget.take(ERP)
            before = clock.now()
            await budget.done(grant, throttled=True)
            grant = await budget.take(ERP)
            await budget.done(grant, used=False)
            pauses.append((clock.now() - before).total_seconds())
        return pauses

    assert run(main, start=START) == [1, 2, 4, 8, 16, 32, 60, 60]


@KINDS
def test_an_unused_grant_costs_nothing(kind: str, tmp_path: Path) -> None:
    """A caller that found nothing to send gives slot and tokens back."""

    async def main(clock: VirtualClock) -> datetime:
        budget = (await budgets_of(kind, clock, tmp_path, Limits(concurrency=1, per_minute=10)))[0]
        for _ in range(50):
            await budget.done(await budget.take(ERP), used=False)
        return clock.now()

    assert run(main, start=START) == START


def test_a_crashed_workers_grants_expire(tmp_path: Path) -> None:
    """A worker that died with calls out does not take its share of the budget with it for ever."""

    policy = DeliveryPolicy(call_limit_s=30)

    async def main(clock: VirtualClock) -> datetime:
        dead, living = await shared(clock, tmp_path, Limits(concurrency=2), 2, policy)
        await dead.take(ERP)
        await dead.take(ERP)
        await living.take(ERP)
        return clock.now()

    waited = (run(main, start=START) - START).total_seconds()
    assert policy.call_limit_s < waited <= 2 * policy.call_limit_s + 2


def test_what_a_storm_taught_survives_a_restart(tmp_path: Path) -> None:
    """The shared budget is durable: a fresh worker starts at the pace the others found."""

    async def main(clock: VirtualClock) -> int:
        (one,) = await shared(clock, tmp_path, Limits(concurrency=8), 1)
        await one.done(await one.take(ERP), throttled=True, after_s=1)
        (two,) = await shared(clock, tmp_path, Limits(concurrency=8), 1)
        return (await two.status(ERP)).concurrency

    assert run(main, start=START) == 4


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=40), st.integers(1, 6))
@settings(deadline=None, max_examples=30)
def test_a_budget_never_locks_up(script: list[tuple[bool, float]], ceiling: int) -> None:
    """Whatever the answers, every call is granted in the end, and never above the ceiling."""

    async def main(clock: VirtualClock) -> int:
        budget = LocalBudget({ERP: Limits(concurrency=ceiling, per_minute=30)}, clock=clock, policy=POLICY)
        granted = 0

        async def call(throttled: bool, after_s: float) -> None:
            nonlocal granted
            grant = await budget.take(ERP)
            granted += 1
            assert (await budget.status(ERP)).in_flight <= ceiling
            await asyncio.sleep(0.3)
            await budget.done(grant, throttled=throttled, after_s=after_s)

        await together([call(*row) for row in script])
        return granted

    assert run(main, start=START) == len(script)


async def hold_some(engine: sa.Engine, start: Barrier) -> int:
    """Take as many calls as can be had at once, give none back, and say how many they were."""
    budget = SharedBudget(engine, {ERP: Limits(concurrency=5)}, clock=WallClock(), policy=POLICY)
    await budget.status(ERP)
    start.wait(timeout=10)
    held = 0
    try:
        async with asyncio.timeout(0.4):  # a busy machine grants none in less
            for _ in range(8):
                await budget.take(ERP)
                held += 1
    except TimeoutError:
        return held
    return held


def race(url: str, workers: int = 4) -> int:
    """Workers on threads of their own take from one budget at the same time; calls granted together."""
    engines = [sa.create_engine(url) for _ in range(workers)]
    with engines[0].begin() as connection:
        metadata.drop_all(connection)
    asyncio.run(SharedBudget(engines[0], {ERP: Limits(concurrency=5)}, clock=WallClock()).prepare())
    start = Barrier(workers)
    with ThreadPoolExecutor(workers) as threads:
        found = list(threads.map(lambda engine: asyncio.run(hold_some(engine, start)), engines))
    for engine in engines:
        engine.dispose()
    return sum(found)


def test_workers_at_the_same_time_do_not_get_one_slot_twice(tmp_path: Path) -> None:
    """Real concurrency: the slots of all workers together are those of the landscape (SQLite)."""
    assert all(1 <= race(f"sqlite:///{tmp_path / 'budget.sqlite'}") <= 5 for _ in range(3))


def test_workers_on_postgresql(postgres_server: str) -> None:
    """The same on PostgreSQL, where a row lock is what keeps them apart."""
    url = postgres_server.replace("postgresql://", "postgresql+psycopg://")
    assert all(1 <= race(url) <= 5 for _ in range(4))
