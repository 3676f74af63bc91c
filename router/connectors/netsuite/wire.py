"""One HTTP call to SuiteTalk: signed, and signed anew once when the vendor no longer knows us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import urlencode

import httpx

from router.connectors.http import NotSent, Outcome, Reply, Trace, send
from router.errors import VendorRefused


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
