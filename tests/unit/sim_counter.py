"""The smallest simulator: it counts what it is sent."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.core.host import Hosted, host
from simulators.core.latency import Latency
from simulators.core.limits import ConcurrencyLimit
from tests.unit.sim_books import VirtualClock


class Counter:
    """POST /add counts and answers with the count; PUT /bare answers 204 with a Location; GET /bug fails."""

    name = "counter"
    vendor = "counter"

    def __init__(self, limit: int | None = None) -> None:
        self.count = 0
        if limit is not None:
            self.concurrency = ConcurrencyLimit(limit)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/add", self.add, methods=["POST"]),
            Route("/bare", self.bare, methods=["PUT"]),
            Route("/bug", self.bug),
        ]

    async def add(self, request: Request) -> Response:
        self.count += (await request.json())["by"]
        return JSONResponse({"count": self.count})

    async def bare(self, request: Request) -> Response:
        self.count += 1
        return Response(status_code=204, headers={"location": f"/bare/{self.count}"})

    async def bug(self, request: Request) -> Response:
        raise RuntimeError("mistake")

    def state(self) -> Mapping[str, Any]:
        return {"count": self.count}

    def snapshot(self) -> bytes:
        return str(self.count).encode()

    def restore(self, data: bytes) -> None:
        self.count = int(data)

    def reset(self) -> None:
        self.count = 0

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        self.count = data["count"]
        return {"counted": self.count}

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
        return JSONResponse({"refused": status}, status, headers)


def hosted(
    *,
    faults: Iterable[Mapping[str, Any]] = (),
    seed: int = 1,
    latency: Latency | None = None,
    limit: int | None = None,
) -> Hosted:
    """A hosted counter on virtual time; only for use inside a running loop."""
    return host(Counter(limit), clock=VirtualClock(), rng=random.Random(seed), latency=latency, faults=faults)


def client(app: Hosted) -> httpx.AsyncClient:
    """A client that calls the app in process, as a rehearsal does."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://counter")
