"""A connection to a journal for those who only read it; what is no journal is refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import ArgumentError, DBAPIError

from router.errors import BadConfig

_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")


@contextmanager
def reading(url: str) -> Iterator[sqlalchemy.Connection]:
    """Connect to `sqlite:///FILE` or `postgresql://…`; raises BadConfig where there is no journal to read."""
    address = journal_at(url)
    engine = sqlalchemy.create_engine(address)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        said = str(error.orig).strip().partition("\n")[0]
        raise BadConfig(f"it can't be read as a journal: {said}", file=_named(address)) from error
    finally:
        engine.dispose()


def journal_at(url: str) -> sqlalchemy.URL:
    """The address of a journal; raises BadConfig for what can't be one, and for a file that is not there."""
    mend = "use sqlite:///FILE or postgresql+psycopg://…"
    try:
        address = sqlalchemy.make_url(url)
    except ArgumentError as error:
        raise BadConfig("this is no database URL", file="database", mend=mend) from error
    if address.drivername in _POSTGRES:
        return address.set(drivername="postgresql+psycopg")
    if address.drivername != "sqlite" or not address.database:
        raise BadConfig(f"{address.drivername!r} can't hold a journal", file="database", mend=mend)
    if not Path(address.database).is_file():
        raise BadConfig("there is no such journal", file=address.database, mend="give one with --database")
    return address


def _named(address: sqlalchemy.URL) -> str:
    return address.database or "database" if address.drivername == "sqlite" else str(address)
