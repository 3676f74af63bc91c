"""The life of a transaction: identifiers, states, and the one table of transitions.

A transaction is accepted once. It has one job per system it must reach: one for the authority, at
most one for the shadow of a dual run, and feedback jobs to CRM and PSA. A transaction's state is
derived from its authority job; `TRANSITIONS` is the only place that says what may follow what, and
the diagram in the README is drawn from it (`python -m router.model`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NewType

TransactionId = NewType("TransactionId", str)
"""`T` and the acceptance sequence in 12 digits: sorts in order of acceptance."""
SystemId = NewType("SystemId", str)
"""A system's name in the landscape, such as `sap_ecc`."""
JobId = NewType("JobId", int)
LaneKey = NewType("LaneKey", str)
"""The ordering key inside a target: the project or, without one, the customer (D4)."""

Role = Literal["authority", "shadow", "feedback"]
Operation = Literal["create", "cancel", "feedback"]


class State(StrEnum):
    """Where a job stands."""

    HELD = "held"  # a freeze or a rule says wait; a release lets it go
    PARKED = "parked"  # no rule covers it, or it could not be understood: a person decides
    QUEUED = "queued"  # waits for its lane, its time or a prerequisite
    IN_FLIGHT = "in_flight"  # intent is journalled, the call may be under way
    IN_DOUBT = "in_doubt"  # the call went out, no answer came back: look it up before anything else
    POSTED = "posted"  # the system has it
    REFUSED = "refused"  # the system said no, for a business reason
    DEAD = "dead"  # gave up after bounded attempts, or nobody but a person can tell


class Event(StrEnum):
    """What can happen to a job."""

    CLAIMED = "claimed"
    ACCEPTED = "answered yes"
    SAID_NO = "answered no"
    TRY_LATER = "not taken, try later"
    NO_ANSWER = "no answer"
    FOUND = "look-up found it"
    NOT_FOUND = "look-up found nothing"
    CANNOT_TELL = "look-up failed"
    EXHAUSTED = "attempts exhausted"
    LEASE_LOST = "lease lost"
    RELEASED = "released"
    REPLAYED = "replayed"
    HOLD = "held"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.HELD, Event.RELEASED): State.QUEUED,
    (State.PARKED, Event.REPLAYED): State.QUEUED,
    (State.QUEUED, Event.HOLD): State.HELD,
    (State.QUEUED, Event.CLAIMED): State.IN_FLIGHT,
    (State.QUEUED, Event.EXHAUSTED): State.DEAD,
    (State.IN_FLIGHT, Event.ACCEPTED): State.POSTED,
    (State.IN_FLIGHT, Event.SAID_NO): State.REFUSED,
    (State.IN_FLIGHT, Event.TRY_LATER): State.QUEUED,
    (State.IN_FLIGHT, Event.NO_ANSWER): State.IN_DOUBT,
    (State.IN_FLIGHT, Event.EXHAUSTED): State.DEAD,
    (State.IN_FLIGHT, Event.LEASE_LOST): State.IN_DOUBT,
    (State.IN_DOUBT, Event.FOUND): State.POSTED,
    (State.IN_DOUBT, Event.NOT_FOUND): State.QUEUED,
    (State.IN_DOUBT, Event.CANNOT_TELL): State.IN_DOUBT,
    (State.IN_DOUBT, Event.EXHAUSTED): State.DEAD,
    (State.REFUSED, Event.REPLAYED): State.QUEUED,
    (State.DEAD, Event.REPLAYED): State.QUEUED,
}

SETTLED = frozenset({State.POSTED, State.REFUSED, State.DEAD, State.PARKED})
"""States that wait for nobody but a person; everything else is in flight in the sense of I1."""


def after(state: State, event: Event) -> State:
    """The state that follows; a `KeyError` here is a bug of ours, never of the caller."""
    return TRANSITIONS[(state, event)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Where a transaction goes, and why: the answer of routing, journalled as given."""

    rule: str
    """Id of the rule, or `default`, `pin`, `lineage`, `unroutable`."""
    table_version: int
    authority: SystemId | None
    """None when unroutable: the transaction is parked, never guessed."""
    shadow: SystemId | None = None
    hold: bool = False
    why: str = ""
    """One sentence a finance reviewer understands."""
    epoch: int = 0
    """The entity's routing epoch read under the fence; the journal fills it in."""


def diagram() -> str:
    """The life of a job as a Mermaid state diagram, drawn from `TRANSITIONS`."""
    rows = [
        f"    {state.value} --> {then.value}: {event.value}" for (state, event), then in TRANSITIONS.items()
    ]
    return "\n".join(
        ["stateDiagram-v2", "    [*] --> queued", "    [*] --> held", "    [*] --> parked", *rows]
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(diagram() + "\n")
