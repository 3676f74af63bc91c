"""The scenario both worlds play: load masters, freeze the wave, hold its work, release, wait until it is drained."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson
from sqlalchemy import text

from cutover.plan.model import Plan
from cutover.plan.stages import StageBook
from cutover.reading import reading
from cutover.runner.port import Controls
from router.clock import from_text
from router.errors import BadInput, Broken
from router.journal.port import Scope
from router.model import SystemId

CLIENT = "drain-check"
LINES = 1_000
POLL_S = 0.5
GIVE_UP_S = 1_800
"""Half an hour: longer than any drain of the sizes this is made for."""
WHY = "drain check"
Say = Callable[[str], None]


class Door(Protocol):
    """A gateway with its journal, rehearsed or served."""

    async def submit(self, body: bytes) -> Mapping[str, Any]:
        """The answer of `POST /v1/transactions:batch`."""
        ...

    async def controls(self) -> Controls:
        """What a plan may do to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """How a wave drained, by its journal's own times."""

    deliveries: int
    released: datetime
    settled: tuple[datetime, ...]
    """When each delivery was settled, in order."""

    def seconds(self, percent: int = 100) -> float:
        """Seconds from the release until this share of the deliveries was settled."""
        at = max(0, -(-len(self.settled) * percent // 100) - 1)
        return (self.settled[at] - self.released).total_seconds()


async def play(
    door: Door, plan: Plan, wave_id: str, *, masters: Sequence[Any], work: Sequence[Any], say: Say
) -> None:
    """Play the scenario; when it returns, the work of the wave is drained. Raises BadInput, Broken."""
    wave = plan.wave(wave_id)
    scope, book = wave.scope(), StageBook(plan)
    book.move(wave_id, stage="cloud")
    await _follow(door, book, 2, scope)
    say("loading masters")
    await _submit(door, masters)
    await _until(door, scope, plan.target, drained)
    book.move(wave_id, frozen=True)
    await _follow(door, book, 3, scope)
    say("holding the wave's work")
    await _submit(door, work)
    controls = await door.controls()
    held = (await controls.backlog(scope, (plan.target,))).held
    if held < len(work):
        raise BadInput(
            f"only {held} of {len(work)} time entries are held: the rest was refused or parked",
            mend="look at the landscape's rules for this wave, or take another wave",
        )
    book.move(wave_id, frozen=False)
    await _follow(door, book, 4, scope)
    say("draining")
    await (await door.controls()).release(scope, by=CLIENT, why=WHY)
    await _until(door, scope, plan.target, drained)


def measure(database: str, target: SystemId) -> Drained:
    """How the time entries of a played scenario drained, from its journal; raises Broken where some were not posted."""
    with reading(database) as connection:
        rows = connection.execute(
            text(
                "SELECT waiting_since, settled_at, state FROM jobs WHERE kind = 'time_entry'"
                " AND role = 'authority' AND target = :target ORDER BY settled_at, job_id"
            ),
            {"target": target},
        ).all()
    left = [row for row in rows if row[2] != "posted"]
    if left or not rows:
        raise Broken(f"{len(left)} of {len(rows)} time entries were not posted")
    return Drained(
        deliveries=len(rows),
        released=min(from_text(row[0]) for row in rows),
        settled=tuple(from_text(row[1]) for row in rows),
    )


async def drained(controls: Controls, scope: Scope, target: SystemId) -> bool:
    """Whether nothing of the scope is under way."""
    return (await controls.backlog(scope, (target,))).drained


async def _follow(door: Door, book: StageBook, version: int, scope: Scope) -> None:
    controls = await door.controls()
    await controls.publish(book.table_text(version), version=version, by=CLIENT)
    await controls.switch(scope, version=version, by=CLIENT, why=WHY)


async def _submit(door: Door, events: Sequence[Any]) -> None:
    for start in range(0, len(events), LINES):
        told = await door.submit(b"\n".join(orjson.dumps(one) for one in events[start : start + LINES]))
        refused = [row for row in told["results"] if row["status"] >= 400]
        if refused:
            raise Broken(f"{len(refused)} documents were refused, the first: {refused[0]}"[:500])


async def _until(
    door: Door,
    scope: Scope,
    target: SystemId,
    done: Callable[[Controls, Scope, SystemId], Awaitable[bool]],
) -> None:
    waited = 0.0
    while not await done(await door.controls(), scope, target):
        if waited > GIVE_UP_S:
            raise Broken(f"the wave did not drain in {GIVE_UP_S} s")
        await asyncio.sleep(POLL_S)
        waited += POLL_S
