"""The bodies of the next seconds, made while nothing is due, so that making one never delays a start."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import gevent

from loadtests.generator.clock import RunClock
from loadtests.generator.share import Start
from loadtests.generator.wire import Target
from loadtests.running.run import Run
from loadtests.traffic.port import Traffic

AHEAD_US = 4_000_000
"""How far ahead bodies are made."""
NEAR_US = 1_000_000
"""With less than this made, it no longer waits for the loop to be idle."""
BYTES_MAX = 128_000_000
"""Bodies kept at once."""
LARGE = 50
"""Documents from which on a body is made in a thread: it takes longer than a start may wait."""


class Prepared(NamedTuple):
    """A start with the bytes it sends."""

    start: Start
    data: bytes


class Preparation:
    """Makes the requests of a share ahead of time; `take` gives them out in order."""

    def __init__(self, run: Run, traffic: Traffic, target: Target, share: Iterator[Start]) -> None:
        self._traffic = traffic
        self._target = target
        self._share = share
        self._large = [stream.lines >= LARGE for stream in run.scenario.streams]
        self._ready: deque[Prepared] = deque()
        self._bytes = 0
        self._next: Start | None = next(share, None)
        self._making = False
        self.unprepared = 0
        """Starts whose body had to be made when it was due."""

    @property
    def next_us(self) -> int | None:
        """When the next start is due; None: there is none."""
        if self._ready:
            return self._ready[0].start.at_us
        return None if self._next is None else self._next.at_us

    def take(self) -> Prepared | None:
        """The next start, made on the spot if it was not yet; None when it is being made in a thread."""
        if self._ready:
            prepared = self._ready.popleft()
            self._bytes -= len(prepared.data)
            return prepared
        if self._making or self._next is None:
            return None
        self.unprepared += 1
        start, self._next = self._next, next(self._share, None)
        return Prepared(start, self._made(start))

    def ahead(self, until_us: int) -> bool:
        """Whether everything up to a moment is made, or as much as may be kept."""
        return self._next is None or self._next.at_us > until_us or self._bytes > BYTES_MAX

    def make(self) -> None:
        """Make one more; a large one in a thread, while the loop goes on."""
        start = self._next
        if start is None:
            return
        self._making = True
        try:
            if self._large[start.arrival.stream]:
                data = gevent.get_hub().threadpool.apply(self._made, (start,))
            else:
                data = self._made(start)
            self._ready.append(Prepared(start, data))
            self._bytes += len(data)
            self._next = next(self._share, None)
        finally:
            self._making = False

    def go_on(self, clock: RunClock) -> None:
        """Keep ahead of the clock until the share is made."""
        while self._next is not None:
            now = clock.now_us()
            if self.ahead(now + AHEAD_US):
                gevent.sleep(0.05)
            elif self.ahead(now + NEAR_US):
                gevent.idle()
                self.make()
            else:
                gevent.sleep(0)
                self.make()

    def _made(self, start: Start) -> bytes:
        return self._target.bytes_of(self._traffic.request(start.arrival))
