"""What every connector offers, and the words it answers in.

Answers are values, not exceptions: a batch may be half posted. Only what concerns no single
document (bad credentials, a feed that can't be read) is raised, as VendorRefused or VendorUnknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.model import JobId, Operation, SystemId


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One document on its way to one system."""

    job_id: JobId
    external_id: str
    """Our id of the document in that system: the same at every retry, and what a look-up asks for."""
    operation: Operation
    document: Document
    refs: Mapping[tuple[Kind, str], str] = field(default_factory=dict)
    """Vendor ids, in this system, of the documents this one needs or refers to (crosswalk)."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """For `feedback`: what to write back, e.g. invoice number, status, project code, problem."""
    kind: Kind = ""
    """What the job is about where that is not the document itself: the invoice of a billing event."""
    mapping_of: date | None = None
    """Write it by the vendor's mapping as published by this day; None: by the newest."""

    @property
    def subject(self) -> Kind:
        """The kind a connector dispatches on."""
        return self.kind or self.document.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The system has the document."""

    vendor_id: str
    """The id the vendor gave it; goes to the crosswalk."""
    created: tuple[Document, ...] = ()
    """Documents the system made of it, e.g. the invoice of a billing event, in canonical form;
    their `number` is the vendor's number, their document_id `<billing event id>`-based and the same in every ERP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidNo:
    """A business refusal: asking again changes nothing until somebody mends something."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A prerequisite is not in this system yet; waiting may help."""

    kind: Kind
    document_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TryLater:
    """Certainly not acted upon: throttled, locked, refused connection, unavailable."""

    reason: str
    after_s: float | None = None
    """The vendor's Retry-After, when it gave one."""
    throttled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """It may or may not have acted: time-out, dropped connection, unreadable answer (D8)."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotThere:
    """A look-up found nothing: it is safe to send again."""


Answer = Posted | SaidNo | Missing | TryLater | NoAnswer
LookUpAnswer = Posted | NotThere | NoAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response, journalled with every attempt it served. Secrets are masked."""

    request: str
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Answers in the order of the deliveries, and the wire exchange they came from."""

    answers: Sequence[Answer]
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpResult:
    """Look-up answers in the order of the deliveries, and the wire exchange they came from."""

    answers: Sequence[LookUpAnswer]
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Something that happened in a source system, as its connector understands it.

    `data` uses canonical field names but may be incomplete: enrichment adds entity, region,
    business unit, rate and cost centre. `raw` is the vendor's row as received.
    """

    kind: Kind
    verb: str
    event_id: str
    """The source's identity of this event (row id and change stamp): seen twice, it is one event."""
    vendor_id: str
    """The row's id in the source system: goes to the crosswalk beside the canonical document id."""
    occurred_at: str
    data: Mapping[str, Any]
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a change feed. `cursor` is to be stored with the acceptance of `events`, in one commit."""

    events: Sequence[Observed]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledWork:
    """A piece of work on an invoice, as the ERP that billed it says."""

    kind: Kind
    """time_entry, expense_item, milestone or charge."""
    external_id: str
    line: int
    """The invoice line it is on."""
    amount_minor: int
    """What that line has of it, as the ERP shows it: rounded, and less what a cap kept off."""
    minutes: int | None = None
    hundredths: int | None = None
    """Hundredths of hours, where the ERP keeps those; `minutes` then are the nearest ones."""
    rate_minor: int | None = None
    """Of an hour; for what has no hours, its whole price."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A document as an ERP holds it now, in comparable form: money in minor units, dates ISO text."""

    system: SystemId
    kind: Kind
    external_id: str
    """Our id; empty when the ERP's document carries none."""
    vendor_id: str
    number: str
    status: str
    """`posted`, `paid`, `open`, `cancelled`, …: the canonical word."""
    legal_entity: str
    accounting_date: str
    currency: str
    net_minor: int | None = None
    tax_minor: int | None = None
    total_minor: int | None = None
    minutes: int | None = None
    project_id: str = ""
    customer_id: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    """department, practice, service_line, cost_center, tax_code: as far as the kind has them."""
    lines: tuple[Mapping[str, Any], ...] = ()
    """line, description, net_minor, tax_minor, tax_code, minutes: for documents with lines."""
    hundredths: int | None = None
    """Hundredths of hours of a time entry, where the ERP keeps those; `minutes` then are the nearest ones."""
    rate_minor: int | None = None
    """The bill rate of an hour of a time entry."""
    billed: tuple[BilledWork, ...] = ()
    """The work an invoice billed, where the ERP tells; empty also for an invoice that billed none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a connector can do, so that delivery can decide without asking it."""

    kinds: frozenset[Kind]
    """Kinds it can `post` with operation `create`."""
    bulk: Mapping[Kind, int] = field(default_factory=dict)
    """Kinds that go in batches of one kind, and how many at most; others go one at a time."""
    feeds: tuple[str, ...] = ()
    cancels: frozenset[Kind] = frozenset()
    feedback: frozenset[Kind] = frozenset()
    """Kinds whose outcome can be written back here (CRM, PSA)."""
    can_look_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTotal:
    """What a CRM shows of a project's invoices."""

    record_id: str
    project_id: str
    customer_id: str
    currency: str
    total_minor: int | None
    """Invoiced to date; None: nothing was ever written there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an ERP's general ledger holds on an account at the end of a day, debit positive."""

    system: SystemId
    legal_entity: str
    account: str
    """By our name; the vendor's number where no mapping has it."""
    currency: str
    minor: int
    """In the currency of the documents, not the entity's own."""


