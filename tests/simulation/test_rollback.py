"""The way back, rehearsed: armed before the switch, gone by the runner, and both ERPs agree when it is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cutover.plan.model import Plan
from cutover.plan.steps import Step
from cutover.rehearsal.options import make_options
from cutover.rehearsal.rehearse import Rehearsal, rehearse
from cutover.rehearsal.turned_back import row_of
from cutover.rehearsal.world import World
from router.clock import to_text
from tests.simulation.tiny import rehearse_tiny, tiny_plan


def with_way_back(*, arm: bool = True, **changes: Any) -> Plan:
    """The tiny plan with switches that keep the old ERP fed, and an arm before each freeze; `changes` by step id."""
    steps: list[Step] = []
    for step in tiny_plan().steps:
        one = step
        if one.kind == "switch":
            one = one.model_copy(update={"reverse": True})
        if one.kind == "freeze" and arm:
            probe = Step(id=f"{one.wave}-arm", kind="arm", wave=one.wave, at=one.at, after=one.after)
            steps.append(probe)
            one = one.model_copy(update={"after": (probe.id,)})
        steps.append(one.model_copy(update=changes.get(one.id.replace("-", "_"), {})))
    return tiny_plan().model_copy(update={"steps": tuple(steps)})


def authorities(done: Rehearsal) -> dict[str, set[str]]:
    """By entity the ERPs that are the authority of what was accepted on the last morning."""
    found: dict[str, set[str]] = {}
    for row in done.facts.transactions:
        if row.authority is not None and row.deliver and row.accepted_at > "2026-10-31T16":
            found.setdefault(row.legal_entity, set()).add(row.authority)
    return found


def is_home(done: Rehearsal) -> None:
    """Reconciled, every invariant held, and work goes on in the old ERP."""
    report = done.report
    assert report["verdict"] == "rolled-back", report["because"]
    assert all(row["held"] for row in report["invariants"])
    assert all(row["ok"] for row in report["rollback"]["turned_back"]["compared"])
    assert report["transactions"]["by_state"].keys() == {"posted"}
    assert all(names == {"sap_ecc"} for names in authorities(done).values())


@pytest.mark.parametrize(
    "after", [pytest.param("uk-freeze", marks=pytest.mark.soak), "us-release", "uk-verify"]
)
def test_with_a_way_back_kept_open_every_copy_comes_home(after: str, tmp_path: Path) -> None:
    """Nothing is entered a second time: what the new ERP took, the old one has."""
    done = rehearse_tiny(tmp_path, plan=with_way_back(), roll_back_after=after)
    is_home(done)
    backs = done.report["rollback"]["done"]
    assert sum(back["moved"]["entered"] + back["moved"]["copied"] for back in backs) == 0
    if after == "uk-verify":
        assert [back["wave"] for back in backs] == ["uk", "us"]
        assert sum(back["moved"]["swapped"] for back in backs) > 0
        rehomed = [row for row in done.facts.history if row.what == "rehomed"]
        assert {row.detail["by"] for row in rehomed} == {"rehearsal"}
        assert all(row.detail["why"] == "turned back after uk-verify" for row in rehomed)


@pytest.mark.soak
def test_between_the_waves_no_more_is_entered_again_than_its_price(tmp_path: Path) -> None:
    """Stage cloud, turned back between the waves: what the price says is entered again, and no more."""
    done = rehearse_tiny(tmp_path, plan=tiny_plan(), roll_back_after="us-reconcile")
    is_home(done)
    _entered_what_was_lacking(done)


def test_without_one_the_old_erp_is_given_what_it_lacks_once(
    turned_back: tuple[Rehearsal, list[int]],
) -> None:
    """Stage cloud: the price is what must be entered again, and it is."""
    done, _ = turned_back
    is_home(done)
    _entered_what_was_lacking(done)
    assert sum(back["moved"]["entered"] for back in done.report["rollback"]["done"]) > 0


def _entered_what_was_lacking(done: Rehearsal) -> None:
    backs = [row.data for row in done.facts.steps if row.event == "rolled_back"]
    assert backs
    assert all("held_again" in back for back in backs), (
        "what waits behind a gate is held before the gate opens"
    )
    for back in done.report["rollback"]["done"]:
        assert back["price"]["armed"] == 0
        assert back["moved"]["entered"] == back["price"]["re_enter"]


def test_a_step_that_fails_after_the_switch_takes_its_wave_home(tmp_path: Path) -> None:
    """People who need longer than the deadline end it: the wave is rolled back, the other one stays where it is."""
    late = with_way_back(uk_verify={"deadline_minutes": 20, "people_minutes": 90})
    done = rehearse_tiny(tmp_path, plan=late)
    steps = {row["id"]: row for row in done.report["steps"]}
    assert steps["uk-verify"]["why"] == "not done within its deadline of 20 minutes"
    assert steps["uk-verify"]["evidence"]["rolled_back"]["ok"] is True
    assert steps["us-verify"]["outcome"] == "done"
    assert done.report["verdict"] == "no-go"
    assert all(row["held"] for row in done.report["invariants"])
    assert authorities(done)["UK01"] == {"sap_ecc"}


def test_a_switch_that_keeps_the_way_back_open_needs_it_armed(tmp_path: Path) -> None:
    """Never armed is no pass, and neither is armed long ago: the switch does not happen, the wave is given back."""
    hurried = tiny_plan().steps[0].thresholds.model_copy(update={"evidence_age_minutes": 5})
    plan = with_way_back(us_switch={"thresholds": hurried})
    plan = plan.model_copy(update={"steps": tuple(one for one in plan.steps if one.id != "uk-arm")})
    freed = [
        one.model_copy(update={"after": ("uk-dual-run",)}) if one.id == "uk-freeze" else one
        for one in plan.steps
    ]
    done = rehearse_tiny(tmp_path, plan=plan.model_copy(update={"steps": tuple(freed)}))
    steps = {row["id"]: row for row in done.report["steps"]}
    assert steps["uk-switch"]["outcome"] == steps["us-switch"]["outcome"] == "failed"
    assert steps["uk-switch"]["why"].startswith("gate rollback armed: inconclusive (never armed")
    assert steps["us-switch"]["why"].startswith("gate rollback armed: inconclusive (armed 1")
    assert all("given_back" in steps[f"{wave}-switch"]["evidence"] for wave in ("uk", "us"))


def test_past_the_point_of_no_return_there_is_only_forward(tmp_path: Path) -> None:
    """The rollback is refused with the reason, and the wave stays where it is."""
    plan = with_way_back(uk_verify={"point_of_no_return": True})
    done = rehearse_tiny(tmp_path, plan=plan, roll_back_after="uk-verify")
    uk, us = done.report["rollback"]["turned_back"]["waves"]
    assert (uk["did"], uk["problem"]) == ("refused", "wave uk is past its point of no return: only forward")
    assert us["did"] == "rolled back"
    assert done.report["verdict"] == "no-go"
    assert "netsuite" in authorities(done)["UK01"]
    assert row_of(done.report)["verdict"] == "only forward"


@pytest.fixture(scope="module")
def turned_back(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rehearsal, list[int]]:
    """The tiny plan turned back, and the numbers of the journal's commits at the instant the way back begins."""
    seen: list[tuple[int, str]] = []
    counted = World._on_commit

    def noted(self: World, when: str, number: int) -> None:
        counted(self, when, number)
        seen.append((self.commits, to_text(self.clock.now())))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "_on_commit", noted)
        done = rehearse_tiny(
            tmp_path_factory.mktemp("turned-back"), plan=tiny_plan(), roll_back_after="uk-verify"
        )
    begun = done.report["rollback"]["done"][0]["begun"]
    return done, sorted({number for number, at in seen if at == begun})


