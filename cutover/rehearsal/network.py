"""HTTP inside a rehearsal: calls go straight into a simulator's ASGI app, but as over a network.

A real server goes on working when its client has given up or died; an in-process call would be
cancelled with it. So every request runs as a task of its own, and a client that leaves only stops
listening: that is what makes "it acted, but nobody heard the answer" possible here too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from router.model import SystemId


class Served:
    """An ASGI app whose requests outlive the caller."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request to its end, whatever becomes of the caller."""
        task = asyncio.create_task(self._run(scope, receive, send))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class Network:
    """Which app answers at which system's address."""

    def __init__(self, apps: Mapping[SystemId, ASGIApp]) -> None:
        self._apps = {name: Served(app) for name, app in apps.items()}

    def client(self, system: SystemId) -> httpx.AsyncClient:
        """A client that reaches one system; no redirects are followed, no proxy is read."""
        transport = httpx.ASGITransport(app=self._apps[system], raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, follow_redirects=False, trust_env=False, timeout=None)  # noqa: S113 - connectors hold their own deadlines on the loop's clock
