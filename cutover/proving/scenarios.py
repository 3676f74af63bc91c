"""What the tiny cutover is rehearsed under, so that a bug has something to break."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cutover.plan.model import Plan
from cutover.plan.steps import Step
from cutover.proving.tiny import tiny_plan

LOST_MEMO: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "sap_ecc": (
        {
            "name": "lost commit", "kind": "drop_answer", "method": "POST", "skip": 1, "first": 1,
            "from": "2026-10-31T09:15:00Z", "until": "2026-10-31T09:22:00Z",
        },
    ),
}  # fmt: skip
EARLY_FREEZE = datetime(2026, 10, 30, 17, tzinfo=UTC)
"""On a working day: what was approved in the hour before is still under way when the old ERP is down."""
DOWN_AT_THE_FREEZE: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "sap_ecc": (
        {
            "name": "down over the freeze", "kind": "refuse", "method": "POST",
            "from": EARLY_FREEZE - timedelta(hours=1), "until": EARLY_FREEZE + timedelta(minutes=20),
        },
    ),
}  # fmt: skip


def _early() -> Plan:
    """The first wave freezes on Friday afternoon."""
    plan = tiny_plan()
    steps = tuple(
        step.model_copy(update={"at": EARLY_FREEZE}) if step.id == "uk-freeze" else step
        for step in plan.steps
    )
    return plan.model_copy(update={"steps": steps})


def _approved() -> Plan:
    """Two people must approve before the second wave switches."""
    plan = tiny_plan()
    step = Step(id="uk-approval", kind="approval", wave="uk", after=("uk-reconcile",), approvals=2)
    return _with(plan, step, before="uk-switch")


def _old_evidence() -> Plan:
    """Five hours pass between the comparison and the switch that rests on it."""
    plan = tiny_plan()
    wait: dict[str, Any] = {"people_minutes": {"low": 300, "likely": 300, "high": 300}}
    step = Step(id="us-wait", kind="manual", wave="us", after=("us-reconcile",), **wait)
    return _with(plan, step, before="us-switch")


def _with(plan: Plan, step: Step, *, before: str) -> Plan:
    at = next(at for at, one in enumerate(plan.steps) if one.id == before)
    later = plan.steps[at].model_copy(update={"after": (step.id,)})
    return plan.model_copy(update={"steps": (*plan.steps[:at], step, later, *plan.steps[at + 1 :])})


SCENARIOS: Mapping[str, Mapping[str, Any]] = {
    "usual": {},
    "lost answer": {"faults": LOST_MEMO},
    "old ERP down at the freeze": {"plan": _early(), "faults": DOWN_AT_THE_FREEZE},
    "two approvals": {"plan": _approved()},
    "old evidence": {"plan": _old_evidence()},
}
"""Name → what differs from the usual options of the tiny cutover."""
UNSOUND = frozenset({"old evidence"})
"""Scenarios that are wrong in themselves: the plan is what is caught."""
