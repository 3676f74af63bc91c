"""Delimited text as a relation: DuckDB reads it, after it has been told everything and has nothing to repair.

Context: the reader is the fastest there is, but two of its kindnesses lose data without a word: cells
beyond the header that mean no value are dropped (a row whose memo holds an unquoted comma then shifts),
and a quote in a skipped line swallows the file. Decision: no sniffing, strict mode, lines above the
header cut off beforehand, and one pass over the rows, with no word for no value, before anything relies
on them. Price: that pass, a fifth of reading the file. Blanks around a quoted cell are no part of it.
"""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from router.dualrun.extracts.container import Opened
from router.dualrun.extracts.dialect import Dialect, records, tell
from router.dualrun.extracts.headings import fold
from router.dualrun.extracts.line_ends import has_lone_returns, with_one_line_end
from router.dualrun.extracts.refusals import csv_refused, refused
from router.dualrun.policy import FileFormat
from router.dualrun.workbench import Workbench, literal, quoted

HEAD = 1 << 18
"""Bytes in which header and dialect must show."""
HEAD_MOST = 1 << 24
"""The same for a header that is longer than that."""
ROW_MOST = 1 << 26
"""Bytes of the longest row; two mebibytes are tried first, since the reader's buffers grow with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimited:
    """A file whose dialect is known."""

    file: Opened
    path: Path
    dialect: Dialect
    headings: tuple[str, ...]
    idle_last: bool
    """The last heading is not in the file: each row ends in a delimiter, and nothing stands behind it."""
    header_row: int
    """Where the header stands: 1, or below the lines that were skipped."""
    nulls: Sequence[str]
    row_most: int = 0

    def relation(self, columns: Sequence[str], *, nulls: Sequence[str] | None = None) -> str:
        """SQL after FROM: the rows as VARCHAR `columns`, in the order of the file."""
        names = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
        words = self.nulls if nulls is None else nulls
        # The reader wants at least one word, and this one is in no text: NUL was refused before.
        none = ", ".join(literal(word) for word in words) or "chr(0)"
        quote = literal(self.dialect.quote)
        longest = f", max_line_size = {self.row_most}" if self.row_most else ""
        return (
            f"read_csv({literal(str(self.path))}, columns = {{{names}}}, header = true, auto_detect = false, "
            f"delim = {literal(self.dialect.delimiter)}, quote = {quote}, escape = {quote}, nullstr = [{none}], "
            "allow_quoted_nulls = true, strict_mode = true, null_padding = false, ignore_errors = false, "
            f"compression = 'none'{longest})"
        )


def told(file: Opened, stated: FileFormat, wanted: Sequence[str] | None, folder: Path) -> Delimited:
    """Find header and dialect; raises BadConfig when they can't be told for sure.

    `wanted` are headings the policy counts on, as it writes them; None: nothing is known of the file.
    """
    path = _below(file, stated.skip_rows, folder)
    with path.open("rb") as opened_file:
        raw = opened_file.read(HEAD)
        mark = len(codecs.BOM_UTF8) if raw.startswith(codecs.BOM_UTF8) else 0
        dialect = _dialect(file, _text(raw[mark:]), stated, wanted, whole=len(raw) < HEAD)
        if not dialect.header.closed and len(raw) == HEAD:
            raw += opened_file.read(HEAD_MOST)
            dialect = _dialect(file, _text(raw[mark:]), stated, wanted, whole=False)
    header = dialect.header
    row = stated.skip_rows + 1
    if len(header.cells) == 1 and not header.cells[0].strip():
        raise refused(
            file.name,
            "the header is blank",
            row=row,
            mend=f"write files.{file.side}.skip_rows: the number of lines above the header",
        )
    # Some systems end each row in a delimiter, the header excepted: a column without a name, empty throughout.
    first = records(_text(raw[mark:]), dialect.delimiter, dialect.quote, most=2)[1:]
    idle = bool(first) and len(first[0].cells) == len(header.cells) + 1 and not first[0].cells[-1]
    if any(end in cell for cell in header.cells for end in "\r\n"):
        # The reader takes the first line end it sees, also one inside a heading, for the one between rows.
        text = _text(raw[mark:])[: header.end]
        end = next((end for end in ("\r\n", "\n", "\r") if text.endswith(end)), "\n")
        plain = dialect.delimiter.join(f"c{at}" for at in range(len(header.cells))) + end
        path = _with_header(path, mark + len(text.encode()), plain, folder / f"{file.side}-headed")
    return Delimited(
        file=file,
        path=path,
        dialect=dialect,
        headings=(*header.cells, "") if idle else header.cells,
        idle_last=idle,
        header_row=row,
        nulls=stated.nulls,
    )


def checked(
    bench: Workbench, found: Delimited, columns: Sequence[str], folder: Path
) -> tuple[Delimited, int]:
    """Read every row once; the file that is safe to read, and its rows. Raises BadConfig naming the row."""
    import duckdb  # noqa: PLC0415 - see Workbench

    if not _mended(found) and has_lone_returns(found.path):
        found = _with_one_line_end(found, folder)
    try:
        rows = _count(bench, found, columns)
    except duckdb.Error as error:
        text = str(error)
        if "aximum line size" in text and not found.row_most:
            return checked(bench, replace(found, row_most=ROW_MOST), columns, folder)
        if "invalid state" in text and not _mended(found):
            return checked(bench, _with_one_line_end(found, folder), columns, folder)
        raise csv_refused(
            found.file.name,
            found.file.side,
            error,
            rows_above=found.header_row - 1,
            cut_off=not _ends_with_line_end(found.path),
        ) from error
    if found.idle_last and rows:
        # Now that every row has the cell, it must be empty in every one.
        last = quoted(columns[-1])
        filled = bench.rows(f"SELECT count({last}) FROM {found.relation(columns, nulls=('',))}")[0][0]  # noqa: S608 - quoted
        if filled:
            raise refused(
                found.file.name,
                f"rows have {len(columns)} cells, the header {len(columns) - 1}",
                row=found.header_row,
                mend="name every column",
            )
    return found, rows


_MENDED = "-line-ends"


def _mended(found: Delimited) -> bool:
    return found.path.name.endswith(_MENDED)


def _with_one_line_end(found: Delimited, folder: Path) -> Delimited:
    copy = folder / f"{found.file.side}{_MENDED}"
    return replace(found, path=with_one_line_end(found.path, copy, found.dialect.quote))


def _count(bench: Workbench, found: Delimited, columns: Sequence[str]) -> int:
    # Without words for no value, since the reader takes such cells beyond the header as if they were not there.
    return int(bench.rows(f"SELECT count(*) FROM {found.relation(columns, nulls=())}")[0][0])  # noqa: S608 - quoted


def _dialect(
    file: Opened, text: str, stated: FileFormat, wanted: Sequence[str] | None, *, whole: bool
) -> Dialect:
    quote = '"' if stated.quote is None else stated.quote
    if stated.delimiter:
        rows = records(text, stated.delimiter, quote, most=1)
        if not rows:
            raise _no_header(file)
        return Dialect(stated.delimiter, quote, rows[0])
    counted_on = {fold(name) for name in wanted or ()}
    dialects = tell(text, quote, lambda cells: len(counted_on & {fold(cell) for cell in cells}), whole=whole)
    if not dialects:
        raise _no_header(file)
    if len(dialects) > 1:
        marks = " or ".join(repr(found.delimiter) for found in dialects)
        raise refused(
            file.name,
            f"the delimiter may be {marks}",
            row=stated.skip_rows + 1,
            mend=f"write files.{file.side}.delimiter",
        )
    return dialects[0]


def _no_header(file: Opened) -> Exception:
    return refused(file.name, "has no header", row=1, mend=f"check files.{file.side}.quote and skip_rows")


def _text(raw: bytes) -> str:
    """The head as text; a letter that was cut in two at its end is left out."""
    return codecs.getincrementaldecoder("utf-8")("strict").decode(raw)


def _below(file: Opened, skip_rows: int, folder: Path) -> Path:
    """The file without its first lines, as a copy: the reader would look for quotes in them."""
    if not skip_rows:
        return file.path
    copy = folder / f"{file.side}-below"
    with file.path.open("rb") as whole, copy.open("wb") as below:
        for done in range(skip_rows):
            if not whole.readline():
                raise refused(
                    file.name, f"has {done} lines, and files.{file.side}.skip_rows skips {skip_rows}"
                )
        shutil.copyfileobj(whole, below)
    if not copy.stat().st_size:
        raise refused(
            file.name, "nothing is left below the skipped lines", mend=f"see files.{file.side}.skip_rows"
        )
    return copy


def _with_header(path: Path, body: int, header: str, copy: Path) -> Path:
    with path.open("rb") as whole, copy.open("wb") as headed:
        whole.seek(body)
        headed.write(header.encode())
        shutil.copyfileobj(whole, headed)
    return copy


def _ends_with_line_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        return file.read(1) in (b"\n", b"\r")
