"""One HTTP call, whoever the vendor: bounded in time and size, never redirected, told as a value.

`Reply` came back, `NotSent` never reached the vendor, `Lost` may have acted: the three cases that
"no answer is a state" (D8) rests on. What they mean for a document is the connector's business.
Credentials and tokens never enter a `Trace`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from router.connectors.port import Exchange

MAX_REPLY = 32 * 1024 * 1024
"""Bytes of one answer: a page of 1,000 rows with custom fields is about 1 MB."""
MAX_SHOWN = 64 * 1024
"""Characters of the exchange kept with an attempt, each way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: status, headers, and the body as read."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """Retry-After in whole seconds; the date form is not used by these vendors."""
        return seconds_of(self.headers.get("retry-after", ""))

    @property
    def location(self) -> str:
        """Where the vendor says the result is; empty when it does not."""
        return str(self.headers.get("location", ""))

    def json(self) -> Any:
        """The decoded body with exact numbers; None when it is no JSON."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None


def seconds_of(text: str) -> float | None:
    """Whole seconds of a Retry-After header; None for anything else."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _refuse(name: str) -> Any:
    msg = f"{name} is no number of JSON"
    raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class NotSent:
    """The vendor never saw the request, or certainly did not act upon it."""

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
    """The wire exchange of one port call: every request and answer in order, cut at MAX_SHOWN each way."""

    _ways: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    _room: list[int] = field(default_factory=lambda: [MAX_SHOWN, MAX_SHOWN])

    def sent(self, line: str, body: bytes = b"") -> None:
        """Note a request."""
        self._note(0, line, body)

    def came(self, line: str, body: bytes = b"") -> None:
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
    return Reply(status=response.status_code, headers=response.headers, body=b"".join(chunks))
