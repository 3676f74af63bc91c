"""Delimited text in any dialect and encoding gives the very cells that were written, or a clear refusal."""

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.dualrun.extracts import delimited, encodings
from router.dualrun.policy import Policy
from router.errors import BadConfig
from tests.unit.extract_samples import policy, read, refusal

HEADER = "id,total,memo,posted"
PLAIN = [("007", "1.50", "café", "2026-10-01"), ("8", "-2.00", None, "2026-10-02")]


def file(tmp_path: Path, content: str | bytes, name: str = "legacy.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def written(delimiter: str, end: str = "\n") -> str:
    rows = [HEADER.split(","), *[[cell or "" for cell in row] for row in PLAIN]]
    return "".join(delimiter.join(row) + end for row in rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x01", "||", "|~|", "~|~", "^|^"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    """Common delimiters of one to three characters need not be stated."""
    source, rows = read(file(tmp_path, written(delimiter)))
    assert rows == PLAIN
    assert source.first_row == 2


def test_any_delimiter_may_be_stated(tmp_path: Path) -> None:
    """Up to four characters, whatever they are."""
    path = file(tmp_path, written("<=>|"))
    assert read(path, files={"legacy": {"delimiter": "<=>|"}})[1] == PLAIN


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_are_no_data(tmp_path: Path, end: str, mark: str) -> None:
    """LF, CR LF and CR read the same, with or without a mark before the header."""
    assert read(file(tmp_path, mark + written(",", end)))[1] == PLAIN


@pytest.mark.parametrize(
    "encoding",
    ["utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1", "iso-8859-15", "cp437", "cp850", "utf-8", "utf-32", "mac-roman"],
)  # fmt: skip
def test_a_stated_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    """The same letters come out of every encoding that has them."""
    path = file(tmp_path, written(","), encoding=encoding)
    assert read(path, files={"legacy": {"encoding": encoding}})[1] == PLAIN


def test_japanese_is_read_from_shift_jis(tmp_path: Path) -> None:
    """Two-byte letters whose second byte is an ASCII character (表 ends in 0x5C) stay whole."""
    path = file(tmp_path, f"{HEADER}\n1,5,表示株式会社,2026-10-01\n", encoding="shift_jis")
    assert read(path, files={"legacy": {"encoding": "Shift_JIS"}})[1][0][2] == "表示株式会社"


def test_utf_16_needs_no_statement_when_it_has_its_mark(tmp_path: Path) -> None:
    """Both byte orders."""
    for at, encoding in enumerate(("utf-16-le", "utf-16-be")):
        path = file(tmp_path, ("\ufeff" + written("\t", "\r\n")).encode(encoding), f"{at}.txt")
        assert read(path)[1] == PLAIN


def test_an_odd_byte_is_refused_with_its_row_and_what_it_may_be(tmp_path: Path) -> None:
    """Nothing is guessed: the likely encodings are only named."""
    path = file(tmp_path, written(",").encode("cp1252"))
    line = refusal(path)
    assert line.startswith("FILE:2: row 2: byte 33 is 0xe9, which is not UTF-8")
    assert "files.legacy.encoding (likely: cp1252" in line


def test_a_letter_may_not_be_torn_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its halves stand at the ends of two blocks, with nothing but ASCII between them."""
    monkeypatch.setattr(encodings, "CHUNK", 16)
    content = b"id,total,memo,p\xc3osted,moreabcdefgh\xa9i\n"
    content = content[:16] + content[16:32].ljust(16, b"x") + b"\xa9i\n1,2,3,4\n"
    assert "byte 15 is 0xc3, which is not UTF-8" in refusal(file(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty: not even a header"),
        (b"\n\nid,total,memo,posted\n", "row 1: the header is blank"),
        (b"id,total,memo,posted\n1,2,3\n", "row 2: 3 cells where the header has 4"),
        (b"id,total,memo,posted\n1,2,3,4\n1,2,3,4,5\n", "row 3: 5 cells where the header has 4"),
        (b"id,total,memo,posted\n1,2,3,4\n1,2", "the file has no line end at its end and may be cut off"),
        (b'id,total,memo,posted\n1,2,"3,4\n', "row 2: a quoted cell is not closed"),
        (b'id,total,memo,posted\n1,2,"3"x,4\n', "row 2: a quoted cell is not closed, or text follows"),
        (b"id,total,memo,posted\n1,2,\x003,4\n", "row 2: byte 25 is NUL"),
        (b"id,total,memo,posted\n" + "1,2,3,4\n".encode("utf-16-le"), "NUL"),
        (written(",").encode("utf-16-le"), "write files.legacy.encoding: utf-16-le"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "this is not text"),
        (b"PK\x03\x04....", "a ZIP archive, perhaps an Excel workbook"),
        (b"\xff\xfei\x00d\x00,", "ends in the middle of a character"),
        (b"PAR1....", "is Parquet without its end"),
        (gzip.compress(b"id,total,memo,posted\n1,2,3,4\n", mtime=0)[:-9], "cut off inside its gzip packing"),
        (b"id,total,memo\n1,2,3\n", "row 1: has no column 'posted'"),
        (b"id,total,Memo,posted\n1,2,3,4\n", "write headers: casefold"),
        (b"id,totl,memo,posted\n1,2,3,4\n", "did you mean 'totl'?"),
        (b"id,total,memo,posted,total\n1,2,3,4,5\n", "column 'total' stands more than once (columns 2 and 5)"),
    ],
)  # fmt: skip
def test_a_file_that_can_not_be_read_for_sure_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """One line with file, row and mend, in our words."""
    assert said.replace(" and ", ", ") in refusal(file(tmp_path, content)).replace(" and ", ", ")


def test_a_packed_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    """A packed file may become 200 times as large, or 64 MiB, and not more; what was unpacked is gone."""
    with gzip.open(tmp_path / "bomb.csv.gz", "wb") as packed:
        packed.write(b"id,total,memo,posted\n")
        for _ in range(70):
            packed.write(b"1,2,3,4\n" * (1 << 17))
    assert "unpacks to more than 67,108,864 bytes" in refusal(tmp_path / "bomb.csv.gz")
    fine = file(
        tmp_path, gzip.compress((HEADER + "\n" + "1,2,3,2026-10-01\n" * 300_000).encode()), "fine.csv.gz"
    )
    assert len(read(fine)[1]) == 300_000


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    """By what they are."""
    assert "is a folder" in refusal(tmp_path)
    assert "there is no such file" in refusal(tmp_path / "none.csv")


def test_an_unquoted_delimiter_in_a_text_is_refused_and_not_shifted(tmp_path: Path) -> None:
    """`Smith, John` before an empty last cell has as many filled cells as the header, all wrong from there."""
    rows = "".join(f"{at},1.00,ok,2026-10-01\n" for at in range(5000))
    path = file(tmp_path, f"id,total,memo,posted\n{rows}5000,1.00,Smith, John,\n")
    assert "row 5002: 5 cells where the header has 4" in refusal(path)
    path = file(tmp_path, f'id,total,memo,posted\n{rows}x,1,"a,b",c\n5000,1.00,Smith, John,\n')
    assert "row 5003: 5 cells" in refusal(path)
    path = file(tmp_path, f'id,total,memo,posted\n{rows}x,1,"a,b,c",d\n')
    assert len(read(path)[1]) == 5001


def test_rows_that_all_end_in_a_delimiter_lose_nothing(tmp_path: Path) -> None:
    """As some systems write them: the column beyond the header is empty throughout."""
    path = file(tmp_path, "id,total,memo,posted\n1,2,3,2026-10-01,\n4,5,6,2026-10-02,\n")
    assert read(path)[1] == [("1", "2", "3", "2026-10-01", None), ("4", "5", "6", "2026-10-02", None)]
    path = file(tmp_path, "id,total,memo,posted\n1,2,3,2026-10-01,\n4,5,6,2026-10-02,x\n")
    assert "row 1: rows have 5 cells, the header 4" in refusal(path)


def test_a_header_alone_is_no_rows(tmp_path: Path) -> None:
    """An empty month is an extract like any other."""
    assert read(file(tmp_path, HEADER))[1] == []
    assert read(file(tmp_path, HEADER + "\r\n"))[1] == []


def test_skipped_lines_are_no_data_whatever_they_hold(tmp_path: Path) -> None:
    """An open quote above the header swallows nothing, and rows are counted from the top of the file."""
    above = 'Report "of 1 October\r\n\r\n'
    path = file(tmp_path, above + written(",", "\r\n"))
    source, rows = read(path, files={"legacy": {"skip_rows": 2}})
    assert (rows, source.first_row) == (PLAIN, 4)
    path = file(tmp_path, above + written(",", "\r\n") + "1,2\r\n")
    assert "row 6: 2 cells" in refusal(path, files={"legacy": {"skip_rows": 2}})
    assert "skip_rows skips 900" in refusal(path, files={"legacy": {"skip_rows": 900}})


def test_words_for_no_value_are_the_policys(tmp_path: Path) -> None:
    """In quotes or not; an empty cell is a value only where the policy says so."""
    path = file(tmp_path, f'{HEADER}\n1,5,NULL,"NULL"\n2,5,,""\n3,5,null,-\n')
    assert [row[2:] for row in read(path)[1]] == [("NULL", "NULL"), (None, None), ("null", "-")]
    nulls = {"legacy": {"nulls": ["", "NULL", "-"]}}
    assert [row[2:] for row in read(path, files=nulls)[1]] == [(None, None), (None, None), ("null", None)]
    assert [row[2:] for row in read(path, files={"legacy": {"nulls": []}})[1]][1] == ("", "")


def test_quotes_may_be_other_characters_or_none(tmp_path: Path) -> None:
    """`quote: ""` takes quotes as they stand."""
    path = file(tmp_path, f"{HEADER}\n1,5,'a,''b',2026-10-01\n")
    assert read(path, files={"legacy": {"quote": "'"}})[1][0][2] == "a,'b"
    path = file(tmp_path, f'{HEADER}\n1,5,"3"" pipe,2026-10-01\n')
    assert read(path, files={"legacy": {"quote": ""}})[1][0][2] == '"3"" pipe'


def test_line_ends_of_several_kinds_are_read(tmp_path: Path) -> None:
    """Between rows they all end a row; inside quotes they stay what they are."""
    path = file(tmp_path, f'{HEADER}\r\n1,5,"a\r\nb\rc",2026-10-01\n2,5,x,2026-10-01\r3,5,y,2026-10-01\r\n')
    assert [row[2] for row in read(path)[1]] == ["a\r\nb\rc", "x", "y"]
    path = file(tmp_path, f"{HEADER}\r\n1,5,a,x\r 2,6,b,y\r\n")
    assert read(path)[1] == [("1", "5", "a", "x"), (" 2", "6", "b", "y")]


@pytest.mark.parametrize("inside", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_headings_may_have_line_ends_of_their_own(tmp_path: Path, inside: str, end: str) -> None:
    """A heading over two lines loses no row, whatever ends the lines inside it and behind it."""
    path = file(tmp_path, f'"id{inside}no","total",memo,posted{end}1,5,"a{inside}b",x{end}2,6,y,z{end}')
    given = policy(rename={"legacy": {f"id{inside}no": "id"}})
    assert read(path, given)[1] == [("1", "5", f"a{inside}b", "x"), ("2", "6", "y", "z")]


def test_a_mark_in_the_middle_is_text(tmp_path: Path) -> None:
    """Only before the header is a byte order mark no data."""
    assert read(file(tmp_path, f"{HEADER}\n1,5,\ufeffx,2026-10-01\n"))[1][0][2] == "\ufeffx"


def test_huge_cells_and_many_columns(tmp_path: Path) -> None:
    """A cell of one megabyte and one of five, and five hundred columns."""
    one, five = "x" * 1_000_000, "y,\n" * 1_700_000
    path = file(tmp_path, f'{HEADER}\n1,5,{one},2026-10-01\n2,5,"{five}",2026-10-01\n')
    assert [len(row[2] or "") for row in read(path)[1]] == [1_000_000, 5_100_000]
    more = [f"column_{at}" for at in range(500)]
    path = file(tmp_path, f"{HEADER},{','.join(more)}\n1,5,x,2026-10-01,{','.join(more)}\n")
    assert read(path)[1][0][4:] == tuple(more)


def test_a_name_with_wildcards_is_one_file(tmp_path: Path) -> None:
    """And so is a packed one, by content and not by name."""
    file(tmp_path, written(","), "a1.csv")
    assert len(read(file(tmp_path, written(","), "a[1]*.csv"))[1]) == 2
    assert read(file(tmp_path, gzip.compress(written(",").encode()), "x.csv"))[1] == PLAIN


def test_headings_are_folded_and_renamed(tmp_path: Path) -> None:
    """Case and blanks around do not count where the policy says so; renames are found in any case."""
    path = file(tmp_path, " BELNR ;TOTAL;Memo;Posted\n1;5,00;x;2026-10-01\n")
    more = {"headers": "casefold", "rename": {"legacy": {"Belnr": "id"}}}
    source, rows = read(path, policy(**more))
    assert source.columns == ("id", "total", "memo", "posted")
    assert rows == [("1", "5,00", "x", "2026-10-01")]
    assert "has no column 'belnrr', which rename.legacy names" in refusal(
        path, policy(headers="casefold", rename={"legacy": {"belnrr": "id"}})
    )


def test_unused_headings_may_be_blank_or_twice(tmp_path: Path) -> None:
    """They are named by their place, so nothing is lost and nothing is mistaken for another."""
    source, _ = read(file(tmp_path, f"{HEADER},,x,X,x\n1,5,m,2026-10-01,a,b,c,d\n"))
    assert source.columns[4:] == ("column 5", "x", "X (column 7)", "x (column 8)")


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9), min_size=3, max_size=3),
        max_size=12,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_any_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str, end: str) -> None:  # fmt: skip
    """Whatever stands in quoted cells - delimiters, quotes, line ends, any letter - is read back unchanged."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([HEADER.split(","), *[[str(at), *row] for at, row in enumerate(rows)]])
    path = file(tmp_path_factory.mktemp("any"), out.getvalue())
    stated = {"legacy": {"nulls": [], "delimiter": delimiter, "numbers": {}}}
    assert read(path, files=stated)[1] == [(str(at), *row) for at, row in enumerate(rows)]


def test_a_long_header_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one beyond the bytes that are looked at first."""
    monkeypatch.setattr(delimited, "HEAD", 64)
    more = [f"column_{at}" for at in range(50)]
    path = file(tmp_path, f"{HEADER},{','.join(more)}\n1,5,x,2026-10-01,{','.join(more)}\n")
    assert read(path)[1][0][4:] == tuple(more)


