"""What the page of stations holds, out of the database and the stations' talk."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db.models import Count, Max

from agent.certificates.jws import thumbprint
from agent.errors import CertificateProblem
from agent.messages import Alarm
from collector import moments
from collector.certificates import words
from collector.certificates.proof import key_from_x
from collector.fleet.alarms import Key, taken
from collector.fleet.live import Bay, Station
from collector.fleet.models import TakenAlarm
from collector.intake.models import Certificate, Quarantine, StationKey, ToldGap

MOST_GAPS = 5
MOST_OFF_S = 60.0
"""A message takes seconds at the most: a clock that is a minute off is wrong, whatever it says of itself."""
NO_SUMS = {"ok": 0, "gap": 0, "known": 0, "fork": 0, "last": 0}


@dataclass(frozen=True)
class StationView:
    """One station, as it is shown."""

    name: str
    enrolled: bool
    mark: words.Mark
    heard: str
    keys: list[str]
    birth_key: str
    outbox: int | None
    version: str
    clock: words.Mark | None
    bays: list[dict[str, Any]]
    alarms: list[dict[str, str]]
    sums: dict[str, int]
    gaps: list[dict[str, Any]]

    @property
    def certificates(self) -> int:
        """How many there are of it."""
        return sum(self.sums[state] for state in ("ok", "gap", "known", "fork"))

    @property
    def stranger_key(self) -> bool:
        """Whether it says that it signs with a key that is not enrolled."""
        return bool(self.birth_key) and self.birth_key not in self.keys


def stations(live: list[Station]) -> list[StationView]:
    """List everybody who is enrolled, has certificates or speaks, by name."""
    heard = {station.name: station for station in live}
    keys, sums, gaps, took = _enrolled(), _sums(), told_gaps(), taken(live)
    names = sorted({*heard, *keys, *sums, *gaps})
    now = time.monotonic()
    return [
        _station(heard.get(n, Station(n)), keys.get(n, []), sums.get(n, {}), gaps.get(n, []), took, now) for n in names
    ]


def quarantined() -> int:
    """Count the messages that stand in quarantine."""
    return Quarantine.objects.count()


def document(views: list[StationView]) -> list[dict[str, Any]]:
    """Write the live page as data."""
    return [
        {
            "id": v.name,
            "enrolled": v.enrolled,
            "state": v.mark.text.lower(),
            "heard": v.heard,
            "keys": v.keys,
            "outbox_depth": v.outbox,
            "version": v.version,
            "clock": None if v.clock is None else v.clock.text.lower(),
            "bays": [{k: x for k, x in bay.items() if k != "mark"} for bay in v.bays],
            "alarms": v.alarms,
            "certificates": {k: v.sums[k] for k in ("ok", "gap", "known", "fork")},
            "known_gaps": v.gaps,
        }
        for v in views
    ]


def _enrolled() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = StationKey.objects.filter(revoked_at=None).order_by("station_id", "thumbprint")
    for station, kid in rows.values_list("station_id", "thumbprint"):
        found.setdefault(station, []).append(kid)
    return found


def _sums() -> Mapping[str, dict[str, int]]:
    """Count the certificates of each station that has any, by state of the chain, with the last to arrive."""
    found: dict[str, dict[str, int]] = {}
    rows = Certificate.unfiltered.values_list("station_id", "chain").annotate(Count("arrival"), Max("arrival"))
    for station, chain, count, last in rows.order_by():
        one = found.setdefault(station, dict(NO_SUMS))
        one[chain] = count
        one["last"] = max(one["last"], last)
    return found


def told_gaps() -> Mapping[str, list[dict[str, Any]]]:
    """List for each station the numbers that it told to be missing: the newest first, at most MOST_GAPS of each."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in ToldGap.objects.order_by("station_id", "-first"):
        of_station = found.setdefault(row.station_id, [])
        if len(of_station) < MOST_GAPS:
            of_station.append({"first": row.first, "last": row.last, "why": row.why})
    return found


def _station(
    station: Station,
    keys: list[str],
    sums: dict[str, int],
    gaps: list[dict[str, Any]],
    took: Mapping[Key, TakenAlarm],
    now: float,
) -> StationView:
    birth = station.birth
    return StationView(
        name=station.name,
        enrolled=bool(keys),
        mark=words.SILENT if station.silent(now) else words.PRESENCE[station.online],
        heard=words.age(now - station.heard_at),
        keys=keys,
        birth_key="" if birth is None else _thumbprint(birth.key),
        outbox=None if birth is None else birth.outbox_depth,
        version="" if birth is None else " ".join(birth.software.values())[:80],
        clock=None if birth is None else _clock(birth.clock, station.clock_off_s),
        bays=[_bay(station.bays[name], now) for name in sorted(station.bays, key=_natural)],
        alarms=[_alarm(station.name, name, alarm, took) for name, alarm in station.alarms.items()],
        sums={**NO_SUMS, **sums},
        gaps=gaps,
    )


def _clock(told: Mapping[str, Any], off_s: float | None) -> words.Mark:
    """Say how a station's clock is: what it says of it, and how far it is from ours."""
    if told.get("synchronised") is not True:
        return words.CLOCKS["unset"]
    return words.CLOCKS["off" if off_s is not None and abs(off_s) > MOST_OFF_S else "set"]


def _alarm(station: str, name: str, alarm: Alarm, took: Mapping[Key, TakenAlarm]) -> dict[str, str]:
    by = took.get((station, name, alarm.since))
    return {
        **msgspec.to_builtins(alarm),
        "id": name,
        "taken_by": by.by.name if by else "",
        "taken_at": moments.text(by.taken_at) if by else "",
    }


def _bay(bay: Bay, now: float) -> dict[str, Any]:
    moving = bay.moving(now)
    return {
        "name": bay.name,
        "state": bay.state,
        "mark": words.mark(words.BAYS, bay.state),
        "drive": bay.drive,
        "job": bay.job,
        "heard": words.age(now - max(bay.heard_at, bay.progress_at)),
        "phase": bay.phase if moving else "",
        "done": bay.done if moving else None,
        "total": bay.total if moving else None,
        "percent": 100 * bay.done // bay.total if moving else None,
        "mb_per_s": bay.mb_per_s if moving else None,
        "celsius": bay.celsius if moving else None,
    }


def _thumbprint(facts: dict[str, str]) -> str:
    try:
        return thumbprint(key_from_x(facts.get("x", "")))
    except CertificateProblem:
        return ""


def _natural(name: str) -> tuple[int, str]:
    return (int(name) if name.isascii() and name.isdigit() and len(name) < 10 else 10**9, name)
