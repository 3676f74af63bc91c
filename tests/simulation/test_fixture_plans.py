"""The plans that come with the program, each rehearsed at size small: its verdict is the one it is there to show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import rehearse_quietly


def rehearsed(name: str) -> Mapping[str, Any]:
    """The report of a built-in plan, taken by its name."""
    return rehearse_quietly(
        make_options(seed=7, command=f"coexist rehearse {name}", plan=Path(name), size="small")
    )


def fits(report: Mapping[str, Any]) -> None:
    """What a plan that gets through shows."""
    assert report["verdict"] == "go", report["because"]
    assert {row["outcome"] for row in report["steps"]} == {"done"}
    assert report["window"]["fits"] is True
    assert report["mends"] == []


@pytest.mark.soak
@pytest.mark.parametrize("name", ["weekend", "business-units", "big-bang"])
def test_a_plan_that_fits_is_go(name: str) -> None:
    """Every step done, every gate passed, every invariant held, within the window; nothing to mend."""
    fits(rehearsed(name))


@pytest.mark.soak
def test_the_pilot_ends_with_the_old_erp_retired() -> None:
    """The way back is armed before the switch, what came after it is found in the new ERP, then there is only forward."""
    report = rehearsed("pilot")
    fits(report)
    steps = {row["id"]: row for row in report["steps"]}
    assert steps["smoke"]["evidence"]["followed"]
    assert steps["arm"]["evidence"]["probes"]
    assert steps["hypercare"]["minutes"] >= 720
    assert steps["retire"]["evidence"]["table_version"] > steps["switch"]["evidence"]["table_version"]


def test_the_plan_that_is_too_short_says_what_would_fix_it() -> None:
    """All steps are done, too late: no go, and the report names minutes, instants and the steps that decide."""
    report = rehearsed("too-short")
    assert report["verdict"] == "no-go"
    assert {row["outcome"] for row in report["steps"]} == {"done"}
    late = -report["window"]["spare_minutes"]
    assert late > 0
    assert f"the cutover ended {late} minutes after the window closed" in report["because"]
    close, start, win = report["mends"]
    assert "close the window at" in close
    assert "start freeze" in start
    assert "the window must open by" in start
    assert "reconcile" in win
    assert "planned 45 min" in win
