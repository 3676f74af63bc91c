"""The catalogue of business events: each one's meaning, when exactly it is told, and its data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1
PREFIX = "coexist.event."
MONEY = "decimal text in `currency`"
_DOCUMENT: Mapping[str, str] = {
    "transaction_id": "the transaction in the journal",
    "document_id": "the document's id",
    "legal_entity": "whose books it is in",
    "accounting_date": "the day it belongs to in the books",
}
_POSTED: Mapping[str, str] = {**_DOCUMENT, "system": "the ERP that has it"}
_WORK: Mapping[str, str] = {
    "project_id": "the project",
    "resource_id": "who did it",
    "currency": "ISO 4217",
    "amount": MONEY,
    "billable": "whether the customer pays for it",
}
_BILLED: Mapping[str, str] = {
    "number": "the number the ERP gave it",
    "customer_id": "the customer",
    "project_id": "the project, where it is of one",
    "contract_id": "the contract, where it is of one",
    "currency": "ISO 4217",
    "net": MONEY,
    "tax": MONEY,
    "total": MONEY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """One business event."""

    name: str
    meaning: str
    """One sentence finance would sign."""
    when: str
    """When exactly it is told."""
    fields: Mapping[str, str]
    """Its data; a field the document does not have is left out."""
    example: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return f"{PREFIX}{self.name}.v{VERSION}"


def _of(name: str, meaning: str, when: str, fields: Mapping[str, str], /, **example: Any) -> EventType:
    shown = {
        "transaction_id": "T000000000042", "document_id": "TE-100", "legal_entity": "UK01",
        "accounting_date": "2026-10-29", "system": "netsuite", "project_id": "P-100", "resource_id": "R-100",
        "customer_id": "C-100", "contract_id": "K-100", "currency": "GBP", "amount": "1100.00", "billable": True,
        "net": "1100.00", "tax": "220.00", "total": "1320.00", "number": "INV1042",
    }  # fmt: skip
    kept = {field: (shown | example)[field] for field in fields}
    return EventType(name=name, meaning=meaning, when=when, fields=fields, example=kept)


TYPES: tuple[EventType, ...] = (
    _of(
        "CustomerCreated", "A customer stands in the books of an entity and may be billed.",
        "The ERP that owns the customer has posted it for the first time.",
        {**_POSTED, "name": "its name", "country": "where it is", "currency": "ISO 4217"},
        document_id="C-100", name="Acme Ltd", country="GB",
    ),
    _of(
        "ContractSigned", "A contract with a customer is in force and may be worked and billed on.",
        "The ERP that owns the contract has posted it with the verb `signed`.",
        {**_POSTED, "customer_id": "the customer", "billing": "how it is billed", "contract_version": "counts from 1",
         "currency": "ISO 4217"},
        document_id="K-100", billing="time_and_materials", contract_version=1,
    ),
    _of(
        "ContractChanged", "What was agreed in a contract has changed from a day on.",
        "The ERP has posted a change order, or the contract with the verb `amended` or `renewed`.",
        {**_POSTED, "contract_id": "the contract", "contract_version": "the version that now stands",
         "effective": "from which day", "reason": "why"},
        document_id="CO-100", contract_version=2, effective="2026-11-01", reason="More hours",
    ),
    _of(
        "ProjectActivated", "A project stands in the books and work may be posted on it.",
        "The ERP that owns the project has posted it with the verb `initiated`.",
        {**_POSTED, "customer_id": "the customer", "contract_id": "the contract", "name": "its name",
         "currency": "ISO 4217"},
        document_id="P-100", name="ERP advisory",
    ),
    _of(
        "ProjectClosed", "A project takes no more work, and nothing of it was open.",
        "The ERP that owns the project has posted it with the verb `closed`.",
        {**_POSTED, "customer_id": "the customer", "contract_id": "the contract"}, document_id="P-100",
    ),
    _of(
        "TimeApproved", "Hours of a person on a project were approved and are the firm's to bill or bear.",
        "The approved entry was accepted and completed; its posting to an ERP follows. A split tells each part;"
        " a reversal is no approval.",
        {**_DOCUMENT, **_WORK, "work_date": "the day worked", "minutes": "exact minutes", "part_of": "the entry it is"
         " a part of", "adjusts": "the entry it corrects"},
        work_date="2026-10-29", minutes=440, part_of="TE-99", adjusts="TE-98",
    ),
    _of(
        "TimePosted", "Approved hours are in the books of their entity.",
        "The ERP has posted the entry; a reversal is told as TimeReversed instead.",
        {**_POSTED, **_WORK, "work_date": "the day worked", "minutes": "exact minutes", "adjusts": "the entry it"
         " corrects"},
        work_date="2026-10-29", minutes=440, adjusts="TE-98",
    ),
    _of(
        "TimeReversed", "Hours that were in the books were taken back, to the minor unit.",
        "The ERP that holds the original has posted an entry of negative minutes that adjusts it.",
        {**_POSTED, **_WORK, "work_date": "the day worked", "minutes": "negative", "adjusts": "the entry taken back"},
        document_id="TE-100.r1", work_date="2026-10-29", minutes=-440, amount="-1100.00", adjusts="TE-100",
    ),
    _of(
        "ExpensePosted", "An approved expense is in the books of its entity; a negative one takes another back.",
        "The ERP has posted the expense item.",
        {**_POSTED, **_WORK, "expense_date": "the day", "category": "what sort", "adjusts": "the expense it corrects"},
        document_id="EX-100", expense_date="2026-10-29", category="TRAVEL", amount="84.20", adjusts="EX-99",
    ),
    _of(
        "MilestoneCompleted", "A step of a fixed-fee contract is done and may be billed.",
        "The completed milestone was accepted.",
        {**_DOCUMENT, "project_id": "the project", "contract_id": "the contract", "contract_line": "the line it bills",
         "name": "the step", "completed_on": "the day", "currency": "ISO 4217", "amount": MONEY},
        document_id="MS-100", contract_line=1, name="Go-live", completed_on="2026-10-30", amount="20000.00",
    ),
    _of(
        "ChargeFellDue", "The fee of a period of a subscription or retainer fell due.",
        "The charge was accepted; it is billed by the next invoice of the contract.",
        {**_DOCUMENT, "project_id": "the project", "contract_id": "the contract", "contract_line": "the line it bills",
         "service_from": "first day", "service_until": "last day", "currency": "ISO 4217", "amount": MONEY},
        document_id="CH-K-100-1-202610", contract_line=1, service_from="2026-10-01", service_until="2026-10-31",
        amount="500.00",
    ),
    _of(
        "BillingRequested", "Somebody asked for what is unbilled on a project to be billed up to a day.",
        "The billing event was accepted; the invoice follows as InvoicePosted.",
        {**_DOCUMENT, "project_id": "the project", "customer_id": "the customer", "contract_id": "the contract",
         "currency": "ISO 4217", "period": "YYYY-MM", "through": "the last day billed"},
        document_id="B-2610-00001", period="2026-10", through="2026-10-31",
    ),
    _of(
        "InvoicePosted", "An invoice to a customer is in the books, and its total is receivable.",
        "The ERP has made the invoice of a billing event, or has posted one it was sent.",
        {**_POSTED, **_BILLED, "due_date": "when it is due", "billing_event_id": "what asked for it"},
        document_id="INV-100", due_date="2026-11-29", billing_event_id="B-2610-00001",
    ),
    _of(
        "PaymentReceived", "Money of a customer for an invoice is in the books.",
        "The ERP that has the invoice has posted the payment.",
        {**_POSTED, "customer_id": "the customer", "invoice_id": "the invoice", "paid_on": "the day",
         "currency": "ISO 4217", "amount": MONEY},
        document_id="PAY-100", invoice_id="INV-100", paid_on="2026-11-20", amount="1320.00",
    ),
    _of(
        "InvoicePaid", "Nothing is open of an invoice any more: payments, credits and write-offs make up its total.",
        "The posting of the payment, credit memo or write-off that closed it, right after the event of that; not of"
        " an invoice that was only credited or written off.",
        {**_POSTED, "customer_id": "the customer", "invoice_id": "the invoice", "currency": "ISO 4217", "total": MONEY},
        document_id="PAY-100", invoice_id="INV-100",
    ),
    _of(
        "CreditIssued", "A customer was credited for an invoice, in whole or in part.",
        "The ERP that has the invoice has posted the credit memo.",
        {**_POSTED, **_BILLED, "invoice_id": "the invoice", "reason": "why"},
        document_id="CM-100", invoice_id="INV-100", reason="Wrong rate",
    ),
    _of(
        "InvoiceWrittenOff", "Somebody with the right to do so gave up what is open of an invoice, or a part of it.",
        "The ERP that has the invoice has posted the write-off.",
        {**_POSTED, "customer_id": "the customer", "invoice_id": "the invoice", "currency": "ISO 4217",
         "amount": MONEY, "reason": "why", "approved_by": "who"},
        document_id="WO-100", invoice_id="INV-100", amount="20.00", reason="Bank charges", approved_by="cfo",
    ),
    _of(
        "RevenueRecognised", "Revenue of a contract was recognised in a period; a negative one takes revenue back.",
        "The ERP has posted a journal entry with the purpose `revenue`.",
        {**_POSTED, "project_id": "the project", "contract_id": "the contract", "source_id": "the schedule it is of",
         "currency": "ISO 4217", "amount": "what revenue accounts were credited, decimal text in `currency`"},
        document_id="REV-K-100-1-202610", source_id="RS-K-100-1",
    ),
    _of(
        "IntercompanyCharged", "An entity charged another for its people, at cost plus mark-up.",
        "The ERP of the entity that provides has posted its leg (due from). The other leg matches it; a negative"
        " amount takes a charge back.",
        {**_POSTED, "counterparty": "the entity charged", "source_id": "the work it is for", "currency": "ISO 4217",
         "amount": "what is due from the other, decimal text in `currency`"},
        document_id="IC-TE-100.from", counterparty="US01", source_id="TE-100", amount="480.00",
    ),
    _of(
        "PeriodClosed", "The books of an entity are closed for a period: nothing more is accepted into it.",
        "The hard close was recorded, once until it is re-opened; a soft close is not told. What was accepted before"
        " may still be on its way to its ERP where the close was forced.",
        {"legal_entity": "whose books", "period": "YYYY-MM", "by": "who closed it", "why": "why"},
        period="2026-10", by="ann", why="month-end",
    ),
    _of(
        "PeriodReopened", "The books of an entity that were closed for a period take documents of it again.",
        "The re-opening of a hard-closed period was recorded, with who approved it; that of a soft close is not told.",
        {"legal_entity": "whose books", "period": "YYYY-MM", "by": "who asked for it", "approved_by": "who approved it",
         "why": "why"},
        period="2026-10", by="ann", approved_by="bob", why="an invoice was forgotten",
    ),
    _of(
        "ExceptionRaised", "Something waits for a person before it can reach the books.",
        "A transaction was parked, refused or given up by its ERP; not for shadows and feedback.",
        {"exception_id": "see /v1/exceptions", "exception_type": "see /v1/exceptions/catalogue", "queue": "whose it is",
         "transaction_id": "the transaction", "kind": "of document", "document_id": "where it is known",
         "legal_entity": "whose books", "system": "the ERP, where one was asked", "currency": "ISO 4217",
         "amount": MONEY},
        exception_id="T000000000042", exception_type="erp-period-closed", queue="finance-operations",
        kind="time_entry",
    ),
    _of(
        "ExceptionResolved", "What waited for a person has reached the books, or a person decided that it need not.",
        "The transaction was posted after all, or somebody resolved the exception; once.",
        {"exception_id": "see /v1/exceptions", "how": "posted or decided", "by": "who decided", "why": "why",
         "transaction_id": "the transaction", "legal_entity": "whose books"},
        exception_id="T000000000042", how="decided", by="ann", why="a duplicate",
    ),
    _of(
        "EntitySwitched", "From now on new documents of an entity go by another route table.",
        "The switch was committed: nothing was accepted under the old table after it.",
        {"legal_entity": "the entity", "epoch": "its routing epoch", "table_version": "the route table", "by": "who",
         "why": "why"},
        epoch=1, table_version=2, by="cutover", why="weekend",
    ),
)  # fmt: skip
CATALOGUE: Mapping[str, EventType] = {one.name: one for one in TYPES}
"""Event types by name, in the order of the business."""
