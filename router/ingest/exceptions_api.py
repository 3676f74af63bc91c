"""Exceptions over HTTP: the queues, one exception with its guidance, and what people do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.errors import BadInput
from router.exceptions.catalogue import CATALOGUE
from router.exceptions.decisions import CASES, Filter
from router.exceptions.guidance import QUEUES, SEVERITIES
from router.exceptions.remedies import Remedies
from router.exceptions.service import Desk
from router.exceptions.views import entry_of
from router.ingest.gateway import read_body
from router.ingest.principal import Authenticate, Principal
from router.ingest.problems import json_response
from router.settings import Settings

PAGE = 200
MOST_PAGE = 1_000
_STATES = (*CASES, "all", "parked", "refused", "dead", "conflict", "break")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "queue": tuple(QUEUES),
    "class": ("technical", "business"),
    "severity": SEVERITIES,
    "state": _STATES,
    "type": tuple(CATALOGUE),
}
FILTERS = ("queue", "class", "type", "severity", "entity", "state", "ids")
_TEXT_MAX = 2_000


class Exceptions:
    """The endpoints under `/v1/exceptions`."""

    def __init__(
        self, *, desk: Desk, remedies: Remedies, settings: Settings, authenticate: Authenticate
    ) -> None:
        self._desk = desk
        self._remedies = remedies
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/exceptions")(self.listed)
        app.get("/v1/exceptions/catalogue")(self.catalogue)
        app.post("/v1/exceptions:replay")(self.replay)
        app.post("/v1/exceptions/{exception_id}:assign")(self.assign)
        app.post("/v1/exceptions/{exception_id}:resolve")(self.resolve)
        app.post("/v1/exceptions/{exception_id}:note")(self.annotate)
        app.post("/v1/exceptions/{exception_id}:correct")(self.correct)
        app.get("/v1/exceptions/{exception_id}")(self.shown)

    async def listed(self, request: Request) -> Response:
        """What waits for a person, oldest first, with totals by queue.

        Query: queue, class, type, severity, entity, state (open, assigned, resolved, all, or parked,
        refused, dead), limit, after.
        """
        await self._authenticate(request)
        given = dict(request.query_params)
        limit = _number(given.pop("limit", str(PAGE)))
        after = given.pop("after", None)
        return json_response(await self._desk.listed(filter_of(given), limit=limit, after=after))

    async def catalogue(self, request: Request) -> Response:
        """Every type of exception: what it means, whose it is, how it is mended."""
        await self._authenticate(request)
        return json_response({"types": [entry_of(entry) for entry in CATALOGUE.values()]})

    async def shown(self, request: Request, exception_id: str) -> Response:
        """One exception with guidance filled from its facts, and its history."""
        await self._authenticate(request)
        return json_response(await self._desk.shown(exception_id))

    async def assign(self, request: Request, exception_id: str) -> Response:
        """Give it to somebody. Body: `{"to", "by", "note"}`."""
        principal, body = await self._body(request, "to", "by", "note")
        done = await self._desk.assign(
            exception_id, owner=_text(body, "to"), by=_by(body, principal), note=_text(body, "note", "")
        )
        return json_response(done)

    async def resolve(self, request: Request, exception_id: str) -> Response:
        """Say that nothing more is to be done. Body: `{"by", "why"}`."""
        principal, body = await self._body(request, "by", "why")
        done = await self._desk.resolve(exception_id, by=_by(body, principal), why=_text(body, "why"))
        return json_response(done)

    async def annotate(self, request: Request, exception_id: str) -> Response:
        """Add a note. Body: `{"by", "note"}`."""
        principal, body = await self._body(request, "by", "note")
        done = await self._desk.annotate(exception_id, by=_by(body, principal), note=_text(body, "note"))
        return json_response(done)

    async def replay(self, request: Request) -> Response:
        """Send again, in bulk. Body: `{"filter", "dry_run" (true), "by", "why", "mapping", "route"}`."""
        principal, body = await self._body(request, "filter", "dry_run", "by", "why", "mapping", "route")
        wanted = body.get("filter", {})
        if not isinstance(wanted, dict):
            raise BadInput("filter: should be an object", mend="name one of " + ", ".join(FILTERS))
        dry_run = body.get("dry_run", True)
        if not isinstance(dry_run, bool):
            raise BadInput("dry_run: should be true or false")
        if not dry_run and not wanted:
            raise BadInput("filter: an empty one would send everything", mend='use {"state": "all"} for that')
        answer = await self._remedies.replay(
            filter_of(wanted),
            dry_run=dry_run,
            by=_by(body, principal),
            why=_text(body, "why", "" if dry_run else None),
            mapping=cast(
                'Literal["newest", "day"]',
                _choice(body.get("mapping", "newest"), "mapping", ("newest", "day")),
            ),
            route=cast(
                'Literal["pinned", "again"]',
                _choice(body.get("route", "pinned"), "route", ("pinned", "again")),
            ),
        )
        return json_response(answer)

    async def correct(self, request: Request, exception_id: str) -> Response:
        """A document in the place of one that was never posted.

        Body: `{"document"}` (the whole) or `{"changes"}` (some fields), with `by` and `why`.
        """
        principal, body = await self._body(request, "document", "changes", "by", "why")
        document, changes = body.get("document"), body.get("changes")
        for name, value in (("document", document), ("changes", changes)):
            if value is not None and (not isinstance(value, dict) or not value):
                raise BadInput(f"{name}: should be an object that is not empty")
        if (document is None) == (changes is None):
            raise BadInput("document: give either the whole document or changes, not both")
        done = await self._remedies.correct(
            exception_id, document=document, changes=changes, by=_by(body, principal), why=_text(body, "why")
        )
        return json_response(done)

    async def _body(self, request: Request, *names: str) -> tuple[Principal, dict[str, Any]]:
        principal = await self._authenticate(request)
        body = events.decode(await read_body(request, self._settings.body_max))
        if not isinstance(body, dict):
            raise BadInput("the body is not a JSON object")
        for name in body:
            if name not in names:
                raise BadInput(f"{name[:40]}: is not asked for here", mend="use " + ", ".join(names))
        return principal, body


def filter_of(given: Mapping[str, Any]) -> Filter:
    """A filter from a query or a body; raises BadInput naming what is wrong and what there is."""
    for name, value in given.items():
        if name not in FILTERS:
            raise BadInput(f"{name[:40]}: is no filter", mend="use " + ", ".join(FILTERS))
        if name in _CHOICES:
            _choice(value, name, _CHOICES[name])
    entity, ids = given.get("entity"), given.get("ids")
    if entity is not None and not (isinstance(entity, str) and len(entity) <= 80):
        raise BadInput("entity: should be the code of a legal entity")
    if isinstance(ids, str):
        ids = ids.split(",")
    if ids is not None and not (
        isinstance(ids, list) and ids and all(isinstance(one, str) and len(one) <= 80 for one in ids)
    ):
        raise BadInput("ids: should be a list of exceptions' ids")
    return Filter(
        queue=given.get("queue"),
        nature=given.get("class"),
        type=given.get("type"),
        severity=given.get("severity"),
        entity=entity,
        state=given.get("state"),
        ids=None if ids is None else frozenset(ids),
    )


def _choice(value: Any, name: str, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise BadInput(f"{name}: there is no {str(value)[:40]!r}", mend="use one of " + ", ".join(choices))
    return value


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= MOST_PAGE and len(text) < 9):
        raise BadInput(f"limit: should be a number from 1 to {MOST_PAGE}")
    return int(text)


def _text(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > _TEXT_MAX or (default is None and not value.strip()):
        raise BadInput(f"{name}: should be a text of 1 to {_TEXT_MAX} characters")
    return value


def _by(body: Mapping[str, Any], principal: Principal) -> str:
    return _text(body, "by", principal.client) or principal.client
