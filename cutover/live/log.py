"""The log of a live run as it grows: one poller for everybody in this process who waits for a word of people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from router.journal.run_words import Row

MOST_SILENT = 30
"""Looks in a row that may fail (a database that fails over) before the run stops for its supervisor."""


class LiveLog:
    """The rows of one run, read again every `poll_s` seconds while `follow` runs."""

    def __init__(self, read: Callable[[], Awaitable[Sequence[Row]]], *, poll_s: float) -> None:
        self.rows: Sequence[Row] = ()
        self._read = read
        self._poll_s = poll_s
        self._looked = asyncio.Condition()

    async def look(self) -> Sequence[Row]:
        """Read it now."""
        self.rows = await self._read()
        async with self._looked:
            self._looked.notify_all()
        return self.rows

    async def follow(
        self, seen: Callable[[Sequence[Row]], None], *, spared: tuple[type[Exception], ...]
    ) -> None:
        """Look until cancelled, and tell `seen`; errors of `spared` are borne for a while."""
        silent = 0
        while True:
            try:
                seen(await self.look())
                silent = 0
            except spared:
                silent += 1
                if silent >= MOST_SILENT:
                    raise
            await asyncio.sleep(self._poll_s)

    async def until(self, held: Callable[[Sequence[Row]], bool]) -> None:
        """Wait until the log says so; it is read anew first."""
        if held(await self.look()):
            return
        async with self._looked:
            await self._looked.wait_for(lambda: held(self.rows))
