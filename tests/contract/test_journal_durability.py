"""What a crash leaves, what start-up refuses, and that the migrations make the tables of today."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from router.errors import BadConfig, Broken
from router.journal.engine import connect, refuse_unsafe_sqlite
from router.journal.journal import Journal
from router.journal.migrate import config
from router.journal.port import Accepted, Switch
from router.journal.schema import HEAD, metadata
from tests.contract.journal_kit import (
    OLD,
    Hands,
    claim,
    drain,
    outcome,
    routes,
    submission,
    time_entry,
    with_tables,
)


class Crash(Exception):
    """The process ends here."""


def crash_at(when: str, count: int) -> Callable[[str, int], None]:
    def hook(now: str, commit: int) -> None:
        if (now, commit) == (when, count):
            raise Crash

    return hook


async def publish(url: str) -> None:
    journal = await with_tables(Journal.open(url, clock=Hands()))
    journal.close()


async def a_day(journal: Journal) -> None:
    """Three commits: acceptance, claim, outcome."""
    await journal.accept([submission(time_entry("T1")), submission(time_entry("T2"))])
    (lease,) = await claim(journal)
    await journal.settle([outcome(lease)])


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_around_a_commit_keeps_all_of_it_or_nothing(journal_url: str, when: str) -> None:
    """Before the commit nothing of it is there, after it everything; the same requests then end alike."""

    async def work() -> None:
        await publish(journal_url)
        for count in (1, 2, 3):
            journal = Journal.open(journal_url, clock=Hands(), decide=routes, on_commit=crash_at(when, count))
            with pytest.raises(Crash):
                await a_day(journal)
            for use in (journal.accept([submission(time_entry("T3"))]), journal.totals()):
                with pytest.raises(Broken):
                    await use
            journal.close()
            journal = Journal.open(journal_url, clock=Hands(), decide=routes)
            states = {row["state"]: row["count"] for row in await journal.totals()}
            done = count - (when == "before")
            assert states == [{}, {"queued": 2}, {"in_flight": 2}, {"posted": 2}][done]
            answers = await journal.accept([submission(time_entry("T1")), submission(time_entry("T2"))])
            assert [one.replayed for one in answers if isinstance(one, Accepted)] == [done > 0] * 2
            await journal_emptied(journal)
            journal.close()

    asyncio.run(work())


async def journal_emptied(journal: Journal) -> None:
    """Forget the transactions, keep the tables."""

    def forget(tx: object, _payloads: list[object]) -> list[None]:
        for name in (
            "history",
            "attempts",
            "jobs",
            "lanes",
            "decisions",
            "crosswalk",
            "transactions",
            "exchanges",
        ):
            tx.run(f"DELETE FROM {name}")  # type: ignore[attr-defined]  # a transaction
        return [None]

    await journal._writer.submit(forget, None)


def test_a_copy_of_the_file_taken_before_a_commit_is_a_whole_journal(
    fresh_sqlite: Callable[[], str], tmp_path: Path
) -> None:
    """What another process would find after a power cut: the last commit, and nothing half done."""
    url = fresh_sqlite()
    source = Path(url.removeprefix("sqlite:///"))
    found: list[int] = []

    def cut(when: str, _count: int) -> None:
        copy = tmp_path / f"cut-{len(found)}.sqlite"
        for suffix in ("", "-wal"):
            copy.with_name(copy.name + suffix).write_bytes(
                source.with_name(source.name + suffix).read_bytes()
            )
        with sqlite3.connect(copy) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            found.append(connection.execute("SELECT count(*) FROM transactions").fetchone()[0])
        connection.close()

    async def work() -> None:
        await publish(url)
        journal = Journal.open(url, clock=Hands(), decide=routes, on_commit=cut)
        await journal.accept([submission(time_entry("T1")), submission(time_entry("T2"))])
        await journal.accept([submission(time_entry("T3"))])
        journal.close()

    asyncio.run(work())
    assert found == [0, 2, 2, 3]


def test_a_closed_journal_refuses(journal_url: str) -> None:
    """After close every call says so."""

    async def work() -> None:
        journal = Journal.open(journal_url, clock=Hands())
        journal.close()
        with pytest.raises(Broken):
            await journal.totals()
        with pytest.raises(Broken):
            await journal.accept([submission(time_entry("T1"))])

    asyncio.run(work())


def test_a_reopened_journal_goes_on(journal_url: str) -> None:
    """Numbers, epochs, leases and documents are where they were left."""

    async def work() -> None:
        journal = await with_tables(Journal.open(journal_url, clock=Hands(), decide=routes))
        await journal.switch(Switch(entities=["UK01"], table_version=4, by="me", why="test"))
        await journal.accept([submission(time_entry("T1"))])
        journal.close()
        journal = Journal.open(journal_url, clock=Hands(), decide=routes)
        assert (await journal.epochs())["UK01"] == (1, 4)
        (answer,) = await journal.accept([submission(time_entry("T2"))])
        assert isinstance(answer, Accepted)
        assert answer.transaction_id == "T000000000002"
        assert await drain(journal, OLD) == ["T1", "T2"]
        journal.close()

    asyncio.run(work())


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x", "nonsense", "sqlite:///{place}?synchronous=NORMAL",
     "sqlite:///{place}?synchronous=OFF"],
)  # fmt: skip
def test_start_up_refuses_what_could_lose_a_commit(url: str, tmp_path: Path) -> None:
    """Memory, an unknown database, or SQLite below synchronous=FULL: one clear line, nothing opened."""
    with pytest.raises(BadConfig):
        Journal.open(url.format(place=tmp_path / "x.sqlite"), clock=Hands())


def test_start_up_refuses_a_file_that_is_not_in_wal_mode() -> None:
    """A file system without shared memory leaves SQLite in another mode."""
    with sqlite3.connect(":memory:") as connection, pytest.raises(BadConfig, match="journal_mode"):
        refuse_unsafe_sqlite(connection)
    connection.close()


def test_sqlite_is_opened_for_durability(fresh_sqlite: Callable[[], str]) -> None:
    """Every connection has WAL and synchronous=FULL."""
    engine, _ = connect(fresh_sqlite())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    engine.dispose()


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_start_up_refuses_a_postgresql_that_could_lose_a_commit(
    fresh_postgres: Callable[[], str], name: str
) -> None:
    """A server with fsync or full_page_writes off is refused."""
    url = fresh_postgres()
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf(), pg_sleep(0.1)")
            with pytest.raises(BadConfig, match=name):
                Journal.open(url, clock=Hands())
        finally:
            connection.execute(f"ALTER SYSTEM RESET {name}")
            connection.execute("SELECT pg_reload_conf(), pg_sleep(0.1)")
    Journal.open(url, clock=Hands()).close()


def test_start_up_refuses_synchronous_commit_off(fresh_postgres: Callable[[], str]) -> None:
    """Also when only this database or connection has it off."""
    with pytest.raises(BadConfig, match="synchronous_commit"):
        Journal.open(fresh_postgres() + "&options=-csynchronous_commit%3Doff", clock=Hands())


def test_the_migrations_make_the_tables_of_today(journal_url: str) -> None:
    """Head of the scripts is HEAD, and nothing differs between the migrated database and the metadata."""
    scripts = ScriptDirectory.from_config(config())
    assert scripts.get_current_head() == HEAD
    engine, _ = connect(journal_url)
    with engine.connect() as connection:
        # The shared budget of several workers keeps tables of its own in the same database.
        opts = {
            "compare_type": True,
            "include_object": lambda _, name, *__: not str(name).startswith("delivery_"),
        }
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, metadata) == []
        where = [
            (index["name"], bool(index.get("dialect_options")))
            for table in metadata.sorted_tables
            for index in sqlalchemy.inspect(connection).get_indexes(table.name)
        ]
    engine.dispose()
    partial = {
        index.name for table in metadata.sorted_tables for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }  # fmt: skip
    assert {name for name, has in where if has} >= partial


def test_a_migration_cut_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a migration is rolled back: the next start makes the whole of it."""
    place = tmp_path / "new.sqlite"
    made = sqlalchemy.Table.create

    def fails(*args: object, **kwargs: object) -> None:
        raise Crash

    from alembic.ddl.impl import DefaultImpl  # noqa: PLC0415 patched here only

    real = DefaultImpl.create_table
    count = iter(range(99))
    monkeypatch.setattr(
        DefaultImpl,
        "create_table",
        lambda *a, **k: fails() if next(count) == 7 else real(*a, **k),
    )
    with pytest.raises(Crash):
        Journal.open(f"sqlite:///{place}", clock=Hands())
    monkeypatch.undo()
    with sqlite3.connect(place) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    Journal.open(f"sqlite:///{place}", clock=Hands()).close()
    assert made is sqlalchemy.Table.create
