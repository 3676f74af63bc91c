"""The HTTP face of the account: `/services/rest/…`, dispatched on the path as received.

External ids may hold slashes, so paths are split before they are decoded. Each request authenticates,
runs the jobs that are due, and then acts; the host enforces the account's concurrency.
"""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simulators.core.books import Books
from simulators.core.clock import Clock
from simulators.core.limits import ConcurrencyLimit
from simulators.core.money import loads_exact
from simulators.core.snapshot import unpacked
from simulators.erp.netsuite.account import ROW_TYPES, Account, is_live
from simulators.erp.netsuite.auth import Credentials, Denied
from simulators.erp.netsuite.call import BASE, JSON, Call, origin
from simulators.erp.netsuite.errors import (
    SuiteTalkError,
    concurrency_exceeded,
    invalid,
    invalid_login,
    no_such,
)
from simulators.erp.netsuite.jobs import MAX_RECORDS, Job, Jobs
from simulators.erp.netsuite.listing import matcher
from simulators.erp.netsuite.readers import KNOWN
from simulators.erp.netsuite.shapes import dumps
from simulators.erp.netsuite.state import Records, record_type_of

MAX_BODY = 104 * 1024 * 1024
"""Bytes of one REST request (vendor documentation)."""
RENAMED = "field."
"""Options that begin so rename a custom field of the account: `field.custcol_practice: custcol_firm_practice`."""
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class NetSuite:
    """One account: a `Simulator` for the host."""

    vendor = "netsuite"

    def __init__(
        self, name: str, config: Mapping[str, Any], *, books: Books, clock: Clock, rng: random.Random
    ) -> None:
        options = dict(config.get("options") or {})
        self.name, self.books = name, books
        self._clock = clock
        self.credentials = Credentials(
            account=str(options.get("account", "")),
            clock=clock,
            rng=rng,
            audience=str(options.get("token_audience", "")),
        )
        strict = str(options.get("employees", "")) == "strict"
        renamed = {
            field.removeprefix(RENAMED): str(to) for field, to in options.items() if field.startswith(RENAMED)
        }
        self.records = Records(Account(books, strict_employees=strict, renamed=renamed), clock)
        self.jobs = Jobs(
            clock=clock,
            start_s=Decimal(str(options.get("job_start_s", "0.5"))),
            per_record_s=Decimal(str(options.get("job_per_record_s", "0.02"))),
        )
        self.concurrency = ConcurrencyLimit(int((config.get("budget") or {}).get("concurrency", 15)))

    # The host's side

    is_live = staticmethod(is_live)

    def routes(self) -> list[BaseRoute]:
        """Everything under `/services/rest`."""
        return [
            Route(BASE + "/auth/oauth2/v1/token", self._token, methods=["POST"]),
            Route(BASE + "/{rest:path}", self._serve, methods=_METHODS),
        ]

    def state(self) -> Mapping[str, Any]:
        """Documents (deleted ones left out), trial balance and the number of jobs."""
        self.run_jobs()
        state = dict(self.books.state())
        gone = {
            (getattr(row, "of", row.type), row.vendor_id)
            for row_types in ROW_TYPES.values()
            for row_type in row_types
            for row in self.books.rows(row_type)
            if not is_live(row)
        }
        shown = state["documents"]
        return {**state, "documents": [d for d in shown if (d["type"], d["vendor_id"]) not in gone]}

    def snapshot(self) -> bytes:
        """Books, jobs and learned credentials; nonces and access tokens are not kept."""
        data = {
            "books": base64.b64encode(self.books.snapshot()).decode(),
            "jobs": self.jobs.snapshot(),
            "credentials": self.credentials.snapshot(),
        }
        return zlib.compress(json.dumps(data).encode(), level=1)

    def restore(self, data: bytes) -> None:
        """Become what a snapshot was; raises ValueError when it is none."""
        try:
            state = json.loads(unpacked(data))
            self.books.restore(base64.b64decode(state["books"]))
            self.jobs.restore(state["jobs"])
            self.credentials.learn(state["credentials"])
        except (KeyError, TypeError) as error:
            msg = f"not a snapshot of a NetSuite account: {error}"
            raise ValueError(msg) from error
        self.records.renew()

    def reset(self) -> None:
        """An empty account with the built-in credentials."""
        self.books.reset()
        self.jobs.reset()
        self.credentials.reset()
        self.records.renew()

    def seed(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Records by type as REST bodies (upserted by externalId), `credentials`, `periods`; gives their ids.

        `periods` is `{"open" | "close": {subsidiary external id: ["2026-09", …]}}`. Raises ValueError.
        """
        made: dict[str, list[str]] = {}
        for name, rows in data.items():
            if name == "credentials":
                self.credentials.learn(rows)
            elif name == "periods":
                for entity, months in rows.get("open", {}).items():
                    for month in months:
                        self.books.open_period(entity, month)
                for entity, months in rows.get("close", {}).items():
                    for month in months:
                        self.books.close_period(entity, month)
            else:
                made[name] = [self._seeded(name, row) for row in rows]
        return made

    def _seeded(self, name: str, row: Mapping[str, Any]) -> str:
        body = loads_exact(json.dumps(row))
        try:
            record_type = record_type_of(name)
            eid = row.get("externalId")
            if eid:
                return self.records.upsert(record_type, body, f"eid:{eid}").vendor_id
            return self.records.create(record_type, body).vendor_id
        except SuiteTalkError as error:
            msg = f"{name}: {error.detail}"
            raise ValueError(msg) from error

    def refusal(self, status: int, retry_after_s: int | None) -> Response:
        """A 429 of the concurrency governance, or a 5xx, that did not act."""
        if status == 429:
            response = concurrency_exceeded().response()
        else:
            code = "UNEXPECTED_ERROR" if status != 503 else "SERVICE_UNAVAILABLE"
            response = SuiteTalkError(status, code, "An unexpected error occurred.").response()
        if retry_after_s is not None:
            response.headers["Retry-After"] = str(retry_after_s)
        return response

    def run_jobs(self) -> None:
        """Do the asynchronous work that is due."""
        self.jobs.run_due(self._execute)

    # Requests

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        token_url = f"{origin(request)}{BASE}/auth/oauth2/v1/token"
        try:
            return Response(
                dumps(self.credentials.grant(form, token_url=token_url)), media_type="application/json"
            )
        except Denied as denied:
            return Response(dumps({"error": denied.error}), denied.status, media_type="application/json")

    async def _serve(self, request: Request) -> Response:
        body = await request.body()
        raw_path = request.scope.get("raw_path") or request.scope["path"].encode()
        path = raw_path.partition(b"?")[0].decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        try:
            self._admit(request, path, query, body)
            self.run_jobs()
            call = Call(
                request, [unquote(part) for part in path.removeprefix(BASE + "/").split("/")], query, body
            )
            return await self._dispatch(call)
        except SuiteTalkError as error:
            return error.response()

    def _admit(self, request: Request, path: str, query: str, body: bytes) -> None:
        if len(body) > MAX_BODY:
            raise SuiteTalkError(413, "REQUEST_ENTITY_TOO_LARGE", "The request is larger than 104 MB.")
        self.credentials.check(
            authorization=request.headers.get("authorization", ""),
            method=request.method,
            scheme=request.url.scheme,
            host=request.headers.get("host", ""),
            raw_path=path,
            query=query,
            body=body,
        )

    def _dispatch(self, call: Call) -> Awaitable[Response]:
        service = _SERVICES.get("/".join(call.path[:2]))
        if service is None:
            raise no_such("service", "/".join(call.path[:2])[:60])
        return service(self, call)

    async def _record(self, call: Call) -> Response:
        segments = call.path[2:]
        if not segments or len(segments) > 4:
            raise no_such("resource", "/".join(segments)[:60])
        if segments[0] == "metadata-catalog":
            return _catalog(segments[1:])
        record_type = record_type_of(segments[0])
        if len(segments) == 4 and segments[2] == "!transform" and call.method == "POST":
            row = self.records.transform(record_type, segments[1], segments[3], call.json(default={}))
            return call.made("invoice", row.vendor_id)
        if len(segments) > 2:
            raise no_such("resource", "/".join(segments)[:60])
        key = segments[1] if len(segments) == 2 else ""
        if "respond-async" in call.header("prefer"):
            return self._submit(call, record_type, key)
        if call.method == "GET":
            return self._read(call, record_type, key)
        if call.method == "DELETE" and key:
            self.records.delete(record_type, key)
            return Response(status_code=204)
        return call.made(record_type, self._write(call.method, record_type, key, call.json()))

    def _write(self, method: str, record_type: str, key: str, data: Any) -> str:
        if method == "POST" and not key:
            return self.records.create(record_type, data).vendor_id
        if method == "PUT" and key:
            return self.records.upsert(record_type, data, key).vendor_id
        if method == "PATCH" and key:
            return self.records.update(record_type, data, key).vendor_id
        raise SuiteTalkError(405, "METHOD_NOT_ALLOWED", f"{method} is not allowed here.")

    def _read(self, call: Call, record_type: str, key: str) -> Response:
        if key:
            return call.answer(
                self._expanded(call, record_type, self.records.show(self.records.find(record_type, key)))
            )
        test = matcher(call.parameters.get("q", ""))
        found = [row for row in self.records.all(record_type) if test(self.records.show(row))]
        here = f"{call.origin}{BASE}/record/v1/{record_type}"
        items = [
            {"links": [{"rel": "self", "href": f"{here}/{row.vendor_id}"}], "id": row.vendor_id}
            for row in found
        ]
        return call.page(items, here)

    def _expanded(self, call: Call, record_type: str, shown: dict[str, Any]) -> dict[str, Any]:
        """Sublists stay links unless `expandSubResources=true`; `fields` keeps only what is named."""
        here = f"{call.origin}{BASE}/record/v1/{record_type}/{shown['id']}"
        if call.parameters.get("expandSubResources") != "true":
            for name, value in shown.items():
                if isinstance(value, dict) and "items" in value:
                    shown[name] = {"links": [{"rel": "self", "href": f"{here}/{name}"}]}
        wanted = call.parameters.get("fields")
        if wanted:
            shown = {name: shown[name] for name in ("id", *wanted.split(",")) if name in shown}
        return {"links": [{"rel": "self", "href": here}], **shown}

    def _submit(self, call: Call, record_type: str, key: str) -> Response:
        collection = "type=collection" in call.header("content-type").replace(" ", "")
        data = call.json()
        items = data.get("items") if collection and isinstance(data, dict) else [data]
        if not isinstance(items, list) or not 0 < len(items) <= MAX_RECORDS:
            raise invalid(f"A batch holds 1 to {MAX_RECORDS} records.", "items")
        if call.method not in ("POST", "PUT", "PATCH") or bool(key) == (collection or call.method == "POST"):
            raise SuiteTalkError(405, "METHOD_NOT_ALLOWED", f"{call.method} is not allowed here.")
        job = self.jobs.submit(
            method=call.method,
            record_type=record_type,
            items=items,
            collection=collection,
            key=call.header("x-netsuite-idempotency-key"),
            base=call.origin,
            target=key,
        )
        return Response(
            status_code=202,
            headers={"Preference-Applied": "respond-async", "Location": f"{BASE}/async/v1/job/{job.id}"},
        )

    def _execute(self, job: Job) -> list[dict[str, Any]]:
        return [self._one(job, item) for item in job.items]

    def _one(self, job: Job, item: Any) -> dict[str, Any]:
        try:
            key = job.target or (_own_key(item) if job.method != "POST" else "")
            vendor_id = self._write(job.method, job.record_type, key, item)
        except SuiteTalkError as error:
            return error.body()
        return {"status": 204, "location": f"{job.base}{BASE}/record/v1/{job.record_type}/{vendor_id}"}

    async def _query(self, call: Call) -> Response:
        if call.path[2:] != ["suiteql"] or call.method != "POST":
            raise no_such("service", "/".join(call.path)[:60])
        if "transient" not in call.header("prefer"):
            raise SuiteTalkError(
                400,
                "INVALID_HEADER",
                "The required request header 'Prefer' is missing; set it to 'transient'.",
            )
        data = call.json()
        query = data.get("q") if isinstance(data, dict) else None
        parameters = data.get("params") or [] if isinstance(data, dict) else []
        if not isinstance(query, str) or not isinstance(parameters, list):
            raise invalid('The body is {"q": "SELECT …", "params": […]}.', "q")
        return call.page(self.records.select(query, parameters), f"{call.origin}{BASE}/query/v1/suiteql")

    async def _async(self, call: Call) -> Response:
        rest = [part for part in call.path[2:] if part]
        if call.method != "GET" or len(rest) < 2 or rest[0] != "job":
            raise no_such("service", "/".join(call.path)[:60])
        return call.answer(self.jobs.view(rest[1], rest[2:], call.origin))

    async def _system(self, call: Call) -> Response:
        if call.path[2:] == ["serverTime"]:
            return call.answer({"serverTime": self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")})
        if call.path[2:] == ["governanceLimits"]:
            limit = self.concurrency.limit
            return call.answer(
                {
                    "type": "accountLimit",
                    "accountConcurrencyLimit": limit,
                    "accountUnallocatedConcurrencyLimit": limit,
                }
            )
        raise no_such("service", "/".join(call.path)[:60])


def _own_key(item: Any) -> str:
    if isinstance(item, Mapping) and item.get("id"):
        return str(item["id"])
    if isinstance(item, Mapping) and item.get("externalId"):
        return f"eid:{item['externalId']}"
    raise invalid("Each item needs an id or an externalId.", "items")


def _catalog(segments: list[str]) -> Response:
    if not segments:
        return Response(dumps({"items": [{"name": name} for name in ROW_TYPES]}), media_type=JSON)
    record_type = record_type_of(segments[0])
    properties = {name: {"title": name} for name in sorted(KNOWN[record_type])}
    return Response(dumps({"type": "object", "properties": properties}), media_type="application/schema+json")


_SERVICES: dict[str, Callable[[NetSuite, Call], Awaitable[Response]]] = {
    "record/v1": NetSuite._record,  # noqa: SLF001  # this class's own table of services
    "query/v1": NetSuite._query,  # noqa: SLF001
    "async/v1": NetSuite._async,  # noqa: SLF001
    "system/v1": NetSuite._system,  # noqa: SLF001
}
__all__ = ["NetSuite", "invalid_login"]
