"""Masters over HTTP: whose each attribute is, conflicts between systems, hierarchies, names in other systems.

People decide here what the ownership matrix leaves to them; every decision says who and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.documents import Document
from router.canonical.kinds import KINDS, Kind, parse
from router.canonical.masters import Customer
from router.canonical.ownership import OF_THE_EVENT, Ownership
from router.errors import BadInput, NotFound, StaleVersion
from router.ingest.gateway import answer_of, read_body
from router.ingest.intake import Intake
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.journal.journal import Journal
from router.journal.port import Advance
from router.landscape import Landscape
from router.model import SystemId
from router.settings import Settings
from router.workflows.hierarchy import tree
from router.workflows.ownership import register_of
from router.workflows.submissions import own_submission

DECIDED = "/coexist/conflicts"
"""The source of a change that a person decided."""


class Masters:
    """Reading and deciding what masters are."""

    def __init__(
        self,
        *,
        journal: Journal,
        intake: Intake,
        landscape: Landscape,
        matrix: Ownership,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._journal = journal
        self._intake = intake
        self._landscape = landscape
        self._matrix = matrix
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/masters/{kind}/{document_id}/attributes")(self.attributes)
        app.get("/v1/customers/{document_id}/hierarchy")(self.hierarchy)
        app.get("/v1/ownership")(self.ownership)
        app.get("/v1/ownership/schema")(self.schema)
        app.get("/v1/conflicts")(self.conflicts)
        app.post("/v1/conflicts/{conflict_id}:accept")(self.accept)
        app.post("/v1/conflicts/{conflict_id}:keep")(self.keep)
        app.post("/v1/crosswalk:rename")(self.rename)

    async def attributes(self, request: Request, kind: str, document_id: str) -> Response:
        """Each attribute's value, owner today, and who changed it when, by which event."""
        await self._authenticate(request)
        versions = await self._journal.versions(_master(kind), document_id)
        if not versions:
            raise NotFound(f"there is no {kind} {document_id[:80]!r}")
        shown = {}
        newest = versions[-1][1]
        for name in type(newest).model_fields:
            if name not in OF_THE_EVENT:
                shown[name] = self._attribute(kind, name, versions)
        names = {
            "crosswalk": [
                {"system": system, "vendor_id": vendor_id}
                for system in self._landscape.systems
                for vendor_id in (await self._journal.crosswalk(system, [(kind, document_id)])).values()
            ],
            "former": await self._journal.past_names(kind, document_id),
        }
        return json_response({"kind": kind, "document_id": document_id, "attributes": shown, "names": names})

    def _attribute(
        self, kind: str, name: str, versions: list[tuple[dict[str, Any], Document]]
    ) -> dict[str, Any]:
        history: list[dict[str, Any]] = []
        for said, document in versions:
            value = document.model_dump(mode="json", include={name}).get(name)
            if (not history and value is not None) or (history and history[-1]["value"] != value):
                history.append({"value": value, **said})
        newest = versions[-1][1]
        value = newest.model_dump(mode="json", include={name}).get(name)
        if kind not in self._matrix.objects:
            return {"value": value, "history": history}
        owner, update, conflict = self._matrix.rule(kind, name, newest.accounting_date)
        return {"value": value, "owner": owner, "update": update, "conflict": conflict, "history": history}

    async def hierarchy(self, request: Request, document_id: str) -> Response:
        """A customer with its parents and everything that belongs to it."""
        await self._authenticate(request)
        customers = [one for one in await self._journal.masters("customer") if isinstance(one, Customer)]
        if all(one.document_id != document_id for one in customers):
            raise NotFound(f"there is no customer {document_id[:80]!r}")
        return json_response(tree(customers, document_id))

    async def ownership(self, request: Request) -> Response:
        """The matrix in force."""
        await self._authenticate(request)
        return json_response(self._matrix.model_dump(mode="json", by_alias=True, exclude_none=True))

    async def schema(self) -> Response:
        """The JSON Schema of the matrix's file."""
        return json_response(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": "urn:coexist:schema:ownership:v1",
                **Ownership.model_json_schema(by_alias=True),
            }
        )

    async def conflicts(self, request: Request) -> Response:
        """Changes that were kept from being made, `state` open or as somebody decided.

        `?state=open` filters; `?rule=ignore` lists those the matrix ignores, which nobody need decide.
        """
        await self._authenticate(request)
        rule = request.query_params.get("rule", "record")
        if rule not in ("record", "ignore"):
            raise BadInput(f"rule: there is no list of {rule[:40]!r}", mend="use record or ignore")
        rows = await self._journal.conflicts(rules=(rule,))
        wanted = request.query_params.get("state")
        return json_response({"conflicts": [row for row in rows if wanted in (None, row["state"])]})

    async def accept(self, request: Request, conflict_id: int) -> Response:
        """Take the offered value: the master is accepted anew with it. Body: `by`, `why`.

        Raises StaleVersion when its owner gave another value since.
        """
        row, said = await self._conflict(request, conflict_id)
        register = register_of(row["kind"], row["document_id"])
        revision = (await self._journal.registers([register])).get(register, 0)
        document = await self._journal.master(row["kind"], row["document_id"])
        assert document is not None, "a conflict is about a master that stands"
        data = document.model_dump(mode="json", exclude_none=True)
        stands = data.get(row["attribute"])
        # The offered value stands where an acceptance was cut off before the conflict was marked.
        if stands not in (row["kept"], row["offered"]):
            raise StaleVersion(
                f"{row['attribute']} of {row['kind']} {row['document_id']} is {stands!r} by now; the conflict"
                f" was about {row['kept']!r}, for which {row['offered']!r} was offered",
                mend=f"leave what stands (:keep), or change {row['attribute']} in the {row['owner']}",
            )
        data.pop(row["attribute"], None)
        if row["offered"] is not None:
            data[row["attribute"]] = row["offered"]
        verb = next((one for one in document.verbs if one in ("updated", "amended")), document.verbs[0])
        submission = own_submission(
            parse(data),
            source=DECIDED,
            event_id=f"conflict-{conflict_id}",
            verb=verb,
            correlation_id=f"conflict-{conflict_id}",
        )
        step = Advance(register=register, expected=revision, to=revision + 1, first=0)
        (answer,) = await self._intake.accept([replace(submission, advance=step)])
        told = answer_of(answer)
        await self._journal.decide_conflicts([conflict_id], state="accepted", **said)
        return json_response({**told, "conflict_id": conflict_id, "state": "accepted"})

    async def keep(self, request: Request, conflict_id: int) -> Response:
        """Leave the value that stands. Body: `by`, `why`."""
        _, said = await self._conflict(request, conflict_id)
        await self._journal.decide_conflicts([conflict_id], state="kept", **said)
        return json_response({"conflict_id": conflict_id, "state": "kept"})

    async def _conflict(self, request: Request, conflict_id: int) -> tuple[dict[str, Any], dict[str, str]]:
        await self._authenticate(request)
        said = said_by(await self.body(request))
        found = [row for row in await self._journal.conflicts() if row["conflict_id"] == conflict_id]
        if not found:
            raise NotFound(f"there is no conflict {conflict_id}", mend="see GET /v1/conflicts")
        if found[0]["state"] != "open":
            raise BadInput(
                f"conflict {conflict_id} is decided already: {found[0]['state']}",
                mend="change the attribute in the system that owns it",
            )
        return found[0], said

    async def rename(self, request: Request) -> Response:
        """Give a document another id in a system after a merge or a move there; the old id stays known.

        Body: `system`, `kind`, `document_id`, `vendor_id`, `by`, `why`.
        """
        await self._authenticate(request)
        body = await self.body(request)
        names = {name: text_of(body, name) for name in ("system", "kind", "document_id", "vendor_id")}
        if SystemId(names["system"]) not in self._landscape.systems:
            raise BadInput(
                f"system: there is no {names['system'][:40]!r}",
                mend="use one of " + ", ".join(self._landscape.systems),
            )
        if names["kind"] not in KINDS:
            raise BadInput(f"kind: there is no {names['kind'][:40]!r}", mend="use one of " + ", ".join(KINDS))
        said = said_by(body)
        old = await self._journal.rename(
            SystemId(names["system"]), names["kind"], names["document_id"], names["vendor_id"], **said
        )
        return json_response({**names, "was": old})

    async def body(self, request: Request) -> Mapping[str, Any]:
        """A request's JSON object; raises BadInput."""
        return await json_body(request, self._settings)


async def json_body(request: Request, settings: Settings) -> Mapping[str, Any]:
    """A request's JSON object; raises BadInput for anything else."""
    data = events.decode(await read_body(request, settings.body_max))
    if not isinstance(data, dict):
        raise BadInput("the body is not a JSON object", mend='send {"by": "ann", "why": "…"}')
    return data


def text_of(body: Mapping[str, Any], name: str) -> str:
    """A field that must be a text of 1 to 255 characters; raises BadInput naming it."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= 255 or not value.isprintable():
        raise BadInput(f"{name}: should be a text of 1 to 255 characters")
    return value


def said_by(body: Mapping[str, Any]) -> dict[str, str]:
    """Who decided and why: both are needed."""
    return {"by": text_of(body, "by"), "why": text_of(body, "why")}


def _master(kind: str) -> Kind:
    model = KINDS.get(kind)
    if model is None or model.transactional:
        masters = ", ".join(name for name, one in KINDS.items() if not one.transactional)
        raise NotFound(f"there is no kind of master {kind[:40]!r}", mend=f"use one of {masters}")
    return kind
