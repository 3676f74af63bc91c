"""The back door under `/_sim/`: for tests, rehearsals and people, never for the router.

POST reset, POST seed, GET state, GET and PUT snapshot, GET and PUT faults, GET requests (`?limit=`),
GET meter (`?since=`, in seconds since 1970).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson
from starlette.responses import Response

from simulators.core.bookkeeping import BooksError

if TYPE_CHECKING:
    from simulators.core.host import Hosted


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
        case "GET", "meter":
            since = int((parse_qs(query.decode("latin-1")).get("since") or ["0"])[0])
            return _json(app.meter.data(app.clock.now(), since))
        case _:
            return _json({"error": f"there is no {method} /_sim/{name}"}, 404)


def _mapping(body: bytes) -> dict[str, Any]:
    data = json.loads(body or b"{}")
    if not isinstance(data, dict):
        msg = "the body is not a JSON object"
        raise TypeError(msg)
    return data


def _json(data: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(data, default=str), status, media_type="application/json")
