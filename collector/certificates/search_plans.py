"""A question -> steps, each one statement that an index answers in its own order. Pure.

In this order: whole identifiers in their normal forms, the newest first; then each column's beginnings, by the column,
the greatest first; then parts of words, the newest first. A row that an earlier step found is left out of the later
ones. Where something is named exactly so, parts of words wait for the next page: they cost most, and seldom are meant.
A page goes on where the last one ended, at a place within a step: nothing is counted, nothing is skipped over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from collector.certificates.search_rows import customer_mark, lot_mark, operator_mark
from collector.certificates.search_schema import NARROW, TABLE, TRIGRAMS, compared, index_name
from collector.certificates.search_text import SHORTEST_PART as TRIGRAM
from collector.certificates.search_text import Question, Term, Wanted, after_prefix, fts5_phrase, like_pattern

Vendor = Literal["sqlite", "postgresql"]
ORDER = {
    "customer": ("customer_name",),
    "operator": ("operator", "operator_name"),
}
"""Wanted column -> columns of the table, where they are not one of the same name."""
MOST_OF_GIN = 4  # the same of GIN, for all words together
_RUN = re.compile(r"[0-9a-z]{3,}")
"""Where trigrams are for sure: what else is a letter depends on PostgreSQL's locale."""
MOST_TRIGRAMS = 8  # of one word, asked of FTS5: those where two parts meet are the seldom ones
FEW = frozenset((*NARROW, "lot"))
"""Columns of which one value has few rows."""
SAMPLE = 500  # rows here and there that PostgreSQL looks at for words: one that has them tells that they are frequent
NEWEST = 20_000  # rows that it looks through for frequent ones: 12 ms
SELDOM = 3_000  # rows that it sorts: its trigrams find them in no order
MOST_OF_ID = 200
NOWHERE = "0 = 1"


@dataclass(frozen=True)
class Sql:
    """A piece of SQL with its values."""

    text: str
    values: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True)
class Rows:
    """Whose rows may be found. `every`: all; else those of customers, and a technician's own ones and own lots."""

    every: bool
    customers: tuple[int, ...] = ()
    operator: str = ""
    lots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Narrowed:
    """What else is asked for; empty for no matter which."""

    outcome: str = ""
    station: str = ""
    chain: str = ""


@dataclass(frozen=True)
class Step:
    """What an index answers: selections whose rows are taken together. `order`: the column before the arrival."""

    kind: Literal["exact", "prefix", "part"]
    selects: tuple[Sql, ...]
    order: str = ""
    among: Sql = Sql("")
    """Of parts: whose rows are the newest ones that are looked through."""
    plain: Sql = Sql("")
    """Of parts on PostgreSQL: the same with nothing that its trigrams could answer."""
    there: Sql = Sql("")
    """Of a beginning, and of parts on PostgreSQL: that it stands in a row, whosever it is."""


def steps(question: Question, rows: Rows, narrowed: Narrowed, vendor: Vendor) -> list[Step]:
    """Plan a question that has words."""
    assert question.whole is not None
    only = _and([_narrowed(narrowed), *([] if rows.every else [_seen(rows)])])
    exact = [_equal(one, vendor) for one in _columns(question.whole.exact)]
    ids = [_of_id(one.norm) for one in (*question.whole.exact, *question.whole.prefix) if one.column == "id"]
    selects = [_scan(column, is_it, only, vendor) for column, is_it in exact]
    selects += [Sql(f"FROM {TABLE} f WHERE {(where := _and([one, only])).text}", where.values) for one in ids]
    found = [Step("exact", tuple(selects))] if selects else []
    before = [*ids, *(is_it for _, is_it in exact)]
    for one in _columns(question.whole.prefix):
        column, begins = one.column, _begins(one, vendor)
        select = _scan(column, begins, _and([only, _none_of(before)]), vendor)
        there = _scan(column, begins, Sql(""), vendor)
        found.append(Step("prefix", (select,), compared(column, vendor), there=there))
        before.append(begins)
    if len(question.words) > 1:
        named = _named(question.words, only, vendor)
        found += [Step("exact", tuple(select for _, select in named))] if named else []
        before += [is_it for is_it, _ in named]
    part = _part(question.words, rows, _and([only, _none_of(before)]), vendor)
    return found + ([] if part is None else [part])


