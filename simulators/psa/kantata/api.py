"""The HTTP face: `/oauth/token` and `/api/v1/…`, every path with and without `.json`."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.core.clock import Clock
from simulators.core.limits import RateLimit
from simulators.psa.kantata.approvals import Action, Approvals
from simulators.psa.kantata.auth import Tokens
from simulators.psa.kantata.errors import KantataError, bad_token, not_found, system
from simulators.psa.kantata.events import events_body
from simulators.psa.kantata.listing import envelope, list_rows
from simulators.psa.kantata.records import Records
from simulators.psa.kantata.renaming import Renamed
from simulators.psa.kantata.schema import COLLECTIONS, SUBMISSIONS, Collection
from simulators.psa.kantata.state import Account, Row, text_of

BODY_MAX = 10_000_000
_NESTED = re.compile(r"(\w+)\[(\w+)\](?:\[(\w+)\])?\Z", re.ASCII)
_DECISIONS: dict[str, tuple[str, Action]] = {
    "timesheet_approvals": ("timesheet_submissions", "approve"),
    "timesheet_rejections": ("timesheet_submissions", "reject"),
    "timesheet_cancellations": ("timesheet_submissions", "cancel"),
    "expense_report_approvals": ("expense_report_submissions", "approve"),
    "expense_report_rejections": ("expense_report_submissions", "reject"),
    "expense_report_cancellations": ("expense_report_submissions", "cancel"),
}


class Kantata:
    """One simulated account."""

    vendor = "kantata"

    def __init__(self, name: str, options: Mapping[str, str], *, clock: Clock, rng: random.Random) -> None:
        self.name = name
        self._clock = clock
        self._rng = rng
        self._account = Account(clock)
        self._records = Records(self._account)
        self._approvals = Approvals(self._account)
        self.tokens = Tokens(rng, any_credentials=options.get("any_credentials", "") == "true")
        per_minute = int(options.get("rate_per_minute", 0))
        self.rate = RateLimit(per_minute, 60, clock) if per_minute else None
        self._renamed = Renamed(options.get("renamed", ""))
        self._disorderly = options.get("events", "") == "disorderly"
        self._requests = 0

    def routes(self) -> list[BaseRoute]:
        """The vendor's paths."""
        return [
            Route("/api/v1/{path:path}", self._api, methods=["GET", "POST", "PUT", "DELETE"]),
            Route("/oauth/token", self._token, methods=["POST"]),
        ]

    def state(self) -> dict[str, Any]:
        """Every record by collection, in order of id."""
        return {"system": self.name, "records": self._account.everything()}

    def rows(self, collection: str) -> Iterator[Row]:
        """A collection's rows in order of id, one at a time: for callers in process."""
        return self._account.rows_of(collection)

    def snapshot(self) -> bytes:
        """The whole account."""
        return self._account.dump()

    def restore(self, data: bytes) -> None:
        """Back to a snapshot; raises ValueError when it is none."""
        self._account.load(data)

    def reset(self) -> None:
        """An empty account without tokens."""
        self._account.clear()
        self.tokens.revoke_all()

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Vendor-shaped rows by collection, with their ids; raises ValueError for an unknown collection."""
        for name in data:
            if name not in COLLECTIONS:
                msg = f"there is no collection {name!r}; use one of {', '.join(COLLECTIONS)}"
                raise ValueError(msg)
        for name, collection in COLLECTIONS.items():
            for row in data.get(name, []):
                self._account.seed_row(collection, row)
        return {"seeded": {name: len(rows) for name, rows in data.items()}}

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """The vendor's shape of a refusal; its 429 never says when to come back."""
        del retry_after_s
        return self._respond(status, system(status, "Please try again later").body())

    # --- endpoints ----------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        raw = (await request.body())[:10_000]
        form = _body(raw, request.headers.get("content-type", ""))
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        token = self.tokens.issue(texts, request.headers.get("authorization", ""))
        if token is None:
            description = "Client authentication failed"
            return self._respond(401, {"error": "invalid_client", "error_description": description})
        return self._respond(200, {"access_token": token, "token_type": "bearer"})

    async def _api(self, request: Request) -> Response:
        try:
            if not self.tokens.is_good(request.headers.get("authorization", "")):
                raise bad_token()
            if self.rate is not None and self.rate.take() is not None:
                raise system(429, "Too many requests")
            raw = await request.body()
            if len(raw) > BODY_MAX:
                raise system(413, "The request is too large")
            query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
            parts = request.path_params["path"].removesuffix(".json").strip("/").split("/")
            body = _body(raw, request.headers.get("content-type", "")) if raw else {}
            return self._dispatch(request.method, parts, query, self._renamed.inward(body))
        except KantataError as error:
            return self._respond(error.status, error.body())

    def _dispatch(
        self, method: str, parts: list[str], query: Mapping[str, str], body: dict[str, Any]
    ) -> Response:
        name = parts[0]
        if name == "subscribed_events" and method == "GET" and len(parts) == 1:
            rng = self._rng if self._disorderly else None
            return self._respond(200, events_body(self._account, query, self._clock.now(), rng))
        if name in _DECISIONS and method == "POST" and len(parts) == 1:
            return self._decide_many(*_DECISIONS[name], body)
        collection = COLLECTIONS.get(name)
        if collection is None or len(parts) > 3:
            raise not_found()
        if name == "external_references" and parts[1:] == ["create_or_update"] and method in ("POST", "PUT"):
            return self._rows(collection, [self._records.refer(body.get(collection.singular))], query)
        if len(parts) == 3:
            return self._decide(collection, parts[1], parts[2], method, body, query)
        if len(parts) == 2:
            return self._one(collection, parts[1], method, body, query)
        if method == "GET":
            rows, *window = list_rows(self._account, collection, query)
            count, page, size = window
            content = envelope(
                self._account, collection, rows, include=query.get("include", ""), window=(count, page, size)
            )
            return self._respond(200, content)
        if method != "POST":
            raise not_found()
        return self._create(collection, body, query)

    def _create(self, collection: Collection, body: dict[str, Any], query: Mapping[str, str]) -> Response:
        if collection.name in SUBMISSIONS:
            made = self._approvals.submit(collection.name, body.get(collection.singular))
            return self._rows(collection, [made], query)
        many = body.get(collection.name)
        if isinstance(many, list):
            return self._rows(collection, self._records.create_many(collection, many), query)
        return self._rows(
            collection, [self._records.create(collection, body.get(collection.singular))], query
        )

    def _one(
        self,
        collection: Collection,
        record_id: str,
        method: str,
        body: dict[str, Any],
        query: Mapping[str, str],
    ) -> Response:
        if method == "GET":
            # The default filters apply here too: a hidden record is a 404.
            narrowed = {**query, "only": record_id, "page": "1"}
            rows, *_ = list_rows(self._account, collection, narrowed)
            if not rows:
                raise not_found()
            return self._rows(collection, rows, query)
        if method == "PUT":
            row = self._records.change(collection, record_id, body.get(collection.singular))
            return self._rows(collection, [row], query)
        if method == "DELETE":
            self._records.delete(collection, record_id)
            return Response(status_code=204)
        raise not_found()

    def _decide(
        self,
        collection: Collection,
        record_id: str,
        action: str,
        method: str,
        body: dict[str, Any],
        query: Mapping[str, str],
    ) -> Response:
        if (
            collection.name not in SUBMISSIONS
            or method != "PUT"
            or action not in ("approve", "reject", "cancel")
        ):
            raise not_found()
        comment = _comment(body)
        row = self._approvals.decide(collection.name, record_id, cast("Action", action), comment)
        return self._rows(collection, [row], query)

    def _decide_many(self, name: str, action: Action, body: dict[str, Any]) -> Response:
        resolution = body.get("resolution")
        ids = resolution.get("submission_ids") if isinstance(resolution, dict) else None
        rows = self._approvals.decide_many(name, ids, action, _comment(body))
        now = text_of(self._account.now_s())
        made = [
            {
                "id": f"{row['id']}",
                "type": {"approve": "approval", "reject": "rejection", "cancel": "cancellation"}[action],
                "target_type": COLLECTIONS[name].subject,
                "target_id": row["id"],
                "description": _comment(body),
                "current": True,
                "created_at": now,
                "updated_at": now,
            }
            for row in rows
        ]
        results = [{"key": "resolutions", "id": row["id"]} for row in made]
        meta = {"count": len(made), "page_count": 1, "page_number": 1, "page_size": 20}
        resolutions = {row["id"]: row for row in made}
        return self._respond(
            200, {"count": len(made), "meta": meta, "results": results, "resolutions": resolutions}
        )

    def _rows(self, collection: Collection, rows: list[Row], query: Mapping[str, str]) -> Response:
        return self._respond(200, envelope(self._account, collection, rows, include=query.get("include", "")))

    def _respond(self, status: int, content: dict[str, Any]) -> Response:
        self._requests += 1
        content = self._renamed.outward(content)
        headers = {"x-request-id": f"{self.name}-{self._requests:08d}"}
        return Response(orjson.dumps(content), status, headers, media_type="application/json")


def _comment(body: Mapping[str, Any]) -> str:
    resolution = body.get("resolution")
    return str(resolution.get("description", ""))[:1000] if isinstance(resolution, Mapping) else ""


def _body(raw: bytes, content_type: str) -> dict[str, Any]:
    """JSON or Rails form to an object; raises KantataError 400."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        found: dict[str, Any] = {}
        for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
            nested = _NESTED.match(name)
            if nested is None:
                found[name] = value
            elif nested[3] is None:
                found.setdefault(nested[1], {})[nested[2]] = value
            else:
                found.setdefault(nested[1], {}).setdefault(nested[2], {})[nested[3]] = value
        return found
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise system(400, "There was a problem in the JSON you submitted") from None
    if not isinstance(body, dict):
        raise system(400, "The request body must be an object")
    return body
