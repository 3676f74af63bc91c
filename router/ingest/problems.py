"""Errors over HTTP: RFC 9457 problem+json, with a stable `type` and the mend beside the message."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from router.errors import CoexistError, Overloaded

MEDIA_TYPE = "application/problem+json"


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
        body["instance"] = instance
    return body


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response with sorted keys left as given; orjson refuses what is no JSON."""
    return Response(orjson.dumps(body), status_code=status, media_type="application/json", headers=headers)


async def on_error(request: Request, error: Exception) -> Response:
    """Render any error of ours; back-pressure carries Retry-After and the RateLimit fields."""
    assert isinstance(error, CoexistError)
    headers = {}
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(error.retry_after_s)
        headers["RateLimit"] = f'"backlog";r=0;t={error.retry_after_s}'
    body = orjson.dumps(problem_of(error, instance=request.url.path))
    return Response(body, status_code=error.status, media_type=MEDIA_TYPE, headers=headers)


async def on_bug(request: Request, error: Exception) -> Response:
    """Our own bug: a plain 500 that gives nothing away; the log has the rest."""
    del error
    body = {"type": "urn:coexist:problem:broken", "title": "Something is broken on our side.", "status": 500}
    return Response(
        orjson.dumps(body | {"instance": request.url.path}), status_code=500, media_type=MEDIA_TYPE
    )
