"""What people say of a unit: how many drives it holds, what it is, that it is here, that two are one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q

from collector.certificates import identifiers
from collector.intake.models import Certificate
from collector.moments import now
from collector.parties.models import Organisation
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD, TECHNICIAN, VALIDATOR
from collector.parties.services import Actor, note
from collector.statements import kinds
from collector.statements.services import About, say, speaker
from collector.units import linking, receiving, station_grades, store
from collector.units import vocabulary as words
from collector.units.errors import NotNow, UnitProblem
from collector.units.models import DriveLink, Identifier, Loose, Question, Unit, UnitEvent

COUNT_BY = (TEAM_LEAD, TECHNICIAN, VALIDATOR, ADMINISTRATOR)
SETTLE_BY = (TEAM_LEAD, VALIDATOR, ADMINISTRATOR)
LOOKED_UP = ("serial", "asset_tag", "imei14", "meid14", "eid", "uuid")


def unit_named(text: str, customer: Organisation | None = None) -> Unit:
    """Find the one unit with this serial number, IMEI or asset tag. Raise UnitProblem for none, or for several."""
    numbers = numbers_in(text, customer)
    wanted = Q()
    for one in numbers:
        wanted |= Q(kind=one.kind, norm=one.norm)
    rows = Identifier.objects.filter(wanted, retired_at__isnull=True) if numbers else Identifier.objects.none()
    if customer is not None:
        rows = rows.filter(customer=customer)
    found = {row.unit.merged_into_id or row.unit_id for row in rows.select_related("unit")[:50]}
    if len(found) != 1:
        how_many = "no unit has" if not found else f"{len(found)} units have"
        raise UnitProblem(problem=f"{how_many} the number {text[:80]!r}")
    unit: Unit = Unit.unfiltered.get(pk=found.pop())
    return unit


def numbers_in(text: str, customer: Organisation | None = None) -> list[identifiers.Identifier]:
    """Read what somebody typed or scanned as every number that it may be."""
    found = [one for kind in LOOKED_UP if (one := identifiers.identify(kind, text)) is not None]  # type: ignore[arg-type]
    prefix = None if customer is None else store.prefix_of(customer)
    if prefix is not None and (bare := identifiers.asset_tag(text, prefix)):
        found.append(identifiers.Identifier("asset_tag", bare, text))
    return list(dict.fromkeys(found))


@transaction.atomic
def count(actor: Actor, unit: Unit, number: int, reason: str = "") -> None:
    """Say, signed, how many drives a unit holds; 0: there is no storage in it. It settles what contradicted."""
    if not 0 <= number <= words.MOST_DRIVES:
        raise UnitProblem(problem=f"{number} drives: allowed is 0 to {words.MOST_DRIVES}")
    who = speaker(actor, COUNT_BY)
    _lock(unit)
    said = say(
        kinds.COUNT, [About("unit", str(unit.pk), str(number))],
        {"unit": unit.pk, "drives": number, "numbers": _numbers(unit), "reason": reason}, who, customer=unit.customer,
    )  # fmt: skip
    unit.drives_counted = number
    unit.save(update_fields=["drives_counted"])
    _settle(Question.unfiltered.filter(kind="drives", unit=unit), actor, str(number), reason)
    _happened(unit, "drives_counted", actor, statement=said.sha256, told=number, counted=True, reason=reason)
    note(actor, "unit.counted", str(unit.pk), drives=number)


@transaction.atomic
def tell_kind(actor: Actor, unit: Unit, kind: str, reason: str = "") -> None:
    """Say of what kind a unit is: a person counts for more than the intake and the register."""
    if kind not in words.KINDS or kind == words.UNKNOWN:
        raise UnitProblem(problem=f"kind {kind!r}: allowed is one of {', '.join(words.KINDS[:-1])}")
    speaker(actor, COUNT_BY)
    _lock(unit)
    if receiving.told_kind(unit, kind, "person"):
        unit.save(update_fields=["kind", "kind_by"])
    _happened(unit, "kind_told", actor, told=kind, reason=reason)
    note(actor, "unit.kind_told", str(unit.pk), kind=kind)


@transaction.atomic
def accept(actor: Actor, unit: Unit, reason: str) -> None:
    """Take in a unit that no register names: a school's odd printer, cables."""
    _reasoned(reason)
    speaker(actor, SETTLE_BY)
    _lock(unit)
    if unit.registered:
        raise NotNow(problem="a row of the register stands for it: there is nothing to accept")
    unit.accepted = True
    unit.save(update_fields=["accepted"])
    _happened(unit, "accepted", actor, reason=reason)
    note(actor, "unit.accepted", str(unit.pk), reason=reason)


