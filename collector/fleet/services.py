"""Making stations known: invite, enrol, renew, a person's yes or no, revoke.

The authority signs before the transaction that uses the code up: a certificate whose row was not stored was never
handed out, and no lock of the database waits for a signature.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.db.models import F

from agent.certificates.enrolment import LETTERS, SECRET_LETTERS, EnrolmentCode, EnrolmentRequest, secret_hash
from agent.certificates.jws import public_jwk, thumbprint
from collector.errors import EnrolmentError
from collector.fleet import ca, certificates, signer
from collector.fleet.errors import NotEnrolled
from collector.fleet.models import MOST_WRONG, StationInvitation, WaitingKey
from collector.intake import enrolment
from collector.intake.models import Station, StationKey
from collector.moments import now
from collector.parties.services import Actor, note
from collector.settings import Configuration
from collector.text import is_station_id

HOUR = timedelta(hours=1)
NO_CODE = (
    "this code does not open anything for {station}: it was used, is over an hour old, was locked by ten wrong tries, "
    "or is another station's; `benchwipe-collector station invite {station}` gives a new one"
)


@dataclass(frozen=True)
class Enrolled:
    """What came of a request. `certificate` is None while a person has not said yes."""

    certificate: bytes | None


def authority(folder: Path) -> tuple[bytes, str]:
    """Return the authority's certificate, PEM, and the hash of its key. Raise AuthoritySilent."""
    pem = signer.authority(folder)
    return pem, ca.key_hash(x509.load_pem_x509_certificate(pem))


def invite(actor: Actor, configuration: Configuration, station: str) -> tuple[EnrolmentCode, StationInvitation]:
    """Make a code for a station: good once, for an hour. An older one of it does nothing any more."""
    if not is_station_id(station) or len(station) > 63:
        raise EnrolmentError(where=repr(station), problem="a station's id is letters, digits, '.', '_' and '-'")
    if station in configuration.own_names:
        raise EnrolmentError(where=repr(station), problem="this name is the collector's own at the broker")
    code = EnrolmentCode(
        station, "".join(secrets.choice(LETTERS) for _ in range(SECRET_LETTERS)), authority(configuration.keys_dir)[1]
    )
    with transaction.atomic():
        StationInvitation.objects.filter(station=station, used_at=None, ends_at__gt=now()).update(ends_at=now())
        made = StationInvitation.objects.create(
            station=station, secret_sha256=secret_hash(code.secret), ends_at=now() + HOUR, made_by=actor.person
        )
        note(actor, "station.invited", station)
    return code, made


def enrol(
    actor: Actor, configuration: Configuration, body: bytes, told: EnrolmentRequest, key: Ed25519PublicKey
) -> Enrolled:
    """Make a station known by its code, and give it a certificate. Raise NotEnrolled or BadRequest."""
    digest = hashlib.sha256(body).hexdigest()
    invitation = _invitation(actor, told, digest)
    if told.station in configuration.own_names:
        raise NotEnrolled(f"{told.station} is the collector's own name at the broker")
    ca.requested_key(told.csr)
    if not _believed_at_once(told.station, thumbprint(key)):
        if (waiting := _wait(actor, invitation, digest, told.station, key)) is None:
            return Enrolled(None)
        if not waiting:
            raise NotEnrolled(f"a person said no to the signing key of {told.station}")
    row, made = certificates.make(configuration.keys_dir, "client", [told.station], told.csr)
    with transaction.atomic():
        _use(invitation, digest)
        if not StationKey.objects.filter(station=told.station, thumbprint=thumbprint(key), revoked_at=None).exists():
            enrolment.enrol(actor, told.station, {thumbprint(key): key})
        row.station_id = told.station
        row.save()
        note(actor, "station.certificate_made", told.station, serial=row.serial, ends=row.ends_at.isoformat())
    return Enrolled(made)


