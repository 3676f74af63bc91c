"""The least a gateway can be, in a process of its own: `python least_gateway.py plain|hostile`.

It prints its port. `plain` promises every document it is sent; `hostile` answers each request in another wrong way.
A GET is told how many requests came, and how many bodies of them differed.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import sys
from collections.abc import Iterator

HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s"
HUGE = 40_000_000
ODD = (
    "no json",
    "wrong shape",
    "a number",
    "redirect",
    "reset",
    "torn head",
    "no http",
    "silence",
    "problem",
)
KINDS = ("good", "huge", *("good", *ODD) * 4)
"""The huge one comes seldom: it keeps the gateway itself busy."""


def answer(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    """A whole answer."""
    return HEAD % (status, len(body), more, body)


class Connection(asyncio.Protocol):
    """One connection of the generator."""

    def __init__(self, kinds: Iterator[str], seen: list[bytes]) -> None:
        self._kinds = kinds
        self._seen = seen
        self._got = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = self._got[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._got) < end + 4 + length:
                return
            body, self._got = self._got[end + 4 : end + 4 + length], self._got[end + 4 + length :]
            self._answer(body, is_get=head.startswith(b"get"))

    def _answer(self, body: bytes, *, is_get: bool) -> None:
        assert self._transport is not None
        if is_get:
            told = b'{"posts": %d, "bodies": %d}' % (len(self._seen), len(set(self._seen)))
            self._transport.write(answer(b"200 OK", told, b"Connection: close\r\n"))
            return
        self._seen.append(body)
        kind = next(self._kinds)
        good = b'{"transaction_id": "T%d"}' % len(self._seen)
        if kind == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        elif kind == "torn head":
            self._transport.write(b"HTTP/1.1 202 Acc")
            self._transport.close()
        elif kind == "huge":
            self._transport.write(HEAD % (b"202 Accepted", HUGE, b"", b"x" * HUGE))
        elif kind != "silence":
            answers = {
                "good": answer(b"202 Accepted", good),
                "no json": answer(b"202 Accepted", b"<html>\xff welcome"),
                "wrong shape": answer(b"200 OK", b'{"results": {"line": 1}}'),
                "a number": answer(b"202 Accepted", b'{"transaction_id": 7}'),
                "redirect": answer(
                    b"307 Temporary Redirect", b"", b"Location: http://127.0.0.1:1/elsewhere\r\n"
                ),
                "no http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
                "problem": answer(
                    b"422 Unprocessable Content", b'{"type": "https://example.test/bad\\u0007"}'
                ),
            }
            self._transport.write(answers[kind])


async def main(mode: str) -> None:
    """Serve until killed."""
    seen: list[bytes] = []
    kinds = itertools.cycle(KINDS[1:] if mode == "hostile" else KINDS[:1])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(kinds, seen), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
