"""Follows the intake: what certificates are found by is written after their receipts, in transactions of its own.

The intake calls it when nobody waits for a receipt, or when it is far behind. At a start all certificates are gone
through once: a database may come from a backup, or from somebody who changed it while nobody looked.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import connection as default
from django.db import transaction

from agent.certificates.certificate import Certificate
from agent.certificates.record import Record
from collector.certificates.search_index import OF_RANGE, move, row_of_stored, write
from collector.certificates.search_rows import row_of
from collector.certificates.search_schema import TABLE

LOG = logging.getLogger(__name__)
CHUNK = 200
"""Certificates written in one transaction: the next batch waits 20 ms for it, and no longer."""
STRIDE = 20_000
"""Arrivals gone through in one step: 10 ms where all of them are there."""
AGAIN = {"sqlite": 0, "postgresql": 2_000}
"""Arrivals before the newest that are gone through again: PostgreSQL may show a lower number after a higher one."""
REMEMBERED = 2_000  # records; those beyond are read from their bytes
SAID_EACH = 50_000
MOST_STEPS = 20  # that a page waits for: as far as the intake lets the search be behind, and more
FACTS = ("number", "serial", "model", "asset_tag", "customer_name", "lot", "operator")
MISSING = (
    f"SELECT c.arrival, c.customer_id, c.station_id, c.outcome, c.id, {', '.join(f'c.{one}' for one in FACTS)} "
    f"FROM intake_certificate c LEFT JOIN {TABLE} f ON f.arrival = c.arrival "
    "WHERE c.arrival > %s AND c.arrival <= %s AND f.arrival IS NULL ORDER BY c.arrival LIMIT %s"
)
BYTES = "SELECT id, compact FROM intake_certificatebytes WHERE id IN ({})"
NEWEST = "SELECT COALESCE(max(arrival), 0) FROM intake_certificate"
NEWEST_FOUND = f"SELECT COALESCE(max(arrival), 0) FROM {TABLE}"
COUNTS = f"SELECT (SELECT count(*) FROM intake_certificate), (SELECT count(*) FROM {TABLE})"


class Follower:
    """Goes through the certificates by their arrival, and stays behind the newest. One thread's own."""

    def __init__(self, connection: Any = default, after: int = 0) -> None:  # noqa: ANN401 - Django's wrapper
        self._connection = connection
        self._place = self._compared = after
        self._written = self._said = 0
        self._fresh: dict[str, Record] = {}

    def remember(self, new: Sequence[Certificate]) -> None:
        """Keep the records of what is stored right now, so that they need not be read again."""
        if len(self._fresh) < REMEMBERED:
            self._fresh |= {one.id: one.record for one in new}

    def step(self) -> int:
        """Write some of what is missing; how many arrivals are left to be gone through. 0: all are found."""
        newest = self._newest()
        end = min(self._place + STRIDE, newest)
        if self._moves_within(end):
            return newest - self._place
        written = self._write(self._place, end)
        self._place = written[-1] if len(written) == CHUNK else end
        if self._place >= newest:
            self._end(newest)
            return 0
        return newest - self._place

    def _moves_within(self, end: int) -> bool:
        """Let rows that are there follow to their certificate's customer; what is added is written with it."""
        if self._compared >= end:
            return False
        if move(self._connection, self._compared, OF_RANGE, end):
            return True
        self._compared = end
        return False

    def _write(self, after: int, end: int) -> list[int]:
        """Looked at without a lock first: most often nothing is missing."""
        if not self._missing(after, end):
            return []
        with transaction.atomic(using=self._connection.alias):
            missing = self._missing(after, end)
            unread = [row[4] for row in missing if row[4] not in self._fresh]
            compact = self._bytes(unread) if unread else {}
            rows = [(*row[:4], self._row(row, compact)) for row in missing]
            write(self._connection, rows)
        for row in missing:
            self._fresh.pop(row[4], None)
        self._tell(len(missing))
        return [row[0] for row in missing]

    def _row(self, row: Sequence[Any], compact: dict[str, bytes]) -> Any:  # noqa: ANN401 - columns' texts
        record = self._fresh.get(row[4])
        if record is not None:
            return row_of(record)
        return row_of_stored(compact.get(row[4], b""), dict(zip(FACTS, row[5:], strict=True)))

    def _missing(self, after: int, end: int) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(MISSING, [after, end, CHUNK])
            return list(cursor.fetchall())

    def _bytes(self, wanted: Sequence[str]) -> dict[str, bytes]:
        with self._connection.cursor() as cursor:
            cursor.execute(BYTES.format(", ".join(["%s"] * len(wanted))), wanted)
            return {name: bytes(compact) for name, compact in cursor.fetchall()}

    def _newest(self) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(NEWEST)
            return int(cursor.fetchone()[0])

    def _tell(self, count: int) -> None:
        self._written += count
        if self._written - self._said >= SAID_EACH:
            self._said = self._written
            LOG.info("search: %d certificates were added", self._written)

    def _end(self, newest: int) -> None:
        if self._said:
            LOG.info("search: it is complete; %d certificates were added", self._written)
        self._written = self._said = 0
        self._fresh.clear()
        self._place = self._compared = max(0, newest - AGAIN[self._connection.vendor])


def catch_up(connection: Any = default) -> None:  # noqa: ANN401 - as above
    """Go through all certificates, and write what is missing."""
    follower = Follower(connection)
    while follower.step():
        pass


def add_newest() -> None:
    """Add what came in just now, before something is made of all that a search finds."""
    follower = Follower(after=newest_found())
    for _ in range(MOST_STEPS):
        if not follower.step():
            return


def newest_found() -> int:
    """Return the arrival up to which certificates are found."""
    return _numbers(NEWEST_FOUND)[0]


def is_behind() -> bool:
    """Say whether certificates came in that no search finds yet."""
    return _numbers(NEWEST)[0] != newest_found()


def problems() -> list[str]:
    """Say how many certificates no search finds."""
    stored, found = _numbers(COUNTS)
    if stored == found:
        return []
    told = f"{abs(stored - found)} certificates are not in the search yet: `serve` adds them while it runs"
    return [f"{told}, `benchwipe-collector migrate` at once"]


def _numbers(query: str) -> tuple[int, ...]:
    with default.cursor() as cursor:
        cursor.execute(query)
        return tuple(int(one) for one in cursor.fetchone() or ())
