"""`coexist cutover plan`, `check`, `plans` and `coexist schema plan`: what is told before anything is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner, Result

from cutover.cli import app
from cutover.plan.model import Plan
from cutover.plan.published import plan_schema
from cutover.plan.reading import plan_file
from router.errors import BadInput, CoexistError, NotFound
from tests.simulation.tiny import rehearse_tiny, tiny_plan


def told(*words: str) -> Result:
    """The command's exit code and output; errors of ours come through as they are."""
    done = CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})
    if isinstance(done.exception, CoexistError):
        raise done.exception
    return done


def as_file(folder: Path, plan: Plan, **changes: Any) -> str:
    """A plan in a file, with changes."""
    data = orjson.loads(plan.model_dump_json(by_alias=True, exclude_defaults=True)) | changes
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return str(path)


def test_every_action_is_printed_in_order_with_what_it_changes() -> None:
    """Tables as whole rules that come and go, switches with the lanes they close, people with their minutes."""
    done = told("cutover", "plan", "pilot")
    assert done.exit_code == 0, done.output
    wanted = [
        "dual-run  (dual run, wave uk, integration, 60 min)",
        "- Publish route table 2",
        "+ id: uk-dual-run",
        "- Wait for 1 approval of this plan",
        "- Probe the way back to sap_ecc for UK01",
        "- Compare what sap_ecc and netsuite hold of UK01",
        "- Switch UK01 to table 4; netsuite's lanes of them stay closed",
        "- Decide again what the freeze held of UK01",
        "- Follow: samples 3",
        "- Publish route table 5",
    ]
    at = -1
    for line in wanted:
        assert line in done.output[at + 1 :], line
        at = done.output.index(line, at + 1)


def test_one_wave_and_json() -> None:
    """`--wave` leaves the others' actions out; `--json` has the full text of each table."""
    rows = orjson.loads(told("cutover", "plan", "weekend", "--json").stdout)["actions"]
    mine = orjson.loads(told("cutover", "plan", "weekend", "--wave", "emea", "--json").stdout)["actions"]
    assert mine == [row for row in rows if row["step"].startswith("emea-")]
    assert 0 < len(mine) < len(rows)
    tables = [row for row in rows if row["verb"] == "publish"]
    assert all(
        yaml.safe_load(row["detail"]["table"])["version"] == row["detail"]["version"] for row in tables
    )
    assert [row["changes"] for row in rows if row["verb"] == "compare"] != []
    with pytest.raises(BadInput, match="no wave 'mars'"):
        told("cutover", "plan", "weekend", "--wave", "mars")


def test_a_step_that_could_not_be_done_at_best_is_told(tmp_path: Path) -> None:
    """A switch with a way back that nobody arms fails the dry run, and all that comes after it."""
    plan = tiny_plan()
    steps = [step.model_dump(mode="json", exclude_unset=True) for step in plan.steps]
    steps = [step | ({"reverse": True} if step["id"] == "uk-switch" else {}) for step in steps]
    done = told("cutover", "plan", as_file(tmp_path, plan, steps=steps))
    assert done.exit_code == 1
    assert "WOULD NOT BE DONE  uk-switch: gate rollback armed: inconclusive (never armed" in done.output
    assert "WOULD NOT BE DONE  uk-release: uk-switch was not done" in done.output
    assert "us-switch:" not in done.output


def test_a_run_that_has_begun_is_gone_on_with_and_nothing_is_written(tmp_path: Path) -> None:
    """From a journal: what is done is not done again, the next table has the next number, the file stays as it is."""
    rehearse_tiny(tmp_path)
    journal = tmp_path / "journal.sqlite"
    before = journal.read_bytes()
    words = (
        "cutover",
        "plan",
        as_file(tmp_path, tiny_plan()),
        "--database",
        f"sqlite:///{journal}",
        "--json",
    )
    found = orjson.loads(told(*words, "--run-id", "tiny").stdout)
    assert found["actions"] == []
    assert len(found["ended"]) == len(tiny_plan().steps)
    found = orjson.loads(told(*words).stdout)
    assert found["ended"] == []
    first = next(row for row in found["actions"] if row["verb"] == "publish")
    assert first["detail"]["version"] == 8, "six flips of two waves, the table of the start, and one"
    assert {row["system"] for row in found["today"]} == {"sap_ecc", "netsuite"}
    assert journal.read_bytes() == before
    with pytest.raises(NotFound, match="there is no journal"):
        told("cutover", "plan", "pilot", "--database", f"sqlite:///{tmp_path}/none.sqlite")


def test_check_says_file_line_column_and_mend(tmp_path: Path) -> None:
    """Exit 1 with the place of what a calendar forbids; exit 0 where there are warnings only."""
    busy = {
        "name": "payroll",
        "kind": "payroll",
        "opens": "2026-10-31T12:00:00Z",
        "closes": "2026-10-31T16:00:00Z",
    }
    path = as_file(tmp_path, tiny_plan(), calendar={"busy": [busy]})
    done = told("cutover", "check", path)
    assert done.exit_code == 1
    line = next(line for line in done.output.splitlines() if "step uk-switch changes UK01" in line)
    file, row, column, level = line.split(":")[:4]
    assert (file, level.strip()) == (path, "error")
    assert int(row) > 1
    assert int(column) >= 1
    rows = orjson.loads(told("cutover", "check", path, "--json").stdout)
    assert any(row["level"] == "error" and row["line"] == int(line.split(":")[1]) for row in rows)
    assert told("cutover", "check", "weekend").exit_code == 0
    assert "nothing against it" in told("cutover", "check", "big-bang").output


def test_built_in_plans_are_listed_and_taken_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of them; a file of the same name in the folder goes before."""
    rows = orjson.loads(told("cutover", "plans", "--json").stdout)
    assert [row["name"] for row in rows] == ["big-bang", "business-units", "pilot", "too-short", "weekend"]
    assert "5 steps" not in told("cutover", "plans").output.splitlines()[0]
    monkeypatch.chdir(tmp_path)
    assert plan_file("pilot").data["name"] == "pilot"
    as_file(tmp_path, tiny_plan())
    (tmp_path / "plan.yaml").rename(tmp_path / "pilot")
    assert plan_file("pilot").data["name"] == "tiny"


def test_the_schema_of_a_plan_is_printed() -> None:
    """`coexist schema plan` is the published file."""
    assert orjson.loads(told("schema", "plan").stdout) == plan_schema()
