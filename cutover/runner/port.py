"""What the runner asks of the world: a router's controls, and the people of the weekend.

Three worlds answer: a rehearsed router on virtual time, a live journal on the wall clock, and the dry run
that only notes what it is asked. The runner and its steps can't tell which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from cutover.gates.port import Measures
from cutover.loading.port import Loading
from cutover.plan.steps import Hook, Step
from cutover.rollback.port import WayBack
from router.clock import Clock
from router.connectors.port import Written
from router.dualrun.books import Patience
from router.dualrun.comparison import Comparison
from router.journal.port import Scope
from router.model import SystemId

Mode = Literal["dry", "rehearsal", "live"]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a scope still has under way."""

    waiting: int
    in_doubt: int
    held: int
    why: str = ""

    @property
    def drained(self) -> bool:
        """Nothing waits and nothing is in doubt; held transactions wait for the release."""
        return self.waiting == 0 and self.in_doubt == 0


class Controls(Protocol):
    """What a plan may do to a running router: a narrow door to its journal and its dual run."""

    clock: Clock

    def measures(self) -> Measures:
        """What named gates, smoke and hypercare ask: reading questions only."""
        ...

    def loading(self) -> Loading:
        """What a load asks: documents the journal knows, and deliveries of them to one more ERP."""
        ...

    def way_back(self) -> WayBack:
        """What a rollback asks: what it would cost, whether it would work, and its doing."""
        ...

    async def publish(self, text: str, *, version: int, by: str) -> None:
        """Make a route table known; idempotent for the same version and text."""
        ...

    async def switch(
        self, scope: Scope, *, version: int, by: str, why: str, gate: Sequence[SystemId] = ()
    ) -> dict[str, int]:
        """Put the scope's entities under a table version; linearizable (D6). Returns their new epochs.

        Authority lanes of the `gate` systems stay closed for the scope until `open_lanes`.
        """
        ...

    async def load_masters(self, scope: Scope, target: SystemId) -> int:
        """Shadow jobs for the masters and open invoices of a scope; returns how many were added."""
        ...

    async def backlog(self, scope: Scope, targets: Sequence[SystemId]) -> Backlog:
        """What the scope has under way to these systems."""
        ...

    async def unresolved(self, scope: Scope, targets: Sequence[SystemId]) -> dict[str, int]:
        """Refused and dead deliveries of the scope to these systems, by state."""
        ...

    async def open_lanes(self, scope: Scope, targets: Sequence[SystemId]) -> None:
        """Let the new ERP's lanes of the scope run; refused while the old ERP has anything unsettled of it."""
        ...

    async def hold_again(self, scope: Scope, *, target: SystemId, by: str, why: str) -> int:
        """Hold what a closed gate still keeps from the target, as the frozen table says; returns how many."""
        ...

    async def release(self, scope: Scope, *, by: str, why: str) -> int:
        """Decide what was held again, by the table in force; returns how many were let go."""
        ...

    async def compare(
        self,
        *,
        run_id: str,
        legacy: SystemId,
        cloud: SystemId,
        scope: Scope,
        since: str,
        until: str,
        history_until: datetime | None = None,
        patience: Patience | None = None,
    ) -> Comparison:
        """Compare what both ERPs hold of the scope; breaks are stored under `run_id`.

        `history_until`: what was accepted before and never given to the new ERP is history of the old one.
        `patience`: how long an ERP that can't be read is asked again. Raises VendorUnknown or VendorRefused when
        it still can't be.
        """
        ...

    async def beside(
        self,
        scope: Scope,
        targets: Sequence[SystemId],
        *,
        since: datetime,
        patience: Patience | None = None,
    ) -> Mapping[SystemId, Sequence[Written] | None]:
        """What was posted in these ERPs since then that the router did not send; None: one can't tell.

        Raises VendorUnknown or VendorRefused when an ERP can't be read.
        """
        ...

    async def record(self, run_id: str, step: str, event: str, data: Mapping[str, object]) -> None:
        """Append to the log of the run."""
        ...

    async def log(self, run_id: str) -> list[dict[str, Any]]:
        """The log of the run, oldest first: `step`, `event`, `at`, `data`."""
        ...


@dataclass(frozen=True, slots=True)
class Veto:
    """A hook said no."""

    hook: str
    why: str


class People(Protocol):
    """The people of the weekend: in a rehearsal drawn from the seed, live those who use `coexist cutover`."""

    async def work(self, step: Step, controls: Controls) -> None:
        """Return once people have done their part of a step, counted from its start; may take hours."""
        ...

    async def approve(self, step: Step, controls: Controls) -> list[str]:
        """Who approved, once enough have; never who proposed the run. Raises StepFailed when refused."""
        ...

    async def unheld(self, step: Step, controls: Controls) -> list[str]:
        """Return once nobody holds the plan before this step; who held it meanwhile."""
        ...

    async def ask(self, hook: Hook, step: Step, facts: Mapping[str, Any]) -> Veto | None:
        """Ask a hook; None: it agrees. One that can't be reached or does not answer in time is a veto."""
        ...
