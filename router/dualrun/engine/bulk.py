"""Rows from Python into a table, through a file: a database reads one far faster than it takes rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence

from router.dualrun.workbench import Workbench, literal

_LONGEST = 256 * 1024 * 1024


def fill(
    bench: Workbench, table: str, columns: Mapping[str, str], rows: Iterable[Sequence[str | int]]
) -> None:
    """Make a table of these columns (name to SQL type) and rows."""
    path = bench.folder / "bulk.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    kinds = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in columns.items())
    bench.db.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM read_csv({literal(str(path))}, columns = {{{kinds}}}, "
        f"header = false, auto_detect = false, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', "
        f"max_line_size = {_LONGEST})"
    )
    path.unlink()