@transaction.atomic
def found(actor: Actor, unit: Unit, reason: str) -> None:
    """Say that a missing unit was found where it is used: the only way out of *missing* but to receive it."""
    _reasoned(reason)
    speaker(actor, SETTLE_BY)
    _lock(unit)
    if unit.presence != words.MISSING:
        raise NotNow(problem=f"the unit is not missing: it is {unit.presence}")
    unit.expected_in = None
    unit.save(update_fields=["expected_in"])
    _settle(Question.unfiltered.filter(kind="not_received", unit=unit), actor, "found", reason)
    _happened(unit, "found", actor, reason=reason)
    note(actor, "unit.found", str(unit.pk), reason=reason)


@transaction.atomic
def attach(actor: Actor, unit: Unit, certificate: Certificate, reason: str) -> None:
    """Link a loose certificate to a unit by hand. Raise NotNow where it counts for one already."""
    _reasoned(reason)
    speaker(actor, (*SETTLE_BY, TECHNICIAN))
    _lock(unit)
    if certificate.customer_id not in (None, unit.customer_id):
        raise UnitProblem(problem="the certificate is of another customer")
    if not linking.link(actor, unit, certificate, "person"):
        raise NotNow(problem="the certificate counts for a unit already, or does not hold")
    _settle(Question.unfiltered.filter(certificate=certificate.id), actor, "same", reason)
    note(actor, "unit.certificate_linked", str(unit.pk), certificate=certificate.id, reason=reason)
    store.refresh([unit.pk])


@transaction.atomic
def detach(actor: Actor, tie: DriveLink, reason: str) -> None:
    """Take a certificate from a unit that it is not about."""
    _reasoned(reason)
    speaker(actor, SETTLE_BY)
    unit = tie.unit
    _lock(unit)
    tie.ended_at = now()
    tie.save(update_fields=["ended_at"])
    Loose.unfiltered.update_or_create(
        certificate=tie.certificate, defaults={"customer": unit.customer, "why": "unlinked"}
    )
    _happened(unit, "certificate_unlinked", actor, certificate=tie.certificate_id, reason=reason)
    station_grades.withdraw(unit, tie.certificate_id, actor)
    note(actor, "unit.certificate_unlinked", str(unit.pk), certificate=tie.certificate_id, reason=reason)


def _lock(unit: Unit) -> None:
    customer = unit.customer
    assert customer is not None
    store.lock(customer)
    unit.refresh_from_db()
    if unit.merged_into_id is not None:
        raise NotNow(problem="this unit was merged into another one")


def _happened(unit: Unit, kind: str, actor: Actor, **more: Any) -> None:  # noqa: ANN401 - JSON
    UnitEvent.objects.bulk_create([store.event(unit, kind, actor, **more)])
    store.refresh([unit.pk])


def _settle(questions: Any, actor: Actor, answer: str, reason: str) -> None:  # noqa: ANN401 - a query set
    questions.filter(answered_at__isnull=True).update(
        answer=answer[:20], reason=reason, answered_by=actor.person, who=actor.who, answered_at=now()
    )


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise UnitProblem(problem="a reason is needed: who reads it later was not there")


def _numbers(unit: Unit) -> list[dict[str, str]]:
    rows = unit.identifiers.filter(retired_at__isnull=True).order_by("pk")
    return [{"kind": row.kind, "value": row.seen_as} for row in rows]
