"""A runner that dies is replaced, and the plan ends as if nobody had died: live, and rehearsed.

Live: the code of `coexist cutover run --live` on the embedded default (SQLite), with its lease, in virtual time. CI
tries a spread of points over two stories, one that goes through and one that is given back; `make soak` tries
every point, before and after each call that changes something.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from cutover.rehearsal import rehearse as rehearsal
from cutover.rehearsal.options import Options
from cutover.rehearsal.rehearse import Rehearsal
from cutover.rehearsal.world import World
from cutover.runner.port import Controls
from cutover.runner.runner import Runner
from tests.simulation.outcome import differences, outcome
from tests.simulation.runner_deaths import (
    STORIES,
    Calls,
    Mortal,
    Point,
    RunnerDied,
    Story,
    differs,
    points,
    undisturbed,
)
from tests.simulation.tiny import rehearse_tiny

DOWN_S = 45
"""A runner that died is back within a minute."""
OF_REHEARSAL = (("before", "switch", 3), ("after", "publish", 5))
"""When, which call, which of them: in the rehearsed cutover."""


def spread(story: Story, count: int) -> list[Point]:
    """So many points of a story, evenly."""
    every = list(points(story))
    return every[1 :: max(1, len(every) // count)]


@pytest.mark.parametrize("story", STORIES)
def test_a_live_runner_that_dies_leaves_no_trace_in_the_outcome(story: Story) -> None:
    """A spread of points: steps, gates, stages, documents in both ERPs, releases are those of an undisturbed run."""
    found = {point: different for point in spread(story, 5) if (different := differs(point))}
    assert found == {}


def test_the_stories_say_what_they_are_about() -> None:
    """One goes through with every kind of step, the other is given back: else nothing was compared."""
    through, calls = undisturbed("through")
    assert through["step s10-verify"][0] == "done"
    assert {"publish", "switch", "load_masters", "open_lanes", "release", "compare"} <= set(calls)
    assert through["time_entry T-frozen"][2] == 1, "released once"
    back, _ = undisturbed("given back")
    assert back["step s3-manual"][:2] == ("failed", "bob says no: two rates are wrong")
    assert back["time_entry T-frozen"][0] == "posted"


@pytest.mark.soak
@pytest.mark.parametrize("story", STORIES)
def test_a_live_runner_may_die_anywhere(story: Story) -> None:
    """Every point, before and after."""
    found = {point: different for point in points(story) if (different := differs(point))}
    assert found == {}


def rehearsed(folder: Path, calls: Calls, patch: pytest.MonkeyPatch) -> Rehearsal:
    """The tiny cutover with a runner that dies of itself, while the router lives."""
    made: Any = World.controls

    async def controls(self: World) -> Controls:
        return cast("Controls", Mortal(await made(self), calls))

    async def run_plan(world: World, options: Options) -> Runner:
        for _ in range(5):
            await world.router()
            runner = Runner(rehearsal._ground(world, options))
            through = False
            try:
                through = await world.while_up(runner.run())
            except* RunnerDied:
                await asyncio.sleep(DOWN_S)
            if through:
                return runner
        raise AssertionError("no runner came through")

    patch.setattr(World, "controls", controls)
    patch.setattr(rehearsal, "_run_plan", run_plan)
    folder.mkdir()
    return rehearse_tiny(folder)


@pytest.fixture(scope="module")
def rehearsed_undisturbed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, Any], list[str]]:
    """What the tiny cutover comes to, and the calls of its runner."""
    calls = Calls()
    with pytest.MonkeyPatch.context() as patch:
        done = rehearsed(tmp_path_factory.mktemp("tiny") / "undisturbed", calls, patch)
    return outcome(done), calls.names


def _dies(
    at: int, side: str, undisturbed: dict[str, Any], folder: Path, patch: pytest.MonkeyPatch
) -> list[str]:
    calls = Calls(at=at, side=side)
    found = differences(undisturbed, outcome(rehearsed(folder, calls, patch)))
    return found if calls.deaths == 1 else [*found, "the runner did not die"]


@pytest.mark.parametrize(("side", "name", "which"), OF_REHEARSAL)
def test_a_rehearsed_runner_that_dies_changes_no_outcome(
    side: str,
    name: str,
    which: int,
    rehearsed_undisturbed: tuple[dict[str, Any], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The runner alone dies, the router lives on: the same business outcome, with faults and all invariants."""
    expected, names = rehearsed_undisturbed
    at = [number for number, one in enumerate(names, 1) if one.split()[0] == name][which]
    assert _dies(at, side, expected, tmp_path / "died", monkeypatch) == []


@pytest.mark.soak
def test_a_rehearsed_runner_may_die_anywhere(
    rehearsed_undisturbed: tuple[dict[str, Any], list[str]], tmp_path: Path
) -> None:
    """Every point of the tiny cutover."""
    expected, names = rehearsed_undisturbed
    for at in range(1, len(names) + 1):
        for side in ("before", "after"):
            with pytest.MonkeyPatch.context() as patch:
                found = _dies(at, side, expected, tmp_path / f"{side}-{at}", patch)
            assert found == [], f"{side} {names[at - 1]} ({at})"
