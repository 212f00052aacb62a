"""Notices made into messages: one each while there are few, all together where there are many. Worker."""

from __future__ import annotations

import secrets

from django.db import transaction

from collector.moments import now
from collector.notices import bodies
from collector.notices.models import MAIL, SENDING, WAITING, Delivery, Destination, Notice
from collector.notices.rules import MOST_IN_WINDOW, WINDOW, shares

MOST_WAITING = 200
"""Messages that wait for one destination. What comes then is gathered in one, later."""
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def gather() -> int:
    """Make the messages that are due. Return how many. A destination that is paused waits."""
    waiting = Notice.objects.filter(delivery=None, destination__paused_at=None)
    made = 0
    for to in Destination.objects.filter(pk__in=waiting.values("destination")):
        with transaction.atomic():
            made += _for(to)
    return made


def _for(to: Destination) -> int:
    """Make the messages for one destination, as many as it may get now."""
    Destination.objects.select_for_update().get(pk=to.pk)  # another worker gathers the same ones
    moment = now()
    made = Delivery.objects.filter(destination=to, alarms__gt=0)
    room = MOST_IN_WINDOW[to.kind] - made.filter(made_at__gt=moment - WINDOW, made_at__lte=moment).count()
    room = min(room, MOST_WAITING - made.filter(state__in=(WAITING, SENDING)).count())
    notices = Notice.objects.filter(destination=to, delivery=None)
    count = notices.count()
    parts = shares(count, room)
    for share in parts:
        ids = list(notices.order_by("id").values_list("id", flat=True)[:share])
        first = list(Notice.objects.filter(pk__in=ids[: bodies.MOST_IN_ONE]).select_related("alarm").order_by("id"))
        delivery = make(to, first, share)
        Notice.objects.filter(pk__in=ids).update(delivery=delivery)
    return len(parts)


def make(to: Destination, notices: list[Notice], count: int) -> Delivery:
    """Make a message of some notices; of none: a test."""
    if to.kind == MAIL:
        subject, body = bodies.mail(notices, count, to.language)
    else:
        subject, body = "", bodies.webhook(notices, count)
    identifier = "msg_" + "".join(secrets.choice(LETTERS) for _ in range(27))
    return Delivery.objects.create(id=identifier, destination=to, subject=subject, body=body, alarms=count)
