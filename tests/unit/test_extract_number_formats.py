"""The format of numbers is proven by the cells of a file, or the policy must say it."""

from pathlib import Path

import pytest

from router.dualrun.extracts import reading
from router.dualrun.extracts.number_formats import Evidence, Untold, found
from router.dualrun.policy import NumberFormat
from tests.unit.extract_samples import COMMA, ENGLISH, GERMAN, POINT, SWISS, read, refusal


def told(*cells: str) -> NumberFormat | Untold:
    evidence = Evidence()
    for cell in cells:
        evidence.add(cell)
    return found(evidence, "legacy")


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["5", "-17", "00012"], POINT),
        (["12.50"], POINT),
        (["12,5-"], COMMA),
        (["0.125", "1.234"], POINT),
        (["0,125", "1,234"], COMMA),
        (["1234.567"], POINT),
        ([".123"], POINT),
        (["1.234,50"], GERMAN),
        (["(1,234.50)"], ENGLISH),
        (["1.234.567"], GERMAN),
        (["1,234,567", "1.234"], ENGLISH),
        (["1.234", "7,50"], GERMAN),
        (["1'234", "5.00"], SWISS),
        (["1’234.00"], SWISS),
        (["1\u00a0234,5", "2 345"], NumberFormat(decimal=",", grouping=" ")),
        (["12 345", "1.234"], NumberFormat(grouping=" ")),
        (["n/a", "12.50", "£1,234.5", "2026-10-01"], POINT),
    ],
)
def test_a_format_is_proven_by_cells(cells: list[str], numbers: NumberFormat) -> None:
    """In any order."""
    assert told(*cells) == told(*reversed(cells)) == numbers


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["1.234"], "may be in thousands or in thousandths"),
        (["1,234", "999"], "may be in thousands or in thousandths"),
        (["1.234", "1,234"], "may be in thousands or in thousandths"),
        (["12.50", "12,50"], "two formats"),
        (["1.234,50", "1,234.50"], "two formats"),
        (["1.234,50", "1'234"], "two formats"),
        (["1.234.567", "12.50"], "two formats"),
    ],
)
def test_what_is_not_proven_is_not_guessed(cells: list[str], said: str) -> None:
    """`1.234` alone may be either, and two formats in one file are none."""
    for order in (cells, cells[::-1]):
        refused = told(*order)
        assert isinstance(refused, Untold)
        assert said in refused.message
        assert refused.mend


def extract(tmp_path: Path, *totals: str) -> Path:
    path = tmp_path / "legacy.csv"
    rows = "".join(f"{at};{total};1.234;x\n" for at, total in enumerate(totals))
    path.write_text(f"id;total;memo;posted\n{rows}", encoding="utf-8")
    return path


def test_an_ambiguous_file_is_refused_with_row_and_mend(tmp_path: Path) -> None:
    """Until the policy says which."""
    path = extract(tmp_path, "5", "1.234")
    line = refusal(path)
    assert line.startswith("FILE:3: row 3: '1.234' may be in thousands")
    assert "write files.legacy.numbers: {decimal: '.', grouping: ','} or" in line
    stated = {"legacy": {"numbers": {"decimal": ",", "grouping": "."}}}
    assert read(path, files=stated)[0].numbers == GERMAN
    assert "both ','" in refusal(path, files={"legacy": {"numbers": {"decimal": ",", "grouping": ","}}})


@pytest.mark.parametrize(("last", "numbers"), [("1.234,50", GERMAN), ("7,00", COMMA), ("8", POINT)])
def test_the_last_row_counts(tmp_path: Path, last: str, numbers: NumberFormat) -> None:
    """All cells are evidence, however late they come."""
    many = [str(at) for at in range(2 * reading.SAMPLE_ROWS)]
    assert read(extract(tmp_path, *many, last))[0].numbers == numbers
    assert read(extract(tmp_path, "0,50", *many, "1.234"))[0].numbers == GERMAN
    assert "two formats" in refusal(extract(tmp_path, "0,50", *many, "0.50"))


def test_numbers_that_are_numbers_in_the_file_are_not_ambiguous(tmp_path: Path) -> None:
    """1.234 in JSON is little more than one, beside text that writes commas too."""
    path = tmp_path / "legacy.jsonl"
    path.write_text('{"id": 1, "total": 1.234, "memo": "", "posted": ""}\n', encoding="utf-8")
    assert read(path)[0].numbers == POINT
