"""Billing and revenue over HTTP: ask for the invoices of an entity, recognise a period, see an engagement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from router.canonical import events
from router.canonical.billing import Period
from router.canonical.documents import Code, Day, Document, Identifier
from router.canonical.kinds import describe
from router.canonical.money import Money
from router.clock import Clock
from router.errors import BadInput, NotFound
from router.finance.fx import as_rate, convert_parts, rate
from router.finance.grouping import Bill
from router.ingest.decisions import YEARS, check
from router.ingest.gateway import read_body, result_of
from router.ingest.intake import Intake
from router.ingest.principal import Authenticate
from router.ingest.problems import json_response
from router.journal.port import Submission
from router.landscape import Landscape
from router.settings import Settings
from router.workflows.invoicing import Invoicing, Position
from router.workflows.recognition import Recognised, Recognition
from router.workflows.submissions import own_submission


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    legal_entity: Code
    period: Period
    dry_run: bool = False


class BillAsked(_Asked):
    """The body of `bill`; `through` is the last work day, `invoice_date` the accounting date (default: it)."""

    through: Day
    invoice_date: Day | None = None
    customer_id: Identifier | None = None
    contract_id: Identifier | None = None


class RevenueAsked(_Asked):
    """The body of `recognise-revenue`."""

    contract_id: Identifier | None = None


class BillingApi:
    """The process APIs of billing. Both can be asked again: what was done is not done twice."""

    def __init__(
        self,
        *,
        intake: Intake,
        invoicing: Invoicing,
        recognition: Recognition,
        landscape: Landscape,
        clock: Clock,
        settings: Settings,
        authenticate: Authenticate,
    ) -> None:
        self._intake = intake
        self._invoicing = invoicing
        self._recognition = recognition
        self._landscape = landscape
        self._clock = clock
        self._settings = settings
        self._authenticate = authenticate

    def mount(self, app: FastAPI) -> None:
        """Add the endpoints to an app."""
        app.post("/v1/processes/bill")(self.bill)
        app.post("/v1/processes/recognise-revenue")(self.recognise_revenue)
        app.get("/v1/engagements/{engagement_id}")(self.engagement)

    async def bill(self, request: Request) -> Response:
        """Ask for the invoices of an entity's unbilled work, grouped as its contracts say.

        Body: BillAsked. With `dry_run` it says what would be billed, and why not.
        """
        client, asked = await self._asked(request, BillAsked)
        on = asked.invoice_date or asked.through
        planned = await self._invoicing.plan(
            asked.legal_entity,
            period=asked.period,
            through=asked.through,
            customer_id=asked.customer_id,
            contract_id=asked.contract_id,
        )
        rows: list[dict[str, Any]] = []
        wanted: list[tuple[dict[str, Any], Submission]] = []
        for bill in planned:
            row = _bill_row(bill)
            rows.append(row)
            if bill.blockers:
                continue
            event = await self._invoicing.event(bill, period=asked.period, through=asked.through, on=on)
            row["billing_event"] = event.document_id
            wanted.append((row, self._submission(event, "bill", client)))
        if not asked.dry_run:
            await self._accept(wanted)
        return json_response({"dry_run": asked.dry_run, "period": asked.period, "bills": rows})

    async def recognise_revenue(self, request: Request) -> Response:
        """Recognise what the deferred lines of an entity's contracts earned through a period.

        Body: RevenueAsked. With `dry_run` it says what would be posted.
        """
        client, asked = await self._asked(request, RevenueAsked)
        rows: list[dict[str, Any]] = []
        wanted: list[tuple[dict[str, Any], Submission]] = []
        for one in await self._recognition.plan(asked.legal_entity, asked.period):
            if asked.contract_id not in (None, one.contract_id):
                continue
            row = _revenue_row(one)
            rows.append(row)
            documents: list[Document] = [doc for doc in (one.schedule, one.entry) if doc is not None]
            wanted += [
                (row, self._submission(document, "recognise-revenue", client)) for document in documents
            ]
        if not asked.dry_run:
            await self._accept(wanted)
        return json_response({"dry_run": asked.dry_run, "period": asked.period, "lines": rows})

    async def engagement(self, request: Request, engagement_id: str) -> Response:
        """Contracted, billed and unbilled by contract, in its currency and the group's; `?through=` a day."""
        await self._authenticate(request)
        given = request.query_params.get("through")
        try:
            through = date.fromisoformat(given) if given else self._clock.now().date()
        except ValueError as error:
            raise BadInput(f"through: {given!r} is no day such as 2026-10-31") from error
        if through.year not in YEARS:
            raise BadInput(f"through: {through} lies outside the years {YEARS[0]} to {YEARS[-1]}")
        period = f"{through.year:04d}-{through.month:02d}"
        positions = await self._invoicing.engagement(engagement_id, period=period, through=through)
        if not positions:
            raise NotFound(f"there is no contract of engagement {engagement_id[:80]!r}")
        rows = [_position_row(one) for one in positions]
        found: dict[str, Any] = {
            "engagement_id": engagement_id,
            "through": through.isoformat(),
            "contracts": rows,
        }
        group = self._in_group(positions, rows, through)
        if group is not None:
            found["group"] = group
        return json_response(found)

    def _in_group(
        self, positions: Sequence[Position], rows: Sequence[dict[str, Any]], on: date
    ) -> dict[str, Any] | None:
        """The totals in the group's currency, each contract given its share; None without a rate.

        What is in one currency is converted as a whole, once, so that contracts sum to the total.
        """
        group = self._landscape.group_currency
        if group is None:
            return None
        totals: dict[str, int | None] = {"contracted": 0, "billed": 0, "unbilled": 0}
        for currency in dict.fromkeys(one.contract.currency for one in positions):
            found = rate(self._landscape.fx_rates, "spot", currency, group, on)
            if found is None:
                return None
            by = as_rate(found)
            of_it = [at for at, one in enumerate(positions) if one.contract.currency == currency]
            for at in of_it:
                rows[at]["group"] = {"currency": group, "rate": format(by, "f")}
            for name, before in list(totals.items()):
                amounts = [getattr(positions[at], f"{name}_minor") for at in of_it]
                if None in amounts or before is None:
                    totals[name] = None
                    continue
                shares = convert_parts([Money(minor, currency) for minor in amounts], by, group)
                for at, share in zip(of_it, shares, strict=True):
                    rows[at]["group"][name] = str(share)
                totals[name] = before + sum(share.minor for share in shares)
        shown = {name: None if minor is None else str(Money(minor, group)) for name, minor in totals.items()}
        return {"currency": group, **shown}

    async def _asked(self, request: Request, shape: type[Any]) -> tuple[str, Any]:
        principal = await self._authenticate(request)
        data = events.decode(await read_body(request, self._settings.body_max))
        if not isinstance(data, Mapping):
            raise BadInput("the body is not a JSON object")
        try:
            asked = shape.model_validate(dict(data))
        except ValidationError as error:
            raise BadInput(describe(error)) from error
        if asked.legal_entity not in self._landscape.legal_entities:
            raise BadInput(
                f"legal_entity: there is no {asked.legal_entity!r}",
                mend="use one of " + ", ".join(self._landscape.legal_entities),
            )
        return principal.client, asked

    def _submission(self, document: Document, process: str, client: str) -> Submission:
        check(document, self._landscape)
        return own_submission(
            document,
            source=f"/processes/{process}/{client}",
            event_id=document.document_id,
            verb=document.verbs[0],
            correlation_id=f"{process}:{document.document_id}",
        )

    async def _accept(self, wanted: list[tuple[dict[str, Any], Submission]]) -> None:
        answers = await self._intake.accept_each([submission for _, submission in wanted])
        for (row, submission), answer in zip(wanted, answers, strict=True):
            told = {"document_id": submission.event_id, "kind": submission.kind, **result_of(answer)}
            row.setdefault("accepted", []).append(told)


