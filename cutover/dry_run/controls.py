"""Controls that note what they are asked, change nothing, and answer as a perfect weekend would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from cutover.dry_run.actions import Action, listed, named, table_change
from cutover.dry_run.doors import NotedLoading, NotedWayBack
from cutover.dry_run.today import Today
from cutover.gates.port import Measures
from cutover.loading.port import Loading
from cutover.rollback.port import WayBack
from cutover.runner.port import Backlog
from router.clock import Clock, to_text
from router.connectors.port import Written
from router.dualrun.books import Patience
from router.dualrun.comparison import Comparison
from router.errors import Broken
from router.journal.port import Scope
from router.model import SystemId

NEVER = 0


class NotingControls:
    """`cutover.runner.port.Controls` of a dry run; `actions` is what it noted, `today` what it begins with."""

    def __init__(self, *, clock: Clock, today: Today) -> None:
        self.clock = clock
        self.actions: list[Action] = []
        self._today = today
        self._table = today.table
        self._epochs = dict(today.epochs)
        self._log: list[dict[str, Any]] = list(today.log)

    def note(
        self, verb: str, what: str, *, reads: Sequence[str] = (), changes: Sequence[str] = (), **detail: Any
    ) -> None:
        """Note an action of the step that is running."""
        task = asyncio.current_task()
        name = task.get_name() if task is not None else ""
        self.actions.append(
            Action(
                at=to_text(self.clock.now()),
                step=name.removeprefix("step-") if name.startswith("step-") else "",
                verb=verb,
                what=what,
                reads=tuple(reads),
                changes=tuple(changes),
                detail=detail,
            )
        )

    def measures(self) -> Measures:
        """A dry run measures nothing: steps note what they would measure instead of asking."""
        raise Broken("a step of a dry run asked for a measurement")

    def loading(self) -> Loading:
        """What a load asks, noted."""
        return NotedLoading(self.note)

    def way_back(self) -> WayBack:
        """What a rollback asks, noted."""
        return NotedWayBack(self.note)

    async def publish(self, text: str, *, version: int, by: str) -> None:
        """Note the table and how it differs from the one before."""
        change = table_change(self._table, text)
        self._table = text
        self.note(
            "publish", f"Publish route table {version}", changes=("the journal's route tables",),
            version=version, by=by, change=change, table=text,
        )  # fmt: skip

    async def switch(
        self, scope: Scope, *, version: int, by: str, why: str, gate: Sequence[SystemId] = ()
    ) -> dict[str, int]:
        """Note the flip; epochs count up as they would from the first switch on."""
        closed = f"; {listed(gate)}'s lanes of them stay closed" if gate else ""
        self.note(
            "switch",
            f"Switch {named(scope)} to table {version}{closed}",
            reads=("their epochs, under the fence",),
            changes=("their epochs", *((f"gates of {listed(gate)}",) if gate else ())),
            why=why,
            by=by,
        )
        for entity in scope.entities:
            self._epochs[entity] = self._epochs.get(entity, NEVER) + 1
        return {entity: self._epochs[entity] for entity in scope.entities}

    async def load_masters(self, scope: Scope, target: SystemId) -> int:
        """Note the load of masters."""
        self.note(
            "load masters",
            f"Give {target} the masters and open invoices of {named(scope)}",
            reads=("posted masters of the journal",),
            changes=(f"shadow deliveries to {target}",),
        )
        return 0

    async def backlog(self, scope: Scope, targets: Sequence[SystemId]) -> Backlog:
        """Note what would be looked at; nothing is under way on a perfect weekend."""
        now = self._today.told(scope, targets)
        self.note(
            "see drained",
            f"See that nothing of {named(scope)} is on its way to {listed(targets)}; a drain waits until it is so"
            f"{f' ({now})' if now else ''}",
            reads=("the journal's lanes",),
        )
        return Backlog(waiting=0, in_doubt=0, held=0)

    async def unresolved(self, scope: Scope, targets: Sequence[SystemId]) -> dict[str, int]:
        """Note the count."""
        self.note(
            "count", f"Count what {listed(targets)} refused or gave up of {named(scope)}", reads=("the journal's jobs",)
        )  # fmt: skip
        return {"refused": 0, "dead": 0}

    async def open_lanes(self, scope: Scope, targets: Sequence[SystemId]) -> None:
        """Note the opening."""
        self.note(
            "open lanes",
            f"Open the lanes of {listed(targets)} for {named(scope)}; refused while the old ERP has anything unsettled",
            reads=("unsettled deliveries",),
            changes=(f"gates of {listed(targets)}",),
        )

    async def hold_again(self, scope: Scope, *, target: SystemId, by: str, why: str) -> int:
        """Note the holding."""
        self.note(
            "hold again",
            f"Hold again what waits for {target} behind its closed gate, of {named(scope)}",
            reads=("queued deliveries behind the gate",),
            changes=("their decisions",),
            by=by,
            why=why,
        )
        return 0

    async def release(self, scope: Scope, *, by: str, why: str) -> int:
        """Note the release."""
        self.note(
            "release",
            f"Decide again what the freeze held of {named(scope)}, and let it go",
            reads=("held transactions",),
            changes=("their decisions and deliveries",),
            by=by,
            why=why,
        )
        return 0

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
        """Note the comparison; a perfect one, so that the run goes on."""
        del since, until, history_until, patience
        self.note(
            "compare",
            f"Compare what {legacy} and {cloud} hold of {named(scope)}, document by document",
            reads=(f"documents of {legacy}", f"documents of {cloud}", "the journal"),
            changes=(f"breaks of run {run_id}",),
        )
        return Comparison(
            run_id=run_id, legacy=legacy, cloud=cloud, entities=scope.entities,
            consistency={"state": "not compared: dry run"}, compared=1, pending=0,
        )  # fmt: skip

    async def beside(
        self,
        scope: Scope,
        targets: Sequence[SystemId],
        *,
        since: datetime,
        patience: Patience | None = None,
    ) -> Mapping[SystemId, Sequence[Written] | None]:
        """Note that the ERPs are asked who posted beside the router; nobody did."""
        del since, patience
        self.note(
            "beside",
            f"Ask {' and '.join(targets)} who posted beside the router for {named(scope)} since the freeze",
            reads=tuple(f"document headers of {target}" for target in targets),
        )
        return dict.fromkeys(targets, ())

    async def record(self, run_id: str, step: str, event: str, data: Mapping[str, object]) -> None:
        """Keep the log of the dry run in memory; what a step would do by itself becomes an action."""
        del run_id
        self._log.append({"step": step, "event": event, "at": to_text(self.clock.now()), "data": dict(data)})
        if event.startswith("would "):
            verb = event.removeprefix("would ")
            self.note(verb, f"{verb.capitalize()}: {_told(data)}", reads=("the journal and both ERPs",))

    async def log(self, run_id: str) -> list[dict[str, Any]]:
        """The log of the dry run."""
        del run_id
        return list(self._log)


def _told(data: Mapping[str, object]) -> str:
    return "; ".join(
        f"{name.replace('_', ' ')} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in data.items()
    )
