"""The whole plan turned back: every wave that was switched goes home, every one that stands frozen is given back."""

from __future__ import annotations

from typing import Any

from cutover.plan.stages import NEW
from cutover.runner.ground import Ground
from cutover.runner.results import StepFailed
from cutover.runner.steps.rolling_back import going_back, roll_back

BROUGHT_TO_AN_END = frozenset({"dual_run", "load"})
"""Steps that are not broken off: half of the masters in the new ERP would leave its copies waiting for the rest."""


async def turn_back(ground: Ground, *, after: str) -> list[dict[str, Any]]:
    """Turn every wave back, in the plan's order; what became of each, as the report shows it."""
    rows: list[dict[str, Any]] = []
    origin, why = f"after {after}", f"turned back after {after}"
    for wave in ground.plan.waves:
        row: dict[str, Any] = {"wave": wave.id, "did": "nothing", "ok": True}
        moved = True
        # One that a runner before this one began has moved the stage already.
        if ground.book.kinds_at(wave.id, NEW) or going_back(ground, wave.id, origin) is not None:
            try:
                back = await roll_back(ground, wave.id, origin=origin, why=why)
                row |= {"did": "rolled back", "ok": back.evidence["ok"], "rollback": back.step.id}
                moved = back.ended
            except StepFailed as error:
                row |= {"did": "refused", "ok": False, "problem": error.message}
        # What a rollback was stopped with on the way stays frozen: its documents are not all home yet.
        given = await given_back(ground, wave.id, why) if moved else None
        if given is not None:
            row |= {"given_back": given, "did": "given back" if row["did"] == "nothing" else row["did"]}
        row["stages"] = [one for one in ground.book.as_rows() if one["wave"] == wave.id]
        rows.append(row)
    return rows


async def given_back(ground: Ground, wave: str, why: str) -> int | None:
    """What of a wave stands frozen and was not switched goes on in the old ERP; how much was let go."""
    given: int | None = None
    for step in ground.plan.order():
        if step.wave != wave or step.kind != "freeze":
            continue
        if any(one.frozen and one.stage not in NEW for one in ground.book.of(wave, step.kinds)):
            await ground.enter(step, frozen=False, why=why)
            released = await (await ground.controls()).release(ground.scope(step), by=ground.by, why=why)
            given = (given or 0) + released
    return given
