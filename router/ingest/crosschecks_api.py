"""Cross-checks over HTTP: make them and look, or make them and store what does not agree as breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.dualrun.crosschecks.check import Check
from router.dualrun.crosschecks.service import CrossChecks
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response


class CrossChecksApi:
    """The endpoints under `/v1/cross-checks`."""

    def __init__(self, *, checks: CrossChecks, authenticate: Authenticate) -> None:
        self._checks = checks
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/cross-checks")(self.look)
        app.post("/v1/cross-checks")(self.store)

    async def look(self, request: Request, period: str = "", entity: str = "") -> Response:
        """Every check of a period (today's, when none is given), of all entities or one; nothing is stored."""
        await self._authenticate(request)
        return json_response(report(await self._checks.run(period or self._checks.period, entity=entity)))

    async def store(self, request: Request, period: str = "") -> Response:
        """The same, with mismatches stored as breaks (`GET /v1/breaks?class=cross_check`)."""
        await self._authenticate(request)
        return json_response(report(await self._checks.run(period or self._checks.period, store=True)))


def report(checks: Sequence[Check]) -> dict[str, Any]:
    """Checks as JSON with one verdict: fail beats inconclusive beats pass."""
    verdicts = [one.verdict for one in checks]
    worst = next((one for one in ("fail", "inconclusive") if one in verdicts), "pass")
    return {"verdict": worst, "cross_checks": [one.to_json() for one in checks]}
