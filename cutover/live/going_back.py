"""Goes back with a wave of a live run, on the word of two people, and puts a rehearsed rollback on record."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cutover.live import hooks
from cutover.live.log import LiveLog
from cutover.live.people import LivePeople
from cutover.live.run import LEASE_S, POLL_S, MakeControls, base_of, keep_lease
from cutover.plan.model import Plan
from cutover.plan.stages import Stage
from cutover.runner.ground import Ground
from cutover.runner.port import Controls
from cutover.runner.results import WayBack
from cutover.runner.steps.rolling_back import roll_back
from router.canonical.kinds import Kind
from router.clock import Clock, to_text
from router.errors import BadInput, FourEyes, NotFound, Refused
from router.journal.journal import Journal
from router.journal.run_words import MOST_BY, MOST_TEXT, checked_name, checked_text, folded, proposal

EVIDENCE = "rollback_rehearsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoBack:
    """A rollback as it was asked for."""

    plan: Plan
    run_id: str
    wave: str
    by: str
    approved_by: str
    why: str
    holder: str
    kinds: tuple[Kind, ...] = ()
    entities: tuple[str, ...] = ()
    to: Stage = "shadow"
    poll_s: float = POLL_S
    lease_s: float = LEASE_S


async def go_back(order: GoBack, *, journal: Journal, controls: MakeControls) -> WayBack:
    """Go back; begun before and not ended, it is gone on with.

    Raises FourEyes when one person asks and approves, Refused for a run of another plan, InProgress while its
    runner lives, and StepFailed where there is no way back.
    """
    checked_text("by", order.by, most=MOST_BY, line=True)
    checked_text("approved_by", order.approved_by, most=MOST_BY, line=True)
    checked_text("why", order.why, most=MOST_TEXT)
    two = {folded(order.by), folded(order.approved_by)}
    if "" in two or len(two) < 2:
        raise FourEyes(
            "a rollback needs the word of two people", mend="give --by and, somebody else, --approved-by"
        )
    if not order.why.strip():
        raise BadInput("--why: a rollback without a reason is not on record", mend="say why in a sentence")
    token = await journal.lease_run(order.run_id, holder=order.holder, lease_s=order.lease_s)
    mine = journal.under(order.run_id, token)
    # Short, and kept while this process lives: one that was killed must not lock the next one out for hours.
    keeper = asyncio.create_task(keep_lease(mine, order.run_id, token, lease_s=order.lease_s))
    try:
        ground = await _ground(order, mine, controls(mine))
        await ground.resume()
        await ground.finish_moves()
        begun = to_text(await ground.now())
        return await roll_back(
            ground,
            order.wave,
            origin=f"{order.by} at {begun}",
            why=f"{order.why} (approved by {order.approved_by})",
            kinds=order.kinds,
            entities=order.entities,
            to=order.to,
        )
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await journal.leave_run(order.run_id, token)


async def _ground(order: GoBack, journal: Journal, controls: Controls) -> Ground:
    rows, digest = await journal.steps(order.run_id), order.plan.digest()
    begun = proposal(rows)
    if begun is None:
        raise NotFound(
            f"there is no run {order.run_id} in this journal", mend="name it with --run-id, see `status`"
        )
    if begun["digest"] != digest:
        raise Refused(
            f"run {order.run_id} was begun with plan {begun['digest'][:12]}, this is {digest[:12]}",
            mend="give the plan it was run with",
        )

    async def door() -> Controls:
        return controls

    newest = max((int(row["version"]) for row in await journal.tables()), default=1)
    log = LiveLog(lambda: journal.steps(order.run_id), poll_s=order.poll_s)
    return Ground(
        plan=order.plan,
        run_id=order.run_id,
        mode="live",
        by=order.by,
        controls=door,
        people=LivePeople(log=log, digest=digest, not_by=(), asker=hooks.ask),
        newest_version=newest,
        base=await base_of(journal, order.run_id),
        poll_s=order.poll_s,
    )


async def note_rehearsal(
    report: Mapping[str, Any], *, plan: Plan, run_id: str, journal: Journal, clock: Clock, by: str
) -> dict[str, Any]:
    """Put a rehearsal with a rollback on record for a run; raises BadInput for a report that is none of this plan."""
    checked_name("by", by)
    parts = [one if isinstance(one := report.get(name), dict) else {} for name in ("rollback", "plan")]
    turned, digest = parts[0].get("turned_back"), parts[1].get("digest")
    if not isinstance(turned, dict):
        raise BadInput(
            "the report is not of a rehearsal that was turned back",
            mend="coexist rehearse PLAN --roll-back-after STEP --out DIR writes one",
        )
    if digest != plan.digest():
        raise BadInput(
            f"the report is of plan {str(digest)[:12]}, this is {plan.digest()[:12]}",
            mend="rehearse the plan as it is now",
        )
    found = {
        "digest": digest,
        "after": str(turned.get("after"))[:48],
        "verdict": str(report.get("verdict"))[:20],
        "seed": report.get("seed"),
        "noted": to_text(clock.now()),
        "by": by,
    }
    await journal.record_step(run_id, "", EVIDENCE, found)
    return found
