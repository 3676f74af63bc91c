"""A plan's times against calendars: each finding is an error or a warning, and says where and what mends it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from cutover.plan.calendar_checks import CalendarFinding, check_calendar
from cutover.plan.reading import as_plan, built_in_plans, plan_file
from cutover.plan.timing import planned_freezes, planned_times
from router.configfile import ConfigFile, load
from router.landscape import Landscape, default_file, read_landscape

LANDSCAPE = read_landscape()
PAYROLL = {"name": "October payroll", "kind": "payroll", "opens": "2026-10-31T08:00:00Z", "closes": "2026-10-31T12:00:00Z"}  # fmt: skip


def checked(
    folder: Path, landscape: Landscape = LANDSCAPE, *, plan: str = "weekend", **changes: Any
) -> tuple[ConfigFile, list[CalendarFinding]]:
    """What the calendars say about a built-in plan with changes; `steps` are changes by step."""
    data = dict(default_file(f"plans/{plan}.yaml").data)
    steps = changes.pop("steps", {})
    data |= changes
    data["steps"] = [{**step, **steps.get(step["id"], {})} for step in data["steps"]]
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    file = load(path)
    return file, check_calendar(as_plan(file, landscape), landscape)


def with_calendar(folder: Path, **calendar: Any) -> Landscape:
    """The default landscape, UK01 with a fiscal calendar of its own."""
    data = dict(default_file("landscapes/default.yaml").data)
    uk = data["legal_entities"]["UK01"] | {"calendar": "uk"}
    data["legal_entities"] = data["legal_entities"] | {"UK01": uk}
    data["calendars"] = data["calendars"] | {"uk": data["calendars"]["monthly"] | calendar}
    path = folder / "landscape.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return read_landscape(path)


def said(found: list[CalendarFinding], level: str, step: str) -> str:
    """What was found about a step, in one text; empty when nothing was."""
    return "; ".join(f"{one.what} ({one.mend})" for one in found if (one.level, one.step) == (level, step))


@pytest.mark.parametrize("name", built_in_plans())
def test_no_calendar_forbids_a_built_in_plan(name: str) -> None:
    """Built-in plans are examples: they may be warned of, never wrong; `too-short` fails for another reason."""
    found = check_calendar(as_plan(plan_file(name), LANDSCAPE), LANDSCAPE)
    assert [one.what for one in found if one.level == "error"] == []


def test_a_switch_in_a_payroll_run_is_an_error_where_the_entity_is_paid(tmp_path: Path) -> None:
    """EMEA switches at 09:15 by plan, in the payroll run; the freeze is only warned of. America's run is no matter."""
    _, found = checked(tmp_path, calendar={"busy": [PAYROLL | {"entities": ["UK01", "US01"]}]})
    assert "changes UK01 during October payroll (payroll" in said(found, "error", "emea-switch")
    assert "thaw" not in said(found, "warning", "emea-freeze")
    assert "holds UK01 during October payroll" in said(found, "warning", "emea-freeze")
    _, found = checked(tmp_path, calendar={"busy": [PAYROLL | {"entities": ["US01"]}]})
    assert [one for one in found if "payroll" in one.what] == []


def test_a_blackout_that_forbids_freezes_is_an_error_for_the_freeze(tmp_path: Path) -> None:
    """No switch falls into it, but EMEA stands frozen in it."""
    busy = PAYROLL | {"opens": "2026-10-31T06:30:00Z", "closes": "2026-10-31T07:00:00Z", "forbids": "freeze"}
    _, found = checked(tmp_path, calendar={"busy": [busy]})
    assert "thaw before" in said(found, "error", "emea-freeze")
    assert said(found, "error", "emea-switch") == ""


def test_a_busy_time_that_only_touches_disturbs_nothing(tmp_path: Path) -> None:
    """Spans are half open: what closes at 06:00 is over when the freeze begins at 06:00."""
    busy = PAYROLL | {"opens": "2026-10-31T05:00:00Z", "closes": "2026-10-31T06:00:00Z", "forbids": "freeze"}
    assert [one for one in checked(tmp_path, calendar={"busy": [busy]})[1] if "payroll" in one.what] == []


def test_a_freeze_that_is_longer_than_the_business_allows_is_an_error(tmp_path: Path) -> None:
    """EMEA is frozen 240 minutes by plan, from the freeze to the release's end."""
    freeze = {"freeze_most_minutes": 239}
    _, found = checked(tmp_path, calendar=freeze)
    assert "freezes wave emea for 240 minutes until emea-release; the business allows 239" in said(
        found, "error", "emea-freeze"
    )
    assert not [
        one for one in checked(tmp_path, calendar={"freeze_most_minutes": 240})[1] if "allows" in one.what
    ]


