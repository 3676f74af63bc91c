"""The dry run can't drift from the code: it asks for the same things in the same order as a rehearsal does."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cutover.cli import app
from cutover.dry_run.controls import NotingControls
from cutover.dry_run.run import dry_run
from cutover.plan.reading import built_in_plans, read_plan
from cutover.runner.controls import RouterControls
from router.landscape import read_landscape
from tests.simulation.tiny import rehearse_tiny, tiny_plan

ASKED = ("publish", "switch", "load_masters", "backlog", "unresolved", "open_lanes", "release", "compare")


def recorded(monkeypatch: pytest.MonkeyPatch, kind: type) -> dict[str, list[str]]:
    """What each step asks of controls of a kind, a repeated question once."""
    asked: dict[str, list[str]] = {}

    def spied(name: str, told: Callable[..., Any]) -> Callable[..., Any]:
        async def spy(self: Any, *given: Any, **named: Any) -> Any:
            task = asyncio.current_task()
            assert task is not None
            mine = asked.setdefault(task.get_name(), [])
            if not mine or mine[-1] != name:
                mine.append(name)
            return await told(self, *given, **named)

        return spy

    for name in ASKED:
        monkeypatch.setattr(kind, name, spied(name, getattr(kind, name)))
    return asked


def test_a_dry_run_asks_for_what_a_rehearsal_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step the same calls in the same order, but for how often a drain is looked at."""
    rehearsed = recorded(monkeypatch, RouterControls)
    rehearse_tiny(tmp_path)
    noted = recorded(monkeypatch, NotingControls)
    done = dry_run(tiny_plan())
    steps = {f"step-{step.id}" for step in tiny_plan().steps}
    assert {name: noted[name] for name in steps} == {name: rehearsed[name] for name in steps}
    assert all(result.outcome == "done" for result in done.results)


@pytest.mark.parametrize("name", built_in_plans())
def test_every_built_in_plan_is_played_to_its_end(name: str) -> None:
    """Each step is done, each says what it changes, and a switch is never before its freeze."""
    done = dry_run(read_plan(name, read_landscape()))
    assert [(one.step.id, one.why) for one in done.results if one.outcome != "done"] == []
    verbs = [action.verb for action in done.actions]
    assert "switch" in verbs
    assert all(action.changes for action in done.actions if action.verb in ("publish", "switch", "release"))
    assert [action.at for action in done.actions] == sorted(action.at for action in done.actions)


def test_the_command_prints_actions_and_todays_backlog_and_changes_nothing(tmp_path: Path) -> None:
    """With a journal the waves' standing of today is shown; the journal's bytes of substance stay."""
    rehearse_tiny(tmp_path)
    database = tmp_path / "journal.sqlite"
    before = _counts(database)
    done = CliRunner().invoke(
        app, ["cutover", "plan", "pilot", "--database", f"sqlite:///{database}", "--json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {row["wave"] for row in told["today"]} == {"uk"}
    assert _counts(database) == before
    text = CliRunner().invoke(app, ["cutover", "plan", "pilot"]).stdout
    assert "Switch UK01 to table" in text
    assert "+  authority: netsuite" in text


def _counts(database: Path) -> dict[str, int]:
    with sqlite3.connect(database) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
