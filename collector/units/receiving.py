"""What comes in: a unit scanned or listed -> the unit that it is, in its lot; or one that no register names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db import transaction

from collector.certificates.identifiers import Identifier as Number
from collector.moments import now
from collector.parties.models import Organisation
from collector.parties.services import Actor, note
from collector.units import loose, matching, rules, store
from collector.units import vocabulary as words
from collector.units.errors import NotNow
from collector.units.matching import Index, Match, Seen
from collector.units.models import Identifier, Lot, Unit, UnitEvent

RESULTS = ("received", "again", "unexpected", "conflict", "refused")
Result = Literal["received", "again", "unexpected", "conflict", "refused"]
DECIDES = {"": 0, "certificate": 1, "register": 2, "import": 2, "intake": 3, "person": 4}
"""Who tells what kind a unit is of: the higher one stays."""
CHANGED = ("received_at", "lot", "disposal", "kind", "kind_by", "drives_counted", "destroyed_at", "grade")
GONE = frozenset({words.GIVEN_BACK, words.OWN_USE})
"""It left the house, and may come again: then it is a new arrival, and what is on it is open anew."""


@dataclass(frozen=True)
class Arrival:
    """A thing that arrived, as it was scanned or listed. `row`: of the file, for messages."""

    seen: Seen
    kind: str = ""
    drives: int | None = None
    model: str = ""
    row: int = 0


@dataclass(frozen=True)
class Received:
    """What became of one arrival. `unit` is None where it was refused; `problem` says why."""

    row: int
    result: Result
    unit: Unit | None = None
    problem: str = ""


@dataclass
class _Work:
    """One transaction's rows, written together at its end."""

    actor: Actor
    lot: Lot
    index: Index
    at: datetime
    place: str
    units: dict[int, Unit] = field(default_factory=dict)
    events: list[UnitEvent] = field(default_factory=list)
    numbers: list[Identifier] = field(default_factory=list)
    changed: dict[int, Unit] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)

    def write(self) -> None:
        """Write what was gathered."""
        store.update_many(Unit, list(self.changed.values()), CHANGED)
        Identifier.objects.bulk_create(self.numbers, ignore_conflicts=True)
        store.insert_many(UnitEvent, self.events)


def receive(
    actor: Actor, lot: Lot, arrivals: Sequence[Arrival], *, at: datetime | None = None, place: str = ""
) -> list[Received]:
    """Take units into a lot, in one transaction. The same one again changes nothing. Raise NotNow for a closed lot."""
    customer = lot.customer
    assert customer is not None
    with transaction.atomic():
        store.lock(customer)
        lot.refresh_from_db()
        if lot.is_closed:
            raise NotNow(problem=f"lot {lot.code} is closed: nothing comes into it any more")
        numbers = [n for one in arrivals for n in one.seen.norms(*words.IDENTIFIERS)]
        work = _Work(actor, lot, store.index_of(customer.pk, numbers), at or now(), place)
        found = _take_all(work, arrivals, customer)
        work.write()
        if lot.state in ("open", "collected") and any(one.unit for one in found):
            lot.state = "received"
            lot.save(update_fields=["state"])
        _ask_about_strangers(work, [one for one in found if one.result in ("unexpected", "conflict")], arrivals)
        store.refresh(work.touched)
        loose.look_again(customer)
        note(actor, "lot.received", lot.code, **{name: sum(o.result == name for o in found) for name in RESULTS})
    return found


def _take_all(work: _Work, arrivals: Sequence[Arrival], customer: Organisation) -> list[Received]:
    matches = {matching.match(one.seen, work.index).unit for one in arrivals} - {None}
    for some in store.chunks(sorted(unit for unit in matches if unit is not None)):
        work.units |= {row.pk: row for row in Unit.unfiltered.filter(pk__in=some).select_related("lot", "expected_in")}
    return [_take(work, one, customer) for one in arrivals]


def _take(work: _Work, one: Arrival, customer: Organisation) -> Received:
    match = matching.match(one.seen, work.index)
    if match.unit is None:
        return _stranger(work, one, match, customer)
    unit = work.units.get(match.unit) or Unit.unfiltered.get(pk=match.unit)
    work.units[unit.pk] = unit
    if unit.received_at is not None and unit.disposal not in GONE:
        if unit.lot_id != work.lot.pk:
            told = f"it was received in lot {unit.lot.code}" if unit.lot else "it was received before"
            return Received(one.row, "refused", unit, f"{told} already, and has not left the house since")
        _count(work, unit, one)
        return Received(one.row, "again", unit)
    if unit.received_at is not None:
        came_again(unit)
    _arrive(work, unit, one, rule=match.rule)
    _doubts(work, unit, match, one)
    return Received(one.row, "received" if unit.registered else "unexpected", unit)


def _stranger(work: _Work, one: Arrival, match: Match, customer: Organisation) -> Received:
    """A unit that no other is: it is taken in, and waits for a person to say what it is."""
    unit = Unit(customer=customer, made_by="intake", manufacturer=one.seen.manufacturer, model=one.model)
    store.write(unit, rules.standing(rules.Known()))
    unit.save(force_insert=True)
    work.units[unit.pk] = unit
    _arrive(work, unit, one, rule="new")
    _doubts(work, unit, match, one)
    return Received(one.row, "conflict" if match.conflict else "unexpected", unit)


