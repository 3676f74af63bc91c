"""Repairs over HTTP: propose a plan, check it, apply what two people agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.configfile import loads
from router.dualrun.repairs.findings import Finding
from router.dualrun.repairs.plan import Plan, as_plan_of
from router.dualrun.repairs.rules import RepairRules, as_repair_rules
from router.dualrun.repairs.service import Repairs
from router.errors import BadInput
from router.ingest.gateway import read_body
from router.ingest.masters_api import text_of
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.landscape import default_file
from router.model import SystemId
from router.settings import Settings


class RepairsApi:
    """Three endpoints on one service; a plan goes both ways whole, nothing of it is kept between calls."""

    def __init__(self, *, repairs: Repairs, settings: Settings, authenticate: Authenticate) -> None:
        self._repairs = repairs
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.post("/v1/repairs:propose")(self.propose)
        app.post("/v1/repairs:check")(self.check)
        app.post("/v1/repairs:apply")(self.apply)

    async def propose(self, request: Request) -> Response:
        """A plan for a run's breaks. Body: `{"run_id", "rules"?, "legacy"?, "cloud"?}`; `rules` is YAML text."""
        body = await self._body(request)
        names = {name: body[name] for name in ("legacy", "cloud") if name in body}
        systems = {name: SystemId(text_of(names, name)) for name in names}
        plan = await self._repairs.propose(text_of(body, "run_id"), _rules(body), **systems)
        return json_response(plan.to_json())

    async def check(self, request: Request) -> Response:
        """What would become of each proposal now; changes nothing. Body: `{"plan"}`."""
        return json_response(_told(await self._repairs.check(_plan(await self._body(request)))))

    async def apply(self, request: Request) -> Response:
        """Do what is set to apply and is still ready. Body: `{"plan", "by", "approved_by"}`, two people."""
        body = await self._body(request)
        by, approved_by = text_of(body, "by"), text_of(body, "approved_by")
        return json_response(_told(await self._repairs.apply(_plan(body), by=by, approved_by=approved_by)))

    async def _body(self, request: Request) -> Mapping[str, Any]:
        await self._authenticate(request)
        data = events.decode(await read_body(request, self._settings.batch_body_max))
        if not isinstance(data, dict):
            raise BadInput("the body is not a JSON object", mend='send {"plan": …} or {"run_id": "…"}')
        return data


def _plan(body: Mapping[str, Any]) -> Plan:
    if "plan" not in body:
        raise BadInput("plan: is missing", mend="send the plan as it was proposed, with decisions")
    return as_plan_of(body["plan"], "plan")


def _rules(body: Mapping[str, Any]) -> RepairRules:
    given = body.get("rules")
    if given is None:
        return as_repair_rules(default_file("policies/repairs.yaml"))
    if not isinstance(given, str):
        raise BadInput("rules: should be the YAML text of a rules file")
    return as_repair_rules(loads(given, name="rules"))


def _told(found: list[Finding]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    return {"findings": [one.to_json() for one in found], "counts": dict(sorted(counts.items()))}
