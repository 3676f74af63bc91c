"""The back door under `/_sim/`: for tests, rehearsals and people, never for the router.

POST reset, POST seed, GET state, GET and PUT snapshot, GET and PUT faults, GET requests (`?limit=`),
GET meter (`?since=`, in seconds since 1970). GET documents of an ERP: a line of JSON each, as `documents.listed`
has them, made while they are sent; of a million of them nobody holds more than a few thousand.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from starlette.responses import Response, StreamingResponse

from simulators.core.bookkeeping import BooksError
from simulators.core.documents import listed

if TYPE_CHECKING:
    from simulators.core.host import Hosted


LINES = 1_000
"""Documents shown at once: between them the simulator serves others."""


def back_door(app: Hosted, method: str, path: str, query: bytes, body: bytes) -> Response:
    """The response to one back-door request; bad input is a 400 that says what is wrong."""
    try:
        return _respond(app, method, path.removeprefix("/_sim/"), query, body)
    except (BooksError, KeyError, TypeError, ValueError) as error:
        return _json({"error": str(error) or repr(error)}, 400)


def _respond(app: Hosted, method: str, name: str, query: bytes, body: bytes) -> Response:
    match method, name:
        case "GET", "state":
            return _json(app.sim.state())
        case "POST", "reset":
            app.sim.reset()
            app.requests.clear()
            app.meter.clear()
            return _json({})
        case "POST", "seed":
            return _json(app.sim.seed(_mapping(body)))
        case "GET", "snapshot":
            return Response(app.sim.snapshot(), media_type="application/octet-stream")
        case "PUT", "snapshot":
            app.sim.restore(body)
            return _json({})
        case "GET", "faults":
            return _json({"faults": app.faults.data(), "fired": app.faults.fired})
        case "PUT", "faults":
            given = json.loads(body or b"[]")
            app.faults.set(given["faults"] if isinstance(given, dict) else given)
            return _json({"faults": app.faults.data(), "fired": app.faults.fired})
        case "GET", "requests":
            limit = int((parse_qs(query.decode("latin-1")).get("limit") or ["100"])[0])
            shown = [entry.shown() for entry in app.requests.last(limit)]
            return _json({"total": app.requests.total, "crashes": app.crashes, "requests": shown})
        case "GET", "documents" if getattr(app.sim, "books", None) is not None:
            return StreamingResponse(_documents(app), media_type="application/x-ndjson")
        case "GET", "meter":
            since = int((parse_qs(query.decode("latin-1")).get("since") or ["0"])[0])
            return _json(app.meter.data(app.clock.now(), since))
        case _:
            return _json({"error": f"there is no {method} /_sim/{name}"}, 404)


def _always(row: Any) -> bool:
    del row
    return True


async def _documents(app: Hosted) -> AsyncIterator[bytes]:
    is_live: Callable[[Any], bool] = getattr(app.sim, "is_live", _always)
    # The rows themselves are copied, not what they show: the books go on while somebody reads.
    rows = list(app.sim.books.store.every())  # type: ignore[attr-defined]  # `books` is optional, and it has them
    for start in range(0, len(rows), LINES):
        some = [row for row in rows[start : start + LINES] if is_live(row)]
        yield b"".join(orjson.dumps(listed(row), option=orjson.OPT_APPEND_NEWLINE) for row in some)


def _mapping(body: bytes) -> dict[str, Any]:
    data = json.loads(body or b"{}")
    if not isinstance(data, dict):
        msg = "the body is not a JSON object"
        raise TypeError(msg)
    return data


def _json(data: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(data, default=str), status, media_type="application/json")
