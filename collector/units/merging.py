"""Questions answered: two that are one are merged, and can be parted again; a sticker is said to be whose it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from collector.intake.models import Certificate
from collector.moments import now
from collector.parties.services import Actor, note
from collector.statements.services import speaker
from collector.units import changing, store
from collector.units import vocabulary as words
from collector.units.errors import NotNow, UnitProblem
from collector.units.models import DriveLink, Identifier, Question, Unit, UnitEvent

ANSWERS = {
    "tag_and_serial": ("same", "first", "second"),
    "two_units": ("same", "different"),
    "suggestion": ("same", "different"),
    "not_received": ("found", "still_missing"),
    "another_customer": ("seen",),
}
"""Kind -> what a person may answer. `drives` is answered by counting, `grade` by grading, `kind` by telling it."""
OF_CERTIFICATE = ("same", "different")
"""What may be answered where a certificate stands against a unit, and no other unit does."""
MOVED = ("received_at", "lot_id", "disposal", "drives_counted", "kind", "kind_by", "manufacturer", "model", "grade")
"""What the unit that stays takes over where it has nothing of its own."""


def answers_of(question: Question) -> tuple[str, ...]:
    """List what may be answered."""
    if question.kind == "tag_and_serial" and question.other_id is None:
        return OF_CERTIFICATE
    return ANSWERS.get(question.kind, ())


@transaction.atomic
def answer(actor: Actor, question: Question, told: str, reason: str) -> None:
    """Settle a question, with a reason. Raise UnitProblem, NotNow or NotTheirs."""
    speaker(actor, changing.SETTLE_BY)
    allowed = answers_of(question)
    if told not in allowed:
        raise UnitProblem(problem=f"answer {told[:40]!r}: allowed is one of {', '.join(allowed) or 'none here'}")
    if not reason.strip():
        raise UnitProblem(problem="a reason is needed: who reads it later was not there")
    fresh = Question.unfiltered.select_for_update().get(pk=question.pk)
    if fresh.answered_at is not None:
        raise NotNow(problem="somebody has answered that meanwhile")
    fresh.answer, fresh.reason, fresh.answered_at = told, reason, now()
    fresh.answered_by, fresh.who = actor.person, actor.who
    fresh.save()
    _follow(actor, fresh, told, reason)
    note(actor, "question.answered", f"{fresh.kind} {fresh.pk}", answer=told, reason=reason)
    store.refresh([pk for pk in (fresh.unit_id, fresh.other_id) if pk is not None])


def _follow(actor: Actor, question: Question, told: str, reason: str) -> None:
    unit, other = question.unit, question.other
    if told == "same" and unit is not None and other is not None:
        merge(actor, unit, other, reason)
    elif told == "same" and unit is not None:
        certificate = Certificate.unfiltered.get(id=question.certificate)
        changing.attach(actor, unit, certificate, reason)
    elif told in ("first", "second") and unit is not None and other is not None:
        _give_tag(*((unit, other) if told == "first" else (other, unit)))
    elif told == "found" and unit is not None:
        changing.found(actor, unit, reason)


def _give_tag(owner: Unit, loser: Unit) -> None:
    """The sticker is the owner's; the other unit is known by it no more."""
    both = Identifier.objects.filter(unit__in=(owner, loser), kind="asset_tag", retired_at__isnull=True)
    for number in list(both):
        if number.unit_id == loser.pk and both.filter(unit=owner, norm=number.norm).exists():
            Identifier.objects.filter(pk=number.pk).update(retired_at=now())


def merge(actor: Actor, one: Unit, other: Unit, reason: str) -> Unit:
    """Make two units one, in the caller's transaction; the one of the register stays, else the older.

    Nothing is lost: what was the other's is written down, and `separate` gives it back.
    """
    if one.pk == other.pk or one.customer_id != other.customer_id:
        raise UnitProblem(problem="only two units of one customer can be one")
    if one.merged_into_id is not None or other.merged_into_id is not None:
        raise NotNow(problem="one of them was merged already")
    stays, goes = sorted((one, other), key=lambda unit: (not unit.registered, unit.pk))
    if goes.disposal not in ("", words.STOCK):
        raise NotNow(problem=f"unit {goes.pk} is {goes.disposal}: it has a history of its own")
    moved = list(goes.links.filter(ended_at__isnull=True).values_list("pk", flat=True))
    before, own = _state(stays), _state(goes)
    for name in MOVED:
        if getattr(stays, name) in (None, "", words.UNKNOWN):
            setattr(stays, name, getattr(goes, name))
    goes.merged_into, goes.received_at, goes.lot, goes.disposal = stays, None, None, ""
    DriveLink.objects.filter(pk__in=moved).update(unit=stays)
    stays.save()
    goes.save()
    told: dict[str, Any] = {"other": goes.pk, "links": moved, "before": before, "own": own, "reason": reason}
    UnitEvent.objects.bulk_create(
        [store.event(stays, "merged", actor, **told), store.event(goes, "merged", actor, into=stays.pk, reason=reason)]
    )
    store.refresh([stays.pk, goes.pk])
    return stays


@transaction.atomic
def separate(actor: Actor, gone: Unit, reason: str) -> None:
    """Take a merge back: each unit has again what was its own. Raise NotNow where something happened on that since."""
    speaker(actor, changing.SETTLE_BY)
    stays = gone.merged_into
    if stays is None:
        raise NotNow(problem="this unit was not merged into another one")
    told = stays.events.filter(kind="merged", data__other=gone.pk).order_by("-pk").first()
    if told is None or stays.disposal not in ("", words.STOCK):
        raise NotNow(problem=f"the other unit is {stays.disposal or 'not as it was'}: it cannot be parted any more")
    _restore(stays, told.data["before"], only={n for n in MOVED if told.data["before"][n] in (None, "", words.UNKNOWN)})
    _restore(gone, told.data["own"], only=set(MOVED))
    gone.merged_into = None
    stays.save()
    gone.save()
    DriveLink.objects.filter(pk__in=told.data["links"], unit=stays).update(unit=gone)
    UnitEvent.objects.bulk_create(
        [
            store.event(stays, "separated", actor, other=gone.pk, reason=reason),
            store.event(gone, "separated", actor, other=stays.pk, reason=reason),
        ]
    )
    note(actor, "unit.separated", str(gone.pk), other=stays.pk, reason=reason)
    store.refresh([stays.pk, gone.pk])


def _state(unit: Unit) -> dict[str, Any]:
    told = {name: getattr(unit, name) for name in MOVED}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in told.items()}


def _restore(unit: Unit, told: dict[str, Any], *, only: set[str]) -> None:
    for name in only:
        value = told[name]
        setattr(unit, name, datetime.fromisoformat(value) if name == "received_at" and value else value)
