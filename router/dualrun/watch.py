"""Matches intercompany twice a day by itself, so that a mismatch is an exception and no surprise at close.

Only what is in the ERPs and the journal is compared; charges that were never made are looked for when
somebody asks, or a period is closed, since that reads all of its work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import structlog

from router.clock import Clock
from router.dualrun.intercompany import IntercompanyMatch
from router.errors import CoexistError
from router.finance.calendar import Calendars

log = structlog.get_logger(__name__)
EVERY = timedelta(hours=12)
AT = timedelta(minutes=30)
"""Half past midnight and half past noon, UTC: the same instants whenever the process was started."""
BACK = timedelta(days=31)
"""The period before counts as long as its books may still be open."""


class IntercompanyWatch:
    """Looks at the period of today and the one before."""

    def __init__(
        self,
        *,
        matches: IntercompanyMatch,
        calendars: Calendars,
        entities: Sequence[str],
        clock: Clock,
    ) -> None:
        self._matches = matches
        self._calendars = calendars
        self._entities = tuple(entities)
        self._clock = clock

    async def run(self) -> None:
        """Look for ever; an ERP that can't be read is asked again the next time."""
        while True:
            now = self._clock.now()
            await asyncio.sleep((_next(now) - now).total_seconds())
            try:
                await self.look()
            except CoexistError as error:
                log.warning("intercompany_not_matched", why=error.message)

    async def look(self) -> int:
        """Match both periods; how many pairs do not. What was told and matches now is taken back."""
        today = self._clock.now().date()
        wrong = 0
        for period in self._periods(today - BACK, today):
            pairs = await self._matches.match(period, uncharged=False)
            await self._matches.store(period, pairs, uncharged=False)
            off = sum(pair.status == "mismatch" for pair in pairs)
            wrong += off
        return wrong

    def _periods(self, *days: date) -> list[str]:
        return list(
            dict.fromkeys(self._calendars.on(entity, day).name for day in days for entity in self._entities)
        )


def _next(now: datetime) -> datetime:
    """The next instant to look at."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (now - midnight - AT) // EVERY
    return midnight + AT + (passed + 1) * EVERY
