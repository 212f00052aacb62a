"""Certificates of the authority for servers and clients: each one's serial stands in the database before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from django.db import transaction
from django.db.models import QuerySet

from agent.certificates.enrolment import LATEST_DAYS, VALID_DAYS
from collector.fleet import ca, signer
from collector.fleet.models import TlsCertificate
from collector.intake.models import Station
from collector.moments import now
from collector.parties.services import Actor, note

BACKDATED = timedelta(hours=1)
"""A clock that is some minutes behind takes it too."""


def make(
    folder: Path, profile: str, names: Sequence[str], csr: str, *, days: float = VALID_DAYS
) -> tuple[TlsCertificate, bytes]:
    """Have a certificate made, PEM. Its row is not stored yet: it counts from then on. Raise CollectorError."""
    ca.requested_key(csr)
    begins = now() - BACKDATED
    order = ca.Order(
        profile=profile,
        names=list(names),
        csr=csr,
        serial=f"{x509.random_serial_number():x}",
        begins=begins,
        ends=now() + timedelta(days=days),
    )
    made = signer.certificate(folder, order)
    row = TlsCertificate(
        serial=order.serial, profile=profile, name=" ".join(names), begins_at=order.begins, ends_at=order.ends
    )
    return row, made


@transaction.atomic
def revoke_of(actor: Actor, station: str) -> int:
    """Revoke every certificate of a station that has not expired. Return how many there were."""
    count = TlsCertificate.objects.filter(station=station, revoked_at=None, ends_at__gt=now()).update(revoked_at=now())
    if count:
        note(actor, "station.certificates_revoked", station, certificates=count)
    return count


def revoked() -> QuerySet[TlsCertificate]:
    """List what was revoked and would still be valid."""
    return TlsCertificate.objects.filter(ends_at__gt=now()).exclude(revoked_at=None).order_by("serial")


def may_renew(station: Station) -> bool:
    """Say whether the newest certificate of a station has expired by no more than a year, and was not revoked."""
    newest = TlsCertificate.objects.filter(station=station).order_by("-ends_at").first()
    if newest is None or newest.revoked_at is not None:
        return False
    return now() < newest.ends_at + timedelta(days=LATEST_DAYS)
