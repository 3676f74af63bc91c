"""One kind of line end for a file that has several, without touching those inside quoted cells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from router.dualrun.extracts.encodings import chunks


def has_lone_returns(path: Path) -> bool:
    """Whether CR stands without LF in a file that has LF too: the reader would take the next blank for its LF."""
    returns, pairs, feeds, last = 0, 0, False, b""
    for chunk in chunks(path):
        feeds = feeds or b"\n" in chunk
        returns += chunk.count(b"\r")
        pairs += (last + chunk).count(b"\r\n")
        last = chunk[-1:] if chunk.endswith(b"\r") else b""
    return feeds and returns > pairs


def with_one_line_end(path: Path, copy: Path, quote: str) -> Path:
    """Write the file with LF between rows; line ends between quotes stay as they are."""
    mark, quoted, rest = quote.encode(), False, b""
    with copy.open("wb") as file:
        for chunk in chunks(path):
            part = rest + chunk
            # CR LF may be cut in two between chunks.
            rest = part[-1:] if part.endswith(b"\r") else b""
            part = part[: len(part) - len(rest)]
            quoted = _write(file.write, part, mark, quoted=quoted)
        _write(file.write, rest, mark, quoted=quoted)
    return copy


def _write(write: Callable[[bytes], object], part: bytes, mark: bytes, *, quoted: bool) -> bool:
    """Write a part; whether a quoted cell is open behind it."""
    pieces = part.split(mark) if mark else [part]
    for at, piece in enumerate(pieces):
        if at:
            quoted = not quoted
            write(mark)
        write(piece if quoted else piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    return quoted
