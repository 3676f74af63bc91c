"""What the journal decides, as pure functions: lanes, runs, states and pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from router.canonical.documents import Document
from router.journal.port import Pin
from router.model import Decision, Operation, Role, State

Cell = tuple[str, str, str]
"""Legal entity, business unit, kind."""


class Head(NamedTuple):
    """An unsettled job at the front of its lane, as its row has it (times are text)."""

    lane: str
    job_id: int
    role: Role
    operation: Operation
    kind: str
    external_id: str
    legal_entity: str
    commutes: int
    state: str
    attempts: int
    due: str
    waiting_since: str
    facts: str | None
    business_unit: str = ""


def run_of(heads: Sequence[Head], *, now: str, limit: int, closed: AbstractSet[Cell]) -> Sequence[Head]:
    """The jobs at the front of one lane that may go together now; none when the first must wait (D4).

    A job that depends on its neighbours goes alone. Commuting ones go as the leading run of one
    kind and operation, either all to be sent or all to be looked up. `closed`: whose
    authority jobs wait for their gate. One at the front makes the lane wait as a whole, one behind it
    ends the run: what is open never overtakes what is closed.
    """
    first = heads[0]
    if first.due > now or _is_closed(first, closed):
        return ()
    if not first.commutes:
        return heads[:1]
    alike = (first.kind, first.operation, first.role, first.state == "queued")
    for count, head in enumerate(heads[:limit]):
        same = alike == (head.kind, head.operation, head.role, head.state == "queued")
        if not same or head.due > now or _is_closed(head, closed):
            return heads[:count]
    return heads[:limit]


def _is_closed(head: Head, closed: AbstractSet[Cell]) -> bool:
    return head.role == "authority" and is_closed(closed, head.legal_entity, head.business_unit, head.kind)


def is_closed(closed: AbstractSet[Cell], entity: str, unit: str, kind: str) -> bool:
    """Whether a gate covers a cell; a gate with an empty unit or kind covers all of them."""
    return bool(closed) and not closed.isdisjoint(
        ((entity, "", ""), (entity, unit, ""), (entity, "", kind), (entity, unit, kind))
    )


def resting_state(*, canonical: bool, deliver: bool, decision: Decision | None) -> State:
    """Where a transaction starts; what is routed starts queued."""
    if not canonical:
        return State.PARKED
    if not deliver:
        return State.POSTED
    if decision is None or (decision.authority is None and not decision.hold):
        return State.PARKED
    return State.HELD if decision.hold else State.QUEUED


def lane_of(role: Role, ordering_key: str) -> str:
    """The lane of a routed job: shadow deliveries have lanes of their own (D4)."""
    return f"shadow:{ordering_key}" if role == "shadow" else ordering_key


def operation_of(verb: str) -> Operation:
    """What a routed document asks of an ERP."""
    return "cancel" if verb == "cancelled" else "create"


def lineage_of(document: Document, verb: str) -> tuple[str, str] | None:
    """The document whose system this one must follow; a cancellation follows what it cancels."""
    if verb == "cancelled":
        return (document.kind, document.document_id)
    return document.refers_to


def pin_of(document: Document, pins: Mapping[str, Pin]) -> Pin | None:
    """The pin of a document, its project, its customer or its entity: the narrowest wins (D7)."""
    if not pins:
        return None
    own = document.document_id
    project = own if document.kind == "project" else getattr(document, "project_id", None)
    customer = own if document.kind == "customer" else getattr(document, "customer_id", None)
    for scope in (
        f"document:{document.kind}:{own}",
        f"project:{project}" if project else "",
        f"customer:{customer}" if customer else "",
        f"entity:{document.legal_entity}",
    ):
        found = pins.get(scope)
        if found is not None:
            return found
    return None