@runtime_checkable
class LedgerSource(Protocol):
    """An ERP that can be asked for its trial balance."""

    async def trial_balance(self, *, legal_entities: Sequence[str], as_of: date) -> Sequence[Balance]:
        """Balances at the end of a day by entity, account and currency; raises VendorUnknown, VendorRefused."""
        ...


@runtime_checkable
class WorkSource(Protocol):
    """A PSA that can be asked what was approved."""

    async def approved(self, feed: str, *, first: date, last: date) -> Sequence[Observed]:
        """All of a feed that is approved now and was done in [first, last]; raises BadInput, VendorUnknown."""
        ...


@runtime_checkable
class TotalSource(Protocol):
    """A CRM that can be asked what it shows of invoices."""

    async def invoiced(self) -> Sequence[ShownTotal]:
        """Every record that has a project; raises VendorUnknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A document an ERP was given by anybody, as its own log of documents has it."""

    system: SystemId
    what: str
    """The vendor's own word for its type."""
    kind: Kind
    """Ours; empty where a type is none of ours."""
    vendor_id: str
    number: str
    external_id: str
    """Our id, where it carries one."""
    legal_entity: str
    created_at: str
    """RFC 3339, to the second."""
    created_by: str
    """The vendor's user; empty where it does not tell."""


@runtime_checkable
class WrittenSource(Protocol):
    """An ERP that tells who wrote what and when, whoever it was."""

    async def written(
        self, *, legal_entities: Sequence[str], since: datetime, until: datetime
    ) -> Sequence[Written] | None:
        """Ledger documents created in [since, until], oldest first; None where it can't tell.

        Raises VendorUnknown, VendorRefused.
        """
        ...


class Connector(Protocol):
    """One system. Calls may run concurrently; cancellation at any await leaves an outcome in doubt."""

    system: SystemId
    capabilities: Capabilities

    async def post(self, deliveries: Sequence[Delivery]) -> Result:
        """Send documents of one kind and operation, once. Never raises for a single document."""
        ...

    async def look_up(self, deliveries: Sequence[Delivery]) -> LookUpResult:
        """Ask the system which of these it has, by external id."""
        ...

    async def changes(self, feed: str, cursor: str | None, *, limit: int = 200) -> Page:
        """The next page of a change feed after `cursor` (None: from the beginning)."""
        ...

    async def read_back(
        self, kind: Kind, *, legal_entities: Sequence[str], since: str, until: str
    ) -> Sequence[Record]:
        """Documents of a kind with accounting date in [since, until), of these entities."""
        ...

    async def ping(self) -> None:
        """Reach and authenticate; raises VendorUnknown or VendorRefused."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
