"""What is known of the documents that lie across a switch. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cutover.plan.stages import NEW, Stage
from router.canonical.kinds import Kind
from router.canonical.money import Money
from router.model import SystemId


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of stage, as the log of the run has it."""

    at: str
    entities: tuple[str, ...]
    business_units: tuple[str, ...]
    kinds: tuple[Kind, ...]
    """Empty: all."""
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Straddler:
    """A document that was decided after the first switch. Instants and days are ISO text."""

    seq: int
    kind: Kind
    document_id: str
    legal_entity: str
    business_unit: str
    accounting_date: str
    day: str
    """The day it is about: of the work, the expense, the milestone; else its accounting date."""
    currency: str
    amount_minor: int
    authority: str
    """Empty while it waits."""
    rule: str
    decided_at: str
    state: str
    project_id: str = ""
    refers_to: tuple[Kind, str] | None = None
    """What it pays, credits, bills again, corrects or takes back."""
    corrects: bool = False
    counterparty: str = ""
    """Intercompany: the other entity."""
    milestones: tuple[str, ...] = ()
    """Of a billing event: the milestones it bills."""
    redated: tuple[str, str, str] | None = None
    """(from, to, how its period stood) where a closed period moved it on."""

    @property
    def transaction_id(self) -> str:
        """As people and `coexist trace` write it."""
        return f"T{self.seq:012d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """The work of one project that one ERP is the authority of."""

    project_id: str
    legal_entity: str
    authority: str
    currency: str
    count: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpWork:
    """A piece of work as an ERP's own books show it."""

    system: str
    kind: Kind
    document_id: str
    worth: bool
    """Whether a customer is to pay anything for it."""
    billed_by: str
    """The invoice it is on in that ERP; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """Everything the cases are told from."""

    source: SystemId
    target: SystemId
    moves: Sequence[Move]
    straddlers: Sequence[Straddler]
    authority: Mapping[tuple[Kind, str], str]
    """Where documents that others refer to live: invoices, work, milestones, entries."""
    halves: Sequence[Half] = ()
    work: Sequence[ErpWork] | None = None
    """None: the ERPs were not asked (a live journal)."""
    projects: Mapping[tuple[Kind, str], str] = field(default_factory=dict)
    """The project of a piece of work."""

    def stage_at(self, legal_entity: str, business_unit: str, kind: Kind, at: str) -> tuple[Stage, str]:
        """How a kind of an entity stood at an instant, and since when."""
        stage: Stage = "legacy"
        since = ""
        for move in self.moves:
            if move.at > at:
                break
            ours = legal_entity in move.entities and (not move.kinds or kind in move.kinds)
            if ours and (not move.business_units or business_unit in move.business_units):
                if (move.stage in NEW) != (stage in NEW) or not since:
                    since = move.at
                stage = move.stage
        return stage, since

    def moved(self, one: Straddler) -> str:
        """When its scope had moved to the new ERP by the time it was decided; empty: it had not."""
        stage, since = self.stage_at(one.legal_entity, one.business_unit, one.kind, one.decided_at)
        return since if stage in NEW else ""

    def stays(self, one: Straddler, kinds: Sequence[Kind], cut: str) -> bool:
        """Whether the plan leaves it with the old ERP by its date: while that is fed, before it is retired."""
        stage, _ = self.stage_at(one.legal_entity, one.business_unit, one.kind, one.decided_at)
        return stage == "live" and one.kind in kinds and one.accounting_date < cut

    def home(self, one: Straddler) -> SystemId:
        """The ERP that is the authority of its scope when it is decided."""
        return self.target if self.moved(one) else self.source


def money(rows: Sequence[tuple[str, int]]) -> list[dict[str, str]]:
    """Sums by currency as text, in the order of currencies."""
    sums: dict[str, int] = {}
    for currency, minor in rows:
        if currency and minor:
            sums[currency] = sums.get(currency, 0) + minor
    return [
        {"currency": currency, "amount": str(Money(minor, currency))}
        for currency, minor in sorted(sums.items())
    ]
