"""What happens to a message: taken, tried, tried again with growing waits, delivered or given up."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q

from collector.moments import now
from collector.notices.models import DELIVERED, GIVEN_UP, SENDING, WAITING, Delivery, Destination, StationAlarm
from collector.notices.posting import Outcome
from collector.notices.rules import LONGEST_PAUSE, pause_after

LOG = logging.getLogger(__name__)
HELD = timedelta(seconds=60)
"""Longer than any try may take: whoever tries it is gone then."""
KEPT = timedelta(days=90)
LONGEST_OUTCOME = 300


def due(busy: Collection[int], *, well: bool) -> Delivery | None:
    """Find the message whose turn it is. `busy`: destinations that get one now. `well`: none that failed last."""
    moment = now()
    ready = Q(due_at__lte=moment) | Q(due_at__gt=moment + LONGEST_PAUSE)  # rules.is_due
    rows = Delivery.objects.filter(ready, state=WAITING, destination__paused_at=None)
    others = Delivery.objects.filter(state=SENDING).values("destination")
    rows = rows.exclude(destination__in=list(busy)).exclude(destination__in=others)
    if well:
        rows = rows.filter(destination__failing=False)
    return rows.select_related("destination").order_by("destination__failing", "due_at", "id").first()


def take(delivery: Delivery) -> bool:
    """Take it, before anything is sent. False where another worker was faster."""
    taken = Delivery.objects.filter(pk=delivery.pk, state=WAITING, tries=delivery.tries).update(
        state=SENDING, tries=F("tries") + 1, held_until=now() + HELD, tried_at=now()
    )
    if taken:
        delivery.refresh_from_db()
    return bool(taken)


@transaction.atomic
def note(delivery: Delivery, outcome: Outcome) -> None:
    """Keep what came of a try: delivered, tried again later, or given up. A try that was late changes nothing."""
    mine = Delivery.objects.filter(pk=delivery.pk, state=SENDING, tries=delivery.tries, replayed=delivery.replayed)
    told, moment, to = outcome.told[:LONGEST_OUTCOME], now(), delivery.destination
    pause = None if outcome.gone else pause_after(delivery.tries, outcome.again_s)
    fresh: dict[str, object] = {"held_until": None, "outcome": told}
    if outcome.taken:
        fresh |= {"state": DELIVERED, "ended_at": moment}
    elif pause is None:
        fresh |= {"state": GIVEN_UP, "ended_at": moment}
    else:
        fresh |= {"state": WAITING, "due_at": moment + pause}
    if not mine.update(**fresh):
        return
    Destination.objects.filter(pk=to.pk).update(failing=not outcome.taken)
    if outcome.gone:
        Destination.objects.filter(pk=to.pk, paused_at=None).update(paused_at=moment, paused_why=told)
    if not outcome.taken:
        after = "given up" if pause is None else f"tried again in {pause.total_seconds():.0f} s"
        LOG.log(logging.ERROR if pause is None else logging.WARNING, "notice %s to %s is %s: %s",
                delivery.pk, to.name, after, told)  # fmt: skip


def recover() -> None:
    """Take up messages whose worker is gone. Whether they were sent is unknown: they are, under the same id."""
    moment = now()
    lost = Q(held_until__lt=moment) | Q(held_until__gt=moment + HELD)
    for one in Delivery.objects.filter(lost, state=SENDING).select_related("destination"):
        note(one, Outcome(False, "the worker ended while it sent this"))


def give_back(delivery: Delivery) -> None:
    """Put one back that the worker's own end cut off: it is due at once, and that was no try of its."""
    Delivery.objects.filter(pk=delivery.pk, state=SENDING, tries=delivery.tries).update(
        state=WAITING, tries=F("tries") - 1, held_until=None
    )


def trim() -> None:
    """Forget what is long over."""
    before = now() - KEPT
    Delivery.objects.filter(state__in=(DELIVERED, GIVEN_UP), ended_at__lt=before).delete()
    StationAlarm.objects.filter(raised_at__lt=before).exclude(ended_at=None).delete()
