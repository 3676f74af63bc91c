"""report.xlsx read back: amounts as numbers, texts as texts, every break on the sheet of its cause."""

from __future__ import annotations

import re
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cutover.diff.workbook import AS_TEXT, CUT, write_workbook
from tests.unit import diff_samples as samples

BREAKS = samples.breaks()


def written(folder: Path, found: Any = None, **given: Any) -> Any:
    """The workbook of some breaks, as openpyxl reads it."""
    found = BREAKS if found is None else found
    path = folder / "report.xlsx"
    assert write_workbook(path, samples.a_summary(found), samples.lines_of(found), **given) == len(found)
    return openpyxl.load_workbook(path)


def rows_of(sheet: Any) -> list[dict[str, Any]]:
    """The rows of a sheet by their headings."""
    head, *rows = sheet.iter_rows()
    return [dict(zip([cell.value for cell in head], row, strict=True)) for row in rows]


def test_every_break_stands_on_the_sheet_of_its_cause(tmp_path: Path) -> None:
    """A sheet for each cause, each with a frozen header and a filter, and all breaks on them once."""
    book = written(tmp_path)
    causes = sorted({one.cause for one in BREAKS})
    assert book.sheetnames[:4] == ["Summary", "Totals", "Clusters", "Hidden"]
    assert sorted(book.sheetnames[4:]) == causes
    found = []
    for cause in causes:
        sheet = book[cause]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == f"A1:{sheet.cell(1, sheet.max_column).column_letter}{sheet.max_row}"
        found += [row["Identity"].value for row in rows_of(sheet)]
    assert sorted(found) == sorted(one.identity for one in BREAKS)


def test_amounts_are_numbers_in_the_format_of_their_currency(tmp_path: Path) -> None:
    """GBP has two decimals, JPY none and BHD three; the file holds the very digits."""
    book = written(tmp_path)
    amounts = {
        row["Currency"].value: (row["Cloud"], row["Cloud − legacy"])
        for cause in ("rounding", "unexplained", "fx")
        for row in rows_of(book[cause])[:1]
    }
    formats = {currency: cells[0].number_format for currency, cells in amounts.items()}
    assert formats == {"GBP": "#,##0.00", "JPY": "#,##0", "BHD": "#,##0.000"}
    assert {currency: (str(a.value), str(b.value)) for currency, (a, b) in amounts.items()} == {
        "GBP": ("100.01", "0.01"), "JPY": ("1500", "500"), "BHD": ("1.001", "0.001"),
    }  # fmt: skip
    assert all(cell.data_type == "n" for cells in amounts.values() for cell in cells)
    totals = rows_of(book["Totals"])
    assert [row["Legacy"].number_format for row in totals[:2]] == ["#,##0.00", "#,##0"]
    assert Decimal(str(totals[0]["Legacy"].value)) == Decimal("1234567890.00")


def test_what_excel_cannot_hold_is_text_and_flagged(tmp_path: Path) -> None:
    """An amount of seventeen digits keeps its cent as text; a 15-digit one is still a number."""
    long = next(one for one in BREAKS if one.legacy == "12345678901234567.89")
    fits = samples.a_break(50, legacy="1234567890123.45", cloud="1234567890123.46")
    (row, other) = rows_of(written(tmp_path, [long, fits])["rounding"])
    assert (row["Legacy"].value, row["Legacy"].data_type) == ("12345678901234567.89", "s")
    assert row["Flag"].value == AS_TEXT
    assert (str(other["Legacy"].value), other["Legacy"].data_type, other["Flag"].value) == (
        "1234567890123.45", "n", None,
    )  # fmt: skip
    total = rows_of(written(tmp_path)["Totals"])[2]
    assert total["Legacy"].value == "12345678901234567.890"
    assert total["Flag"].value == AS_TEXT


def test_a_text_is_never_a_formula(tmp_path: Path) -> None:
    """What begins like a formula is written as text, control characters and escapes are made harmless."""
    book = written(tmp_path)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "inlineStr"}
    (row,) = rows_of(book["formatting"])
    assert row["document_id"].value.startswith("=cmd|")
    assert "\x00" not in row["document_id"].value
    assert row["document_id"].value.endswith("_x0041_")
    assert (row["line"].value, row["Cloud"].value) == ("@SUM(1)", "-1+1")
    assert row["document_id"].quotePrefix
    sheets = zipfile.ZipFile(tmp_path / "report.xlsx")
    assert not any(b"<f>" in sheets.read(name) for name in sheets.namelist())


def test_a_huge_text_is_cut_and_flagged(tmp_path: Path) -> None:
    """A text longer than a cell may be is cut; the row says so and where all of it is."""
    (row,) = rows_of(written(tmp_path, [samples.a_break(1, evidence="x" * 40_000)])["rounding"])
    assert len(row["Evidence"].value) == 32_767
    assert row["Flag"].value == CUT


def test_a_full_sheet_goes_on_in_another(tmp_path: Path) -> None:
    """Where a sheet is full its last row names the next one; no break is left out."""
    many = [samples.a_break(number) for number in range(25)]
    book = written(tmp_path, many, sheet_rows=10)
    sheets = book.sheetnames[4:]
    assert sheets == ["rounding", "rounding (2)", "rounding (3)", "rounding (4)"]
    assert [book[name].cell(book[name].max_row, 1).value for name in sheets[:-1]] == [
        f"goes on in sheet {name}" for name in sheets[1:]
    ]
    assert all(book[name].max_row <= 10 and book[name].freeze_panes == "A2" for name in sheets)
    found = [row["Identity"].value for name in sheets for row in rows_of(book[name]) if row["Identity"].value]
    assert found == [one.identity for one in many]


def test_names_of_sheets_are_allowed_and_apart(tmp_path: Path) -> None:
    """Causes nobody foresaw still get a sheet: no forbidden letters, 31 characters, none twice."""
    causes = ["a/b:c?*[x]" + "y" * 40, "a_b_c" + "y" * 60, "A_B_C" + "Y" * 60, "history", "'", "Summary"]
    found = [samples.a_break(at, cause=cause) for at, cause in enumerate(causes)]
    names = written(tmp_path, found).sheetnames
    assert len({name.casefold() for name in names}) == len(names) == 4 + len(causes)
    assert all(len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for name in names)
    assert "history" not in [name.casefold() for name in names]


def test_same_data_same_bytes(tmp_path: Path) -> None:
    """The workbook holds no time: written twice it is the same file."""
    written(tmp_path)
    first = (tmp_path / "report.xlsx").read_bytes()
    written(tmp_path)
    assert (tmp_path / "report.xlsx").read_bytes() == first
    packed = zipfile.ZipFile(tmp_path / "report.xlsx")
    assert {info.date_time[0] for info in packed.infolist()} == {1980}
    # Two writings in one second would hide a date of today.
    assert b"1980-01-01T00:00:00Z" in packed.read("docProps/core.xml")


@pytest.mark.parametrize("found", [[], BREAKS[:1]])
def test_few_breaks_make_a_workbook_too(tmp_path: Path, found: Any) -> None:
    """No break: the sheets in front are there all the same."""
    assert written(tmp_path, found).sheetnames == ["Summary", "Totals", "Clusters", "Hidden"] + [
        "rounding"
    ] * len(found)
