"""The ASGI app around a simulator: request journal, limits, latency, faults, and the back door.

The order of a request: read its body, journal it, hold a place of the vendor's concurrency limit, wait
out the latency, let at most one fault act, run the simulator's routes. In a rehearsal this runs on
virtual time, so nothing here may wait but by `asyncio.sleep`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Router
from starlette.types import Message, Receive, Scope, Send

from simulators.core.backdoor import back_door
from simulators.core.clock import Clock
from simulators.core.faults import Fault, Faults
from simulators.core.latency import Latency
from simulators.core.limits import ConcurrencyLimit, RateLimit
from simulators.core.meter import Meter
from simulators.core.requests import BODY_KEPT, Received, RequestJournal

MAX_BODY = 128 * 1024 * 1024
"""Bytes of a request body; NetSuite takes 104 MB, nothing here takes more."""
HANG_S = 3600
"""A hang without a length outlasts every client's patience."""
DROP = "simulators.drop"
"""ASGI extension by which `serve` lets the host cut a real connection: an async callable."""
GONE = "simulators.gone"
"""ASGI extension: an async callable that returns when the client of a real connection has gone."""


class Simulator(Protocol):
    """One vendor's system.

    Optional: `books` (gets the faults), `concurrency` (held around each request), `rate` (shown by the meter).
    """

    name: str
    vendor: str

    def routes(self) -> list[BaseRoute]:
        """The vendor's HTTP interface."""
        ...

    def state(self) -> Mapping[str, Any]:
        """What the system holds, JSON-able and in a fixed order; ERPs: documents, trial_balance."""
        ...

    def snapshot(self) -> bytes:
        """Everything it remembers."""
        ...

    def restore(self, data: bytes) -> None:
        """Become what a snapshot was; raises ValueError when it is none."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take vendor-shaped rows and answer with what became of them; raises ValueError or KeyError."""
        ...

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """The vendor's body for a 429 or 5xx it did not act upon."""
        ...


