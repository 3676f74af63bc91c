"""Documents across the switch, rehearsed under both policies: both ERPs tie, and no hour is lost to billing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cutover.plan import stages
from cutover.plan.model import Plan, Straddling
from cutover.plan.steps import Step
from cutover.proving.tiny import rehearse_tiny, tiny_plan
from cutover.report.html import render

CUT = date(2026, 11, 1)
OLD_ERP = Straddling(back_dated="old_erp", milestones="old_erp", cut_date=CUT)


def with_way_back(policy: Straddling) -> Plan:
    """The tiny cutover whose switches feed the old ERP on, under a policy."""
    plan, steps = tiny_plan(), []
    for step in plan.steps:
        if step.kind == "switch":
            steps.append(Step(id=f"{step.wave}-arm", kind="arm", wave=step.wave, after=step.after))
            steps.append(step.model_copy(update={"reverse": True, "after": (f"{step.wave}-arm",)}))
        else:
            steps.append(step)
    return plan.model_copy(update={"straddling": policy, "steps": tuple(steps)})


def cases(report: Mapping[str, Any]) -> dict[str, Any]:
    """The cases by name."""
    return {row["case"]: row for row in report["straddlers"]["cases"]}


def went(row: Mapping[str, Any]) -> dict[str, int]:
    """Where the documents of a case went."""
    return {one["went"]: one["count"] for one in row["where"]}


@pytest.mark.parametrize(("policy", "home"), [(Straddling(), "netsuite"), (OLD_ERP, "sap_ecc")])
def test_late_october_goes_where_the_plan_says_and_is_billed_all_the_same(
    tmp_path: Path, policy: Straddling, home: str
) -> None:
    """It is a go: PSA, journal and ERPs tie, each case obeys, and the page shows where each one went."""
    report = rehearse_tiny(tmp_path, plan=with_way_back(policy)).report
    assert report["verdict"] == "go", report["because"]
    assert all(row["ties"] for row in report["finance"]["ties"])
    assert set(report["transactions"]["by_state"]) == {"posted"}
    found = cases(report)
    assert report["straddlers"]["violations"] == 0
    assert went(found["back_dated"]).keys() == {home}
    assert found["back_dated"]["count"] > 0
    assert went(found["followers"]) == {"sap_ecc": found["followers"]["count"]}
    assert found["followers"]["count"] > 0
    assert "recorded in sap_ecc, billed by netsuite" in went(found["milestones"])
    page = render(report)
    assert found["back_dated"]["policy"] in page
    assert found["back_dated"]["examples"][0]["trace"] in page


def test_hours_that_stand_in_the_old_erp_alone_are_found_to_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control run: without the copy in the new ERP nobody bills them, and the rehearsal says so."""
    old_days = stages._old_days

    def without_copy(*given: Any) -> list[dict[str, object]]:
        return [{key: value for key, value in rule.items() if key != "shadow"} for rule in old_days(*given)]

    monkeypatch.setattr(stages, "_old_days", without_copy)
    report = rehearse_tiny(tmp_path, plan=with_way_back(OLD_ERP)).report
    assert report["verdict"] == "no-go"
    assert any("nobody will bill it" in row["why"] for row in cases(report)["half_moved"]["violations"])
    assert any("projects half moved" in reason for reason in report["because"])


def test_documents_that_miss_their_policy_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control run: a plan that says old ERP, and tables that don't, is a no-go with the transactions."""

    def forgotten(*_: Any) -> list[dict[str, object]]:
        return []

    monkeypatch.setattr(stages, "_old_days", forgotten)
    report = rehearse_tiny(tmp_path, plan=with_way_back(OLD_ERP)).report
    assert report["verdict"] == "no-go"
    wrong = cases(report)["back_dated"]["violations"]
    assert wrong
    assert all(row["transaction_id"] and "belongs to sap_ecc" in row["why"] for row in wrong)
