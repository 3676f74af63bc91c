"""The journal: the one class everybody else uses; its modules do the work inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

from router.canonical import Document
from router.canonical.kinds import Kind
from router.journal import acceptance, fence, holding, lanes, records, registers, rerouting, settling
from router.journal.billing_facts import BillingFacts
from router.journal.breaks import Breaks
from router.journal.cases import Cases
from router.journal.cutover_runs import CutoverRuns
from router.journal.dual_run import DualRunFacts
from router.journal.engine import Transaction
from router.journal.event_facts import EventFacts
from router.journal.gate_facts import GateFacts
from router.journal.identity import Identity
from router.journal.lanes import any_due
from router.journal.lanes import claim as claim_lanes
from router.journal.mapping_days import MappingOf, choose
from router.journal.open_items import OpenItemReads
from router.journal.periods import Late, Periods
from router.journal.port import (
    Acceptance,
    Decide,
    Lease,
    LeaseSettlement,
    NewJob,
    Pin,
    Stale,
    Submission,
    Switch,
)
from router.journal.prepared import Prepared, prepare
from router.journal.reading import Reads
from router.journal.redating import Moved
from router.journal.rehoming import Rehomings
from router.journal.repairing import Again, corrections, send_again
from router.journal.scopes import Scoped
from router.journal.standing import Standing
from router.journal.words import id_text, number
from router.model import SystemId, TransactionId


def _replay(
    tx: Transaction,
    ids: Sequence[str],
    decide: Decide | None,
    completed: Mapping[str, Prepared],
    started: Sequence[Prepared],
    said: Mapping[str, str],
    *,
    route: Literal["pinned", "again"],
    mapping: MappingOf,
    late: Late | None,
    moved: Moved | None,
) -> int:
    facts, over = rerouting.complete(tx, completed, said)
    if started or over:
        acceptance.accept(tx, [*started, *over], decide, late)
    count = facts + rerouting.replay(tx, ids, decide, moved, route=route, **said)
    choose(tx, [seq for seq in map(number, dict.fromkeys(ids)) if seq is not None], mapping)
    return count


_Batch = tuple[list[Prepared], tuple[SystemId, str, str] | None]


class Journal(
    Reads,
    Standing,
    OpenItemReads,
    BillingFacts,
    Periods,
    Cases,
    Breaks,
    Identity,
    EventFacts,
    DualRunFacts,
    GateFacts,
    CutoverRuns,
    Rehomings,
):
    """The durable truth on SQLite or PostgreSQL. Open it with `open`, close it with `close`.

    Every method raises Overloaded while the database can't answer, Broken for a bug, and Refused (or
    a kind of it) for what the caller must mend. One object serves one event loop.
    """

    async def accept(
        self, submissions: Sequence[Submission], *, cursor: tuple[SystemId, str, str] | None = None
    ) -> list[Acceptance]:
        """Accept documents, all or none, in one commit with concurrent callers; answers in their order.

        `cursor` (system, feed, position) is stored in the same commit, unless something is Stale: what a
        feed said is read again until all of it is kept. Raises BadInput for what can't be stored.
        """
        if not submissions and cursor is None:
            return []
        batch: _Batch = ([prepare(one) for one in submissions], cursor)
        answers: list[Acceptance] = await self._writer.submit(
            self._accept, batch, weight=len(submissions) or 1
        )
        return answers

    def _accept(self, tx: Transaction, batches: list[_Batch]) -> list[list[Acceptance]]:
        if self._guard is not None:
            self._guard(tx)
        answers = acceptance.accept(
            tx, [one for batch, _ in batches for one in batch], self._decide, self._late
        )
        rest = iter(answers)
        given = []
        for batch, cursor in batches:
            given.append(list(islice(rest, len(batch))))
            if cursor is not None and not any(isinstance(one, Stale) for one in given[-1]):
                records.put_cursor(tx, *cursor)
        return given

    async def claim(
        self, *, worker: str, target: SystemId, lanes: int, jobs_per_lane: int, lease_s: float
    ) -> list[Lease]:
        """Lease due lanes of a target; the intent to work on their heads is journalled."""
        if not await self._read(any_due, target):
            return []  # asking costs a read; a claim of nothing would still cost a commit
        return await self._do(
            claim_lanes,
            self._documents,
            worker=worker,
            target=target,
            lanes=lanes,
            jobs_per_lane=jobs_per_lane,
            lease_s=lease_s,
        )

    async def settle(self, settlements: Sequence[LeaseSettlement]) -> list[bool]:
        """Settle leases, in one commit with concurrent callers; False: stale token, nothing changed."""
        if not settlements:
            return []
        weight = sum(len(one.settlements) for one in settlements)
        held: list[bool] = await self._writer.submit(self._settle, list(settlements), weight=weight or 1)
        return held

    def _settle(self, tx: Transaction, batches: list[list[LeaseSettlement]]) -> list[list[bool]]:
        held = settling.settle(tx, [one for batch in batches for one in batch], self._decide, self._late)
        rest = iter(held)
        return [list(islice(rest, len(batch))) for batch in batches]

    async def extend(self, leases: Sequence[Lease], *, lease_s: float) -> list[bool]:
        """Lengthen leases to `lease_s` from now; False: lost."""
        return await self._do(lanes.extend, leases, lease_s)

    async def publish_table(self, text: str, *, version: int, by: str) -> None:
        """Store a route table; raises Refused when the version has another text."""
        await self._do(records.publish_table, text, version=version, by=by)

    async def switch(self, order: Switch, *, gate: Sequence[SystemId] = ()) -> dict[str, int]:
        """Flip entities to a table version, linearizably; the new epoch of each (D6).

        Authority lanes of the `gate` targets stay closed for the order's scope until `open_lanes`.
        Raises Refused for a version that is not published, Overloaded when the fence can't be had.
        """
        return await self._do(fence.switch, order, gate)

    async def open_lanes(self, scope: Scoped, *, targets: Sequence[SystemId]) -> None:
        """Open gated lanes; raises Refused while another ERP's are not drained or hold a doubt of the scope."""
        await self._do(fence.open_lanes, scope, targets)

    async def release(self, scope: Scoped, *, by: str, why: str) -> int:
        """Decide held transactions again by the current table; how many were let go."""
        return await self._do(rerouting.release, scope, self._decide, by=by, why=why, moved=self._moved)

    async def hold_again(self, scope: Scoped, *, target: SystemId, by: str, why: str) -> int:
        """Hold again what a closed gate keeps from a system, where the table in force holds it; how many."""
        return await self._do(holding.hold_again, scope, target, self._decide, by=by, why=why)

    async def replay(
        self,
        ids: Sequence[str],
        *,
        route: Literal["pinned", "again"],
        by: str,
        why: str,
        mended: Mapping[str, Submission] | None = None,
        begun: Sequence[Submission] = (),
        mapping: MappingOf = "newest",
    ) -> int:
        """Send refused, dead and parked transactions again; how many. Raises NotFound.

        `mapping`: written by the vendor's newest mapping, or by that of the day they were accepted.
        `mended`: documents for transactions that were parked without one, by their id; `begun`: what
        they start, accepted in the same commit.
        """
        said = {"by": by, "why": why}
        completed = {one: prepare(given) for one, given in (mended or {}).items()}
        started = [prepare(one) for one in begun]
        return await self._do(
            _replay,
            ids,
            self._decide,
            completed,
            started,
            said,
            route=route,
            mapping=mapping,
            late=self._late,
            moved=self._moved,
        )

    async def send_again(
        self, transaction_id: str, *, target: SystemId, proposal: str, said: Mapping[str, str]
    ) -> Again:
        """Deliver a document to one system (again), once a proposal. Raises NotFound, InProgress."""
        return await self._do(send_again, transaction_id, target=target, proposal=proposal, said=dict(said))

    async def corrections(self) -> list[dict[str, Any]]:
        """What was noted of every correction of one ERP (`router.journal.repairing`), oldest first."""
        return await self._read(corrections)

    async def tell(self, kind: Kind, document_id: str, jobs: Sequence[NewJob], *, by: str) -> TransactionId:
        """Add feedback jobs to a document's transaction; its id. Raises NotFound, Refused when told too often."""
        return id_text(await self._do(rerouting.tell, kind, document_id, jobs, by=by))

    async def add_shadow(
        self,
        *,
        target: SystemId,
        entities: Sequence[str],
        kinds: Sequence[Kind],
        external_id: Callable[[Document], str],
        business_units: Sequence[str] = (),
    ) -> int:
        """Start a dual run: shadow jobs for posted documents of these kinds (and units); how many."""
        return await self._do(
            rerouting.add_shadow,
            target=target,
            entities=entities,
            kinds=kinds,
            external_id=external_id,
            business_units=business_units,
        )

    async def pin(self, wanted: Pin) -> None:
        """Set a manual pin; it decides before lineage and table (D7)."""
        await self._do(records.pin, wanted)

    async def unpin(self, scope: str, *, by: str, why: str) -> None:
        """Remove a manual pin; raises NotFound."""
        await self._do(records.unpin, scope, by=by, why=why)

    async def registers(self, names: Sequence[str]) -> dict[str, int]:
        """The values of registers that were ever used: minor units, or a version."""
        return await self._read(registers.read, names)

    async def put_crosswalk(self, system: SystemId, rows: records.CrosswalkRows) -> None:
        """Store vendor ids: {(kind, document id): vendor id}, or rows of the three."""
        await self._do(records.put_crosswalk, system, rows)

    async def record_step(self, run_id: str, step: str, event: str, data: Mapping[str, Any]) -> None:
        """Append to the log of a plan's run."""
        await self._do(records.record_step, run_id, step, event, data)
