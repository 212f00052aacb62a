"""The ledger's table of what waits for a person and no bay shows: it is there after a power cut, too."""

from __future__ import annotations

from agent.jobs.database import Database

MOST_PENDING = 200  # of each kind: who never scans a label or a box does not drown in them


class PendingRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, kind: str, name: str, body: bytes) -> None:
        """Remember something that waits; the oldest of its kind goes where there are too many."""
        with self._db.transaction():
            self._db.execute("REPLACE INTO pending (kind, name, body) VALUES (?, ?, ?)", (kind, name, body))
            self._db.execute(
                "DELETE FROM pending WHERE kind = ? AND rowid NOT IN "
                "(SELECT rowid FROM pending WHERE kind = ? ORDER BY rowid DESC LIMIT ?)",
                (kind, kind, MOST_PENDING),
            )

    def drop(self, kind: str, name: str) -> None:
        """Forget what was done."""
        with self._db.transaction():
            self._db.execute("DELETE FROM pending WHERE kind = ? AND name = ?", (kind, name))

    def all(self) -> list[tuple[str, str, bytes]]:
        """List (kind, name, body), oldest first."""
        rows = self._db.all("SELECT kind, name, body FROM pending ORDER BY rowid")
        return [(kind, name, bytes(body)) for kind, name, body in rows]
