"""Calendars speak up before anybody is hurt: window, blackouts, payroll, fiscal periods, partners, policies."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cutover.cli import app
from cutover.plan.calendar_checks import check_calendar
from cutover.plan.reading import as_plan, built_in_plans, plan_file
from cutover.plan.timing import planned_freezes, planned_times
from router.configfile import ConfigFile, loads
from router.landscape import read_landscape

LANDSCAPE = read_landscape()


def weekend(**changes: Any) -> ConfigFile:
    """The default weekend with changes, as a file with places."""
    return loads(yaml.safe_dump(plan_file("weekend").data | changes, sort_keys=False), name="plan.yaml")


def busy(opens: str, closes: str, **more: Any) -> dict[str, Any]:
    """A calendar with one busy time."""
    return {"busy": [{"name": "October payroll", "opens": opens, "closes": closes, **more}]}


@pytest.mark.parametrize("name", [name for name in built_in_plans() if name != "too-short"])
def test_nothing_forbids_the_plans_that_come_with_the_program(name: str) -> None:
    """Whoever starts from one starts from a sound one."""
    plan = as_plan(plan_file(name), LANDSCAPE)
    assert [one.what for one in check_calendar(plan, LANDSCAPE) if one.level == "error"] == []


@pytest.mark.parametrize(
    ("changes", "level", "step", "said"),
    [
        (
            {"calendar": busy("2026-10-31T09:00:00Z", "2026-10-31T10:00:00Z", kind="payroll")},
            "error", "emea-switch", "changes UK01, DE01, BH01 during October payroll (payroll",
        ),
        (
            {"calendar": busy("2026-10-31T06:30:00Z", "2026-10-31T07:00:00Z", kind="payroll", forbids="freeze")},
            "error", "emea-freeze", "holds UK01, DE01, BH01 during October payroll",
        ),
        (
            {"calendar": busy("2026-10-31T06:30:00Z", "2026-10-31T07:00:00Z", entities=["DE01", "US01"])},
            "warning", "emea-freeze", "holds DE01 during October payroll",
        ),
        ({"calendar": {"freeze_most_minutes": 120}}, "error", "emea-freeze", "240 minutes until emea-release"),
        ({"calendar": {"allow_closing_day": False}}, "error", "emea-switch", "the last day of its period 2026-10"),
        (
            {"window": {"opens": "2026-10-31T06:00:00Z", "closes": "2026-11-01T10:30:00Z"}},
            "error", "amer-apac-verify", "30 minutes after the window closes",
        ),
        (
            {"window": {"opens": "2026-10-31T10:00:00Z", "closes": "2026-11-01T22:00:00Z"}},
            "error", "emea-switch", "before the window opens",
        ),
        (
            {"window": {"opens": "2026-10-31T06:00:00Z", "closes": "2026-11-01T11:30:00Z"}},
            "warning", "amer-apac-verify", "it would not fail in time",
        ),
        ({"straddling": {"closed_period": "refuse"}}, "error", "", "of UK01 does next_period"),
    ],
)  # fmt: skip
def test_a_calendar_that_forbids_says_what_where_and_how_to_mend_it(
    changes: dict[str, Any], level: str, step: str, said: str
) -> None:
    """Each finding leads to a line of the plan and to a way out."""
    file = weekend(**changes)
    found = check_calendar(as_plan(file, LANDSCAPE), LANDSCAPE)
    mine = [one for one in found if (one.level, one.step) == (level, step) and said in one.what]
    assert mine, [(one.level, one.step, one.what) for one in found]
    row = mine[0].as_row(file)
    assert row["mend"]
    assert row["line"] > 1
    # What was changed is what is found: the plan as it comes is free of it.
    plain = check_calendar(as_plan(plan_file("weekend"), LANDSCAPE), LANDSCAPE)
    assert not [one for one in plain if said in one.what]


def test_a_partner_that_stays_behind_is_a_warning() -> None:
    """US01 charges UK01: moved in two waves, their legs lie in two ERPs between them."""
    found = check_calendar(as_plan(plan_file("weekend"), LANDSCAPE), LANDSCAPE)
    said = [one.what for one in found if "intercompany" in one.what]
    assert said == [
        "wave amer-apac parts intercompany partners: US01 > UK01 (emea); their legs lie in two ERPs meanwhile"
    ]
    together = as_plan(plan_file("big-bang"), LANDSCAPE)
    assert not [one for one in check_calendar(together, LANDSCAPE) if "intercompany" in one.what]


def test_payroll_cut_off_day_in_the_entitys_own_time_zone() -> None:
    """A freeze on the 24th, 20:00Z, is the 25th in Asia: the cut-off of the entities there only."""
    data = plan_file("weekend").data
    steps = [
        step | ({"at": "2026-10-24T20:00:00Z"} if step["id"] == "amer-apac-freeze" else {})
        | ({"after": ["amer-apac-dual-run"]} if step["id"] == "amer-apac-freeze" else {})
        for step in data["steps"]
    ]  # fmt: skip
    file = weekend(
        steps=steps, start="2026-10-23T00:00:00Z",
        window={"opens": "2026-10-24T20:00:00Z", "closes": "2026-11-01T22:00:00Z"},
    )  # fmt: skip
    found = check_calendar(as_plan(file, LANDSCAPE), LANDSCAPE)
    assert sorted(one.what for one in found if "payroll cut-off" in one.what) == [
        "holds JP01's time on 2026-10-25, its payroll cut-off day",
        "holds SG01's time on 2026-10-25, its payroll cut-off day",
    ]


def test_planned_times_follow_instants_and_steps_before() -> None:
    """A step starts at its instant or when what it waits for is planned to end, whichever is later."""
    plan = as_plan(plan_file("weekend"), LANDSCAPE)
    times = planned_times(plan)
    assert times["emea-drain"].begins == datetime(2026, 10, 31, 6, 15, tzinfo=UTC)
    assert times["emea-verify"].ends == datetime(2026, 10, 31, 11, 0, tzinfo=UTC)
    spans = {one.step.id: (one.until.id, one.span.minutes) for one in planned_freezes(plan)}
    assert spans == {"emea-freeze": ("emea-release", 240), "amer-apac-freeze": ("amer-apac-release", 240)}


def test_check_exits_with_its_answer(tmp_path: Path) -> None:
    """0 when nothing forbids it, 1 with file, line and column when something does, 2 for no plan."""
    run = CliRunner().invoke
    assert run(app, ["cutover", "check", "pilot"]).exit_code == 0
    path = tmp_path / "plan.yaml"
    path.write_text(weekend(calendar={"freeze_most_minutes": 120}).text)
    done = run(app, ["cutover", "check", str(path)])
    assert done.exit_code == 1
    assert f"{path}:" in done.stdout
    assert "error: step emea-freeze freezes wave emea for 240 minutes" in done.stdout
    path.write_text("name: x")
    assert run(app, ["cutover", "check", str(path)]).exit_code != 0
