"""JSON lines (or one JSON array) as delimited text, every number as it was written.

Context: every fast reader turns 0.10 into 0.1 and a 20-digit amount into a double. Decision: the
standard library's parser with numbers kept as text, written once to a file the database reads. Price:
some eight seconds for a million rows of sixteen columns, where CSV takes one.

Fields of objects become `parent.field`. A list becomes JSON text, and is refused where the policy uses it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from router.dualrun.extracts.container import Opened
from router.dualrun.extracts.refusals import refused, shown
from router.dualrun.policy import FileFormat
from router.dualrun.workbench import literal

LINE_MOST = 1 << 26
"""Characters of the longest line; an array of rows must fit into memory whole, so it has a limit too."""
ARRAY_MOST = 1 << 28
DEPTH = 8
"""Objects within objects."""
NOTHING = "\\N"
"""How no value is written in the file of our own: without quotes, where every text has them."""


@dataclass(frozen=True, slots=True)
class JsonFile:
    """A file of objects, written again as delimited text."""

    file: Opened
    path: Path
    headings: tuple[str, ...]
    lists: Mapping[str, int]
    """Columns that hold lists, and the row where each does first."""
    typed: frozenset[str]
    """Columns whose every value is a JSON number."""
    rows: int
    short: bool
    """Whether rows at the beginning lack columns that were first met later."""

    def relation(self, columns: tuple[str, ...]) -> str:
        """SQL after FROM: the rows as VARCHAR `columns`, in the order of the file."""
        names = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
        # Padding is right here and only here, in a file of our own; it goes with one thread only.
        short = f"null_padding = {str(self.short).lower()}, parallel = {str(not self.short).lower()}"
        return (
            f"read_csv({literal(str(self.path))}, columns = {{{names}}}, header = false, auto_detect = false, "
            f"delim = ',', quote = '\"', escape = '\"', nullstr = [{literal(NOTHING)}], allow_quoted_nulls = false, "
            f"strict_mode = true, new_line = '\\n', {short}, compression = 'none', max_line_size = {LINE_MOST})"
        )


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def told(file: Opened, stated: FileFormat, folder: Path) -> JsonFile:
    """Read all objects; raises BadConfig naming the row of the first that can't be read."""
    copy = folder / f"{file.side}-rows"
    places: dict[str, int] = {}
    lists: dict[str, int] = {}
    numbers: dict[str, bool] = {}
    decimal = stated.numbers.decimal if stated.numbers else "."
    nulls = frozenset(stated.nulls)
    rows, first = 0, 0
    with copy.open("w", encoding="utf-8", newline="") as out:
        for row, value in _objects(file):
            rows += 1
            cells: dict[str, Any] = {}
            _flatten(value, "", cells, file, row, DEPTH)
            line = [NOTHING] * len(places)
            for heading, cell in cells.items():
                if heading not in places:
                    places[heading] = len(places)
                    line.append(NOTHING)
                if cell is not None:
                    numbers[heading] = isinstance(cell, _Number) and numbers.get(heading, True)
                if isinstance(cell, list):
                    lists.setdefault(heading, row)
                line[places[heading]] = _cell(cell, nulls, decimal)
            out.write(",".join(line) + "\n")
            first = first or len(places)
    if not places:
        raise refused(
            file.name, "holds no object with a field", mend="give at least one row, so that columns are known"
        )
    typed = frozenset(heading for heading, always in numbers.items() if always)
    return JsonFile(file, copy, tuple(places), lists, typed, rows, short=first < len(places))


def _cell(cell: Any, nulls: frozenset[str], decimal: str) -> str:
    if cell is None:
        return NOTHING
    if isinstance(cell, bool):
        text = "true" if cell else "false"
    elif isinstance(cell, _Number):
        text = cell if decimal == "." else cell.replace(".", decimal)
    elif isinstance(cell, list):
        text = json.dumps(cell, ensure_ascii=False)
    else:
        text = str(cell)
        if text in nulls:
            return NOTHING
    return '"' + text.replace('"', '""') + '"'


def _flatten(
    value: Mapping[str, Any], above: str, cells: dict[str, Any], file: Opened, row: int, depth: int
) -> None:
    for key, cell in value.items():
        heading = f"{above}{key}"
        if isinstance(cell, dict):
            if not depth:
                raise refused(
                    file.name, f"objects are nested deeper than {DEPTH}", row=row, mend="write them flat"
                )
            _flatten(cell, f"{heading}.", cells, file, row, depth - 1)
        elif heading in cells:
            raise refused(file.name, f"{shown(heading)!r} stands twice", row=row, mend="write it once")
        else:
            cells[heading] = cell


class _Twice(ValueError):
    """A name stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_Number, parse_int=_Number, parse_constant=_no_number
)


def _objects(file: Opened) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.path.open(encoding="utf-8-sig") as text:
        row, is_array = 0, None
        while line := text.readline(LINE_MOST):
            row += 1
            if len(line) == LINE_MOST and not line.endswith("\n"):
                raise refused(file.name, f"a line is longer than {LINE_MOST} characters", row=row)
            if not line.strip():
                continue
            if is_array is None:
                is_array = line.lstrip().startswith("[")
            if is_array:
                rest = text.read(ARRAY_MOST)
                if len(rest) == ARRAY_MOST:
                    raise refused(
                        file.name, "is a JSON array larger than 256 MiB", mend="write one object a line"
                    )
                whole = _parsed(file, line + rest, row)
                if not isinstance(whole, list):
                    raise refused(
                        file.name, "is no array of objects", row=row, mend="write one object a line"
                    )
                for at, value in enumerate(whole, start=1):
                    yield at, _row(file, value, at)
                return
            yield row, _row(file, _parsed(file, line, row), row)


def _row(file: Opened, value: Any, row: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise refused(
            file.name, "is no object of columns and values", row=row, mend="write one object a line"
        )
    return value


def _parsed(file: Opened, text: str, row: int) -> Any:
    try:
        found = _DECODER.decode(text.strip())
        if "\\ud" in text or "\\uD" in text:
            json.dumps(found, ensure_ascii=False).encode()
    except _Twice as error:
        raise refused(
            file.name, "a name stands twice in one object", row=row, mend="write it once"
        ) from error
    except json.JSONDecodeError as error:
        raise refused(
            file.name,
            f"is not JSON: {error.msg} (column {error.colno})",
            row=row + error.lineno - 1,
            mend="write one object a line; a last line without its end means the file is cut off",
        ) from error
    except UnicodeEncodeError as error:
        raise refused(
            file.name,
            "holds half of a surrogate pair, which is no character",
            row=row,
            mend="export the file again; a cut through an emoji does that",
        ) from error
    except (ValueError, RecursionError) as error:
        raise refused(
            file.name,
            "holds NaN, Infinity or objects too deep to be data",
            row=row,
            mend="write null for no value",
        ) from error
    return found
