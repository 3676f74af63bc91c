"""What is on its way is no difference: pending documents, the grace period, the consistency point. Pure.

A delivery that is not settled makes its document `pending` (D8): whatever differs is not judged yet. A
document that was settled within the grace period is read again once it has passed, and only what still
differs is a break. The comparison states the point of the journal it was made at; it is `quiescent` when
nothing of these entities was on its way to either ERP, or reached one, from before the first read to after
the last, and `unfenced` otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.clock import from_text
from router.journal.port import UNDER_WAY, Moving, Position

MAKES = {"billing_event": "invoice"}
"""What stands in an ERP for a document it was sent."""
IN_DOUBT = "in_doubt"
Name = tuple[str, str]
"""(kind, our id) of a document as an ERP holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Afoot:
    """What is on its way, or was lately."""

    pending: Mapping[Name, str] = field(default_factory=dict)
    """Documents with a delivery that is not settled: `pending`, or `in-doubt` where nobody knows."""
    settling: frozenset[Name] = frozenset()
    """Invoices whose payment, credit or write-off is on its way: their status may still change."""
    touched: Mapping[Name, datetime] = field(default_factory=dict)
    """When a document last reached an ERP, or last could have."""
    deliveries: int = 0
    """Deliveries that are not settled."""


def afoot(moving: Sequence[Moving]) -> Afoot:
    """Sort the deliveries of a comparison's entities; `moving` holds what moved since the grace period began."""
    pending: dict[Name, str] = {}
    settling: set[Name] = set()
    touched: dict[Name, datetime] = {}
    for row in moving:
        own = (MAKES.get(row.kind, row.kind), row.external_id)
        invoices = _invoices(row.invoice_id)
        if row.state in UNDER_WAY:
            code = "in-doubt" if row.state == IN_DOUBT or pending.get(own) == "in-doubt" else "pending"
            pending[own] = code
            settling.update(invoices)
        at = from_text(row.at)
        for name in (own, *invoices):
            touched[name] = max(at, touched.get(name, at))
    return Afoot(
        pending=pending,
        settling=frozenset(settling),
        touched=touched,
        deliveries=sum(row.state in UNDER_WAY for row in moving),
    )


def waits(name: Name, columns: Collection[str], now: Afoot) -> str:
    """Why the differences of a document are not judged yet: `pending`, `in-doubt`, or empty where they are."""
    found = now.pending.get(name, "")
    if not found and name in now.settling and columns and set(columns) <= {"status"}:
        return "pending"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Which reading of a document counts, and what was on its way when it was made."""

    first: Afoot
    again: Afoot | None = None
    """Of the second reading, where there was one."""
    names: frozenset[Name] = frozenset()
    """The documents that were read again; of all others the first reading counts."""
    begun: datetime | None = None
    """When the second reading began."""

    def waits(self, name: Name, columns: Collection[str]) -> str:
        """As `waits`; a document that reached an ERP while it was read again is `pending` too."""
        if self.again is None or name not in self.names:
            return waits(name, columns, self.first)
        at = self.again.touched.get(name)
        if at is not None and self.begun is not None and at >= self.begun:
            # One ERP may have been read before it came and the other after.
            return self.again.pending.get(name, "pending")
        return waits(name, columns, self.again)

    @property
    def pending(self) -> frozenset[Name]:
        """Documents that were on their way at either reading."""
        return frozenset(self.first.pending) | frozenset(self.again.pending if self.again else ())


def to_read_again(
    differing: Iterable[Name], now: Afoot, *, at: datetime, grace: timedelta
) -> tuple[frozenset[Name], datetime | None]:
    """The documents that differ and were touched within the grace period, and when it has passed for all."""
    begins = at - grace
    found = {
        name: now.touched[name] for name in differing if now.touched.get(name, begins) > begins and grace
    }
    if not found:
        return frozenset(), None
    return frozenset(found), min(max(found.values()), at) + grace


def consistency(before: Position, between: Position, after: Position) -> dict[str, Any]:
    """The consistency point of a comparison, and what moved while it read."""
    under_way = max(one.under_way for one in (before, between, after))
    reached = max(0, after.tries - before.tries)
    accepted = max(0, after.accepted - before.accepted)
    switched = sorted(
        entity for entity, epoch in after.epochs.items() if epoch != before.epochs.get(entity, 0)
    )
    still = not (under_way or reached or accepted or switched)
    return {
        "state": "quiescent" if still else "unfenced",
        "position": before.seq,
        "epochs": dict(sorted(before.epochs.items())),
        "from": before.at,
        "until": after.at,
        "under_way": under_way,
        "reached": reached,
        "accepted": accepted,
        "switched": switched,
        "sentence": _sentence(before, after, under_way, reached, accepted, switched),
    }


def _sentence(
    before: Position, after: Position, under_way: int, reached: int, accepted: int, switched: Sequence[str]
) -> str:
    if not (under_way or reached or accepted or switched):
        return f"quiescent at {before.seq}: nothing of these entities moved while both ERPs were read"
    moved = [
        f"{what}: {count}"
        for count, what in (
            (under_way, "deliveries on their way"),
            (reached, "calls made"),
            (accepted, "transactions let through"),
        )
        if count
    ]
    if switched:
        moved.append(f"changed hands: {', '.join(switched)}")
    return f"unfenced between {before.seq} and {after.seq}: " + ", ".join(moved)


def _invoices(invoice_id: str) -> tuple[Name, ...]:
    """The names an ERP may hold an invoice by: ours, or that of the billing event it was made of."""
    if not invoice_id:
        return ()
    return (("invoice", invoice_id), ("invoice", invoice_id.removeprefix("INV-")))
