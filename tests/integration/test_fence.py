"""The fence under fire: switches while eight writers write, on both databases (D6, I5).

After every switch the rows of older epochs are counted; at the end they are counted again. A row
accepted under an old epoch after its switch returned would make the second count larger. The control
removes the lock and must leak, or this test would prove nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

import pytest
from sqlalchemy import text

from router.journal.engine import Postgres, Transaction, connect
from router.journal.journal import Journal
from router.journal.port import Switch
from tests.contract.journal_kit import Hands, routes, submission, time_entry, with_tables

WRITERS = 8
ENTITIES = ("DE01", "UK01", "US01")


class Unfenced(Postgres):
    """PostgreSQL without the lock: what D6 is measured against."""

    def lock(self, tx: Transaction, names: Sequence[str], *, shared: bool) -> None:
        """Nothing, so that a decision may be stale by the time it commits."""


def linger(when: str, _count: int) -> None:
    """Two milliseconds between decision and commit: room for a switch to get in between."""
    if when == "before":
        time.sleep(0.002)


class Writers:
    """Eight threads, each with a journal of its own, accepting until told to stop."""

    def __init__(self, url: str, *, fenced: bool) -> None:
        self.stop = threading.Event()
        self.accepted = itertools.count(1)
        self.failed: list[Exception] = []
        self.threads = [
            threading.Thread(target=self.write, args=(url, name, fenced)) for name in range(WRITERS)
        ]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed

    def write(self, url: str, name: int, fenced: bool) -> None:
        try:
            asyncio.run(self.accept(url, name, fenced))
        except Exception as error:  # noqa: BLE001 a thread's failure is told where it is joined
            self.failed.append(error)

    async def accept(self, url: str, name: int, fenced: bool) -> None:
        journal = Journal.open(url, clock=Hands(), decide=routes, on_commit=linger)
        if not fenced:
            journal._database.dialect = Unfenced()
        try:
            for n in itertools.count():
                if self.stop.is_set():
                    return
                # One document or several entities at once: their locks are taken in one order.
                entities = ENTITIES if n % 3 == 0 else (ENTITIES[n % 3],)
                await journal.accept(
                    [
                        submission(time_entry(f"T{name}-{n}-{entity}", project=f"P{n % 5}", entity=entity))
                        for entity in entities
                    ]
                )
                await asyncio.sleep(0.003)
        finally:
            journal.close()


async def late_rows(url: str, *, switches: int, fenced: bool) -> tuple[int, int]:
    """Rows accepted under an old epoch after the switch returned; and all rows."""
    journal = Journal.open(url, clock=Hands(), decide=routes)
    if not fenced:
        journal._database.dialect = Unfenced()
    engine, _ = connect(url)
    older = text("SELECT count(*) FROM decisions WHERE epoch < :epoch")
    accepted = text("SELECT count(*) FROM transactions")
    counted: list[tuple[int, int]] = []
    try:
        await with_tables(journal)
        with Writers(url, fenced=fenced), engine.connect() as observer:
            for n in range(switches):
                order = Switch(entities=ENTITIES, table_version=(1, 3)[n % 2], by="test", why="test")
                (epoch,) = set((await journal.switch(order)).values())
                counted.append((epoch, observer.execute(older, {"epoch": epoch}).scalar_one()))
                # A busy disk may let the switches starve the writers, and then nothing would be tried.
                for _ in range(100):
                    if observer.execute(accepted).scalar_one() > n:
                        break
                    await asyncio.sleep(0.01)
        late = 0
        with engine.connect() as observer:
            for epoch, before in counted:
                late += observer.execute(older, {"epoch": epoch}).scalar_one() - before
            rows = observer.execute(accepted).scalar_one()
    finally:
        engine.dispose()
        journal.close()
    return late, rows


def test_nothing_is_accepted_under_an_old_epoch_after_a_switch(fresh_journal: Callable[[], str]) -> None:
    """200 switches under eight writers: 0 late rows."""
    late, rows = asyncio.run(late_rows(fresh_journal(), switches=200, fenced=True))
    assert late == 0
    assert rows >= 200, "the writers must have been at it"


def test_the_order_of_history_proves_it_too(fresh_journal: Callable[[], str]) -> None:
    """Acceptances and switches stand in the history in the order they took effect (what I5 checks)."""

    async def work(url: str) -> None:
        await late_rows(url, switches=30, fenced=True)
        journal = Journal.open(url, clock=Hands())
        now = dict.fromkeys(ENTITIES, 0)
        checked = 0
        try:
            async for line in journal.history():
                if line["what"] == "switched":
                    now |= line["detail"]["epochs"]
                elif line["what"] == "accepted":
                    assert line["detail"]["epoch"] == now[line["detail"]["legal_entity"]]
                    checked += 1
        finally:
            journal.close()
        assert checked

    asyncio.run(work(fresh_journal()))


def test_without_the_lock_it_leaks(fresh_postgres: Callable[[], str]) -> None:
    """The control: the same writers without the lock accept under an old epoch."""
    late, _ = asyncio.run(late_rows(fresh_postgres(), switches=40, fenced=False))
    assert late > 0


def test_reading_in_the_statement_that_locks_leaks(fresh_postgres: Callable[[], str]) -> None:
    """Why the fence takes two statements: a snapshot from before the lock was granted is stale."""
    url = fresh_postgres()
    engine, _ = connect(url)
    with engine.connect() as reader, engine.connect() as switcher, engine.connect() as watcher:
        switcher.execute(text("INSERT INTO epochs VALUES ('UK01', 1, 1, '')"))
        switcher.execute(text("BEGIN"))
        switcher.execute(text("SELECT pg_advisory_xact_lock(1)"))
        switcher.execute(text("UPDATE epochs SET epoch = 2"))
        seen: list[int] = []

        def read() -> None:
            both = "SELECT epoch FROM epochs, (SELECT pg_advisory_xact_lock_shared(1)) AS lock"
            seen.append(reader.execute(text(both)).scalar_one())
            seen.append(reader.execute(text("SELECT epoch FROM epochs")).scalar_one())

        thread = threading.Thread(target=read)
        thread.start()
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not watcher.execute(waits).scalar_one():
            time.sleep(0.005)
        switcher.execute(text("COMMIT"))
        thread.join()
    engine.dispose()
    assert seen == [1, 2]


@pytest.mark.parametrize("several", [2, 5])
def test_a_switch_of_several_entities_and_groups_of_several_never_deadlock(
    fresh_postgres: Callable[[], str], several: int
) -> None:
    """Locks are taken in sorted order by everybody, whatever order they were named in."""

    async def work(url: str) -> None:
        journals = [Journal.open(url, clock=Hands(), decide=routes) for _ in range(3)]
        try:
            await with_tables(journals[0])
            names = [f"E{n}" for n in range(several)]

            async def accept(journal: Journal, at: int) -> None:
                for n in range(10):
                    order = names if n % 2 else names[::-1]
                    await journal.accept(
                        [
                            submission(
                                time_entry(f"T{at}-{n}-{entity}", project=f"P{len(order)}", entity=entity)
                            )
                            for entity in order
                        ]
                    )

            async def switch(journal: Journal) -> None:
                for n in range(10):
                    order = names if n % 2 else names[::-1]
                    await journal.switch(Switch(entities=order, table_version=1, by="test", why="test"))

            async with asyncio.timeout(20):
                await asyncio.gather(accept(journals[0], 0), accept(journals[1], 1), switch(journals[2]))
            assert (await journals[0].epochs())["E0"] == (10, 1)
        finally:
            for journal in journals:
                journal.close()

    asyncio.run(work(fresh_postgres()))
