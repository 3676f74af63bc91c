"""What was accepted, drained through lanes into an ERP in the same process, against raw SQLite.

Raw SQLite writes what the deliveries left in the journal, in one transaction with the journal's own
durability, into a copy of the file as it was before them: the tries, names, history and exchanges
are inserted, jobs and lanes brought to how they stand. It leases nothing, orders nothing and calls nobody.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

from cutover.collecting import collect_rarely
from tests.bench import entries, served
from tests.bench.batch import batch_seconds, connect
from tests.bench.drained import drain, know_projects
from tests.bench.rounds import Row, ratio_of, spread, tell
from tests.bench.scratch import scratch

DOCUMENTS = 20_000
ROUNDS = 5
PER_SECOND = 5_000
"""What the lanes should at least deliver a second."""
TARGET = None
WRITES: tuple[tuple[str, str], ...] = (
    ("SELECT * FROM attempts", "INSERT INTO attempts VALUES ({marks})"),
    ("SELECT * FROM exchanges", "INSERT INTO exchanges VALUES ({marks})"),
    ("SELECT * FROM crosswalk WHERE kind = 'time_entry'", "INSERT INTO crosswalk VALUES ({marks})"),
    ("SELECT * FROM history WHERE what = 'posted'", "INSERT INTO history VALUES ({marks})"),
    (
        "SELECT state, attempts, settled_at, job_id FROM jobs",
        "UPDATE jobs SET state = ?, attempts = ?, settled_at = ? WHERE job_id = ?",
    ),
    (
        "SELECT due, token, worker, target, lane FROM lanes",
        "UPDATE lanes SET due = ?, token = ?, worker = ? WHERE target = ? AND lane = ?",
    ),
)
"""What deliveries left behind, and the statement that writes it."""


async def accepted(folder: Path, documents: int) -> None:
    """A journal with this many entries, and a copy of it beside."""
    router = await served.gateway(f"sqlite:///{folder}/app.sqlite")
    template = entries.template()
    await know_projects(router, 0, entries.PROJECTS)
    transport = httpx.ASGITransport(router.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=None) as client:
        for first in range(0, documents, 10_000):
            lines = [entries.body(template, at) for at in range(first, min(first + 10_000, documents))]
            await batch_seconds(client, lines)
    await router.aclose()
    with closing(connect(folder / "app.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(folder / "app.sqlite", folder / "raw.sqlite")


async def delivered_seconds(folder: Path, documents: int) -> tuple[float, int]:
    """Seconds from the first claim to the last settlement on disk, and the calls it took."""
    router = await served.gateway(f"sqlite:///{folder}/app.sqlite")
    start = time.perf_counter()
    calls = await drain(router, documents)
    taken = time.perf_counter() - start
    await router.aclose()
    return taken, calls


def raw_seconds(folder: Path) -> float:
    """Seconds SQLite takes to write what the deliveries left in the journal."""
    work: list[tuple[str, list[tuple[Any, ...]]]] = []
    with closing(connect(folder / "app.sqlite")) as connection:
        for question, statement in WRITES:
            rows = connection.execute(question).fetchall()
            if not rows:
                raise AssertionError(f"the deliveries left nothing: {question}")
            work.append((statement.format(marks=",".join("?" * len(rows[0]))), rows))
    with closing(connect(folder / "raw.sqlite")) as connection:
        return _written(connection, work)


def _written(connection: sqlite3.Connection, work: list[tuple[str, list[tuple[Any, ...]]]]) -> float:
    start = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    for statement, rows in work:
        connection.executemany(statement, rows)
    connection.execute("COMMIT")
    return time.perf_counter() - start


def run(*, documents: int = DOCUMENTS, rounds: int = ROUNDS) -> list[Row]:
    """Deliveries a second over raw SQLite's, and over what is asked for."""
    ours, theirs, calls = [], [], 0
    for number in range(rounds + 1):
        with scratch() as folder:
            asyncio.run(accepted(folder, documents if number else documents // 10))
            count = documents if number else documents // 10
            taken, calls = asyncio.run(delivered_seconds(folder, count))
            written = raw_seconds(folder)
        if number:  # the first round warms up
            ours.append(documents / taken)
            theirs.append(documents / written)
    detail = (
        f"{spread(ours)} deliveries/s; {documents:,} time entries in {entries.PROJECTS} lanes, {calls} calls"
    )
    return [
        {
            "name": "delivery through lanes into an ERP in process against 5,000 a second",
            "ratio": ratio_of(ours, [PER_SECOND] * len(ours)),
            "target": 1.0,
            "machine": True,
            "detail": f"{detail}, bulk and budget of the sap_ecc connector; median of {rounds} rounds",
        },
        {
            "name": "delivery through lanes against raw SQLite writing the rows it writes",
            "ratio": ratio_of(ours, theirs),
            "target": TARGET,
            "detail": f"{spread(ours)} to {spread(theirs)} deliveries/s; raw in one commit, WAL,"
            f" synchronous=FULL; median of {rounds} rounds",
        },
    ]


if __name__ == "__main__":
    collect_rarely()  # as `coexist serve` does
    tell(run())
