"""record -> signed bytes -> id, and back. Pure: no clock, no files.

A certificate is a JWS in compact serialisation (RFC 7515) signed with Ed25519. Its id is the SHA-256 of the exact
bytes. Nothing here re-serialises what was signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.certificates import attestation, jws
from agent.certificates.jws import thumbprint
from agent.certificates.record import COMPLETED, SCHEMA, DriveRecord, OutcomeName, Record, Verification
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem

Claim = OutcomeName | Literal["unread", "attested", "again"]
TYPE = "benchwipe-certificate+jws"


@dataclass(frozen=True)
class Certificate:
    """A certificate whose signature was checked, or that this station just signed."""

    id: str
    compact: bytes
    key_id: str
    record: Record

    @property
    def file_name(self) -> str:
        """The name of its file, in any folder."""
        return f"{self.id}.jws"


def sign(record: Record, key: Ed25519PrivateKey, *, alg: Alg = USUAL) -> Certificate:
    """Sign a record. CertificateProblem if it claims more than it shows."""
    refuse_empty_claims(record)
    compact = jws.sign(msgspec.json.encode(record), key, typ=TYPE, alg=alg)
    return Certificate(id=certificate_id(compact), compact=compact, key_id=thumbprint(key.public_key()), record=record)


def verify(compact: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Certificate:
    """Check signature, schema and claims against trusted keys (thumbprint -> key), or CertificateProblem."""
    statement = jws.verify(compact, keys, typ=TYPE)
    record = _decode(statement.payload)
    refuse_empty_claims(record)
    return Certificate(id=certificate_id(compact), compact=compact, key_id=statement.key_id, record=record)


def read_unverified(compact: bytes) -> Certificate:
    """Parse without trusting: to show it, or to quarantine it with its station's name. The signature is NOT checked."""
    statement = jws.read_unverified(compact, typ=TYPE)
    record = _decode(statement.payload)
    return Certificate(id=certificate_id(compact), compact=compact, key_id=statement.key_id, record=record)


def payload_bytes(compact: bytes) -> bytes:
    """Read the payload as it was signed, with fields that this version does not know.

    The signature is NOT checked.
    """
    return jws.read_unverified(compact, typ=TYPE).payload


def certificate_id(compact: bytes) -> str:
    """Hash the exact compact bytes: SHA-256, lower-case hex."""
    return hashlib.sha256(compact).hexdigest()


def claim_of(record: Record) -> Claim:
    """Say what a certificate may be shown as. "erased" alone is only said of a drive that was read back.

    "unread": erased, and not read back, because the policy asked for none. "attested": a person says so.
    "again": failed, and the drive is not to blame.
    """
    if record.is_erased_again:
        return "again"
    if attestation.is_attested(record):
        return "attested"
    return "unread" if record.outcome == "erased" and record.verification.kind == "none" else record.outcome


def refuse_empty_claims(record: Record) -> None:
    """Raise CertificateProblem where "erased" is said without what it takes.

    That is every pass or command, a read-back, no gap.

    Where a person attests and nothing was measured, agent/certificates/attestation.py says what it takes.
    """
    for problem in attestation.problems(record):
        raise CertificateProblem(problem=problem)
    count = record.asset.drives if record.asset else None
    if count is not None and not 1 <= count.index <= count.of:
        raise CertificateProblem(problem=f"it is drive {count.index} of {count.of} of its device")
    if record.outcome != "erased":
        if record.sanitization.level != "none":
            raise CertificateProblem(problem=f'outcome "{record.outcome}" claims level "{record.sanitization.level}"')
        return
    for wrong, problem in (*_gaps(record), *_reading_gaps(record.verification, record.drive), *_firmware_gaps(record)):
        if wrong:
            raise CertificateProblem(problem=problem)


def _gaps(record: Record) -> Iterator[tuple[bool, str]]:
    done, capacity = record.sanitization, record.drive.capacity_bytes
    yield record.schema != SCHEMA, f"unknown schema {record.schema}"
    yield bool(record.unreached), "it says erased, and lists ranges that were not reached"
    yield (
        not (done.passes or done.commands or record.attestation),
        "it says erased, and names neither a pass nor a command",
    )
    yield (
        any(p.finished_at is None or p.bytes != capacity for p in done.passes),
        "it says erased, and a pass did not cover the whole drive",
    )
    yield (
        record.capacity_proof is not None and record.capacity_proof.result == "failed",
        "it says erased, and its drive has not the capacity that it shows",
    )


def _reading_gaps(read: Verification, drive: DriveRecord) -> Iterator[tuple[bool, str]]:
    yield bool(read.mismatches), "it says erased, and lists mismatches"
    yield read.result == "failed", "it says erased, and its verification failed"
    yield (
        read.writes is not None and read.writes.foreign > 0,
        "it says erased, and somebody else wrote to the drive meanwhile",
    )
    yield read.kind != "none" and read.result != "passed", "it says erased, and its verification was not run"
    yield (
        read.kind == "full" and read.bytes != drive.capacity_bytes,
        "it says erased, and its full verification did not read the whole drive",
    )
    yield (
        None not in (read.blake3, read.expected_blake3) and read.blake3 != read.expected_blake3,
        "it says erased, and the drive's hash is not the expected one",
    )
    yield (
        read.kind == "sample" and not (read.sample and read.bytes),
        "it says erased, and its sampled verification names no sample",
    )


def _firmware_gaps(record: Record) -> Iterator[tuple[bool, str]]:
    """What an erasure by the drive's own firmware takes: its word that it is complete, and sentinels that are gone."""
    if record.sanitization.technique in ("overwrite", "none") or record.attestation is not None:
        return
    sentinels = record.verification.sentinels
    completed = any(command.status.startswith(COMPLETED) for command in record.sanitization.commands)
    yield not completed, "it says erased, and no command of the drive's firmware is completed"
    yield sentinels is None or sentinels.count < 1, "it says erased, and no sentinel was looked for"
    if sentinels is not None:
        yield sentinels.survived > 0, "it says erased, and sentinels survived"
        unread = sentinels.unreadable > 0 and not record.sanitization.passes
        yield unread, "it says erased, and sentinels could not be looked for"


def _decode(payload: bytes) -> Record:
    try:
        record = msgspec.json.decode(payload, type=Record)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CertificateProblem(problem=f"its payload does not fit {SCHEMA}: {error}") from None
    if record.schema != SCHEMA:
        raise CertificateProblem(problem=f"unknown schema {record.schema}")
    return record
