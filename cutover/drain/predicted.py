"""The scenario in virtual time: what a rehearsal predicts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cutover.drain.scenario import CLIENT, Drained, Say, measure, play
from cutover.rehearsal.options import Options
from cutover.rehearsal.virtual_time import VirtualClock, run
from cutover.rehearsal.world import World
from cutover.runner.port import Controls
from router.errors import Broken


class RehearsedDoor:
    """A rehearsed gateway."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def submit(self, body: bytes) -> Mapping[str, Any]:
        """The answer of `POST /v1/transactions:batch`."""
        answer = await self._world.call("POST", "/v1/transactions:batch", content=body, client=CLIENT)
        told: Mapping[str, Any] = answer.json()
        if "results" not in told:
            raise Broken(f"the gateway refused a batch: {told}"[:500])
        return told

    async def controls(self) -> Controls:
        """What a plan may do to it."""
        return await self._world.controls()


def predict(
    options: Options,
    wave_id: str,
    *,
    seeds: Mapping[str, Any],
    masters: Sequence[Any],
    work: Sequence[Any],
    say: Say,
) -> Drained:
    """How long the wave drains in virtual time. Raises BadInput, Broken."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "journal.sqlite"

        async def main(clock: VirtualClock) -> None:
            world = World(options=options, clock=clock, database=database)
            await world.seed(seeds)
            await world.start()
            await play(RehearsedDoor(world), options.plan, wave_id, masters=masters, work=work, say=say)
            await world.stop()
            if world.bugs:
                raise Broken("; ".join(world.bugs[:3]))

        run(main, start=options.plan.start)
        return measure(f"sqlite:///{database}", options.plan.target)
