"""`coexist cutover prove`: what a person sees of the control runs, and what a missed bug does to the exit code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from cutover.cli import proving
from cutover.proving import proving as one_run
from cutover.proving.mutants import MUTANTS
from cutover.report.control_runs_view import control_runs
from cutover.report.html import render

app = typer.Typer()
app.command("prove")(proving.prove_command)
SOUND = "sound: two approvals"


def told(*arguments: str) -> tuple[int, str]:
    """Exit code and output of the command."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


def test_caught_bugs_are_good_and_the_report_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0; the rows say what was broken, who caught it and what it said; the report says the same."""
    monkeypatch.setattr(proving, "names", lambda: (SOUND, "nobody approved"))
    code, text = told("--json", "--jobs", "2")
    found: dict[str, Any] = orjson.loads(text)
    assert code == 0
    assert (found["total"], found["caught"], found["missed"]) == (2, 2, [])
    assert [row["must_catch"] for row in found["rows"]] == ["nobody", "approvals"]
    assert "measured 0" in found["rows"][1]["said"]
    assert all(row["seconds"] > 0 for row in found["rows"])
    kept = one_run.as_report(found["rows"])
    assert all("seconds" not in row for row in kept["rows"]), "a report tells nothing of the machine"
    page = render(
        {
            "control_runs": kept,
            "gate_audit": {"claim": "c", "not_checked": "n", "checked": 1, "violations": []},
        }
    )
    assert "nobody approved" in page
    assert "2 of 2 as they must be" in page
    states = [row["state"] for row in control_runs({"control_runs": kept})["rows"]]
    assert states == ["pass", "caught"], "in a sound run there is nothing to catch"


def test_a_bug_that_nobody_catches_is_said_with_exit_code_3(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that does not bite is as bad as a violated invariant; so is one that complains of nothing."""
    blind = replace(
        next(one for one in MUTANTS if one.name == "nobody approved"), name="blind", caught_by="I4"
    )
    monkeypatch.setattr(one_run, "MUTANTS", (*MUTANTS, blind))
    monkeypatch.setattr(proving, "names", lambda: ("blind",))
    code, text = told()
    assert code == 3
    assert "MISSED" in text
    assert "not caught: approvals complained" in text
