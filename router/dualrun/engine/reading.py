"""An ordered query, read row by row with a look at the next one; so that several can be read side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_AT_A_TIME = 2_000


class Reader:
    """Reads one query; holds `_AT_A_TIME` rows at most."""

    def __init__(self, db: DuckDBPyConnection, sql: str) -> None:
        self._cursor = db.cursor()
        self._cursor.execute(sql)
        self._held: list[tuple[Any, ...]] = []
        self._place = 0

    def peek(self) -> tuple[Any, ...] | None:
        """The next row; None at the end."""
        if self._place >= len(self._held):
            self._held, self._place = self._cursor.fetchmany(_AT_A_TIME), 0
        return self._held[self._place] if self._held else None

    def take(self) -> tuple[Any, ...]:
        """The next row, which there must be."""
        row = self.peek()
        assert row is not None
        self._place += 1
        return row

    def while_first(self, value: int) -> Iterator[tuple[Any, ...]]:
        """The next rows whose first column is `value`."""
        while (row := self.peek()) is not None and row[0] == value:
            yield self.take()

    def close(self) -> None:
        """Let go of the query."""
        self._cursor.close()
