"""Derives business events from a line of the history: facts in, events out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.canonical.money import Money
from router.events_out.catalogue import CATALOGUE, EventType
from router.exceptions.catalogue import CATALOGUE as EXCEPTIONS
from router.exceptions.catalogue import type_of_job, type_of_parked
from router.journal.event_facts import About, Fact

ON_ACCEPTANCE: Mapping[str, str] = {
    "time_entry": "TimeApproved",
    "milestone": "MilestoneCompleted",
    "charge": "ChargeFellDue",
    "billing_event": "BillingRequested",
}
ON_POSTING: Mapping[tuple[str, str], str] = {
    ("customer", "created"): "CustomerCreated",
    ("contract", "signed"): "ContractSigned",
    ("contract", "amended"): "ContractChanged",
    ("contract", "renewed"): "ContractChanged",
    ("change_order", "approved"): "ContractChanged",
    ("change_order", "amended"): "ContractChanged",
    ("change_order", "renewed"): "ContractChanged",
    ("project", "initiated"): "ProjectActivated",
    ("project", "closed"): "ProjectClosed",
    ("time_entry", "approved"): "TimePosted",
    ("expense_item", "approved"): "ExpensePosted",
    ("invoice", "issued"): "InvoicePosted",
    ("payment", "received"): "PaymentReceived",
    ("credit_memo", "issued"): "CreditIssued",
    ("write_off", "approved"): "InvoiceWrittenOff",
}
"""(kind, verb) to the event of its posting; journal entries go by their purpose."""
SETTLES = ("PaymentReceived", "CreditIssued", "InvoiceWrittenOff")
"""Events that may leave nothing open of an invoice."""
RAISES = ("parked", "refused", "dead")


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessEvent:
    """One event; `history_id` and `n` are its place and its identity."""

    type: EventType
    history_id: int
    n: int
    at: str
    subject: str
    correlation_id: str | None
    data: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        """Sorts in the order of the journal."""
        return f"E{self.history_id:012d}-{self.n:03d}"


def derive(fact: Fact) -> list[BusinessEvent]:
    """The business events of one line of the history, in order; most lines have none or one."""
    about = fact.about
    return [
        BusinessEvent(
            type=CATALOGUE[name],
            history_id=fact.history_id,
            n=n,
            at=fact.at,
            subject=str(
                data.get("document_id") or data.get("exception_id") or data.get("legal_entity") or ""
            ),
            correlation_id=about.correlation_id if about is not None else None,
            data={
                field: data[field] for field in CATALOGUE[name].fields if data.get(field) not in (None, "")
            },
        )
        for n, (name, data) in enumerate(_events(fact))
    ]


def _events(fact: Fact) -> Iterator[tuple[str, dict[str, Any]]]:
    if fact.what == "switched":
        for entity, epoch in sorted(fact.detail.get("epochs", {}).items()):
            yield "EntitySwitched", {**fact.detail, "legal_entity": entity, "epoch": epoch}
    elif fact.what == "period closed":
        if fact.detail.get("was") != "closed":
            yield "PeriodClosed", dict(fact.detail)
    elif fact.what == "period open":
        if fact.detail.get("was") == "closed":
            yield "PeriodReopened", dict(fact.detail)
    elif fact.what == "exception resolved":
        if fact.about is None or _waits(fact.about, fact.history_id):
            yield "ExceptionResolved", _decided(fact)
    elif fact.about is not None:
        yield from _of_transaction(fact, fact.about)


def _of_transaction(fact: Fact, about: About) -> Iterator[tuple[str, dict[str, Any]]]:
    if fact.what in ("accepted", "completed"):
        yield from _accepted(fact, about)
    elif fact.detail.get("role", "authority") != "authority":
        return
    elif fact.what == "posted":
        if fact.operation == "create":
            yield from _posted(fact, about, str(fact.detail.get("target", "")))
        if _waits(about, fact.history_id):
            yield "ExceptionResolved", _base(about) | {"exception_id": about.transaction_id, "how": "posted"}
    elif fact.what in RAISES and not _waits(about, fact.history_id):
        yield "ExceptionRaised", _raised(fact, about)


def _accepted(fact: Fact, about: About) -> Iterator[tuple[str, dict[str, Any]]]:
    document = about.document
    if document is not None and about.deliver and about.verb != "cancelled":
        name = ON_ACCEPTANCE.get(about.kind)
        if name is not None and not _takes_back(document):
            yield name, _document(about, document)
    recorded = fact.what == "completed" or fact.detail.get("state") == "posted"
    if document is not None and not about.deliver and recorded:
        yield from _posted(fact, about, about.authority)
    if fact.what == "accepted" and fact.detail.get("state") == "parked":
        yield "ExceptionRaised", _raised(fact, about)


def _posted(fact: Fact, about: About, system: str) -> Iterator[tuple[str, dict[str, Any]]]:
    document = about.document or {}
    data = _document(about, document) | {"system": system}
    name = ON_POSTING.get((about.kind, about.verb))
    if about.kind == "journal_entry":
        yield from _ledger(document, data)
        return
    if name is None:
        return
    if name == "TimePosted" and _takes_back(document):
        name = "TimeReversed"
    if name == "ContractChanged" and about.kind == "contract":
        data |= {"contract_id": document.get("document_id"), "effective": about.accounting_date}
    yield name, data
    settled = fact.settled if name in SETTLES else None
    if settled is None or settled.paid_minor <= 0:
        return  # credited or given up as a whole: nobody paid
    if settled.before_minor < settled.total_minor <= settled.with_minor:
        yield "InvoicePaid", data | {"total": str(Money(settled.total_minor, about.currency))}


def _ledger(document: Mapping[str, Any], data: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Revenue by what revenue accounts were credited; a charge by what is due from the other entity."""
    currency = str(document.get("currency", ""))
    wanted = {
        "revenue": ("RevenueRecognised", ("REVENUE", "UNBILLED_REVENUE"), -1),
        "intercompany": ("IntercompanyCharged", ("DUE_FROM",), 1),
    }
    name, accounts, sign = wanted.get(str(document.get("purpose")), ("", (), 0))
    lines = [line for line in document.get("lines", ()) if line.get("account") in accounts]
    if name and lines:
        minor = sign * sum(Money.parse(line["amount"], currency).minor for line in lines)
        yield name, data | {"amount": str(Money(minor, currency))}


