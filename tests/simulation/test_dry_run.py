"""A dry run can't say something else than what is done: the runner asks its controls the same, in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from cutover.dry_run import run as dry
from cutover.dry_run.controls import NotingControls
from cutover.plan.model import Plan
from cutover.plan.reading import built_in_plans, read_plan
from cutover.plan.steps import Step
from cutover.rehearsal import world
from router.landscape import read_landscape
from tests.simulation.tiny import rehearse_tiny, tiny_plan

Call = tuple[str, str, str]
"""Step, method, and what of its arguments says what is done."""
DOING = (
    "publish", "switch", "load_masters", "backlog", "unresolved", "open_lanes", "release", "compare", "beside", "record",
)  # fmt: skip


def _said(method: str, given: tuple[Any, ...], named: dict[str, Any]) -> str:
    if method == "publish":
        return f"{named['version']} {given[0]}"
    if method == "switch":
        return f"{given[0]} {named['version']} {named['why']} {tuple(named.get('gate', ()))}"
    if method == "record":
        return f"{given[1]} {given[2]}"
    if method == "compare":
        return f"{named['legacy']} {named['cloud']} {named['scope']} {named['since']} {named['until']}"
    return " ".join(map(str, given))


def listening(kind: type[Any], calls: list[Call]) -> type[Any]:
    """Controls that also keep what they are asked by which step."""

    def kept(name: str) -> Callable[..., Any]:
        method = getattr(kind, name)

        @wraps(method)
        async def ask(self: Any, *given: Any, **named: Any) -> Any:
            task = asyncio.current_task()
            step = task.get_name() if task is not None else ""
            call = (step, name, _said(name, given, named))
            # A poll is a poll: the same question again, until the answer is what the step waits for.
            if name != "backlog" or call not in [one for one in calls if one[0] == step][-1:]:
                calls.append(call)
            return await method(self, *given, **named)

        return ask

    return type(f"Listening{kind.__name__}", (kind,), {name: kept(name) for name in DOING})


def wider() -> Plan:
    """The tiny plan, its first wave approved, armed, fed back by a reverse shadow and at last retired."""
    plan = tiny_plan()
    steps = []
    for step in plan.steps:
        match step.id:
            case "uk-freeze":
                first = Step(id="uk-go", kind="approval", wave="uk", after=("uk-dual-run",))
                arm = Step(id="uk-arm", kind="arm", wave="uk", after=("uk-go",), at=step.at)
                steps += [first, arm, step.model_copy(update={"after": ("uk-arm",)})]
            case "uk-switch":
                steps.append(step.model_copy(update={"reverse": True}))
            case _:
                steps.append(step)
    steps.append(Step(id="uk-retire", kind="retire", wave="uk", after=("uk-verify",)))
    return plan.model_copy(update={"steps": tuple(steps)})


@pytest.mark.parametrize("plan", [tiny_plan(), wider()], ids=["tiny", "wider"])
def test_a_dry_run_asks_what_a_rehearsal_asks(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step the same calls with the same scopes, tables and reasons, up to how often a step polls."""
    dry_calls: list[Call] = []
    real_calls: list[Call] = []
    monkeypatch.setattr(dry, "NotingControls", listening(NotingControls, dry_calls))
    monkeypatch.setattr(world, "_Recording", listening(world._Recording, real_calls))
    dry.dry_run(plan)
    report = rehearse_tiny(tmp_path, plan=plan, faults={}).report
    assert report["verdict"] == "go"
    for step in plan.steps:
        mine, real = (
            [one for one in calls if one[0] == f"step-{step.id}"] for calls in (dry_calls, real_calls)
        )
        assert mine
        assert mine == real
    flips = ([one for one in calls if one[1] in ("publish", "switch")] for calls in (dry_calls, real_calls))
    assert next(flips) == next(flips)


@pytest.mark.parametrize("name", built_in_plans())
def test_every_built_in_plan_is_played_to_its_end(name: str) -> None:
    """Each step can be done on a perfect weekend, in the order of its planned times; changes are named."""
    done = dry.dry_run(read_plan(name, read_landscape()))
    assert [(one.step.id, one.why) for one in done.results if one.outcome != "done"] == []
    assert all(one.changes for one in done.actions if one.verb in ("publish", "switch", "release"))
    assert [one.at for one in done.actions] == sorted(one.at for one in done.actions)
    assert {one.step for one in done.actions} == {one.step.id for one in done.results}