LOOSE = st.lists(
    st.lists(st.sampled_from(["", "a", "1 ", " ", '"', '""', '"a,b"', '"\n"', '"\r\n"', 'a"b', ",", '"x"y', "\r", "\n"]), max_size=3),
    min_size=3,
    max_size=3,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(LOOSE, st.sampled_from(["\n", "\n", "\r\n", "\r"])), max_size=4))
def test_loose_text_is_read_as_the_standard_reader_does_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[list[list[str]], str]]
) -> None:
    """No quote, comma or line end in an odd place loses or moves a cell; blanks around quotes are the one freedom."""
    body = "".join(",".join("".join(cell) for cell in row) + end for row, end in rows)
    path = file(tmp_path_factory.mktemp("loose"), f"id,memo,posted\n{body}")
    given_policy = Policy.model_validate(
        {
            "key": ["id"],
            "columns": {"memo": {"type": "text"}, "posted": {"type": "text"}},
            "files": {"legacy": {"nulls": [], "delimiter": ","}},
        }
    )
    try:
        found = read(path, given_policy)[1]
    except BadConfig:
        return
    expected = [row for row in csv.reader(io.StringIO(body, newline="")) if row]
    if any(len(row) != 3 for row in expected) or any('"' in cell for row in expected for cell in row):
        # Quotes inside a cell: the standard reader takes ` "a"` as it stands, this one as a.
        return
    assert [[(cell or "").strip(" ") for cell in row[:3]] for row in found] == [
        [cell.strip(" ") for cell in row] for row in expected
    ]