def test_a_router_that_dies_during_the_way_back_goes_on_with_it(
    tmp_path: Path, turned_back: tuple[Rehearsal, list[int]]
) -> None:
    """Between two moves of a rollback, its stage changed and its documents not yet: they are moved once."""
    sound, commits = turned_back
    assert len(commits) > 8
    _dies_and_goes_on(tmp_path, sound, ("before", commits[-2]))


@pytest.mark.soak
def test_a_router_that_dies_anywhere_on_the_way_back_goes_on_with_it(
    tmp_path: Path, turned_back: tuple[Rehearsal, list[int]]
) -> None:
    """Before and after every commit of it."""
    sound, commits = turned_back
    for number in range(commits[0], commits[-1] + 12):
        for when in ("before", "after"):
            _dies_and_goes_on(tmp_path, sound, (when, number))


def _dies_and_goes_on(folder: Path, sound: Rehearsal, died: tuple[str, int]) -> None:
    done = rehearse_tiny(folder, plan=tiny_plan(), roll_back_after="uk-verify", crash_commit=died)
    assert done.world.lives == sound.world.lives + 1, died
    is_home(done)
    assert _moved(done) == _moved(sound), died


def _moved(done: Rehearsal) -> list[tuple[int, str]]:
    """Every move of an authority, once each."""
    return sorted((row.seq or 0, row.detail["way"]) for row in done.facts.history if row.what == "rehomed")


@pytest.mark.soak
@pytest.mark.parametrize("kept_open", [True, False])
def test_after_every_step_of_the_weekend_both_erps_end_reconciled(kept_open: bool, tmp_path: Path) -> None:
    """Acceptance: turned back after each step in turn, at size small, with and without a way back kept open."""
    options = make_options(seed=7, command="test", size="small")
    plan = _kept_open(options.plan, kept_open)
    for step in plan.order():
        wanted = replace(options, plan=plan, roll_back_after=step.id)
        row = row_of(rehearse(wanted, journal=tmp_path / "journal.sqlite").report)
        assert row["good"], row


def _kept_open(plan: Plan, kept_open: bool) -> Plan:
    """The plan with or without switches that keep the old ERP fed (an arm before each drain, where it has none)."""
    armed = {step.wave for step in plan.steps if step.kind == "arm"}
    steps: list[Step] = []
    for step in plan.steps:
        one = step.model_copy(update={"reverse": kept_open}) if step.kind == "switch" else step
        if kept_open and one.kind == "drain" and one.wave not in armed:
            steps.append(Step(id=f"{one.wave}-arm", kind="arm", wave=one.wave, after=one.after))
            one = one.model_copy(update={"after": (f"{one.wave}-arm",)})
        steps.append(one)
    return plan.model_copy(update={"steps": tuple(steps)})
