"""The ledger of a load run: what is written is read again, whatever was torn, doubled or foreign is told."""

import random
from pathlib import Path
from time import process_time

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from loadtests.ledger.reading import LINE_MAX, Unreadable, read_ledger, read_whole
from loadtests.ledger.rows import DROPPED, NO_ANSWER, Sent
from loadtests.ledger.writing import Ledger, Twice, key_of, line_of
from loadtests.running.run import SENT

WORDS = st.text(max_size=30)
ROWS = st.builds(
    Sent,
    number=st.integers(0, 10**5),
    intended_us=st.integers(0, 10**12),
    started_us=st.integers(-(10**6), 10**12),
    ended_us=st.integers(0, 10**12),
    status=st.sampled_from([202, 200, 429, 503, NO_ANSWER, DROPPED]),
    transactions=st.lists(WORDS, max_size=4).map(tuple),
    error=WORDS,
    repeat=st.booleans(),
)


def row(number: int, *, repeat: bool = False) -> Sent:
    """A plain row."""
    at = number * 1000
    return Sent(number, at, at + 40, at + 9_040, 202, (f"T{number}",), "", repeat)


def written(folder: Path, rows: list[Sent]) -> Path:
    """A ledger of rows."""
    with Ledger(folder / SENT) as ledger:
        ledger.append([line_of(one) for one in rows])
    return folder


@hypothesis_settings(deadline=None, max_examples=60)
@given(rows=st.lists(ROWS, max_size=30, unique_by=lambda one: (one.number, one.repeat)))
def test_what_is_written_is_read(rows: list[Sent], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every row comes back as it was, by number, a repeat after its first."""
    folder = written(tmp_path_factory.mktemp("run"), rows)
    assert read_ledger(folder) == sorted(rows, key=lambda one: (one.number, one.repeat))


@hypothesis_settings(deadline=None)
@given(one=ROWS)
def test_the_key_is_read_from_a_lines_ends(one: Sent) -> None:
    """A line's key is its number and whether it repeats, whatever texts stand between."""
    assert key_of(line_of(one)) == one.number * 2 + one.repeat


def test_a_torn_last_line_is_left_out_with_a_note(tmp_path: Path) -> None:
    """A writer that was killed in a line loses that line only."""
    folder = written(tmp_path, [row(number) for number in range(5)])
    whole = (folder / SENT).read_bytes()
    (folder / SENT).write_bytes(whole[:-9])
    read = read_whole(folder / SENT)
    assert [one.number for one in read.rows] == [0, 1, 2, 3]
    assert "line 5" in read.notes[0]


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"[1,2]\n",
        b"nonsense\n",
        b'[1,2,3,4,202,"T1","",false]\n',
        b'["x",2,3,4,202,[],"",false]\n',
        b"\n",
    ],
)
def test_a_foreign_line_is_refused_by_its_place(tmp_path: Path, line: bytes) -> None:
    """Anything but a row, not torn but whole, is told with file and line."""
    (tmp_path / SENT).write_bytes(line_of(row(0)) + line + line_of(row(1)))
    with pytest.raises(Unreadable, match=r"sent\.ndjson line 2"):
        read_ledger(tmp_path)


def test_a_line_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Reading is bounded, whatever stands in the file."""
    (tmp_path / SENT).write_bytes(b"[" * (LINE_MAX + 10))
    with pytest.raises(Unreadable, match="longer than"):
        read_ledger(tmp_path)


def test_a_request_stands_in_it_once(tmp_path: Path) -> None:
    """Writer and reader refuse a second row of a request; its repeat is another row."""
    with Ledger(tmp_path / SENT) as ledger:
        ledger.append([line_of(row(1)), line_of(row(1, repeat=True)), line_of(row(2))])
        for twice in ([row(3), row(3)], [row(4), row(2)], [row(1, repeat=True)]):
            with pytest.raises(Twice, match="in the ledger already"):
                ledger.append([line_of(one) for one in twice])
        assert len(ledger) == 3
        assert ledger.has(1, repeat=True)
        assert not ledger.has(2, repeat=True)
        assert not ledger.has(3)
    assert [one.number for one in read_ledger(tmp_path)] == [1, 1, 2]
    with (tmp_path / SENT).open("ab") as file:
        file.write(line_of(row(2)))
    with pytest.raises(Unreadable, match="request 2 stands in it twice"):
        read_ledger(tmp_path)


def test_a_refused_batch_leaves_no_trace(tmp_path: Path) -> None:
    """Of a batch with one bad line nothing is kept, so that it can be sent again without it."""
    with Ledger(tmp_path / SENT) as ledger:
        ledger.append([line_of(row(1))])
        for bad in (
            line_of(row(1)),
            b'[-3,1,1,1,202,[],"",false]\n',
            b'[99999999999,1,1,1,202,[],"",false]\n',
            b"x\n",
        ):
            with pytest.raises(ValueError, match=r"already|no request|no row"):
                ledger.append([line_of(row(5)), bad])
        ledger.append([line_of(row(5))])
    assert [one.number for one in read_ledger(tmp_path)] == [1, 5]


def test_a_flushed_row_is_in_the_file(tmp_path: Path) -> None:
    """What was flushed is there for others before the ledger is closed."""
    with Ledger(tmp_path / SENT) as ledger:
        ledger.append([line_of(row(0))])
        ledger.flush()
        assert len(read_ledger(tmp_path)) == 1


def test_many_rows_take_seconds(tmp_path: Path) -> None:
    """100,000 rows are written and read in 3 s of processor at the very most (0.4 s on a quiet machine)."""
    numbers = list(range(100_000))
    random.Random(3).shuffle(numbers)
    lines = [line_of(row(number)) for number in numbers]
    began = process_time()
    with Ledger(tmp_path / SENT) as ledger:
        for start in range(0, len(lines), 1_000):
            ledger.append(lines[start : start + 1_000])
    assert [one.number for one in read_ledger(tmp_path)] == sorted(numbers)
    assert process_time() - began < 3


def test_a_row_is_a_list_of_eight() -> None:
    """The line's shape, for whoever reads it with another program."""
    told = orjson.loads(line_of(Sent(7, 1_000, 1_050, 9_000, 202, ("T1", ""), "", repeat=True)))
    assert told == [7, 1_000, 1_050, 9_000, 202, ["T1", ""], "", True]
