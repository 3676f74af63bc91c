"""One request taken apart, and the answers SuiteTalk gives: a body, a Location, a page of a collection."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from simulators.core.money import loads_exact
from simulators.erp.netsuite.errors import SuiteTalkError, invalid
from simulators.erp.netsuite.shapes import dumps

BASE = "/services/rest"
JSON = "application/vnd.oracle.resource+json"
MAX_PAGE = 1000
"""Rows of a page, also the default (vendor documentation)."""


def origin(request: Request) -> str:
    """Scheme and host as the caller addressed them; links are built from it."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


class Call:
    """One authenticated request."""

    def __init__(self, request: Request, path: list[str], query: str, body: bytes) -> None:
        self.method, self.path, self._body = request.method, path, body
        self._headers = request.headers
        self.origin = origin(request)
        self.parameters = dict(parse_qsl(query, keep_blank_values=True))

    def header(self, name: str) -> str:
        return str(self._headers.get(name, ""))

    def json(self, default: Any = None) -> Any:
        if not self._body and default is not None:
            return default
        try:
            return loads_exact(self._body)
        except (ValueError, RecursionError):
            raise invalid("The request body is not valid JSON.") from None

    def answer(self, data: Any) -> Response:
        return Response(dumps(data), media_type=JSON)

    def made(self, record_type: str, vendor_id: str) -> Response:
        where = f"{self.origin}{BASE}/record/v1/{record_type}/{vendor_id}"
        return Response(status_code=204, headers={"Location": where})

    def page(self, items: list[Any], here: str) -> Response:
        limit, offset = self._count("limit", MAX_PAGE), self._count("offset", 0)
        if not 1 <= limit <= MAX_PAGE or offset % limit:
            raise SuiteTalkError(
                400, "INVALID_PARAMETER", f"limit is 1 to {MAX_PAGE}, and offset a multiple of it.", "limit"
            )
        shown = items[offset : offset + limit]
        more = offset + len(shown) < len(items)
        links = [{"rel": "self", "href": f"{here}?limit={limit}&offset={offset}"}]
        if more:
            links.append({"rel": "next", "href": f"{here}?limit={limit}&offset={offset + limit}"})
        return self.answer(
            {
                "links": links,
                "count": len(shown),
                "hasMore": more,
                "items": shown,
                "offset": offset,
                "totalResults": len(items),
            }
        )

    def _count(self, name: str, default: int) -> int:
        text = self.parameters.get(name, str(default))
        if not (text.isascii() and text.isdigit() and len(text) < 8):
            raise SuiteTalkError(400, "INVALID_PARAMETER", f"Invalid value for {name}.", name)
        return int(text)
