"""The HTTP face: `/oauth/token` and `/api/workers`. Errors are `{"error": {"code", "message", "field"?}}`."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.core.clock import Clock
from simulators.core.limits import RateLimit
from simulators.hcm.worker_feed.auth import TOKEN_LASTS, Access
from simulators.hcm.worker_feed.roster import Invalid, Roster

BODY_MAX = 1_000_000
PAGE_MAX = 500
PAGE = 100


class WorkerFeed:
    """One simulated HCM."""

    vendor = "worker_feed"

    def __init__(self, name: str, options: Mapping[str, str], *, clock: Clock, rng: random.Random) -> None:
        self.name = name
        self.roster = Roster(clock)
        self.access = Access(rng, clock, any_credentials=options.get("any_credentials", "") == "true")
        per_minute = int(options.get("rate_per_minute", 0))
        self.rate = RateLimit(per_minute, 60, clock) if per_minute else None

    def routes(self) -> list[BaseRoute]:
        """The HCM's paths."""
        return [
            Route("/oauth/token", self._token, methods=["POST"]),
            Route("/api/workers", self._workers, methods=["GET", "POST"]),
            Route("/api/workers/{employee_id}", self._worker, methods=["GET", "PATCH"]),
        ]

    def state(self) -> dict[str, Any]:
        """Every worker, in order of id."""
        return {"system": self.name, "records": {"workers": list(self.roster.every())}}

    def snapshot(self) -> bytes:
        """All workers and their order of change."""
        return self.roster.dump()

    def restore(self, data: bytes) -> None:
        """Back to a snapshot; raises ValueError when it is none."""
        self.roster.load(data)

    def reset(self) -> None:
        """Nobody, and no tokens."""
        self.roster.clear()
        self.access.revoke_all()

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Workers, with version and change stamp if they have them; raises ValueError."""
        for name in data:
            if name != "workers":
                msg = f"there is no collection {name!r}; use workers"
                raise ValueError(msg)
        rows = list(data.get("workers", []))
        for row in rows:
            self.roster.seed(row)
        return {"seeded": {"workers": len(rows)}}

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """A refusal in the HCM's shape."""
        headers = {"retry-after": str(retry_after_s)} if retry_after_s is not None else {}
        return _error(status, "unavailable", "Please try again later", headers=headers)

    # --- endpoints ----------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        raw = (await request.body())[:10_000]
        token = self.access.issue(dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)))
        if token is None:
            return _json(401, {"error": "invalid_client"})
        lasts = int(TOKEN_LASTS.total_seconds())
        return _json(200, {"access_token": token, "token_type": "Bearer", "expires_in": lasts})

    async def _workers(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        try:
            if request.method == "POST":
                return _json(201, self.roster.hire(await _body(request)))
            query = dict(request.query_params)
            rows, cursor, more = self.roster.page(query.get("changed_since", ""), _limit(query))
        except Invalid as error:
            return _error(400, "invalid", error.message, field=error.field)
        return _json(200, {"workers": rows, "next": cursor, "more": more})

    async def _worker(self, request: Request) -> Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        name = request.path_params["employee_id"]
        try:
            found = self.roster.get(name)
            if found is None:
                return _error(404, "not_found", "There is no such worker")
            if request.method == "PATCH":
                found = self.roster.change(name, await _body(request))
        except Invalid as error:
            return _error(400, "invalid", error.message, field=error.field)
        return _json(200, found)

    def _refused(self, request: Request) -> Response | None:
        if not self.access.admits(request.headers):
            return _error(401, "unauthorized", "The token or key is not good")
        wait = self.rate.take() if self.rate is not None else None
        return self.refusal(429, wait) if wait is not None else None


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) <= PAGE_MAX):
        raise Invalid("limit", f"should be from 1 to {PAGE_MAX}")
    return int(text)


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if len(raw) > BODY_MAX:
        raise Invalid("body", "is too large")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Invalid("body", "is not JSON") from None
    if not isinstance(body, dict):
        raise Invalid("body", "should be an object")
    return body


def _error(
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    told = {"code": code, "message": message} | ({"field": field} if field else {})
    return _json(status, {"error": told}, headers)


def _json(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, dict(headers or {}), media_type="application/json")