def test_the_last_and_first_day_of_a_period_are_refused_where_the_plan_says_so(tmp_path: Path) -> None:
    """31 October ends a monthly period, 1 November begins one; both by the entity's own day."""
    _, found = checked(tmp_path, calendar={"allow_closing_day": False})
    assert "switches UK01 on 2026-10-31, the last day of its period" in said(found, "error", "emea-switch")
    assert "switches US01 on 2026-11-01, the first day of its period" in said(
        found, "error", "amer-apac-switch"
    )


def test_a_period_that_is_closed_can_not_be_switched_in(tmp_path: Path) -> None:
    """What is posted on the day of the switch must find an open period."""
    landscape = with_calendar(tmp_path, closed_through="2026-10-31")
    _, found = checked(tmp_path, landscape)
    assert "UK01 on 2026-10-31, in a period that is closed already" in said(found, "error", "emea-switch")
    assert "DE01" not in said(found, "error", "emea-switch")


def test_a_freeze_over_a_payroll_cut_off_day_is_warned_of(tmp_path: Path) -> None:
    """The time of that day decides what people are paid."""
    landscape = with_calendar(tmp_path, payroll_cut_off_day=31)
    _, found = checked(tmp_path, landscape)
    assert "UK01's time on 2026-10-31, its payroll cut-off day" in said(found, "warning", "emea-freeze")


def test_what_is_planned_past_the_window_is_an_error_but_for_what_comes_after_it(tmp_path: Path) -> None:
    """A verify must end in it; hypercare need not. A deadline past it would not stop the plan in time."""
    window = {"opens": "2026-10-31T06:00:00Z", "closes": "2026-11-01T11:00:00Z"}
    assert said(checked(tmp_path, window=window)[1], "error", "amer-apac-verify") == ""
    window["closes"] = "2026-11-01T10:30:00Z"
    _, found = checked(tmp_path, window=window)
    assert "30 minutes after the window closes" in said(found, "error", "amer-apac-verify")
    assert "may run until its deadline" in said(found, "warning", "amer-apac-release")
    pilot = checked(tmp_path, plan="pilot")[1]
    assert not [one for one in pilot if one.step in ("hypercare", "retire")]


def test_a_switch_before_the_window_opens_is_an_error(tmp_path: Path) -> None:
    """Preparations may come before it, the business's systems may not change."""
    _, found = checked(tmp_path, steps={"emea-freeze": {"at": "2026-10-30T20:00:00Z"}})
    assert "before the window opens" in said(found, "error", "emea-switch")
    assert said(found, "error", "emea-freeze") == ""


def test_intercompany_partners_in_different_waves_are_named_once(tmp_path: Path) -> None:
    """US01 charges UK01: told by the provider's wave, and by UK01's where US01 does not move at all."""
    _, found = checked(tmp_path)
    told = [one.what for one in found if "intercompany" in one.what]
    assert len(told) == 1
    assert "wave amer-apac parts intercompany partners: US01 > UK01 (UK01: wave emea)" in told[0]
    assert "US01 > UK01 (US01: does not move)" in checked(tmp_path, plan="pilot")[1][0].what
    assert checked(tmp_path, plan="big-bang")[1] == []


def test_a_policy_for_late_documents_must_say_what_the_calendar_does(tmp_path: Path) -> None:
    """A plan that promises the next period where the calendar refuses promises what won't happen."""
    landscape = with_calendar(tmp_path, late="refuse")
    _, found = checked(tmp_path, landscape)
    first = found[0]
    assert (first.level, first.place) == ("error", ("straddling", "closed_period"))
    assert "says next_period" in first.what
    assert "does refuse" in first.what


def test_errors_come_first_and_point_into_the_file(tmp_path: Path) -> None:
    """As read_plan's errors do: file, line and column of the field that is to be changed."""
    file, found = checked(tmp_path, calendar={"busy": [PAYROLL], "freeze_most_minutes": 10})
    levels = [one.level for one in found]
    assert levels == sorted(levels)
    row = next(one for one in found if one.step == "emea-freeze" and one.level == "error").as_row(file)
    lines = (tmp_path / "plan.yaml").read_text().splitlines()
    assert row["file"].endswith("plan.yaml")
    assert lines[row["line"] - 1].strip("- ").startswith("id: emea-freeze")


def test_the_payroll_cut_off_day_is_the_entitys_own(tmp_path: Path) -> None:
    """A freeze on the 24th, 20:00Z, stands on the 25th in Asia: the cut-off of the entities there only."""
    freeze = {"at": "2026-10-24T20:00:00Z", "after": ["amer-apac-dual-run"]}
    _, found = checked(
        tmp_path,
        start="2026-10-23T00:00:00Z",
        window={"opens": "2026-10-24T20:00:00Z", "closes": "2026-11-01T22:00:00Z"},
        steps={"amer-apac-freeze": freeze},
    )
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
