"""Lots: opened, collected, handed over, closed with a frozen and signed list. Each step is a signed statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction

from collector.moments import now
from collector.parties.models import Organisation
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD, TECHNICIAN
from collector.parties.services import Actor, note
from collector.statements import kinds
from collector.statements.services import About, Speaker, say, speaker
from collector.units import loose, rules, store
from collector.units import vocabulary as words
from collector.units.errors import NotNow, UnitProblem
from collector.units.models import Custody, Identifier, Lot, Unit, UnitEvent

OPEN_BY = (TEAM_LEAD, TECHNICIAN, ADMINISTRATOR)
CLOSE_BY = (TEAM_LEAD, ADMINISTRATOR)
"""Closing makes units missing: somebody answers for that."""
LONGEST_CODE = 64
MOST_SEALS = 200


@dataclass(frozen=True)
class Step:
    """What is told of a step of custody."""

    day: date
    place: str = ""
    count: int | None = None
    seals: Sequence[str] = ()
    from_whom: str = ""
    to_whom: str = ""
    note: str = ""


def lot_named(customer: Organisation, code: str) -> Lot:
    """Find a customer's lot. Raise UnitProblem."""
    found: Lot | None = Lot.unfiltered.filter(customer=customer, code=code.strip()).first()
    if found is None:
        raise UnitProblem(problem=f"{customer.name} has no lot {code!r}: benchwipe-collector lot open")
    return found


def announced(actor: Actor, customer: Organisation, code: str) -> Lot:
    """Find the lot that a register announces units for, made now if it is new. Raise NotNow for a closed one."""
    found = _made(actor, customer, code)
    if found.is_closed:
        raise NotNow(problem=f"lot {found.code} is closed: what it expected is frozen")
    return found


@transaction.atomic
def open_lot(actor: Actor, customer: Organisation, code: str, *, reference: str = "", vat_origin: str = "") -> Lot:
    """Open a lot; one that is open stays so. Raise NotNow for a closed one, NotTheirs without the role."""
    speaker(actor, OPEN_BY)
    store.lock(customer)
    lot = _made(actor, customer, code)
    if lot.is_closed:
        raise NotNow(problem=f"lot {lot.code} is closed, and stays so: open another one")
    if vat_origin and vat_origin not in words.VAT_ORIGINS:
        raise UnitProblem(problem=f"vat_origin {vat_origin!r}: allowed is one of {', '.join(words.VAT_ORIGINS)}")
    lot.reference, lot.vat_origin = reference or lot.reference, vat_origin or lot.vat_origin
    lot.save(update_fields=["reference", "vat_origin"])
    return lot


@transaction.atomic
def take_step(actor: Actor, lot: Lot, kind: str, told: Step) -> Custody:
    """Write down, signed, that a lot went from one hand to another. Raise NotNow, NotTheirs or UnitProblem."""
    who = speaker(actor, OPEN_BY)
    customer = _locked(lot)
    if kind not in words.STEPS or kind == "closed":
        raise UnitProblem(problem=f"step {kind!r}: allowed is one of {', '.join(words.STEPS[:-1])}")
    _check(told)
    if lot.is_closed and kind != "handed_over":
        raise NotNow(problem=f"lot {lot.code} is closed")
    row = _custody(who, lot, customer, kind, told, {"units": _received(lot)})
    if kind in ("collected", "received") and lot.state == "open":
        lot.state = kind
        lot.save(update_fields=["state"])
    note(actor, f"lot.{kind}", lot.code, customer=customer.name, count=told.count)
    return row


@transaction.atomic
def close_lot(actor: Actor, lot: Lot) -> Custody:
    """Close a collection: what it still expected is missing, and the list is frozen and signed."""
    who = speaker(actor, CLOSE_BY)
    customer = _locked(lot)
    if lot.is_closed:
        raise NotNow(problem=f"lot {lot.code} is closed already")
    lot.state, lot.closed_at = "closed", now()
    lot.save(update_fields=["state", "closed_at"])
    left = list(Unit.unfiltered.filter(expected_in=lot, received_at__isnull=True, merged_into__isnull=True))
    store.refresh([unit.pk for unit in left])
    for unit in left:
        if unit.links.filter(ended_at__isnull=True).exists():
            store.ask("not_received", f"{unit.pk}:{lot.pk}", unit, customer=customer.pk, lot=lot.code)
    missing = [unit for unit in left if unit.registered]
    frozen = frozen_list(lot)
    row = _custody(
        who,
        lot,
        customer,
        "closed",
        Step(now().date(), count=len(frozen)),
        {"units": frozen, "counts": _counts(frozen)},
    )
    events = [store.event(u, "reported_missing", actor, statement=row.statement, lot=lot.code) for u in missing]
    store.insert_many(UnitEvent, events)
    note(actor, "lot.closed", lot.code, customer=customer.name, missing=len(missing), units=len(frozen))
    return row


