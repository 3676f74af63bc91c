"""What a system went through, second by second: calls, refusals at its limits, places held, a rate's window.

Counted where the host admits a call and where it leaves, on the injected clock; nothing runs in between, so a
call costs two additions. Place-time is the integral of the places held: 15 places held for a second are
15,000,000 microseconds, whatever moments somebody looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulators.core.clock import stamp
from simulators.core.limits import ConcurrencyLimit, RateLimit

KEPT_S = 86_400
"""Seconds remembered, a day; older ones are forgotten, and `forgotten` says how many."""
SECOND_US = 1_000_000
TOO_MANY = 429
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Second:
    """One second's figures."""

    __slots__ = ("calls", "held_us", "peak", "refused", "window")

    def __init__(self) -> None:
        self.calls = 0
        """Calls that arrived."""
        self.refused = 0
        """Calls refused because a limit was exceeded: no place was free, or the answer was 429."""
        self.peak = 0
        """The most places held at once."""
        self.held_us = 0
        """Place-time: microseconds times places."""
        self.window = 0
        """The most calls counted in the rate limit's window."""

    def shown(self, at: int) -> dict[str, int]:
        """The row of a second, `at` in seconds since 1970."""
        return {
            "at": at, "calls": self.calls, "refused": self.refused, "peak": self.peak, "held_us": self.held_us,
            "window": self.window,
        }  # fmt: skip


class Meter:
    """The seconds of one system; only seconds in which something happened have a row."""

    def __init__(self, concurrency: ConcurrencyLimit | None = None, rate: RateLimit | None = None) -> None:
        self._concurrency, self._rate = concurrency, rate
        self._seconds: dict[int, Second] = {}
        self._held = 0
        self._at_us = 0
        self.forgotten = 0

    def clear(self) -> None:
        """Forget the past; calls under way go on holding their places."""
        self._seconds = {}
        self.forgotten = 0

    def arrived(self, now: datetime, *, admitted: bool) -> None:
        """A call came; `admitted`: it holds a place until it leaves."""
        second = self._until(now)
        second.calls += 1
        if admitted:
            self._held += 1
            second.peak = max(second.peak, self._held)

    def left(self, now: datetime, *, admitted: bool, status: int) -> None:
        """A call was answered with `status` (0: not at all)."""
        second = self._until(now)
        if admitted:
            self._held -= 1
        if not admitted or status == TOO_MANY:
            second.refused += 1
        if self._rate is not None:
            second.window = max(second.window, self._rate.counted)

    def seconds(self, now: datetime, since: int = 0) -> list[dict[str, int]]:
        """Rows from `since` (seconds since 1970) to the present, oldest first; the last one may still grow."""
        if self._held:
            self._until(now)
        return [second.shown(at) for at, second in self._seconds.items() if at >= since]

    def data(self, now: datetime, since: int = 0) -> Mapping[str, Any]:
        """What the back door shows."""
        return {
            "now": stamp(now),
            "limits": {
                "concurrency": None if self._concurrency is None else self._concurrency.limit,
                "rate": None
                if self._rate is None
                else {"count": self._rate.count, "per_s": self._rate.span.seconds},
            },
            "held": self._held,
            "forgotten": self.forgotten,
            "seconds": self.seconds(now, since),
        }

    def _until(self, now: datetime) -> Second:
        """Books the place-time up to `now`; gives its second. A clock set back stands still for us."""
        past = now - _EPOCH
        now_us = (past.days * 86_400 + past.seconds) * SECOND_US + past.microseconds
        at_us = self._at_us
        now_us = max(now_us, at_us)
        if self._held and at_us:
            # What nobody looked at for over a day is not remembered anyhow.
            at_us = max(at_us, now_us - KEPT_S * SECOND_US)
            while at_us < now_us:
                upto = min(now_us, (at_us // SECOND_US + 1) * SECOND_US)
                second = self._row(at_us // SECOND_US)
                second.held_us += (upto - at_us) * self._held
                second.peak = max(second.peak, self._held)
                at_us = upto
        self._at_us = now_us
        return self._row(now_us // SECOND_US)

    def _row(self, at: int) -> Second:
        second = self._seconds.get(at)
        if second is None:
            second = self._seconds[at] = Second()
            if len(self._seconds) > KEPT_S:
                del self._seconds[next(iter(self._seconds))]
                self.forgotten += 1
        return second
