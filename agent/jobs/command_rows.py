"""The ledger's table of controllers' commands: a repeat is answered, not done again."""

from __future__ import annotations

import msgspec

from agent.jobs.database import Database
from agent.messages import CommandStatus

MOST_COMMANDS = 1000


class CommandRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, command_id: str) -> tuple[str, CommandStatus] | None:
        """Type and status of a command that was taken before."""
        rows = self._db.all("SELECT type, status FROM command WHERE id = ?", command_id)
        return (rows[0][0], self._db.decoded(rows[0][1], CommandStatus)) if rows else None

    def save(self, command_id: str, kind: str, status: CommandStatus) -> None:
        """Remember a command and what became of it; the newest MOST_COMMANDS are kept."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO command (id, type, status) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET status = excluded.status",
                (command_id, kind, msgspec.json.encode(status)),
            )
            self._db.execute(
                "DELETE FROM command WHERE rowid <= (SELECT MAX(rowid) FROM command) - ?", (MOST_COMMANDS,)
            )

    def open(self) -> list[tuple[str, str]]:
        """List those that were taken and have no end yet: (id, type)."""
        rows = self._db.all("SELECT id, type, status FROM command ORDER BY rowid")
        return [(i, k) for i, k, s in rows if self._db.decoded(s, CommandStatus).state in ("accepted", "running")]
