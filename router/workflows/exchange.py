"""Gives documents in a foreign currency the exchange rate they are posted at.

A rate a document came with stays. Else the contract's rate type and the accounting date decide; a
credit memo takes its invoice's own rate, so that it takes back exactly what that booked, and a
write-off has none, since the ERP writes off at the invoice's. A payment has the rate of its day: the
difference is the ERP's to book.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from router.canonical.billing import BillingEvent, CreditMemo, Invoice, Payment
from router.canonical.documents import Document
from router.canonical.masters import Contract
from router.errors import RateMissing
from router.finance.fx import as_rate, rate
from router.journal.journal import Journal
from router.journal.port import Submission
from router.landscape import Landscape
from router.workflows.directory import Directory

Priced = BillingEvent | Invoice | CreditMemo | Payment


def contract_rate(
    landscape: Landscape, contract: Contract | None, *, base: str, quote: str, on: date
) -> Decimal:
    """The rate of a contract's type on a day, as documents carry it.

    Raises RateMissing naming pair, type, day and where to add it.
    """
    kind = contract.rate_type if contract is not None else "spot"
    if kind == "contract" and contract is not None and contract.exchange_rate is not None:
        return contract.exchange_rate
    found = rate(landscape.fx_rates, kind, base, quote, on, group=landscape.group_currency)
    if found is None:
        raise RateMissing(
            f"there is no {kind} rate from {base} to {quote} on {on}",
            mend="give the contract its exchange_rate"
            if kind == "contract"
            else "add it to fx_rates of the landscape, or send the document with an exchange_rate",
        )
    return as_rate(found)


class ExchangeRates:
    """Sets `exchange_rate` where a document's currency is not its entity's."""

    kinds: frozenset[str] = frozenset({"billing_event", "invoice", "credit_memo", "payment"})
    alone = False

    def __init__(self, *, journal: Journal, directory: Directory, landscape: Landscape) -> None:
        self._journal = journal
        self._directory = directory
        self._landscape = landscape

    async def look(self, submission: Submission) -> Submission:
        """The document at its rate; raises RateMissing naming pair, type, day and where to add it."""
        document = submission.document
        if not isinstance(document, Priced):
            return submission
        home = self._landscape.legal_entities[document.legal_entity].currency
        if document.currency == home or document.exchange_rate is not None:
            return submission
        try:
            found = await self._rate(document, home)
        except RateMissing:
            if await self._journal.master(document.kind, document.document_id):
                return submission  # a repeat gets its first answer, whatever became of the rates since
            raise
        return replace(
            submission,
            document=document.model_copy(update={"exchange_rate": found}),
            as_sent=submission.as_sent or document,
        )

    async def _rate(self, document: Priced, home: str) -> Decimal:
        invoice = await self._invoice(document)
        if isinstance(document, CreditMemo) and invoice is not None:
            booked = await self._booked(invoice)
            if booked is not None:
                return booked
        contract = await self._contract(document, invoice)
        return contract_rate(
            self._landscape, contract, base=document.currency, quote=home, on=document.accounting_date
        )

    async def _invoice(self, document: Document) -> Invoice | None:
        invoice_id = getattr(document, "invoice_id", None)
        if invoice_id is None:
            return None
        found = (await self._journal.documents("invoice", [invoice_id])).get(invoice_id)
        return found if isinstance(found, Invoice) else None

    async def _booked(self, invoice: Invoice) -> Decimal | None:
        """The rate an invoice was booked at: its own, or that of the event that asked for it."""
        if invoice.exchange_rate is not None or invoice.billing_event_id is None:
            return invoice.exchange_rate
        asked = (await self._journal.documents("billing_event", [invoice.billing_event_id])).get(
            invoice.billing_event_id
        )
        return asked.exchange_rate if isinstance(asked, BillingEvent) else None

    async def _contract(self, document: Document, invoice: Invoice | None) -> Contract | None:
        contract_id = getattr(document, "contract_id", None) or (invoice.contract_id if invoice else None)
        return None if contract_id is None else await self._directory.find(Contract, contract_id)
