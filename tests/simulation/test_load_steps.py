"""Load, smoke, gate and hypercare steps, rehearsed in the tiny cutover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cutover.plan.model import Plan
from tests.simulation.tiny import rehearse_tiny, tiny_plan

OBJECTS = (
    "resources", "rate_cards", "customers", "contracts", "projects", "open_items", "work_in_progress",
)  # fmt: skip
LATE = "2026-10-31T01:40:00Z"
"""Thirteen hours after the firm began to work in the old ERP: there is work, billed and not, and open invoices."""
AFTER_WORK = datetime(2026, 10, 30, 21, tzinfo=UTC)
WATCHED = ("exceptions", "sla", "nothing-in-doubt", "queue-drained")


def plan_with(steps: Sequence[Mapping[str, Any]], **changes: Any) -> Plan:
    """The tiny plan with more steps; a dual run waits for the load of its wave."""
    data = tiny_plan().model_dump(mode="json", by_alias=True)
    loads = {str(step["wave"]): step["id"] for step in steps if step["kind"] == "load"}
    for step in data["steps"]:
        if step["kind"] == "dual_run" and step["wave"] in loads:
            step["after"] = [loads[step["wave"]]]
    return Plan.model_validate({**data, **changes, "steps": [*data["steps"], *steps]})


def load(wave: str, at: str | None = LATE) -> dict[str, Any]:
    """A load of everything but opening balances."""
    found = {"id": f"{wave}-load", "kind": "load", "wave": wave, "objects": OBJECTS}
    return found | ({"at": at} if at else {})


LOADS = (load("uk", None), load("us"))


def step_of(report: Mapping[str, Any], step_id: str) -> Any:
    """A step as the report has it."""
    return next(one for one in report["steps"] if one["id"] == step_id)


def gates_of(report: Mapping[str, Any], step_id: str) -> dict[str, str]:
    """The verdicts of a step's gates by name."""
    return {one["name"]: one["verdict"] for one in report["gates"] if one["step"] == step_id}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The report of a cutover whose waves are loaded: one at the start, one after half a day of work."""
    return rehearse_tiny(tmp_path_factory.mktemp("loaded"), plan=plan_with(LOADS)).report


def test_a_load_takes_over_what_is_open_and_ties_out(loaded: Mapping[str, Any]) -> None:
    """A wave loaded after half a day of work in the old ERP alone ties out and goes through to the end.

    Open invoices come with what was billed of them by the old ERP itself; billed work stays behind and
    is no difference. Every invariant holds, so nothing stands twice in either ERP.
    """
    report = loaded
    assert report["verdict"] == "go", report["because"]
    assert all(one["held"] for one in report["invariants"])
    for wave in ("uk", "us"):
        found = step_of(report, f"{wave}-load")["evidence"]
        assert found["rejected"] == []
        assert set(gates_of(report, f"{wave}-load").values()) == {"pass"}
        assert all(row["ties"] for row in found["tie_out"])
    found = step_of(report, "us-load")["evidence"]
    assert found["left_behind"] > 0
    objects = {row["object"]: row for row in found["tie_out"]}
    assert set(objects) == set(OBJECTS)
    assert objects["open_items"]["staged"] == objects["open_items"]["loaded"]
    assert objects["open_items"]["staged"]["amount"] not in (None, "0.00")
    assert objects["work_in_progress"]["staged"]["count"] > 0


@pytest.mark.parametrize("second", ["02"])
def test_a_load_that_was_cut_off_doubles_nothing(
    tmp_path: Path, loaded: Mapping[str, Any], second: str
) -> None:
    """The router dies in the middle of a load; begun again it stages and loads the same, each once."""
    crash = {"at": f"2026-10-31T01:40:{second}Z", "down_s": 20}
    cut = rehearse_tiny(tmp_path, plan=plan_with(LOADS, crashes=[crash])).report
    assert cut["verdict"] == "go", cut["because"]
    before, after = (step_of(one, "us-load")["evidence"] for one in (loaded, cut))
    assert after["tie_out"] == before["tie_out"]
    assert after["staged"] == before["staged"]


def test_a_document_accepted_between_load_and_dual_run_is_missed(tmp_path: Path) -> None:
    """What comes after the load and before the dual run reaches neither: the comparison finds it.

    Only what was there before the load is the old ERP's history; the rule that leaves it out hides no hole.
    """
    plan = plan_with([load("us", "2026-10-30T15:40:00Z")])
    steps = [
        step.model_copy(update={"at": AFTER_WORK}) if step.kind == "dual_run" else step for step in plan.steps
    ]
    holed = plan.model_copy(update={"steps": tuple(steps)})
    report = rehearse_tiny(tmp_path, plan=holed).report
    assert report["verdict"] == "no-go"
    assert gates_of(report, "us-reconcile")["documents in one ERP only"] == "fail"


def test_smoke_and_hypercare_follow_what_comes_after_the_switch(tmp_path: Path) -> None:
    """Real transactions are found in the new ERP as they were sent; gates hold for an hour, measured every quarter."""
    steps = [
        {"id": "uk-smoke", "kind": "smoke", "wave": "uk", "after": ["uk-release"], "planned_minutes": 300, "samples": 3},
        {
            "id": "uk-care", "kind": "hypercare", "wave": "uk", "after": ["uk-smoke"], "watch_minutes": 60,
            "gates": [{"name": name} for name in WATCHED],
        },
    ]  # fmt: skip
    report = rehearse_tiny(tmp_path, plan=plan_with(steps)).report
    assert report["verdict"] == "go", report["because"]
    smoke = step_of(report, "uk-smoke")
    assert sum(smoke["evidence"]["followed"].values()) > 0
    assert smoke["evidence"]["problems"] == []
    assert gates_of(report, "uk-smoke") == {"smoke": "pass"}
    watched = step_of(report, "uk-care")["evidence"]["watched"]
    assert [one["name"] for one in watched] == list(WATCHED)
    assert {one["times"] for one in watched} == {5}
    assert all(one["worst"]["at"] <= one["last"]["at"] for one in watched)


def test_hypercare_ends_when_a_gate_fails_twice_in_a_row(tmp_path: Path) -> None:
    """New documents stand in the new ERP alone: comparing both fails, once is no end, twice is."""
    care = {
        "id": "uk-care", "kind": "hypercare", "wave": "uk", "after": ["uk-verify"], "watch_minutes": 600,
        "gates": [{"name": "count-differences"}, {"name": "sla", "decides": False}],
        "thresholds": {"evidence_age_minutes": 20},
    }  # fmt: skip
    report = rehearse_tiny(tmp_path, plan=plan_with([care])).report
    row = step_of(report, "uk-care")
    assert row["outcome"] == "failed"
    assert "count-differences: fail" in row["why"]
    found = {one["name"]: one for one in row["evidence"]["watched"]}["count-differences"]
    assert found["in_a_row"] == 2
    assert found["worst"]["verdict"] == found["last"]["verdict"] == "fail"
    assert row["minutes"] < 600


def test_what_can_not_be_told_stops_a_plan_unless_it_is_only_tried(tmp_path: Path) -> None:
    """A gate that decides and can't be told stops its wave, a tried one does not; nor is silence a good smoke.

    When no transaction comes until its time is up, a smoke step is inconclusive.
    """
    tried = {"id": "uk-gate", "kind": "gate", "wave": "uk", "after": ["uk-verify"], "gates": [
        {"name": "rollback-armed", "decides": False}, {"name": "invariants"}, {"name": "count-differences"},
    ]}  # fmt: skip
    strict = {"id": "us-gate", "kind": "gate", "wave": "us", "after": ["us-verify"], "gates": [
        {"name": "rollback-armed"}, {"name": "invariants"},
    ]}  # fmt: skip
    smoke = {"id": "us-smoke", "kind": "smoke", "wave": "us", "after": ["us-release"], "planned_minutes": 10}
    report = rehearse_tiny(tmp_path, plan=plan_with([tried, strict, smoke])).report
    assert step_of(report, "uk-gate")["outcome"] == "done"
    assert gates_of(report, "uk-gate")["rollback-armed"] == "inconclusive"
    assert gates_of(report, "uk-gate")["invariants"] == "pass"
    assert step_of(report, "us-gate")["outcome"] == "failed"
    assert step_of(report, "us-smoke")["outcome"] == "failed"
    assert gates_of(report, "us-smoke") == {"smoke": "inconclusive"}
