"""The load: keep-alive connections, each sending its next event when the last was answered.

`python -m tests.bench.load PORT SECONDS CONNECTIONS FIRST` prints what came back. It speaks HTTP by
hand, because a client library would be the slowest of the three programs and hide the servers.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from itertools import count
from typing import cast

import orjson

from tests.bench import entries

_HEAD = (
    "POST /v1/transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/cloudevents+json\r\n"
    "X-Coexist-Client: bench\r\nContent-Length: {length}\r\n\r\n"
)


class Load:
    """What all connections share."""

    def __init__(self, first: int, until: float) -> None:
        self._template = entries.template()
        head = _HEAD.format(length=len(entries.body(self._template, 0))).encode()
        self._template = head.replace(b"%", b"%%") + self._template
        self._numbers = count(first)
        self.until = until
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []

    def request(self) -> bytes:
        """The next request."""
        return entries.body(self._template, next(self._numbers))


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._got = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first."""
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count a whole answer and send the next, until the time is up."""
        self._got += data
        head, found, rest = self._got.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._got = b""
        now = time.perf_counter()
        self._load.statuses[int(head[9:12])] += 1
        self._load.latencies.append(now - self._sent)
        if now < self._load.until:
            self._send()
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over; an early end is an error of the run."""
        if not self.done.done():
            self.done.set_result(None) if exc is None else self.done.set_exception(exc)

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(self._load.request())


async def run(port: int, seconds: float, connections: int, first: int) -> dict[str, object]:
    """Requests a second, statuses and latencies over `seconds`."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    load = Load(first, start + seconds)
    callers = [
        (await loop.create_connection(lambda: Caller(load), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + 30):
        await asyncio.gather(*(caller.done for caller in callers))
    taken = time.perf_counter() - start
    latencies = sorted(load.latencies)
    return {
        "per_second": len(latencies) / taken,
        "statuses": {str(status): number for status, number in sorted(load.statuses.items())},
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
    }


if __name__ == "__main__":
    given = sys.argv
    told = asyncio.run(run(int(given[1]), float(given[2]), int(given[3]), int(given[4])))
    sys.stdout.buffer.write(orjson.dumps(told) + b"\n")
