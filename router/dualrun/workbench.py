"""The DuckDB database a comparison works in, and the sources it reads (D12).

In memory, with a folder to spill to: what is larger than `memory` goes to disk and is gone when the
bench is closed. Nothing here knows a policy.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import orjson

from router.dualrun.policy import SIDES, NumberFormat, Side

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The rows of one side, as text, in the order they were given."""

    side: Side
    name: str
    """The file as the user named it, or the system."""
    relation: str
    """SQL after FROM: yields `columns`, all VARCHAR (NULL: no value), in the order of the extract."""
    columns: tuple[str, ...]
    """Already renamed and, where the policy says so, folded."""
    fingerprint: str
    """SHA-256 of the bytes, or of the rows."""
    numbers: NumberFormat = field(default_factory=NumberFormat)
    first_row: int = 1
    """Where the first record stands in the file, for messages: 2 below a header."""
    floating: tuple[str, ...] = ()
    """Columns that the file stores in floating point: their text is the shortest one, not an exact one."""


class Workbench:
    """One DuckDB connection; `with` it around a comparison."""

    def __init__(
        self, *, memory: str = "2GB", threads: int | None = None, spill_to: Path | None = None
    ) -> None:
        import duckdb  # noqa: PLC0415 - a quarter of a second at every start, and only a comparison needs it

        self._folder = tempfile.TemporaryDirectory(prefix="coexist-", dir=spill_to)
        self.folder = Path(self._folder.name)
        """For files of its own; gone with the bench."""
        self.db: DuckDBPyConnection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": memory,
                "temp_directory": str(self.folder),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                **({"threads": str(threads)} if threads else {}),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the database and what it spilled."""
        self.db.close()
        self._folder.cleanup()

    def clear(self) -> None:
        """Forget what a comparison left behind; the next one finds the bench as new."""
        made = self.rows("SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE 'comparison%'")
        for (schema,) in made:
            self.db.execute(f"DROP SCHEMA {quoted(schema)} CASCADE")
        for side in SIDES:
            self.db.execute(f"DROP TABLE IF EXISTS {side}_given")

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return list(self.db.execute(sql, list(parameters)).fetchall())

    def source(
        self, side: Side, name: str, columns: Sequence[str], rows: Iterable[Sequence[str | int | None]]
    ) -> Source:
        """A source of rows that are at hand; None is no value, and an empty text stays one."""
        # DuckDB reads a file far faster than it takes rows; JSON, as its CSV reader stumbles over line ends in texts.
        path, digest, longest = self.folder / f"{side}.jsonl", hashlib.sha256(), 0
        names = [f"c{at}" for at in range(len(columns))]
        with path.open("wb") as file:
            for row in rows:
                cells = [None if value is None else str(value) for value in row]
                line = orjson.dumps(dict(zip(names, cells, strict=True))) + b"\n"
                digest.update(line)
                file.write(line)
                longest = max(longest, len(line))
        given = ", ".join(f"{name}: 'VARCHAR'" for name in names)
        shown = ", ".join(f"{name} AS {quoted(column)}" for name, column in zip(names, columns, strict=True))
        table = f"{side}_given"
        self.db.execute(
            f"CREATE OR REPLACE TABLE {table} AS SELECT {shown} FROM read_json({literal(str(path))}, "  # noqa: S608 - our own names, quoted
            f"format = 'newline_delimited', records = true, columns = {{{given}}}, "
            f"maximum_object_size = {max(longest + 1, 1 << 24)})"
        )
        path.unlink()
        return Source(
            side=side, name=name, relation=table, columns=tuple(columns), fingerprint=digest.hexdigest()
        )


def quoted(name: str) -> str:
    """A column's or table's name in SQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"