class Hosted:
    """A simulator as an ASGI app. `sim`, `requests`, `meter`, `faults`, `crashes` are for callers in process."""

    def __init__(
        self,
        sim: Simulator,
        *,
        clock: Clock,
        rng: random.Random,
        latency: Latency | None = None,
        faults: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.sim = sim
        self.clock = clock
        self.latency = latency
        # Separate generators: switching a fault on must not shift the latencies, nor the reverse.
        self._latency_rng = random.Random(rng.getrandbits(64))  # noqa: S311 - seeded on purpose
        self._faults = Faults(faults, clock=clock, rng=random.Random(rng.getrandbits(64)))  # noqa: S311
        self.requests = RequestJournal()
        self.crashes: list[str] = []
        """What simulator code raised by mistake, as text; a rehearsal must find it empty."""
        self.in_flight = 0
        self._router = Router(routes=sim.routes())
        books = getattr(sim, "books", None)
        if books is not None:
            books.faults = self._faults
        limit = getattr(sim, "concurrency", None)
        self._limit = limit if isinstance(limit, ConcurrencyLimit) else None
        rate = getattr(sim, "rate", None)
        self.meter = Meter(self._limit, rate if isinstance(rate, RateLimit) else None)

    @property
    def faults(self) -> Faults:
        """The faults; assign a list of mappings to replace them."""
        return self._faults

    @faults.setter
    def faults(self, faults: Iterable[Mapping[str, Any]]) -> None:
        self._faults.set(faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request, or the server's lifespan."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        assert scope["type"] == "http", "simulators speak HTTP only"
        body = await _read_body(receive)
        if body is None:
            await PlainTextResponse("the request body is too large\n", 413)(scope, receive, send)
            return
        if scope["path"].startswith("/_sim/"):
            await back_door(self, scope["method"], scope["path"], scope["query_string"], body)(
                scope, receive, send
            )
            return
        call = _Call(scope, receive, send, body, self._journalled(scope, body))
        admitted = self._limit is None or self._limit.enter()
        self.meter.arrived(call.entry.at, admitted=admitted)
        self.in_flight += 1
        try:
            await self._answer(call, admitted=admitted)
        finally:
            self.in_flight -= 1
            self.meter.left(self.clock.now(), admitted=admitted, status=call.entry.status)
            if admitted and self._limit is not None:
                self._limit.leave()

    def _journalled(self, scope: Scope, body: bytes) -> Received:
        entry = Received(
            at=self.clock.now(),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"],
            headers=scope["headers"],
            body=body[:BODY_KEPT],
        )
        self.requests.append(entry)
        return entry

    async def _answer(self, call: _Call, *, admitted: bool) -> None:
        hit = self._faults.on_request(call.entry.method, call.entry.path)
        before = _delays(hit, "before") if hit else 0
        if self.latency is not None:
            before += self.latency.seconds(self._latency_rng, self.in_flight - 1)
        if before > 0:
            await asyncio.sleep(before)
        if not admitted:
            await call.respond(self.sim.refusal(429, None))
        elif not hit:
            await self._run(call.scope, call.replay(), call.noting, call.entry)
        else:
            call.entry.faults = tuple(fault.name for fault in hit)
            await self._misbehave(call, hit)

    async def _misbehave(self, call: _Call, hit: list[Fault]) -> None:
        fault = next((fault for fault in hit if fault.kind != "delay"), None)
        kind = fault.kind if fault is not None else "delay"
        params = fault.params if fault is not None else {}
        if kind in ("refuse", "throttle"):
            status = int(params.get("status", 429 if kind == "throttle" else 503))
            wait = params.get("retry_after_s", 1 if kind == "throttle" else None)
            await call.respond(self.sim.refusal(status, None if wait is None else int(wait)))
            return
        if kind != "hang":
            answer = await self._buffered(call)
            if kind == "answer_twice":
                second = await self._buffered(call)
                answer = second if params.get("answer") == "second" else answer
        if kind in ("hang", "drop_answer"):
            seconds = fault.seconds(HANG_S) if fault is not None else HANG_S
            if not await _hung_up(call.scope.get("extensions") or {}, kind, seconds):
                await call.respond(self.sim.refusal(504, None))
            return
        after = _delays(hit, "after")
        if after > 0:
            await asyncio.sleep(after)
        for message in spoilt(answer, kind, params):
            await call.noting(message)

    async def _buffered(self, call: _Call) -> list[Message]:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        # A fresh scope: routing writes into it, and the request may run twice.
        await self._run(dict(call.scope), call.replay(), keep, call.entry)
        return messages

    async def _run(self, scope: Scope, receive: Receive, send: Send, entry: Received) -> None:
        try:
            await self._router(scope, receive, send)
        except Exception as error:
            # Our own bug. The caller gets the vendor's 500, and callers in process find it in `crashes`.
            self.crashes.append(f"{entry.method} {entry.path}: {error!r}")
            if not entry.status:
                await self.sim.refusal(500, None)(scope, receive, send)
            raise


def host(
    sim: Simulator,
    *,
    clock: Clock,
    rng: random.Random,
    latency: Latency | None = None,
    faults: Iterable[Mapping[str, Any]] = (),
) -> Hosted:
    """An ASGI app of a simulator; raises ValueError for a fault that is none."""
    return Hosted(sim, clock=clock, rng=rng, latency=latency, faults=faults)


class _Call:
    """One request under way."""

    __slots__ = ("_receive", "_send", "body", "entry", "scope")

    def __init__(self, scope: Scope, receive: Receive, send: Send, body: bytes, entry: Received) -> None:
        self.scope, self.body, self.entry = scope, body, entry
        self._receive, self._send = receive, send

    async def noting(self, message: Message) -> None:
        """Send, and journal the status."""
        if message["type"] == "http.response.start":
            self.entry.status = message["status"]
        await self._send(message)

    async def respond(self, response: Response) -> None:
        """Send a ready response."""
        await response(self.scope, self._receive, self.noting)

    def replay(self) -> Receive:
        """A receive that gives the body once more, then what the server has to say."""
        unread = True

        async def replay() -> Message:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": self.body, "more_body": False}
            return await self._receive()

        return replay


async def _hung_up(extensions: Mapping[str, Any], kind: str, seconds: float) -> bool:
    """Keep the client waiting; whether its real connection is gone by then. In process there is none."""
    if kind == "drop_answer" and DROP in extensions:
        await extensions[DROP]()
        return True
    if GONE in extensions:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await extensions[GONE]()
                return True
        return False
    await asyncio.sleep(seconds)
    return False


def _delays(hit: list[Fault], when: str) -> float:
    return sum(
        fault.seconds(1)
        for fault in hit
        if fault.kind == "delay" and fault.params.get("when", "before") == when
    )


def spoilt(answer: list[Message], kind: str, params: Mapping[str, Any]) -> list[Message]:
    """The answer as a fault leaves it; one without a body loses its headers, having nothing else to lose."""
    if kind not in ("malformed", "truncated"):
        return answer
    start, whole = answer[0], b"".join(message.get("body", b"") for message in answer[1:])
    if kind == "malformed":
        body = str(params.get("body", '<html>{"unexpected": end of')).encode()
        status = int(params.get("status", 200))
    else:
        body, status = whole[: len(whole) // 2], int(start["status"])
    headers = [(name, value) for name, value in start["headers"] if name.lower() == b"content-type" and whole]
    return [
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        },
        {"type": "http.response.body", "body": body},
    ]


async def _read_body(receive: Receive) -> bytes | None:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
    return b"".join(parts)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await send({"type": "lifespan.shutdown.complete"})
            return
