"""Writes the sheets of the export as Parquet, through DuckDB."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from cutover.export import rows
from cutover.export.columns import SHEETS, Sheet
from cutover.export.snapshot import Snapshot, snapshot_of
from router.clock import WallClock
from router.errors import BadInput
from router.events_out.feed import START, EventFeed
from router.exceptions.decisions import Filter
from router.exceptions.service import Desk
from router.exceptions.views import row_of
from router.journal.journal import Journal
from router.landscape import Landscape

Progress = Callable[[str, int, int], None]
Row = Mapping[str, Any]
MEMORY = "512MB"
"""What DuckDB may hold; the rest goes to disk beside the files."""
PAGE = 1_000
_STATE = "CASE WHEN t.job_id IS NULL THEN t.state ELSE j.state END"
_TRANSACTIONS = (
    "SELECT t.seq, t.correlation_id, t.kind, t.document_id, t.verb, t.source, t.client, t.authority,"
    " t.legal_entity, t.accounting_date, t.accepted_at, t.currency, t.amount_minor, t.canonical,"
    f" t.problem_code, t.problem, {_STATE} AS state,"
    " CASE WHEN j.state = 'posted' THEN j.settled_at END AS posted_at"
)
_FROM = (
    " FROM transactions AS t LEFT JOIN jobs AS j ON j.job_id = t.job_id WHERE t.accepted_at >= :since"
    " ORDER BY t.seq"
)
_JOBS = " FROM jobs WHERE waiting_since >= :since OR settled_at >= :since ORDER BY job_id"
_ATTEMPTS = " FROM attempts WHERE claimed_at >= :since ORDER BY job_id, token"
QUERIES: Mapping[str, tuple[str, str, Callable[[Row], Row]]] = {
    "transactions": (_TRANSACTIONS, _FROM, rows.transaction),
    "decisions": ("SELECT *", " FROM decisions WHERE at >= :since ORDER BY seq, n", rows.decision),
    "deliveries": ("SELECT *", _JOBS, rows.delivery),
    "attempts": ("SELECT *", _ATTEMPTS, rows.attempt),
    "breaks": ("SELECT *", " FROM breaks WHERE at >= :since ORDER BY break_id", rows.difference),
}
"""Columns, source and shape of each sheet that is read with SQL."""


def export(
    database: str, out: Path, *, landscape: Landscape, since: str = "", progress: Progress | None = None
) -> dict[str, Any]:
    """Write all sheets and `schema.json` into a folder; how many rows each has.

    `since`: RFC 3339 text; only what happened at it or later. Exceptions are always those of now.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{out} can't be made: {error.strerror}", mend="give another folder") from error
    counts: dict[str, int] = {}
    with snapshot_of(database) as snapshot:
        whole = 1 + sum(
            snapshot.number("SELECT count(*)" + source.partition(" ORDER BY ")[0], {"since": since})
            for _, source, _ in QUERIES.values()
        )
        meter = _Meter(progress, whole)
        for sheet in SHEETS:
            made = meter.through(_rows(sheet, snapshot, landscape, since), sheet.name)
            counts[sheet.name] = _write(sheet, made, out)
    (out / "schema.json").write_bytes(orjson.dumps(schema(since), option=orjson.OPT_INDENT_2) + b"\n")
    return {"folder": str(out), "since": since or None, "rows": counts}


def schema(since: str = "") -> dict[str, Any]:
    """What `schema.json` says: files, columns, types and meanings."""
    return {
        "money": "`amount_minor` is exact minor units, `amount` the same as an exact decimal; never floating point",
        "times": "UTC",
        "since": since or None,
        "files": {
            f"{sheet.name}.parquet": {
                "meaning": sheet.meaning,
                "columns": [
                    {"name": column.name, "type": column.type, "meaning": column.meaning}
                    for column in sheet.columns
                ],
            }
            for sheet in SHEETS
        },
    }


class _Meter:
    def __init__(self, progress: Progress | None, whole: int) -> None:
        self._progress = progress
        self._whole = whole
        self._done = 0

    def through(self, made: Iterable[Row], phase: str) -> Iterator[Row]:
        for row in made:
            yield row
            self._done += 1
            if self._progress is not None and self._done % PAGE == 0:
                self._progress(phase, min(self._done, self._whole), self._whole)


def _rows(sheet: Sheet, snapshot: Snapshot, landscape: Landscape, since: str) -> Iterator[Row]:
    if sheet.name in QUERIES:
        columns, source, shape = QUERIES[sheet.name]
        return (shape(row) for row in snapshot.rows(columns + source, {"since": since}))
    if sheet.name == "events":
        newest = snapshot.number("SELECT max(history_id) FROM history")
        return (row for row in _events(snapshot.url, newest) if row["at"] >= since)
    return iter(_exceptions(snapshot.url, landscape))


def _events(url: str, newest: int) -> Iterator[Row]:
    """Business events up to the last line of the snapshot, page by page."""
    with asyncio.Runner() as runner:
        journal = Journal.open(url, clock=WallClock())
        try:
            feed, after, more = EventFeed(journal=journal), START, True
            while more:
                page = runner.run(feed.page(after=after, limit=PAGE))
                for made in page.events:
                    if int(made["id"][1:13]) > newest:
                        return
                    yield rows.event(made)
                after, more = page.next, page.more
        finally:
            journal.close()


def _exceptions(url: str, landscape: Landscape) -> list[Row]:
    async def read() -> list[Row]:
        journal = Journal.open(url, clock=WallClock())
        try:
            desk = Desk(journal=journal, landscape=landscape, clock=WallClock())
            return [rows.exception(row_of(one)) for one in await desk.chosen(Filter(state="all"))]
        finally:
            journal.close()

    return asyncio.run(read())


def _write(sheet: Sheet, made: Iterable[Row], out: Path) -> int:
    """Write one Parquet file; how many rows. The file appears whole or not at all."""
    import duckdb  # noqa: PLC0415 a second of start-up that only an export pays

    count = 0
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
        lines, parquet = Path(folder) / "rows.ndjson", Path(folder) / "rows.parquet"
        read, write = (str(path).replace("'", "''") for path in (lines, parquet))
        with lines.open("wb") as file:
            for row in made:
                file.write(orjson.dumps({name: row.get(name) for name in sheet.names}) + b"\n")
                count += 1
        connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": folder, "threads": "2"})
        try:
            given = ", ".join(f"'{column.name}': '{column.type}'" for column in sheet.columns)
            chosen = ", ".join(f'"{name}"' for name in sheet.names)
            connection.execute("SET preserve_insertion_order = true")
            connection.execute(
                f"COPY (SELECT {chosen} FROM read_json('{read}', format = 'newline_delimited',"  # noqa: S608 - our own names
                f" columns = {{{given}}})) TO '{write}' (FORMAT parquet, COMPRESSION zstd)"
            )
        finally:
            connection.close()
        parquet.replace(out / f"{sheet.name}.parquet")
    return count
