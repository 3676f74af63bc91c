"""Whether due-from and due-to agree: every leg as it was sent, beside what the ERPs hold of it now.

Sums are kept per provider, receiver, period and currency, periods by the provider's calendar. A pair is
matched when both books say the same and every leg stands where and as it was sent; pending when legs are
only on their way; else it is a mismatch, and each leg that is not right says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from router.canonical.ledger import JournalEntry
from router.finance.intercompany import owed

Cause = Literal["in-flight", "refused", "missing", "edited", "other-period", "by-hand", "leg-missing"]
WORDS: dict[Cause, str] = {
    "in-flight": "it is on its way to its ERP",
    "refused": "it did not reach its ERP: mend what was refused and replay it",
    "missing": "it was posted and is no longer there: post it again in the ERP, or reverse the other leg",
    "edited": "its amount was changed in the ERP: put it back there, or correct the other leg too",
    "other-period": "it was posted in another period than the other leg: move it in the ERP",
    "by-hand": "it did not come from here, and has no leg on the other side: book that too, or reverse it",
    "leg-missing": "the work crosses entities but was never charged: POST /v1/processes/charge-intercompany",
}
ON_ITS_WAY = frozenset({"queued", "in_flight", "in_doubt", "held"})
PeriodName = Callable[[str, date], str]
"""(legal entity, day) to the name of its period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A leg as the journal has it."""

    entry: JournalEntry
    state: str
    system: str
    """Its authority; empty while it has none."""

    @property
    def pair(self) -> tuple[str, str]:
        """(provider, receiver)."""
        return pair_of(self.entry.legal_entity, self.entry.counterparty or "", provides(self.entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A leg as an ERP holds it now; amounts in minor units, due-from positive."""

    system: str
    document_id: str
    """The external id it carries; empty when it carries none."""
    number: str
    legal_entity: str
    counterparty: str
    on: date
    currency: str
    due_from_minor: int
    due_to_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A leg that is not as it should be."""

    document_id: str
    legal_entity: str
    system: str
    cause: Cause
    sent_minor: int
    held_minor: int


@dataclass(slots=True)
class Pair:
    """What one entity has due from another, and what the other says it owes, in one period and currency."""

    provider: str
    receiver: str
    period: str
    currency: str
    due_from_sent_minor: int = 0
    due_to_sent_minor: int = 0
    due_from_minor: int = 0
    """As the provider's ERP holds it."""
    due_to_minor: int = 0
    """As the receiver's ERP holds it; positive, like due-from."""
    wrong: list[Wrong] = field(default_factory=list)

    @property
    def difference_minor(self) -> int:
        """Due from less due to, as the ERPs hold them."""
        return self.due_from_minor - self.due_to_minor

    @property
    def status(self) -> Literal["matched", "pending", "mismatch"]:
        """How the pair stands."""
        if not self.wrong and not self.difference_minor:
            return "matched"
        waiting = bool(self.wrong) and all(one.cause == "in-flight" for one in self.wrong)
        return "pending" if waiting else "mismatch"


def provides(entry: JournalEntry) -> bool:
    """Whether a leg is the provider's."""
    return any(line.account == "DUE_FROM" for line in entry.lines)


def pair_of(entity: str, counterparty: str, from_provider: bool) -> tuple[str, str]:  # noqa: FBT001 - a fact
    """(provider, receiver) of a leg in an entity's books."""
    return (entity, counterparty) if from_provider else (counterparty, entity)


def match(sent: Iterable[Sent], held: Iterable[Held], period: str, period_of: PeriodName) -> list[Pair]:
    """All pairs of a period, sorted by provider, receiver and currency."""
    found: dict[tuple[str, str, str], Pair] = {}

    def pair(provider: str, receiver: str, currency: str) -> Pair:
        key = (provider, receiver, currency)
        return found.setdefault(key, Pair(provider, receiver, period, currency))

    legs = {one.entry.document_id: one for one in sent}
    seen: dict[str, Held] = {}
    for row in held:
        leg = legs.get(row.document_id)
        if leg is not None:
            if row.system == leg.system:
                seen[row.document_id] = row
        else:
            # Not of this router: of what is, a dual run's two copies, the authority's alone counts.
            provider, receiver = pair_of(row.legal_entity, row.counterparty, bool(row.due_from_minor))
            if period_of(provider or row.legal_entity, row.on) == period:
                _add(pair(provider, receiver, row.currency), row)
                minor = row.due_from_minor + row.due_to_minor
                wrong = Wrong(
                    document_id=row.document_id or row.number, legal_entity=row.legal_entity, system=row.system,
                    cause="by-hand", sent_minor=0, held_minor=minor,
                )  # fmt: skip
                pair(provider, receiver, row.currency).wrong.append(wrong)
    for document_id, leg in legs.items():
        provider, receiver = leg.pair
        there = seen.get(document_id)
        due = period_of(provider, leg.entry.accounting_date) == period
        stands = there is not None and period_of(provider, there.on) == period
        if not due and not stands:
            continue
        mine = pair(provider, receiver, leg.entry.currency)
        if due:
            _expect(mine, leg.entry)
        if there is not None and stands:
            _add(mine, there)
        cause = _cause(leg, there, due and stands)
        if cause is not None:
            mine.wrong.append(_wrong(leg, there, cause))
    return [found[key] for key in sorted(found)]


def _expect(pair: Pair, entry: JournalEntry) -> None:
    minor = owed(entry).minor
    if provides(entry):
        pair.due_from_sent_minor += minor
    else:
        pair.due_to_sent_minor -= minor


def _add(pair: Pair, row: Held) -> None:
    pair.due_from_minor += row.due_from_minor
    pair.due_to_minor -= row.due_to_minor


def _cause(leg: Sent, there: Held | None, in_period: bool) -> Cause | None:  # noqa: FBT001 - a fact
    if there is None:
        if leg.state in ON_ITS_WAY:
            return "in-flight"
        return "missing" if leg.state == "posted" else "refused"
    if there.due_from_minor + there.due_to_minor != owed(leg.entry).minor:
        return "edited"
    if there.currency != leg.entry.currency:
        return "edited"
    return None if in_period else "other-period"


def _wrong(leg: Sent, there: Held | None, cause: Cause) -> Wrong:
    return Wrong(
        document_id=leg.entry.document_id,
        legal_entity=leg.entry.legal_entity,
        system=leg.system,
        cause=cause,
        sent_minor=owed(leg.entry).minor,
        held_minor=0 if there is None else there.due_from_minor + there.due_to_minor,
    )
