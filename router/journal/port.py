"""The words of the journal: what is handed in and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.connectors.port import Exchange
from router.model import Decision, Event, JobId, LaneKey, Operation, Role, State, SystemId, TransactionId
from router.values import value


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A manual pin: this document, project, customer or entity goes to this system, says who and why."""

    scope: str
    """`document:<kind>:<id>`, `project:<id>`, `customer:<id>` or `entity:<code>`."""
    authority: SystemId
    why: str
    by: str


class Decide(Protocol):
    """Routing, as the journal calls it under the fence: pure and fast."""

    def __call__(
        self, document: Document, *, table_version: int, lineage: SystemId | None, pin: Pin | None
    ) -> Decision:
        """The decision by one table version."""
        ...


@runtime_checkable
class Learns(Protocol):
    """Routing that can be given a table another process published (`Decide` of a router that is one of many)."""

    def knows(self, version: int) -> bool:
        """Whether it can decide by this version."""
        ...

    def learn(self, text: str, *, version: int) -> None:
        """Keep a published table; raises BadConfig where it can't be read here."""
        ...


@value
class NewJob:
    """Work for one system that belongs to a transaction: its authority, shadow or feedback."""

    target: SystemId
    role: Role
    operation: Operation
    external_id: str
    lane: LaneKey
    kind: Kind
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What becomes of a document that draws on a bounded amount."""

    within: Document
    """What fits, under the document's own id; the document itself when all of it does."""
    beyond: Document | None = None
    """What does not, under an id of its own."""
    drawn_minor: int = 0
    """What it takes, in the draw's currency; negative gives back."""
    problem: str = ""
    """Why it can't be accepted at all, where a part of it would mean nothing: it is parked with this."""
    problem_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A document draws on a bounded amount (a cap, a retainer), counted in the commit that accepts it."""

    register: str
    """`cap:<contract>/<line>`, `retainer:<contract>/<line>`."""
    currency: str
    bound_minor: int
    split: Callable[[Document, int], Split]
    """Pure: the document and the room that is left (may be negative) to what becomes of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """A document moves a version on; accepted only from the version just before."""

    register: str
    """`version:<contract>`, `master:<kind>/<id>`."""
    expected: int
    to: int
    first: int = 1
    """Where a register stands that was never used."""
    anew: bool = False
    """True: what was judged by another state is judged again, so Stale is answered to a feed as well."""


@value
class Submission:
    """A document to accept, with its identity and origin."""

    client: str
    """Who sends it: the scope of idempotency."""
    idempotency_key: str
    """`Idempotency-Key`, or `<source> <id>` of the event."""
    received: bytes
    """The payload as received."""
    source: str
    event_id: str
    verb: str
    document: Document | None
    """None: it could not be made canonical; it is parked with `problem`, so that nothing is lost."""
    kind: Kind
    problem: str = ""
    correlation_id: str | None = None
    """The business process it belongs to; None: a new one, equal to the transaction id."""
    jobs: tuple[NewJob, ...] = ()
    """Jobs besides those routing gives (feedback to CRM and PSA)."""
    crosswalk: tuple[tuple[SystemId, str], ...] = ()
    """(system, vendor id) pairs already known for the document, e.g. the row it was observed in."""
    deliver: bool = True
    """False: recorded as a fact (an opportunity, an invoice an ERP made); routing is not asked."""
    keep_conflict: bool = False
    """True: where its document id was used with another body it is parked, for nobody else is told."""
    problem_code: str = ""
    """What sort of problem it is: the type of the exception a person works on (`router.exceptions`)."""
    as_sent: Document | None = None
    """The document as its sender gave it, where the router changed it: what a repeat is compared with."""
    draw: Draw | None = None
    advance: Advance | None = None
    notes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    """Lines of its history, (what, detail): what a rule of the firm changed, and why."""


@value
class Accepted:
    """The first answer to a submission; a replay gets exactly this again (I6)."""

    transaction_id: TransactionId
    correlation_id: str
    decision: Decision | None
    state: State
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """The key, or the id of a transactional document, was used before with another body."""

    what: str
    first: TransactionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Its version does not follow the one that stands; nothing was accepted."""

    register: str
    stands_at: int
    wanted: int


Acceptance = Accepted | Conflict | Stale


@value
class Job:
    """A job as a worker sees it."""

    job_id: JobId
    transaction_id: TransactionId
    correlation_id: str
    target: SystemId
    role: Role
    operation: Operation
    kind: Kind
    external_id: str
    lane: LaneKey
    state: State
    attempts: int
    document: Document
    facts: Mapping[str, Any]
    due: datetime
    waiting_since: datetime
    """When it was accepted or last released: bounds how long it waits for a prerequisite."""
    mapping_of: date | None = None
    """Written by the vendor's mapping as published by this day; None: by the newest."""


