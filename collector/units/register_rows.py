"""Rows of a register, written: units that are new, and what a later file says of those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collector.moments import now
from collector.units import loose, rules, store
from collector.units import vocabulary as words
from collector.units.matching import Match
from collector.units.models import Identifier, Lot, RegisterImport, RegisterRow, Unit
from collector.units.receiving import told_kind
from collector.units.register_cells import Told

TOGETHER = 2_000
OF_ROW = (
    "last_import", "row_number", "department", "location", "state", "encrypted", "last_seen_on", "raw", "fingerprint",
)  # fmt: skip
OF_UNIT = ("registered", "kind", "kind_by", "manufacturer", "model", "expected_in")
REPLACED = ("serial", "asset_tag", "imei14", "meid14")
"""Kinds of numbers of which a register's new one takes the place of its old one."""


class Writing:
    """One import's rows on their way into the tables."""

    def __init__(self, made: RegisterImport, lot: Lot | None) -> None:
        self.new = self.changed = self.same = 0
        self._made, self._lot = made, lot
        self._touched: set[int] = set()
        self._questions = 0
        customer = made.customer
        assert customer is not None
        self._customer = customer

    def fresh(self, rows: Sequence[tuple[Told, Match]]) -> None:
        """Make a unit for each row that no unit is."""
        for some in store.chunks(rows, TOGETHER):
            units = [self._unit(told) for told, _ in some]
            Unit.unfiltered.bulk_create(units)
            pairs = [(told, unit, match) for (told, match), unit in zip(some, units, strict=True)]
            store.insert_many(
                Identifier, [store.identifier(unit, n, "register") for told, unit, _ in pairs for n in told.numbers]
            )
            store.insert_many(RegisterRow, [self._row(told, unit, "new") for told, unit, _ in pairs])
            for told, unit, match in pairs:
                self._doubts(unit, match, told)
        self.new += len(rows)

    def known(self, rows: Sequence[tuple[Told, int, Match]]) -> list[dict[str, Any]]:
        """Take in what the file says of units that are there. Those of its rows that are rejected after all."""
        rejected: list[dict[str, Any]] = []
        for some in store.chunks(rows, TOGETHER):
            units, numbers = self._load([unit for _, unit, _ in some])
            added: list[RegisterRow] = []
            moved: list[Unit] = []
            changed: list[RegisterRow] = []
            for told, key, match in some:
                unit = units[key]
                row = getattr(unit, "row", None)
                if problem := self._refusal(unit):
                    rejected.append({"row": told.row, "column": "", "problem": problem})
                elif row is not None and row.fingerprint == told.fingerprint and not self._moves(unit):
                    self.same += 1
                else:
                    self._write(unit, told, numbers.get(key, set()))
                    moved.append(unit)
                    if row is None:
                        added.append(self._row(told, unit, match.rule))
                        self.new += 1
                    else:
                        changed.append(self._told(row, told))
                        self.changed += 1
                    self._touched.add(key)
                self._doubts(unit, match, told)
            store.insert_many(RegisterRow, added)
            store.update_many(RegisterRow, changed, OF_ROW)
            store.update_many(Unit, moved, OF_UNIT)
        return rejected

    def finish(self) -> int:
        """Write down where the units stand that were touched, and let waiting certificates look. How many questions."""
        store.refresh(self._touched)
        loose.look_again(self._customer)
        return self._questions

    def _load(self, ids: Sequence[int]) -> tuple[dict[int, Unit], dict[int, set[tuple[str, str, str]]]]:
        units: dict[int, Unit] = {}
        numbers: dict[int, set[tuple[str, str, str]]] = {}
        for part in store.chunks(ids):
            found = Unit.unfiltered.filter(pk__in=part).select_related("expected_in", "row")
            units |= {unit.pk: unit for unit in found}
            known = Identifier.objects.filter(unit__in=part, retired_at__isnull=True)
            for unit, kind, norm, source in known.values_list("unit_id", "kind", "norm", "source"):
                numbers.setdefault(unit, set()).add((kind, norm, source))
        return units, numbers

    def _unit(self, told: Told) -> Unit:
        unit = Unit(
            customer=self._customer, made_by="register", registered=True, expected_in=self._lot,
            kind=told.kind, kind_by="" if told.kind == words.UNKNOWN else "register",
            manufacturer=told.manufacturer, model=told.model,
        )  # fmt: skip
        known = rules.Known(kind=told.kind, registered=True, expected="open" if self._lot else "")
        store.write(unit, rules.standing(known))
        return unit

    def _row(self, told: Told, unit: Unit, rule: str) -> RegisterRow:
        row = RegisterRow(customer=self._customer, unit=unit, first_import=self._made, rule=rule)
        return self._told(row, told)

    def _told(self, row: RegisterRow, told: Told) -> RegisterRow:
        row.last_import, row.row_number, row.raw = self._made, told.row, list(told.raw)
        row.department, row.location, row.state = told.department, told.location, told.state
        row.encrypted, row.last_seen_on, row.fingerprint = told.encrypted, told.last_seen, told.fingerprint
        return row

    def _refusal(self, unit: Unit) -> str:
        """What is missing is not announced anew: that would close a breach that nobody has looked at."""
        if self._lot is None or unit.presence != words.MISSING or unit.expected_in_id == self._lot.pk:
            return ""
        before = unit.expected_in.code if unit.expected_in else ""
        return f"it is missing since lot {before} was closed: it is received, or a person says that it was found"

    def _moves(self, unit: Unit) -> bool:
        return self._lot is not None and unit.received_at is None and unit.expected_in_id != self._lot.pk

    def _write(self, unit: Unit, told: Told, numbers: set[tuple[str, str, str]]) -> None:
        unit.registered = True
        unit.manufacturer = told.manufacturer or unit.manufacturer
        unit.model = told.model or unit.model
        told_kind(unit, told.kind, "register")
        if self._moves(unit):
            unit.expected_in = self._lot
        known = {(kind, norm) for kind, norm, _ in numbers}
        fresh = [n for n in told.numbers if (n.kind, n.norm) not in known]
        if fresh:
            said = {(n.kind, n.norm) for n in told.numbers}
            kinds = {n.kind for n in fresh if n.kind in REPLACED}
            old = [(k, v) for k, v, source in numbers if source == "register" and k in kinds and (k, v) not in said]
            for kind, norm in old:
                Identifier.objects.filter(unit=unit, kind=kind, norm=norm).update(retired_at=now())
            store.give_numbers(unit, fresh, "register")

    def _doubts(self, unit: Unit, match: Match, told: Told) -> None:
        others = [*match.against] + ([match.conflict] if match.conflict is not None else [])
        for number in others:
            other = Unit.unfiltered.get(pk=number)
            kind = "tag_and_serial" if number == match.conflict else "two_units"
            low, high = sorted((unit, other), key=lambda one: one.pk)
            new = store.ask(
                kind, f"{low.pk}:{high.pk}", low, customer=self._customer.pk, other=high,
                seen=[n.seen_as for n in told.numbers], row=told.row,
            )  # fmt: skip
            self._questions += new
            self._touched |= {unit.pk, number}
