"""The output folder: whole or not at all, whatever ends the run, and nobody else's files touched."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from cutover.diff.staging import LAST, staged
from router.errors import BadInput

FILES = (LAST, "breaks.jsonl")


def write(out: Path, text: str) -> None:
    with staged(out, FILES) as folder:
        for name in FILES:
            (folder / name).write_text(text)
        (folder / "spill").mkdir()
        (folder / "spill" / "rows").write_text("temporary")


def held(out: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in out.iterdir()}


def test_files_appear_at_the_end(tmp_path: Path) -> None:
    """Until the end nothing stands in the folder; then the files do, and nothing temporary."""
    out = tmp_path / "a" / "out"
    with staged(out, FILES) as folder:
        for name in FILES:
            (folder / name).write_text("1")
        assert not out.exists()
    assert held(out) == dict.fromkeys(FILES, "1")
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_earlier_result_is_replaced_and_other_files_stay(tmp_path: Path) -> None:
    """Our files are the new ones, a plan somebody keeps there is as it was."""
    out = tmp_path / "out"
    write(out, "1")
    (out / "plan.yaml").write_text("mine")
    write(out, "2")
    assert held(out) == {**dict.fromkeys(FILES, "2"), "plan.yaml": "mine"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x"), BadInput("x")])
def test_what_ends_early_leaves_the_earlier_result(tmp_path: Path, error: BaseException) -> None:
    """Ctrl-C or an error: what stood there before stands there still, and nothing lies beside it."""
    out = tmp_path / "out"
    write(out, "1")

    def half() -> None:
        with staged(out, FILES) as folder:
            (folder / LAST).write_text("2")
            raise error

    with pytest.raises(type(error)):
        half()
    assert held(out) == dict.fromkeys(FILES, "1")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    """Half a file of a run that was killed never gets into a result."""
    left = tmp_path / ".out.partial"
    (left / "coexist-x").mkdir(parents=True)
    (left / "breaks.jsonl").write_text("half")
    with staged(tmp_path / "out", FILES) as folder:
        assert list(folder.iterdir()) == []
        for name in FILES:
            (folder / name).write_text("1")
    assert held(tmp_path / "out") == dict.fromkeys(FILES, "1")


def test_two_runs_to_one_place_are_refused(tmp_path: Path) -> None:
    """The second is told that another one is writing there; the first is not disturbed."""
    out = tmp_path / "out"
    with staged(out, FILES) as folder:
        (folder / LAST).write_text("1")
        (folder / FILES[1]).write_text("1")
        with pytest.raises(BadInput, match="another comparison"), staged(out, FILES):
            pass
    assert held(out) == dict.fromkeys(FILES, "1")


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    """A lock that somebody held is free when they let go of it."""
    (tmp_path / ".out.partial").mkdir()
    other = os.open(tmp_path / ".out.partial", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(BadInput), staged(tmp_path / "out", FILES):
        pass
    os.close(other)
    write(tmp_path / "out", "1")


def test_a_place_that_can_not_be_is_refused_in_words(tmp_path: Path) -> None:
    """A file, or a folder under a file: one line that names it, with the mend."""
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadInput) as caught, staged(out, FILES):
            pass
        assert str(out) in caught.value.one_line()
        assert "--out" in caught.value.one_line()
