"""Alarms that somebody takes: who, and when. An alarm that comes again is another one, and is taken anew."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from collector.errors import CollectorError
from collector.fleet.live import Station
from collector.fleet.models import TakenAlarm
from collector.parties.services import Actor, note

Key = tuple[str, str, str]
"""Station, alarm, and since when it stands, as the station writes it."""


class NoSuchAlarm(CollectorError):
    """The alarm does not stand any more."""

    code = "BW-C95"
    message = "{station} has no such alarm now"


def take(actor: Actor, live: Iterable[Station], station: str, alarm: str) -> TakenAlarm:
    """Write down who takes an alarm that stands. The first one has it. Raise NoSuchAlarm."""
    stands = next((one.alarms.get(alarm) for one in live if one.name == station), None)
    if stands is None or actor.person is None:
        raise NoSuchAlarm(station=station)
    with transaction.atomic():
        found, made = TakenAlarm.objects.get_or_create(
            station=station, alarm=alarm, since=stands.since, defaults={"code": stands.code, "by": actor.person}
        )
        if made:
            note(actor, "alarm.taken", station, alarm=alarm, code=stands.code, since=stands.since)
    return found


def taken(live: Iterable[Station]) -> dict[Key, TakenAlarm]:
    """Find who took the alarms that stand."""
    standing = {(one.name, name, alarm.since) for one in live for name, alarm in one.alarms.items()}
    rows = TakenAlarm.objects.filter(station__in={key[0] for key in standing}).select_related("by") if standing else ()
    return {key: row for row in rows if (key := (row.station, row.alarm, row.since)) in standing}
