"""One HTTP call of any connector: what came back, what was never sent, what is lost; bounded in every way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import httpx
import pytest

from router.connectors.http import (
    MAX_REPLY,
    MAX_SHOWN,
    Lost,
    NotSent,
    Outcome,
    Reply,
    Trace,
    seconds_of,
    send,
)

CHUNK = b"x" * (1024 * 1024)
Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


class Body(httpx.AsyncByteStream):
    """A response body that counts what was read of it, and may break off."""

    def __init__(self, chunks: int, *, breaks: bool = False) -> None:
        self.chunks, self.breaks, self.read, self.closed = chunks, breaks, 0, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.chunks):
            self.read += 1
            yield CHUNK
        if self.breaks:
            raise httpx.ReadError("reset by peer")

    async def aclose(self) -> None:
        self.closed = True


def called(handler: Handler, timeout_s: float = 5.0) -> Outcome:
    """The outcome of one call that `handler` answers."""

    async def main() -> Outcome:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            return await send(client, client.build_request("POST", "http://erp/x"), timeout_s)

    return asyncio.run(main())


def test_an_answer_is_read_whole() -> None:
    """Status, the headers that matter, and exact numbers."""

    async def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            202, headers={"Location": "/job/7", "Retry-After": "12"}, content=b'{"a": 0.10}'
        )

    outcome = called(handler)
    assert isinstance(outcome, Reply)
    assert (outcome.status, outcome.location, outcome.retry_after_s) == (202, "/job/7", 12)
    assert str(outcome.json()["a"]) == "0.10"


def test_an_answer_over_the_bound_is_lost_and_not_kept() -> None:
    """Reading stops at the bound: the vendor may have acted, and our memory is ours."""
    body = Body(100)

    async def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=body)

    assert called(handler) == Lost("the answer is too large")
    assert body.read == MAX_REPLY // len(CHUNK) + 1
    assert body.closed


def test_an_answer_of_exactly_the_bound_is_read() -> None:
    """The bound itself is allowed."""

    async def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(MAX_REPLY // len(CHUNK)))

    outcome = called(handler)
    assert isinstance(outcome, Reply)
    assert len(outcome.body) == MAX_REPLY


def test_silence_and_a_broken_answer_are_lost() -> None:
    """Once it went out, nobody knows whether the vendor acted."""

    async def hangs(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    async def breaks(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Body(1, breaks=True))

    assert called(hangs, timeout_s=0.05) == Lost("no answer within 0.05 s")
    assert called(breaks) == Lost("the connection broke: ReadError")


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_what_never_left_is_not_sent(error: type[httpx.TransportError]) -> None:
    """Safe to send again without a look-up."""

    async def handler(_: httpx.Request) -> httpx.Response:
        raise error("no")

    assert called(handler) == NotSent(f"can't connect: {error.__name__}")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    """Wherever a vendor points us, our credentials stay."""
    seen: list[str] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"Location": "http://elsewhere/"})

    outcome = called(handler)
    assert isinstance(outcome, Reply)
    assert (outcome.status, seen) == (302, ["http://erp/x"])


def test_a_trace_is_bounded_each_way() -> None:
    """However much is said, an attempt keeps so many characters of it."""
    trace = Trace()
    for _ in range(4):
        trace.sent("POST /x", b"\xff" * MAX_SHOWN)
        trace.came("200", b"y" * MAX_SHOWN)
    exchange = trace.exchange()
    assert exchange.request.startswith("POST /x\n")
    assert len(exchange.request) <= MAX_SHOWN
    assert len(exchange.response) <= MAX_SHOWN


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a": NaN}', b"[" * 100_000])
def test_no_json_is_none(raw: bytes) -> None:
    """A hostile body is no exception."""
    assert Reply(status=200, headers=httpx.Headers(), body=raw).json() is None


def test_only_whole_seconds_are_a_wait() -> None:
    """Dates, fractions, signs and absurd lengths are no number of seconds."""
    assert [seconds_of(text) for text in (" 7 ", "0", "", "soon", "-1", "1.5", "9999999")] == [
        7.0,
        0.0,
        *[None] * 5,
    ]
