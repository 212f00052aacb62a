"""Writes what certificates are found by. Which of them, and when: collector/certificates/search_follow.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection as default
from django.db import transaction

from agent.certificates.certificate import read_unverified
from agent.errors import CertificateProblem
from collector.certificates.search_rows import COLUMNS, marks_of, row_of, row_of_columns
from collector.certificates.search_schema import TABLE, TRIGRAMS

MOVED_AT_ONCE = 500
ALL = ("arrival", "customer_id", "station_id", "outcome", *COLUMNS)
INSERT = f"INSERT INTO {TABLE} ({', '.join(ALL)}) VALUES ({', '.join(['%s'] * len(ALL))}) ON CONFLICT DO NOTHING"
INSERT_TRIGRAMS = f"INSERT INTO {TRIGRAMS} (rowid, text) VALUES (%s, %s)"
DELETE_TRIGRAMS = f"INSERT INTO {TRIGRAMS} ({TRIGRAMS}, rowid, text) VALUES ('delete', %s, %s)"
MOVED = (
    "SELECT f.arrival, f.operator, f.lot, f.text, f.customer_id, c.customer_id FROM intake_certificate c "
    f"JOIN {TABLE} f ON f.arrival = c.arrival WHERE f.arrival > %s AND c.customer_id IS DISTINCT FROM f.customer_id "
    "{more} ORDER BY f.arrival LIMIT %s"
)
OF_NAME, OF_RANGE = "AND c.customer_name = %s", "AND f.arrival <= %s"


def write(connection: Any, rows: Sequence[tuple[Any, ...]]) -> None:  # noqa: ANN401 - Django's wrapper of either database
    """Write rows that are not there yet: arrival, customer, station, outcome, and what the columns hold."""
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [(*facts, *(row[name] for name in COLUMNS)) for *facts, row in rows])
        if connection.vendor == "sqlite":
            made = [
                (arrival, _trigrams(customer, row["operator"], row["lot"], row["text"]))
                for arrival, customer, _, _, row in rows
            ]
            cursor.executemany(INSERT_TRIGRAMS, made)


def follow(name: str) -> int:
    """Let the rows under this name follow their certificates to another customer; how many did.

    A transaction a chunk: the intake waits for none of them long. Until then a search shows such a row to nobody whom
    the certificate itself is not shown to.
    """
    last, count = 0, 0
    while moved := move(default, last, OF_NAME, name):
        last, count = moved[-1], count + len(moved)
    return count


def move(connection: Any, after: int, more: str, value: object) -> list[int]:  # noqa: ANN401 - as above
    """Let some rows after an arrival follow to their certificate's customer, in one transaction; which did."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(MOVED.format(more=more), [after, value, MOVED_AT_ONCE])
        moved = cursor.fetchall()
        if moved:
            cursor.executemany(f"UPDATE {TABLE} SET customer_id = %s WHERE arrival = %s", [(m[5], m[0]) for m in moved])
        if moved and connection.vendor == "sqlite":
            cursor.executemany(DELETE_TRIGRAMS, [(m[0], _trigrams(m[4], m[1], m[2], m[3])) for m in moved])
            cursor.executemany(INSERT_TRIGRAMS, [(m[0], _trigrams(m[5], m[1], m[2], m[3])) for m in moved])
    return [row[0] for row in moved]


def row_of_stored(compact: bytes, told: Mapping[str, str]) -> Mapping[str, str]:
    """Write the columns of a certificate as it is stored: of its signed record, or of its row where that is none."""
    try:
        return row_of(read_unverified(compact).record)
    except (CertificateProblem, RecursionError, ValueError):
        return row_of_columns(told)


def _trigrams(customer: int | None, operator: str, lot: str, text: str) -> str:
    return f"{marks_of(customer, operator, lot)}\n{text}"
