"""What a rollback does to each document of the new ERP, and what that comes to. Pure.

armed      its copy stands in the old ERP, which becomes its authority again: nothing is sent
re_enter   it was never sent to the old ERP: it is entered there again, once
stays      the new ERP stays its authority, with the reason; `copied` where the old ERP gets a shadow of it
under_way  it is not settled in one of both ERPs yet: a rollback drains first, then it is one of the others
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from router.canonical.billing import BillingEvent, CreditMemo, Invoice, Payment, WriteOff
from router.canonical.documents import Document
from router.canonical.money import Money
from router.canonical.work import Charge, ExpenseItem, Milestone, TimeEntry
from router.journal.port import Placed
from router.model import TransactionId

Way = Literal["armed", "re_enter", "stays", "under_way"]
WAYS: tuple[Way, ...] = ("armed", "re_enter", "stays", "under_way")
UNSETTLED = frozenset({"queued", "in_flight", "in_doubt"})
NEVER_SENT = "was never sent to the old ERP"
ISSUED = "the customer has the invoice, and the old ERP has no copy of it"
DIFFERS = "the customer has the invoice, and the old ERP's copy of it is another amount"
WITH_ITS_INVOICE = "stays with the invoice it belongs to"
BILLED = "is billed on an invoice that stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one document."""

    transaction_id: TransactionId
    kind: str
    document_id: str
    legal_entity: str
    currency: str
    amount_minor: int
    way: Way
    why: str = ""
    copied: bool = False
    """The old ERP gets a shadow of what stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldErp:
    """What is known of the ERP one would go back to."""

    takes: Collection[str]
    """Kinds its connector can enter."""
    is_closed: Callable[[Document], bool]
    """Whether a document lies in a period that is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What going back costs at one moment."""

    fates: tuple[Fate, ...]
    held: int = 0
    """Transactions that wait for a release: they go to the old ERP, as if nothing had been."""
    minutes: int | None = None
    """What entering and copying is likely to take; None: the old ERP's pace was never measured."""

    def count(self, way: Way) -> int:
        """Documents that go this way."""
        return sum(fate.way == way for fate in self.fates)

    def ids(self, way: Way) -> tuple[TransactionId, ...]:
        """The transactions that go this way."""
        return tuple(fate.transaction_id for fate in self.fates if fate.way == way)

    @property
    def copies(self) -> tuple[TransactionId, ...]:
        """What stays and is copied to the old ERP."""
        return tuple(fate.transaction_id for fate in self.fates if fate.copied)

    def rows(self) -> list[dict[str, Any]]:
        """Count and money by way, kind, entity, currency and reason, sorted."""
        sums: dict[tuple[str, str, str, str, str], list[int]] = {}
        for fate in self.fates:
            key = (fate.way, fate.kind, fate.legal_entity, fate.currency, fate.why)
            total = sums.setdefault(key, [0, 0])
            total[0] += 1
            total[1] += fate.amount_minor
        ranked = sorted(sums.items(), key=lambda one: (WAYS.index(_way(one[0][0])), *one[0][1:]))
        return [
            {
                "way": way, "kind": kind, "legal_entity": entity, "currency": currency or None, "count": count,
                "amount": str(Money(minor, currency)) if currency else None, "why": why,
            }
            for (way, kind, entity, currency, why), (count, minor) in ranked
        ]  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The price as command, log and report show it."""
        return {
            **{way: self.count(way) for way in WAYS},
            "copied": len(self.copies),
            "held": self.held,
            "minutes": self.minutes,
            "rows": self.rows(),
        }


def price(rows: Sequence[Placed], old: OldErp, *, held: int = 0, per_hour: int | None = None) -> Price:
    """The price of going back now. `per_hour`: deliveries the old ERP was measured to take."""
    fates = tuple(fates_of(rows, old))
    work = sum(fate.way == "re_enter" or fate.copied for fate in fates)
    minutes = -(-work * 60 // per_hour) if per_hour else None
    return Price(fates=fates, held=held, minutes=0 if not work else minutes)


def fates_of(rows: Sequence[Placed], old: OldErp) -> list[Fate]:
    """What becomes of each document, in the order given."""
    groups = _groups(rows)
    staying = _staying(rows, groups, old)
    billed = _bills([row for row in rows if groups.get(row.transaction_id, "") in staying])
    found = []
    for row in rows:
        group = groups.get(row.transaction_id)
        if _unsettled(row):
            way, why = _under_way(row)
        elif group is not None and group in staying:
            own = staying[group].get(row.transaction_id, NEVER_SENT)
            way, why = "stays", WITH_ITS_INVOICE if own == NEVER_SENT else own
        elif group is not None:
            way, why = "armed", ""
        else:
            way, why = _alone(row, old, billed)
        found.append(_fate(row, way, why, copied=way == "stays" and not row.copy and _can_enter(row, old)))
    return found


def _fate(row: Placed, way: Way, why: str, *, copied: bool) -> Fate:
    document = row.document
    money = document.money
    return Fate(
        transaction_id=row.transaction_id,
        kind=document.kind,
        document_id=document.document_id,
        legal_entity=document.legal_entity,
        currency=money.currency if money is not None else "",
        amount_minor=row.amount_minor if money is not None else 0,
        way=way,
        why=why,
        # A fact was made by the new ERP: what the old one is sent is the request it came from.
        copied=copied and row.delivered,
    )


def _way(name: str) -> Way:
    return next(way for way in WAYS if way == name)


def _unsettled(row: Placed) -> bool:
    return row.state in UNSETTLED or row.copy in UNSETTLED


def _under_way(row: Placed) -> tuple[Way, str]:
    if row.state in UNSETTLED:
        return "under_way", f"is {row.state.replace('_', ' ')} at the new ERP"
    return "under_way", f"is {row.copy.replace('_', ' ')} at the old ERP"


def _can_enter(row: Placed, old: OldErp) -> bool:
    return row.document.kind in old.takes and not old.is_closed(row.document) and row.state == "posted"


def _alone(row: Placed, old: OldErp, billed: Sequence[_Billing]) -> tuple[Way, str]:
    """A document that belongs to no invoice: masters, work, entries."""
    if row.copy == "posted":
        return "armed", ""
    if row.copy:
        return "stays", f"the old ERP {'gave it up' if row.copy == 'dead' else f'{row.copy} it'}"
    if row.document.kind not in old.takes:
        return "stays", "the old ERP takes no document of this kind"
    if old.is_closed(row.document):
        return "stays", "lies in a period that is closed"
    if any(one.covers(row) for one in billed):
        return "stays", BILLED
    return "re_enter", NEVER_SENT


# --- invoices and what belongs to them ------------------------------------------------------------


def _groups(rows: Sequence[Placed]) -> dict[TransactionId, str]:
    """By transaction the invoice it belongs to: the request for it, itself, and what refers to it."""
    invoice_of: dict[str, str] = {}
    for row in rows:
        document = row.document
        if isinstance(document, Invoice) and document.billing_event_id:
            invoice_of[document.billing_event_id] = document.document_id
    first: dict[str, str] = {}
    for row in rows:
        if isinstance(row.document, Invoice) and row.document.rebills:
            first[row.document.document_id] = row.document.rebills
    known = {row.document.document_id for row in rows if isinstance(row.document, Invoice)}
    groups: dict[TransactionId, str] = {}
    for row in rows:
        name = _invoice(row.document, invoice_of)
        for _ in range(len(first)):
            if first.get(name) not in known:
                break
            name = first[name]
        if name:
            groups[row.transaction_id] = name
    return groups


def _invoice(document: Document, invoice_of: Mapping[str, str]) -> str:
    if isinstance(document, BillingEvent):
        return invoice_of.get(document.document_id, "")
    if isinstance(document, Invoice):
        return document.document_id
    if isinstance(document, CreditMemo | Payment | WriteOff):
        return document.invoice_id
    return ""


def _staying(
    rows: Sequence[Placed], groups: Mapping[TransactionId, str], old: OldErp
) -> dict[str, dict[TransactionId, str]]:
    """Invoices that can't come home, with the reason of each document that keeps them there.

    An invoice and what belongs to it share one ERP: a payment in one and its invoice in the other would leave
    an open item in both.
    """
    made = {row.document.document_id: row for row in rows if isinstance(row.document, BillingEvent)}
    found: dict[str, dict[TransactionId, str]] = {}
    for row in rows:
        group = groups.get(row.transaction_id)
        why = "" if group is None else _keeps(row, made, old)
        if group is not None and why:
            found.setdefault(group, {})[row.transaction_id] = why
    return found


def _keeps(row: Placed, made: Mapping[str, Placed], old: OldErp) -> str:
    """Why this document keeps its invoice in the new ERP; empty when it does not."""
    document = row.document
    if _unsettled(row):
        return _under_way(row)[1]
    if isinstance(document, Invoice) and not row.delivered:
        asked = made.get(document.billing_event_id or "")
        if asked is None or asked.copy != "posted":
            return ISSUED
        own = next((one for one in asked.copy_made if isinstance(one, Invoice)), None)
        return "" if own is not None and _same(own, document) else DIFFERS
    if row.copy == "posted":
        return ""
    if isinstance(document, Invoice | BillingEvent):
        return ISSUED
    return _alone(row, old, ())[1]


def _same(one: Invoice, other: Invoice) -> bool:
    return (one.currency, one.net, one.tax, one.total) == (other.currency, other.net, other.tax, other.total)


@dataclass(frozen=True, slots=True)
class _Billing:
    """A billing event that stays: what of a project it has billed."""

    event: BillingEvent
    at: TransactionId

    def covers(self, row: Placed) -> bool:
        """Whether it billed this work: accepted before it, of its projects, up to its day."""
        day = _worked_on(row.document)
        project = getattr(row.document, "project_id", None)
        return (
            day is not None
            and day <= self.event.through
            and row.transaction_id < self.at
            and project in (self.event.project_id, *self.event.with_projects)
        )


def _bills(staying: Sequence[Placed]) -> list[_Billing]:
    return [
        _Billing(row.document, row.transaction_id)
        for row in staying
        if isinstance(row.document, BillingEvent)
    ]


def _worked_on(document: Document) -> date | None:
    if isinstance(document, TimeEntry):
        return document.work_date if document.billable else None
    if isinstance(document, ExpenseItem):
        return document.expense_date if document.billable else None
    if isinstance(document, Milestone):
        return document.completed_on
    if isinstance(document, Charge):
        return document.service_from
    return None
