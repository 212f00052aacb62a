"""Runs a search: step after step until a page is full. The certificates themselves are asked for in one place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from collector.certificates import search_text
from collector.certificates.identifiers import name
from collector.certificates.search_plans import NEWEST, SAMPLE, SELDOM, Narrowed, Rows, Step, Vendor, steps
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
    planned = steps(question, rows_of(sight), narrowed, vendor)
    begun: frozenset[int] | None = None
    for number, step in enumerate(planned):
        if number < after.step:
            continue
        if step.kind == "part" and named:
            return list(found.values()), True
        if step.kind == "prefix":
            begun = _begun(planned) if begun is None else begun
            if number not in begun:
                continue
        begin = after.arrival if number == after.step else LAST
        for arrival in _run(step, begin, most - len(found), vendor):
            found.setdefault(arrival, Place(number, arrival))
        named = named or (step.kind == "exact" and bool(found))
        if len(found) >= most:
            break
    return list(found.values()), False


def _begun(planned: Sequence[Step]) -> frozenset[int]:
    """Find which beginnings any row has, in one statement: most have none, and asking each alone cost 10 ms."""
    queries: list[str] = []
    values: list[Any] = []
    for number, step in enumerate(planned):
        if step.kind == "prefix":
            first = f"SELECT {number} AS step {step.there.text} ORDER BY {step.order} LIMIT 1"
            queries.append(f"SELECT * FROM ({first}) s{number}")
            values += step.there.values
    return frozenset(number for (number,) in _fetch(" UNION ALL ".join(queries), values))


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
    """Look for the words in rows here and there. The newest rows may be of one large delivery, unlike all others."""
    newest = _newest_before(begin)
    places = "f.arrival = ANY(ARRAY(SELECT generate_series(%s::bigint, %s, %s)))"
    every = max(1, newest // SAMPLE)
    query = f"SELECT 1 FROM {TABLE} f WHERE {step.there.text} AND {places} LIMIT 1"
    return bool(_fetch(query, [*step.there.values, newest % every, newest, every]))


def _among_newest(step: Step, begin: int, most: int) -> tuple[list[int], bool]:
    """Look through some of the newest rows; whether that is enough."""
    if step.among:
        query = f"SELECT f.arrival FROM {TABLE} f WHERE f.arrival < %s AND {step.among.text}"
        oldest = _fetch(f"{query} ORDER BY f.arrival DESC OFFSET %s LIMIT 1", [begin, *step.among.values, NEWEST])
        edge = oldest[0][0] if oldest else 0
    else:  # arrivals have few gaps, and to count these rows took as long as to look through them
        edge = max(0, _newest_before(begin) - NEWEST)
    query = f"SELECT f.arrival {step.plain.text} AND f.arrival < %s AND f.arrival >= %s"
    found = _fetch(f"{query} ORDER BY f.arrival DESC LIMIT %s", [*step.plain.values, begin, edge, most])
    return [arrival for (arrival,) in found], len(found) >= most or not edge


def _newest_before(begin: int) -> int:
    return int(_fetch(f"SELECT max(f.arrival) FROM {TABLE} f WHERE f.arrival < %s", [begin])[0][0] or 0)


def _fetch(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def read(text: str) -> Question:
    """Read what a person typed."""
    return search_text.read(text.replace("\x00", " "))
