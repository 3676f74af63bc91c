"""An event loop that never waits: when nothing is ready, time jumps to the next timer (D1).

Context: all waiting in the router and the simulators is `asyncio`, and "now" is an injected clock.
Decision: replace the loop's selector by one that advances the clock instead of sleeping, so that a
weekend takes seconds and every run with one seed interleaves alike. Price: nothing inside may use a
thread or a socket, because the loop would race ahead of it; `run` refuses to start a thread pool.
Guard: tests/simulation/test_virtual_time.py.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from router.errors import Broken

T = TypeVar("T")
GARBAGE = (400_000, 20, 100)
"""Thresholds of the garbage collector: a rehearsal only ever adds rows, and looking through all of them
each time some thousand more have come took a tenth of its time. Most of what is made in between is gone
by itself before it is ever looked at; what waits is some 50 MB at most."""
TICKS_MAX = 200_000_000
"""A bound on turns of the loop: a rehearsal of a million transactions needs about a tenth."""


class _JumpingSelector(selectors.BaseSelector):
    """Selects nothing; passes waiting time on to the clock."""

    def __init__(self, advance: Callable[[float | None], None]) -> None:
        self._advance = advance
        self._real = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._advance(timeout)
        return []

    def close(self) -> None:
        self._real.close()

    def get_map(self) -> Any:
        return self._real.get_map()


class _NoThreads:
    """Refuses threads: the loop would run ahead of them."""

    def submit(self, fn: Callable[..., Any], /, *_: Any, **__: Any) -> Any:
        raise Broken(f"a rehearsal has no threads, but {fn!r} asked for one")

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - the loop calls it this way
        """There is nothing to shut down."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A selector loop whose `time()` is virtual seconds since its start."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self.jumps = 0
        super().__init__(_JumpingSelector(self._jump))
        # A resolution of a microsecond: timers closer than the clock's own grain fire together.
        self._clock_resolution = 1e-6
        self._default_executor = _NoThreads()  # the loop only ever calls its `submit` and `shutdown`

    def time(self) -> float:
        return self._now_s

    def _jump(self, timeout: float | None) -> None:
        if timeout is None:
            raise Broken("everything waits for something that will never happen: the rehearsal is stuck")
        self.jumps += 1
        if self.jumps > TICKS_MAX:
            raise Broken("the rehearsal ran longer than its bound of turns")
        self._now_s += timeout


class VirtualClock:
    """The clock of a virtual loop: `start` plus the loop's seconds, to the microsecond."""

    def __init__(self, loop: VirtualLoop, start: datetime) -> None:
        self._loop = loop
        self._start = start.astimezone(UTC)
        self._told: tuple[float, datetime] = (0.0, self._start)
        """The loop's seconds at the last question, and the answer: most questions come within one instant."""

    def now(self) -> datetime:
        seconds = self._loop.time()
        if seconds != self._told[0]:
            self._told = (seconds, self._start + timedelta(microseconds=round(seconds * 1_000_000)))
        return self._told[1]

    async def sleep_until(self, at: datetime) -> None:
        """Wait until an instant; returns at once when it has passed."""
        delay = (at - self.now()).total_seconds()
        await asyncio.sleep(max(0.0, delay))


def run(main: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, start: datetime) -> T:
    """Run a coroutine on a fresh virtual loop that starts at `start`; closes the loop after it."""
    loop = VirtualLoop()
    before = gc.get_threshold()
    gc.set_threshold(*GARBAGE)
    try:
        task = loop.create_task(main(VirtualClock(loop, start)))
        return loop.run_until_complete(task)
    finally:
        _cancel_all(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        gc.set_threshold(*before)


def _cancel_all(loop: VirtualLoop) -> None:
    pending = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    for task in pending:
        task.cancel()
    if pending:
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
