"""Live cutovers over HTTP: how a run stands by its log, and what people say to it, by the same rules as the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.errors import BadInput, NotFound
from router.ingest.gateway import read_body
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.journal.journal import Journal
from router.journal.run_words import EVENTS, Row, Said, Word, approvals, holds, proposal, said_of, state_of
from router.settings import Settings

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "approve": ("digest", "step", "why"), "hold": ("step", "why"), "unhold": ("step", "why"),
    "done": ("step", "why"), "fail": ("step", "why"),
}  # fmt: skip
MOST_ROWS = 200
"""Rows of a log that a page shows, the newest."""


class CutoversApi:
    """The endpoints under `/v1/cutovers/{run}` (`queries_api` has the list); who speaks is who is authenticated, never what a body says."""

    def __init__(self, *, journal: Journal, settings: Settings, authenticate: Authenticate) -> None:
        self._journal = journal
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/cutovers/{run_id}")(self.shown)
        app.post("/v1/cutovers/{run_id}:{word}")(self.say)

    async def shown(self, request: Request, run_id: str) -> Response:
        """One run: who proposed and approved it, its steps, what is held, what it waits for, its newest rows."""
        await self._authenticate(request)
        rows = await self._journal.steps(run_id[:200])
        if not rows:
            raise NotFound("there is no such cutover", mend="GET /v1/cutovers lists them")
        return json_response(run_of(run_id, rows) | {"runner": await self._journal.run_lease(run_id)})

    async def say(self, request: Request, run_id: str, word: str) -> Response:
        """Approve, hold, unhold, done or fail. Body: `{"step"?, "why"?}`, for an approval `{"digest", "step"?}`."""
        principal = await self._authenticate(request)
        if word not in EVENTS:
            raise NotFound(f"a cutover can't be told {word[:40]!r}", mend="use one of " + ", ".join(EVENTS))
        if not await self._journal.steps(run_id[:200]) and word != "approve":
            raise NotFound("there is no such cutover", mend="GET /v1/cutovers lists them")
        given = _texts(events.decode(await read_body(request, self._settings.body_max)), _FIELDS[word])
        said = Said(
            word=cast("Word", word),
            by=principal.client,
            step=given.get("step", ""),
            digest=given.get("digest", ""),
            why=given.get("why", ""),
        )
        return json_response({"run_id": run_id, "said": word, "new": await self._journal.say(run_id, said)})


def _texts(body: Any, allowed: Sequence[str]) -> dict[str, str]:
    if not isinstance(body, dict):
        raise BadInput("the body should be a JSON object")
    for name, value in body.items():
        if name not in allowed:
            raise BadInput(f"{str(name)[:40]}: nothing by that name here", mend="use " + ", ".join(allowed))
        if not isinstance(value, str):
            raise BadInput(f"{name}: should be text")
    return dict(body)


def run_of(run_id: str, rows: Sequence[Row]) -> dict[str, Any]:
    """A run as its log tells it."""
    begun = proposal(rows)
    digest = (
        begun["digest"]
        if begun
        else next((row["data"]["digest"] for row in rows if "digest" in row["data"]), "")
    )
    proposer = [begun["by"]] if begun else []
    return {
        "run_id": run_id,
        "plan": begun["plan"] if begun else None,
        "digest": digest,
        "by": begun["by"] if begun else None,
        "window": begun["window"] if begun else None,
        "approved_by": [_approval(one) for one in approvals(rows, "", digest=digest, not_by=proposer)],
        "holds": [
            {"step": step, "by": row["data"]["by"], "why": row["data"]["why"], "since": row["at"]}
            for step, row in holds(rows).items()
        ],
        "steps": [_step(step, rows, digest, proposer) for step in (begun["steps"] if begun else ())],
        "rows": [dict(row) for row in rows[-MOST_ROWS:]],
        "truncated": len(rows) > MOST_ROWS,
    }


def _approval(one: Any) -> dict[str, str]:
    return {"by": one.by, "at": one.at, "why": one.why}


def _step(
    step: Mapping[str, Any], rows: Sequence[Row], digest: str, proposer: Sequence[str]
) -> dict[str, Any]:
    state = state_of(rows, step["id"])
    mine = [row for row in rows if row["step"] == step["id"]]
    ended = next((row for row in reversed(mine) if row["event"] in ("done", "failed")), None)
    found = {
        **step,
        "state": state,
        "started": next((row["data"]["at"] for row in mine if row["event"] == "started"), None),
        "ended": ended["data"]["ended"] if ended else None,
        "why": ended["data"]["why"] if ended else "",
        "gates": ended["data"]["gates"] if ended else [],
        "approved_by": [
            _approval(one) for one in approvals(rows, step["id"], digest=digest, not_by=proposer)
        ],
    }
    waits = ""
    if state == "running" and len(found["approved_by"]) < step["approvals"]:
        waits = "approve"
    elif state == "running" and step["people"] and said_of(rows, step["id"]) is None:
        waits = "done"
    return found | {"waits_for": waits}
