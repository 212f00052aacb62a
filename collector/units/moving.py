"""Where a unit that was received goes: sold, scrapped, given back, kept in use; and back into stock.

Received is the sum of these, always: each unit that was received is in exactly one place.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from collector.moments import now
from collector.parties.services import Actor
from collector.units import store
from collector.units import vocabulary as words
from collector.units.errors import NotNow, UnitProblem
from collector.units.models import Unit, UnitEvent

EVENTS = {
    "sold": words.SOLD, "scrapped": words.SCRAPPED, "given_back": words.GIVEN_BACK, "own_use": words.OWN_USE,
    "sale_reversed": words.STOCK, "returned_by_buyer": words.STOCK,
}  # fmt: skip
"""What happens -> where the unit is then."""
FROM = {
    "sold": (words.STOCK,), "scrapped": (words.STOCK,), "given_back": (words.STOCK,), "own_use": (words.STOCK,),
    "sale_reversed": (words.SOLD,), "returned_by_buyer": (words.SOLD,),
}  # fmt: skip


@transaction.atomic
def move(
    actor: Actor, unit: Unit, happened: str, *, at: datetime | None = None, statement: str = "",
    **data: Any,  # noqa: ANN401 - JSON
) -> Unit:  # fmt: skip
    """Write down that a unit went somewhere. Raise NotNow where it cannot have.

    A unit that nobody scanned in, and is sold or given back, was here: that is written down first. One that is missing
    is not: it has to be found before.
    """
    if happened not in EVENTS:
        raise UnitProblem(problem=f"event {happened!r}: allowed is one of {', '.join(EVENTS)}")
    customer = unit.customer
    assert customer is not None
    store.lock(customer)
    unit.refresh_from_db()
    if unit.merged_into_id is not None or unit.presence == words.MISSING:
        raise NotNow(problem=f"unit {unit.pk} is {unit.presence}: it cannot be {happened}")
    events = []
    when = at or now()
    if unit.received_at is None:
        unit.received_at, unit.disposal = when, words.STOCK
        events.append(store.event(unit, "received", actor, at=when, because=happened))
    if unit.disposal not in FROM[happened]:
        raise NotNow(problem=f"unit {unit.pk} is {unit.disposal}: it cannot be {happened}")
    unit.disposal = EVENTS[happened]
    unit.save(update_fields=["received_at", "disposal"])
    events.append(store.event(unit, happened, actor, at=when, statement=statement, **data))
    UnitEvent.objects.bulk_create(events)
    store.refresh([unit.pk])
    return unit
