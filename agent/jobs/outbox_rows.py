"""The ledger's outbox beyond first delivery: events with their signed statements, refusals, and what is to go again."""

from __future__ import annotations

import hashlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from agent.jobs.job import Job


@dataclass(frozen=True)
class Told:
    """An event, and the statement in it that waits for a receipt of its own. Both are bytes as they are sent."""

    event: bytes
    statement: bytes | None = None


@dataclass(frozen=True)
class Waiting:
    """A row of the outbox as a person is shown it. `refused` is the collector's reason; None while it waits."""

    id: str
    kind: str
    number: str | None
    attempts: int
    refused: str | None


@dataclass(frozen=True)
class Again:
    """What is to be sent again; `payload` is used where the outbox has no such row any more."""

    id: str
    kind: str
    payload: bytes


class OutboxRows(ABC):
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    _db: sqlite3.Connection

    @abstractmethod
    def _one(self, sql: str, *values: Any) -> Any: ...  # noqa: ANN401 - a row of SQLite

    @abstractmethod
    def _all(self, sql: str, *values: Any) -> list[Any]: ...  # noqa: ANN401 - rows of SQLite

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _save(self, job: Job) -> None: ...

    @abstractmethod
    def _queue(self, row_id: str, kind: str, topic: str, payload: bytes) -> None: ...

    def add_event(self, boot_id: str, make: Callable[[int], bytes | Told], job: Job | None = None) -> None:
        """Queue an event; `make` gets its number within this boot. `job`: what changed with it, as one.

        A statement is kept for good, too: the event is forgotten at the broker's acknowledgement, it is not.
        """
        with self._transaction():
            if job is not None:
                self._save(job)
            row = self._one("SELECT COALESCE(MAX(seq), 0) + 1 FROM event_number WHERE boot_id = ?", boot_id)
            sequence = int(row[0]) if row else 1
            self._db.execute(
                "INSERT INTO event_number (boot_id, seq) VALUES (?, ?) "
                "ON CONFLICT (boot_id) DO UPDATE SET seq = excluded.seq",
                (boot_id, sequence),
            )
            made = make(sequence)
            told = made if isinstance(made, Told) else Told(made)
            self._queue(f"{boot_id}/{sequence}", "event", "event", told.event)
            if told.statement is not None:
                name = hashlib.sha256(told.statement).hexdigest()
                self._db.execute("INSERT INTO statement (id, body) VALUES (?, ?)", (name, told.statement))
                self._queue(name, "statement", f"statement/{name}", told.statement)

    def outbox_quarantine(self, row_id: str, reason: str, *, at: str = "") -> bool:
        """The collector refused it: keep it, and stop sending it. Whether it was waiting until now.

        `at` is the moment in a signed receipt: an older one than was seen before is a replay, and changes nothing.
        """
        with self._transaction():
            sql = (
                "UPDATE outbox SET quarantined = ?, refused_at = ? "
                "WHERE id = ? AND quarantined IS NULL AND (? = '' OR refused_at IS NULL OR refused_at < ?)"
            )
            return self._db.execute(sql, (reason, at, row_id, at, at)).rowcount > 0

    def outbox_listed(self) -> list[Waiting]:
        """Every row, oldest first; a certificate's with its number."""
        rows = self._all(
            "SELECT outbox.id, kind, certificate.number, attempts, quarantined FROM outbox "
            "LEFT JOIN certificate USING (id) ORDER BY outbox.rowid"
        )
        return [Waiting(*row) for row in rows]

    def statement(self, row_id: str) -> bytes | None:
        """A statement of this station, whatever became of its row."""
        row = self._one("SELECT body FROM statement WHERE id = ?", row_id)
        return bytes(row[0]) if row else None

    def outbox_again(self, found: Iterable[Again]) -> None:
        """Send all of these again, or none of them: what was refused waits once more, what has left comes back."""
        with self._transaction():
            for row in found:
                again = "UPDATE outbox SET quarantined = NULL WHERE id = ?"
                if self._db.execute(again, (row.id,)).rowcount == 0:
                    self._queue(row.id, row.kind, f"{row.kind}/{row.id}", row.payload)
