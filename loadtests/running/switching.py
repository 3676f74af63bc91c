"""A cutover in the middle of a run: the same controls a live plan uses, beside the gateway's journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cutover.plan.model import Plan
from cutover.plan.reading import read_plan
from cutover.plan.stages import StageBook
from cutover.runner.controls import RouterControls
from cutover.served.connecting import connected
from loadtests.running.stand import Stand
from loadtests.scenario.model import Switch
from router.clock import WallClock
from router.errors import BadInput, Broken
from router.journal.port import Scope
from router.model import SystemId

BY = "load test"
POLL_S = 0.25


class Switching:
    """One wave of a plan, moved from the old ERP to the new one under load."""

    def __init__(
        self, controls: RouterControls, plan: Plan, wave: str, *, base: str | None, newest: int
    ) -> None:
        """`base`, `newest`: the table in force before the run, and the highest version known."""
        self._controls = controls
        self._plan, self._wave = plan, wave
        self._book = StageBook(plan, base)
        self._version = newest

    @property
    def scope(self) -> Scope:
        """What moves."""
        return self._plan.wave(self._wave).scope()

    async def dual_run(self) -> None:
        """Before the masters: both ERPs get them, and all work until the switch."""
        self._book.move(self._wave, stage="shadow")
        await self._follow("dual run before the load")

    async def switch(self, *, drain_s: float) -> None:
        """Freeze, drain the old ERP, switch, release; raises Broken when it does not drain, and thaws."""
        plan, scope = self._plan, self.scope
        self._book.move(self._wave, frozen=True)
        await self._follow("freeze under load")
        why = await self._drained(scope, plan.source, drain_s)
        if why:
            self._book.move(self._wave, frozen=False)
            await self._follow("the freeze is given up")
            await self._controls.release(scope, by=BY, why="the freeze is given up")
            raise Broken(f"wave {self._wave} did not drain in {drain_s:.0f} s: {why}")
        self._book.move(self._wave, stage="cloud", frozen=False)
        await self._follow("switch under load", gate=(plan.target,))
        await self._controls.open_lanes(scope, (plan.target,))
        await self._controls.release(scope, by=BY, why="released under load")

    async def _follow(self, why: str, *, gate: tuple[SystemId, ...] = ()) -> None:
        self._version += 1
        text = self._book.table_text(self._version)
        await self._controls.publish(text, version=self._version, by=BY)
        await self._controls.switch(self.scope, version=self._version, by=BY, why=why, gate=gate)

    async def _drained(self, scope: Scope, source: SystemId, drain_s: float) -> str:
        """Empty once nothing is under way to the old ERP; else what was after so long."""
        for _ in range(int(drain_s / POLL_S) + 1):
            backlog = await self._controls.backlog(scope, (source,))
            if backlog.drained:
                return ""
            await asyncio.sleep(POLL_S)
        return f"{backlog.waiting} wait, {backlog.in_doubt} are in doubt; {backlog.why}"


@asynccontextmanager
async def switching(switch: Switch, stand: Stand) -> AsyncIterator[Switching]:
    """A switch ready to be made, its router beside the gateway's journal; raises BadInput, BadConfig."""
    if stand.database is None:
        raise BadInput(
            "the scenario makes a cutover switch, which needs the gateway's journal",
            mend="give it with --database",
        )
    router, table = connected(stand.landscape, stand.database, stand.routes, stand.simulated)
    try:
        plan = read_plan(switch.plan, router.landscape)
        await router.start(table)
        versions = sorted(int(row["version"]) for row in await router.journal.tables())
        newest = versions[-1] if versions else 1
        base = await router.journal.table_text(newest) if versions else None
        controls = RouterControls(
            journal=router.journal, tables=router.tables, dual_run=router.dual_run, clock=WallClock()
        )
        yield Switching(controls, plan, switch.wave, base=base, newest=newest)
    finally:
        await router.aclose()
