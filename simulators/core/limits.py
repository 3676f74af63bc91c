"""Limits a vendor sets on its callers: calls at once, and calls in a span of time.

A simulator with an attribute `concurrency: ConcurrencyLimit` has it held by the host from a request's
arrival to its answer, latency included. Held only inside a route it would never bite in a
rehearsal, where a route runs without waiting.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from types import TracebackType

from simulators.core.clock import Clock


class ConcurrencyLimit:
    """At most `limit` requests at once: `with limit.place() as admitted: …`."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self.refused = 0

    def enter(self) -> bool:
        """Take a place; False (and nothing taken) when all are held."""
        if self.held >= self.limit:
            self.refused += 1
            return False
        self.held += 1
        return True

    def leave(self) -> None:
        """Give a place back."""
        assert self.held > 0
        self.held -= 1

    def place(self) -> _Place:
        """A place as a context manager of its own, so that waiting holders don't mix."""
        return _Place(self)


class _Place:
    def __init__(self, limit: ConcurrencyLimit) -> None:
        self._limit = limit
        self._admitted = False

    def __enter__(self) -> bool:
        self._admitted = self._limit.enter()
        return self._admitted

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._admitted:
            self._limit.leave()


class RateLimit:
    """At most `count` requests in any `per_s` seconds (sliding window) of the injected clock."""

    def __init__(self, count: int, per_s: int, clock: Clock) -> None:
        self.count = count
        self.span = timedelta(seconds=per_s)
        self.refused = 0
        self._clock = clock
        self._taken: deque[datetime] = deque()

    def take(self) -> int | None:
        """None when admitted, else whole seconds until the next may come (at least 1)."""
        now = self._clock.now()
        while self._taken and self._taken[0] <= now - self.span:
            self._taken.popleft()
        if len(self._taken) < self.count:
            self._taken.append(now)
            return None
        self.refused += 1
        wait = self._taken[0] + self.span - now
        return max(1, -(-wait // timedelta(seconds=1)))

    @property
    def counted(self) -> int:
        """Requests in the window when one was last asked for."""
        return len(self._taken)

    @property
    def left(self) -> int:
        """Requests still admitted at this instant."""
        floor = self._clock.now() - self.span
        return self.count - sum(1 for at in self._taken if at > floor)
