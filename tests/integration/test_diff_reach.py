"""A comparison speaks only for what its extracts hold: other entities stay as they were, later rows are late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from typer.testing import CliRunner

from cutover.cli import app

POLICY = """key: [id]
columns:
  legal_entity: {type: dimension}
  accounting_date: {type: date}
  total: {type: money, currency: EUR}
"""
HEAD = "id,legal_entity,accounting_date,total\n"
UK = ["1,UK01,2026-10-29,10.00\n", "2,UK01,2026-10-30,20.00\n"]
DE = ["3,DE01,2026-10-29,30.00\n"]


def compared(
    folder: Path, name: str, legacy: list[str], cloud: list[str], *words: str | Path
) -> list[dict[str, Any]]:
    """The breaks of one comparison, and what an earlier one knew, by their key."""
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    for side, rows in (("legacy", legacy), ("cloud", cloud)):
        (folder / f"{side}.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    out = folder / name
    told = CliRunner().invoke(
        app,
        ["diff", str(folder / "legacy.csv"), str(folder / "cloud.csv"), "--policy", str(folder / "policy.yaml"),
         "--out", str(out), "--as-of", "2026-10-31", *map(str, words)],
    )  # fmt: skip
    assert told.exit_code in (0, 1), told.output
    found = (out / "breaks.jsonl").read_bytes() + (out / "earlier.jsonl").read_bytes()
    return [orjson.loads(line) for line in found.splitlines()]


def test_an_entity_that_is_not_there_is_not_fixed(tmp_path: Path) -> None:
    """A break of an entity in neither extract was not looked at; one of an entity that is there is fixed."""
    wrong = [row.replace("0.00", "1.00") for row in (UK[0], DE[0])]
    first = compared(tmp_path, "first", [*UK, *DE], [wrong[0], UK[1], wrong[1]])
    assert {row["legal_entity"] for row in first} == {"UK01", "DE01"}
    second = compared(tmp_path, "second", UK, UK, "--previous", tmp_path / "first")
    assert {(row["legal_entity"], row["state"]) for row in second} == {("UK01", "fixed"), ("DE01", "new")}


def test_what_lies_behind_the_other_extract_s_end_is_late(tmp_path: Path) -> None:
    """A row dated after the last day of the other extract is timing; one within it is missing."""
    later = "4,UK01,2026-11-02,40.00\n"
    within = "5,UK01,2026-10-28,50.00\n"
    rows = compared(tmp_path, "out", [*UK, later, within], UK)
    assert {row["key"]["id"]: row["cause"] for row in rows} == {"4": "timing", "5": "missing"}


def test_finance_is_told_its_totals_first_and_a_workbook_only_if_wanted(tmp_path: Path) -> None:
    """Both totals of each currency, the difference and whether it is explained; `--no-xlsx` writes no workbook."""
    compared(tmp_path, "out", [*UK, *DE], [UK[0], UK[1], DE[0].replace("30.00", "2030.00")], "--no-xlsx")
    told = CliRunner().invoke(
        app,
        ["diff", str(tmp_path / "legacy.csv"), str(tmp_path / "cloud.csv"), "--policy", str(tmp_path / "policy.yaml"),
         "--out", str(tmp_path / "again"), "--as-of", "2026-10-31", "--no-xlsx"],
    )  # fmt: skip
    row = next(line.split() for line in told.stdout.splitlines() if line.split()[:2] == ["total", "EUR"])
    assert row[2:] == ["60.00", "2,060.00", "2,000.00", "0.00", "2,000.00", "yes"]
    assert len(told.stdout.splitlines()) <= 25
    compared(tmp_path, "again", UK, UK)
    assert (tmp_path / "again" / "report.xlsx").exists()
    compared(tmp_path, "again", UK, UK, "--no-xlsx")
    assert not (tmp_path / "again" / "report.xlsx").exists(), "an earlier run's workbook stayed"
    assert "report.xlsx" not in told.stdout
