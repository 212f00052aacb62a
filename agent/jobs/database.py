"""The ledger's file: SQLite, opened private and durable; whatever goes wrong with it is a LedgerProblem."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent import files
from agent.errors import LedgerProblem
from agent.jobs.schema import migrate
from drivers.deadline import Deadline

BUSY_TIMEOUT_S = 10.0

T = TypeVar("T")


class Database:
    """One connection to it, for all tables. Belongs to one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.translated():
            files.make_private_folder(path.parent)
            _make_private_file(path)
            self.connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._use_wal()
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute("PRAGMA secure_delete = ON")
            self.connection.execute("PRAGMA foreign_keys = ON")
            with self.transaction():
                migrate(self.connection)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def _use_wal(self) -> None:
        """SQLite does not wait for a lock here: of 30 x 6 processes that opened a new ledger at once, one failed."""
        end = Deadline(BUSY_TIMEOUT_S)
        while True:
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or end.passed:
                    raise
                time.sleep(0.01)
            else:
                return

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement inside the caller's transaction."""
        return self.connection.execute(sql, values)

    def decoded(self, body: bytes, kind: type[T]) -> T:
        """Return the value in a row, or LedgerProblem."""
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise LedgerProblem(path=self.path, problem=f"a {kind.__name__} in it cannot be read: {error}") from error

    def one(self, sql: str, *values: Any) -> Any:  # noqa: ANN401 - a row of SQLite
        """Return the first row, or None."""
        with self.translated():
            return self.connection.execute(sql, values).fetchone()

    def all(self, sql: str, *values: Any) -> list[Any]:  # noqa: ANN401 - rows of SQLite
        """Return all rows."""
        with self.translated():
            return self.connection.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all of it or nothing; within another one it is a part of that."""
        if self.connection.in_transaction:
            yield
            return
        with self.translated():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into LedgerProblem."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise LedgerProblem(path=self.path, problem=problem) from error


def _make_private_file(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise OSError(0, f"the ledger is open to others (mode {mode:o}); chmod 600 it")
