"""Closing the books over HTTP: periods, accruals, charges between entities and their match."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.work import ExpenseItem, TimeEntry
from router.dualrun.intercompany import IntercompanyMatch
from router.errors import BadInput
from router.ingest.gateway import read_body
from router.ingest.intake import Intake
from router.ingest.principal import Authenticate, Principal
from router.ingest.problems import json_response
from router.journal.journal import Journal
from router.settings import Settings
from router.workflows.accruals import Accruals
from router.workflows.intercompany import IntercompanyLegs
from router.workflows.period_book import PeriodBook
from router.workflows.period_close import PeriodClose

MOST_TEXT = 500


class Closing:
    """The endpoints of period close. `by` is the authenticated caller unless the body names a person."""

    def __init__(
        self,
        *,
        intake: Intake,
        journal: Journal,
        book: PeriodBook,
        close: PeriodClose,
        accruals: Accruals,
        charges: IntercompanyLegs,
        matches: IntercompanyMatch,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._intake = intake
        self._journal = journal
        self._book = book
        self._close = close
        self._accruals = accruals
        self._charges = charges
        self._matches = matches
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/periods")(self.periods)
        app.post("/v1/periods/{entity}/{period}:soft-close")(self.soft_close)
        app.post("/v1/periods/{entity}/{period}:close")(self.hard_close)
        app.post("/v1/periods/{entity}/{period}:reopen")(self.reopen)
        app.get("/v1/periods/{entity}/{period}")(self.period)
        app.post("/v1/processes/accrue")(self.accrue)
        app.post("/v1/processes/charge-intercompany")(self.charge_intercompany)
        app.get("/v1/intercompany")(self.intercompany)
        app.post("/v1/intercompany:match")(self.match)

    async def periods(self, request: Request, entity: str = "") -> Response:
        """How the periods of an entity stand."""
        await self._authenticate(request)
        return json_response({"periods": await self._close.periods(_given(entity, "entity"))})

    async def period(self, request: Request, entity: str, period: str) -> Response:
        """One period: state, what is in the way of closing it, what came too late."""
        await self._authenticate(request)
        return json_response(await self._close.period(entity, period))

    async def soft_close(self, request: Request, entity: str, period: str) -> Response:
        """End ordinary entries; corrections with a reason still pass. Body: `{"why", "by"?}`."""
        return await self._mark(request, entity, period, "soft_closed")

    async def hard_close(self, request: Request, entity: str, period: str) -> Response:
        """Close for good. Body: `{"why", "by"?, "force"?}`; 409 names what is in the way."""
        return await self._mark(request, entity, period, "closed")

    async def reopen(self, request: Request, entity: str, period: str) -> Response:
        """Open again. Body: `{"why", "approved_by", "by"?}`; two different people."""
        principal, body = await self._body(request)
        approved_by = body.get("approved_by", "")
        if not isinstance(approved_by, str):
            raise BadInput("approved_by: should be the name of a person")
        return json_response(
            await self._close.reopen(
                entity, period, by=_by(body, principal), why=_text(body, "why"), approved_by=approved_by
            )
        )

    async def accrue(self, request: Request) -> Response:
        """Accrue what is approved and not in its ERP. Body: `{"legal_entity", "period", "dry_run"?}`."""
        _, body = await self._body(request)
        return json_response(
            await self._accruals.run(
                self._intake.accept,
                entity=_text(body, "legal_entity"),
                period=_text(body, "period"),
                dry_run=_flag(body, "dry_run"),
            )
        )

    async def charge_intercompany(self, request: Request) -> Response:
        """Charge work in an entity's books that has no legs yet. Body: `{"legal_entity", "period", "dry_run"?}`."""
        _, body = await self._body(request)
        entity, dry_run = _text(body, "legal_entity"), _flag(body, "dry_run")
        period = self._book.calendars.named(entity, _text(body, "period"))
        rows = await self._journal.entered(
            ("time_entry", "expense_item"),
            first=period.first.isoformat(),
            last=period.last.isoformat(),
            entity=entity,
        )
        works = [row.document for row in rows if isinstance(row.document, TimeEntry | ExpenseItem)]
        made = [one for work in works for one in await self._charges.uncharged(work)]
        if made and not dry_run:
            await self._intake.accept(made)
        legs = [one.document.document_id for one in made if one.document is not None]
        return json_response(
            {"legal_entity": entity, "period": period.name, "dry_run": dry_run, "legs": legs}
        )

    async def intercompany(self, request: Request, period: str = "") -> Response:
        """Due from and due to of a period, as all ERPs hold them now."""
        await self._authenticate(request)
        return json_response(await self._matches.report(_given(period, "period")))

    async def match(self, request: Request) -> Response:
        """The same, and what does not match becomes an exception. Body: `{"period"}`."""
        _, body = await self._body(request)
        return json_response(await self._matches.report(_text(body, "period"), store=True))

    async def _mark(
        self, request: Request, entity: str, period: str, state: Literal["soft_closed", "closed"]
    ) -> Response:
        principal, body = await self._body(request)
        return json_response(
            await self._close.close(
                entity,
                period,
                state,
                by=_by(body, principal),
                why=_text(body, "why"),
                force=_flag(body, "force"),
            )
        )

    async def _body(self, request: Request) -> tuple[Principal, dict[str, Any]]:
        principal = await self._authenticate(request)
        data = events.decode(await read_body(request, self._settings.body_max))
        if not isinstance(data, dict):
            raise BadInput("the body is not a JSON object")
        return principal, data


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MOST_TEXT:
        raise BadInput(f"{name}: should be a text of 1 to {MOST_TEXT} characters")
    return value


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadInput(f"{name}: should be true or false")
    return value


def _by(body: dict[str, Any], principal: Principal) -> str:
    return _text(body, "by") if "by" in body else principal.client


def _given(value: str, name: str) -> str:
    if not value:
        raise BadInput(f"{name}: is missing", mend=f"add ?{name}=…")
    return value
