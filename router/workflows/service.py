"""Carries the processes: starts them, and says what follows when a job has settled.

It reads (the journal, the directory) and builds; it never writes. What it returns is committed by
the journal together with the settlement that caused it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.canonical.billing import BillingEvent, Invoice, Payment
from router.canonical.documents import Document
from router.canonical.masters import Contract, Customer, Opportunity, Project, RateCard
from router.connectors.port import Answer, Connector, Posted, SaidNo
from router.finance.tax import invoice_note
from router.journal.journal import Journal
from router.journal.port import FollowUp, Job, NewJob, Submission
from router.landscape import Landscape
from router.model import LaneKey, State, SystemId
from router.workflows import onboarding
from router.workflows.decisions import (
    Next,
    Step,
    after_step,
    invoice_facts,
    paid_status,
    payment_facts,
    process_id,
)
from router.workflows.directory import Directory
from router.workflows.invoiced import InvoicedToDate
from router.workflows.port import Companion, Follower
from router.workflows.submissions import own_submission, short_digest

PROCESS = "/coexist/initiate-project"


class Workflows:
    """The processes of the firm, on top of one journal."""

    def __init__(
        self,
        *,
        landscape: Landscape,
        journal: Journal,
        directory: Directory,
        connectors: Mapping[SystemId, Connector],
        companions: Sequence[Companion] = (),
        followers: Sequence[Follower] = (),
    ) -> None:
        self._landscape = landscape
        self._journal = journal
        self._invoiced = InvoicedToDate(journal=journal)
        self._directory = directory
        self._crm = next((name for name in landscape.of_role("crm") if name in connectors), None)
        self._companions = companions
        self._followers = followers
        self._accompanied = frozenset({"opportunity"}).union(*(one.kinds for one in companions))
        self._psa = next((name for name in landscape.of_role("psa") if name in connectors), None)

    def accompanies(self, submission: Submission) -> bool:
        """Whether other submissions may have to be accepted along with one."""
        return submission.document is not None and submission.kind in self._accompanied

    async def companions(self, submission: Submission) -> tuple[list[Submission], list[Submission]]:
        """What is accepted in the same commit as a submission, before it and after it.

        Their identity is derived from it, so that a repeat, a crash or a replay makes the same ones.
        """
        document = submission.document
        if isinstance(document, Opportunity) and document.won and submission.verb == "won":
            return [], await self.start_project(document)
        before: list[Submission] = []
        after: list[Submission] = []
        for companion in self._companions if document is not None else ():
            if submission.kind in companion.kinds:
                first, then = await companion.along(submission)
                before += first
                after += then
        return before, after

    async def start_project(self, opportunity: Opportunity) -> list[Submission]:
        """What a won opportunity submits at once: its customer or, when that stands, its contract.

        Nothing when its process has begun: a deal is set up once, however often it is seen.
        """
        if await self._journal.find(process_id(opportunity)):
            return []
        if await self._stands("customer", opportunity.customer_id):
            return [self._step("contract", opportunity)]
        return [self._step("customer", opportunity)]

    async def _stands(self, kind: str, document_id: str) -> bool:
        """Whether the last word on a master was neither a cancellation nor a refusal."""
        known = [await self._journal.transaction(one) for one in await self._journal.find(document_id)]
        newest = [row for row in known if row is not None and row["kind"] == kind][-1:]
        return any(
            row["verb"] != "cancelled" and row["state"] not in (State.REFUSED, State.DEAD) for row in newest
        )

    async def follow_up(self, job: Job, answer: Answer) -> FollowUp:
        """What follows a job that is posted, or refused or dead for good."""
        if job.correlation_id.startswith("initiate-project:"):
            return await self._project_step(job, answer)
        found = FollowUp()
        for follower in self._followers:
            found = _joined(found, await follower.follow_up(job, answer))
        return _joined(found, await self._feedback(job, answer))

    async def _feedback(self, job: Job, answer: Answer) -> FollowUp:
        if not isinstance(answer, Posted) or job.role != "authority":
            return FollowUp()
        if isinstance(job.document, BillingEvent):
            return FollowUp(jobs=await self._invoice_feedback(job.document, answer))
        if isinstance(job.document, Payment):
            return FollowUp(jobs=await self._payment_feedback(job.document))
        return FollowUp()

    # --- initiate-project ---------------------------------------------------------------------

    async def _project_step(self, job: Job, answer: Answer) -> FollowUp:
        step = self._step_of(job)
        opportunity = await self._opportunity(job.correlation_id)
        if step is None or opportunity is None:
            return FollowUp()
        state = dict(await self._journal.process(job.correlation_id) or {})
        if step == "customer":
            state["customer_created"] = isinstance(answer, Posted)
        why = "" if isinstance(answer, Posted) else _why(job, answer)
        following = after_step(
            step,
            posted=isinstance(answer, Posted),
            why=why,
            has_psa=self._psa is not None,
            has_crm=self._crm is not None,
        )
        state |= {
            "process": "initiate-project",
            "opportunity": opportunity.document_id,
            "step": following.step,
        }
        if following.why:
            state["why"] = following.why
        return FollowUp(
            submissions=self._submissions(following, opportunity, state),
            jobs=self._jobs(following, opportunity, job),
            process=state,
        )

    def _step_of(self, job: Job) -> Step | None:
        if job.operation == "cancel":
            return None
        if job.role == "authority":
            for name, model in (("customer", Customer), ("contract", Contract), ("project", Project)):
                if isinstance(job.document, model):
                    return name  # type: ignore[return-value]
            return None
        if job.target == self._psa:
            return "psa_project"
        return "crm_code" if job.target == self._crm and not job.facts.get("problem") else None

    def _submissions(
        self, following: Next, opportunity: Opportunity, state: Mapping[str, Any]
    ) -> tuple[Submission, ...]:
        if following.step in ("customer", "contract", "project"):
            return (self._step(following.step, opportunity),)
        undone = [
            name
            for name in following.cancel
            if name in ("contract", "project") or (name == "customer" and state.get("customer_created"))
        ]
        return tuple(self._step(name, opportunity, verb="cancelled") for name in undone)

    def _jobs(self, following: Next, opportunity: Opportunity, job: Job) -> tuple[NewJob, ...]:
        code = self._code(opportunity)
        if following.step == "psa_project" and self._psa is not None:
            return (_new_job(self._psa, "create", code, code, "project", {"project_id": code}),)
        if self._crm is None:
            return ()
        facts: dict[str, Any] = {"opportunity_id": opportunity.document_id, "project_code": code}
        if following.step == "crm_code":
            return (_new_job(self._crm, "feedback", code, code, "project", {**facts, "status": "active"}),)
        if following.step == "failed" and job.target != self._crm:
            told = {**facts, "status": "failed", "problem": following.why}
            return (_new_job(self._crm, "feedback", f"{code}-failed", code, "project", told),)
        return ()

    def _step(self, step: Step, opportunity: Opportunity, verb: str | None = None) -> Submission:
        code = self._code(opportunity)
        document: Document
        if step == "customer":
            document = onboarding.customer_of(opportunity)
        elif step == "contract":
            customer = self._directory.get(Customer, opportunity.customer_id)
            document = onboarding.contract_of(
                opportunity,
                code,
                self._landscape,
                self._rate_card(opportunity),
                registered=bool(customer is not None and customer.tax_registration),
            )
        else:
            document = onboarding.project_of(opportunity, code, self._landscape)
        happened = verb or document.verbs[0]
        return own_submission(
            document,
            source=PROCESS,
            event_id=f"{opportunity.document_id}:{step}:{happened}",
            verb=happened,
            correlation_id=process_id(opportunity),
        )

    def _rate_card(self, opportunity: Opportunity) -> str | None:
        """The entity's rate card, when it is known and in the deal's currency."""
        wanted = f"RC-{opportunity.legal_entity}"
        card = self._directory.get(RateCard, wanted)
        return wanted if card is not None and card.currency == opportunity.currency else None

    def _code(self, opportunity: Opportunity) -> str:
        return onboarding.project_code(opportunity, short_digest(opportunity.document_id))

    async def _opportunity(self, correlation_id: str) -> Opportunity | None:
        document_id = correlation_id.partition(":")[2]
        found = (await self._journal.documents("opportunity", [document_id])).get(document_id)
        return found if isinstance(found, Opportunity) else None

    # --- invoice and payment feedback -----------------------------------------------------------

    async def _invoice_feedback(self, event: BillingEvent, answer: Posted) -> tuple[NewJob, ...]:
        jobs: list[NewJob] = []
        made = [one for one in answer.created if isinstance(one, Invoice)]
        for invoice in made:
            notes = (invoice_note(line.tax_code, self._landscape.tax_codes) for line in invoice.lines)
            facts = invoice_facts(event, invoice, note=next(filter(None, notes), ""))
            total = await self._invoiced.total(invoice, newest=made)
            told = {**facts, "invoiced_total": total}
            jobs += self._tell(invoice.document_id, event.project_id, "invoice", told)
        return tuple(jobs)

    async def _payment_feedback(self, payment: Payment) -> tuple[NewJob, ...]:
        invoice = (await self._journal.documents("invoice", [payment.invoice_id])).get(payment.invoice_id)
        if not isinstance(invoice, Invoice) or invoice.project_id is None:
            return ()
        paid = await self._journal.paid_minor(invoice.document_id) + payment.amount.minor
        facts = {
            **payment_facts(payment, invoice, paid),
            "invoiced_total": await self._invoiced.total(invoice),
        }
        return self._tell(payment.document_id, invoice.project_id, "payment", facts)

    def _tell(
        self, external_id: str, project_id: str, kind: str, facts: Mapping[str, Any]
    ) -> tuple[NewJob, ...]:
        told = [name for name in (self._psa, self._crm) if name is not None]
        return tuple(_new_job(name, "feedback", external_id, project_id, kind, facts) for name in told)

    async def invoice_feedback(self, invoice: Invoice) -> tuple[NewJob, ...]:
        """The jobs that tell CRM and PSA how an invoice stands now (process API publish-invoice-status)."""
        paid = await self._journal.paid_minor(invoice.document_id)
        facts = {
            "project_id": invoice.project_id,
            "invoice_id": invoice.document_id,
            "number": invoice.number,
            "status": invoice.status if paid == 0 else paid_status(invoice, paid),
            "total": str(invoice.total),
            "invoiced_total": await self._invoiced.total(invoice),
            "currency": invoice.currency,
        }
        return self._tell(invoice.document_id, invoice.project_id or invoice.customer_id, "invoice", facts)


def _joined(one: FollowUp, other: FollowUp) -> FollowUp:
    if not (other.submissions or other.jobs or other.process is not None):
        return one  # nothing follows from most
    return FollowUp(
        submissions=(*one.submissions, *other.submissions),
        jobs=(*one.jobs, *other.jobs),
        process=other.process if one.process is None else one.process,
    )


def _new_job(
    target: SystemId, operation: str, external_id: str, lane: str, kind: str, facts: Mapping[str, Any]
) -> NewJob:
    return NewJob(
        target=target,
        role="feedback",
        operation="create" if operation == "create" else "feedback",
        external_id=external_id,
        lane=LaneKey(lane),
        kind=kind,
        facts=facts,
    )


def _why(job: Job, answer: Answer) -> str:
    said = f"{answer.code}: {answer.message}" if isinstance(answer, SaidNo) else "it could not be delivered"
    return f"{job.target} did not take the {job.kind}: {said}"
