"""The HTTP face: token, versions, limits, and everything under `/services/data/vNN.0/`.

Every answer carries `Sforce-Limit-Info`; self-links stay relative or use the caller's own host, so
clients never leave the simulator. Only `async` endpoints: all runs on one loop.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from simulators.core.clock import Clock
from simulators.crm.salesforce.auth import ORG_ID, SESSION_S, USER_ID, OAuthError, Sessions
from simulators.crm.salesforce.composite import Composite
from simulators.crm.salesforce.errors import SalesforceError, session_expired
from simulators.crm.salesforce.objects import OBJECTS
from simulators.crm.salesforce.rest import PAGE_MAX, Answer, Call, Rest
from simulators.crm.salesforce.state import Org
from simulators.crm.salesforce.values import to_ms

VERSION_MIN = 46
VERSION_MAX = 68
BODY_MAX = 10_000_000
DAILY_REQUESTS = 100_000
"""The vendor's base quota of calls in 24 hours (Enterprise edition)."""
_VERSION = re.compile(r"v(\d{2,3})\.0\Z", re.ASCII)


class Salesforce:
    """One simulated org."""

    vendor = "salesforce"

    def __init__(self, name: str, options: Mapping[str, str], *, clock: Clock, rng: random.Random) -> None:
        self.name = name
        self._clock = clock
        self._org = Org(clock)
        self._rest = Rest(
            self._org,
            page_size=int(options.get("page_size", PAGE_MAX)),
            upsert_update_status=int(options.get("upsert_update_status", 200)),
        )
        self._composite = Composite(self._org, self._rest)
        self.sessions = Sessions(
            clock=clock,
            rng=rng,
            session_s=int(options.get("session_s", SESSION_S)),
            any_credentials=options.get("any_credentials", "") == "true",
        )
        self._quota = int(options.get("daily_requests", DAILY_REQUESTS))
        self._used: dict[int, int] = {}

    def routes(self) -> list[BaseRoute]:
        """The vendor's paths."""
        return [
            Route(
                "/services/data/{version}/{path:path}", self._data, methods=["GET", "POST", "PATCH", "DELETE"]
            ),
            Route("/services/oauth2/token", self._token, methods=["POST"]),
            Route("/services/data", self._versions, methods=["GET"]),
            Route("/services/data/", self._versions, methods=["GET"]),
        ]

    def state(self) -> dict[str, Any]:
        """Every record by object, in order of id."""
        return {"system": self.name, "records": self._org.everything()}

    def snapshot(self) -> bytes:
        """The whole org."""
        return self._org.dump()

    def restore(self, data: bytes) -> None:
        """Back to a snapshot."""
        self._org.load(data)

    def reset(self) -> None:
        """An empty org without sessions."""
        self._org.clear()
        self.sessions.expire_all()
        self._used.clear()

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Vendor-shaped rows by object, with their ids; raises ValueError for what the org does not have."""
        counts = {}
        with self._org.all_or_none():
            for name in (*OBJECTS, *(name for name in data if name not in OBJECTS)):
                rows = data.get(name, [])
                if name not in OBJECTS:
                    msg = f"there is no object {name!r}; use one of {', '.join(OBJECTS)}"
                    raise ValueError(msg)
                for row in rows:
                    try:
                        self._org.seed(OBJECTS[name], row)
                    except SalesforceError as error:
                        msg = f"{name} {row.get('Id', '')}: {error.code}: {error.message}"
                        raise ValueError(msg) from error
                counts[name] = len(rows)
        return {"seeded": {name: count for name, count in counts.items() if count}}

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """The vendor's shape of a refusal for injected faults."""
        code = {429: "REQUEST_LIMIT_EXCEEDED", 503: "SERVER_UNAVAILABLE"}.get(status, "UNKNOWN_EXCEPTION")
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        return JSONResponse([{"message": "try again later", "errorCode": code}], status, headers)

    # --- endpoints ----------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body())[:10_000].decode("latin-1")))
        try:
            token = self.sessions.issue(form, request.headers.get("authorization", ""))
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)
        base = f"{request.url.scheme}://{request.url.netloc}"
        return JSONResponse(
            {
                "access_token": token,
                "signature": "simulated",
                "scope": "api",
                "instance_url": base,
                "id": f"{base}/id/{ORG_ID}/{USER_ID}",
                "token_type": "Bearer",
                "issued_at": str(to_ms(self._clock.now())),
            }
        )

    async def _versions(self, request: Request) -> Response:
        del request
        numbers = range(VERSION_MIN, VERSION_MAX + 1)
        return JSONResponse(
            [
                {"label": f"v{number}", "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
                for number in numbers
            ]
        )

    async def _data(self, request: Request) -> Response:
        found = _VERSION.match(request.path_params["version"])
        if not found or int(found[1]) < VERSION_MIN:
            return self._respond(
                Answer(404, SalesforceError(404, "NOT_FOUND", "The requested resource does not exist").body())
            )
        if not self.sessions.is_good(request.headers.get("authorization", "")):
            return self._respond(Answer(401, session_expired().body()))
        if self._spent() >= self._quota:
            error = SalesforceError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            return self._respond(Answer(403, error.body()))
        hour = to_ms(self._clock.now()) // 3_600_000
        self._used[hour] = self._used.get(hour, 0) + 1
        body = await request.body()
        if len(body) > BODY_MAX:
            return self._respond(
                Answer(413, SalesforceError(413, "REQUEST_TOO_LARGE", "request is too large").body())
            )
        # The raw path keeps %2F inside an external id; the routed one has it decoded.
        raw = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("latin-1").split("?")[0].split("/", 4)[4]
        call = Call(
            method=request.method,
            path=path,
            base=f"/services/data/v{found[1]}.0",
            query=request.query_params,
            headers=request.headers,
            body=body,
        )
        return self._respond(self._answer(call))

    def _answer(self, call: Call) -> Answer:
        first = call.path.strip("/").split("/")[0]
        if first == "limits":
            left = max(0, self._quota - self._spent())
            return Answer(200, {"DailyApiRequests": {"Max": self._quota, "Remaining": left}})
        if first == "composite":
            return self._composite.answer(call)
        if not first:
            names = ("sobjects", "query", "queryAll", "limits", "composite")
            return Answer(200, {name: f"{call.base}/{name}" for name in names})
        with self._org.all_or_none():
            return self._rest.answer(call)

    def _spent(self) -> int:
        hour = to_ms(self._clock.now()) // 3_600_000
        for old in [key for key in self._used if key <= hour - 24]:
            del self._used[old]
        return sum(self._used.values())

    def _respond(self, answer: Answer) -> Response:
        headers = {"Sforce-Limit-Info": f"api-usage={self._spent()}/{self._quota}"}
        if answer.body is None:
            return Response(status_code=answer.status, headers=headers)
        content = orjson.dumps(answer.body)
        return Response(content, answer.status, headers, media_type="application/json;charset=UTF-8")
