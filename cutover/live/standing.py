"""How a run stands, read from its log alone, so that any process can tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cutover.live.forecast import forecast
from cutover.live.people import needs_people
from cutover.plan.model import Plan
from cutover.plan.steps import Step
from cutover.runner.results import StepResult
from router.clock import to_text
from router.journal.run_words import Row, approvals, holds, proposal, said_of, state_of


def proposed(plan: Plan, by: str) -> dict[str, Any]:
    """The first row of a run: what was proposed, and what people may say of which step."""
    return {
        "plan": plan.name,
        "digest": plan.digest(),
        "by": by,
        "window": {"opens": to_text(plan.window.opens), "closes": to_text(plan.window.closes)},
        "steps": [
            {
                "id": step.id,
                "kind": step.kind,
                "wave": step.wave,
                "owner": step.owner,
                "title": step.title,
                "people": needs_people(step),
                "approvals": step.approvals if step.kind == "approval" else 0,
                "planned_minutes": step.likely_minutes,
                "deadline_minutes": step.deadline_minutes,
            }
            for step in plan.steps
        ],
    }


def results_of(plan: Plan, rows: Sequence[Row]) -> dict[str, StepResult]:
    """How each step went so far, as the runner would find it on taking over."""
    results = {step.id: StepResult(step=step) for step in plan.steps}
    for row in rows:
        if row["step"] not in results:
            continue
        match row["event"]:
            case "started":
                results[row["step"]].restarted(row["data"])
            case "done" | "failed":
                results[row["step"]].restore(row["event"], row["data"])
    return results


def standing(plan: Plan, run_id: str, rows: Sequence[Row], *, now: datetime) -> dict[str, Any]:
    """The run as JSON: its state, its steps planned against actual, who approved, what is held, when it will end."""
    results, held, begun = results_of(plan, rows), holds(rows), proposal(rows)
    states = {step.id: state_of(rows, step.id) for step in plan.steps}
    expected = forecast(plan, results, now)
    digest = plan.digest()
    return {
        "run_id": run_id,
        "plan": plan.name,
        "digest": digest,
        "state": _state(states, begun=begun is not None),
        "at": to_text(now),
        "by": begun["by"] if begun else None,
        "approved_by": [
            {"by": one.by, "at": one.at, "why": one.why}
            for one in approvals(rows, "", digest=digest, not_by=[begun["by"]] if begun else [])
        ],
        "holds": [
            {"step": step, "by": row["data"]["by"], "why": row["data"]["why"], "since": row["at"]}
            for step, row in held.items()
        ],
        "ends": to_text(expected.ends),
        "window_closes": to_text(plan.window.closes),
        "spare_minutes": expected.spare_minutes,
        "steps": [_step(step, results[step.id], states[step.id], rows, plan) for step in plan.order()],
    }


def _state(states: Mapping[str, str], *, begun: bool) -> str:
    found = list(states.values())
    if not begun:
        return "not begun"
    if any(state in ("running", "unwinding") for state in found):
        return "running"
    if all(state == "done" for state in found):
        return "done"
    return "failed" if "failed" in found else "running"


def _step(step: Step, result: StepResult, state: str, rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    deadline = None
    if result.started is not None and step.deadline_minutes is not None:
        deadline = to_text(result.started + timedelta(minutes=step.deadline_minutes))
    return {
        **result.as_row(),
        "state": state,
        "deadline_at": deadline,
        "waits_for": _waits(step, rows, plan) if state == "running" else "",
        "gates": [gate.as_row() for gate in result.gates],
    }


def _waits(step: Step, rows: Sequence[Row], plan: Plan) -> str:
    """Whose word a running step needs; whether its machines are through nobody can see from the log."""
    if step.kind == "approval":
        begun = proposal(rows)
        given = approvals(rows, step.id, digest=plan.digest(), not_by=[begun["by"]] if begun else [])
        return f"approval: {len(given)} of {step.approvals}"
    if needs_people(step) and said_of(rows, step.id) is None:
        return f"{step.owner}: done or fail"
    return ""
