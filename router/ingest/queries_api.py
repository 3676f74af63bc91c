"""The gateway's reading endpoints: what became of a transaction, where one would go, what stands out."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from router.canonical.kinds import KINDS
from router.canonical.published import schema_of
from router.errors import CoexistError, NotFound
from router.ingest.gateway import read_body, read_document
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.journal.journal import Journal
from router.landscape import Landscape
from router.routing.explain import explain
from router.routing.tables import Tables
from router.settings import Settings


class Queries:
    """Read functions over the journal, as HTTP."""

    def __init__(
        self,
        *,
        journal: Journal,
        landscape: Landscape,
        tables: Tables,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._journal = journal
        self._landscape = landscape
        self._tables = tables
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.get("/v1/transactions/{transaction_id}")(self.get_transaction)
        app.post("/v1/routes:explain")(self.explain)
        app.get("/v1/cutovers")(self.cutovers)
        app.get("/v1/documents/{kind}/{document_id:path}")(self.document)
        app.get("/v1/schemas/{kind}/v{version}")(self.schema)
        app.get("/healthz")(self.healthz)
        app.get("/readyz")(self.readyz)
        app.get("/metrics")(self.metrics)

    async def get_transaction(self, request: Request, transaction_id: str) -> Response:
        """Everything the journal has of one transaction: payload, decisions, attempts, outcome."""
        await self._authenticate(request)
        found = await self._journal.transaction(transaction_id)
        if found is None:
            raise NotFound(f"there is no transaction {transaction_id[:80]!r}")
        return json_response(found)

    async def explain(self, request: Request) -> Response:
        """Where a document would go now, by which rule, and why the earlier rules did not take it."""
        await self._authenticate(request)
        document = read_document(await read_body(request, self._settings.body_max))
        epochs = await self._journal.epochs()
        oldest = min(self._tables.versions)
        version = epochs.get(document.legal_entity, (0, oldest))[1]
        if not self._tables.knows(version):  # published by another process
            self._tables.learn(await self._journal.table_text(version), version=version)
        return json_response(explain(self._tables.compiled(version), document).to_json())

    async def cutovers(self, request: Request) -> Response:
        """The routing epoch and table version in force of every entity, and the runs of plans, newest first."""
        await self._authenticate(request)
        epochs = await self._journal.epochs()
        entities = {}
        for entity in self._landscape.legal_entities:
            epoch, version = epochs.get(entity, (0, min(self._tables.versions)))
            entities[entity] = {"epoch": epoch, "table_version": version}
        return json_response({"entities": entities, "runs": await self._journal.cutover_runs()})

    async def document(self, request: Request, kind: str, document_id: str) -> Response:
        """The newest accepted canonical document of a kind and id, e.g. an invoice an ERP made."""
        await self._authenticate(request)
        found = (
            (await self._journal.documents(kind, [document_id])).get(document_id) if kind in KINDS else None
        )
        if found is None:
            raise NotFound(f"there is no {kind[:40]} {document_id[:80]!r}")
        return json_response(found.model_dump(mode="json", exclude_none=True))

    async def schema(self, kind: str, version: int) -> Response:
        """The published JSON Schema of a kind and version."""
        return json_response(schema_of(kind, version))

    async def healthz(self) -> Response:
        """The process runs."""
        return json_response({"status": "up"})

    async def readyz(self) -> Response:
        """The journal answers."""
        try:
            await self._journal.epochs()
        except CoexistError as error:
            return json_response({"status": "not ready", "why": error.message}, 503)
        return json_response({"status": "ready"})

    async def metrics(self) -> Response:
        """Backlog by system and state, in Prometheus' text format."""
        rows = [
            "# HELP coexist_jobs Jobs by target system and state.",
            "# TYPE coexist_jobs gauge",
        ]
        for target, states in sorted((await self._journal.backlog()).items()):
            for state, count in sorted(states.items()):
                rows.append(f'coexist_jobs{{target="{target}",state="{state}"}} {count}')
        return PlainTextResponse("\n".join(rows) + "\n", media_type="text/plain; version=0.0.4")
