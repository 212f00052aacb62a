"""What a person typed into the search -> what is asked of the database: exact normal forms, prefixes, parts. Pure.

In this order, since each is dearer than the one before: a whole identifier is one look into an index, the beginning of
one is a range of it, a part of one needs an index of trigrams, which knows nothing shorter than three characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from collector.certificates import identifiers
from collector.certificates.code_text import certificate_id_in

Column = Literal[
    "id", "number", "drive_serial", "serial", "wwn", "asset_tag", "imei14", "meid14", "lot", "customer", "operator"
]
LONGEST = 200  # characters
MOST_WORDS = 8
SHORTEST_PART = 3  # a trigram
SHORTEST_ID = 4  # hexadecimal digits
SHORTEST_PREFIX = 2
DIGITS = 6  # of a certificate's number, as stations write it: bench-01-000123
_NUMBER = re.compile(r"(.*[^0-9])([0-9]{1,15})")
NAMES: tuple[Column, ...] = ("lot", "customer", "operator")


@dataclass(frozen=True)
class Wanted:
    """A column, and what stands in it in its normal form: all of it, or its beginning."""

    column: Column
    norm: str


@dataclass(frozen=True)
class Term:
    """One thing that is asked for. `part` is empty where it is too short for trigrams: exact and prefix are left."""

    text: str
    exact: tuple[Wanted, ...]
    prefix: tuple[Wanted, ...]
    part: str


@dataclass(frozen=True)
class Question:
    """A search. `whole`: the text as one identifier; `words`: each must be found. `problem` says what cannot be asked.

    Nothing typed: no terms, and all certificates.
    """

    whole: Term | None = None
    words: tuple[Term, ...] = ()
    problem: str = ""


def read(text: str) -> Question:
    """Read a search. Never raises; what cannot be asked is said in `problem`, in one line."""
    if len(text) > LONGEST:
        return Question(problem=f"A search has at most {LONGEST} characters.")
    words = identifiers.name(text).split()
    if len(words) > MOST_WORDS:
        return Question(problem=f"A search has at most {MOST_WORDS} words.")
    if not words:
        return Question()
    return Question(_term(text), tuple(_term(word) for word in words))


def fold(text: str) -> str:
    """Fold a text as it lies in the index of parts, and as parts are looked for."""
    return identifiers.name(text)


def fts5_phrase(part: str) -> str:
    """Quote a part for FTS5's MATCH, where quotes, AND, NEAR and * would be words of its own (sqlite.org/fts5.html)."""
    return '"' + part.replace("\x00", "").replace('"', '""') + '"'


def like_pattern(part: str, *, anywhere: bool) -> str:
    r"""Quote a part or a beginning for LIKE ... ESCAPE '\', so that % and _ are themselves."""
    quoted = re.sub(r"([\\%_])", r"\\\1", part.replace("\x00", ""))
    return f"%{quoted}%" if anywhere else f"{quoted}%"


def after_prefix(prefix: str) -> str:
    """Return the least text that is greater than every text with this beginning: the open end of a range.

    Compared by code point, as SQLite's BINARY and PostgreSQL's "C" collation do. The empty text: there is no such end.
    """
    for place in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[place]) + 1
        if 0xD800 <= following <= 0xDFFF:
            following = 0xE000  # surrogates are no characters, and no database stores them
        if following <= 0x10FFFF:
            return prefix[:place] + chr(following)
    return ""


def _term(text: str) -> Term:
    folded = fold(text)
    return Term(folded, tuple(_exact(text, folded)), tuple(_prefixes(text, folded)), _part(folded))


def _exact(text: str, folded: str) -> list[Wanted]:
    """Every column that holds such a thing, with the normal form that it would have there."""
    if (one := certificate_id_in(text)) is not None:
        return [Wanted("id", one)]
    found = [Wanted("number", number) for number in _numbers(folded)]
    serial = identifiers.serial(text)
    for norm in (serial, *identifiers.serial_candidates(text)):
        found += [Wanted("drive_serial", norm), Wanted("serial", norm)] if norm else []
    others: tuple[tuple[Column, str], ...] = (
        ("wwn", identifiers.wwn(text)),
        ("imei14", identifiers.imei(text)),
        ("meid14", identifiers.meid(text)),
        ("asset_tag", identifiers.asset_tag(text)),
    )
    found += [Wanted(column, norm) for column, norm in others if norm]
    found += [Wanted(column, folded) for column in NAMES if folded]
    return list(dict.fromkeys(found))


def _prefixes(text: str, folded: str) -> list[Wanted]:
    if len(folded) < SHORTEST_PREFIX:
        return []
    found = [Wanted("number", folded), *(Wanted(column, folded) for column in NAMES)]
    squeezed = identifiers.squeezed(text)
    if len(squeezed) >= SHORTEST_PREFIX:
        found += [Wanted("drive_serial", squeezed), Wanted("serial", squeezed)]
        if squeezed.isascii() and squeezed.isdigit() and len(squeezed) < 14:
            found += [Wanted("imei14", squeezed)]
        if re.fullmatch(r"[0-9A-F]{4,31}", bare := squeezed.removeprefix("0X")):
            found += [Wanted("wwn", bare)]
    if tag := identifiers.asset_tag(text):
        found += [Wanted("asset_tag", tag)]
    if re.fullmatch(rf"[0-9a-f]{{{SHORTEST_ID},63}}", folded):
        found += [Wanted("id", folded)]
    return list(dict.fromkeys(found))


def _numbers(folded: str) -> list[str]:
    """A certificate's number as it was typed, and with the zeros that nobody types: bench-01-123."""
    split = _NUMBER.fullmatch(folded)
    filled = [f"{split[1]}{int(split[2]):0{DIGITS}d}"] if split else []
    return [folded, *filled] if folded else []


def _part(folded: str) -> str:
    return folded if len(folded) >= SHORTEST_PART else ""
