"""Lookalikes over HTTP: what may be there twice, and what people say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.errors import BadInput, NotFound, Refused
from router.ingest.masters_api import json_body, said_by, text_of
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.ingest.replays import Replays, observed_in, submission_of
from router.journal.identity import LOOKALIKE
from router.journal.journal import Journal
from router.model import SystemId
from router.settings import Settings
from router.workflows.duplicates import AliasVet


class Duplicates:
    """Possible duplicates, parked or only suggested."""

    def __init__(
        self,
        *,
        journal: Journal,
        replays: Replays,
        aliases: AliasVet,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._journal = journal
        self._replays = replays
        self._aliases = aliases
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/duplicates")(self.listed)
        app.post("/v1/duplicates/{transaction_id}:distinct")(self.distinct)
        app.post("/v1/duplicates/{transaction_id}:same-as")(self.same_as)

    async def listed(self, request: Request) -> Response:
        """Documents that look like others, with scores and why; `?state=open` filters."""
        await self._authenticate(request)
        wanted = request.query_params.get("state")
        rows = [row for row in await self._grouped() if wanted in (None, row["state"])]
        return json_response({"duplicates": rows})

    async def distinct(self, request: Request, transaction_id: str) -> Response:
        """It is another one: what waited is accepted as new. Body: `by`, `why`."""
        await self._authenticate(request)
        said = said_by(await json_body(request, self._settings))
        row, conflicts = await self._open(transaction_id)
        await self._journal.decide_conflicts(conflicts, state="distinct", **said)
        sent = await self._replays.replay([transaction_id], route="pinned", by=said["by"], why=said["why"])
        return json_response({"transaction_id": transaction_id, "state": "distinct", "sent": sent, **row})

    async def same_as(self, request: Request, transaction_id: str) -> Response:
        """It is that one: its id means the other from now on. Body: `document_id`, `by`, `why`.

        What waited changes nothing of the one that stands; a deal that waited goes on with it. What was
        accepted on a suggestion stays in its ERP, to be merged there; only later documents go elsewhere.
        """
        await self._authenticate(request)
        body = await json_body(request, self._settings)
        said = said_by(body)
        other = text_of(body, "document_id")
        row, conflicts = await self._open(transaction_id)
        kind, own = row["kind"], row["document_id"]
        if other == own:
            raise BadInput(f"document_id: {other} is the document itself", mend="name the other one")
        known = await self._journal.master(kind, other)
        if known is None:
            raise NotFound(f"there is no {kind} {other[:80]!r}", mend="see GET /v1/duplicates")
        found = await self._journal.transaction(transaction_id)
        assert found is not None, "a listed duplicate has its transaction"
        await self._journal.put_alias(kind, own, other, **said)
        await self._aliases.refresh(now=True)
        await self._keep_name(found, kind, other)
        await self._journal.decide_conflicts(conflicts, state="same", **said)
        if found["state"] == "parked" and found["document"] is None:
            if found["kind"] == kind:
                mended = {transaction_id: replace(submission_of(found, known), deliver=False)}
                await self._journal.replay(
                    [transaction_id], route="pinned", by=said["by"], why=said["why"], mended=mended
                )
            else:
                await self._replays.replay([transaction_id], route="pinned", by=said["by"], why=said["why"])
        return json_response({"transaction_id": transaction_id, "state": "same", **row, "means": other})

    async def _keep_name(self, found: Mapping[str, Any], kind: str, other: str) -> None:
        """The row it was seen in, in the system it came from, is one more name of the other."""
        seen = observed_in(found["received"])
        if seen is not None and seen[1] and found["kind"] == kind:
            system = SystemId(str(found["source"]).split("/")[1])
            await self._journal.add_name(system, kind, other, seen[1])

    async def _open(self, transaction_id: str) -> tuple[dict[str, Any], list[int]]:
        for row in await self._grouped():
            if row["transaction_id"] == transaction_id:
                if row["state"] != "open":
                    raise Refused(
                        f"{transaction_id} is decided already: {row['state']}", mend="see GET /v1/duplicates"
                    )
                names = ("kind", "document_id")
                return {name: row[name] for name in names}, [one["conflict_id"] for one in row["candidates"]]
        raise NotFound(f"{transaction_id[:80]!r} is no possible duplicate", mend="see GET /v1/duplicates")

    async def _grouped(self) -> list[dict[str, Any]]:
        """One row a document, its candidates inside."""
        grouped: dict[tuple[str, str], dict[str, Any]] = {}
        for row in await self._journal.conflicts(rules=LOOKALIKE):
            if "transaction_id" not in row:
                continue  # looked at, and not accepted after all
            names = ("transaction_id", "kind", "document_id", "legal_entity", "at", "state")
            entry = grouped.setdefault(
                (row["sender"], row["event_id"]),
                {name: row[name] for name in names} | {"policy": row["rule"], "candidates": []},
            )
            entry |= {name: row[name] for name in ("decided_by", "why", "decided_at") if name in row}
            offered = row["offered"]
            entry["candidates"].append(
                {
                    "conflict_id": row["conflict_id"],
                    "document_id": row["kept"],
                    "score": offered["score"],
                    "why": offered["why"],
                }
            )
        return list(grouped.values())
