"""A route for the endpoints that are called most: documented like any other, with nothing in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Straight(APIRoute):
    """A route whose endpoint takes the request and gives the response.

    FastAPI's own handler would look for parameters and dependencies, which these endpoints don't
    have, at about the price of validating a document (`make bench`). Errors still reach the app's
    handlers.
    """

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **named: Any) -> None:
        super().__init__(path, endpoint, **named)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)

        self.app = app
