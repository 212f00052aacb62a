"""Which columns a customer's file has: told by a person, remembered by its headings, or known; never guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from collector.parties.models import Organisation
from collector.parties.services import Actor
from collector.tables.rows import Row
from collector.text import visible
from collector.units import register_columns
from collector.units.errors import RegisterProblem
from collector.units.models import Mapping as Remembered
from collector.units.register_columns import CANONICAL, IDENTIFYING, LOOK_FOR_HEADINGS, Columns, NoColumns
from drivers.options import read_toml

SHOWN = 12
"""Headings that a message names."""
HINT = 'say which it is with --mapping FILE.toml (serial = "Løbenr.")'


def read_mapping(path: Path) -> dict[str, str]:
    """Read a person's word on a file's columns: canonical name = heading. Raise RegisterProblem."""
    told, problems = read_toml(path)
    if problems:
        raise RegisterProblem(file=path, problem=problems[0])
    return checked(told, str(path))


def checked(told: Mapping[str, object], where: str) -> dict[str, str]:
    """Check a mapping. Raise RegisterProblem for a name that is none, and for a column that names persons."""
    found: dict[str, str] = {}
    for name, heading in told.items():
        if name not in CANONICAL:
            raise RegisterProblem(file=where, problem=f"{visible(name, 40)!r}: allowed are {', '.join(CANONICAL)}")
        if not isinstance(heading, str) or not heading.strip():
            raise RegisterProblem(file=where, problem=f"{name}: a heading of the file, as a text")
        if register_columns.names_person(heading):
            raise RegisterProblem(
                file=where, problem=f"{name} = {visible(heading, 60)!r}: that column names persons, and is not kept"
            )
        found[name] = heading
    if not any(name in found for name in IDENTIFYING):
        raise RegisterProblem(file=where, problem=f"it says nothing of {', '.join(IDENTIFYING[:3])}: one is needed")
    return found


def columns_of(customer: Organisation, table: Sequence[Row], file: str, told: Mapping[str, str] | None) -> Columns:
    """Find what a file's columns are. Raise RegisterProblem where nobody has said so."""
    head = [row.cells for row in table[:LOOK_FOR_HEADINGS]]
    marks = [register_columns.fingerprint(row) for row in head]
    remembered = list(Remembered.unfiltered.filter(customer=customer).order_by("pk"))
    try:
        if told is not None:
            found = register_columns.mapped(head, told)
        elif same := next((one for one in remembered if one.header_sha256 in marks), None):
            found = register_columns.mapped(head, same.columns, same.system)
        else:
            found = register_columns.find(head)
            if gone := register_columns.lost(found, ((one.headings, one.columns) for one in remembered)):
                raise NoColumns(f"its headings changed, and nothing tells {gone} any more")
    except NoColumns as problem:
        seen = ", ".join(repr(visible(cell, 40)) for row in head for cell in row if cell.strip()) or "none"
        cut = ", ".join(seen.split(", ")[:SHOWN])
        raise RegisterProblem(file=file, problem=f"{problem}; {HINT}; it begins with {cut}") from None
    _refuse_twins(found, file)
    return found


def remember(actor: Actor, customer: Organisation, columns: Columns) -> Remembered:
    """Remember what a file's columns are, by the fingerprint of its headings."""
    kept = [columns.headings[place] for place in columns.kept]
    made, new = Remembered.unfiltered.get_or_create(
        customer=customer,
        header_sha256=columns.fingerprint,
        defaults={
            "headings": kept, "columns": columns.named, "system": columns.system, "made_by": actor.person,
        },
    )  # fmt: skip
    if not new and made.columns != columns.named:
        made.headings, made.columns, made.system, made.made_by = kept, columns.named, columns.system, actor.person
        made.save()
    found: Remembered = made
    return found


def _refuse_twins(columns: Columns, file: str) -> None:
    folded = [register_columns.fold(heading) for heading in columns.headings]
    for place in columns.kept:
        if folded.count(folded[place]) > 1:
            heading = visible(columns.headings[place], 60)
            raise RegisterProblem(file=file, problem=f"the heading {heading!r} stands there twice: which one counts?")
