"""The ledger's table of ATA passwords: written down before a drive may get one, and kept until it has none of ours."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any


class PasswordRows(ABC):
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    _db: sqlite3.Connection

    @abstractmethod
    def _all(self, sql: str, *values: Any) -> list[Any]: ...  # noqa: ANN401 - rows of SQLite

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    def keep_password(self, drive: str, password: bytes, job_id: str) -> None:
        """Remember the password of a job for this drive."""
        with self._transaction():
            sql = "INSERT OR IGNORE INTO drive_password (drive, password, job) VALUES (?, ?, ?)"
            self._db.execute(sql, (drive, password, job_id))

    def passwords(self, drive: str) -> tuple[bytes, ...]:
        """Those that this drive may have of us, the newest first."""
        sql = "SELECT password FROM drive_password WHERE drive = ? ORDER BY rowid DESC"
        return tuple(bytes(row[0]) for row in self._all(sql, drive))

    def forget_passwords(self, drive: str) -> None:
        """The drive was erased and read: it has none of ours any more."""
        with self._transaction():
            self._db.execute("DELETE FROM drive_password WHERE drive = ?", (drive,))
