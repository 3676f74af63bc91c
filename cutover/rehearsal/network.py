"""HTTP inside a rehearsal: calls go straight into a simulator's ASGI app, but as over a network.

A real server goes on working when its client has given up or died; an in-process call would be
cancelled with it. So every request runs as a task of its own, and a client that leaves only stops
listening: that is what makes "it acted, but nobody heard the answer" possible here too.

Connectors get an `httpx.AsyncClient` and notice no difference. Half of the time httpx needs for a call
goes into what no connector uses (cookies, redirects, login flows, proxies); `InProcessClient` leaves
that out, which the price of tens of thousands of calls a rehearsal makes worth its forty lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx
from starlette.types import ASGIApp, Message

from router.model import SystemId

_address = lru_cache(maxsize=2048)(httpx.URL)
"""Addresses are asked for again and again, and parsing one costs as much as the rest of a request."""


class Served:
    """An ASGI app whose requests outlive the caller."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[asyncio.Task[None]] = set()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Run one request to its end, whatever becomes of the caller; an app that raised answers 500."""
        exchange = _Exchange(request)
        task = asyncio.create_task(exchange.run(self._app))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.shield(task)
        return exchange.response()


async def asked(
    app: ASGIApp, method: str, url: str, *, content: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    """One request answered in the caller's own task, which ends with it; raises what the app raised."""
    exchange = _Exchange(httpx.Request(method, _address(url), content=content, headers=headers))
    await exchange.run(app, hides=False)
    response = exchange.response()
    await response.aread()
    return response


class _Exchange:
    """One request and what the app made of it."""

    __slots__ = ("_body", "_headers", "_parts", "_request", "_status", "_whole")

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._body: bytes | None = request.content
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._whole = asyncio.Event()

    async def run(self, app: ASGIApp, *, hides: bool = True) -> None:
        """Have the app answer; an error of the app becomes a 500, unless nothing is hidden: then it is raised."""
        request, url = self._request, self._request.url
        raw_path, _, query = url.raw_path.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": raw_path,
            "query_string": query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 123),
            "root_path": "",
        }
        try:
            await app(scope, self._receive, self._send)
        except Exception:  # a server answers 500 and lives on; the simulator's host noted the bug
            if not hides:
                raise
            self._status = self._status or 500
            self._whole.set()
        assert self._whole.is_set(), f"{request.method} {url} was left without an answer"

    def response(self) -> httpx.Response:
        return httpx.Response(
            self._status,
            headers=self._headers,
            stream=httpx.ByteStream(b"".join(self._parts)),
            request=self._request,
        )

    async def _receive(self) -> Message:
        if self._body is None:
            await self._whole.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._whole.set()


class InProcessClient(httpx.AsyncClient):
    """Calls one app: keeps no cookies, follows no redirect, logs nobody in; deadlines are the caller's."""

    def __init__(self, served: Served) -> None:
        # The transport is never called; without one httpx would load the machine's certificates.
        super().__init__(transport=httpx.MockTransport(_unused), trust_env=False, timeout=None)
        self._served = served

    def build_request(self, method: str, url: httpx.URL | str, **given: Any) -> httpx.Request:
        """A request to an absolute address, with the given headers and those its body needs."""
        given.pop("timeout", None)
        return httpx.Request(method, _address(url) if isinstance(url, str) else url, **given)

    async def send(self, request: httpx.Request, *, stream: bool = False, **_: Any) -> httpx.Response:
        """The app's answer; read already unless it is to be streamed."""
        response = await self._served.answer(request)
        if not stream:
            await response.aread()
        return response


def _unused(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} is called in process")


class Network:
    """Which app answers at which system's address."""

    def __init__(self, apps: Mapping[SystemId, ASGIApp]) -> None:
        self._apps = {name: Served(app) for name, app in apps.items()}

    def client(self, system: SystemId) -> httpx.AsyncClient:
        """A client that reaches one system; no redirects are followed, no proxy is read."""
        return InProcessClient(self._apps[system])
