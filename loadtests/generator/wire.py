"""One request on one connection: the bytes of it are made beforehand, and the answer is read within bounds.

Locust's own session follows redirects, keeps cookies, sizes its pool for one request at a time and makes its headers
anew for each; none of that may happen between a start and its intended moment. So an open run uses the sockets and
the parser that FastHttpUser rests on (gevent, geventhttpclient) directly. A redirect is an answer like another.
"""

from __future__ import annotations

import errno
import ssl
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlsplit

import gevent
from gevent import monkey, socket
from gevent import ssl as green_ssl
from geventhttpclient.response import HTTPParseError, HTTPResponse

from loadtests.generator.answers import bounded
from loadtests.ledger.rows import DROPPED, NO_ANSWER
from loadtests.traffic.model import Request

ANSWER_MAX = 16_000_000
"""Bytes of an answer, head included; that of 10,000 lines has five million."""
IDLE_S = 3.0
"""A connection unused for so long is not used again: servers shut idle ones, uvicorn after 5 s, and a request that
meets the shutting is lost through nobody's fault. Nothing is ever sent again unasked."""
NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
"""Errors of a generator that can't open one more connection."""

_poll = monkey.get_original("select", "poll")
"""Not gevent's: it asks about one socket at once, and knows no highest number of a file."""


class TooLong(Exception):
    """The answer is longer than any of the gateway's."""


class Late(Exception):
    """There was no whole answer in time."""


class Raw(NamedTuple):
    """An answer before anybody looked into it."""

    status: int
    body: bytes
    error: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go."""

    host: str
    port: int
    secure: bool
    prefix: str
    """A path everything lies under."""
    token: str = ""
    """Sent as a bearer token, if there is one."""

    @classmethod
    def of(cls, url: str, token: str = "") -> Target:
        """Of http(s)://host[:port][/prefix]; raises ValueError with what is wrong."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the gateway's address should be http://host:port, not {url!r}")
        secure = parts.scheme == "https"
        return cls(
            parts.hostname, parts.port or (443 if secure else 80), secure, parts.path.rstrip("/"), token
        )

    def bytes_of(self, request: Request) -> bytes:
        """A request as it goes over the wire."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        head = (
            f"POST {self.prefix}{request.path} HTTP/1.1\r\nHost: {host}:{self.port}\r\n"
            f"User-Agent: coexist-load\r\nAccept: application/json\r\n"
            f"Content-Type: {request.content_type}\r\nX-Coexist-Client: {request.client}\r\n"
            f"{f'Authorization: Bearer {self.token}' + chr(13) + chr(10) if self.token else ''}"
            f"Content-Length: {len(request.body)}\r\n\r\n"
        )
        return head.encode("ascii") + request.body


class _Answer(HTTPResponse):
    """An answer as it is parsed."""

    def __init__(self) -> None:
        super().__init__("POST")
        self.body = bytearray()

    def _on_body(self, buf: bytearray) -> None:
        self.body += buf

    @property
    def whole(self) -> bool:
        """Whether it is there to its end; `100 Continue` and its like are no answers."""
        return self.message_complete and self.get_code() >= 200


class Connections:
    """Connections to one target; the one used last is used again first, so that few of them are kept alive."""

    def __init__(self, target: Target, *, answer_within_s: float) -> None:
        self._target = target
        self._answer_within_s = answer_within_s
        self._idle: deque[tuple[socket.socket, float]] = deque()
        self._addresses: list[tuple[int, tuple[object, ...]]] = []
        """Of the host's name, the one that worked last first."""
        # Checked, other than Locust's clients do it, for a token may be sent; SSL_CERT_FILE names one's own authority.
        self._tls: ssl.SSLContext | None = green_ssl.create_default_context() if target.secure else None
        self.opened = 0
        """Connections made so far."""

    def resolve(self) -> None:
        """Look the host's name up, once, and shake hands over TLS; raises OSError, ValueError for a bad certificate."""
        found = socket.getaddrinfo(self._target.host, self._target.port, 0, socket.SOCK_STREAM)
        self._addresses = [(one[0], one[4]) for one in found]
        if self._tls is not None:
            try:
                self._open().close()
            except ssl.SSLCertVerificationError as error:
                why = f"the gateway's certificate is not trusted ({error.verify_message})"
                raise ValueError(f"{why}: name its authority in SSL_CERT_FILE") from error

    def exchange(self, data: bytes) -> Raw:
        """Send a request and read its answer; whatever goes wrong is an answer, too."""
        try:
            with gevent.Timeout(self._answer_within_s, Late):
                return self._exchange(data)
        except Late:
            return Raw(NO_ANSWER, b"", f"no answer within {self._answer_within_s:g} s")
        except TooLong:
            return Raw(NO_ANSWER, b"", f"the answer is longer than {ANSWER_MAX:,} bytes")
        except HTTPParseError as error:
            return Raw(NO_ANSWER, b"", bounded(f"the answer is no HTTP: {error}"))
        except (OSError, ValueError) as error:
            room = isinstance(error, OSError) and error.errno in NO_ROOM
            return Raw(DROPPED if room else NO_ANSWER, b"", bounded(f"{type(error).__name__}: {error}"))

    def _exchange(self, data: bytes) -> Raw:
        sock = self._take() or self._open()
        keep = False
        try:
            sock.sendall(data)
            answer, length = _Answer(), 0
            while not answer.whole:
                part = sock.recv(65_536)
                length += len(part)
                if length > ANSWER_MAX:
                    raise TooLong
                answer.feed(part)
                if not part and not answer.whole:
                    raise ConnectionResetError("the connection was closed before a whole answer")
            keep = not answer.should_close()
            return Raw(answer.get_code(), bytes(answer.body))
        finally:
            if keep:
                self._idle.append((sock, monotonic()))
            else:
                sock.close()

    def _take(self) -> socket.socket | None:
        oldest = monotonic() - IDLE_S
        while self._idle and self._idle[0][1] < oldest:
            self._idle.popleft()[0].close()
        while self._idle:
            sock, _ = self._idle.pop()
            asked = _poll()
            asked.register(sock.fileno(), 1)
            # Readable though nothing was asked: it was shut, or says something nobody asked for.
            if not asked.poll(0):
                return sock
            sock.close()
        return None

    def _open(self) -> socket.socket:
        if not self._addresses:
            self.resolve()
        refused: OSError = ConnectionRefusedError("the host has no address")
        for address in list(self._addresses):
            try:
                sock = self._connected(*address)
            except ConnectionRefusedError as error:
                refused = error
                continue
            if address != self._addresses[0]:
                self._addresses.sort(key=lambda one: one != address)
            return sock
        raise refused

    def _connected(self, family: int, address: tuple[object, ...]) -> socket.socket:
        self.opened += 1
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return (
                sock if self._tls is None else self._tls.wrap_socket(sock, server_hostname=self._target.host)
            )
        except BaseException:
            sock.close()
            raise
