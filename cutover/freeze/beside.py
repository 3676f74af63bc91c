"""Asks both ERPs who posted beside the router since the freeze, and makes a gate of it."""

from __future__ import annotations

from datetime import datetime

from cutover.plan.steps import Step
from cutover.runner.gates import Gate
from cutover.runner.ground import Ground
from cutover.runner.results import StepResult
from router.clock import from_text, to_text
from router.connectors.port import Written
from router.dualrun.books import Patience

NAME = "documents posted beside the router during the freeze"
SHOWN = 50
"""Documents kept as evidence; all are counted."""


async def beside(
    ground: Ground, step: Step, result: StepResult, patience: Patience | None = None
) -> list[Gate]:
    """The gate of a step after a freeze; none where its wave was not frozen.

    Raises VendorUnknown or VendorRefused when an ERP can't be read.
    """
    since = frozen_since(ground, step)
    if since is None:
        return []
    scope, plan = ground.scope(step), ground.plan
    found = await (await ground.controls()).beside(
        scope, (plan.source, plan.target), since=since, patience=patience
    )
    blind = [str(name) for name, rows in found.items() if rows is None]
    rows = [
        row
        for some in found.values()
        for row in some or ()
        if not scope.kinds or row.kind in ("", *scope.kinds)
    ]
    rows.sort(key=lambda row: (row.created_at, row.system, row.vendor_id))
    result.evidence["beside"] = {
        "since": to_text(since),
        "asked": sorted(str(name) for name, some in found.items() if some is not None),
        "count": len(rows),
        "documents": [_shown(row) for row in rows[:SHOWN]],
    }
    who = ", ".join(dict.fromkeys(f"{row.created_by or 'somebody'} in {row.system}" for row in rows))
    why = f"posted by {who}" if rows else f"{', '.join(blind)} can't tell" if blind else ""
    return [
        Gate(
            name=NAME,
            verdict="fail" if rows else "inconclusive" if blind else "pass",
            measured=str(len(rows)),
            threshold="at most 0",
            why=why,
        )
    ]


def frozen_since(ground: Ground, step: Step) -> datetime | None:
    """When the wave of a step was frozen, by the freeze steps before it; None: it was not."""
    starts = [
        one.started
        for one in ground.results.values()
        if one.step.kind == "freeze" and one.step.wave == step.wave and one.started is not None
    ]
    return min(starts, default=None)


def _shown(row: Written) -> dict[str, str]:
    return {
        "system": row.system,
        "what": row.what,
        "number": row.number,
        "legal_entity": row.legal_entity,
        "at": to_text(from_text(row.created_at)),
        "by": row.created_by,
        "external_id": row.external_id,
    }
