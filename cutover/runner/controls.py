"""The door of a plan to a router whose journal and connectors are at hand: rehearsed or live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cutover.gates.port import Measures
from cutover.loading.carrying import RouterLoading
from cutover.loading.port import Loading
from cutover.plan.footing import SHARED
from cutover.rollback.port import WayBack
from cutover.runner.port import Backlog
from router.clock import Clock
from router.connectors.port import Written
from router.dualrun.books import Patience
from router.dualrun.comparison import Comparison
from router.dualrun.service import DualRun
from router.errors import Refused
from router.journal.journal import Journal
from router.journal.port import Scope, Switch
from router.model import State, SystemId
from router.routing.tables import Tables

MASTERS = ("resource", "rate_card", "customer", "contract", "project", "invoice")
"""What the cloud ERP must hold before it can shadow anything, in order of dependence; the invoices that were
open before are among it, or their payments could not be compared."""


class RouterControls:
    """`cutover.runner.port.Controls` over a router's parts."""

    def __init__(
        self,
        *,
        journal: Journal,
        tables: Tables,
        dual_run: DualRun,
        clock: Clock,
        measures: Measures | None = None,
        way_back: WayBack | None = None,
    ) -> None:
        """`measures`: what named gates, smoke and hypercare ask; None: a plan with any of them is refused.

        `way_back`: what arming and rolling back ask; None: they are refused.
        """
        self.clock = clock
        self._way_back = way_back
        self._measures = measures
        self._journal = journal
        self._tables = tables
        self._dual_run = dual_run

    def measures(self) -> Measures:
        """What gates ask; raises Refused where nothing was given to answer them."""
        if self._measures is None:
            raise Refused("named gates can't be measured here", mend="give the controls their measures")
        return self._measures

    def way_back(self) -> WayBack:
        """What a rollback asks; raises Refused where nothing was given to answer it."""
        if self._way_back is None:
            raise Refused("nothing can be rolled back here", mend="give the controls their way back")
        return self._way_back

    def loading(self) -> Loading:
        """What a load asks."""
        return RouterLoading(self._journal)

    async def publish(self, text: str, *, version: int, by: str) -> None:
        """Make a route table known; idempotent for the same version and text."""
        self._tables.publish(text)
        await self._journal.publish_table(text, version=version, by=by)

    async def switch(
        self, scope: Scope, *, version: int, by: str, why: str, gate: Sequence[SystemId] = ()
    ) -> dict[str, int]:
        """Put the scope's entities under a table version; linearizable (D6). Returns their new epochs."""
        flip = Switch(
            entities=scope.entities,
            business_units=scope.business_units,
            kinds=scope.kinds,
            table_version=version,
            by=by,
            why=why,
        )
        return await self._journal.switch(flip, gate=gate)

    async def load_masters(self, scope: Scope, target: SystemId) -> int:
        """Shadow jobs for the masters and open invoices of a scope; returns how many were added.

        Whatever kinds move, they stand on all masters. What business units share is loaded for all of them
        by the first that moves; a master that is there already is not sent again.
        """
        added = 0
        for kinds, units in (
            (SHARED, ()),
            (tuple(kind for kind in MASTERS if kind not in SHARED), scope.business_units),
        ):
            added += await self._journal.add_shadow(
                target=target,
                entities=scope.entities,
                kinds=kinds,
                external_id=lambda document: document.document_id,
                business_units=units,
            )
        return added

    async def backlog(self, scope: Scope, targets: Sequence[SystemId]) -> Backlog:
        """What the scope has under way to these systems."""
        lanes = await self._journal.under_way(scope, targets)
        longest = max(lanes, key=lambda lane: (lane.waiting + lane.in_doubt, lane.lane), default=None)
        return Backlog(
            waiting=sum(lane.waiting for lane in lanes),
            in_doubt=sum(lane.in_doubt for lane in lanes),
            held=await self._journal.held(scope),
            why=longest.why if longest is not None and longest.waiting + longest.in_doubt else "",
        )

    async def unresolved(self, scope: Scope, targets: Sequence[SystemId]) -> dict[str, int]:
        """Refused and dead deliveries of the scope to these systems, by state."""
        rows = await self._journal.job_counts(entities=scope, targets=targets)
        return {state: rows.get(state, 0) for state in (State.REFUSED.value, State.DEAD.value)}

    async def open_lanes(self, scope: Scope, targets: Sequence[SystemId]) -> None:
        """Let the new ERP's lanes run; refused while the old ERP has anything unsettled."""
        await self._journal.open_lanes(scope, targets=targets)

    async def hold_again(self, scope: Scope, *, target: SystemId, by: str, why: str) -> int:
        """Hold what a closed gate still keeps from the target; returns how many."""
        return await self._journal.hold_again(scope, target=target, by=by, why=why)

    async def release(self, scope: Scope, *, by: str, why: str) -> int:
        """Decide what was held again, by the table in force; returns how many."""
        return await self._journal.release(scope, by=by, why=why)

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
        """Compare what both ERPs hold of the scope; breaks are stored under `run_id`."""
        behind: frozenset[tuple[str, str]] = frozenset()
        if history_until is not None:
            behind = await self._journal.left_behind(
                scope.entities, legacy=legacy, cloud=cloud, before=history_until
            )
        return await self._dual_run.compare(
            run_id=run_id,
            legacy=legacy,
            cloud=cloud,
            entities=scope.entities,
            since=since,
            until=until,
            business_units=scope.business_units,
            kinds=scope.kinds,
            left_behind=behind,
            patience=patience,
        )

    async def beside(
        self,
        scope: Scope,
        targets: Sequence[SystemId],
        *,
        since: datetime,
        patience: Patience | None = None,
    ) -> Mapping[SystemId, Sequence[Written] | None]:
        """What was posted in these ERPs since then that the router did not send; None: one can't tell."""
        return await self._dual_run.beside(
            targets, entities=scope.entities, since=since, until=self.clock.now(), patience=patience
        )

    async def record(self, run_id: str, step: str, event: str, data: Mapping[str, object]) -> None:
        """Append to the log of the run."""
        await self._journal.record_step(run_id, step, event, data)

    async def log(self, run_id: str) -> list[dict[str, Any]]:
        """The log of the run, oldest first."""
        return await self._journal.steps(run_id)
