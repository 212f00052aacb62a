"""The ledger's part of the chain: its certificates in order, what is known to be missing, keys of before."""

from __future__ import annotations

from dataclasses import dataclass

from agent.certificates.record import Gap, Position, Replaces
from agent.jobs.chain import Row, Span, next_number
from agent.jobs.database import Database


@dataclass(frozen=True)
class KeyChange:
    """A key that was replaced. `old_x`: its public part, as of a JWK; None where nobody has it any more."""

    old_key: str
    old_x: str | None
    new_key: str
    at: str


class ChainRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def certificate_ids(self) -> set[str]:
        """List the ids of all certificates that have a row."""
        return {row[0] for row in self._db.all("SELECT id FROM certificate")}

    def certificates(self) -> list[Row]:
        """List all certificates, in their order."""
        return [Row(*row) for row in self._db.all("SELECT sequence, id, number FROM certificate ORDER BY sequence")]

    def waiting_without_row(self) -> set[str]:
        """Return the ids of certificates that wait in the outbox and have no row."""
        sql = "SELECT id FROM outbox WHERE kind = 'cert' AND id NOT IN (SELECT id FROM certificate)"
        return {row[0] for row in self._db.all(sql)}

    def has_number(self, sequence: int) -> bool:
        """Say whether a certificate of that position has a row."""
        return bool(self._db.all("SELECT 1 FROM certificate WHERE sequence = ?", sequence))

    def gaps(self) -> list[Span]:
        """List the numbers that are known to be missing."""
        return [Span(*row) for row in self._db.all("SELECT first, last FROM number_gap ORDER BY first")]

    def settled_conflicts(self) -> set[tuple[str, str]]:
        """List (kind, name) of what a person has seen and settled."""
        return {(kind, name) for kind, name in self._db.all("SELECT kind, name FROM settled_conflict")}

    def key_changes(self) -> list[KeyChange]:
        """List the keys that were replaced, oldest first."""
        return [
            KeyChange(*r) for r in self._db.all("SELECT old_key, old_x, new_key, at FROM key_change ORDER BY place")
        ]

    def replace_key(self, change: KeyChange) -> None:
        """Remember that a new key begins a new chain."""
        with self._db.transaction():
            sql = "INSERT INTO key_change (old_key, old_x, new_key, at) VALUES (?, ?, ?, ?)"
            self._db.execute(sql, (change.old_key, change.old_x, change.new_key, change.at))

    def add_gap(self, span: Span, why: str, at: str) -> None:
        """Remember that these numbers are missing."""
        sql = "INSERT INTO number_gap (first, last, why, at) VALUES (?, ?, ?, ?) ON CONFLICT (first) DO UPDATE SET "
        self._db.all(sql + "last = MAX(last, excluded.last)", span.first, span.last, why, at)

    def renumber(self, certificate_id: str, sequence: int) -> bool:
        """Put a certificate's row at the number that its file has; whether that place was free."""
        if self.has_number(sequence):
            return False
        self._db.all("UPDATE certificate SET sequence = ? WHERE id = ?", sequence, certificate_id)
        return True

    def settle_conflict(self, kind: str, name: str, at: str) -> None:
        """Remember that a person has seen this."""
        self._db.all("INSERT OR IGNORE INTO settled_conflict (kind, name, at) VALUES (?, ?, ?)", kind, name, at)

    def skip_counts(self, by: int) -> None:
        """Skip what was counted since this ledger was copied: events, and connections.

        It must not be counted again.
        """
        with self._db.transaction():
            self._db.execute("UPDATE event_number SET seq = seq + ?", (by,))
            self._db.execute("UPDATE counter SET value = value + ?", (by,))

    def position(self) -> Position:
        """Find where the next certificate stands."""
        rows = self._db.all("SELECT sequence, id FROM certificate ORDER BY sequence DESC LIMIT 1")
        last, previous = rows[0] if rows else (0, None)
        sequence = next_number(last, self.gaps())
        gap = None
        if sequence > last + 1:
            why = self._db.all("SELECT why FROM number_gap ORDER BY last DESC LIMIT 1")[0][0]
            gap = Gap(first=last + 1, last=sequence - 1, why=why)
        new = self._db.all("SELECT new_key FROM key_change ORDER BY place DESC LIMIT 1")
        untold = self._db.all("SELECT old_key FROM key_change WHERE named_by IS NULL ORDER BY place LIMIT 1")
        replaces = Replaces(key=untold[0][0], last=previous) if untold else None
        key = new[0][0] if new else None
        return Position(sequence=sequence, previous=previous, gap=gap, replaces=replaces, key=key)

    def number_of_device(self, tag: str) -> str | None:
        """Find the number of the newest certificate of a drive that came from the device with that tag."""
        rows = self._db.all("SELECT number FROM certificate WHERE asset = ? ORDER BY sequence DESC LIMIT 1", tag)
        return str(rows[0][0]) if rows else None

    def certificate_of(self, name: str) -> tuple[str, str] | None:
        """Find (id, number) of the certificate with that id or number."""
        rows = self._db.all("SELECT id, number FROM certificate WHERE id = ? OR number = ?", name, name)
        return (rows[0][0], rows[0][1]) if rows else None

    def named(self, certificate_id: str) -> None:
        """Note, inside the caller's transaction, that this certificate names the keys that were replaced before it."""
        self._db.execute("UPDATE key_change SET named_by = ? WHERE named_by IS NULL", (certificate_id,))
