"""JSON over HTTP with a bearer token from OAuth2 client credentials: what several vendors share.

One call is bounded in time and size, never redirected, and told as a value: `Reply` came back,
`NotSent` never reached the vendor, `Lost` may have acted. A token that the vendor no longer knows is
fetched anew once. What an answer means for a document is the connector's business. Credentials
and tokens never enter a `Trace`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from router.connectors.port import Exchange
from router.errors import VendorRefused, VendorUnknown

MAX_REPLY = 16 * 1024 * 1024
"""Bytes of one answer: 200 rows with side-loaded records are below 1 MB."""
MAX_TOKEN = 8_192
MAX_SHOWN = 16 * 1024
"""Characters of the exchange kept with an attempt, each way."""
Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: status, seconds to wait if it said so, and the body."""

    status: int
    retry_after_s: float | None
    body: bytes

    def json(self) -> Any:
        """The decoded body, fractions as Decimal; None when it is no JSON."""
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
    """The wire exchange of one port call, cut at MAX_SHOWN characters each way."""

    _ways: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    _room: list[int] = field(default_factory=lambda: [MAX_SHOWN, MAX_SHOWN])

    def sent(self, line: str, body: bytes) -> None:
        """Note a request."""
        self._note(0, line, body)

    def came(self, line: str, body: bytes) -> None:
        """Note an answer or the lack of one."""
        self._note(1, line, body)

    def _note(self, way: int, line: str, body: bytes) -> None:
        room = self._room[way]
        if room <= 0:
            return
        text = (line + "\n" + body[:room].decode("utf-8", "replace") if body else line)[:room]
        self._room[way] -= len(text) + 1
        self._ways[way].append(text)

    def exchange(self) -> Exchange:
        """What the port gives back."""
        return Exchange(request="\n".join(self._ways[0]), response="\n".join(self._ways[1]))


class BearerClient:
    """Calls below one base address, with the token they need."""

    def __init__(
        self,
        *,
        system: str,
        base_url: str,
        token_path: str,
        client: httpx.AsyncClient,
        credentials: Callable[[], tuple[str, str]],
        timeout_s: float,
    ) -> None:
        self._system = system
        self._base = base_url.rstrip("/")
        self._token_url = self._base + token_path
        self._client = client
        self._credentials = credentials
        """Resolves client id and secret at the moment they are needed; may raise BadConfig."""
        self._timeout_s = timeout_s
        self._token = ""
        self._login = asyncio.Lock()

    async def call(
        self, method: str, path: str, trace: Trace, *, query: Query = (), body: Any = None
    ) -> Outcome:
        """Send one request; raises VendorRefused when our credentials are refused."""
        url = self._base + path + ("?" + urlencode(query) if query else "")
        content = None if body is None else orjson.dumps(body)
        for last in (False, True):
            token = self._token or await self._fresh(stale="")
            if isinstance(token, NotSent):
                trace.came(token.reason, b"")
                return token
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            if content is not None:
                headers["Content-Type"] = "application/json"
            trace.sent(f"{method} {url}", content or b"")
            request = self._client.build_request(method, url, content=content, headers=headers)
            outcome = await send(self._client, request, self._timeout_s)
            if not isinstance(outcome, Reply):
                trace.came(outcome.reason, b"")
                return outcome
            trace.came(str(outcome.status), outcome.body)
            if outcome.status != 401:
                return outcome
            if not last:
                found = await self._fresh(stale=token)
                if isinstance(found, NotSent):
                    return found
        raise VendorRefused(
            f"{self._system} refuses the token it has just issued", mend="check the integration user"
        )

    async def _fresh(self, *, stale: str) -> str | NotSent:
        """A token other than `stale`; concurrent callers share one login."""
        async with self._login:
            if self._token != stale:
                return self._token
            self._token = ""
            client_id, secret = self._credentials()
            form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
            request = self._client.build_request("POST", self._token_url, data=form)
            outcome = await send(self._client, request, self._timeout_s)
            if isinstance(outcome, Lost):
                return NotSent(f"no token: {outcome.reason}")
            if isinstance(outcome, NotSent):
                return outcome
            if outcome.status in (400, 401, 403):
                raise VendorRefused(
                    f"{self._system} refuses our credentials", mend="check client id and secret"
                )
            found = outcome.json() if outcome.status == 200 else None
            token = found.get("access_token") if isinstance(found, dict) else None
            if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN or not token.isascii():
                throttled = outcome.status == 429
                return NotSent(f"no token: status {outcome.status}", outcome.retry_after_s, throttled)
            self._token = token
            return token


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
        retry_after_s=_seconds(response.headers.get("retry-after", "")),
        body=b"".join(chunks),
    )


def _seconds(text: str) -> float | None:
    """Retry-After in whole seconds; the date form is not used by these vendors."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def readable(outcome: Outcome, system: str) -> Any:
    """The JSON of a read that went well; raises VendorUnknown for anything else, throttling included."""
    if not isinstance(outcome, Reply):
        after_s = outcome.after_s if isinstance(outcome, NotSent) else None
        throttled = isinstance(outcome, NotSent) and outcome.throttled
        raise VendorUnknown(f"{system}: {outcome.reason}", retry_after_s=after_s, throttled=throttled)
    if outcome.status == 429:
        raise VendorUnknown(
            f"{system}: too many requests", retry_after_s=outcome.retry_after_s, throttled=True
        )
    if outcome.status != 200:
        shown = outcome.body[:200].decode("utf-8", "replace")
        raise VendorUnknown(
            f"{system}: status {outcome.status}: {shown}", retry_after_s=outcome.retry_after_s
        )
    found = outcome.json()
    if not isinstance(found, dict):
        raise VendorUnknown(f"{system}: the answer is no JSON object")
    return found
