"""Reading the ledger of a run's folder; its writer may have been killed in the middle of a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson

from loadtests.ledger.rows import ROWS_MAX, Sent, from_line
from loadtests.running.run import SENT

LINE_MAX = 4_000_000
"""Bytes of a line: 10,000 ids of a batch's answer take a tenth of it. A longer one is no ledger."""


class Unreadable(ValueError):
    """The ledger is none, or a request stands in it twice."""


@dataclass(frozen=True, slots=True)
class Read:
    """A ledger as it was read."""

    rows: list[Sent]
    """In the order of number, a repeat after its first."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


def read_ledger(folder: Path, name: str = SENT) -> list[Sent]:
    """The rows of a run's ledger by number; raises OSError, and Unreadable (a ValueError) with file and line."""
    return read_whole(folder / name).rows


def read_whole(path: Path) -> Read:
    """A ledger with the notes on what was left out; raises OSError and Unreadable."""
    rows: list[Sent] = []
    notes: list[str] = []
    for at, line in _lines(path):
        if len(rows) >= ROWS_MAX:
            raise Unreadable(f"{path}: more than {ROWS_MAX:,} rows")
        try:
            rows.append(_row(line))
        except (ValueError, TypeError) as error:
            if line.endswith(b"\n"):
                raise Unreadable(f"{path} line {at}: no row of a ledger ({error})") from error
            notes.append(f"line {at} was left out: its writer was stopped in the middle of it")
    rows.sort(key=lambda row: (row.number, row.repeat))
    for before, after in pairwise(rows):
        if before.number == after.number and before.repeat == after.repeat:
            raise Unreadable(
                f"{path}: request {after.number} stands in it twice{' as a repeat' * after.repeat}"
            )
    return Read(rows, tuple(notes))


def _row(line: bytes) -> Sent:
    parsed = orjson.loads(line)
    if not isinstance(parsed, list) or len(parsed) != 8 or not isinstance(parsed[5], list):
        raise ValueError("should be a list of eight with a list of ids in it")
    return from_line(parsed)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        at = 0
        while line := file.readline(LINE_MAX + 1):
            at += 1
            if len(line) > LINE_MAX:
                raise Unreadable(f"{path} line {at}: longer than {LINE_MAX:,} bytes")
            yield at, line
