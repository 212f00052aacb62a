"""A list of units received, as it is typed or exported: `serial,asset_tag,imei,kind,drives`; and one scan. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collector.certificates import identifiers
from collector.certificates.identifiers import Identifier
from collector.tables.rows import Row
from collector.text import clean, number
from collector.units import register_cells, register_columns
from collector.units import vocabulary as words
from collector.units.matching import Index, Seen
from collector.units.receiving import Arrival
from collector.units.register_cells import Problem

DRIVES = frozenset({"drives", "drev", "antal drev", "diske", "antal diske"})


@dataclass(frozen=True)
class Listed:
    """A file's rows: those that can be received, and those that were rejected with their reason."""

    arrivals: Sequence[Arrival]
    rejected: Sequence[dict[str, Any]]


def read(table: Sequence[Row], prefix: re.Pattern[str] | None) -> Listed:
    """Read a list of units received. Raise NoColumns where no column tells which unit a row is of."""
    head = [row.cells for row in table[: register_columns.LOOK_FOR_HEADINGS]]
    columns = register_columns.find(head)
    folded = [register_columns.fold(heading) for heading in columns.headings]
    place = next((n for n, heading in enumerate(folded) if heading in DRIVES), None)
    arrivals: list[Arrival] = []
    rejected: list[dict[str, Any]] = []
    for row in table[columns.title_rows + 1 :]:
        told = register_cells.read(row, columns, prefix)
        if isinstance(told, Problem):
            rejected.append({"row": row.number, "column": told.column, "problem": told.problem})
            continue
        drives, problem = _drives(row, place)
        if told.unknown_kind:
            problem = f"kind {told.unknown_kind!r}: allowed is one of {', '.join(words.KINDS[:-1])}"
        if problem:
            column = "kind" if told.unknown_kind else "drives"
            rejected.append({"row": row.number, "column": column, "problem": problem})
            continue
        arrivals.append(Arrival(Seen(told.numbers, told.manufacturer), told.kind, drives, told.model, row.number))
    return Listed(arrivals, rejected)


def scanned(text: str, index: Index, prefix: re.Pattern[str] | None) -> Seen:
    """Read one scan as the number that it is: one that a unit has; else an IMEI, a tag by its prefix, a serial number.

    A scan does not say what it is, and a tag kept as a serial number would contradict the right one later.
    """
    text = clean(text.strip(), identifiers.LONGEST)
    possible = readings(text, prefix)
    known = [one for one in possible if index.by_number.get((one.kind, one.norm))]
    if known:
        first = known[0]
        return Seen(tuple(one for one in known if one.kind == first.kind))
    return Seen(tuple(possible[:1]))


def readings(text: str, prefix: re.Pattern[str] | None) -> list[Identifier]:
    """List what a scan may be, the likeliest first."""
    radio = list(identifiers.phone_identifiers(text))
    serial = identifiers.identify("serial", text)
    tag = Identifier("asset_tag", norm, text) if (norm := identifiers.asset_tag(text, prefix)) else None
    is_tag = prefix is not None and norm != identifiers.asset_tag(text)
    rest = [one for one in ((tag, serial) if is_tag else (serial, tag)) if one is not None]
    return radio + rest


def _drives(row: Row, place: int | None) -> tuple[int | None, str]:
    text = row.cells[place] if place is not None and place < len(row.cells) else ""
    if not text:
        return None, ""
    if not 0 <= (drives := number(text, -1)) <= words.MOST_DRIVES:
        return None, f"drives {clean(text, 20)!r}: allowed is 0 to {words.MOST_DRIVES}, or nothing where nobody counted"
    return drives, ""