def frozen_list(lot: Lot) -> list[dict[str, Any]]:
    """List the units of a lot as they stand: those that it received, and those that it expected."""
    units = {u.pk: u for u in Unit.unfiltered.filter(lot=lot)} | {
        u.pk: u for u in Unit.unfiltered.filter(expected_in=lot, merged_into__isnull=True)
    }
    numbers = numbers_of(list(units))
    return [
        {"unit": pk, "kind": u.kind, "status": u.headline, "data": u.data, **_first(numbers.get(pk, {}))}
        for pk, u in sorted(units.items())
    ]


def numbers_of(units: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    """Load the numbers of some units as they were seen: unit -> kind -> texts, the oldest first."""
    found: dict[int, dict[str, list[str]]] = {}
    for some in store.chunks(list(units)):
        rows = Identifier.objects.filter(unit__in=some, retired_at__isnull=True).order_by("id")
        for unit, kind, seen in rows.values_list("unit_id", "kind", "seen_as").iterator(5000):
            found.setdefault(unit, {}).setdefault(kind, []).append(seen)
    return found


def _first(numbers: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: (numbers.get(kind) or [""])[0] for name, kind in store.SHOWN_NUMBERS}


def _counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {status: n for status, n in rules.counts(str(row["status"]) for row in rows).items() if n}


def _made(actor: Actor, customer: Organisation, code: str) -> Lot:
    code = " ".join(code.split())
    if not code or len(code) > LONGEST_CODE or not code.isprintable():
        raise UnitProblem(problem=f"lot {code[:80]!r}: allowed are 1 to {LONGEST_CODE} printable characters")
    found, new = Lot.unfiltered.get_or_create(customer=customer, code=code, defaults={"opened_by": actor.person})
    if new:
        note(actor, "lot.opened", code, customer=customer.name)
        loose.look_again_in(code)
    lot: Lot = found
    return lot


def _locked(lot: Lot) -> Organisation:
    customer = lot.customer
    assert customer is not None
    store.lock(customer)
    lot.refresh_from_db(fields=["state", "closed_at"])
    return customer


def _received(lot: Lot) -> int:
    return Unit.unfiltered.filter(lot=lot, merged_into__isnull=True).count()


def _check(told: Step) -> None:
    if told.count is not None and not 0 <= told.count <= 1_000_000:
        raise UnitProblem(problem=f"count {told.count}: allowed is 0 to 1000000")
    if len(told.seals) > MOST_SEALS:
        raise UnitProblem(problem=f"{len(told.seals)} seals: at most {MOST_SEALS}")


def _custody(who: Speaker, lot: Lot, customer: Organisation, kind: str, told: Step, more: Mapping[str, Any]) -> Custody:
    """Sign the step, and keep it with its statement's name."""
    payload = {
        "customer": customer.name, "lot": lot.code, "reference": lot.reference, "step": kind,
        "day": told.day.isoformat(), "place": told.place, "count": told.count, "seals": list(told.seals),
        "from": told.from_whom, "to": told.to_whom, "note": told.note, **more,
    }  # fmt: skip
    typ = kinds.CLOSING if kind == "closed" else kinds.CUSTODY
    said = say(typ, [About("lot", str(lot.pk), kind)], payload, who, customer=customer, word=kind)
    return Custody.objects.create(
        lot=lot, step=kind, day=told.day, place=told.place, count=told.count, seals=list(told.seals),
        from_whom=told.from_whom, to_whom=told.to_whom, note=told.note, person=who.actor.person, who=who.actor.who,
        statement=said.sha256,
    )  # fmt: skip
