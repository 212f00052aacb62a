"""What a buyer or a stranger gets of a certificate: an extract, signed by the collector. Pure.

A JWS of typ "benchwipe-extract+jws". Never the certificate's own bytes: customer, asset tag and persons are within
what is signed there, and cannot be taken out of it. The extract says what the collector verified, and when; whoever
has the collector's statement key verifies it as any other JWS, and whoever gets the certificate itself sees by its id
that the two belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.certificates import jws
from agent.certificates.certificate import Certificate, Claim, claim_of
from agent.certificates.record import Level, OutcomeName, VerificationKind
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem
from collector.text import visible

TYPE = "benchwipe-extract+jws"
SCHEMA: Final = "benchwipe.extract/1"


class ExtractDrive(msgspec.Struct, frozen=True, kw_only=True):
    """The drive, or the phone, as it told or was scanned."""

    vendor: str | None
    model: str | None
    serial: str | None
    wwn: str | None
    media: str
    capacity_bytes: int


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """The station's key that signed the certificate, and when this collector came to trust it."""

    kid: str
    enrolled_at: str | None
    retired_at: str | None = None


class Extract(msgspec.Struct, frozen=True, kw_only=True):
    """The payload. `claim` is the word to show: what nobody read back, or nobody measured, is never "erased" alone.

    `issued_at`: when the collector verified the certificate once more, for this very extract.
    """

    schema: Literal["benchwipe.extract/1"] = SCHEMA
    certificate: str
    number: str
    outcome: OutcomeName
    claim: Claim
    level: Level
    verification: VerificationKind
    drive: ExtractDrive
    finished_at: str
    clock_synchronised: bool
    station: str
    key: Key
    collector: str
    issued_at: str


def extract_of(
    certificate: Certificate,
    *,
    collector: str,
    issued_at: str,
    enrolled_at: str | None,
    retired_at: str | None = None,
) -> Extract:
    """Take out of a verified certificate what anybody may know. Texts in it can steer nothing."""
    record = certificate.record
    drive = record.drive
    return Extract(
        certificate=certificate.id,
        number=visible(record.number),
        outcome=record.outcome,
        claim=claim_of(record),
        level=record.sanitization.level,
        verification=record.verification.kind,
        drive=ExtractDrive(
            vendor=_shown(drive.vendor),
            model=_shown(drive.model),
            serial=_shown(drive.serial),
            wwn=_shown(drive.wwn),
            media=drive.media,
            capacity_bytes=drive.capacity_bytes,
        ),
        finished_at=visible(record.finished_at),
        clock_synchronised=record.clock.synchronised,
        station=visible(record.station.id),
        key=Key(kid=certificate.key_id, enrolled_at=enrolled_at, retired_at=retired_at),
        collector=collector,
        issued_at=issued_at,
    )


def sign(extract: Extract, key: Ed25519PrivateKey, *, alg: Alg = USUAL) -> bytes:
    """Sign an extract with the collector's statement key."""
    return jws.sign(msgspec.json.encode(extract), key, typ=TYPE, alg=alg)


def verify(compact: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Extract:
    """Verify an extract against the collectors' keys (thumbprint -> key), or CertificateProblem."""
    payload = jws.verify(compact, keys, typ=TYPE).payload
    try:
        return msgspec.json.decode(payload, type=Extract)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CertificateProblem(problem=f"its payload does not fit {SCHEMA}: {error}") from None


def _shown(text: str | None) -> str | None:
    return None if text is None else visible(text)
