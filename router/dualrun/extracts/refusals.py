"""What is said when an extract can't be read: one line with file, row and mend; DuckDB's own words never leak.

A row is counted as a person counts them in the file: the header is a row, so the first record below it
is row 2. In text that is damaged before rows can be told, it is the line.
"""

from __future__ import annotations

import re

from router.dualrun.policy import Side
from router.errors import BadConfig

CELL_SHOWN = 60
_CELLS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_ROW = re.compile(r"CSV Error on Line: (\d+)")


def refused(name: str, message: str, *, row: int | None = None, mend: str = "") -> BadConfig:
    """The refusal of a file, on one line whatever stood in it."""
    clean = " ".join(message.split())
    return BadConfig(clean if row is None else f"row {row}: {clean}", file=name, line=row, mend=mend)


def shown(text: str) -> str:
    """A cell as a message shows it: bounded, on one line, control characters escaped."""
    cut = text if len(text) <= CELL_SHOWN else text[:CELL_SHOWN] + "…"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in cut
    )


def csv_refused(name: str, side: Side, error: Exception, *, rows_above: int, cut_off: bool) -> BadConfig:
    """The refusal behind an error of DuckDB's CSV reader.

    `rows_above` are lines that were left out above the header; `cut_off`: the last line has no end.
    """
    text = str(error)
    found = _ROW.search(text)
    row = int(found[1]) + rows_above if found else None
    cells = _CELLS.search(text)
    end = "; the file has no line end at its end and may be cut off" if cut_off else ""
    if cells:
        wanted, there = int(cells[1]), int(cells[2])
        mend = "export the file again in full" if there < wanted else "quote cells that hold the delimiter"
        return refused(name, f"{there} cells where the header has {wanted}{end}", row=row, mend=mend)
    if "delimiter option" in text:
        return refused(name, f"files.{side}.delimiter is longer than 4 bytes", mend="shorten it in the file")
    if "unterminated quote" in text:
        return refused(
            name,
            f"a quoted cell is not closed, or text follows its closing quote{end}",
            row=row,
            mend='double quotes inside a quoted cell (""); where the quote is an ordinary character write '
            f'files.{side}.quote: ""',
        )
    if "aximum line size" in text:
        return refused(
            name,
            "a row is longer than 64 MiB",
            row=row,
            mend="look for a quote that is never closed above it",
        )
    if "invalid state" in text:
        return refused(
            name,
            "lines end in more than one way and quotes don't say where cells end",
            mend="write the file with one kind of line end",
        )
    return engine_refused(name, error)


def engine_refused(name: str, error: Exception) -> BadConfig:
    """The refusal behind any other error of the database: out of memory or disk, or damage it alone can see."""
    kind = type(error).__name__
    if kind == "OutOfMemoryException":
        return refused(name, "needs more memory than the comparison may use", mend="allow it more memory")
    if kind in ("IOException", "PermissionException"):
        return refused(
            name,
            "could not be read to its end, or there is no room left to work in",
            mend="check file and disk",
        )
    return refused(name, "is damaged", mend="export the file again")
