"""Trusting a station's key, and trusting it no more: a person's decision, or the configuration's.

The database is the only place that is asked. Keys in [[station]] tables of the configuration are laid into it at the
start and whenever the file changes; one that leaves the file is revoked, if it came from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Q

from agent.certificates.jws import public_jwk
from collector.errors import EnrolmentError
from collector.intake.models import Station, StationKey
from collector.intake.statements import Keys
from collector.moments import now
from collector.parties.services import Actor, note
from collector.text import is_station_id


@transaction.atomic
def enrol(actor: Actor, station: str, keys: Keys, *, source: str = "enrolled") -> list[str]:
    """Believe these keys of a station beside those that it has. Return the thumbprints that are new."""
    if not is_station_id(station):
        raise EnrolmentError(where=repr(station), problem="a station's id is letters, digits, '.', '_' and '-'")
    row, _ = Station.objects.get_or_create(id=station)
    if row.revoked_at is not None:
        row.revoked_at = None
        row.save(update_fields=["revoked_at"])
    new = []
    for kid, key in keys.items():
        x = public_jwk(key)["x"]
        found, made = StationKey.objects.get_or_create(
            station=row, thumbprint=kid, defaults={"x": x, "source": source, "enrolled_by": actor.person}
        )
        if not made and found.revoked_at is not None:
            found.revoked_at, found.source, found.enrolled_by = None, source, actor.person
            found.save(update_fields=["revoked_at", "source", "enrolled_by"])
            made = True
        if made:
            new.append(kid)
    if new:
        note(actor, "station.enrolled", station, keys=new)
    return new


@transaction.atomic
def revoke(actor: Actor, station: str) -> int:
    """Believe none of a station's keys any more; what they signed before stays proved. Return how many there were."""
    if not Station.objects.filter(id=station).exists():
        raise EnrolmentError(where=repr(station), problem="no station of this id is known")
    moment = now()
    revoked = StationKey.objects.filter(station=station, revoked_at=None).update(revoked_at=moment)
    Station.objects.filter(id=station, revoked_at=None).update(revoked_at=moment)
    note(actor, "station.revoked", station, keys=revoked)
    return revoked


@transaction.atomic
def follow_configuration(tables: Mapping[str, Keys]) -> None:
    """Make the database hold the [[station]] tables' keys, and no other key that came from there."""
    actor = Actor(who="configuration")
    for station, keys in tables.items():
        rows = StationKey.objects.filter(station=station, revoked_at=None, station__revoked_at=None)
        held = set(rows.values_list("thumbprint", flat=True))
        if missing := {kid: key for kid, key in keys.items() if kid not in held}:
            enrol(actor, station, missing, source="configuration")
    gone = StationKey.objects.filter(source="configuration", revoked_at=None).exclude(_named(tables))
    for station, kid in list(gone.values_list("station_id", "thumbprint")):
        StationKey.objects.filter(station=station, thumbprint=kid).update(revoked_at=now())
        note(actor, "station.key_revoked", station, keys=[kid])


def _named(tables: Mapping[str, Iterable[str]]) -> Q:
    wanted = Q(pk__in=[])
    for station, kids in tables.items():
        wanted |= Q(station=station, thumbprint__in=list(kids))
    return wanted
