"""`read_extract` and `read_crosswalk`: a file to a `Source`, in the steps that each kind of file needs.

look into it (container) → tell header and dialect → name its columns → read every row once → find its numbers
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from router.dualrun.extracts import delimited, json_lines, parquet
from router.dualrun.extracts.container import Opened, opened
from router.dualrun.extracts.headings import columns_of, wanted
from router.dualrun.extracts.number_formats import Evidence, found
from router.dualrun.extracts.numbers import same_mark
from router.dualrun.extracts.refusals import refused, shown
from router.dualrun.policy import FileFormat, NumberFormat, Policy, Side
from router.dualrun.workbench import Source, Workbench, literal, quoted

SAMPLE_ROWS = 8192
"""Rows whose numbers are looked at closely before the rest is only searched for other forms."""
SHAPE_MOST = 64
"""Characters of a cell that may be a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """A file as it was read: the source, how many rows, and what was found out about it."""

    source: Source
    rows: int
    kind: str
    encoding: str
    delimiter: str = ""
    typed: frozenset[str] = frozenset()
    """Columns whose numbers are numbers in the file, not text."""
    headings: tuple[str, ...] = ()
    """As they stand in the file, in the order of the source's columns."""


def read_extract(bench: Workbench, side: Side, path: Path, policy: Policy) -> Source:
    """The rows of an extract as text, every one checked; raises BadConfig naming file, row and mend.

    The file must stay where it is, and as it is, until the source has been read.
    """
    return inspected(bench, side, path, policy.files.get(side, FileFormat()), policy).source


def read_crosswalk(bench: Workbench, path: Path, policy: Policy) -> Source:
    """The rows of a crosswalk: `legacy.<key column>` and `cloud.<key column>` for every column of the key.

    Raises BadConfig as `read_extract` does. Further columns may stand in it.
    """
    names = tuple(f"{side}.{column}" for side in ("legacy", "cloud") for column in policy.key)
    shape = Policy.model_validate(
        {"key": names, "columns": {name: {"type": "text"} for name in names}, "headers": policy.headers}
    )
    read = inspected(bench, "legacy", path, FileFormat(), shape, folder="crosswalk")
    return read.source


def inspected(
    bench: Workbench, side: Side, path: Path, stated: FileFormat, policy: Policy | None, *, folder: str = ""
) -> Extract:
    """Read a file and say what it is; without a policy all of its columns as they are, numbers untold."""
    if stated.numbers and same_mark(stated.numbers):
        raise refused(
            str(path),
            f"files.{side}.numbers: decimal and grouping are both {stated.numbers.decimal!r}",
            mend="mend it",
        )
    room = bench.folder / (folder or side)
    room.mkdir(exist_ok=True)
    file = opened(path, side, stated.encoding, room)
    source = Source(side=side, name=str(path), relation="", columns=(), fingerprint=file.fingerprint)
    if file.kind == "parquet":
        read = _parquet(bench, parquet.told(bench, file, stated.nulls), source, stated, policy)
    elif file.kind == "json":
        read = _json(json_lines.told(file, stated, room), source, policy)
    else:
        read = _delimited(bench, file, room, source, stated, policy)
    if policy is None:
        return read
    if stated.numbers:
        return replace(read, source=replace(read.source, numbers=stated.numbers))
    numbers = _numbers(bench, read, policy)
    if numbers.decimal == "," and read.typed:
        # Text says comma, so numbers that are numbers in the file are written that way too.
        return inspected(
            bench, side, path, stated.model_copy(update={"numbers": numbers}), policy, folder=folder
        )
    return replace(read, source=replace(read.source, numbers=numbers))


def _delimited(
    bench: Workbench, file: Opened, room: Path, source: Source, stated: FileFormat, policy: Policy | None
) -> Extract:
    counted_on = None if policy is None else [*wanted(policy), *policy.rename.get(file.side, {})]
    told = delimited.told(file, stated, counted_on, room)
    columns = columns_of(file.name, file.side, told.headings, policy, row=told.header_row)
    told, rows = delimited.checked(bench, told, columns, room)
    return Extract(
        source=replace(
            source, relation=told.relation(columns), columns=columns, first_row=told.header_row + 1
        ),
        rows=rows,
        kind="delimited",
        encoding=file.encoding,
        delimiter=told.dialect.delimiter,
        headings=told.headings,
    )


