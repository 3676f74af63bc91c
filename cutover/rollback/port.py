"""What a rollback asks of a router, besides what every step may do (`cutover.runner.port.Controls`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cutover.rollback.price import OldErp
from router.journal.port import Placed, Rehoming, Scope
from router.model import SystemId


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that must be so for a way back to exist. `ok` None: it could not be told."""

    name: str
    ok: bool | None
    measured: str
    wanted: str
    why: str = ""


class WayBack(Protocol):
    """The door of a rollback to a router's journal and systems."""

    async def placed(self, scope: Scope, *, authority: SystemId, other: SystemId) -> list[Placed]:
        """What of a scope has this authority, with how its copy in the other ERP stands."""
        ...

    async def held(self, scope: Scope) -> int:
        """Transactions of a scope that wait for a release."""
        ...

    async def old_erp(self, system: SystemId) -> OldErp:
        """What is known of the ERP one would go back to."""
        ...

    async def per_hour(self, system: SystemId) -> int | None:
        """Deliveries the system took in its busiest hours so far; None: it never took any."""
        ...

    async def rehome(self, order: Rehoming) -> dict[str, int]:
        """Move the authority in one commit; how many `swapped`, `entered`, `copied`, `caught_up`."""
        ...

    async def probe(self, scope: Scope, *, old: SystemId, new: SystemId, reverse: str) -> Sequence[Probe]:
        """Whether one could go back now: `reverse` is the route table that keeps the old ERP fed. Changes nothing."""
        ...
