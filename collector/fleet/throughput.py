"""Certificates of today by bench and hour: what came in, as a table, and as a picture of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.db.models.functions import ExtractHour

from collector.intake.models import Certificate
from collector.moments import now

HERE = ZoneInfo("Europe/Copenhagen")
FRESH_S = 30.0
"""The page asks every five seconds, and each hour has thousands of rows."""
HEIGHT, STEP, BAR = 60, 20, 16
MOST_PICTURES = 20
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Bar:
    """An hour's bar of the picture: how many, and where it stands."""

    hour: int
    count: int
    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Picture:
    """The hours of a bench, drawn; of all of them, where it has no name."""

    name: str
    total: int
    bars: list[Bar]


@dataclass(frozen=True)
class BenchToday:
    """A station's hours, and their sum."""

    station: str
    hours: tuple[int, ...]

    @property
    def total(self) -> int:
        """Sum up its hours."""
        return sum(self.hours)


@dataclass(frozen=True)
class Today:
    """The day so far. `hours` names those that have begun."""

    hours: tuple[int, ...] = ()
    benches: tuple[BenchToday, ...] = ()

    @property
    def total(self) -> int:
        """Sum up everything."""
        return sum(bench.total for bench in self.benches)

    @property
    def width(self) -> int:
        """Return the picture's width."""
        return max(1, len(self.hours)) * STEP

    @property
    def pictures(self) -> list[Picture]:
        """Draw the hours of each bench, all in one scale; of more benches than are told apart, all together."""
        rows = [(bench.station, bench.hours) for bench in self.benches]
        if len(rows) > MOST_PICTURES:
            rows = [("", tuple(sum(bench.hours[i] for bench in self.benches) for i in range(len(self.hours))))]
        most = max((count for _, counts in rows for count in counts), default=0) or 1
        return [Picture(name, sum(counts), self._bars(counts, most)) for name, counts in rows]

    def _bars(self, counts: Sequence[int], most: int) -> list[Bar]:
        found = []
        for i, count in enumerate(counts):
            height = max(1, round(HEIGHT * count / most)) if count else 0
            found.append(Bar(self.hours[i], count, i * STEP + (STEP - BAR) // 2, HEIGHT - height, height))
        return found


_kept: list[tuple[float, str, Today]] = []


def today() -> Today:
    """Count today's certificates; the figures are at most half a minute old."""
    moment = now().astimezone(HERE)
    day = moment.date().isoformat()
    with _LOCK:
        if _kept and _kept[0][1] == day and time.monotonic() - _kept[0][0] < FRESH_S:
            return _kept[0][2]
        found = count(moment)
        _kept[:] = [(time.monotonic(), day, found)]
        return found


def count(moment: datetime) -> Today:
    """Count the certificates of a day until this moment, by the hour of their arrival."""
    begin = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Certificate.unfiltered.filter(received_at__gte=begin, received_at__lte=moment)
    told = rows.values_list("station_id", ExtractHour("received_at", tzinfo=HERE)).annotate(Count("arrival")).order_by()
    hours = tuple(range(moment.hour + 1))
    by_station: dict[str, list[int]] = {}
    for station, hour, number in told:
        by_station.setdefault(station, [0] * len(hours))[hour] += number
    benches = tuple(BenchToday(name, tuple(by_station[name])) for name in sorted(by_station))
    return Today(hours, benches)
