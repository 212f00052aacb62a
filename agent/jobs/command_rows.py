"""The ledger's table of controllers' commands: a repeat is answered, not done again."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import msgspec

from agent.messages import CommandStatus

MOST_COMMANDS = 1000

T = TypeVar("T")


class CommandRows(ABC):
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    _db: sqlite3.Connection

    @abstractmethod
    def _all(self, sql: str, *values: Any) -> list[Any]: ...  # noqa: ANN401 - rows of SQLite

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _decoded(self, body: bytes, kind: type[T]) -> T: ...

    def command(self, command_id: str) -> tuple[str, CommandStatus] | None:
        """Type and status of a command that was taken before."""
        rows = self._all("SELECT type, status FROM command WHERE id = ?", command_id)
        return (rows[0][0], self._decoded(rows[0][1], CommandStatus)) if rows else None

    def save_command(self, command_id: str, kind: str, status: CommandStatus) -> None:
        """Remember a command and what became of it; the newest MOST_COMMANDS are kept."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO command (id, type, status) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET status = excluded.status",
                (command_id, kind, msgspec.json.encode(status)),
            )
            self._db.execute(
                "DELETE FROM command WHERE rowid <= (SELECT MAX(rowid) FROM command) - ?", (MOST_COMMANDS,)
            )

    def open_commands(self) -> list[tuple[str, str]]:
        """(id, type) of those that were taken and have no end yet."""
        rows = self._all("SELECT id, type, status FROM command ORDER BY rowid")
        return [(i, k) for i, k, s in rows if self._decoded(s, CommandStatus).state in ("accepted", "running")]
