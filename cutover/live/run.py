"""Runs a plan live: takes the lease, checks the approvals, and lets the runner work while the lease holds.

It may die at any point: another one goes on from the log as soon as the lease has ended. Two never act at once,
for each change to the journal makes sure of the lease in its own transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from cutover.live import hooks
from cutover.live.log import LiveLog
from cutover.live.people import Asker, LivePeople, objection
from cutover.live.standing import proposed, results_of
from cutover.plan.model import Plan
from cutover.runner.ground import Ground
from cutover.runner.port import Controls
from cutover.runner.runner import Runner
from router.errors import Broken, CoexistError, FourEyes, Overloaded, Refused
from router.journal.journal import Journal
from router.journal.run_words import (
    EVENTS,
    PROPOSED,
    Row,
    approvals,
    checked_name,
    proposal,
    said_of,
    state_of,
)

LEASE_S = 30.0
"""A runner that died is replaced after this; a third of it is how often a living one says so."""
POLL_S = 2.0
"""How often people's words and the backlog are looked at."""
BASED = "based"
"""Event of the log: the route table that was in force when the run began."""
MOST_RESTARTS = 100
"""Times a runner begins again because the database did not answer, `POLL_S` apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A live run as it was asked for."""

    plan: Plan
    run_id: str
    by: str
    holder: str
    """Which process this is, for whoever finds the run taken."""
    poll_s: float = POLL_S
    lease_s: float = LEASE_S


Watch = Callable[[Sequence[Row]], None]
MakeControls = Callable[[Journal], Controls]


def run_id_of(plan: Plan) -> str:
    """The run of a plan that is given no other name: a changed plan is another run."""
    return f"{plan.name}-{plan.digest()[:8]}"


async def run_live(
    order: Order,
    *,
    journal: Journal,
    controls: MakeControls,
    watch: Watch = lambda _: None,
    asker: Asker = hooks.ask,
) -> bool:
    """Run the plan to its end; whether all steps are done. `controls` acts on the journal it is given.

    Raises InProgress while another runner lives, Refused or FourEyes without an approval of this very plan,
    Superseded when another runner took over.
    """
    checked_name("by", order.by)
    token = await journal.lease_run(order.run_id, holder=order.holder, lease_s=order.lease_s)
    mine = journal.under(order.run_id, token)
    try:
        return await _with_lease(order, mine, token, controls(mine), watch, asker)
    finally:
        await journal.leave_run(order.run_id, token)


async def _with_lease(
    order: Order, journal: Journal, token: int, controls: Controls, watch: Watch, asker: Asker
) -> bool:
    await _admit(order, journal)
    base = await base_of(journal, order.run_id)
    log = LiveLog(lambda: journal.steps(order.run_id), poll_s=order.poll_s)
    begun = proposal(await log.look())
    assert begun is not None
    people = LivePeople(log=log, digest=order.plan.digest(), not_by=(begun["by"], order.by), asker=asker)
    current: list[Runner] = []

    async def door() -> Controls:
        return controls

    async def attempts() -> bool:
        borne: Overloaded | None = None
        for _ in range(MOST_RESTARTS):
            try:
                newest = max((int(row["version"]) for row in await journal.tables()), default=1)
                ground = Ground(
                    plan=order.plan, run_id=order.run_id, mode="live", by=order.by, controls=door, people=people,
                    newest_version=newest, base=base, poll_s=order.poll_s,
                )  # fmt: skip
                current[:] = [Runner(ground)]
                return await current[0].run()
            except Overloaded as error:
                borne = error  # before any step had begun again: borne as in the middle of one
            except BaseExceptionGroup as group:
                _bear(group)
            await asyncio.sleep(order.poll_s)
        raise borne or Overloaded("the journal does not answer", retry_after_s=60)

    def seen(rows: Sequence[Row]) -> None:
        watch(rows)
        current[0].overdue(controls.clock.now())
        for step in order.plan.steps:
            said = said_of(rows, step.id)
            if said is not None and said["event"] == EVENTS["fail"] and state_of(rows, step.id) == "running":
                current[0].object(step.id, objection(said))

    return await _beside(
        attempts(), [keep_lease(journal, order.run_id, token, lease_s=order.lease_s), log.follow(lambda rows: seen(rows) if current else None, spared=(Overloaded,))],
        last=log.look, watch=watch,
    )  # fmt: skip


