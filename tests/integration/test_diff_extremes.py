"""What few extracts hold and every one may: amounts of any size, rows without one, crosswalks that contradict."""

from __future__ import annotations

from pathlib import Path

import openpyxl

from tests.integration.test_diff_command import breaks_of, small, summary_of


def test_amounts_of_any_size_reach_every_file(tmp_path: Path) -> None:
    """Twenty-one digits stand only on one side: exact in the lines and the workbook, and known in the next run."""
    legacy = "id,total,currency,memo\n1,123456789012345678901.23,GBP,a\n2,1.00,GBP,a\n"
    for folder, words in ((tmp_path / "a", ()), (tmp_path / "b", ("--previous", tmp_path / "a/out"))):
        folder.mkdir()
        done = small(folder, legacy, "id,total,currency,memo\n2,1.00,GBP,a\n", *words)
        assert done.exit_code == 1, done.exception
    (line,) = (tmp_path / "b/out/breaks.jsonl").read_text().splitlines()
    assert '"delta":"-123456789012345678901.23","delta_minor":-12345678901234567890123,' in line
    assert '"state":"recurring"' in line
    sheets = openpyxl.load_workbook(tmp_path / "b/out/report.xlsx")
    assert "-123456789012345678901.23" in [
        cell.value for row in sheets["missing"].iter_rows() for cell in row
    ]


def test_a_row_without_an_amount_may_say_anything_for_its_currency(tmp_path: Path) -> None:
    """It adds nothing to any total, and is a difference where the other side says something else."""
    row = "id,total,currency,memo\n1,,n/a,a\n2,1.00,GBP,a\n"
    assert small(tmp_path, row, row).exit_code == 0
    assert [one["currency"] for one in summary_of(tmp_path / "out")["control_totals"]] == ["GBP"]


def test_every_entry_of_a_crosswalk_is_a_break_of_its_own(tmp_path: Path) -> None:
    """Two entries of one row that point nowhere, and one that points at it from nowhere, have three identities."""
    (tmp_path / "crosswalk.csv").write_text("legacy.id,cloud.id\n1,8\n1,9\n7,1\n")
    rows = "id,total,currency,memo\n1,1.00,GBP,a\n"
    done = small(tmp_path, rows, rows, "--crosswalk", tmp_path / "crosswalk.csv")
    assert done.exit_code == 1, done.exception
    found = breaks_of(tmp_path / "out")
    assert [one["class"] for one in found] == ["crosswalk"] * 3
    assert len({one["identity"] for one in found}) == 3


def test_money_that_moved_to_another_entity_is_no_agreement(tmp_path: Path) -> None:
    """Entity totals differ though no compared column does: the answer is no, and says which column to compare."""
    head = "id,total,currency,memo,entity\n"
    policy = "key: [id]\ncolumns: {total: {type: money}}\ncontrol_totals: [[entity, currency]]\n"
    sides = head + "1,5.00,GBP,a,UK01\n", head + "1,5.00,GBP,a,DE01\n"
    done = small(tmp_path, *sides, policy=policy)
    assert done.exit_code == 1
    summary = summary_of(tmp_path / "out")
    assert summary["verdict"] == "differ"
    assert summary["totals_tie"]
    assert "put entity under columns" in summary["says"]
    compared = policy.replace("money}}", "money}, entity: {type: dimension}}")
    assert small(tmp_path, *sides, policy=compared).exit_code == 1
    (one,) = breaks_of(tmp_path / "out")
    assert (one["class"], one["column"]) == ("dimension", "entity")
    assert "put entity" not in summary_of(tmp_path / "out")["says"]
