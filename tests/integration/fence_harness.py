"""Eight writers against switches, with the fence or with one that is wrong: who is accepted too late?

After every switch the rows of older epochs are counted, and again after each later one. A row accepted under
an old epoch after its switch returned makes the second count larger: it is late.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import psycopg
from sqlalchemy import text

from router.errors import CoexistError
from router.journal.engine import Postgres, Transaction, TryAgain, connect
from router.journal.journal import Journal
from router.journal.port import Decide, Submission, Switch
from tests.contract.journal_kit import Hands, routes, submission, time_entry, with_tables

WRITERS = 8
ENTITIES = ("DE01", "UK01", "US01")


class PlainRead(Postgres):
    """Wrong: the epoch is read, and nothing is locked."""

    def lock(self, tx: Transaction, names: Sequence[str], *, shared: bool) -> None:
        """Nothing, so that a decision may be stale by the time it commits."""


class Serializable(PlainRead):
    """Wrong: isolation instead of the lock, and what fails with 40001 is tried again.

    A writer that read the old epoch and commits after the switch is serializable: as if it had come before.
    """

    begin: ClassVar[str] = "BEGIN ISOLATION LEVEL SERIALIZABLE"

    def translate(self, error: BaseException) -> CoexistError | None:
        """A serialization failure is tried again."""
        if isinstance(error, psycopg.errors.SerializationFailure):
            return TryAgain(str(error))
        return super().translate(error)


class OneStatement(Postgres):
    """Wrong: the lock is taken, in the statement that reads the epoch: its snapshot is older than the lock."""

    def lock(self, tx: Transaction, names: Sequence[str], *, shared: bool) -> None:
        """Only what a switch takes; `sql` takes the writers'."""
        if not shared:
            super().lock(tx, names, shared=shared)

    def sql(self, text: str) -> str:
        """The statement that reads epochs takes their locks as well."""
        if text.startswith("SELECT legal_entity, epoch, table_version FROM epochs WHERE"):
            text = text.replace(
                "FROM epochs",
                "FROM epochs, LATERAL (SELECT pg_advisory_xact_lock_shared(hashtextextended("
                "'entity:' || legal_entity, 0)) OFFSET 0) AS fence",
            )
        return super().sql(text)


def linger(when: str, _count: int) -> None:
    """Two milliseconds between decision and commit: room for a switch to get in between."""
    if when == "before":
        time.sleep(0.002)


def documents_of(name: str, n: int) -> list[Submission]:
    """One document, or several entities at once: their locks are taken in one order."""
    entities = ENTITIES if n % 3 == 0 else (ENTITIES[n % 3],)
    return [
        submission(time_entry(f"T{name}-{n}-{entity}", project=f"P{n % 5}", entity=entity))
        for entity in entities
    ]


class Writers:
    """Eight threads, each with a journal of its own as eight processes have, accepting until told to stop."""

    def __init__(
        self,
        url: str,
        *,
        dialect: Postgres | None = None,
        decide: Callable[[], Decide] = lambda: routes,
        documents: Callable[[str, int], list[Submission]] = documents_of,
    ) -> None:
        """`dialect`: another fence than the database's own; `decide`: makes each writer's routing."""
        self.stop = threading.Event()
        self.failed: list[Exception] = []
        self._url, self._dialect, self._decide, self._documents = url, dialect, decide, documents
        self.threads = [threading.Thread(target=self.write, args=(str(name),)) for name in range(WRITERS)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed

    def write(self, name: str) -> None:
        try:
            asyncio.run(self.accept(name))
        except Exception as error:  # noqa: BLE001 a thread's failure is told where it is joined
            self.failed.append(error)

    async def accept(self, name: str) -> None:
        journal = opened(self._url, self._dialect, self._decide())
        try:
            for n in itertools.count():
                while not self.stop.is_set():
                    try:
                        await journal.accept(self._documents(name, n))
                        break
                    except TryAgain:  # a wrong fence that gives up is given every chance
                        continue
                if self.stop.is_set():
                    return
                await asyncio.sleep(0.003)
        finally:
            journal.close()


def opened(url: str, dialect: Postgres | None, decide: Decide = routes) -> Journal:
    """A journal that lingers before its commits, perhaps with another fence."""
    journal = Journal.open(url, clock=Hands(), decide=decide, on_commit=linger)
    if dialect is not None:
        journal._database.dialect = dialect
    return journal


@dataclass(slots=True)
class Counted:
    """What an observer saw."""

    rows: int = 0
    """Transactions accepted in all."""
    late: int = 0
    """Of them under an old epoch, after its switch had returned; once for each switch a row came too late for."""
    switches: int = 0
    older: dict[int, int] = field(default_factory=dict)
    """Rows of epochs before this one when its switch returned."""


async def late_rows(
    url: str, *, switches: int, dialect: Postgres | None = None, until_leak: bool = False
) -> Counted:
    """Switch under fire; `until_leak`: only until something is late, or as often as that."""
    journal = opened(url, dialect)
    engine, _ = connect(url)
    older = text("SELECT count(*) FROM decisions WHERE epoch < :epoch")
    accepted = text("SELECT count(*) FROM transactions")
    seen = Counted()
    try:
        await with_tables(journal)
        with Writers(url, dialect=dialect), engine.connect() as observer:
            for n in range(switches):
                order = Switch(entities=ENTITIES, table_version=(1, 3)[n % 2], by="test", why="test")
                (epoch,) = set((await switched(journal, order)).values())
                seen.switches += 1
                seen.older[epoch] = observer.execute(older, {"epoch": epoch}).scalar_one()
                # A busy disk may let the switches starve the writers, and then nothing would be tried.
                for _ in range(100):
                    if observer.execute(accepted).scalar_one() > n:
                        break
                    await asyncio.sleep(0.01)
                seen.late = observer.execute(older, {"epoch": epoch}).scalar_one() - seen.older[epoch]
                if seen.late and until_leak:
                    break
        with engine.connect() as observer:
            seen.late = sum(
                observer.execute(older, {"epoch": epoch}).scalar_one() - before
                for epoch, before in seen.older.items()
            )
            seen.rows = observer.execute(accepted).scalar_one()
    finally:
        engine.dispose()
        journal.close()
    return seen


async def switched(journal: Journal, order: Switch) -> dict[str, int]:
    """The new epochs; a wrong fence's switch may have to be tried again."""
    while True:
        try:
            return await journal.switch(order)
        except TryAgain:
            continue
