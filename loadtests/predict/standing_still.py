"""A gateway that stands still for a while in virtual time: it hears nobody, calls nobody and hears no answer.

What it had heard before, it still writes down: its own timers go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import httpx
from starlette.types import ASGIApp

from cutover.rehearsal.network import Network, Served
from loadtests.running.timeline import Freeze
from router.model import SystemId

Thaw = Callable[[], Awaitable[None]]


class Stillness:
    """When the gateway stands still, counted from the run's beginning on the loop that runs."""

    def __init__(self, freezes: Sequence[Freeze]) -> None:
        self._freezes = freezes
        self._began: float | None = None

    def begin(self) -> None:
        """This is the run's moment 0; before it nothing stands still."""
        self._began = asyncio.get_running_loop().time()

    async def over(self) -> None:
        """Return at once, or when the gateway goes on."""
        if self._began is None:
            return
        loop = asyncio.get_running_loop()
        for freeze in self._freezes:  # in order of time: the end of one may lie in the next
            if freeze.from_s <= loop.time() - self._began < freeze.until_s:
                await asyncio.sleep(self._began + freeze.until_s - loop.time())


class StandingNetwork(Network):
    """The router's way to its systems, which answer it only while it does not stand still."""

    def __init__(self, apps: Mapping[SystemId, ASGIApp], over: Thaw) -> None:
        self._apps = {name: _Standing(app, over) for name, app in apps.items()}


class _Standing(Served):
    def __init__(self, app: ASGIApp, over: Thaw) -> None:
        super().__init__(app)
        self._over = over

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """The call leaves when the gateway moves, and so does whoever waits for its answer."""
        await self._over()
        response = await super().answer(request)
        await self._over()
        return response
