"""A batch of 10,000 lines through the app, against raw SQLite `executemany` of the rows that came of it.

Raw SQLite gets the very rows the journal wrote, in one transaction (the app takes ten), into the same
tables with the same indexes and the same durability: WAL, synchronous=FULL. It reads no JSON, checks
nothing, routes nothing and answers nobody.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from cutover.collecting import collect_rarely
from router.clock import WallClock
from router.journal.journal import Journal
from tests.bench import entries, served
from tests.bench.rounds import Row, ratio_of, spread, tell
from tests.bench.scratch import scratch

LINES = 10_000
ROUNDS = 5
TARGET = 0.4
TABLES = {
    "transactions": "seq > :before",
    "decisions": "seq > :before",
    "jobs": "job_id > :before * 1000 + 999",
    "history": "seq > :before",
    "lanes": "head > :before",
}
"""What an acceptance writes, and how the rows of the last batch are told from older ones."""
Written = dict[str, tuple[str, list[tuple[Any, ...]]]]


def connect(file: Path) -> sqlite3.Connection:
    """A connection as the journal's own."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=8000", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def written_after(file: Path, before: int) -> Written:
    """Per table the INSERT, and the rows written after a transaction number."""
    found: Written = {}
    with closing(connect(file)) as connection:
        for table, where in TABLES.items():
            rows = connection.execute(f"SELECT * FROM {table} WHERE {where}", {"before": before}).fetchall()
            found[table] = (f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)
    return found


def raw_seconds(connection: sqlite3.Connection, written: Written) -> float:
    """Seconds SQLite takes for these rows, durable."""
    start = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for text, rows in written.values():
        connection.executemany(text, rows)
    connection.execute("COMMIT")
    return time.perf_counter() - start


async def batch_seconds(client: httpx.AsyncClient, lines: Sequence[bytes]) -> float:
    """Seconds the app takes for a batch."""
    body = b"\n".join(lines)
    start = time.perf_counter()
    answer = await client.post("/v1/transactions:batch", content=body)
    taken = time.perf_counter() - start
    counted = answer.json()
    if counted["accepted"] != len(lines):
        raise AssertionError(f"{counted['accepted']} of {len(lines)} lines were accepted")
    return taken


async def rounds(folder: Path, count: int, lines: int) -> tuple[list[float], list[float]]:
    """Lines a second of the app and of raw SQLite, round by round; the first, which warms up, is left out."""
    file = folder / "app.sqlite"
    Journal.open(f"sqlite:///{folder}/raw.sqlite", clock=WallClock()).close()
    router = await served.gateway(f"sqlite:///{file}")
    ours, theirs = [], []
    template = entries.template()
    transport = httpx.ASGITransport(router.api)
    with closing(connect(folder / "raw.sqlite")) as raw:
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=None) as client:
            for number in range(count + 1):
                first = number * lines
                sent = [
                    entries.body(template, first + line, first_project=number * entries.PROJECTS)
                    for line in range(lines)
                ]
                ours.append(lines / await batch_seconds(client, sent))
                theirs.append(lines / raw_seconds(raw, written_after(file, first)))
    await router.aclose()
    return ours[1:], theirs[1:]


def run(*, lines: int = LINES, count: int = ROUNDS) -> list[Row]:
    """The app's lines a second over raw SQLite's."""
    with scratch() as folder:
        ours, theirs = asyncio.run(rounds(folder, count, lines))
    return [
        {
            "name": f"batch of {lines:,} lines against raw SQLite executemany of the rows it writes",
            "ratio": ratio_of(ours, theirs),
            "target": TARGET,
            "detail": f"{spread(ours)} to {spread(theirs)} lines/s; {', '.join(TABLES)}; same indexes, WAL,"
            f" synchronous=FULL, raw in one commit; median of {count} rounds",
        }
    ]


if __name__ == "__main__":
    collect_rarely()  # as `coexist serve` does
    tell(run())