def renew(actor: Actor, configuration: Configuration, told: EnrolmentRequest, key: Ed25519PublicKey) -> Enrolled:
    """Give a known station a new certificate, by its signing key alone. Raise NotEnrolled or BadRequest."""
    believed = StationKey.objects.filter(
        station=told.station, thumbprint=thumbprint(key), revoked_at=None, station__revoked_at=None
    )
    station = Station.objects.filter(id=told.station).first()
    if station is None or not believed.exists():
        raise NotEnrolled(f"{told.station} is not known by this signing key, or was revoked")
    if not certificates.may_renew(station):
        raise NotEnrolled(
            f"{told.station} has no certificate that could be renewed: it was revoked, or expired over a year ago; "
            f"`benchwipe-collector station invite {told.station}` gives a code"
        )
    row, made = certificates.make(configuration.keys_dir, "client", [told.station], told.csr)
    with transaction.atomic():
        if not believed.select_for_update().exists():  # revoked while the authority signed
            raise NotEnrolled(f"{told.station} was revoked")
        row.station = station
        row.save()
        note(actor, "station.certificate_renewed", told.station, serial=row.serial, ends=row.ends_at.isoformat())
    return Enrolled(made)


@transaction.atomic
def decide(actor: Actor, station: str, *, accepted: bool, key: str = "") -> str:
    """Say yes or no to the key that waits for a station, or to `key` alone. Return it. Raise EnrolmentError."""
    rows = WaitingKey.objects.select_for_update().filter(station=station, decided_at=None).order_by("-pk")
    waiting = (rows.filter(thumbprint=key) if key else rows).first()
    if waiting is None:
        raise EnrolmentError(where=station, problem="no key of this station waits for a person's yes")
    waiting.accepted, waiting.decided_at, waiting.decided_by = accepted, now(), actor.person
    waiting.save()
    note(actor, "station.key_accepted" if accepted else "station.key_refused", station, key=waiting.thumbprint)
    return waiting.thumbprint


@transaction.atomic
def revoke(actor: Actor, station: str) -> tuple[int, int]:
    """Believe a station's keys no more, and revoke its certificates. Return how many of each."""
    keys = enrolment.revoke(actor, station)
    StationInvitation.objects.filter(station=station, used_at=None, ends_at__gt=now()).update(ends_at=now())
    WaitingKey.objects.filter(station=station, decided_at=None).update(accepted=False, decided_at=now())
    return keys, certificates.revoke_of(actor, station)


def _invitation(actor: Actor, told: EnrolmentRequest, digest: str) -> StationInvitation:
    """Find the invitation of a code; a wrong one counts against each that stands for the station."""
    rows = StationInvitation.objects.filter(station=told.station, ends_at__gt=now(), wrong__lt=MOST_WRONG)
    found = rows.filter(secret_sha256=secret_hash(told.code)).first()
    if found is not None and (found.used_at is None or found.request_sha256 == digest):
        return found
    if found is None:
        rows.filter(used_at=None).update(wrong=F("wrong") + 1)
        note(actor, "station.wrong_code", told.station)
    raise NotEnrolled(NO_CODE.format(station=told.station))


def _believed_at_once(station: str, kid: str) -> bool:
    """Whether a code is enough: the station has no key yet, or has this very one."""
    rows = StationKey.objects.filter(station=station)
    if Station.objects.filter(id=station).exclude(revoked_at=None).exists():
        return False
    return not rows.exists() or rows.filter(thumbprint=kid, revoked_at=None).exists()


@transaction.atomic
def _wait(actor: Actor, invitation: StationInvitation, digest: str, station: str, key: Ed25519PublicKey) -> bool | None:
    """Return a person's answer to this key; None while there is none."""
    waiting = WaitingKey.objects.filter(invitation=invitation).first()
    if waiting is not None:
        return waiting.accepted
    _use(invitation, digest)
    WaitingKey.objects.create(
        station_id=station, invitation=invitation, thumbprint=thumbprint(key), x=public_jwk(key)["x"]
    )
    note(actor, "station.key_waits", station, key=thumbprint(key))
    return None


def _use(invitation: StationInvitation, digest: str) -> None:
    """Use a code up, in the caller's transaction; the very same request finds it used by itself."""
    rows = StationInvitation.objects.filter(pk=invitation.pk, wrong__lt=MOST_WRONG)
    used = rows.filter(used_at=None).update(used_at=now(), request_sha256=digest)
    if not used and not rows.filter(request_sha256=digest).exists():
        raise NotEnrolled(NO_CODE.format(station=invitation.station))
