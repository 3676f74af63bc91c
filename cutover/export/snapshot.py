"""One snapshot of a journal, through a connection that can't write."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy

from cutover.reading import journal_at, reading
from router.errors import BadConfig

CHUNK = 2_000
"""Rows fetched at once: what bounds the memory of an export."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A journal as it was at one instant."""

    url: str
    """Where to read it: of SQLite, a copy of its own."""
    connection: sqlalchemy.Connection

    def rows(self, sql: str, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Rows of a query, chunk by chunk."""
        result = self.connection.execution_options(stream_results=True).execute(sqlalchemy.text(sql), values)
        names: Sequence[str] = list(result.keys())
        while chunk := result.fetchmany(CHUNK):
            yield from (dict(zip(names, row, strict=True)) for row in chunk)

    def number(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """The single number of a query; nothing is 0."""
        return int(self.connection.execute(sqlalchemy.text(sql), values or {}).scalar() or 0)


@contextmanager
def snapshot_of(database: str) -> Iterator[Snapshot]:
    """Open a snapshot; raises BadConfig where there is no journal.

    SQLite is copied by its backup call, which reads beside writers; PostgreSQL is read in one read-only
    transaction at REPEATABLE READ.
    """
    address = journal_at(database)
    if address.drivername != "sqlite":
        with _reading(database) as connection:
            yield Snapshot(database, connection)
        return
    path = Path(str(address.database))
    with tempfile.TemporaryDirectory(prefix="coexist-export-") as folder:
        copy = f"{folder}/journal.sqlite"
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        target = sqlite3.connect(copy)
        try:
            source.backup(target)
        except sqlite3.Error as error:
            raise BadConfig(f"it can't be read: {error}", file=str(path)) from error
        finally:
            target.close()
            source.close()
        with _reading(f"sqlite:///{copy}") as connection:
            yield Snapshot(f"sqlite:///{copy}", connection)


@contextmanager
def _reading(url: str) -> Iterator[sqlalchemy.Connection]:
    with reading(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sqlalchemy.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        else:
            connection.execute(sqlalchemy.text("PRAGMA query_only = ON"))
        yield connection
