"""A folder that appears whole or not at all: work goes on beside it, and is moved in at the end."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from router.errors import BadInput

LAST = "summary.json"
"""Goes out first and comes in last: where it stands, everything beside it belongs to it."""


@contextmanager
def staged(out: Path, files: Sequence[str]) -> Iterator[Path]:
    """A working folder beside `out`; at the end `files` stand in `out`, in any other case nothing does.

    A run that was killed leaves its working folder behind; the next run to the same place clears it. Other
    files in `out` stay. Raises BadInput where the folder can't be made, and while another run writes there.
    """
    out = out.absolute()
    work = out.parent / f".{out.name}.partial"
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file", mend="give a folder with --out")
    lock = _locked(work, out)
    try:
        _clear(work)
        yield work
        _publish(work, out, files)
    except OSError as error:
        raise BadInput(
            f"{error.filename or out} can't be written: {error.strerror or error}",
            mend="give another folder with --out",
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        os.close(lock)


def _locked(work: Path, out: Path) -> int:
    """The lock of a working folder, gone with the process that holds it."""
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock = os.open(work, os.O_RDONLY)
    except OSError as error:
        raise BadInput(
            f"{out} can't be made: {error.strerror}", mend="give another folder with --out"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise BadInput(
            f"another comparison is writing to {out}", mend="wait for it, or give another folder with --out"
        ) from error
    return lock


def _clear(work: Path, keep: Sequence[str] = ()) -> None:
    for left in sorted(work.iterdir()):
        if left.name in keep:
            continue
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def _publish(work: Path, out: Path, files: Sequence[str]) -> None:
    """Move the files in. Where the folder is new that is one step; else the summary is away meanwhile."""
    _clear(work, keep=files)
    if not out.exists():
        work.rename(out)
        return
    (out / LAST).unlink(missing_ok=True)
    for name in sorted(files, key=lambda name: name == LAST):
        if (work / name).exists():
            (work / name).replace(out / name)
        else:
            # What this run was told not to write must not stand there from an earlier one.
            (out / name).unlink(missing_ok=True)
