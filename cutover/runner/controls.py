"""What a plan may do to a running router: a narrow door to its journal and its dual run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from router.clock import Clock
from router.dualrun.service import Comparison, DualRun
from router.journal.journal import Journal
from router.journal.port import LaneStatus, Switch
from router.model import State, SystemId
from router.routing.tables import Tables

MASTERS = ("resource", "rate_card", "customer", "contract", "project", "invoice")
"""What the cloud ERP must hold before it can shadow anything, in order of dependence; the invoices that were
open before are among it, or their payments could not be compared."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What some entities still have under way."""

    waiting: int
    in_doubt: int
    held: int
    why: str = ""

    @property
    def drained(self) -> bool:
        """Nothing waits and nothing is in doubt; held transactions wait for the release."""
        return self.waiting == 0 and self.in_doubt == 0


class Controls:
    """Publish, switch, release, load, compare, count."""

    def __init__(self, *, journal: Journal, tables: Tables, dual_run: DualRun, clock: Clock) -> None:
        self.clock = clock
        self._journal = journal
        self._tables = tables
        self._dual_run = dual_run

    async def publish(self, text: str, *, version: int, by: str) -> None:
        """Make a route table known; idempotent for the same version and text."""
        self._tables.publish(text)
        await self._journal.publish_table(text, version=version, by=by)

    async def switch(
        self, entities: Sequence[str], *, version: int, by: str, why: str, gate: Sequence[SystemId] = ()
    ) -> dict[str, int]:
        """Put entities under a table version; linearizable (D6). Returns their new epochs."""
        flip = Switch(entities=tuple(entities), table_version=version, by=by, why=why)
        return await self._journal.switch(flip, gate=gate)

    async def load_masters(self, entities: Sequence[str], target: SystemId) -> int:
        """Shadow jobs for the masters of some entities; returns how many were added."""
        return await self._journal.add_shadow(
            target=target, entities=entities, kinds=MASTERS, external_id=lambda document: document.document_id
        )

    async def backlog(self, entities: Sequence[str], targets: Sequence[SystemId]) -> Backlog:
        """What these entities have under way to these systems."""
        lanes: list[LaneStatus] = []
        for target in targets:
            lanes += await self._journal.lanes(target=target, entities=entities)
        longest = max(lanes, key=lambda lane: (lane.waiting + lane.in_doubt, lane.lane), default=None)
        return Backlog(
            waiting=sum(lane.waiting for lane in lanes),
            in_doubt=sum(lane.in_doubt for lane in lanes),
            held=await self._journal.held(entities),
            why=longest.why if longest is not None and longest.waiting + longest.in_doubt else "",
        )

    async def unresolved(self, entities: Sequence[str], targets: Sequence[SystemId]) -> dict[str, int]:
        """Refused and dead deliveries of these entities to these systems, by state."""
        rows = await self._journal.job_counts(entities=entities, targets=targets)
        return {state: rows.get(state, 0) for state in (State.REFUSED.value, State.DEAD.value)}

    async def open_lanes(self, entities: Sequence[str], targets: Sequence[SystemId]) -> None:
        """Let the new ERP's lanes run; refused while the old ERP has anything unsettled."""
        await self._journal.open_lanes(entities, targets=targets)

    async def release(self, entities: Sequence[str], *, by: str, why: str) -> int:
        """Decide what was held again, by the table in force; returns how many."""
        return await self._journal.release(entities, by=by, why=why)

    async def compare(
        self,
        *,
        run_id: str,
        legacy: SystemId,
        cloud: SystemId,
        entities: Sequence[str],
        since: str,
        until: str,
    ) -> Comparison:
        """Compare what both ERPs hold of these entities; breaks are stored under `run_id`."""
        return await self._dual_run.compare(
            run_id=run_id, legacy=legacy, cloud=cloud, entities=entities, since=since, until=until
        )

    async def record(self, run_id: str, step: str, event: str, data: dict[str, object]) -> None:
        """Append to the log of the run."""
        await self._journal.record_step(run_id, step, event, data)

    async def log(self, run_id: str) -> list[dict[str, object]]:
        """The log of the run, oldest first."""
        return await self._journal.steps(run_id)
