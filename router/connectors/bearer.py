"""JSON over HTTP with a bearer token from OAuth2 client credentials: what several vendors share.

A token that the vendor no longer knows is fetched anew once. What an answer means for a document is
the connector's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from router.connectors.http import Lost, NotSent, Outcome, Reply, Trace, send
from router.errors import VendorRefused, VendorUnknown

MAX_TOKEN = 8_192
Query = tuple[tuple[str, str], ...]


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
