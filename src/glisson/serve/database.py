"""The database: SQLite in the data directory, or PostgreSQL by URL; opened only in the version that is known."""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from glisson.errors import InputError, MissingExtra
from glisson.serve import schema

__all__ = ["Database", "now", "open_database"]

FILE = "glisson.sqlite"
OWNER_FILE = "database-id"
BUSY_SECONDS = 30
FULL_IN_SQLITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE)
"""What SQLite says when there is no room for the database, the index of its log, and the log."""
FULL_IN_POSTGRESQL = "53100"
"""SQLSTATE disk_full."""
LOCK_KEY = 8470_1508
"""Key of the advisory lock that writers of the audit trail take in PostgreSQL."""


def now() -> str:
    """The time as it is stored: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Database:
    """Reads and writes in transactions. A write takes the lock of writers at its beginning: one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(writes=True)
        self.state = object()
        """Another object after every write of this process: whoever holds the same one knows that nothing changed."""

    @property
    def kind(self) -> str:
        """Either `sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from; what it sees does not change. Raises OSError (ENOSPC) where the disk is full."""
        with _telling_full(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is committed at the end, or nothing when anything raises. One at a time.

        Raises OSError (ENOSPC) where the database's disk is full.
        """
        with _telling_full(), self._writer.begin() as connection:
            if self.kind == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            yield connection
        self.state = object()

    def all(self, query: Any) -> list[Any]:
        """The rows of a query."""
        with self.read() as connection:
            return list(connection.execute(query))

    def first(self, query: Any) -> Any:
        """The first row of a query, or None."""
        with self.read() as connection:
            return connection.execute(query).first()

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


@contextmanager
def _telling_full() -> Iterator[None]:
    """Whatever database it is, a full disk is an OSError with its number."""
    try:
        yield
    except DBAPIError as refusal:
        code = getattr(refusal.orig, "sqlite_errorcode", None), getattr(refusal.orig, "sqlstate", None)
        if code[0] in FULL_IN_SQLITE or code[1] == FULL_IN_POSTGRESQL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from refusal
        raise


def open_database(data_dir: Path, url: str | None = None) -> Database:
    """Open the database of a data directory, making its tables in an empty one.

    Raises InputError for a URL that is not understood, a database that cannot be reached or is of another version, and
    one that belongs to another data directory; MissingExtra where the driver is not installed.
    """
    engine = _engine(data_dir, url)
    try:
        with engine.begin() as connection:
            if not inspect(connection).has_table("meta"):
                schema.metadata.create_all(connection)
                connection.execute(insert(schema.meta), [
                    {"key": "schema", "value": str(schema.SCHEMA_VERSION)}, {"key": "id", "value": str(uuid.uuid4())},
                ])  # fmt: skip
            found = dict(tuple(row) for row in connection.execute(select(schema.meta.c.key, schema.meta.c.value)))
    except DBAPIError as refusal:
        raise InputError(
            f"The database cannot be used ({type(refusal.orig).__name__}): {_where(url, data_dir)}. Check that it is "
            "running, that the URL names the right one, and that the disk can be written to."
        ) from refusal
    if found.get("schema") != str(schema.SCHEMA_VERSION):
        raise InputError(
            f"The database is of version {found.get('schema')}, this Glisson needs version {schema.SCHEMA_VERSION}. "
            "Start the Glisson it was made with, or begin with a new data directory."
        )
    _refuse_foreign(data_dir, found["id"])
    return Database(engine)


def _refuse_foreign(data_dir: Path, identity: str) -> None:
    """A data directory and its database belong together: beside another one, cases would seem to be lost."""
    file = data_dir / OWNER_FILE
    known = file.read_text().strip() if file.exists() else None
    if known is None and not any((data_dir / "cases").glob("*")):
        file.write_text(identity + "\n")
    elif known != identity:
        raise InputError(
            f"{data_dir} belongs to another database. Give the --database (or none) that it was made with, "
            "or a new data directory."
        )


def _engine(data_dir: Path, url: str | None) -> Engine:
    if url is None:
        engine = create_engine(
            f"sqlite:///{data_dir / FILE}", connect_args={"timeout": BUSY_SECONDS}, pool_size=20, max_overflow=40
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        given = make_url(url)
        if given.get_backend_name() != "postgresql":
            raise InputError(f"--database takes a URL of PostgreSQL; got {given.drivername}. Leave it out for SQLite.")
        return create_engine(
            given.set(drivername="postgresql+psycopg"), pool_size=20, max_overflow=40, pool_pre_ping=True
        )
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            "PostgreSQL needs its driver. Install it with: pip install 'glisson[postgresql]'"
        ) from missing
    except (ArgumentError, NoSuchModuleError) as wrong:
        raise InputError("--database is not a URL such as postgresql://NAME:PASSWORD@HOST/DATABASE.") from wrong


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _where(url: str | None, data_dir: Path) -> str:
    """The database without its password."""
    return str(data_dir / FILE) if url is None else make_url(url).render_as_string(hide_password=True)
