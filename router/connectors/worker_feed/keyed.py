"""JSON over HTTP with a fixed key in a header, for an HCM that issues keys instead of tokens."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import httpx

from router.connectors.bearer import Query
from router.connectors.http import Outcome, Reply, Trace, send
from router.errors import VendorRefused

HEADER = "X-Api-Key"


class KeyedClient:
    """Reads below one base address."""

    def __init__(
        self,
        *,
        system: str,
        base_url: str,
        client: httpx.AsyncClient,
        key: Callable[[], str],
        timeout_s: float,
    ) -> None:
        self._system = system
        self._base = base_url.rstrip("/")
        self._client = client
        self._key = key
        """Resolves the key at the moment it is needed; may raise BadConfig."""
        self._timeout_s = timeout_s

    async def call(self, method: str, path: str, trace: Trace, *, query: Query = ()) -> Outcome:
        """Send one request; raises VendorRefused when the key is refused."""
        url = self._base + path + ("?" + urlencode(query) if query else "")
        headers = {HEADER: self._key(), "Accept": "application/json"}
        trace.sent(f"{method} {url}")
        outcome = await send(
            self._client, self._client.build_request(method, url, headers=headers), self._timeout_s
        )
        if not isinstance(outcome, Reply):
            trace.came(outcome.reason)
            return outcome
        trace.came(str(outcome.status), outcome.body)
        if outcome.status in (401, 403):
            raise VendorRefused(f"{self._system} refuses our key", mend="check the API key")
        return outcome
