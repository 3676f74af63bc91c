"""What a project was invoiced to date: posted invoices less their credit memos. CRM and PSA are told of it."""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.billing import CreditMemo, Invoice
from router.canonical.money import Money
from router.journal.journal import Journal
from router.model import State


class InvoicedToDate:
    """Reads the figure from the journal whenever feedback is made."""

    def __init__(self, *, journal: Journal) -> None:
        self._journal = journal

    async def total(self, invoice: Invoice, *, newest: Sequence[Invoice | CreditMemo] = ()) -> str:
        """The total of an invoice's project in its currency, as a decimal string.

        `newest`: documents their ERP has just taken, which the journal does not call posted yet.
        """
        if invoice.project_id is None:
            return str(invoice.total)
        # A credit memo need not name the project; its lane then is the customer's.
        kept = await self._journal.kept(
            ["invoice", "credit_memo"],
            projects=list(dict.fromkeys((invoice.project_id, invoice.customer_id))),
        )
        named = {one.document_id for one in newest}
        posted = [
            one.document
            for one in kept
            if one.state is State.POSTED and one.document.document_id not in named
        ]
        documents = [*posted, *newest]
        invoices = {
            one.document_id: one
            for one in documents
            if isinstance(one, Invoice)
            and (one.project_id, one.currency) == (invoice.project_id, invoice.currency)
            and one.status != "cancelled"
        }
        credited = {
            one.document_id: one
            for one in documents
            if isinstance(one, CreditMemo) and one.invoice_id in invoices and one.status != "cancelled"
        }
        minor = sum(one.total.minor for one in invoices.values())
        minor -= sum(one.total.minor for one in credited.values())
        return str(Money(minor, invoice.currency))
