"""What may be asked of a system at once: concurrency and calls a minute, adapting to its answers.

A call takes a grant and gives it back with what it learnt. A 429 halves the concurrency and stops
everything for the Retry-After; successes win it back one call a round. `LocalBudget` is for one
process; `SharedBudget` (shared_budget.py) keeps the same rules in the journal's database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from router.clock import Clock
from router.delivery.decisions import after_success, after_throttle, bounded, bucket
from router.delivery.policy import DeliveryPolicy
from router.landscape import Budget as Limits
from router.model import SystemId

AtLimit = Callable[[SystemId, str, datetime, datetime], None]
"""Told of each time a target stood at a limit: which (`concurrency`, `per_minute`, `throttled`), from, until."""
GRAIN_S = 0.001
"""The shortest wait: below it, the clock's microseconds and the loop's floats may disagree for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Leave to make one call; `era` tells throttles of one storm apart from the next."""

    target: SystemId
    cost: int
    era: int
    grant_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetStatus:
    """How a budget stands, for the console."""

    in_flight: int
    concurrency: int
    ceiling: int
    per_minute: int | None
    paused_until: datetime | None
    throttled: int
    """429s seen so far."""


class Budget(Protocol):
    """Shared by everybody who calls the targets it knows."""

    async def take(self, target: SystemId, cost: int = 1) -> Grant:
        """Wait, first come first served, until `cost` calls may be made."""
        ...

    async def done(
        self, grant: Grant, *, throttled: bool = False, after_s: float | None = None, used: bool = True
    ) -> None:
        """Give a grant back; `used=False` when nothing was called after all."""
        ...

    async def status(self, target: SystemId) -> BudgetStatus:
        """How the target's budget stands."""
        ...


@dataclass(slots=True, kw_only=True)
class Pace:
    """The numbers of one target; the rules both budgets share. `at` is when `tokens` was true."""

    ceiling: int
    per_minute: int | None
    limit: float
    tokens: float
    at: datetime
    paused_until: datetime
    era: int = 0
    streak: int = 0
    """429s in a row, for the pause when the vendor names none."""
    throttled: int = 0

    @classmethod
    def of(cls, limits: Limits, now: datetime) -> Pace:
        """A full budget."""
        burst = bucket(limits.per_minute)[0] if limits.per_minute else 0.0
        return cls(
            ceiling=limits.concurrency, per_minute=limits.per_minute, limit=float(limits.concurrency),
            tokens=burst, at=now, paused_until=now,
        )  # fmt: skip

    def wait_s(self, now: datetime, cost: int) -> float:
        """Seconds until the pause is over and the bucket holds `cost`; 0: go. Concurrency aside."""
        wait = max(0.0, (self.paused_until - now).total_seconds())
        if self.per_minute:
            burst, refill = bucket(self.per_minute)
            self.tokens = min(burst, self.tokens + max(0.0, (now - self.at).total_seconds()) * refill)
            self.at = now
            # A call that costs more than the bucket holds goes when it is full, and leaves a debt.
            short = min(float(cost), burst) - self.tokens
            if short > 1e-6:
                wait = max(wait, short / refill)
        return max(wait, GRAIN_S) if wait > 0.0 else 0.0

    def spend(self, cost: int) -> None:
        """Take the tokens of a call."""
        if self.per_minute:
            self.tokens -= cost

    def learn(
        self, grant: Grant, now: datetime, policy: DeliveryPolicy, *,
        throttled: bool, after_s: float | None, used: bool,
    ) -> None:  # fmt: skip
        """Adapt to how a call went."""
        if not used:
            if self.per_minute:
                self.tokens += grant.cost
            return
        if not throttled:
            self.streak = 0
            self.limit = after_success(self.limit, self.ceiling)
            return
        self.throttled += 1
        if grant.era == self.era:
            # Only the first 429 of a storm halves: the others were sent before anybody knew.
            self.era += 1
            self.limit = after_throttle(self.limit)
            self.streak += 1
        pause = bounded(after_s, policy) or min(
            policy.throttle_max_s, policy.throttle_first_s * 2.0 ** min(max(self.streak, 1) - 1, 30)
        )
        self.paused_until = max(self.paused_until, now + timedelta(seconds=pause))


@dataclass(slots=True)
class _Local:
    pace: Pace
    in_flight: int = 0
    full_since: datetime | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)


class LocalBudget:
    """Budgets of the targets of one process, on the injected clock."""

    def __init__(
        self, limits: Mapping[SystemId, Limits], *, clock: Clock, policy: DeliveryPolicy | None = None,
        at_limit: AtLimit | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._at_limit = at_limit
        self._policy = policy or DeliveryPolicy()
        self._rows = {target: _Local(Pace.of(limit, clock.now())) for target, limit in limits.items()}

    async def take(self, target: SystemId, cost: int = 1) -> Grant:
        """Wait, first come first served, until `cost` calls may be made."""
        row = self._rows[target]
        pace = row.pace
        async with row.turn:
            while True:
                if row.in_flight >= int(pace.limit):
                    row.freed.clear()
                    await row.freed.wait()
                    continue
                now = self._clock.now()
                wait = pace.wait_s(now, cost)
                if wait == 0.0:
                    break
                await asyncio.sleep(wait)
                if self._at_limit is not None:
                    reason = "throttled" if pace.paused_until > now else "per_minute"
                    self._at_limit(target, reason, now, self._clock.now())
            row.in_flight += 1
            if row.in_flight >= int(pace.limit) and row.full_since is None:
                row.full_since = now
            pace.spend(cost)
            return Grant(target=target, cost=cost, era=pace.era)

    async def done(
        self, grant: Grant, *, throttled: bool = False, after_s: float | None = None, used: bool = True
    ) -> None:
        """Give a grant back; `used=False` when nothing was called after all."""
        row = self._rows[grant.target]
        assert row.in_flight > 0, f"{grant.target}: a grant was given back twice"
        row.in_flight -= 1
        if row.full_since is not None:
            now, since, row.full_since = self._clock.now(), row.full_since, None
            if self._at_limit is not None and now > since:
                self._at_limit(grant.target, "concurrency", since, now)
        row.pace.learn(
            grant, self._clock.now(), self._policy, throttled=throttled, after_s=after_s, used=used
        )
        row.freed.set()

    async def status(self, target: SystemId) -> BudgetStatus:
        """How the target's budget stands."""
        row = self._rows[target]
        return status_of(row.pace, row.in_flight, self._clock.now())


def status_of(pace: Pace, in_flight: int, now: datetime) -> BudgetStatus:
    """A pace as the console shows it."""
    return BudgetStatus(
        in_flight=in_flight, concurrency=int(pace.limit), ceiling=pace.ceiling,
        per_minute=pace.per_minute, throttled=pace.throttled,
        paused_until=pace.paused_until if pace.paused_until > now else None,
    )  # fmt: skip
