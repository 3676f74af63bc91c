"""Business events over HTTP: a feed to page through, and the catalogue that says what each means."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.errors import BadInput
from router.events_out.catalogue import CATALOGUE
from router.events_out.feed import SOURCE, START, EventFeed
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response

PAGE = 200
MOST_PAGE = 1_000


class Events:
    """The endpoints under `/v1/events`."""

    def __init__(self, *, feed: EventFeed, authenticate: Authenticate) -> None:
        self._feed = feed
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/events")(self.page)
        app.get("/v1/events/catalogue")(self.catalogue)

    async def page(self, request: Request) -> Response:
        """Business events as CloudEvents, in the order of the journal, none skipped.

        Query: `after` (the `next` of the page before), `limit`, `type` (names, comma-separated). Ask
        again with `next` while `more` is true, and later for what is new.
        """
        await self._authenticate(request)
        given = request.query_params
        for name in given:
            if name not in ("after", "limit", "type"):
                raise BadInput(f"{name[:40]}: is not asked for here", mend="use after, limit, type")
        limit = given.get("limit", str(PAGE))
        if not (limit.isascii() and limit.isdigit() and len(limit) < 9 and 0 < int(limit) <= MOST_PAGE):
            raise BadInput(f"limit: should be a number from 1 to {MOST_PAGE}")
        types = tuple(name for name in given.get("type", "").split(",") if name)
        page = await self._feed.page(after=given.get("after", START), limit=int(limit), types=types)
        return json_response({"events": list(page.events), "next": page.next, "more": page.more})

    async def catalogue(self, request: Request) -> Response:
        """Every business event: what it means, when it is told, its data and an example."""
        await self._authenticate(request)
        rows = [
            {
                "name": one.name,
                "type": one.type,
                "source": SOURCE,
                "meaning": one.meaning,
                "when": one.when,
                "data": dict(one.fields),
                "example": dict(one.example),
            }
            for one in CATALOGUE.values()
        ]
        return json_response({"events": rows})
