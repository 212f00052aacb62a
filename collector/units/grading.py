"""The grade of a unit and its faults, as a person gives them: a signed statement, since a grade decides money."""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db import transaction

from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD, TECHNICIAN
from collector.parties.services import Actor
from collector.statements import kinds, services
from collector.statements.errors import StatementProblem
from collector.statements.models import SignedStatement
from collector.statements.services import About
from collector.units import store
from collector.units.models import Unit, UnitEvent

BY = (TEAM_LEAD, TECHNICIAN, ADMINISTRATOR)
GRADE = re.compile(r"[0-9A-ZÆØÅ][0-9A-ZÆØÅ+.-]{0,9}")
MOST_FAULTS, LONGEST_FAULT = 20, 200


@transaction.atomic
def grade(actor: Actor, unit: Unit, given: str, faults: Iterable[str] = ()) -> SignedStatement:
    """Give a unit its grade. The newest counts; all stay. Raise StatementProblem or NotTheirs."""
    speaker = services.speaker(actor, BY)
    word = given.strip().upper()
    if not GRADE.fullmatch(word):
        raise StatementProblem(
            problem=f"grade {given[:20]!r}: allowed are up to ten letters, digits, + . and -: A, B+, C"
        )
    told = list(dict.fromkeys(" ".join(one.split()) for one in faults if one.strip()))
    if len(told) > MOST_FAULTS or any(len(one) > LONGEST_FAULT for one in told):
        raise StatementProblem(problem=f"at most {MOST_FAULTS} faults of {LONGEST_FAULT} characters")
    customer = unit.customer
    assert customer is not None
    store.lock(customer)
    unit.refresh_from_db()
    numbers = unit.identifiers.filter(retired_at__isnull=True).order_by("pk")
    row = services.say(
        kinds.GRADE,
        [About("unit", str(unit.pk), word)],
        {
            "unit": unit.pk,
            "grade": word,
            "faults": told,
            "numbers": [{"kind": one.kind, "value": one.seen_as} for one in numbers],
        },
        speaker,
        customer=customer,
        word=word,
    )
    event = store.event(unit, "graded", actor, at=row.said_at, statement=row.sha256, grade=word, faults=told)
    UnitEvent.objects.bulk_create([event])
    keep_newest(unit)
    return row


def keep_newest(unit: Unit) -> None:
    """Write the newest of a unit's grades into its row: one that was given earlier, and told later, does not count."""
    newest = UnitEvent.objects.filter(unit=unit, kind="graded").order_by("occurred_at", "pk").last()
    unit.grade = "" if newest is None else str(newest.data.get("grade", ""))
    unit.save(update_fields=["grade"])
