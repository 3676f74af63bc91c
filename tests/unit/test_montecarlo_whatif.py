"""What-ifs and changes: each path leads where it says, an impossible one is refused with its name and a mend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cutover.montecarlo.changes import changed, changes_of
from cutover.montecarlo.whatif import apply, read_settings
from cutover.plan.model import Plan
from cutover.plan.reading import as_plan
from cutover.rehearsal.options import make_options
from router.configfile import ConfigFile
from router.errors import BadConfig, BadInput, CoexistError
from router.landscape import Landscape, as_landscape, default_file


def files() -> tuple[ConfigFile, ConfigFile]:
    """The default weekend and landscape."""
    return default_file("plans/weekend.yaml"), default_file("landscapes/default.yaml")


def what_if(*settings: str) -> tuple[Plan, Landscape]:
    """Plan and landscape with settings, read as a rehearsal reads them."""
    plan, landscape = files()
    plan, landscape = apply(read_settings(settings), plan=plan, landscape=landscape)
    read = as_landscape(landscape)
    return as_plan(plan, read), read


def test_each_kind_of_path_leads_where_it_says() -> None:
    """A system's budget by its short name, fields of plan, step, wave, landscape; the last of two wins."""
    plan, landscape = what_if(
        "netsuite.concurrency=30",
        "sap_ecc.per_minute=1200",
        "netsuite.personality.rounding=document",
        "window.closes=2026-11-01T20:00:00Z",
        "steps.emea-freeze.at=2026-10-31T05:00:00Z",
        "steps.emea-reconcile.thresholds.unexplained=3",
        "waves.emea.entities=[UK01]",
        "size=small",
        "size=large",
        "faults={}",
        "calendar.freeze_most_minutes=400",
        "legal_entities.UK01.name=Other Ltd",
    )  # fmt: skip
    assert landscape.systems["netsuite"].budget.concurrency == 30  # type: ignore[index]
    assert landscape.systems["sap_ecc"].budget.per_minute == 1200  # type: ignore[index]
    assert landscape.systems["netsuite"].personality.rounding == "document"  # type: ignore[index]
    assert plan.window.closes.hour == 20
    assert plan.step("emea-freeze").at is not None
    assert plan.step("emea-freeze").at.hour == 5  # type: ignore[union-attr]
    assert plan.step("emea-reconcile").thresholds.unexplained == 3
    assert plan.wave("emea").entities == ("UK01",)
    assert (plan.size, dict(plan.faults), plan.calendar.freeze_most_minutes) == ("large", {}, 400)
    assert landscape.legal_entities["UK01"].name == "Other Ltd"


def test_what_is_set_leaves_the_files_as_they_are() -> None:
    """A what-if is another plan: the same one read again is the old one."""
    before = as_plan(*_read()).digest()
    other, _ = what_if("size=small")
    assert other.digest() != before
    assert as_plan(*_read()).digest() == before


def _read() -> tuple[ConfigFile, Landscape]:
    plan, landscape = files()
    return plan, as_landscape(landscape)


WRONG = {
    "netsuite.concurency=3": "did you mean 'concurrency'?",
    "netsuit.concurrency=3": "did you mean 'netsuite'?",
    "steps.emea-freez.at=2026-10-31T05:00:00Z": "did you mean 'emea-freeze'?",
    "window.close=1": "did you mean 'closes'?",
    "legal_entities.UK1.currency=USD": "did you mean 'UK01'?",
    "size": "write it like",
    "size=": "write null",
    "size=[": "write the value as YAML",
    "size.more=1": "size is one value",
    "window.opens.hour=1": "one value",
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_path_that_leads_nowhere_is_refused_with_a_suggestion(setting: str) -> None:
    """The setting is named, and what was probably meant."""
    with pytest.raises(BadInput) as refused:
        what_if(setting)
    assert f"--set {setting}" in refused.value.one_line()
    assert WRONG[setting] in refused.value.one_line()


@pytest.mark.parametrize(
    "setting",
    [
        "netsuite.concurrency=0",
        "window.closes=2026-10-01T20:00:00Z",
        "waves.emea.entities=[XX01]",
        "size=huge",
        "steps.0=1",
    ],
)
def test_a_value_that_can_not_be_is_refused_by_the_reader_with_the_setting(setting: str) -> None:
    """The checks are those of any plan and landscape; the message says that a setting was in it."""
    with pytest.raises(BadConfig) as refused:
        what_if(setting)
    assert f"--set {setting}" in str(refused.value.one_line())


def test_settings_are_part_of_the_options_and_chaos_excludes_given_faults(tmp_path: Any) -> None:
    """The report shows them; --faults and --chaos contradict each other."""
    options = make_options(seed=1, command="c", settings=["size=small"])
    assert options.as_row()["settings"] == ["size=small"]
    assert options.size == "small"
    path = tmp_path / "faults.yaml"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(CoexistError):
        make_options(seed=1, command="c", faults=path, chaos=True)


def change(name: str, plan: dict[str, Any] | None = None) -> tuple[Plan, Landscape]:
    """Plan and landscape with one change."""
    file, landscape = files()
    if plan is not None:
        file = ConfigFile("plan", plan, {})
    file, landscape = changed(name, plan=file, landscape=landscape)
    read = as_landscape(landscape)
    return as_plan(file, read), read


def test_every_change_makes_a_plan_that_reads_and_changes_one_thing() -> None:
    """Budgets, freezes, waves, people, faults: each as said."""
    base, land = what_if()
    assert change("netsuite-concurrency")[1].systems["netsuite"].budget.concurrency == 23  # type: ignore[index]
    assert change("sap_ecc-concurrency")[1].systems["netsuite"] == land.systems["netsuite"]  # type: ignore[index]
    earlier = change("freeze-earlier")[0]
    for step, other in zip(base.steps, earlier.steps, strict=True):
        moved = timedelta(hours=1) if step.kind == "freeze" else timedelta(0)
        assert step.at is None or (other.at is not None and step.at - other.at == moved)
    faster = change("faster-people")[0]
    assert faster.step("emea-reconcile").people_minutes == 72
    none = change("no-faults")[0]
    assert (dict(none.faults), none.crashes) == ({}, ())
    assert {one.name for one in changes_of({"from": "a", "to": "b"})} >= {"a-concurrency", "smaller-waves"}


def test_smaller_waves_are_two_halves_that_depend_as_before() -> None:
    """Each half has its own chain; what came after the whole wave comes after both halves."""
    plan = change("smaller-waves")[0]
    assert [(wave.id, wave.entities) for wave in plan.waves] == [
        ("emea-a", ("UK01", "DE01")), ("emea-b", ("BH01",)),
        ("amer-apac-a", ("US01", "SG01")), ("amer-apac-b", ("JP01",)),
    ]  # fmt: skip
    assert plan.step("emea-drain-b").after == ("emea-freeze-b",)
    assert set(plan.step("amer-apac-freeze-a").after) >= {"emea-verify-a", "emea-verify-b"}


def test_a_change_a_plan_has_no_room_for_is_refused() -> None:
    """No faults to leave out, no freeze with a time: said, not silently the same plan."""
    file, _ = files()
    bare = {**file.data, "faults": {}, "crashes": []}
    with pytest.raises(BadInput):
        change("no-faults", bare)
    with pytest.raises(BadInput):
        change("no-such-change")
