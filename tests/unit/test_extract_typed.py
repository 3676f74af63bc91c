"""Parquet and JSON lines give the same text a careful CSV export would: exact, in order, or refused."""

import json
from pathlib import Path

import pytest

from router.dualrun.extracts import read_crosswalk, read_extract
from router.dualrun.policy import Policy
from router.dualrun.workbench import Workbench
from tests.unit.extract_samples import cells, policy, read, refusal

ROWS = """SELECT * FROM (VALUES
  ('007', 1234567890123456789.01::DECIMAL(38,2), 'café', DATE '2026-10-01', TRUE, 5::BIGINT, TIMESTAMP '2026-10-01 00:00:00'),
  ('8', -2.00, NULL, DATE '2026-10-02', FALSE, NULL, TIMESTAMP '2026-10-01 12:30:00.5'),
  ('9', 0.10, '', NULL, NULL, -7, NULL)
) t(id, total, memo, posted, billed, hours, stamped)"""


def parquet(tmp_path: Path, select: str, name: str = "legacy.parquet") -> Path:
    path = tmp_path / name
    with Workbench(threads=1) as bench:
        bench.rows(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    return path


def lines(tmp_path: Path, *rows: str, name: str = "legacy.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_parquet_is_exact_text(tmp_path: Path) -> None:
    """Decimals keep their scale, dates are ISO 8601, a date stored as a time is a date, no value is none."""
    source, rows = read(parquet(tmp_path, ROWS))
    assert rows == [
        ("007", "1234567890123456789.01", "café", "2026-10-01", "true", "5", "2026-10-01"),
        ("8", "-2.00", None, "2026-10-02", "false", None, "2026-10-01T12:30:00.5"),
        ("9", "0.10", None, None, None, "-7", None),
    ]
    assert source.first_row == 1


def test_parquet_is_told_by_content(tmp_path: Path) -> None:
    """Whatever its name; and what is only named so is refused."""
    assert len(read(parquet(tmp_path, ROWS, "legacy.csv"))[1]) == 3
    wrong = tmp_path / "x.parquet"
    wrong.write_text("id,total\n", encoding="utf-8")
    assert "is named as Parquet but is not" in refusal(wrong)


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    """Cut off, or with bytes of another file in the middle."""
    whole = parquet(tmp_path, ROWS).read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes(whole[:-20])
    assert "cut off" in refusal(path)
    path.write_bytes(whole[:4] + b"\xff" * (len(whole) - 12) + whole[-8:])
    assert "is damaged" in refusal(path)


def test_parquet_follows_the_formats_of_the_policy(tmp_path: Path) -> None:
    """A typed date is written as the policy says that side writes dates, a typed number with its mark."""
    given = policy(
        columns={
            "total": {"type": "money", "currency": "GBP"},
            "posted": {"type": "date", "formats": {"legacy": "%d.%m.%Y"}},
        },
        files={"legacy": {"numbers": {"decimal": ","}}},
    )
    assert [row[1:4] for row in read(parquet(tmp_path, ROWS), given)[1]][1] == ("-2,00", None, "02.10.2026")


def test_money_in_floating_point_must_be_exact(tmp_path: Path) -> None:
    """Fifteen digits go through a double unharmed and are taken; anything more is refused with its row."""
    rows = "SELECT 'x' AS id, unnest([0.1, -12345678901.25, 1e-05, 3.0])::DOUBLE AS total, '' memo, '' posted"
    path = parquet(tmp_path, rows.replace("1e-05, ", ""))
    source, found = read(path)
    assert [row[1] for row in found] == ["0.1", "-12345678901.25", "3"]
    assert source.floating == ("total",)
    noisy = rows.replace("1e-05", "0.1::DOUBLE + 0.2::DOUBLE")
    assert "row 3: money column 'total' is stored in floating point and 0.30000000000000004" in refusal(
        parquet(tmp_path, noisy)
    )
    assert "1e-05" in refusal(parquet(tmp_path, rows))
    assert "nan" in refusal(parquet(tmp_path, rows.replace("1e-05", "'nan'::DOUBLE")))
    single = "SELECT 'x' AS id, 123456.78::FLOAT AS total, '' memo, '' posted"
    assert "123456.78" in refusal(parquet(tmp_path, single))


def test_structures_become_columns(tmp_path: Path) -> None:
    """In Parquet and in JSON alike: `parent.field`."""
    given = Policy.model_validate(
        {"key": ["head.id"], "columns": {"head.sum.net": {"type": "money", "currency": "GBP"}}}
    )
    path = parquet(tmp_path, "SELECT {'id': 'a', 'sum': {'net': 1.50::DECIMAL(9,2)}} AS head, [1, 2] AS list")
    assert read(path, given)[1] == [("a", "1.50", "[1,2]")]
    path = lines(tmp_path, '{"head": {"id": "a", "sum": {"net": 1.50}}, "list": ["1", "2"]}')
    assert read(path, given)[1] == [("a", "1.50", '["1", "2"]')]


def test_json_numbers_stay_as_they_were_written(tmp_path: Path) -> None:
    """No float on the way: not for a trailing zero, not for thirty digits."""
    path = lines(
        tmp_path,
        '{"id": 7, "total": 0.10, "memo": "caf\\u00e9", "posted": null}',
        "",
        '{"id": "007", "total": 123456789012345678901234567890.01, "memo": "", "posted": "2026-10-01", "more": true}',
    )
    source, rows = read(path)
    assert rows == [
        ("7", "0.10", "café", None, None),
        ("007", "123456789012345678901234567890.01", None, "2026-10-01", "true"),
    ]
    assert source.columns[4:] == ("more",)


def test_a_json_array_is_read_too(tmp_path: Path) -> None:
    """As one document, over several lines."""
    path = lines(tmp_path, "[", '{"id": 1, "total": 2, "memo": "a\\nb", "posted": "x"},', '{"id": 2}]')
    assert read(path)[1] == [("1", "2", "a\nb", "x"), ("2", None, None, None)]


def test_text_that_looks_like_no_value_stays_text(tmp_path: Path) -> None:
    r"""`\N` in a text is that text, and quotes and line ends are harmless."""
    path = lines(tmp_path, json.dumps({"id": "\\N", "total": "1", "memo": '"\r\n,', "posted": None}))
    assert read(path)[1] == [("\\N", "1", '"\r\n,', None)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (['{"id": 1, "id": 2}'], "row 1: a name stands twice in one object"),
        (['{"id": 1}', '{"id": 2'], "row 2: is not JSON"),
        (['{"id": 1}', "[1]"], "row 2: is no object"),
        (['{"id": NaN}'], "row 1: holds NaN"),
        (['{"a.b": 1, "a": {"b": 2}}'], "row 1: 'a.b' stands twice"),
        (['{"id": ' + '{"x":' * 12 + "1" + "}" * 13], "row 1: objects are nested deeper"),
        (['{"id": "1", "total": "1", "memo": [1], "posted": ""}'], "row 1: 'memo' is a list"),
        (['{"id": "\\ud83d\\ude00"}', '{"id": "\\ud83d"}'], "row 2: holds half of a surrogate pair"),
        (['{"\\udead": "1"}'], "row 1: holds half of a surrogate pair"),
        (["{}"], "holds no object with a field"),
        (["id,total"], "is named as JSON but does not begin with an object"),
    ],
)
def test_json_that_is_no_table_is_refused(tmp_path: Path, rows: list[str], said: str) -> None:
    """One line with the row and what to do."""
    assert said in refusal(lines(tmp_path, *rows))


def test_one_table_in_every_format_is_one_relation(tmp_path: Path) -> None:
    """Equal but for file format, order of columns and case of headings: the same cells come out."""
    body = [("007", "-1234.50", "a;b", "2026-10-01"), ("8", "0.10", None, "2026-10-02")]
    names = ("id", "total", "memo", "posted")
    csv_ = tmp_path / "a.csv"
    csv_.write_text(
        'ID;Memo;TOTAL;Posted\n007;"a;b";1.234,50-;2026-10-01\n8;;0,10;2026-10-02\n', encoding="utf-16"
    )
    jsonl = lines(
        tmp_path, *(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in body)
    )
    values = "('007', -1234.50::DECIMAL(9,2), 'a;b', DATE '2026-10-01'), ('8', 0.10, NULL, DATE '2026-10-02')"
    packed = parquet(tmp_path, f"SELECT * FROM (VALUES {values}) t(Id, Total, Memo, Posted)")
    given = policy(headers="casefold")
    found = []
    for path in (csv_, jsonl, packed):
        with Workbench(threads=2) as bench:
            source = read_extract(bench, "legacy", path, given)
            found.append(cells(source, bench, *names))
            assert source.fingerprint
    assert found[0] == [("007", "1.234,50-", "a;b", "2026-10-01"), ("8", "0,10", None, "2026-10-02")]
    assert found[1] == found[2] == body


def test_a_crosswalk_is_read_beside_both_sides(tmp_path: Path) -> None:
    """Its columns are named by side and key column, and nothing of the sides is overwritten."""
    path = tmp_path / "crosswalk.csv"
    path.write_bytes(b"\xef\xbb\xbfcloud.id;legacy.id;note\nA1;007;x\n")
    ours = tmp_path / "a.csv"
    ours.write_bytes("id,total,memo,posted\n007,5,é,\n".encode("utf-16"))
    with Workbench(threads=1) as bench:
        legacy = read_extract(bench, "legacy", ours, policy())
        walk = read_crosswalk(bench, path, policy())
        assert cells(walk, bench, "legacy.id", "cloud.id") == [("007", "A1")]
        assert cells(legacy, bench, "id", "memo") == [("007", "é")]


def test_one_file_may_be_both_sides(tmp_path: Path) -> None:
    """A file against itself: two sources, the same fingerprint."""
    path = tmp_path / "a.csv"
    path.write_bytes("id,total,memo,posted\n007,5,é,\n".encode("utf-16"))
    with Workbench(threads=1) as bench:
        one, two = (read_extract(bench, side, path, policy()) for side in ("legacy", "cloud"))
        assert cells(one, bench) == cells(two, bench) != []
        assert one.fingerprint == two.fingerprint
