"""Brings a database to the newest tables; the scripts travel inside the package."""

from __future__ import annotations

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError

from router.errors import BadConfig, Broken, Overloaded
from router.journal.engine import Dialect
from router.journal.schema import HEAD


def config() -> Config:
    """Alembic's settings, without a file."""
    settings = Config()
    settings.set_main_option("script_location", "router.journal:migrations")
    settings.set_main_option("path_separator", "os")
    return settings


def upgrade(engine: sqlalchemy.Engine, dialect: Dialect) -> None:
    """Upgrade to head, alone: half a migration is rolled back, and a second process waits.

    Raises Overloaded when the database does not answer, BadConfig for a file that is none, and Broken
    when a script fails.
    """
    try:
        with engine.connect() as connection:
            if _version(connection) == HEAD:
                return
            connection.exec_driver_sql(dialect.begin)
            if dialect.name == "postgresql":
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended('migration', 0))")
            settings = config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
            connection.exec_driver_sql("COMMIT")
    except sqlalchemy.exc.OperationalError as error:
        said = " ".join(str(error.orig).split())
        raise Overloaded(f"the database can't be opened: {said}", retry_after_s=1) from error
    except DBAPIError as error:
        if "not a database" in str(error.orig):
            raise BadConfig("it is no database", file=str(engine.url.database)) from error
        raise Broken(f"the journal's tables can't be brought up to date: {error.orig}") from error


def _version(connection: sqlalchemy.Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
