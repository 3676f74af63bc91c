"""Process APIs over HTTP: what CRM and PSA ask for in business words (D15)."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.billing import Invoice
from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.canonical.masters import Opportunity
from router.canonical.work import TimeEntry
from router.errors import BadInput, NotFound, Refused
from router.ingest.decisions import check
from router.ingest.gateway import answered, key_of, read_body, result_of
from router.ingest.intake import Intake
from router.ingest.principal import Authenticate, Principal
from router.ingest.problems import json_response, problem_of
from router.journal.journal import Journal
from router.journal.port import Submission
from router.landscape import Landscape
from router.settings import Settings
from router.workflows.decisions import process_id
from router.workflows.directory import Directory
from router.workflows.enrich import Problem, enrich
from router.workflows.service import Workflows
from router.workflows.submissions import own_submission

ENTRIES_MAX = 1_000


class Processes:
    """The five process APIs. Every one is idempotent by the ids in its body."""

    def __init__(
        self,
        *,
        intake: Intake,
        workflows: Workflows,
        journal: Journal,
        directory: Directory,
        landscape: Landscape,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._intake = intake
        self._workflows = workflows
        self._journal = journal
        self._directory = directory
        self._landscape = landscape
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.post("/v1/processes/create-client-account", status_code=202)(self.create_client_account)
        app.post("/v1/processes/initiate-project", status_code=202)(self.initiate_project)
        app.post("/v1/processes/submit-approved-time")(self.submit_approved_time)
        app.post("/v1/processes/apply-change-order", status_code=202)(self.apply_change_order)
        app.post("/v1/processes/publish-invoice-status", status_code=202)(self.publish_invoice_status)

    async def create_client_account(self, request: Request) -> Response:
        """A customer in the ERP that owns it. Body: a canonical customer."""
        principal, document = await self._document(request, "customer")
        return await self._one(self._own(principal, document, "created", key=_key(request)))

    async def initiate_project(self, request: Request) -> Response:
        """Start the project of a won opportunity. Body: a canonical opportunity with `won` true."""
        principal, document = await self._document(request, "opportunity")
        assert isinstance(document, Opportunity)
        if not document.won:
            raise BadInput("won: only a won opportunity starts a project")
        fact = own_submission(
            document,
            source=f"/processes/initiate-project/{principal.client}",
            event_id=document.document_id,
            verb="won",
            correlation_id=process_id(document),
            deliver=False,
        )
        answers = await self._intake.accept([fact, *await self._workflows.start_project(document)])
        return answered(answers[0])

    async def submit_approved_time(self, request: Request) -> Response:
        """Approved time of the PSA. Body: `{"entries": [...]}`; entity, rate and cost centre are added."""
        principal = await self._authenticate(request)
        data = events.decode(await read_body(request, self._settings.batch_body_max))
        rows = data.get("entries") if isinstance(data, dict) else None
        if not isinstance(rows, list) or not 0 < len(rows) <= ENTRIES_MAX:
            raise BadInput(f"entries: should be a list of 1 to {ENTRIES_MAX} time entries")
        results: list[dict[str, Any]] = []
        good: list[tuple[dict[str, Any], Submission]] = []
        for at, entry in enumerate(rows, start=1):
            row: dict[str, Any] = {"entry": at}
            results.append(row)
            try:
                good.append((row, await self._time(principal, entry)))
            except Refused as error:
                row |= {"status": error.status, "problem": problem_of(error)}
        answers = await self._intake.accept_each([submission for _, submission in good])
        for (row, _), answer in zip(good, answers, strict=True):
            row.update(result_of(answer))
        return json_response({"results": results})

    async def apply_change_order(self, request: Request) -> Response:
        """An approved change order. Body: a canonical change order."""
        principal, document = await self._document(request, "change_order")
        return await self._one(self._own(principal, document, "approved", key=_key(request)))

    async def publish_invoice_status(self, request: Request) -> Response:
        """Tell CRM and PSA of an invoice again. Body: `{"invoice_id": ...}`."""
        principal = await self._authenticate(request)
        data = events.decode(await read_body(request, self._settings.body_max))
        invoice_id = data.get("invoice_id") if isinstance(data, dict) else None
        if not isinstance(invoice_id, str):
            raise BadInput("invoice_id: should be the id of an invoice")
        invoice = (await self._journal.documents("invoice", [invoice_id])).get(invoice_id)
        if not isinstance(invoice, Invoice):
            raise NotFound(f"there is no invoice {invoice_id[:80]!r}")
        jobs = await self._workflows.invoice_feedback(invoice)
        told = await self._journal.tell("invoice", invoice_id, jobs, by=principal.client)
        status_url = f"/v1/transactions/{told}"
        return json_response(
            {"transaction_id": told, "status_url": status_url}, 202, {"Location": status_url}
        )

    async def _document(self, request: Request, kind: str) -> tuple[Principal, Document]:
        principal = await self._authenticate(request)
        data = events.decode(await read_body(request, self._settings.body_max))
        if not isinstance(data, dict):
            raise BadInput("the body is not a JSON object")
        document = parse(data | {"kind": kind})
        check(document, self._landscape)
        return principal, document

    def _own(
        self, principal: Principal, document: Document, verb: str, *, key: str | None = None
    ) -> Submission:
        return Submission(
            client=principal.client,
            idempotency_key=key or f"/processes {document.kind} {document.document_id} {verb}",
            received=orjson.dumps(document.model_dump(mode="json")),
            source=f"/processes/{principal.client}",
            event_id=document.document_id,
            verb=verb,
            document=document,
            kind=document.kind,
        )

    async def _one(self, submission: Submission) -> Response:
        (answer,) = await self._intake.accept([submission])
        return answered(answer)

    async def _time(self, principal: Principal, row: Any) -> Submission:
        if not isinstance(row, dict):
            raise BadInput("an entry is not a JSON object")
        if row.get("approved", True) is not True:
            raise BadInput("approved: only approved time is taken", mend="send it when it is approved")
        row = {name: value for name, value in row.items() if name != "approved"}
        found = enrich("time_entry", row, await self._directory.masters_of(row))
        if isinstance(found, Problem):
            raise BadInput(found.why)
        assert isinstance(found, TimeEntry)
        check(found, self._landscape)
        return self._own(principal, found, "approved")


def _key(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    return None if given is None else key_of(given)
