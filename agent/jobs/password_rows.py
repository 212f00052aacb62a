"""The ledger's table of ATA passwords: written down before a drive may get one, and kept until it has none of ours.

A drive that ended "failed" may be locked with one: it is kept for its recovery, but not for ever. Such a drive goes to
destruction, and whoever holds the password could open it until then.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from agent.jobs.database import Database


class PasswordRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keep(self, drive: str, password: bytes, job_id: str) -> None:
        """Remember the password of a job for this drive; all that this drive may have are of use from now on."""
        now = int(time.time())
        with self._db.transaction():
            sql = "INSERT OR IGNORE INTO drive_password (drive, password, job, made) VALUES (?, ?, ?, ?)"
            self._db.execute(sql, (drive, password, job_id, now))
            self._db.execute("UPDATE drive_password SET made = ?, job = ? WHERE drive = ?", (now, job_id, drive))

    def of(self, drive: str) -> tuple[bytes, ...]:
        """List those that this drive may have of us, the newest first."""
        sql = "SELECT password FROM drive_password WHERE drive = ? ORDER BY rowid DESC"
        return tuple(bytes(row[0]) for row in self._db.all(sql, drive))

    def forget(self, drive: str, password: bytes) -> None:
        """Forget one that the drive never got."""
        with self._db.transaction():
            self._db.execute("DELETE FROM drive_password WHERE drive = ? AND password = ?", (drive, password))

    def forget_all(self, drive: str) -> None:
        """Forget all of a drive that was erased and read: it has none of ours any more."""
        with self._db.transaction():
            self._db.execute("DELETE FROM drive_password WHERE drive = ?", (drive,))

    def keep_all(self) -> None:
        """Count all of them as of use now: a ledger that was away must not forget them for its own age."""
        with self._db.transaction():
            self._db.execute("UPDATE drive_password SET made = ?", (int(time.time()),))

    def forget_old(self, *, before: float, but: Collection[str] = ()) -> list[str]:
        """Forget passwords last of use before that (seconds since 1970), but those of `but`. Return their jobs."""
        with self._db.transaction():
            rows = self._db.execute("SELECT rowid, job FROM drive_password WHERE made < ?", (int(before),)).fetchall()
            old = [(row, job) for row, job in rows if job not in but]
            self._db.connection.executemany("DELETE FROM drive_password WHERE rowid = ?", [(r,) for r, _ in old])
        if old:
            self._db.all("PRAGMA wal_checkpoint(TRUNCATE)")  # out of the write-ahead log, too
        return sorted({job for _, job in old})
