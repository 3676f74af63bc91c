"""An ERP's back door is another program: what it says is read line by line, and nonsense is named, not believed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from loadtests.verdict.erps import BackDoor, ErpDocument, Second, back_doors
from router.errors import Broken

LINE = ["time", "TE-1", "V1", "UK01", "GBP", 1000, "posted", "2026-10-30T12:00:00.000000Z"]
ROW = {"at": 5, "calls": 3, "refused": 1, "peak": 2, "held_us": 1_500_000, "window": 0}
METER = {"now": "1970-01-01T00:01:00Z", "limits": {"concurrency": 15, "rate": None}, "seconds": [ROW]}


@contextmanager
def answering(status: int, body: bytes) -> Iterator[BackDoor]:
    """A system whose back door always says the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """One answer for all."""
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield BackDoor("sap_ecc", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()


def test_documents_come_under_the_routers_kinds() -> None:
    """The books' own words are translated; nothing else is changed."""
    lines = [LINE, ["employee", None, "V2", "", None, None, "cancelled", ""]]
    with answering(200, b"\n".join(orjson.dumps(line) for line in lines)) as door:
        found = list(door.documents())
    assert found == [
        ErpDocument("time_entry", "TE-1", "V1", "posted", LINE[-1]),  # type: ignore[arg-type]  # the list is mixed
        ErpDocument("resource", "", "V2", "cancelled", ""),
    ]
    assert [document.counts for document in found] == [True, False]


@pytest.mark.parametrize("line", [b"<html>", b"[]", b"5", b"{}", b'["time"]', b"null"])
def test_a_line_that_is_no_document_is_named(line: bytes) -> None:
    """Not a traceback of a shape nobody expected."""
    with answering(200, line) as door, pytest.raises(Broken, match="sap_ecc lists no document"):
        list(door.documents())


def test_a_meter_is_read_whole() -> None:
    """Limits and seconds, as whole numbers."""
    with answering(200, orjson.dumps(METER)) as door:
        told = door.meter(0)
    assert (told.now, told.concurrency, told.window) == (60, 15, None)
    assert told.seconds == (Second(5, 3, 1, 2, 1_500_000, 0),)


@pytest.mark.parametrize(
    "change",
    [
        {"limits": None},
        {"limits": {}},
        {"seconds": [{"at": 5}]},
        {"seconds": 5},
        {"now": "soon"},
        {"now": None},
    ],
    ids=str,
)
def test_a_meter_that_is_none_is_named(change: dict[str, object]) -> None:
    """Every field it lacks ends in one sentence."""
    with (
        answering(200, orjson.dumps(METER | change)) as door,
        pytest.raises(Broken, match="the meter of sap_ecc is none"),
    ):
        door.meter(0)


def test_a_refusal_and_an_unknown_system_are_named() -> None:
    """A system without books, and one the ready file does not have."""
    with answering(404, b"") as door, pytest.raises(Broken, match="with 404"):
        list(door.documents())
    with pytest.raises(Broken, match="netsuite"):
        back_doors({"sap_ecc": {"url": "http://127.0.0.1:1"}}, ("netsuite",))
