"""A circuit per target and operation: stops calling what does not answer, and probes it."""

from __future__ import annotations

from datetime import datetime, timedelta

from router.clock import Clock
from router.delivery.decisions import BREAKER, Circuit, Sign
from router.delivery.policy import DeliveryPolicy

Ticket = int
"""Leave to call, valid for the period it was given in: answers to older calls say nothing new."""


class Breaker:
    """Closed, open until an instant, or half-open with one probe under way."""

    def __init__(self, *, clock: Clock, policy: DeliveryPolicy) -> None:
        self._clock = clock
        self._policy = policy
        self._period: Ticket = 0
        self._failures = 0
        self._openings = 0
        self.state = Circuit.CLOSED
        self.until: datetime | None = None
        """When open: the time of the probe."""

    @property
    def due(self) -> bool:
        """Whether a call (or the probe) may go out now."""
        if self.state is Circuit.OPEN:
            assert self.until is not None
            return self._clock.now() >= self.until
        return self.state is Circuit.CLOSED

    def ask(self) -> Ticket | None:
        """Leave to make a call, or None; the first to ask an open circuit after `until` is the probe."""
        if not self.due:
            return None
        if self.state is Circuit.OPEN:
            self._go(Sign.PROBED)
            self.until = None
        return self._period

    def record(self, ticket: Ticket, *, alive: bool) -> None:
        """What a call with that ticket showed."""
        if ticket != self._period:
            return
        if alive:
            self._failures = self._openings = 0
            self._go(Sign.ALIVE)
            return
        self._failures += 1
        closed = self.state is Circuit.CLOSED
        tripped = closed and self._failures >= self._policy.breaker_threshold
        self._go(Sign.TRIPPED if tripped else Sign.FAILED)
        if self.state is Circuit.OPEN:
            wait = min(
                self._policy.breaker_max_s, self._policy.breaker_first_s * 2.0 ** min(self._openings, 30)
            )
            self.until = self._clock.now() + timedelta(seconds=wait)
            self._openings += 1

    def _go(self, sign: Sign) -> None:
        before = self.state
        self.state = BREAKER[(before, sign)]
        if self.state is not before:
            self._period += 1