def _named(words: Sequence[Term], only: Sql, vendor: Vendor) -> list[tuple[Sql, Sql]]:
    """One word names a thing or a lot exactly, of which there are few; the others stand in its text."""
    found = []
    for word in words:
        others = [_within(_forms(other), vendor) for other in words if other is not word]
        for one in _columns(word.exact):
            if one.column in FEW:
                column, is_it = _equal(one, vendor)
                found.append((is_it, _scan(column, is_it, _and([*others, only]), vendor)))
    return found


@dataclass(frozen=True)
class _Column:
    column: str
    norm: str


def _columns(wanted: Iterable[Wanted]) -> list[_Column]:
    """The certificate's id is no column of this table."""
    found = [
        _Column(column, one.norm)
        for one in wanted
        if one.column != "id"
        for column in ORDER.get(one.column, (one.column,))
    ]
    return list(dict.fromkeys(found))


def _equal(one: _Column, vendor: Vendor) -> tuple[str, Sql]:
    return one.column, Sql(f"({compared(one.column, vendor)} = %s AND f.{one.column} <> '')", (one.norm,))


def _of_id(begins: str) -> Sql:
    """By the id, or four of its digits or more: a handful of rows among a million."""
    some = "SELECT arrival FROM intake_certificate WHERE id >= %s AND id < %s LIMIT %s"
    return Sql(f"f.arrival IN ({some})", (begins, after_prefix(begins), MOST_OF_ID))


def _begins(one: _Column, vendor: Vendor) -> Sql:
    column, end = compared(one.column, vendor), after_prefix(one.norm)
    if not end:
        return Sql(f"({column} >= %s AND f.{one.column} <> '')", (one.norm,))
    return Sql(f"({column} >= %s AND {column} < %s AND f.{one.column} <> '')", (one.norm, end))


def _scan(column: str, condition: Sql, only: Sql, vendor: Vendor) -> Sql:
    """SQLite is told which index: without statistics it may walk the table backwards instead."""
    by = f" INDEXED BY {index_name(column)}" if vendor == "sqlite" else ""
    where = _and([condition, only])
    return Sql(f"FROM {TABLE} f{by} WHERE {where.text}", where.values)


