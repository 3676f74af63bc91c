"""`coexist cutover gate NAME` and `gates`: one gate by itself, on a journal that is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cutover.cli import app
from cutover.gates.named import GATES
from cutover.reading import reading
from tests.simulation.tiny import rehearse_tiny, tiny_plan

WIDE = {"COLUMNS": "200"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the journal of a rehearsed tiny cutover, and its plan."""
    folder = tmp_path_factory.mktemp("gate")
    rehearse_tiny(folder)
    data = tiny_plan().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    (folder / "plan.yaml").write_text(json.dumps(data), encoding="utf-8")
    return folder


def gate(place: Path, *words: str) -> Result:
    """The command on that journal."""
    database = f"sqlite:///{place / 'journal.sqlite'}"
    return CliRunner().invoke(app, ["cutover", "gate", *words, "--database", database], env=WIDE)


def recorded(place: Path) -> list[str]:
    """What the run's log has of gates measured by hand."""
    with reading(f"sqlite:///{place / 'journal.sqlite'}") as connection:
        rows = connection.execute(text("SELECT step FROM steps WHERE event = 'gate' ORDER BY step_id"))
        return [str(row[0]) for row in rows]


def test_a_gate_that_passes_exits_0_and_is_recorded(place: Path) -> None:
    """The measurement is shown with its threshold, and stands in the log of the run."""
    before = len(recorded(place))
    done = gate(place, "queue-drained", str(place / "plan.yaml"), "--wave", "uk")
    assert done.exit_code == 0, done.output
    assert "queue-drained: pass" in done.output
    assert "at most 0" in done.output
    assert recorded(place)[before:] == ["gate queue-drained"]


def test_what_can_not_be_told_exits_1(place: Path) -> None:
    """Nobody armed a rollback: inconclusive is no pass. The comparison of the past is too old by now."""
    done = gate(place, "rollback-armed", str(place / "plan.yaml"), "--wave", "uk")
    assert done.exit_code == 1
    assert "inconclusive" in done.output
    old = gate(place, "unexplained", str(place / "plan.yaml"), "--wave", "uk", "--json")
    row = json.loads(old.output)["gates"][0]
    assert (old.exit_code, row["verdict"]) == (1, "inconclusive")
    assert row["age_s"] > 240 * 60


def test_a_gate_is_tried_without_deciding(place: Path) -> None:
    """With --try the answer is shown, the exit code is 0, and the log stays as it was."""
    before = recorded(place)
    done = gate(place, "rollback-armed", str(place / "plan.yaml"), "--try")
    assert done.exit_code == 0
    assert "tried, not recorded" in done.output
    assert recorded(place) == before


def test_invariants_are_looked_at_on_the_journal(place: Path) -> None:
    """The gate says how much was looked at, as `coexist verify` does."""
    done = gate(place, "invariants", str(place / "plan.yaml"), "--json", "--try")
    row = json.loads(done.output)["gates"][0]
    assert row["verdict"] == "pass"
    assert "held" in row["measured"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("queue-drainde",), "there is no gate 'queue-drainde'"),
        (("queue-drained", "--wave", "emea2"), "has no wave 'emea2'"),
        (("queue-drained", "no-such-plan.yaml"), "no-such-plan.yaml"),
    ],
)
def test_bad_input_is_refused_with_what_would_do(place: Path, words: tuple[str, ...], said: str) -> None:
    """A wrong gate, wave or plan is named; nothing is recorded."""
    before = recorded(place)
    done = gate(place, *words)
    assert done.exit_code != 0
    assert said in str(done.exception)
    assert recorded(place) == before


def test_gates_lists_every_gate_with_what_it_measures() -> None:
    """The list is the registry."""
    done = CliRunner().invoke(app, ["cutover", "gates"], env=WIDE)
    assert done.exit_code == 0
    for one in GATES.values():
        assert one.name in done.output
        assert one.what in done.output
