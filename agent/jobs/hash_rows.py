"""The ledger's table of fixed patterns' hashes by capacity: those that were made, and those that are wanted."""

from __future__ import annotations

import time
from typing import NamedTuple

from agent.erase import PatternSpan
from agent.jobs.database import Database

MOST_KEPT = 256
"""Rows, those last asked for: more sizes than a bench meets, of some 200 bytes."""

MOST_WANTED = 64
"""Hashes that an idle station still has to make."""


class HashRow(NamedTuple):
    """A hash that was made: by which job, or "idle"; when; and the station's seal on all of that."""

    place: PatternSpan
    blake3: str
    made_by: str
    made_at: str
    seal: bytes


class HashRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, place: PatternSpan) -> HashRow | None:
        """Find a hash that was made. Whatever stands in the row is returned as it is: its seal is the caller's."""
        sql = "SELECT blake3, made_by, made_at, seal FROM pattern_hash WHERE pattern = ? AND capacity = ?"
        row = self._db.one(sql, *place)
        if row is None or row[0] is None:
            return None
        return HashRow(place, str(row[0]), str(row[1]), str(row[2]), row[3] if isinstance(row[3], bytes) else b"")

    def want(self, place: PatternSpan) -> bool:
        """Note that this hash is wanted, where there is none yet. Return whether that is new."""
        if self._db.one("SELECT 1 FROM pattern_hash WHERE pattern = ? AND capacity = ?", *place) is not None:
            return False
        with self._db.transaction():
            sql = "INSERT OR IGNORE INTO pattern_hash (pattern, capacity, asked) VALUES (?, ?, ?)"
            self._db.execute(sql, (*place, int(time.time())))
            self._bound()
        return True

    def keep(self, row: HashRow) -> None:
        """Remember a hash in the place of whatever was there."""
        with self._db.transaction():
            self._db.execute(
                "REPLACE INTO pattern_hash (pattern, capacity, blake3, made_by, made_at, seal, asked) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row.place, row.blake3, row.made_by, row.made_at, row.seal, int(time.time())),
            )
            self._bound()

    def forget(self, place: PatternSpan) -> None:
        """Forget a hash that is not to be believed: it is wanted again."""
        with self._db.transaction():
            sql = "UPDATE pattern_hash SET blake3 = NULL, seal = NULL WHERE pattern = ? AND capacity = ?"
            self._db.execute(sql, tuple(place))

    def checked(self, place: PatternSpan, at: str) -> None:
        """Note that the hash was made anew at that time, and was the same."""
        with self._db.transaction():
            sql = "UPDATE pattern_hash SET checked_at = ?, asked = ? WHERE pattern = ? AND capacity = ?"
            self._db.execute(sql, (at, int(time.time()), *place))

    def wanted(self) -> list[PatternSpan]:
        """List what is wanted and not made, the smallest first: it is there the soonest. The columns as they are."""
        sql = "SELECT pattern, capacity FROM pattern_hash WHERE blake3 IS NULL ORDER BY capacity, pattern LIMIT ?"
        return [PatternSpan(*row) for row in self._db.all(sql, MOST_WANTED)]

    def _bound(self) -> None:
        sql = "DELETE FROM pattern_hash WHERE rowid NOT IN (SELECT rowid FROM pattern_hash ORDER BY asked DESC LIMIT ?)"
        self._db.execute(sql, (MOST_KEPT,))
