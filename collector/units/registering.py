"""A customer's register, taken in: new rows, changed ones, the same, and each that was rejected with its reason."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import transaction

from collector.parties.models import Organisation
from collector.parties.services import Actor, note
from collector.tables.rows import Row
from collector.units import lots, matching, reading, register_cells, register_mapping, register_rows, store
from collector.units.models import Lot, RegisterImport
from collector.units.register_cells import Problem, Told
from collector.units.register_columns import Columns

NAMES = {"serial": "serial number", "asset_tag": "asset tag", "imei14": "IMEI", "meid14": "MEID"}


@dataclass(frozen=True)
class Imported:
    """What became of a file. `repeated`: it was taken in before, and nothing was changed now."""

    rows: int
    new: int
    changed: int
    same: int
    rejected: Sequence[Mapping[str, Any]]
    persons: Sequence[str]
    unknown: Sequence[str]
    questions: int = 0
    warnings: Sequence[str] = ()
    repeated: bool = False

    def document(self) -> dict[str, Any]:
        """Write it as a program reads it."""
        return {
            "rows": self.rows, "new": self.new, "changed": self.changed, "same": self.same,
            "rejected": list(self.rejected),
            "dropped": {"persons": list(self.persons), "unknown": list(self.unknown)},
            "questions": self.questions, "warnings": list(self.warnings), "repeated": self.repeated,
        }  # fmt: skip


@dataclass
class _Sorted:
    """A file's rows, told apart: those of units that are there, those that are new, those that cannot be."""

    known: list[tuple[Told, int, matching.Match]] = field(default_factory=list)
    fresh: list[tuple[Told, matching.Match]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


def import_register(
    actor: Actor,
    customer: Organisation,
    data: bytes,
    name: str,
    *,
    lot: str = "",
    mapping: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Imported:
    """Take a register in, or only say what would become of it. Raise RegisterProblem or NotNow."""
    table = reading.rows(data, name)
    with transaction.atomic():
        store.lock(customer)
        columns = register_mapping.columns_of(customer, table, name, mapping)
        announced = lots.announced(actor, customer, lot) if lot else None
        mark = _fingerprint(data, columns, announced)
        before = RegisterImport.unfiltered.filter(customer=customer, fingerprint=mark).first()
        done = (
            _again(before, columns)
            if before is not None
            else _take_in(actor, customer, table, columns, announced, name=name, mark=mark)
        )
        transaction.set_rollback(dry_run)
    return done


def _take_in(
    actor: Actor, customer: Organisation, table: Sequence[Row], columns: Columns, lot: Lot | None,
    *, name: str, mark: str,
) -> Imported:  # fmt: skip
    told, rejected, warnings = _read(customer, table, columns)
    made = RegisterImport(
        customer=customer, mapping=register_mapping.remember(actor, customer, columns), lot=lot, file_name=name[:300],
        fingerprint=mark, rows=len(told) + len(rejected), new=0, changed=0, same=0,
        headings=[columns.headings[place] for place in columns.kept],
        dropped=[*columns.persons, *columns.unknown], person=actor.person, who=actor.who,
    )  # fmt: skip
    made.save(force_insert=True)
    index = store.index_of(customer.pk)
    found = _sort(told, index)
    writing = register_rows.Writing(made, lot)
    late = writing.known(found.known)
    writing.fresh(found.fresh)
    rejected = sorted([*rejected, *found.rejected, *late], key=lambda one: int(one["row"]))
    made.new, made.changed, made.same, made.rejected = writing.new, writing.changed, writing.same, rejected
    made.save()
    questions = writing.finish()
    note(
        actor, "register.imported", customer.name, file=name[:300], rows=made.rows, new=made.new, changed=made.changed,
        rejected=len(rejected), lot=lot.code if lot else "",
    )  # fmt: skip
    return Imported(
        made.rows, made.new, made.changed, made.same, rejected, columns.persons, columns.unknown, questions, warnings
    )


def _read(
    customer: Organisation, table: Sequence[Row], columns: Columns
) -> tuple[list[Told], list[dict[str, Any]], list[str]]:
    prefix = store.prefix_of(customer)
    told: list[Told] = []
    rejected: list[dict[str, Any]] = []
    for row in table[columns.title_rows + 1 :]:
        found = register_cells.read(row, columns, prefix)
        if isinstance(found, Problem):
            rejected.append({"row": row.number, "column": found.column, "problem": found.problem})
        else:
            told.append(found)
    return told, rejected, _warnings(told)


def _warnings(told: Sequence[Told]) -> list[str]:
    kinds = Counter(one.unknown_kind for one in told if one.unknown_kind)
    found = [f"kind {kind!r} is not known ({n} rows): a person says what it is" for kind, n in kinds.most_common(10)]
    markup = sum(one.had_markup for one in told)
    return found + ([f"{markup} rows held HTML in their cells, which was taken away"] if markup else [])


def _sort(told: Sequence[Told], index: matching.Index) -> _Sorted:
    found = _Sorted()
    new: dict[tuple[str, str], int] = {}
    rows: dict[int, int] = {}
    for one in told:
        numbers = [(n.kind, n.norm) for n in one.numbers if n.kind in NAMES]
        twin = next((number for number in numbers if number in new), None)
        match = matching.match(matching.Seen(one.numbers, one.manufacturer), index)
        if twin is not None:
            found.rejected.append(_twin(one, f"the same {NAMES[twin[0]]} as row {new[twin]}"))
        elif match.unit is not None and match.unit in rows:
            found.rejected.append(_twin(one, f"the same unit as row {rows[match.unit]} ({match.rule})"))
        elif match.unit is not None:
            rows[match.unit] = one.row
            found.known.append((one, match.unit, match))
        else:
            found.fresh.append((one, match))
        if twin is None:
            new |= dict.fromkeys(numbers, one.row)
    return found


def _twin(one: Told, problem: str) -> dict[str, Any]:
    return {"row": one.row, "column": "", "problem": f"{problem}: one unit stands in a register once"}


def _fingerprint(data: bytes, columns: Columns, lot: Lot | None) -> str:
    told = msgspec.json.encode([sorted(columns.named.items()), lot.pk if lot else 0])
    return hashlib.sha256(hashlib.sha256(data).digest() + told).hexdigest()


def _again(before: RegisterImport, columns: Columns) -> Imported:
    taken = before.new + before.changed + before.same
    return Imported(before.rows, 0, 0, taken, before.rejected, columns.persons, columns.unknown, repeated=True)
