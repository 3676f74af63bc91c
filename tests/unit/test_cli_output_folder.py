"""A folder that can't take the results is refused before the work, and what stands in it stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cutover.cli import app
from cutover.cli.folders import ready
from router.errors import BadInput


@pytest.mark.parametrize("name", ["journal.sqlite", "report.json", "report.html"])
def test_a_rehearsal_asks_its_folder_first(tmp_path: Path, name: str) -> None:
    """Where a result can't be written nothing is rehearsed: half a minute, or an hour of many runs, would be lost."""
    (tmp_path / name).mkdir()
    told = CliRunner().invoke(app, ["rehearse", "too-short", "--size", "small", "--out", str(tmp_path)])
    assert isinstance(told.exception, BadInput)
    assert name in told.exception.message
    assert "Rehearsing" not in told.stdout


def test_many_runs_ask_their_folder_first(tmp_path: Path) -> None:
    """The report of two hundred runs is not lost at their end."""
    (tmp_path / "montecarlo.html").mkdir()
    told = CliRunner().invoke(app, ["rehearse", "pilot", "--runs", "2", "--out", str(tmp_path)])
    assert isinstance(told.exception, BadInput)
    assert not (tmp_path / "runs.jsonl").exists()


def test_what_stands_in_a_folder_stays_until_it_is_written_anew(tmp_path: Path) -> None:
    """A rehearsal that ends in the middle leaves the report of the one before."""
    (tmp_path / "report.json").write_text("{}")
    ready(tmp_path, ("report.json",))
    assert (tmp_path / "report.json").read_text() == "{}"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """Said in one line with what to do."""
    (tmp_path / "out").write_text("")
    with pytest.raises(BadInput, match="can't be made"):
        ready(tmp_path / "out", ("report.json",))
