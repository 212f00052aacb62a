"""The ledger's outbox beyond first delivery: events with their signed statements, refusals, and what is to go again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from agent.jobs.database import Database

ANY_SIZE = 1 << 62


@dataclass(frozen=True)
class StatedEvent:
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


@dataclass(frozen=True)
class OutboxRow:
    """Something that the collector has not yet confirmed. `topic` is relative to the station's root."""

    id: str
    kind: str
    topic: str
    payload: bytes
    attempts: int


class OutboxRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add_event(self, boot_id: str, make: Callable[[int], bytes | StatedEvent]) -> None:
        """Queue an event; `make` gets its number within this boot.

        A statement is kept for good, too: the event is forgotten at the broker's acknowledgement, it is not.
        """
        with self._db.transaction():
            row = self._db.one("SELECT COALESCE(MAX(seq), 0) + 1 FROM event_number WHERE boot_id = ?", boot_id)
            sequence = int(row[0]) if row else 1
            self._db.execute(
                "INSERT INTO event_number (boot_id, seq) VALUES (?, ?) "
                "ON CONFLICT (boot_id) DO UPDATE SET seq = excluded.seq",
                (boot_id, sequence),
            )
            made = make(sequence)
            told = made if isinstance(made, StatedEvent) else StatedEvent(made)
            self.queue(f"{boot_id}/{sequence}", "event", "event", told.event)
            if told.statement is not None:
                name = hashlib.sha256(told.statement).hexdigest()
                self._db.execute("INSERT INTO statement (id, body) VALUES (?, ?)", (name, told.statement))
                self.queue(name, "statement", f"statement/{name}", told.statement)

    def quarantine(self, row_id: str, reason: str, *, at: str = "") -> bool:
        """Keep a row that the collector refused, and stop sending it. Return whether it was waiting until now.

        `at` is the moment in a signed receipt: an older one than was seen before is a replay, and changes nothing.
        """
        with self._db.transaction():
            sql = (
                "UPDATE outbox SET quarantined = ?, refused_at = ? "
                "WHERE id = ? AND quarantined IS NULL AND (? = '' OR refused_at IS NULL OR refused_at < ?)"
            )
            return self._db.execute(sql, (reason, at, row_id, at, at)).rowcount > 0

    def listed(self) -> list[Waiting]:
        """List every row, oldest first; a certificate's with its number."""
        rows = self._db.all(
            "SELECT outbox.id, kind, certificate.number, attempts, quarantined FROM outbox "
            "LEFT JOIN certificate USING (id) ORDER BY outbox.rowid"
        )
        return [Waiting(*row) for row in rows]

    def statement(self, row_id: str) -> bytes | None:
        """Find a statement of this station, whatever became of its row."""
        row = self._db.one("SELECT body FROM statement WHERE id = ?", row_id)
        return bytes(row[0]) if row else None

    def again(self, found: Iterable[Again]) -> None:
        """Send all of these again, or none of them: what was refused waits once more, what has left comes back."""
        with self._db.transaction():
            for row in found:
                again = "UPDATE outbox SET quarantined = NULL WHERE id = ?"
                if self._db.execute(again, (row.id,)).rowcount == 0:
                    self.queue(row.id, row.kind, f"{row.kind}/{row.id}", row.payload)

    def waiting(
        self, limit: int, *, without: frozenset[str] = frozenset(), most_bytes: int | None = None
    ) -> list[OutboxRow]:
        """List the oldest rows that wait for delivery, less those that the caller has in hand.

        Statements last: a collector that knows none of them holds up no certificate. `most_bytes`: none whose topic and
        payload have more.
        """
        rows = self._db.all(
            "SELECT id, kind, topic, payload, attempts FROM outbox WHERE quarantined IS NULL "
            "AND id NOT IN (SELECT value FROM json_each(?)) AND length(CAST(topic AS BLOB)) + length(payload) <= ? "
            "ORDER BY kind = 'statement', rowid LIMIT ?",
            msgspec.json.encode(sorted(without)).decode(),
            ANY_SIZE if most_bytes is None else most_bytes,
            limit,
        )
        return [OutboxRow(*row) for row in rows]

    def larger(self, than_bytes: int) -> tuple[int, int]:
        """Count the waiting rows whose topic and payload have more bytes, and tell those of the largest payload."""
        row = self._db.one(
            "SELECT COUNT(*), COALESCE(MAX(length(payload)), 0) FROM outbox "
            "WHERE quarantined IS NULL AND length(CAST(topic AS BLOB)) + length(payload) > ?",
            than_bytes,
        )
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def owed(self) -> tuple[int, str]:
        """Count the rows that wait for a receipt, and name the oldest: by its number, or a statement by its id."""
        row = self._db.one(
            "SELECT COUNT(*), COALESCE(number, outbox.id, ''), MIN(outbox.rowid) FROM outbox "
            "LEFT JOIN certificate USING (id) WHERE quarantined IS NULL AND kind != 'event'"
        )
        return (int(row[0]), str(row[1])) if row else (0, "")

    def tried(self, row_id: str) -> None:
        """Count one more attempt."""
        with self._db.transaction():
            self._db.execute("UPDATE outbox SET attempts = attempts + 1 WHERE id = ?", (row_id,))

    def delivered(self, row_id: str) -> bool:
        """Forget a row that the collector has. Return whether there was one."""
        with self._db.transaction():
            return self._db.execute("DELETE FROM outbox WHERE id = ?", (row_id,)).rowcount > 0

    def quarantined(self) -> list[tuple[str, str]]:
        """List what the collector refused (id, reason), oldest first."""
        rows = self._db.all("SELECT id, quarantined FROM outbox WHERE quarantined IS NOT NULL ORDER BY rowid")
        return [(row[0], row[1]) for row in rows]

    def depth(self) -> int:
        """Count the rows that wait for delivery."""
        row = self._db.one("SELECT COUNT(*) FROM outbox WHERE quarantined IS NULL")
        return int(row[0]) if row else 0

    def next_connection(self) -> int:
        """Draw a number that grows with every connection to the broker, over restarts too."""
        with self._db.transaction():
            self._db.execute("UPDATE counter SET value = value + 1 WHERE name = 'connection'")
            row = self._db.one("SELECT value FROM counter WHERE name = 'connection'")
        return int(row[0]) if row else 0

    def waiting_certificate(self, certificate_id: str) -> bytes | None:
        """Read the bytes of a certificate that still waits in the outbox."""
        row = self._db.one("SELECT payload FROM outbox WHERE id = ? AND kind = 'cert'", certificate_id)
        return bytes(row[0]) if row else None

    def queue(self, row_id: str, kind: str, topic: str, payload: bytes) -> None:
        """Put a row in, inside the caller's transaction."""
        sql = "INSERT INTO outbox (id, kind, topic, payload) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"
        self._db.execute(sql, (row_id, kind, topic, payload))
