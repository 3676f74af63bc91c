"""Writing the ledger: rows are appended as lines of JSON, and stand on the disk after each flush.

Rows arrive as lines already (a worker makes them), so that the process that writes a million of them does
little else than look at their numbers: a row that is there already is not written twice.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Self

import orjson

from loadtests.ledger.rows import ROWS_MAX, Sent


class Twice(ValueError):
    """A request was to be written down a second time: two workers had one share, or one told it twice."""


def line_of(row: Sent) -> bytes:
    """A row as its line, with the newline."""
    return orjson.dumps(row.as_line(), option=orjson.OPT_APPEND_NEWLINE)


def key_of(line: bytes) -> int:
    """What a line's row is known by: its number, and whether it is a repeat.

    Read from the line's two ends, which costs a tenth of parsing it. Raises ValueError when it is no line of ours.
    """
    if not line.startswith(b"[") or not line.endswith(b"]\n"):
        raise ValueError(f"no row of a ledger: {line[:80]!r}")
    number = int(line[1 : line.index(b",")])
    if not 0 <= number < ROWS_MAX:
        raise ValueError(f"no request of a run: {number}")
    return number * 2 + line.endswith(b",true]\n")


class Ledger:
    """An open ledger; close it, or use it in a `with`."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")
        self._known = bytearray()
        """A mark by key: a set of as many numbers would take sixty times the memory."""
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._count

    def has(self, number: int, *, repeat: bool = False) -> bool:
        """Whether a request stands in it."""
        key = number * 2 + repeat
        return key < len(self._known) and bool(self._known[key])

    def append(self, lines: Iterable[bytes]) -> int:
        """Add lines (each with its newline), and say how many; raises Twice, ValueError, and then adds none."""
        new = list(lines)
        keys = [key_of(line) for line in new]
        known = self._known
        if (last := max(keys, default=0)) >= len(known):
            known.extend(bytes(last + 1 - len(known)))
        for done, key in enumerate(keys):
            if known[key]:
                for undone in keys[:done]:
                    known[undone] = 0
                raise Twice(f"request {key // 2}{' (repeat)' * (key % 2)} is in the ledger already")
            known[key] = 1
        self._count += len(new)
        self._file.write(b"".join(new))
        return len(new)

    def flush(self) -> None:
        """Hand what was added to the system, so that a crash of this process loses none of it."""
        self._file.flush()

    def close(self) -> None:
        """Onto the disk, and shut."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
