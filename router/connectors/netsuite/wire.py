"""One HTTP call to SuiteTalk: signed, bounded, timed, never redirected, and told as a value.

`Reply` is what came back, `NotSent` means the request never reached the vendor, `Lost` that it may
have. Everything above decides what that means for a document. Credentials stay out of the record.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx

from router.connectors.port import Exchange
from router.errors import VendorRefused

MAX_REPLY = 32 * 1024 * 1024
"""Bytes of one answer: a page of 1,000 rows with custom fields is about 1 MB."""
MAX_SHOWN = 64 * 1024
"""Bytes of the exchange kept with an attempt, each way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: status, the two headers that matter, and the body as read."""

    status: int
    location: str
    retry_after: str
    body: bytes

    def json(self) -> Any:
        """The decoded body with exact numbers; None when it is no JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None


def _refuse(name: str) -> Any:
    msg = f"{name} is no number of JSON"
    raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class NotSent:
    """The vendor never saw the request."""

    reason: str
    after_s: float | None = None
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The request went out; whether the vendor acted is not known."""

    reason: str


Outcome = Reply | NotSent | Lost


@dataclass(slots=True)
class Trace:
    """The wire exchange of one port call: every request and answer in order, cut at 64 KB each way."""

    requests: list[str] = field(default_factory=list)
    responses: list[str] = field(default_factory=list)
    _room: list[int] = field(default_factory=lambda: [MAX_SHOWN, MAX_SHOWN])

    def sent(self, line: str, body: bytes) -> None:
        """Note a request."""
        self._note(0, self.requests, line, body)

    def came(self, line: str, body: bytes) -> None:
        """Note an answer or the lack of one."""
        self._note(1, self.responses, line, body)

    def _note(self, way: int, texts: list[str], line: str, body: bytes) -> None:
        if self._room[way] <= 0:
            return
        text = line if not body else line + "\n" + body[: self._room[way]].decode("utf-8", "replace")
        text = text[: self._room[way]]
        self._room[way] -= len(text) + 1
        texts.append(text)

    def exchange(self) -> Exchange:
        """What the port gives back."""
        return Exchange(request="\n".join(self.requests), response="\n".join(self.responses))


class Authorizer(Protocol):
    """Makes the `Authorization` header of a request."""

    async def header(self, method: str, address: str, query: Sequence[tuple[str, str]]) -> str | NotSent:
        """The header, or NotSent when no token can be had just now; raises VendorRefused for good."""
        ...

    def expired(self) -> bool:
        """Told of a 401: drop what is cached; True when asking once more makes sense."""
        ...


class Wire:
    """Calls below one base address."""

    def __init__(
        self, *, base_url: str, client: httpx.AsyncClient, authorizer: Authorizer, timeout_s: float
    ) -> None:
        self._base = base_url.rstrip("/") + "/services/rest"
        self._client, self._authorizer, self._timeout_s = client, authorizer, timeout_s

    async def call(
        self,
        method: str,
        path: str,
        trace: Trace,
        *,
        body: bytes | None = None,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Send one request; raises VendorRefused when the credentials are refused twice."""
        address = self._base + path
        for last in (False, True):
            authorization = await self._authorizer.header(method, address, query)
            if isinstance(authorization, NotSent):
                trace.came(f"no token: {authorization.reason}", b"")
                return authorization
            outcome = await self._once(
                method, address, query, body, {**(headers or {}), "Authorization": authorization}, trace
            )
            if not (isinstance(outcome, Reply) and outcome.status == 401):
                return outcome
            if last or not self._authorizer.expired():
                break
        raise VendorRefused("NetSuite refuses our credentials", mend="check the integration, token and role")

    async def _once(
        self,
        method: str,
        address: str,
        query: Sequence[tuple[str, str]],
        body: bytes | None,
        headers: dict[str, str],
        trace: Trace,
    ) -> Outcome:
        url = f"{address}?{urlencode(query)}" if query else address
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            headers["X-NetSuite-PropertyNameValidation"] = "error"
        trace.sent(f"{method} {url}", body or b"")
        outcome = await send(
            self._client,
            self._client.build_request(method, url, content=body, headers=headers),
            self._timeout_s,
        )
        if isinstance(outcome, Reply):
            where = f" Location: {outcome.location}" if outcome.location else ""
            trace.came(f"{outcome.status}{where}", outcome.body)
        else:
            trace.came(outcome.reason, b"")
        return outcome


async def send(client: httpx.AsyncClient, request: httpx.Request, timeout_s: float) -> Outcome:
    """Send a built request and read at most MAX_REPLY bytes of the answer, all within `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                chunks, size = [], 0
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    if size > MAX_REPLY:
                        return Lost("the answer is too large")
                    chunks.append(chunk)
            finally:
                await response.aclose()
    except TimeoutError:
        return Lost(f"no answer within {timeout_s:g} s")
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        return NotSent(f"can't connect: {type(error).__name__}")
    except httpx.HTTPError as error:
        return Lost(f"the connection broke: {type(error).__name__}")
    return Reply(
        status=response.status_code,
        location=response.headers.get("location", ""),
        retry_after=response.headers.get("retry-after", ""),
        body=b"".join(chunks),
    )