def _part(words: Sequence[Term], rows: Rows, only: Sql, vendor: Vendor) -> Step | None:
    """All words, each in one of its forms; one that is too short for trigrams is only compared."""
    forms = [_forms(word) for word in words]
    if not any(len(form) >= TRIGRAM for some in forms for form in some[:1]):
        return None
    there = _and([_within(some, vendor) for some in forms])
    where = _and([there, only])
    if vendor == "postgresql":
        among = _in("f.customer_id", rows.customers) if rows.customers and not rows.operator else Sql("")
        long = [some for some in forms if min(map(len, some)) >= TRIGRAM]
        narrowed = _and([*(_like(some, max(1, MOST_OF_GIN // len(long))) for some in long), where])
        selects = (Sql(f"FROM {TABLE} f WHERE {narrowed.text}", narrowed.values),)
        plain = Sql(f"FROM {TABLE} f WHERE {where.text}", where.values)
        return Step("part", selects, among=among, plain=plain, there=there)
    asked = " AND ".join(f"({expression})" for some in forms if (expression := _trigrams(some)))
    if not rows.every:
        asked = f"({_marks(rows)}) AND {asked}"
    table = f"FROM {TRIGRAMS} t CROSS JOIN {TABLE} f ON f.arrival = t.rowid WHERE {TRIGRAMS} MATCH %s AND {where.text}"
    return Step("part", (Sql(table, (asked, *where.values)),))


def _within(forms: Sequence[str], vendor: Vendor) -> Sql:
    """One of the forms of a word stands in the text."""
    there = "strpos(f.text, %s) > 0" if vendor == "postgresql" else "instr(f.text, %s) > 0"
    return _or([Sql(there, (one,)) for one in forms])


def _like(forms: Sequence[str], most: int) -> Sql:
    """Ask GIN for some trigrams of each form, which the text itself is compared with afterwards.

    Each that is frequent costs 11 ms among a million rows, and a fourth of a word tells little that three did not.
    """
    asked = []
    for form in forms:
        pieces = [run[place : place + TRIGRAM] for run in _RUN.findall(form) for place in range(len(run) - TRIGRAM + 1)]
        step = max(1, (len(pieces) - 1) // max(1, most - 1))
        some = list(dict.fromkeys(pieces[::step]))[:most] or [form]
        asked.append(_and([Sql(r"f.text LIKE %s ESCAPE '\'", (like_pattern(one, anywhere=True),)) for one in some]))
    return _or(asked)


def _forms(word: Term) -> list[str]:
    """What of a word may stand in the text: as it was typed, and in the normal form of an identifier."""
    squeezed = [one.norm.casefold() for one in word.exact if one.column in ("serial", "wwn", "imei14", "meid14")]
    return list(dict.fromkeys([word.text, *(form for form in squeezed if len(form) >= TRIGRAM)]))


def _trigrams(forms: Sequence[str]) -> str:
    """Empty where one of the forms is too short: then they tell nothing together."""
    if min(map(len, forms)) < TRIGRAM:
        return ""
    asked = []
    for form in forms:
        last = len(form) - TRIGRAM
        places = sorted({last * number // (MOST_TRIGRAMS - 1) for number in range(MOST_TRIGRAMS)})
        asked.append(" AND ".join(fts5_phrase(form[place : place + TRIGRAM]) for place in places))
    return " OR ".join(f"({one})" for one in asked)


def _marks(rows: Rows) -> str:
    marks = [customer_mark(one) for one in rows.customers]
    marks += [operator_mark(rows.operator)] if rows.operator else []
    marks += [lot_mark(lot) for lot in rows.lots]
    return " OR ".join(map(fts5_phrase, marks)) if marks else fts5_phrase(customer_mark(0))


def _seen(rows: Rows) -> Sql:
    """Whose rows: to fill a page with rows that are shown. Whether they are is decided by parties/managers.py alone."""
    some = [_in("f.customer_id", rows.customers)] if rows.customers else []
    some += [Sql("f.operator = %s", (rows.operator,))] if rows.operator else []
    some += [_in("f.lot", rows.lots)] if rows.lots else []
    return _or(some) if some else Sql(NOWHERE)


def _narrowed(narrowed: Narrowed) -> Sql:
    told = (("f.outcome", narrowed.outcome), ("f.station_id", narrowed.station))
    some = [Sql(f"{column} = %s", (value,)) for column, value in told if value]
    if narrowed.chain:
        there = "EXISTS (SELECT 1 FROM intake_certificate c WHERE c.arrival = f.arrival AND c.chain = %s)"
        some.append(Sql(there, (narrowed.chain,)))
    return _and(some)


def _in(column: str, values: Sequence[Any]) -> Sql:
    return Sql(f"{column} IN ({', '.join(['%s'] * len(values))})", tuple(values))


def _and(some: Iterable[Sql]) -> Sql:
    left = [one for one in some if one]
    return Sql(" AND ".join(one.text for one in left), tuple(v for one in left for v in one.values))


def _or(some: Sequence[Sql]) -> Sql:
    return Sql(f"({' OR '.join(one.text for one in some)})", tuple(v for one in some for v in one.values))


def _none_of(some: Sequence[Sql]) -> Sql:
    return Sql(f"NOT {(either := _or(some)).text}", either.values) if some else Sql("")