def _takes_back(document: Mapping[str, Any]) -> bool:
    """Whether it is time that takes other time back: nobody approved hours by that."""
    return bool(document.get("adjusts")) and document.get("minutes", 0) < 0


def _base(about: About) -> dict[str, Any]:
    return {"transaction_id": about.transaction_id, "kind": about.kind, "legal_entity": about.legal_entity}


def _document(about: About, document: Mapping[str, Any]) -> dict[str, Any]:
    data = dict(document) | _base(about)
    data.setdefault("accounting_date", about.accounting_date)
    if about.kind == "time_entry" and about.currency:
        data["amount"] = str(Money(about.amount_minor, about.currency))
    return data


def _raised(fact: Fact, about: About) -> dict[str, Any]:
    known = about.document is not None
    if fact.what in ("refused", "dead"):
        kind = type_of_job(
            fact.what, str(fact.detail.get("code", "")), str(fact.detail.get("why", "")),
            role="authority", operation=fact.operation or "create",
        )  # fmt: skip
    else:
        kind = type_of_parked(str(fact.detail.get("code", "")), canonical=known)
    return _base(about) | {
        "exception_id": about.transaction_id,
        "exception_type": kind,
        "queue": EXCEPTIONS[kind].queue,
        "document_id": (about.document or {}).get("document_id"),
        "system": fact.detail.get("target"),
        "currency": about.currency,
        "amount": str(Money(about.amount_minor, about.currency)) if about.currency else None,
    }


def _decided(fact: Fact) -> dict[str, Any]:
    said = {"exception_id": fact.detail.get("exception"), "how": "decided", "by": fact.detail.get("by")}
    named = _base(fact.about) if fact.about is not None else {}
    return named | said | {"why": fact.detail.get("note")}


def _waits(about: About, line: int) -> bool:
    """Whether an exception of the transaction was raised and not ended before a line."""
    waits = False
    for at, what, detail in about.trail:
        if at >= line:
            break
        if what == "exception resolved":
            waits = False
        elif detail.get("role", "authority") != "authority":
            continue
        elif what == "posted":
            waits = False
        elif what in RAISES or (what == "accepted" and detail.get("state") == "parked"):
            waits = True
    return waits