def _arrive(work: _Work, unit: Unit, one: Arrival, *, rule: str) -> None:
    was_missing = unit.presence == words.MISSING
    unit.received_at, unit.lot, unit.disposal = work.at, work.lot, words.STOCK
    told_kind(unit, one.kind, "intake")
    work.changed[unit.pk] = unit
    _number(work, unit, one.seen.numbers)
    if was_missing:
        work.events.append(store.event(unit, "found", work.actor, at=work.at, place=work.place, lot=work.lot.code))
    work.events.append(
        store.event(unit, "received", work.actor, at=work.at, place=work.place, lot=work.lot.code, rule=rule)
    )
    work.touched.add(unit.pk)
    _count(work, unit, one)


def _number(work: _Work, unit: Unit, numbers: Iterable[Number]) -> None:
    """A tag that is another unit's stays that one's until a person has said whose it is."""
    own = [
        n
        for n in numbers
        if n.kind != matching.TAG or not work.index.by_number.get((n.kind, n.norm), set()) - {unit.pk}
    ]
    for number in own:
        if unit.pk not in work.index.by_number.get((number.kind, number.norm), ()):
            work.numbers.append(store.identifier(unit, number, "intake"))
            work.index.add(unit.pk, number.kind, number.norm, unit.manufacturer)


def _count(work: _Work, unit: Unit, one: Arrival) -> None:
    if one.drives is None:
        return
    made = counted(unit, one.drives, work.actor, source="intake", at=work.at)
    work.events += made
    if made:
        work.changed[unit.pk] = unit
        work.touched.add(unit.pk)


def counted(
    unit: Unit, number: int, actor: Actor, *, source: str, at: datetime | None = None, certificate: str = ""
) -> list[UnitEvent]:
    """Take in how many drives a unit holds, to be saved by the caller; another number than before is a question."""
    if unit.drives_counted == number:
        return []
    if unit.drives_counted is not None:
        new = store.ask(
            "drives", f"{unit.pk}:{number}:{unit.drives_counted}", unit, customer=unit.customer_id,
            certificate=certificate, told=number, before=unit.drives_counted, source=source,
        )  # fmt: skip
        told = store.event(unit, "drives_counted", actor, at=at, certificate=certificate, told=number, counted=False)
        return [told] if new else []
    unit.drives_counted = number
    return [store.event(unit, "drives_counted", actor, at=at, certificate=certificate, told=number, counted=True)]


def told_kind(unit: Unit, kind: str, source: str) -> bool:
    """Take in of what kind a unit is, unless somebody told who counts for more. Whether that changes it."""
    if not kind or kind == words.UNKNOWN or DECIDES[source] < DECIDES[unit.kind_by] or unit.kind == kind:
        return False
    unit.kind, unit.kind_by = kind, source
    return True


def came_again(unit: Unit) -> None:
    """Begin anew with a unit that had left the house: its certificates are of its life before."""
    unit.links.filter(ended_at__isnull=True).update(ended_at=now())
    unit.drives_counted = unit.destroyed_at = None
    unit.grade = ""


def _doubts(work: _Work, unit: Unit, match: Match, one: Arrival) -> None:
    """Ask about what contradicts: a sticker that is another's, a number that two units have."""
    if match.conflict is not None and match.conflict != unit.pk:
        other = Unit.unfiltered.get(pk=match.conflict)
        store.ask(
            "tag_and_serial", f"{other.pk}:{unit.pk}", other, customer=unit.customer_id, other=unit,
            seen=[n.seen_as for n in one.seen.numbers],
        )  # fmt: skip
        work.touched |= {other.pk, unit.pk}
    for against in match.against:
        low, high = sorted((unit.pk, against))
        store.ask(
            "two_units", f"{low}:{high}", Unit.unfiltered.get(pk=low), customer=unit.customer_id,
            other=Unit.unfiltered.get(pk=high), seen=[n.seen_as for n in one.seen.numbers],
        )  # fmt: skip
        work.touched |= {low, high}


def _ask_about_strangers(work: _Work, strangers: Sequence[Received], arrivals: Sequence[Arrival]) -> None:
    """Suggest which unit each may be, and tell the house where another customer's register names it."""
    made = [
        (one.unit, a.seen) for one, a in _with_arrivals(strangers, arrivals) if one.unit and not one.unit.registered
    ]
    if not made:
        return
    customer = work.lot.customer_id
    assert customer is not None
    index = store.index_of(customer)
    for unit, seen in made:
        near = [other for other in matching.suggestions(seen, index) if other != unit.pk]
        for other in Unit.unfiltered.filter(pk__in=near, merged_into__isnull=True):
            store.ask("suggestion", f"{unit.pk}:{other.pk}", unit, customer=customer, other=other)
        numbers = [norm for kind, norm in seen.norms("serial", "imei14", "meid14")]
        elsewhere = Identifier.objects.filter(
            kind__in=("serial", "imei14", "meid14"), norm__in=numbers, retired_at__isnull=True
        ).exclude(customer=customer)
        for number in elsewhere.select_related("unit")[:1]:
            store.ask(
                "another_customer", f"{unit.pk}:{number.unit_id}", None, customer=None, mine=unit.pk,
                theirs=number.unit_id, seen=number.seen_as,
            )  # fmt: skip


def _with_arrivals(some: Sequence[Received], arrivals: Sequence[Arrival]) -> Iterable[tuple[Received, Arrival]]:
    by_row = {one.row: one for one in arrivals}
    return [(one, by_row[one.row]) for one in some]
