"""Writes what certificates are found by: in the transaction that stores each, and for those of before."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.db import connection as default
from django.db import transaction

from agent.certificates.certificate import Certificate, read_unverified
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector.certificates.search_rows import COLUMNS, marks_of, row_of, row_of_columns
from collector.certificates.search_schema import TABLE, TRIGRAMS

LOG = logging.getLogger(__name__)
CHUNK = 2_000
MOVED_AT_ONCE = 500
ALL = ("arrival", "customer_id", "station_id", "outcome", *COLUMNS)
INSERT = f"INSERT INTO {TABLE} ({', '.join(ALL)}) VALUES ({', '.join(['%s'] * len(ALL))})"
INSERT_TRIGRAMS = f"INSERT INTO {TRIGRAMS} (rowid, text) VALUES (%s, %s)"
DELETE_TRIGRAMS = f"INSERT INTO {TRIGRAMS} ({TRIGRAMS}, rowid, text) VALUES ('delete', %s, %s)"
ARRIVED = "SELECT arrival, id, customer_id, station_id, outcome FROM intake_certificate WHERE id IN ({})"
OLD = (
    "SELECT c.arrival, c.customer_id, c.station_id, c.outcome, c.number, c.serial, c.model, c.asset_tag, "
    "c.customer_name, c.lot, c.operator, b.compact FROM intake_certificate c "
    "JOIN intake_certificatebytes b ON b.id = c.id "
    f"LEFT JOIN {TABLE} f ON f.arrival = c.arrival WHERE c.arrival > %s AND f.arrival IS NULL "
    "ORDER BY c.arrival LIMIT %s"
)
MOVED = (
    "SELECT f.arrival, f.operator, f.lot, f.text, f.customer_id, c.customer_id FROM intake_certificate c "
    f"JOIN {TABLE} f ON f.arrival = c.arrival WHERE f.arrival > %s AND c.customer_id IS DISTINCT FROM f.customer_id "
    "{more} ORDER BY f.arrival LIMIT %s"
)
OF_NAME = "AND c.customer_name = %s"
T = TypeVar("T")


def add(new: Sequence[Certificate]) -> None:
    """Write the rows of certificates that this very transaction stored."""
    by_id = {one.id: one.record for one in new}
    with default.cursor() as cursor:
        cursor.execute(ARRIVED.format(", ".join(["%s"] * len(by_id))), list(by_id))
        rows = [(arrival, *facts, row_of(by_id[name])) for arrival, name, *facts in cursor.fetchall()]
        _insert(cursor, default.vendor, rows)


def fill(connection: Any = default) -> int:  # noqa: ANN401 - Django's wrapper of either database
    """Write the rows that certificates of before do not have yet; how many. The newest transaction is one chunk."""
    last, count = 0, 0
    while True:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(OLD, [last, CHUNK])
            old = cursor.fetchall()
            if not old:
                break
            _insert(cursor, connection.vendor, [(*row[:4], _old_row(row)) for row in old])
        last, count = old[-1][0], count + len(old)
        LOG.info("the search is filled: %d certificates", count)
    return count


def follow(name: str | None = None) -> int:
    """Let rows follow their certificates to another customer: those under this name, or all; how many did.

    A transaction a chunk: the intake waits for none of them long. Until then a search shows such a row to nobody whom
    the certificate itself is not shown to.
    """
    last, count = 0, 0
    query, asked = (MOVED.format(more=""), []) if name is None else (MOVED.format(more=OF_NAME), [name])
    while True:
        with transaction.atomic(), default.cursor() as cursor:
            cursor.execute(query, [last, *asked, MOVED_AT_ONCE])
            moved = cursor.fetchall()
            if not moved:
                return count
            cursor.executemany(f"UPDATE {TABLE} SET customer_id = %s WHERE arrival = %s", [(m[5], m[0]) for m in moved])
            if default.vendor == "sqlite":
                cursor.executemany(DELETE_TRIGRAMS, [(m[0], _trigrams(m[4], m[1], m[2], m[3])) for m in moved])
                cursor.executemany(INSERT_TRIGRAMS, [(m[0], _trigrams(m[5], m[1], m[2], m[3])) for m in moved])
        last, count = moved[-1][0], count + len(moved)


def _insert(cursor: Any, vendor: str, rows: Iterable[tuple[Any, ...]]) -> None:  # noqa: ANN401 - a driver's
    for some in _chunks(rows):
        cursor.executemany(INSERT, [(*facts, *(row[name] for name in COLUMNS)) for *facts, row in some])
        if vendor == "sqlite":
            made = [
                (arrival, _trigrams(customer, row["operator"], row["lot"], row["text"]))
                for arrival, customer, _, _, row in some
            ]
            cursor.executemany(INSERT_TRIGRAMS, made)


def _trigrams(customer: int | None, operator: str, lot: str, text: str) -> str:
    return f"{marks_of(customer, operator, lot)}\n{text}"


def _old_row(row: Sequence[Any]) -> Mapping[str, str]:
    record = _record(bytes(row[-1]))
    if record is not None:
        return row_of(record)
    names = ("number", "serial", "model", "asset_tag", "customer_name", "lot", "operator")
    return row_of_columns(dict(zip(names, row[4:-1], strict=True)))


def _record(compact: bytes) -> Record | None:
    try:
        return read_unverified(compact).record
    except (CertificateProblem, RecursionError, ValueError):
        return None


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while some := list(islice(left, CHUNK)):
        yield some