def _json(told: json_lines.JsonFile, source: Source, policy: Policy | None) -> Extract:
    columns = columns_of(told.file.name, source.side, told.headings, policy, row=1)
    used = wanted(policy) if policy else ()
    for heading, column in zip(told.headings, columns, strict=True):
        if heading in told.lists and column in used:
            raise refused(
                told.file.name,
                f"{shown(heading)!r} is a list",
                row=told.lists[heading],
                mend="export one row for each of its entries",
            )
    typed = (column for heading, column in zip(told.headings, columns, strict=True) if heading in told.typed)
    return Extract(
        source=replace(source, relation=told.relation(columns), columns=columns),
        rows=told.rows,
        kind="json",
        encoding=told.file.encoding,
        typed=frozenset(typed),
        headings=told.headings,
    )


def _parquet(
    bench: Workbench, told: parquet.ParquetFile, source: Source, stated: FileFormat, policy: Policy | None
) -> Extract:
    columns = columns_of(told.file.name, source.side, told.headings, policy, row=1)
    rows = parquet.checked(bench, told, columns, policy)
    fields = list(zip(columns, told.fields, strict=True))
    decimal = stated.numbers.decimal if stated.numbers else "."
    return Extract(
        source=replace(
            source,
            relation=told.relation(columns, policy, decimal),
            columns=columns,
            floating=tuple(column for column, field in fields if field.floating),
        ),
        rows=rows,
        kind="parquet",
        encoding="",
        typed=frozenset(column for column, field in fields if field.typed_number),
        headings=told.headings,
    )


def _numbers(bench: Workbench, read: Extract, policy: Policy) -> NumberFormat:
    """The format of the numeric columns, from every cell that could change it."""
    relation = read.source.relation
    columns = [
        quoted(name) for name, column in policy.columns.items() if column.numeric and name not in read.typed
    ]
    if not columns or not read.rows:
        return NumberFormat()
    evidence = Evidence()
    cells = f"SELECT unnest([{', '.join(columns)}]) AS cell FROM"
    _gather(bench, evidence, f"{cells} (SELECT * FROM {relation} LIMIT {SAMPLE_ROWS})")  # noqa: S608 - quoted
    if read.rows > SAMPLE_ROWS and evidence.open:
        # Only a mark between digits that is not the decimal mark, or any mark while none is proven, says more.
        known = next(iter(evidence.decimals), "")
        mark = literal(f"[0-9][^0-9{known}][0-9]" if known else "[^0-9][0-9]")
        more = " OR ".join(f"regexp_matches({column}, {mark})" for column in columns)
        _gather(bench, evidence, f"{cells} (SELECT * FROM {relation} WHERE {more})")  # noqa: S608 - quoted
    told = found(evidence, read.source.side)
    if isinstance(told, NumberFormat):
        return told
    same = " OR ".join(f"{column} = {literal(told.cell)}" for column in columns)
    place = bench.rows(
        f"SELECT min(row) FROM (SELECT row_number() OVER () AS row, * FROM {relation}) WHERE {same}"  # noqa: S608 - quoted
    )[0][0]
    raise refused(
        read.source.name,
        told.message,
        row=None if place is None else place + read.source.first_row - 1,
        mend=told.mend,
    )


def _gather(bench: Workbench, evidence: Evidence, cells: str) -> None:
    """Look at one cell of each shape: digits are alike, but a zero in front is none of them."""
    shapes = bench.rows(
        f"SELECT min(cell) FROM ({cells}) WHERE length(cell) < {SHAPE_MOST} "  # noqa: S608 - quoted
        "GROUP BY translate(cell, '123456789', '999999999') ORDER BY 1"
    )
    for (cell,) in shapes:
        evidence.add(cell)
