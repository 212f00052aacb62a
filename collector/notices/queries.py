"""Destinations and messages, as pages and commands list them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Q

from collector.moments import text
from collector.notices.models import DELIVERED, GIVEN_UP, SENDING, WAITING, Delivery, Destination

PER_PAGE = 50


def destinations() -> list[Destination]:
    """List the destinations, with how many messages wait, were given up, and when one was taken last."""
    rows = Destination.objects.annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state__in=(WAITING, SENDING))),
        given_up=Count("deliveries", filter=Q(deliveries__state=GIVEN_UP)),
        taken_at=Max("deliveries__ended_at", filter=Q(deliveries__state=DELIVERED)),
    )
    return list(rows.order_by("name"))


def deliveries(*, name: str = "", state: str = "", after: int = 0) -> list[Delivery]:
    """List messages, the newest first; one more than a page holds where there are more."""
    rows = Delivery.objects.select_related("destination").order_by("-made_at", "id")
    if name:
        rows = rows.filter(destination__name=name)
    if state:
        rows = rows.filter(state=state)
    return list(rows[after : after + PER_PAGE + 1])


def given_up() -> int:
    """Count the messages that were given up, and that nobody has sent again."""
    return Delivery.objects.filter(state=GIVEN_UP).count()


def destination_facts(one: Destination) -> dict[str, Any]:
    """Write a destination as data. Its secret is no part of it."""
    counted: Any = one
    return {
        "name": one.name,
        "kind": one.kind,
        "place": one.place,
        "severity": one.severity,
        "stations": one.stations.split(),
        "ended_too": one.ended_too,
        "language": one.language,
        "paused": one.paused_at is not None,
        "waiting": counted.waiting,
        "given_up": counted.given_up,
        "taken_at": None if counted.taken_at is None else text(counted.taken_at),
    }


def delivery_facts(one: Delivery) -> dict[str, Any]:
    """Write a message as data."""
    return {
        "id": one.pk,
        "destination": one.destination.name,
        "alarms": one.alarms,
        "state": one.state,
        "made_at": text(one.made_at),
        "tries": one.tries,
        "replayed": one.replayed,
        "tried_at": None if one.tried_at is None else text(one.tried_at),
        "due_at": text(one.due_at) if one.state == WAITING else None,
        "outcome": one.outcome,
    }
