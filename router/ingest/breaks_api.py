"""Breaks over HTTP: lists with totals, one break through its runs, acceptances, and what two runs say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.money import Money
from router.dualrun.acceptances import AcceptanceRow, refuse_one_person
from router.dualrun.break_desk import PAGE, BreaksDesk
from router.errors import BadInput
from router.ingest.gateway import read_body
from router.ingest.principal import Authenticate, Principal
from router.ingest.problems import json_response
from router.journal.break_reading import STATE_CHOICES, BreakFilter
from router.settings import Settings

MOST_PAGE = 1_000
FILTERS = (
    "run", "state", "cause", "code", "class", "entity", "kind", "currency", "column", "min_amount",
)  # fmt: skip
_TEXT_MAX = 200
_ACCEPTANCE = ("owner", "reason", "expires", "approved_by", "max_amount", "currency")
_CLUSTER = ("cause", "code", "legal_entity", "kind")


class BreaksApi:
    """The endpoints under `/v1/breaks`, `/v1/break-runs` and `/v1/acceptances`."""

    def __init__(self, *, desk: BreaksDesk, settings: Settings, authenticate: Authenticate) -> None:
        self._desk = desk
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/breaks")(self.listed)
        app.get("/v1/breaks/{identity}")(self.shown)
        app.post("/v1/breaks/{identity}/accept")(self.accept)
        app.post("/v1/breaks/{identity}/withdraw")(self.withdraw)
        app.get("/v1/break-runs")(self.runs)
        app.get("/v1/break-runs/{first:path}/compare/{second:path}")(self.compared)
        app.get("/v1/acceptances")(self.acceptances)
        app.post("/v1/acceptances")(self.accept_cluster)
        app.post("/v1/acceptances/{acceptance_id}/withdraw")(self.withdraw_acceptance)

    async def listed(self, request: Request) -> Response:
        """Breaks, the largest money of each currency first, with totals by state and cause.

        Query: run, state (new, recurring, reopened, accepted, fixed, open, all), cause, code, class,
        entity, kind, currency, column, min_amount (with currency), limit, after.
        """
        await self._authenticate(request)
        given = dict(request.query_params)
        limit, after = limit_of(given.pop("limit", str(PAGE))), given.pop("after", None)
        return json_response(await self._desk.listed(filter_of(given), limit=limit, after=after))

    async def shown(self, request: Request, identity: str) -> Response:
        """One break: as it stands, through its runs, with its acceptances and links."""
        await self._authenticate(request)
        return json_response(await self._desk.shown(identity))

    async def accept(self, request: Request, identity: str) -> Response:
        """Accept a break. Body: `{"owner", "reason", "expires", "approved_by", "max_amount"?}`; two people."""
        principal, body = await self._body(request, *_ACCEPTANCE)
        return json_response(
            await self._desk.accept(acceptance_of({**body, "identity": identity}), by=principal.client)
        )

    async def accept_cluster(self, request: Request) -> Response:
        """Accept a cluster. Body: as for one break, with `cause`, `code`, `legal_entity` and `kind`?."""
        principal, body = await self._body(request, *_ACCEPTANCE, *_CLUSTER)
        return json_response(await self._desk.accept(acceptance_of(body), by=principal.client))

    async def withdraw(self, request: Request, identity: str) -> Response:
        """Take back the acceptance a break is under. Body: `{"why"}`."""
        principal, body = await self._body(request, "why")
        return json_response(await self._desk.withdraw(identity, by=principal.client, why=_why(body)))

    async def withdraw_acceptance(self, request: Request, acceptance_id: str) -> Response:
        """Take back an acceptance and all it covers. Body: `{"why"}`."""
        principal, body = await self._body(request, "why")
        done = await self._desk.withdraw_acceptance(acceptance_id, by=principal.client, why=_why(body))
        return json_response(done)

    async def acceptances(self, request: Request) -> Response:
        """Every acceptance with what it covers now."""
        await self._authenticate(request)
        return json_response(await self._desk.acceptances())

    async def runs(self, request: Request) -> Response:
        """Runs of comparisons, newest first. Query: limit, after."""
        await self._authenticate(request)
        given = dict(request.query_params)
        limit, after = limit_of(given.pop("limit", str(PAGE))), given.pop("after", None)
        _none_left(given, ())
        return json_response(await self._desk.runs(limit=limit, after=after))

    async def compared(self, request: Request, first: str, second: str) -> Response:
        """What became of one run's breaks in another. Query: limit (of each list)."""
        await self._authenticate(request)
        given = dict(request.query_params)
        limit = limit_of(given.pop("limit", str(PAGE)))
        _none_left(given, ())
        return json_response(await self._desk.compared(first, second, limit=limit))

    async def _body(self, request: Request, *names: str) -> tuple[Principal, dict[str, Any]]:
        principal = await self._authenticate(request)
        body = events.decode(await read_body(request, self._settings.body_max))
        if not isinstance(body, dict):
            raise BadInput("the body is not a JSON object")
        for name in body:
            if name not in names:
                raise BadInput(f"{name[:40]}: is not asked for here", mend="use " + ", ".join(names))
        return principal, body


def acceptance_of(given: Mapping[str, Any]) -> AcceptanceRow:
    """An acceptance from a request; raises FourEyes when one person does both, BadInput naming the field."""
    owner, approver = given.get("owner"), given.get("approved_by")
    if isinstance(owner, str) and isinstance(approver, str):
        refuse_one_person(owner, approver)
    try:
        return AcceptanceRow.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise BadInput(
            f"{place}: {said}" if place else said,
            mend='send {"owner", "reason", "expires": "2027-01-31", "approved_by", "max_amount": "0.05"}',
        ) from error


def filter_of(given: Mapping[str, str]) -> BreakFilter:
    """A filter from a query; raises BadInput naming what is wrong and what there is."""
    _none_left(given, FILTERS)
    for name, value in given.items():
        if not 0 < len(value) <= _TEXT_MAX:
            raise BadInput(f"{name}: should be a text of 1 to {_TEXT_MAX} characters")
    state = given.get("state")
    if state is not None and state not in STATE_CHOICES:
        raise BadInput(f"state: there is no {state[:40]!r}", mend="use one of " + ", ".join(STATE_CHOICES))
    minor = None
    if "min_amount" in given:
        currency = given.get("currency")
        if currency is None:
            raise BadInput("min_amount: needs a currency", mend="add currency=GBP")
        try:
            minor = abs(Money.parse(given["min_amount"], currency).minor)
        except ValueError as error:
            raise BadInput(f"min_amount: {error}") from error
    return BreakFilter(
        run=given.get("run"),
        state=state,
        cause=given.get("cause"),
        code=given.get("code"),
        what=given.get("class"),
        entity=given.get("entity"),
        kind=given.get("kind"),
        currency=given.get("currency"),
        column=given.get("column"),
        min_minor=minor,
    )


def limit_of(text: str) -> int:
    """How many rows a page may have; raises BadInput."""
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= MOST_PAGE):
        raise BadInput(f"limit: should be a number from 1 to {MOST_PAGE}")
    return int(text)


def _none_left(given: Mapping[str, str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise BadInput(f"{name[:40]}: is no filter here", mend="use " + ", ".join((*known, "limit")))


def _why(body: Mapping[str, Any]) -> str:
    value = body.get("why")
    if not isinstance(value, str) or not value.strip() or len(value) > 2_000:
        raise BadInput("why: should be a text of 1 to 2000 characters")
    return value
