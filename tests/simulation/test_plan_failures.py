"""A plan that does not get through: it stops, gives the wave back, says why, and never calls itself go."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from cutover.plan.model import Plan
from tests.simulation.tiny import rehearse_tiny, tiny_plan


def changed(step_id: str, **changes: Any) -> Plan:
    """The tiny plan with one step changed."""
    plan = tiny_plan()
    steps = tuple(step.model_copy(update=changes) if step.id == step_id else step for step in plan.steps)
    return plan.model_copy(update={"steps": steps})


def test_a_gate_that_fails_before_the_switch_gives_the_wave_back(tmp_path: Path) -> None:
    """No variance allowed at all: reconcile fails, what was held goes to the legacy ERP, nothing is switched."""
    plan = tiny_plan()
    strict = next(step for step in plan.steps if step.id == "uk-reconcile").thresholds.model_copy(
        update={"variance_basis_points": 0}
    )
    report = rehearse_tiny(tmp_path, plan=changed("uk-reconcile", thresholds=strict)).report
    steps = {row["id"]: row for row in report["steps"]}
    assert report["verdict"] == "no-go"
    assert steps["uk-reconcile"]["outcome"] == "failed"
    assert re.search(r"invoice variance in [A-Z]{3}: fail", steps["uk-reconcile"]["why"])
    assert "unwound" in steps["uk-reconcile"]["evidence"]
    assert {steps[f"uk-{kind}"]["outcome"] for kind in ("switch", "release", "verify")} == {"not run"}
    # The other wave is none of its business, and nothing stays held or is lost.
    assert steps["us-verify"]["outcome"] == "done"
    assert all(row["held"] for row in report["invariants"])
    assert report["transactions"]["by_state"].get("held", 0) == 0
    assert report["window"]["fits"] is None


def test_a_deadline_that_passes_stops_the_plan(tmp_path: Path) -> None:
    """People who need longer than the step's deadline end it, and the wave goes back."""
    report = rehearse_tiny(tmp_path, plan=changed("uk-reconcile", deadline_minutes=30)).report
    row = next(row for row in report["steps"] if row["id"] == "uk-reconcile")
    assert report["verdict"] == "no-go"
    assert row["outcome"] == "failed"
    assert row["why"] == "not done within its deadline of 30 minutes"
    assert row["minutes"] == 30
    assert "given_back" in row["evidence"]


def test_a_window_that_closes_too_early_is_no_go(tmp_path: Path) -> None:
    """Everything works, but later than the business allows."""
    plan = tiny_plan()
    window = replace_window(plan, hours=23)
    report = rehearse_tiny(tmp_path, plan=window).report
    assert report["verdict"] == "no-go"
    assert report["window"]["fits"] is False
    assert any("after the window closed" in reason for reason in report["because"])


def replace_window(plan: Plan, *, hours: int) -> Plan:
    """The plan with a window that closes that many hours after the start."""

    window = plan.window.model_copy(update={"closes": plan.start + timedelta(hours=hours)})
    return plan.model_copy(update={"window": window})
