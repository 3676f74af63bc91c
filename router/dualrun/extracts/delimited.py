"""Delimited text as a relation: DuckDB reads it, after it has been told everything and has nothing to repair.

Context: the reader is the fastest there is, but two of its kindnesses lose data without a word: empty
cells beyond the header are dropped (a row whose memo holds an unquoted comma then shifts), and a quote
in a skipped line swallows the file. Decision: no sniffing, strict mode, one pass over the rows before
anything relies on them, and the delimiters of the file must be those of its rows. Price: that pass, a
fifth of reading the file.
"""

from __future__ import annotations

import codecs
import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from router.dualrun.extracts.container import Opened
from router.dualrun.extracts.dialect import Dialect, records, tell
from router.dualrun.extracts.encodings import chunks
from router.dualrun.extracts.headings import fold
from router.dualrun.extracts.line_ends import with_one_line_end
from router.dualrun.extracts.refusals import csv_refused, refused, shown
from router.dualrun.policy import FileFormat
from router.dualrun.workbench import Workbench, literal

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
    body: int
    """The byte at which the records begin."""
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
    body = mark + len(_text(raw[mark:])[: header.end].encode())
    return Delimited(
        file=file,
        path=path,
        dialect=dialect,
        headings=header.cells,
        body=body,
        header_row=row,
        nulls=stated.nulls,
    )


def checked(
    bench: Workbench, found: Delimited, columns: Sequence[str], folder: Path
) -> tuple[Delimited, int]:
    """Read every row once; the file that is safe to read, and its rows. Raises BadConfig naming the row."""
    import duckdb  # noqa: PLC0415 - see Workbench

    try:
        rows = _count(bench, found, columns)
    except duckdb.Error as error:
        text = str(error)
        if "aximum line size" in text and not found.row_most:
            return checked(bench, replace(found, row_most=ROW_MOST), columns, folder)
        if "invalid state" in text and not found.path.name.endswith("-line-ends"):
            copy = with_one_line_end(found.path, folder / f"{found.file.side}-line-ends", found.dialect.quote)
            return checked(bench, replace(found, path=copy, body=_body(copy, found)), columns, folder)
        raise csv_refused(
            found.file.name,
            found.file.side,
            error,
            rows_above=found.header_row - 1,
            cut_off=not _ends_with_line_end(found.path),
        ) from error
    _no_cell_lost(bench, found, columns, rows)
    return found, rows


def _count(bench: Workbench, found: Delimited, columns: Sequence[str]) -> int:
    return int(bench.rows(f"SELECT count(*) FROM {found.relation(columns)}")[0][0])  # noqa: S608 - quoted


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


def _ends_with_line_end(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 1))
        return file.read(1) in (b"\n", b"\r")


def _body(copy: Path, found: Delimited) -> int:
    with copy.open("rb") as file:
        text = _text(file.read(HEAD_MOST))
    return len(text[: records(text, found.dialect.delimiter, found.dialect.quote, most=1)[0].end].encode())


def _no_cell_lost(bench: Workbench, found: Delimited, columns: Sequence[str], rows: int) -> None:
    """Every delimiter of the file stands between two cells or inside one; otherwise a row has cells too many."""
    mark = found.dialect.delimiter
    between = rows * (len(columns) - 1)
    there = _marks(found.path, mark.encode(), found.body)
    if there == between:
        return
    # chr(0) as the only null word, so that no cell with a delimiter counts as no value.
    cells = " + ".join(
        f"sum(length(c{at}) - length(replace(c{at}, {literal(mark)}, '')))" for at in range(len(columns))
    )
    relation = found.relation([f"c{at}" for at in range(len(columns))], nulls=())
    inside = int(bench.rows(f"SELECT ({cells}) // {len(mark)} FROM {relation}")[0][0] or 0)  # noqa: S608 - quoted
    extra = there - between - inside
    if extra in (0, rows):
        # As many as rows: each row ends in a delimiter that the header does without, and loses nothing.
        return
    raise refused(
        found.file.name,
        f"more cells than the header's {len(columns)}; the surplus is empty, so cells before it may have shifted",
        row=_surplus_row(found, len(columns)),
        mend=f"quote cells that hold {shown(mark)!r}",
    )


def _marks(path: Path, mark: bytes, start: int) -> int:
    """How often a mark stands in a file, from a byte on; never one inside the end of another."""
    count, skip, rest = 0, start, b""
    for chunk in chunks(path):
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        part = rest + chunk[skip:]
        skip = 0
        if len(mark) == 1:
            count += part.count(mark)
            continue
        pieces = part.split(mark)
        count += len(pieces) - 1
        rest = pieces[-1][1 - len(mark) :]
    return count


def _surplus_row(found: Delimited, width: int) -> int | None:
    """The first row with too many cells; None where the standard reader can't tell (long delimiters)."""
    if len(found.dialect.delimiter) > 1:
        return None
    with found.path.open(encoding="utf-8-sig", newline="") as file:
        csv.field_size_limit(ROW_MOST)
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if found.dialect.quote else csv.QUOTE_NONE
        reader = csv.reader(
            file, delimiter=found.dialect.delimiter, quotechar=found.dialect.quote or None, quoting=quoting
        )
        rows = (row for row in reader if row)
        return next(
            (at + found.header_row - 1 for at, row in enumerate(rows, start=1) if len(row) > width), None
        )
