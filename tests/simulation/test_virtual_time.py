"""The loop jumps, keeps order, refuses threads and says when it is stuck."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cutover.rehearsal.virtual_time import VirtualClock, run
from router.errors import Broken

START = datetime(2026, 10, 29, tzinfo=UTC)


def test_an_hour_passes_at_once_and_exactly() -> None:
    """Sleeping moves the clock by exactly that much."""

    async def main(clock: VirtualClock) -> datetime:
        await asyncio.sleep(3600)
        return clock.now()

    assert run(main, start=START) == START + timedelta(hours=1)


def test_timers_fire_in_the_order_of_their_time() -> None:
    """Concurrent sleepers wake by due time, equal ones in the order they went to sleep."""

    async def main(clock: VirtualClock) -> list[str]:
        woke: list[str] = []

        async def sleeper(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            woke.append(f"{name}@{(clock.now() - START).total_seconds():g}")

        await asyncio.gather(
            *(sleeper(f"s{n}", seconds) for n, seconds in enumerate([30, 10, 20, 10, 86400]))
        )
        return woke

    assert run(main, start=START) == ["s1@10", "s3@10", "s2@20", "s0@30", "s4@86400"]


def test_time_outs_work_in_virtual_time() -> None:
    """asyncio.timeout counts virtual seconds."""

    async def main(clock: VirtualClock) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(120):
                await asyncio.sleep(10_000)
        return (clock.now() - START).total_seconds()

    assert run(main, start=START) == 120


def test_a_thread_is_refused() -> None:
    """Work handed to a thread would race with jumping time, so it is an error."""

    async def main(_: VirtualClock) -> None:
        await asyncio.to_thread(sum, [1])

    with pytest.raises(Broken, match="no threads"):
        run(main, start=START)


def test_a_rehearsal_that_waits_for_nothing_is_stuck() -> None:
    """No timer and nothing ready: said at once, not waited for."""

    async def main(_: VirtualClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Broken, match="stuck"):
        run(main, start=START)
