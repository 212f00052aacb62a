"""The ledger's table of ATA passwords: written down before a drive may get one, and kept until it has none of ours.

A drive that ended "failed" may be locked with one: it is kept for its recovery, but not for ever. Such a drive goes to
destruction, and whoever holds the password could open it until then.
"""

from __future__ import annotations

import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Collection
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
        """Remember the password of a job for this drive; all that this drive may have are of use from now on."""
        now = int(time.time())
        with self._transaction():
            sql = "INSERT OR IGNORE INTO drive_password (drive, password, job, made) VALUES (?, ?, ?, ?)"
            self._db.execute(sql, (drive, password, job_id, now))
            self._db.execute("UPDATE drive_password SET made = ?, job = ? WHERE drive = ?", (now, job_id, drive))

    def passwords(self, drive: str) -> tuple[bytes, ...]:
        """Those that this drive may have of us, the newest first."""
        sql = "SELECT password FROM drive_password WHERE drive = ? ORDER BY rowid DESC"
        return tuple(bytes(row[0]) for row in self._all(sql, drive))

    def forget_password(self, drive: str, password: bytes) -> None:
        """The drive never got this one."""
        with self._transaction():
            self._db.execute("DELETE FROM drive_password WHERE drive = ? AND password = ?", (drive, password))

    def forget_passwords(self, drive: str) -> None:
        """The drive was erased and read: it has none of ours any more."""
        with self._transaction():
            self._db.execute("DELETE FROM drive_password WHERE drive = ?", (drive,))

    def keep_all_passwords(self) -> None:
        """All of them count as of use now: a ledger that was away must not forget them for its own age."""
        with self._transaction():
            self._db.execute("UPDATE drive_password SET made = ?", (int(time.time()),))

    def forget_old_passwords(self, *, before: float, but: Collection[str] = ()) -> list[str]:
        """The jobs whose passwords were last of use before that (seconds since 1970), and are gone now; not `but`."""
        with self._transaction():
            rows = self._db.execute("SELECT rowid, job FROM drive_password WHERE made < ?", (int(before),)).fetchall()
            old = [(row, job) for row, job in rows if job not in but]
            self._db.executemany("DELETE FROM drive_password WHERE rowid = ?", [(row,) for row, _ in old])
        if old:
            self._all("PRAGMA wal_checkpoint(TRUNCATE)")  # out of the write-ahead log, too
        return sorted({job for _, job in old})