@value
class Lease:
    """A leased lane with the jobs at its head, oldest first. Settling needs the token."""

    target: SystemId
    lane: LaneKey
    token: int
    until: datetime
    jobs: tuple[Job, ...]
    more: bool = False
    """Others of the lane are queued behind these and due: they may go once these are settled."""


@value
class FollowUp:
    """What is to happen in the same commit as a settlement."""

    submissions: tuple[Submission, ...] = ()
    jobs: tuple[NewJob, ...] = ()
    """Further jobs of the settled job's transaction."""
    process: Mapping[str, Any] | None = None
    """New state of the process (correlation id) the transaction belongs to."""


@value
class Settlement:
    """What became of a leased job."""

    job_id: JobId
    event: Event
    why: str = ""
    code: str = ""
    due: datetime | None = None
    """When to try again (QUEUED, IN_DOUBT); None: now."""
    counts: bool = True
    """False: this try does not count against the attempts (waiting for a prerequisite, throttled)."""
    vendor_id: str | None = None
    created: tuple[Document, ...] = ()
    """Documents the system made (an invoice): accepted as facts in the same commit, and crosswalked."""
    exchange: int | None = None
    """Index into the call's exchanges."""
    follow_up: FollowUp = FollowUp()


@value
class LeaseSettlement:
    """The outcome of a lease: its jobs' settlements, and whether the lane is given back."""

    target: SystemId
    lane: LaneKey
    token: int
    settlements: tuple[Settlement, ...]
    exchanges: tuple[Exchange, ...] = ()
    release: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """How a lane stands: for backlog, drain gates and the question why something waits."""

    target: SystemId
    lane: LaneKey
    legal_entity: str
    waiting: int
    in_doubt: int
    held: int
    due: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a wave of a cutover moves: entities, of them some business units and kinds; empty means all."""

    entities: tuple[str, ...]
    business_units: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()

    def covers(self, document: Document) -> bool:
        """Whether a document belongs to it."""
        return (
            document.legal_entity in self.entities
            and (not self.business_units or document.business_unit in self.business_units)
            and (not self.kinds or document.kind in self.kinds)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """An operational flip: these entities now follow this table version (D6, D7)."""

    entities: Sequence[str]
    table_version: int
    by: str
    why: str
    business_units: Sequence[str] = ()
    """Whose lanes are gated; empty: all. Epoch and table are always those of the entity."""
    kinds: Sequence[Kind] = ()


UNDER_WAY = (State.QUEUED.value, State.IN_FLIGHT.value, State.IN_DOUBT.value, State.HELD.value)
"""States of a delivery that is not settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the journal stands for some entities and ERPs. Two equal ones: nothing happened between."""

    at: str
    seq: int
    """The newest transaction of all."""
    epochs: Mapping[str, int] = field(default_factory=dict)
    under_way: int = 0
    """Deliveries to these ERPs that are not settled."""
    accepted: int = 0
    """Transactions of these entities that were let through; what is held reaches no ERP."""
    tries: int = 0
    """Calls made for these deliveries, whatever came of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """A delivery that is not settled, or was lately."""

    kind: str
    external_id: str
    role: str
    target: str
    state: str
    at: str
    """When it was settled, or accepted or last released where it is not."""
    why: str = ""
    invoice_id: str = ""
    """The invoice a payment, credit memo or write-off touches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A transaction of which one ERP is the authority, and how its copy in another stands."""

    transaction_id: TransactionId
    document: Document
    delivered: bool
    """False: a fact, made by that ERP itself (an invoice)."""
    amount_minor: int
    state: str
    """Of its authority job; `in_doubt` also where it died in doubt. Facts are posted."""
    copy: str
    """State of its newest job in the other ERP; empty: it was never sent there."""
    copy_made: tuple[Document, ...] = ()
    """What the other ERP made of its copy: an invoice of its own for a billing event."""
    accepted_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehoming:
    """Transactions whose authority goes from one ERP to another in one commit (a rollback, D7)."""

    scope: Scope
    source: SystemId
    """The authority so far."""
    target: SystemId
    swap: tuple[TransactionId, ...] = ()
    """Their posted copy in `target` becomes the authority's, what `source` has its shadow."""
    enter: tuple[TransactionId, ...] = ()
    """Sent to `target` as the authority's; what `source` has becomes the shadow."""
    copy: tuple[TransactionId, ...] = ()
    """Stay with `source`, and `target` gets a shadow of them."""
    since: Mapping[str, int] = field(default_factory=dict)
    """By entity the epoch from which on `source` was the authority: what followed its original to `target` alone
    since then, gets its shadow in `source`."""
    shadow: bool = True
    """`source` goes on as the shadow."""
    by: str
    why: str
