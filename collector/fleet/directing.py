"""Telling stations their directory: written on pages, signed by the controller's key, pushed, and answered.

Each station that is known has its own document, since its name is signed with it. A change makes a new version for
each; what a station answers is kept beside it.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import time
from collections.abc import Mapping
from typing import Any

import msgspec
from django.db import transaction

from agent.messages import ROOT, ReportedConfig, split_topic, station_topic
from collector import moments
from collector.errors import CollectorError
from collector.fleet import commanding, signer
from collector.fleet.directory import KEYS, Entry, SignedDirectory, contradictions, lists, next_version
from collector.fleet.models import DirectoryEntry, StationDirectory
from collector.intake.models import Station
from collector.parties.services import Actor, note
from collector.settings import Configuration
from collector.text import clean

LOG = logging.getLogger(__name__)
ANSWERS_S = 5.0
AGAIN_S = 60.0
"""How often the broker is asked for answers, and told again what it may have lost."""


class DirectoryRefused(CollectorError):
    """An entry that no station would take."""

    code = "BW-C96"
    message = "{problem}"


@transaction.atomic
def write(actor: Actor, kind: str, name: str, facts: Mapping[str, Any]) -> None:
    """Add an entry, or change it. Raise DirectoryRefused."""
    name = " ".join(name.split())
    if kind not in KEYS or not name:
        raise DirectoryRefused(problem="an entry has a kind and a name")
    row, made = DirectoryEntry.objects.get_or_create(kind=kind, name=name, defaults={"facts": dict(facts)})
    before = None if made else row.facts
    if before == dict(facts):
        return
    row.facts, row.changed_at = dict(facts), moments.now()
    row.save()
    _check()
    note(actor, "directory.written", name, kind=kind, before=before, after=dict(facts))


@transaction.atomic
def remove(actor: Actor, kind: str, name: str) -> None:
    """Take an entry away. Raise DirectoryRefused where another one needs it, or there is none."""
    row = DirectoryEntry.objects.filter(kind=kind, name=name).first()
    if row is None:
        raise DirectoryRefused(problem=f"there is no {kind} {name!r}")
    row.delete()
    _check()
    note(actor, "directory.removed", name, kind=kind, before=row.facts)


def entries() -> list[Entry]:
    """List everything, by kind and name."""
    return [Entry(row.kind, row.name, row.facts) for row in DirectoryEntry.objects.order_by("kind", "name")]


def _check() -> None:
    for problem in contradictions(entries()):
        raise DirectoryRefused(problem=problem)


class Director:
    """Pushes what has changed, and asks for answers. One thread's."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._at = float("-inf")

    def look(self) -> None:
        """Do what is due: new versions at once, the rest once a minute. Raise CollectorError, OSError."""
        if not commanding.possible(self._configuration):
            return
        changed = self._renew()
        if not changed and time.monotonic() - self._at < AGAIN_S:
            return
        rows = list(StationDirectory.objects.filter(station__revoked_at=None))
        if rows:
            self._at = time.monotonic()
            self._push([row for row in rows if row.state != "applied" or row.station_id in changed])

    def _renew(self) -> set[str]:
        """Sign a new version for each station whose directory has changed."""
        told = lists(entries())
        content = hashlib.sha256(msgspec.json.encode(told)).hexdigest()
        known = Station.objects.filter(revoked_at=None, keys__revoked_at=None).distinct()
        current = StationDirectory.objects.filter(content_sha256=content).values("station")
        stale = [row.id for row in known.exclude(id__in=current)]
        if not any(told.values()):
            had = StationDirectory.objects.values_list("station_id", flat=True)
            stale = [station for station in stale if station in set(had)]
        for station in stale:
            self._sign(station, told, content)
        return set(stale)

    def _sign(self, station: str, told: dict[str, list[dict[str, Any]]], content: str) -> None:
        last = StationDirectory.objects.filter(station=station).first()
        moment = moments.now()
        version = next_version(last.version if last else 0, int(moment.timestamp() * 1000))
        about = SignedDirectory(station=station, version=version, issued=moments.text(moment), **told)
        body = signer.directory(self._configuration.keys_dir, self._configuration.settings.signature_alg, about)
        fresh = {"version": version, "content_sha256": content, "body": body, "made_at": moment}
        StationDirectory.objects.update_or_create(
            station_id=station, defaults={**fresh, "state": "", "reason": "", "answered_at": None}
        )

    def _push(self, rows: list[StationDirectory]) -> None:
        """Publish each, retained, and hear what stations have to say for some seconds."""
        payloads = [(station_topic(str(row.station_id), "desired/config"), bytes(row.body)) for row in rows]
        try:
            heard = commanding.exchange(self._configuration, f"{ROOT}/+/reported/config", payloads, ANSWERS_S)
        except (OSError, ValueError, ssl.SSLError) as error:
            LOG.warning("directory: the broker was not told: %s", clean(str(error)))
            return
        for topic, payload in heard:
            split = split_topic(topic)
            if split is not None:
                self._answered(split[0], payload)

    def _answered(self, station: str, payload: bytes) -> None:
        try:
            report = msgspec.json.decode(payload, type=ReportedConfig)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return
        row = StationDirectory.objects.filter(station=station).first()
        if row is None or hashlib.sha256(bytes(row.body)).hexdigest() != report.hash:
            return  # of another version: the answer to this one is yet to come
        if (row.state, row.reason) != (report.state, report.reason):
            StationDirectory.objects.filter(station=station).update(
                state=report.state, reason=clean(report.reason, 500), answered_at=moments.now()
            )
            LOG.info("directory: %s says %s %s", station, report.state, clean(report.reason))
