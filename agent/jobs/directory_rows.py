"""The ledger's table of the directory in use: what a controller signed, its newest version alone."""

from __future__ import annotations

from agent.jobs.database import Database


class DirectoryRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def newest(self) -> tuple[int, bytes] | None:
        """Return version and bytes of the directory that was taken last."""
        rows = self._db.all("SELECT version, body FROM directory ORDER BY version DESC LIMIT 1")
        return (rows[0][0], bytes(rows[0][1])) if rows else None

    def save(self, version: int, body: bytes) -> None:
        """Keep a directory in the place of the one before."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO directory (version, body) VALUES (?, ?)", (version, body))
            self._db.execute("DELETE FROM directory WHERE version < ?", (version,))
