"""The run book says when, who, what and what if not; the same plan gives the same paper in every locale."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from cutover.montecarlo import summary
from cutover.plan.model import Plan
from cutover.plan.reading import read_plan
from cutover.runbook.page import render
from cutover.runbook.rows import run_book
from router.landscape import read_landscape

PLAN = read_plan(None, read_landscape())
UTC = ZoneInfo("UTC")


def changed(step_id: str, **changes: object) -> Plan:
    """The default plan with one step changed."""
    steps = tuple(one.model_copy(update=changes) if one.id == step_id else one for one in PLAN.steps)
    return PLAN.model_copy(update={"steps": steps})


def test_every_step_stands_in_it_in_order_of_time_with_its_owner() -> None:
    """Nobody's step is left out, and each owner's sheet holds theirs."""
    book = run_book(PLAN, zone=UTC)
    assert {row["id"] for row in book["steps"]} == {step.id for step in PLAN.steps}
    starts = [row["start"]["utc"] for row in book["steps"]]
    assert starts == sorted(starts)
    named = [step for one in book["owners"] for step in one["steps"]]
    assert sorted(named) == sorted(step.id for step in PLAN.steps)


def test_times_are_those_of_the_zone() -> None:
    """Tokyo reads the freeze at 15:00, London at 06:00, as its summer time has ended."""
    freeze = {
        zone: next(row for row in run_book(PLAN, zone=ZoneInfo(zone))["steps"] if row["id"] == "emea-freeze")
        for zone in ("Asia/Tokyo", "Europe/London")
    }
    assert freeze["Asia/Tokyo"]["start"]["clock"] == "15:00"
    assert freeze["Europe/London"]["start"]["clock"] == "06:00"
    assert freeze["Asia/Tokyo"]["start"]["day"] == "Sat 31 Oct"


def test_it_says_what_the_runner_will_do_when_a_step_fails() -> None:
    """Before the switch the wave goes back; after it only an armed one is rolled back by itself."""
    plain = {row["id"]: row for row in run_book(PLAN, zone=UTC)["steps"]}
    assert "given back" in plain["emea-reconcile"]["if_it_fails"]
    armed = {row["id"]: row for row in run_book(changed("emea-switch", reverse=True), zone=UTC)["steps"]}
    assert "rolled back" in armed["emea-verify"]["if_it_fails"]
    unarmed = {row["id"]: row for row in run_book(changed("emea-switch", reverse=False), zone=UTC)["steps"]}
    assert "people decide" in unarmed["emea-verify"]["if_it_fails"]


def test_a_rehearsal_of_another_plan_is_called_that() -> None:
    """Times of another plan would mislead the people of the weekend."""
    window = {"spare_minutes": 5}
    report = {
        "verdict": "go", "because": [], "seed": 7, "plan": {"digest": "0" * 64}, "window": window,
        "reproduce": "coexist rehearse", "steps": [{"id": "emea-freeze", "minutes": 11}],
    }  # fmt: skip
    book = run_book(PLAN, zone=UTC, report=report)
    assert book["rehearsal"]["same_plan"] is False
    assert "of another plan" in render(book)
    same = run_book(PLAN, zone=UTC, report=report | {"plan": {"digest": PLAN.digest()}})
    assert "Rehearsed with seed 7" in render(same)


def test_a_hostile_title_stays_text() -> None:
    """What a plan says is shown, never run."""
    text = render(run_book(changed("emea-freeze", title="<script>alert(1)</script>"), zone=UTC))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_what_nine_in_ten_rehearsals_kept_stands_beside_the_step() -> None:
    """Read from what `coexist rehearse --runs` writes of a step, as it writes it."""
    at = {"start": "2026-10-31T06:00:00.000000Z", "end": "2026-10-31T07:30:00.000000Z"}
    done = {"id": "emea-freeze", "outcome": "done", "minutes": 90, "people_minutes": 5, **at}
    many = {"steps": summary.steps([{"steps": [done]}], PLAN)}
    book = run_book(PLAN, zone=UTC, many=many)
    told = {row["id"]: row["p90_minutes"] for row in book["steps"]}
    assert told["emea-freeze"] == 90
    assert told["emea-drain"] is None
    assert "nine in ten within 1 h 30 min" in render(book)
