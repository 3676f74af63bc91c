"""`coexist exceptions`: what waits in a journal, how to mend it, and sending it again, on the command line."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from typer.testing import CliRunner, Result

from cutover.cli import app
from tests.integration.test_export import filled


def run(folder: Path, *words: str) -> Result:
    """The command on the journal of a folder."""
    return CliRunner().invoke(app, ["exceptions", *words, "--database", f"sqlite:///{folder}/journal.sqlite"])


def test_list_show_and_try_out(tmp_path: Path) -> None:
    """The list exits 1 while somebody waits; one is shown with its guidance; a replay is tried out first."""
    filled(tmp_path)
    listed = run(tmp_path, "list", "--json")
    assert listed.exit_code == 1
    (row,) = json.loads(listed.stdout)["exceptions"]
    assert (row["type"], row["queue"], row["severity"]) == ("unroutable", "integration-support", "high")
    table = run(tmp_path, "list", "--queue", "integration-support")
    assert ("Integration support" in table.stdout, "unroutable" in table.stdout) == (True, True)
    assert run(tmp_path, "list", "--queue", "pmo").exit_code == 0
    shown = run(tmp_path, "show", row["id"])
    assert "Publish a route table with a rule that covers it" in shown.stdout
    assert "DE01" in shown.stdout
    tried = run(tmp_path, "replay", row["id"], "--by", "ann", "--why", "table mended")
    assert (tried.exit_code, "would stay" in tried.stdout) == (1, True)
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:
        (said,) = journal.execute("SELECT count(*) FROM history WHERE what = 'queued'").fetchone()
    journal.close()
    assert said == 0


def test_bad_words_are_refused_in_one_line(tmp_path: Path) -> None:
    """An unknown queue, and a replay of everything by mistake."""
    filled(tmp_path)
    wrong = run(tmp_path, "list", "--queue", "nobody")
    assert "finance-operations" in str(wrong.exception.one_line())  # type: ignore[union-attr]
    blind = run(tmp_path, "replay", "--by", "ann", "--why", "x", "--send")
    assert "nothing says which" in str(blind.exception)
