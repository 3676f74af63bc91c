"""Starts requests when the schedule says, whatever the gateway does.

One greenlet sleeps until the next intended start and starts the request in a greenlet of its own. A greenlet whose
request was just answered takes over a start that is due, so that a thousand answers at once (a server that was
frozen and goes on) can't keep a start waiting behind them.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import gevent
from gevent.event import Event
from gevent.pool import Group

from loadtests.generator.clock import RunClock
from loadtests.generator.preparing import Preparation, Prepared
from loadtests.generator.share import Start
from loadtests.generator.wire import Connections, Raw
from loadtests.ledger.rows import DROPPED, NO_ANSWER

BURST = 32
"""Starts in a row before the loop gets its turn."""


class Answered(NamedTuple):
    """A start that is over."""

    start: Start
    started_us: int
    ended_us: int
    raw: Raw


class Dispatcher:
    """Plays one share; what is over is put into `over`, in the order of its end."""

    def __init__(
        self, preparation: Preparation, connections: Connections, clock: RunClock, *, most_under_way: int
    ) -> None:
        self._preparation = preparation
        self._connections = connections
        self._clock = clock
        self._most_under_way = most_under_way
        self._under_way = Group()
        self._stopped = Event()
        self.over: deque[Answered] = deque()
        self.finished = False
        """Every start of the share is over."""

    def play(self) -> None:
        """Start everything, each at its moment, and wait until all are answered or timed out."""
        in_a_row = 0
        while (due_us := self._preparation.next_us) is not None and not self._stopped.is_set():
            wait_us = due_us - self._clock.now_us()
            if wait_us > 0:
                self._stopped.wait(wait_us / 1e6)
                in_a_row = 0
                continue
            prepared = self._preparation.take()
            if prepared is None:
                gevent.sleep(0.001)
                continue
            self._begin(prepared)
            in_a_row += 1
            if in_a_row % BURST == 0:
                gevent.sleep(0)
        self._under_way.join()
        self.finished = True

    def stop(self) -> None:
        """Start nothing more, and break off what is under way: each of it has no answer."""
        self._stopped.set()
        self._under_way.kill(block=False)

    def _begin(self, prepared: Prepared) -> None:
        if len(self._under_way) >= self._most_under_way:
            now = self._clock.now_us()
            why = f"{self._most_under_way} requests were under way already"
            self.over.append(Answered(prepared.start, now, now, Raw(DROPPED, b"", why)))
            return
        self._under_way.spawn(self._send, prepared)

    def _send(self, prepared: Prepared | None) -> None:
        while prepared is not None:
            raw = Raw(NO_ANSWER, b"", "the generator was stopped before there was an answer")
            started_us = self._clock.now_us()
            try:
                raw = self._connections.exchange(prepared.data)
            finally:
                self.over.append(Answered(prepared.start, started_us, self._clock.now_us(), raw))
            prepared = None if self._stopped.is_set() else self._due()

    def _due(self) -> Prepared | None:
        """A start that is due by now."""
        next_us = self._preparation.next_us
        return self._preparation.take() if next_us is not None and next_us <= self._clock.now_us() else None
