"""Questions about people over HTTP: payroll runs, utilisation, backlog."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.errors import BadInput
from router.finance.calendar import Calendars
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.workflows.resources import Resources


class People:
    """Read functions; an entity narrows them, and is checked."""

    def __init__(self, *, resources: Resources, calendars: Calendars, authenticate: Authenticate) -> None:
        self._resources = resources
        self._calendars = calendars
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/payroll")(self.payroll)
        app.get("/v1/resources/utilisation")(self.utilisation)
        app.get("/v1/backlog")(self.backlog)

    async def payroll(self, request: Request, entity: str = "", period: str = "") -> Response:
        """The minutes a month's run pays each person of an employer, late ones from before among them."""
        await self._authenticate(request)
        return json_response(
            await self._resources.payroll(_given(entity, "entity"), _given(period, "period"))
        )

    async def utilisation(self, request: Request, period: str = "", entity: str = "") -> Response:
        """Billable and total minutes against capacity, by person, department, practice and employer."""
        await self._authenticate(request)
        wanted = self._entity(entity)
        return json_response(await self._resources.utilisation(_given(period, "period"), wanted))

    async def backlog(self, request: Request, entity: str = "") -> Response:
        """Contract value not billed and planned minutes not worked, by contract and dimension."""
        await self._authenticate(request)
        return json_response(await self._resources.backlog(self._entity(entity)))

    def _entity(self, entity: str) -> str | None:
        if not entity:
            return None
        self._calendars.of(entity)
        return entity


def _given(value: str, name: str) -> str:
    if not value:
        raise BadInput(f"{name}: is missing", mend=f"add ?{name}=…")
    return value
