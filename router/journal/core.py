"""How the journal is opened and closed, and how its work reaches the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

from router.canonical import Document
from router.clock import Clock, to_text
from router.errors import Broken, CoexistError
from router.journal import lanes, migrate
from router.journal.engine import Connection, Database, Transaction
from router.journal.port import Decide
from router.journal.writer import Writer
from router.model import SystemId

T = TypeVar("T")


class JournalCore:
    """Opens, closes, and runs pieces of work: writes through the group commit, reads beside it."""

    def __init__(
        self,
        database: Database,
        *,
        decide: Decide | None,
        poke: Callable[[SystemId], None] | None,
        on_commit: Callable[[str, int], None] | None,
        late: Callable[[Document, Mapping[tuple[str, str], str]], bool] | None = None,
        moved: Callable[[Document, Mapping[tuple[str, str], str]], Document | None] | None = None,
    ) -> None:
        self._database = database
        self._decide = decide
        self._late = late
        self._moved = moved
        self._poke = poke
        self._guard: Callable[[Transaction], None] | None = None
        """Asked before each piece of work, in its transaction: may raise (`router.journal.cutover_runs`)."""
        self._documents = lanes.Documents()
        self._writer = Writer(database, committed=self._committed, on_commit=on_commit)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        decide: Decide | None = None,
        poke: Callable[[SystemId], None] | None = None,
        on_commit: Callable[[str, int], None] | None = None,
        throwaway: bool = False,
        late: Callable[[Document, Mapping[tuple[str, str], str]], bool] | None = None,
        moved: Callable[[Document, Mapping[tuple[str, str], str]], Document | None] | None = None,
    ) -> Self:
        """Open (and bring up to date) the journal at `sqlite:///FILE` or `postgresql://…`.

        `poke` is told, on the event loop and after the commit, which target has new due work.
        `on_commit("before"|"after", n)` surrounds the n-th commit and may raise, to crash it.
        `late` says whether a document may not enter its fiscal period, as the periods stand; `moved`
        dates one that was held into the first period that takes it.
        `throwaway` is for rehearsals: commits do not wait for the disk (SQLite only). Raises BadConfig
        for a database that could lose a commit.
        """
        database = Database(url, clock=clock, throwaway=throwaway)
        try:
            migrate.upgrade(database.engine, database.dialect)
        except BaseException:
            database.close()
            raise
        return cls(database, decide=decide, poke=poke, on_commit=on_commit, late=late, moved=moved)

    def close(self) -> None:
        """Close all connections; the object can't be used again."""
        self._writer.close()
        self._database.close()

    def _committed(self, tx: Transaction) -> None:
        self._documents.keep(tx.remember)
        if self._poke is not None:
            for target in tx.pokes:
                self._poke(SystemId(target))

    async def _do(self, work: Callable[..., T], *args: Any, **named: Any) -> T:
        """Run one piece of work in a commit of its own."""

        def handler(tx: Transaction, _payloads: list[Any]) -> list[T]:
            if self._guard is not None:
                self._guard(tx)
            return [work(tx, *args, **named)]

        result: T = await self._writer.submit(handler, None)
        return result

    async def _read(self, work: Callable[..., T], *args: Any) -> T:
        self._writer.refuse_dead()
        if self._database.dialect.inline:
            return self._ask(self._writer.connection, work, args)
        return await asyncio.to_thread(self._ask_apart, work, args)

    def _ask_apart(self, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            connection = self._database.session()
        except Exception as error:
            raise self._ours(error) from error
        try:
            return self._ask(connection, work, args)
        finally:
            connection.give_back()

    def _ask(self, connection: Connection, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        tx = connection.transaction(now=to_text(self._database.clock.now()))
        try:
            return work(tx, *args)
        except Exception as error:
            raise self._ours(error) from error

    def _ours(self, error: Exception) -> Exception:
        dialect = self._database.dialect
        if isinstance(error, CoexistError) or not dialect.is_of_driver(error):
            return error
        return dialect.translate(error) or Broken(f"the database refused: {error}")
