"""An engine of SQLite or PostgreSQL that keeps its word: what COMMIT said is on the medium."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event

from collector.settings import Configuration

DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
BUSY_MS = 5000
CONNECT_S = 5


def connect(url: URL) -> Engine:
    """Make an engine. Nothing is opened yet. Raise OSError if SQLite's folder cannot be made."""
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000})
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        return engine
    options = f"-c synchronous_commit=on -c lock_timeout={BUSY_MS} -c statement_timeout=30000"
    arguments: dict[str, object] = {"connect_timeout": CONNECT_S, "options": options}
    return create_engine(url, pool_pre_ping=True, connect_args=arguments)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open one consistent view that holds up no writer."""
    with engine.connect().execution_options(reads_only=True) as connection:
        yield connection


def _set_pragmas(raw: sqlite3.Connection, _: object) -> None:
    raw.isolation_level = None  # the driver's own idea of BEGIN is too late: see _begin
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {BUSY_MS}"):
        raw.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """A writer takes the lock at once: one that began by reading cannot always get it later (SQLITE_BUSY_SNAPSHOT)."""
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def url_of(configuration: Configuration) -> URL:
    """Build SQLAlchemy's URL of the configured database."""
    place = configuration.database()
    return URL.create(
        DRIVERS[place.kind], place.user or None, place.password or None, place.host or None, place.port, place.name
    )
