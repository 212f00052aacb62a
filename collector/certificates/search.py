"""Runs a search: step after step until a page is full. The certificates themselves are asked for in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection

from collector.certificates import search_text
from collector.certificates.identifiers import name
from collector.certificates.search_plans import FREQUENT, NEWEST, SAMPLE, SELDOM, Narrowed, Rows, Step, Vendor, steps
from collector.certificates.search_schema import TABLE, compared
from collector.certificates.search_text import Question
from collector.intake.models import Certificate
from collector.parties.roles import Sight

LAST = 2**63 - 1
MOST_LOTS = 400  # of a technician's own, the newest: each is a look into the index
_PLACE = re.compile(r"(\d{1,2})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where a page ended: after this row, within this step."""

    step: int = 0
    arrival: int = LAST

    def __str__(self) -> str:
        return f"{self.step}-{self.arrival}"


def read_place(text: str) -> Place | None:
    """Read a place as an address carries it. None if it is none."""
    found = _PLACE.fullmatch(text)
    return Place(int(found[1]), int(found[2])) if found else Place() if not text else None


def arrivals(sight: Sight, question: Question, narrowed: Narrowed, after: Place, most: int) -> tuple[list[Place], bool]:
    """Find at most so many rows after a place, in their order; and whether parts of words were left for the next page.

    They are where something is named exactly so.
    """
    vendor: Vendor = "postgresql" if connection.vendor == "postgresql" else "sqlite"
    found: dict[int, Place] = {}
    named = False
    for number, step in enumerate(steps(question, rows_of(sight), narrowed, vendor)):
        if number < after.step:
            continue
        if step.kind == "part" and named:
            return list(found.values()), True
        begin = after.arrival if number == after.step else LAST
        for arrival in _run(step, begin, most - len(found), vendor):
            found.setdefault(arrival, Place(number, arrival))
        named = named or (step.kind == "exact" and bool(found))
        if len(found) >= most:
            break
    return list(found.values()), False


def with_number(norm: str, most: int) -> list[int]:
    """Find the arrivals of certificates with this number, whoever's."""
    column = compared("number", connection.vendor)
    query = f"SELECT f.arrival FROM {TABLE} f WHERE {column} = %s AND f.number <> '' ORDER BY f.arrival LIMIT %s"
    return [arrival for (arrival,) in _fetch(query, [norm, most])] if norm else []


def rows_of(sight: Sight) -> Rows:
    """Write down whose rows a person's memberships find."""
    if sight.every_customer:
        return Rows(every=True)
    customers = tuple(sorted(sight.customers))
    if not sight.own_lots:
        return Rows(every=False, customers=customers)
    lots = Certificate.unfiltered.filter(operator=sight.operator_id).exclude(lot="").values_list("lot", flat=True)
    newest = dict.fromkeys(name(lot) for lot in lots.distinct()[:MOST_LOTS])
    return Rows(False, customers, name(sight.operator_id), tuple(newest))


def _run(step: Step, begin: int, most: int, vendor: Vendor) -> list[int]:
    if step.kind == "prefix":
        return _in_order_of_column(step, begin, most)
    if step.kind == "part" and vendor == "postgresql":
        return _parts_on_postgresql(step, begin, most)
    return _newest(step, begin, most)


def _newest(step: Step, begin: int, most: int) -> list[int]:
    """Each selection's newest, in one statement; the newest of these."""
    row = "t.rowid" if step.kind == "part" else "f.arrival"
    queries = [
        f"SELECT * FROM (SELECT f.arrival {one.text} AND {row} < %s ORDER BY {row} DESC LIMIT %s) s{number}"
        for number, one in enumerate(step.selects)
    ]
    values = [value for one in step.selects for value in (*one.values, begin, most)]
    return sorted({arrival for (arrival,) in _fetch(" UNION ALL ".join(queries), values)}, reverse=True)[:most]


def _in_order_of_column(step: Step, begin: int, most: int) -> list[int]:
    one, column = step.selects[0], step.order
    values, further = list(one.values), ""
    if begin != LAST:
        at = _fetch(f"SELECT {column} FROM {TABLE} f WHERE f.arrival = %s", [begin])
        if not at:
            return []
        further = f" AND ({column}, f.arrival) < (%s, %s)"
        values += [at[0][0], begin]
    query = f"SELECT f.arrival {one.text}{further} ORDER BY {column} DESC, f.arrival DESC LIMIT %s"
    return [arrival for (arrival,) in _fetch(query, [*values, most])]


def _parts_on_postgresql(step: Step, begin: int, most: int) -> list[int]:
    """GIN finds rows in no order, all of them first. What is frequent is among the newest rows, which are looked at
    without it; what is seldom is sorted. What was frequent only long ago costs most.
    """
    frequent = _is_frequent(step, begin)
    found, done = _among_newest(step, begin, most) if frequent else ([], False)
    if done:
        return found
    one = step.selects[0]
    query = f"WITH s AS MATERIALIZED (SELECT f.arrival {one.text} AND f.arrival < %s) SELECT arrival FROM s LIMIT %s"
    some = [arrival for (arrival,) in _fetch(query, [*one.values, begin, SELDOM + 1])]
    if len(some) <= SELDOM:
        return sorted(some, reverse=True)[:most]
    if not frequent:  # it is, by the number of them
        found, done = _among_newest(step, begin, most)
        if done:
            return found
    query = query.replace("FROM s LIMIT", "FROM s ORDER BY arrival DESC LIMIT")
    return [arrival for (arrival,) in _fetch(query, [*one.values, begin, most])]


def _is_frequent(step: Step, begin: int) -> bool:
    """Look for the words in rows here and there, the newest among them."""
    newest = _fetch(f"SELECT max(arrival) FROM {TABLE} f WHERE f.arrival < %s", [begin])[0][0] or 0
    places = "f.arrival = ANY(ARRAY(SELECT generate_series(%s::bigint, %s, %s)))"
    query = f"SELECT 1 FROM {TABLE} f WHERE {step.words.text} AND {places} LIMIT {FREQUENT}"
    every = max(1, newest // SAMPLE)
    return len(_fetch(query, [*step.words.values, newest % every, newest, every])) == FREQUENT


def _among_newest(step: Step, begin: int, most: int) -> tuple[list[int], bool]:
    """Look through some of the newest rows; whether that is enough."""
    among = f"AND {step.among.text}" if step.among else ""
    query = f"SELECT f.arrival FROM {TABLE} f WHERE f.arrival < %s {among} ORDER BY f.arrival DESC OFFSET %s LIMIT 1"
    oldest = _fetch(query, [begin, *step.among.values, NEWEST])
    query = (
        f"SELECT f.arrival {step.plain.text} AND f.arrival < %s AND f.arrival >= %s ORDER BY f.arrival DESC LIMIT %s"
    )
    found = _fetch(query, [*step.plain.values, begin, oldest[0][0] if oldest else 0, most])
    return [arrival for (arrival,) in found], len(found) >= most or not oldest


def _fetch(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def read(text: str) -> Question:
    """Read what a person typed."""
    return search_text.read(text.replace("\x00", " "))