def _bill_row(bill: Bill) -> dict[str, Any]:
    return {
        "group": bill.key,
        "customer_id": bill.contract.customer_id,
        "contract_id": bill.contract.document_id,
        "projects": [project.document_id for project in bill.projects],
        "currency": bill.contract.currency,
        "unbilled": str(Money(bill.unbilled_minor, bill.contract.currency)),
        "documents": bill.documents,
        "blockers": list(bill.blockers),
        "left_out": list(bill.left_out),
    }


def _revenue_row(one: Recognised) -> dict[str, Any]:
    def shown(minor: int) -> str:
        return str(Money(minor, one.currency))

    return {
        "contract_id": one.contract_id,
        "line": one.line,
        "method": one.method,
        "currency": one.currency,
        "earned_to_date": shown(one.earned_minor),
        "recognised_before": shown(one.before_minor),
        "amount": shown(0 if one.entry is None else one.earned_minor - one.before_minor),
        "schedule": one.schedule.document_id if one.schedule is not None else None,
        "journal_entry": one.entry.document_id if one.entry is not None else None,
        "problem": one.problem,
    }


def _position_row(one: Position) -> dict[str, Any]:
    contract, currency = one.contract, one.contract.currency
    amounts = {
        "contracted": one.contracted_minor,
        "billed": one.billed_minor,
        "unbilled": one.unbilled_minor,
    }
    return {
        "contract_id": contract.document_id,
        "legal_entity": contract.legal_entity,
        "customer_id": contract.customer_id,
        "billing": contract.billing,
        "currency": currency,
        **{name: None if minor is None else str(Money(minor, currency)) for name, minor in amounts.items()},
        "group": None,
    }
