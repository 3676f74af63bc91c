"""Tells CRM and PSA what became of an invoice after it was posted: credited, written off, billed anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from router.canonical.billing import CreditMemo, Invoice, WriteOff
from router.connectors.port import Answer, Posted
from router.finance.credits import open_of
from router.journal.journal import Journal
from router.journal.port import FollowUp, Job, NewJob
from router.model import LaneKey, State, SystemId
from router.workflows.invoiced import InvoicedToDate


class InvoiceNews:
    """A Follower: the last word on an invoice reaches who shows it to people.

    A partial write-off changes nothing that is shown: the rest is still to be paid. A partial credit lowers only
    what the CRM shows as invoiced to date.
    """

    def __init__(self, *, journal: Journal, tell: Sequence[SystemId], crm: SystemId | None = None) -> None:
        self._journal = journal
        self._invoiced = InvoicedToDate(journal=journal)
        self._crm = crm
        self._tell = tell

    async def follow_up(self, job: Job, answer: Answer) -> FollowUp:
        """Feedback of a credit memo, write-off or re-billed invoice that its ERP has just taken."""
        document = job.document
        if job.role != "authority" or not isinstance(answer, Posted):
            return FollowUp()
        if isinstance(document, Invoice) and document.rebills:
            return await self._told(document, "posted", document)
        if isinstance(document, CreditMemo | WriteOff):
            name = document.invoice_id
            invoice = (await self._journal.documents("invoice", [name])).get(name)
            if isinstance(invoice, Invoice) and await self._is_settled(invoice, document.document_id):
                status = "credited" if isinstance(document, CreditMemo) else "written_off"
                return await self._told(invoice, status, document)
            if isinstance(invoice, Invoice) and isinstance(document, CreditMemo):
                return await self._lowered(invoice, document)
        return FollowUp()

    async def _is_settled(self, invoice: Invoice, newest: str) -> bool:
        """Whether nothing is open of an invoice once the newest document is posted."""
        kept = await self._journal.against(invoice.document_id)
        posted = [one for one in kept if one.state is State.POSTED or one.document.document_id == newest]
        return open_of(invoice, [one.document for one in posted]).minor <= 0

    async def _lowered(self, invoice: Invoice, credit: CreditMemo) -> FollowUp:
        """Only the total: how the invoice stands is as it was."""
        if invoice.project_id is None or self._crm is None:
            return FollowUp()
        facts = {
            "project_id": invoice.project_id,
            "invoice_id": invoice.document_id,
            "invoiced_total": await self._invoiced.total(invoice, newest=(credit,)),
            "currency": invoice.currency,
        }
        return _jobs((self._crm,), credit.document_id, invoice.project_id, facts)

    async def _told(self, invoice: Invoice, status: str, newest: Invoice | CreditMemo | WriteOff) -> FollowUp:
        if invoice.project_id is None:
            return FollowUp()
        taken = () if isinstance(newest, WriteOff) else (newest,)
        facts = {
            "project_id": invoice.project_id,
            "invoice_id": invoice.document_id,
            "number": invoice.number or invoice.document_id,
            "status": status,
            "total": str(invoice.total),
            "invoiced_total": await self._invoiced.total(invoice, newest=taken),
            "currency": invoice.currency,
        }
        return _jobs(self._tell, newest.document_id, invoice.project_id, facts)


def _jobs(
    systems: Sequence[SystemId], external_id: str, project_id: str, facts: Mapping[str, Any]
) -> FollowUp:
    return FollowUp(
        jobs=tuple(
            NewJob(
                target=system,
                role="feedback",
                operation="feedback",
                external_id=external_id,
                lane=LaneKey(project_id),
                kind="invoice",
                facts=facts,
            )
            for system in systems
        )
    )
