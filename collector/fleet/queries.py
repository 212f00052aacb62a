"""Stations as their page and the command line list them."""

from __future__ import annotations

from typing import Any

from django.db.models import Max

from collector.fleet.models import MOST_WRONG, StationInvitation, TlsCertificate, WaitingKey
from collector.intake.models import Station
from collector.moments import now, text


def stations() -> list[dict[str, Any]]:
    """List every station: its keys that are believed, its certificate's end, a key that waits for a person's yes."""
    counts = TlsCertificate.objects.filter(revoked_at=None).exclude(station=None)
    ends = dict(counts.values_list("station_id").annotate(Max("ends_at")))
    waiting = dict(WaitingKey.objects.filter(decided_at=None).values_list("station_id", "thumbprint"))
    rows = Station.objects.order_by("id").prefetch_related("keys")
    return [
        {
            "station": row.id,
            "revoked": row.revoked_at is not None,
            "keys": sorted(key.thumbprint for key in row.keys.all() if key.revoked_at is None),
            "certificate_ends_at": text(ends[row.id]) if row.id in ends else None,
            "waiting_key": waiting.get(row.id),
        }
        for row in rows
    ]


def invitations() -> list[StationInvitation]:
    """List the codes that still open something."""
    rows = StationInvitation.objects.filter(used_at=None, ends_at__gt=now(), wrong__lt=MOST_WRONG)
    return list(rows.order_by("station"))
