"""How much of a gateway's work is under way, and waiting until nothing is."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import httpx
from sqlalchemy import text

from cutover.reading import reading
from cutover.served.processes import answers
from loadtests.running.stand import Stand
from router.errors import Broken

POLL_S = 0.25
CALM = 3
"""Looks in a row that must find nothing: what was settled may ask for more work in the next commit."""
ANSWER_S = 10
SILENT_S = 20.0
_TOLD = "coexist_jobs"
_UNDER_WAY = re.compile(r'^coexist_jobs\{[^}]*state="(?:queued|in_flight|in_doubt)"\} (\d+)$', re.MULTILINE)


def waiting(stand: Stand) -> int:
    """Jobs not settled and, where the journal can be read, transactions held; raises Broken without an answer."""
    if stand.database is not None:
        with reading(stand.database) as connection:
            (jobs,) = connection.execute(
                text("SELECT count(*) FROM jobs WHERE state IN ('queued','in_flight','in_doubt')")
            ).one()
            (held,) = connection.execute(
                text("SELECT count(*) FROM transactions WHERE state IN ('held','parked') AND state = 'held'")
            ).one()
        return int(jobs) + int(held)
    try:
        answer = httpx.get(f"{stand.gateway}/metrics", trust_env=False, timeout=ANSWER_S)
    except httpx.TransportError as error:
        raise Broken(f"the gateway at {stand.gateway} does not tell its backlog: {error}") from error
    if answer.status_code != httpx.codes.OK:
        raise Broken(f"the gateway at {stand.gateway} does not tell its backlog: {answer.status_code}")
    if _TOLD not in answer.text:
        raise Broken(f"the gateway at {stand.gateway} does not tell its backlog: /metrics has no {_TOLD}")
    return sum(int(count) for count in _UNDER_WAY.findall(answer.text))


class Heard:
    """Awaited now and then, it raises Broken when a gateway has not answered for a while: what waits there will not move."""

    def __init__(self, gateway: str, *, every_s: float = 2, silent_s: float = SILENT_S) -> None:
        self._gateway, self._every_s, self._silent_s = gateway, every_s, silent_s
        self._asked = self._heard = time.monotonic()

    async def __call__(self) -> None:
        """Ask, if the last question was long enough ago."""
        now = time.monotonic()
        if now - self._asked < self._every_s:
            return
        self._asked = now
        if answers(self._gateway):
            self._heard = now
        elif now - self._heard > self._silent_s:
            raise Broken(f"the gateway at {self._gateway} has not answered for {self._silent_s:g} s")


async def until_drained(
    stand: Stand,
    within_s: float,
    *,
    show: Callable[[int], None] = lambda _: None,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> bool:
    """Wait until nothing is under way, at most so long; whether that was reached.

    `show` is told how much there is; `meanwhile` is awaited between looks. Raises Broken.
    """
    ends, calm = time.monotonic() + within_s, 0
    while True:
        left = waiting(stand)
        show(left)
        calm = calm + 1 if not left else 0
        if calm >= CALM:
            return True
        if time.monotonic() > ends and left:
            return False
        if meanwhile is not None:
            await meanwhile()
        await asyncio.sleep(POLL_S)
