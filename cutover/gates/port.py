"""What gates ask of the world, and the words the answers come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from cutover.plan.model import Plan
from cutover.plan.steps import Thresholds
from router.connectors.port import Balance, Record
from router.journal.gate_facts import Followed, Tally, Wait
from router.journal.port import Scope
from router.model import SystemId


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An exception that nobody has resolved."""

    exception_id: str
    queue: str
    """Whose list it is on."""
    since: datetime
    kind: str
    legal_entity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The newest comparison of both ERPs that is on record, by its figures."""

    run_id: str
    at: datetime
    compared: int
    pending: int
    held_back: int
    missing: int
    unexplained: int
    untied: int
    expired: int
    invoices: Mapping[str, Mapping[str, int]]
    """By currency: legacy_minor, cloud_minor, variance_minor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A cross-check or an invariant that was looked at now."""

    name: str
    what: str
    looked_at: int
    wrong: int
    problem: str = ""
    """Why it could not be told."""
    examples: tuple[str, ...] = ()


class Measures(Protocol):
    """Reading questions to a router's journal and systems; none of them changes anything."""

    async def deliveries(self, scope: Scope, targets: Sequence[SystemId]) -> list[Tally]:
        """Authority and shadow deliveries of a scope to some systems, counted."""
        ...

    async def waits(self, scope: Scope, targets: Sequence[SystemId], since: datetime) -> list[Wait]:
        """How long authority deliveries of a scope waited that still wait or ended since."""
        ...

    async def followed(self, scope: Scope, target: SystemId, since: datetime) -> list[Followed]:
        """What was accepted for, or let go to, an ERP since, oldest first."""
        ...

    async def exceptions(self, scope: Scope) -> list[Open]:
        """Exceptions of a scope that wait for a person; what names no entity counts in every scope."""
        ...

    async def compared(self, scope: Scope, legacy: SystemId, cloud: SystemId) -> Compared | None:
        """The newest comparison on record that looked at all entities of the scope; None: there is none."""
        ...

    async def cross_checks(self) -> list[Checked]:
        """The cross-checks of the current period, made now and not stored."""
        ...

    async def invariants(self) -> list[Checked]:
        """The invariants a live journal can answer, checked now."""
        ...

    async def balances(
        self, system: SystemId, *, entities: Sequence[str], as_of: date
    ) -> Sequence[Balance] | None:
        """An ERP's trial balance at the end of a day; None: it can't be asked. Raises VendorUnknown."""
        ...

    async def held_by(
        self, system: SystemId, kind: str, *, entities: Sequence[str], since: str, until: str
    ) -> list[Record]:
        """What an ERP holds of a kind; raises VendorUnknown, and VendorRefused for a kind it can't be asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a gate is asked about."""

    measures: Measures
    scope: Scope
    source: SystemId
    target: SystemId
    thresholds: Thresholds
    now: datetime
    wave: str = ""
    """Empty: no wave of a plan."""
    plan: Plan | None = None
    log: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """Of the run: `step`, `event`, `at`, `data`, oldest first."""
