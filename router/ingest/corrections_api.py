"""Corrections of what was invoiced, and the end of a project, over HTTP: credit and re-bill, write-off, close."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.billing import CreditMemo, Invoice, WriteOff
from router.canonical.documents import Document
from router.canonical.masters import Project
from router.canonical.money import Money
from router.clock import Clock
from router.errors import BadInput, NotFound
from router.finance.credits import credit_id, credit_of, open_of, rebill_of
from router.finance.identity import derived
from router.ingest.gateway import answer_of, answered, key_of, read_body
from router.ingest.intake import Intake
from router.ingest.principal import Authenticate, Principal
from router.ingest.problems import json_response
from router.journal.journal import Journal
from router.journal.port import Accepted, Submission
from router.landscape import Landscape
from router.settings import Settings
from router.workflows.close_out import CloseOut, against, refuse_open
from router.workflows.directory import Directory
from router.workflows.period_book import PeriodBook
from router.workflows.submissions import short_digest

TEXT_MAX = 255
LINES_MAX = 9_999


class CorrectionsApi:
    """Three process APIs. What a repeat means is told by ids derived from the body: the first answer again."""

    def __init__(
        self,
        *,
        intake: Intake,
        journal: Journal,
        directory: Directory,
        landscape: Landscape,
        periods: PeriodBook,
        close_out: CloseOut,
        clock: Clock,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._intake = intake
        self._journal = journal
        self._directory = directory
        self._landscape = landscape
        self._periods = periods
        self._close_out = close_out
        self._clock = clock
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.post("/v1/processes/credit-and-rebill", status_code=202)(self.credit_and_rebill)
        app.post("/v1/processes/write-off", status_code=202)(self.write_off)
        app.post("/v1/processes/close-project", status_code=202)(self.close_project)
        app.get("/v1/projects/{project_id}/open-items")(self.open_items)

    async def credit_and_rebill(self, request: Request) -> Response:
        """Credit a whole invoice and issue another one. Body: `{"invoice_id", "reason", "lines"?}`.

        `lines` are all lines of the new invoice; one with the number of an old line keeps what it does
        not say. Without them the new invoice says the same. Both go to the ERP of the original.
        """
        principal, body = await self._body(request)
        invoice = await self._invoice(body)
        reason = _text(body, "reason")
        lines = body.get("lines")
        if lines is not None and (
            not isinstance(lines, list)
            or not 0 < len(lines) <= LINES_MAX
            or not all(isinstance(line, dict) for line in lines)
        ):
            raise BadInput("lines: should be a list of invoice lines", mend="leave it out to keep the lines")
        name = credit_id(invoice.document_id)
        known = (await self._journal.documents("credit_memo", [name])).get(name)
        if known is None:
            await self._refuse_settled(invoice)
        on = known.accounting_date if known is not None else self._today(invoice.legal_entity)
        memo = credit_of(invoice, reason=reason, on=on)
        again = rebill_of(invoice, lines, taxes=self._landscape.tax_codes, on=on)
        path = f"/processes/credit-and-rebill {invoice.document_id}"
        key = _key(request) or path
        answers = await self._intake.accept(
            [
                _own(principal, memo, "issued", f"{key} credit"),
                _own(principal, again, "issued", f"{key} rebill"),
            ]
        )
        told = {"credit_memo": answer_of(answers[0]), "invoice": answer_of(answers[1])}
        replayed = all(isinstance(one, Accepted) and one.replayed for one in answers)
        return json_response(told, 200 if replayed else 202)

    async def write_off(self, request: Request) -> Response:
        """Give up what will not be paid. Body: `{"invoice_id", "reason", "approved_by", "amount"?}`.

        Without an amount all that is open. Approved by somebody else than who asks.
        """
        principal, body = await self._body(request)
        invoice = await self._invoice(body)
        reason, approved_by = _text(body, "reason"), _text(body, "approved_by")
        if approved_by == principal.client:
            raise BadInput(
                f"approved_by: {approved_by} asks for it and can't approve it",
                mend="have somebody else approve it",
            )
        stated = body.get("amount")
        key = _key(request) or short_digest(f"{stated} {reason} {approved_by}")
        name = derived(f"WO-{invoice.document_id}", f"-{short_digest(key)}")
        known = (await self._journal.documents("write_off", [name])).get(name)
        if isinstance(known, WriteOff):
            amount, on = known.amount, known.accounting_date
            if stated is not None:
                amount = _money(stated, invoice)
        else:
            amount, on = await self._to_write_off(invoice, stated), self._today(invoice.legal_entity)
        document = WriteOff.model_validate(
            {
                "kind": "write_off", "document_id": name, "legal_entity": invoice.legal_entity,
                "region": invoice.region, "business_unit": invoice.business_unit, "accounting_date": on,
                "customer_id": invoice.customer_id, "project_id": invoice.project_id,
                "invoice_id": invoice.document_id, "amount": amount, "currency": invoice.currency,
                "reason": reason, "approved_by": approved_by,
            }
        )  # fmt: skip
        return await self._one(_own(principal, document, "approved", f"/processes/write-off {key} {name}"))

    async def close_project(self, request: Request) -> Response:
        """Close a project in its ERP, then in the PSA. Body: `{"project_id"}`; 409 names what is open."""
        principal, body = await self._body(request)
        name = _text(body, "project_id")
        project = await self._directory.find(Project, name)
        if project is None:
            raise NotFound(f"there is no project {name[:80]!r}")
        known = [await self._journal.transaction(one) for one in await self._journal.find(name)]
        rows = [row for row in known if row is not None and row["kind"] == "project" and row["document"]]
        if project.status == "closed" and rows:
            url = f"/v1/transactions/{rows[-1]['transaction_id']}"
            told = {name: rows[-1][name] for name in ("transaction_id", "correlation_id", "state")}
            return json_response(told | {"status_url": url}, 200, {"Idempotent-Replayed": "true"})
        refuse_open(name, await self._close_out.open_items(name))
        closed = project.model_copy(update={"status": "closed"})
        after = rows[-1]["transaction_id"] if rows else ""
        key = _key(request) or f"/processes/close-project {name} {after}"
        return await self._one(_own(principal, closed, "closed", key))

    async def open_items(self, request: Request, project_id: str) -> Response:
        """What keeps a project from being closed: each item with why and where to mend it."""
        await self._authenticate(request)
        items = await self._close_out.open_items(project_id)
        return json_response({"project_id": project_id, "open_items": [one.as_row() for one in items]})

    async def _body(self, request: Request) -> tuple[Principal, Mapping[str, Any]]:
        principal = await self._authenticate(request)
        body = events.decode(await read_body(request, self._settings.body_max))
        if not isinstance(body, dict):
            raise BadInput("the body is not a JSON object")
        return principal, body

    async def _invoice(self, body: Mapping[str, Any]) -> Invoice:
        name = _text(body, "invoice_id")
        found = (await self._journal.documents("invoice", [name])).get(name)
        if not isinstance(found, Invoice):
            raise NotFound(f"there is no invoice {name[:80]!r}")
        return found

    async def _refuse_settled(self, invoice: Invoice) -> None:
        """Raise BadInput when something was settled against an invoice already."""
        for document in await against(self._journal, invoice.document_id):
            said = "credited" if isinstance(document, CreditMemo) else f"settled by a {document.kind}"
            worth = document.money
            raise BadInput(
                f"invoice_id: {invoice.document_id} is {said.replace('_', ' ')} already:"
                f" {document.document_id}, {worth} {worth.currency}",
                mend="credit the rest with a credit memo (POST /v1/transactions), or give the money back first",
            )

    async def _to_write_off(self, invoice: Invoice, stated: Any) -> Money:
        rest = open_of(invoice, await against(self._journal, invoice.document_id))
        amount = rest if stated is None else _money(stated, invoice)
        if not 0 < amount.minor <= rest.minor:
            raise BadInput(
                f"amount: {amount} {amount.currency} can't be written off of {invoice.document_id}:"
                f" {rest} {rest.currency} is open",
                mend="write off at most what is open",
            )
        return amount

    def _today(self, entity: str) -> date:
        """Today in an entity's books, or the first day that is open."""
        zone = ZoneInfo(self._landscape.legal_entities[entity].time_zone)
        today = self._clock.now().astimezone(zone).date()
        return self._periods.first_open(entity, today) or today

    async def _one(self, submission: Submission) -> Response:
        (answer,) = await self._intake.accept([submission])
        return answered(answer)


def _own(principal: Principal, document: Document, verb: str, key: str) -> Submission:
    return Submission(
        client=principal.client,
        idempotency_key=key,
        received=orjson.dumps(document.model_dump(mode="json", exclude_none=True)),
        source=f"/processes/{principal.client}",
        event_id=document.document_id,
        verb=verb,
        document=document,
        kind=document.kind,
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found.strip() or len(found) > TEXT_MAX:
        raise BadInput(f"{name}: should be a text of 1 to {TEXT_MAX} characters")
    return found


def _money(stated: Any, invoice: Invoice) -> Money:
    try:
        return Money.parse(stated, invoice.currency)
    except ValueError as error:
        raise BadInput(f"amount: {error}", mend='give it as a decimal string such as "20.00"') from error


def _key(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    return None if given is None else key_of(given)