async def _admit(order: Order, journal: Journal) -> None:
    """Refuse a run nobody else approved, or of another plan than it began with; propose a new one."""
    rows, digest = await journal.steps(order.run_id), order.plan.digest()
    begun = proposal(rows)
    if begun is not None and begun["digest"] != digest:
        raise Refused(
            f"run {order.run_id} was begun with plan {begun['digest'][:12]}, this is {digest[:12]}",
            mend="approvals don't carry over to a changed plan: give it another --run-id and have it approved",
        )
    not_by = [order.by, *([begun["by"]] if begun is not None else [])]
    if not approvals(rows, "", digest=digest, not_by=not_by):
        mine = approvals(rows, "", digest=digest, not_by=())
        error = FourEyes if mine else Refused
        said = f"only {mine[0].by} approved it, who runs it" if mine else "nobody has approved this very plan"
        raise error(
            f"run {order.run_id}: {said}",
            mend=f"somebody else: coexist cutover approve PLAN --run-id {order.run_id} --database … --by NAME",
        )
    if begun is None:
        await journal.record_step(order.run_id, "", PROPOSED, proposed(order.plan, order.by))
        newest = max((int(row["version"]) for row in await journal.tables()), default=1)
        await journal.record_step(order.run_id, "", BASED, {"version": newest})


async def base_of(journal: Journal, run_id: str) -> str | None:
    """The route table in force when a run began, as its first runner noted it: what no wave moves stays as it was."""
    noted = [row["data"]["version"] for row in await journal.steps(run_id) if row["event"] == BASED]
    return await journal.table_text(int(noted[0])) if noted else None


async def keep_lease(journal: Journal, run_id: str, token: int, *, lease_s: float) -> None:
    """Say that this runner lives, until cancelled; raises Superseded when it was taken for dead."""
    while True:
        await asyncio.sleep(lease_s / 3)
        try:
            await journal.keep_run(run_id, token, lease_s=lease_s)
        except Overloaded:
            continue  # the lease may end meanwhile; what then acts without it is refused by the journal


async def _beside(
    work: Coroutine[Any, Any, bool],
    helpers: Sequence[Coroutine[Any, Any, None]],
    *,
    last: Callable[[], Coroutine[Any, Any, Sequence[Row]]],
    watch: Watch,
) -> bool:
    """The work's answer; it ends with the first helper that ends."""
    tasks = [asyncio.create_task(one) for one in helpers]
    main = asyncio.create_task(work)
    try:
        await asyncio.wait([main, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
                raise Broken(
                    "a part of the live run ended by itself", mend="start it again: it goes on from its log"
                )
        answer = await main
        watch(await last())
        return answer
    finally:
        main.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(main, *tasks, return_exceptions=True)


def _bear(group: BaseExceptionGroup[BaseException]) -> None:
    """Return where only the database did not answer; raise what else it was, one error of ours if there is one."""
    leaves = list(_leaves(group))
    other = [error for error in leaves if not isinstance(error, Overloaded)]
    if not other:
        return
    ours = next((error for error in other if isinstance(error, CoexistError)), None)
    raise ours if ours is not None else other[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def report_of(plan: Plan, run_id: str, rows: Sequence[Row]) -> dict[str, Any]:
    """A finished or interrupted run as data: planned against actual, a step a row, with gates and people's words."""
    words = set(EVENTS.values())
    return {
        "run_id": run_id,
        "plan": {"name": plan.name, "digest": plan.digest()},
        "proposed": proposal(rows),
        "steps": [
            {**result.as_row(), "gates": [gate.as_row() for gate in result.gates]}
            for result in results_of(plan, rows).values()
        ],
        "people": [dict(row) for row in rows if row["event"] in words],
    }
