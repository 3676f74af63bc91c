"""Opening a database, refusing an unsafe one, and what differs between SQLite and PostgreSQL.

Hot statements go through the driver's cursor with `?` marks: one text serves both databases and a
row costs a microsecond or two instead of ten. Connections are in autocommit; `Transaction` says
BEGIN and COMMIT itself, because SQLite must begin IMMEDIATE to be fenced (D6).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar

import orjson
import psycopg
import sqlalchemy
from sqlalchemy.pool import PoolProxiedConnection

from router.clock import Clock
from router.errors import BadConfig, CoexistError, Overloaded

Row = tuple[Any, ...]
BUSY_S = 30
"""How long a writer waits for another process before it answers `Overloaded`."""
IDLE_S = 60
"""A writer that hangs inside a transaction would hold up every switch; the server ends it then."""


class TryAgain(CoexistError):
    """Another process got in between; the same work may be run again at once."""

    code = "try-again"


class Sqlite:
    """SQLite: one writer at a time, fenced by BEGIN IMMEDIATE; statements run inline."""

    name: ClassVar[str] = "sqlite"
    inline: ClassVar[bool] = True
    begin: ClassVar[str] = "BEGIN IMMEDIATE"
    lock_rows: ClassVar[str] = ""
    skip_locked: ClassVar[str] = ""
    heads: ClassVar[str] = (
        "SELECT {columns} FROM json_each(?) AS l JOIN jobs AS j ON j.job_id IN (SELECT i.job_id FROM jobs AS i"
        " WHERE i.target = ? AND i.lane = l.value AND i.state IN ('queued','in_flight','in_doubt')"
        " ORDER BY i.job_id LIMIT ?) ORDER BY l.key, j.job_id"
    )
    """The first unsettled jobs of each lane: (lanes, target, how many)."""

    def sql(self, text: str) -> str:
        """The statement as the driver wants it."""
        return text

    def values(self, items: Sequence[Any]) -> Any:
        """A list as one parameter."""
        return orjson.dumps(items).decode()

    def any(self, column: str) -> str:
        """The condition that a column is in a list given with `values`."""
        return f"{column} IN (SELECT value FROM json_each(?))"

    def lock(self, tx: Transaction, names: Sequence[str], *, shared: bool) -> None:
        """Nothing: BEGIN IMMEDIATE lets in one writer at a time."""

    def peek(self, tx: Transaction, table: str, column: str) -> int:
        """The newest number given out."""
        return int(tx.rows(f"SELECT coalesce(max({column}), 0) FROM {table}")[0][0])

    def draw(self, tx: Transaction, table: str, column: str, count: int) -> range | list[int]:
        """That many new numbers, ascending."""
        newest = self.peek(tx, table, column)
        return range(newest + 1, newest + 1 + count)

    def through(self, tx: Transaction, table: str, column: str) -> int:
        """The newest number below which none can still be committed: writers go one after the other."""
        return self.peek(tx, table, column)

    def is_of_driver(self, error: BaseException) -> bool:
        """Whether the driver raised it, rather than our own code."""
        return isinstance(error, sqlite3.Error | sqlalchemy.exc.SQLAlchemyError)

    def translate(self, error: BaseException) -> CoexistError | None:
        """An error of the driver as ours; None: a bug."""
        if isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error)):
            return Overloaded("another process holds the journal", retry_after_s=1)
        return None


class Postgres:
    """PostgreSQL: many processes, fenced by advisory locks; statements run in a worker thread."""

    name: ClassVar[str] = "postgresql"
    inline: ClassVar[bool] = False
    begin: ClassVar[str] = "BEGIN ISOLATION LEVEL READ COMMITTED"
    lock_rows: ClassVar[str] = " FOR UPDATE"
    skip_locked: ClassVar[str] = " FOR UPDATE SKIP LOCKED"
    heads: ClassVar[str] = (
        "SELECT {columns} FROM unnest(?::text[]) WITH ORDINALITY AS l(value, key) CROSS JOIN LATERAL (SELECT i.*"
        " FROM jobs AS i WHERE i.target = ? AND i.lane = l.value AND i.state IN ('queued','in_flight','in_doubt')"
        " ORDER BY i.job_id LIMIT ?) AS j ORDER BY l.key, j.job_id"
    )

    def __init__(self) -> None:
        self._sql: dict[str, str] = {}

    def sql(self, text: str) -> str:
        """The statement as the driver wants it; none of ours holds a `?` or `%` of its own."""
        found = self._sql.get(text)
        if found is None:
            found = self._sql[text] = text.replace("?", "%s")
        return found

    def values(self, items: Sequence[Any]) -> Any:
        """A list as one parameter."""
        return list(items)

    def any(self, column: str) -> str:
        """The condition that a column is in a list given with `values`."""
        return f"{column} = ANY(?)"

    def lock(self, tx: Transaction, names: Sequence[str], *, shared: bool) -> None:
        """Advisory locks to the end of the transaction, in sorted order, in a statement of their own.

        What they guard must be read in a later statement: a snapshot taken before the lock was
        granted leaks (measured, D6). Two names with one hash cost waiting, nothing else.
        """
        call = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        for name in sorted(names):
            tx.rows(f"SELECT {call}(hashtextextended(?, 0))", (name,))

    def peek(self, tx: Transaction, table: str, column: str) -> int:
        """About the newest number given out: other processes draw at the same time."""
        return int(tx.rows(f"SELECT last_value FROM {table}_{column}_seq")[0][0])

    def draw(self, tx: Transaction, table: str, column: str, count: int) -> range | list[int]:
        """That many new numbers, ascending; gaps remain where a transaction was rolled back."""
        rows = tx.rows(
            f"SELECT nextval('{table}_{column}_seq') FROM generate_series(1, ?)",
            (count,),
        )
        return [int(row[0]) for row in rows]

    def through(self, tx: Transaction, table: str, column: str) -> int:
        """The newest number below which none can still be committed; for reads outside a transaction.

        A number is drawn inside the INSERT, whose lock on the table is held to the commit. So who holds
        the table against writers sees every number drawn so far, or it never comes. It waits for the
        writers under way and holds up new ones for as long: a commit or two.
        """
        tx.run("BEGIN")
        try:
            tx.run(f"LOCK TABLE {table} IN SHARE MODE")
            return int(tx.rows(f"SELECT coalesce(max({column}), 0) FROM {table}")[0][0])
        finally:
            tx.run("COMMIT")

    def is_of_driver(self, error: BaseException) -> bool:
        """Whether the driver raised it, rather than our own code."""
        return isinstance(error, psycopg.Error | sqlalchemy.exc.SQLAlchemyError)

    def translate(self, error: BaseException) -> CoexistError | None:
        """An error of the driver as ours; None: a bug."""
        if isinstance(error, psycopg.errors.UniqueViolation | psycopg.errors.DeadlockDetected):
            return TryAgain(str(error))
        if isinstance(error, psycopg.errors.LockNotAvailable):
            return Overloaded("open transactions hold the entity's fence", retry_after_s=1)
        if isinstance(error, psycopg.OperationalError | sqlalchemy.exc.OperationalError):
            return Overloaded("the database does not answer", retry_after_s=1)
        return None


Dialect = Sqlite | Postgres


class Transaction:
    """One database transaction and the few ways to speak in it; not to be shared."""

    def __init__(self, dialect: Dialect, cursor: Any, *, now: str) -> None:
        self.dialect = dialect
        self.now = now
        """RFC 3339 text: one instant for everything in the transaction."""
        self.pokes: dict[str, None] = {}
        """Targets with new due work, in order: told after the commit."""
        self.remember: dict[int, Any] = {}
        """Documents accepted here, by transaction number: cached after the commit."""
        self.writes = False
        self._cursor = cursor

    def rows(self, text: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a query and take all its rows."""
        cursor = self._cursor
        cursor.execute(self.dialect.sql(text), values)
        found: list[Row] = cursor.fetchall()
        return found

    def run(self, text: str, values: Sequence[Any] = ()) -> int:
        """Run a change; how many rows it touched."""
        self.writes = True
        self._cursor.execute(self.dialect.sql(text), values)
        return int(self._cursor.rowcount)

    def many(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a change for each row."""
        if rows:
            self.writes = True
            self._cursor.executemany(self.dialect.sql(text), rows)

    def insert(self, table: str, columns: str, rows: Sequence[Sequence[Any]], then: str = "") -> None:
        """Insert rows; `then` may be an ON CONFLICT clause."""
        marks = ",".join("?" * (columns.count(",") + 1))
        self.many(f"INSERT INTO {table} ({columns}) VALUES ({marks}) {then}", rows)

    def among(self, text: str, column: str, items: Sequence[Any], *before: Any) -> list[Row]:
        """Rows of a query whose `{any}` is the condition that a column is in a list, in one round trip."""
        if not items:
            return []
        return self.rows(text.format(any=self.dialect.any(column)), (*before, self.dialect.values(items)))


class Database:
    """An opened database that passed the checks."""

    def __init__(self, url: str, *, clock: Clock, throwaway: bool = False) -> None:
        self.clock = clock
        self.engine, self.dialect = connect(url, throwaway=throwaway)

    def session(self) -> Connection:
        """A connection of its own, checked for durability."""
        return Connection(self.engine.raw_connection(), self.dialect)

    def close(self) -> None:
        """Close what the pool still holds."""
        self.engine.dispose()


class Connection:
    """A driver connection in autocommit, and its cursor."""

    def __init__(self, raw: PoolProxiedConnection, dialect: Dialect) -> None:
        self._raw = raw
        self._cursor = raw.cursor()
        self._dialect = dialect

    def transaction(self, *, now: str) -> Transaction:
        """The words of one transaction; it begins with `begin`, or never, for reads."""
        return Transaction(self._dialect, self._cursor, now=now)

    def say(self, text: str) -> None:
        """BEGIN, COMMIT or ROLLBACK."""
        self._cursor.execute(text)

    def drop(self) -> None:
        """Close for good; what was not committed is gone."""
        # A closed SQLite connection keeps its lock while somebody's traceback holds a cursor of it. A
        # broken connection can't say ROLLBACK, nor need it.
        with suppress(sqlite3.Error, psycopg.Error):
            self._cursor.execute("ROLLBACK")
        with suppress(sqlite3.Error, psycopg.Error):
            self._cursor.close()
        self._raw.invalidate()

    def give_back(self) -> None:
        """Return to the pool."""
        self._cursor.close()
        self._raw.close()


def connect(url: str, *, throwaway: bool = False) -> tuple[sqlalchemy.Engine, Dialect]:
    """An engine for `sqlite:///FILE` or `postgresql://…`; raises BadConfig for anything unsafe.

    `throwaway`: an SQLite file that nobody needs after a power cut (a rehearsal's): its commits do
    not wait for the disk. Everything else about it is as in production.
    """
    try:
        address = sqlalchemy.make_url(url)
    except sqlalchemy.exc.ArgumentError as error:
        raise BadConfig("this is no database URL", file="database", mend="use sqlite:///FILE") from error
    if address.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return _postgres(address), Postgres()
    if address.drivername == "sqlite" and address.database and address.database != ":memory:":
        return _sqlite(address, throwaway=throwaway), Sqlite()
    raise BadConfig(
        f"{address.drivername!r} can't hold the journal",
        file="database",
        mend="use sqlite:///FILE or postgresql://…: memory is not durable",
    )


def _sqlite(address: sqlalchemy.URL, *, throwaway: bool) -> sqlalchemy.Engine:
    level = str(address.query.get("synchronous", "FULL"))
    engine = sqlalchemy.create_engine(
        address.difference_update_query(["synchronous"]),
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": BUSY_S},
    )

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        if level.isalnum():
            connection.execute(f"PRAGMA synchronous={level}")
        refuse_unsafe_sqlite(connection)
        if throwaway:
            connection.execute("PRAGMA synchronous=OFF")
        # A checkpoint waits for the disk inside somebody's commit: 32 MB of log make it rare.
        connection.execute("PRAGMA wal_autocheckpoint=8000")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA temp_store=MEMORY")

    sqlalchemy.event.listen(engine, "connect", prepare)
    return engine


def _postgres(address: sqlalchemy.URL) -> sqlalchemy.Engine:
    engine = sqlalchemy.create_engine(
        address.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": BUSY_S},
        pool_pre_ping=True,
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.autocommit = True
        refuse_unsafe_postgres(connection)
        connection.execute(f"SET lock_timeout = '{BUSY_S}s'")
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_S}s'")

    sqlalchemy.event.listen(engine, "connect", prepare)
    return engine


def refuse_unsafe_sqlite(connection: sqlite3.Connection) -> None:
    """Raises BadConfig unless a commit is on disk when it returns: WAL and synchronous FULL or EXTRA."""
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal":
        raise BadConfig(f"SQLite journal_mode is {mode}, not wal", file="database", mend="use a local file")
    if level < 2:
        raise BadConfig(
            "SQLite synchronous is below FULL: a crash could lose accepted transactions",
            file="database",
            mend="leave synchronous alone, or set it to FULL",
        )


def refuse_unsafe_postgres(connection: psycopg.Connection[Any]) -> None:
    """Raises BadConfig when fsync, full_page_writes or synchronous_commit is off, or the server too old."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        found = connection.execute(f"SHOW {name}").fetchone()
        if found is None or found[0] == "off":
            raise BadConfig(
                f"PostgreSQL has {name} off: a crash could lose accepted transactions",
                file="database",
                mend=f"set {name} = on",
            )
    if connection.info.server_version < 160000:
        raise BadConfig("PostgreSQL 16 or newer is needed", file="database")
