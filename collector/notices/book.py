"""The book of alarms: each that was heard, and in the same transaction to whom it is to be told.

Whoever is not known here raises none. A station has a budget of alarms, apart for critical ones: what is beyond is
counted in the log, and stands on the live page as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F

from collector.certificates.rates import Rate
from collector.fleet.live import Heard
from collector.intake.models import Station
from collector.moments import now
from collector.notices.models import CRITICAL, ENDED, RAISED, Destination, Notice, StationAlarm
from collector.notices.rules import AGAIN, concerns

LOG = logging.getLogger(__name__)
BURST, PER_MINUTE = 60, 1.0


class Book:
    """Writes what was heard. One thread's."""

    def __init__(self) -> None:
        self._rates = {critical: Rate(BURST, PER_MINUTE) for critical in (False, True)}

    @transaction.atomic
    def write(self, heard: Sequence[Heard]) -> int:
        """Write alarms and their notices, all or nothing. Return how many were beyond a station's budget."""
        known = set(
            Station.objects.filter(
                id__in={one.station for one in heard}, revoked_at=None, keys__revoked_at=None
            ).values_list("id", flat=True)
        )
        those = list(Destination.objects.filter(paused_at=None).order_by("id"))
        beyond = 0
        for one in heard:
            if one.station in known:
                beyond += not self._one(one, those)
        return beyond

    def _one(self, one: Heard, those: Sequence[Destination]) -> bool:
        """Write one; False where its station's budget is spent."""
        row = StationAlarm.objects.filter(station=one.station, alarm=one.name, since=one.alarm.since[:40]).first()
        if row is None:
            row = self._new(one, those)
        if row is None:
            return False
        if not one.stands and row.ended_at is None:
            row.ended_at = now()
            row.save(update_fields=["ended_at"])
            _tell(row, ENDED, [to for to in those if to.ended_too])
        return True

    def _new(self, one: Heard, those: Sequence[Destination]) -> StationAlarm | None:
        """Write one that was not heard before; of one that comes again within minutes, that it did.

        An end that nobody was told yet is not told then. Who was told it is told that the alarm stands again.
        """
        moment = now()
        last = StationAlarm.objects.filter(
            station=one.station, alarm=one.name, severity=one.alarm.severity,
            raised_at__gt=moment - AGAIN, raised_at__lte=moment,
        ).order_by("-raised_at", "-id").first()  # fmt: skip
        if last is not None and not _is_end_told(last):
            StationAlarm.objects.filter(pk=last.pk).update(times=F("times") + 1, since=one.alarm.since, ended_at=None)
            last.refresh_from_db()
            return last
        if not self._rates[one.alarm.severity == CRITICAL].allows(one.station):
            return None
        row = StationAlarm.objects.create(
            station=one.station, alarm=one.name, since=one.alarm.since, severity=one.alarm.severity,
            code=one.alarm.code, text=one.alarm.text, raised_at=moment,
        )  # fmt: skip
        _tell(row, RAISED, those if last is None else [to for to in those if to.ended_too])
        return row

    @transaction.atomic
    def settle(self, standing: set[tuple[str, str, str]], heard_of: Iterable[str]) -> int:
        """End what stations ended while nobody listened. `heard_of`: those whose standing alarms are known."""
        those = list(Destination.objects.filter(paused_at=None, ended_too=True).order_by("id"))
        ended = 0
        for row in StationAlarm.objects.filter(ended_at=None, station__in=set(heard_of)):
            if (row.station, row.alarm, row.since) not in standing:
                StationAlarm.objects.filter(pk=row.pk).update(ended_at=now())
                row.refresh_from_db()
                _tell(row, ENDED, those)
                ended += 1
        return ended


def _is_end_told(row: StationAlarm) -> bool:
    """Take back what was not told yet of its end, and say whether somebody was told."""
    ends = Notice.objects.filter(alarm=row, word=ENDED)
    ends.filter(delivery=None).delete()
    return ends.exists()


def _tell(row: StationAlarm, word: str, those: Sequence[Destination]) -> None:
    """Note to whom it is told. One that came again was told before."""
    Notice.objects.bulk_create(
        [
            Notice(alarm=row, destination=to, word=word)
            for to in those
            if concerns(row.severity, row.station, least=to.severity, patterns=to.stations)
        ],
        ignore_conflicts=True,
    )
