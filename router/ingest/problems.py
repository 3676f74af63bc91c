"""Errors over HTTP: RFC 9457 problem+json, with a stable `type` and the mend beside the message."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from router.errors import BadInput, CoexistError, NotFound, Overloaded, Refused, WrongMethod

MEDIA_TYPE = "application/problem+json"
MOST_PATH = 200
"""Characters of an address that are repeated to the caller."""


def problem_of(error: CoexistError, *, instance: str | None = None) -> dict[str, Any]:
    """The problem object of an error."""
    body: dict[str, Any] = {
        "type": error.problem_type,
        "title": (type(error).__doc__ or "").strip().splitlines()[0],
        "status": error.status,
        "detail": error.message,
    }
    if error.mend:
        body["mend"] = error.mend
    if instance:
        body["instance"] = instance[:MOST_PATH]
    return body


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response with sorted keys left as given; orjson refuses what is no JSON."""
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)


async def on_error(request: Request, error: Exception) -> Response:
    """Render any error of ours; back-pressure carries Retry-After and the RateLimit fields."""
    assert isinstance(error, CoexistError)
    headers = error.headers() if isinstance(error, Overloaded) else None
    body = orjson.dumps(problem_of(error, instance=request.url.path))
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


async def on_http(request: Request, error: Exception) -> Response:
    """What the web framework refuses by itself, an unknown address or method, as a problem too."""
    assert isinstance(error, HTTPException)
    path = request.url.path[:MOST_PATH]
    told: CoexistError
    if error.status_code == HTTPStatus.NOT_FOUND:
        told = NotFound(f"there is nothing at {path}", mend="/openapi.json lists every address")
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        told = WrongMethod(f"{path} does not answer to {request.method[:20]}")
    else:
        told = Refused(str(error.detail)[:200])
    body = problem_of(told, instance=path) | {"status": error.status_code}
    headers = dict(error.headers or {})
    return Response(orjson.dumps(body), error.status_code, headers=headers, media_type=MEDIA_TYPE)


async def on_invalid(request: Request, error: Exception) -> Response:
    """A part of the address that is not what it should be, such as a version that is no number."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return await on_error(request, BadInput(f"{where}: {first['msg']}"))


async def on_bug(request: Request, error: Exception) -> Response:
    """Our own bug: a plain 500 that gives nothing away; the log has the rest."""
    del error
    body = {"type": "urn:coexist:problem:broken", "title": "Something is broken on our side.", "status": 500}
    return Response(
        orjson.dumps(body | {"instance": request.url.path[:MOST_PATH]}),
        status_code=500,
        media_type=MEDIA_TYPE,
    )
