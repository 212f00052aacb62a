"""record -> signed bytes -> id, and back. Pure: no clock, no files.

A certificate is a JWS in compact serialisation (RFC 7515) signed with Ed25519 (RFC 8037). Its id is the SHA-256 of
the exact bytes. Nothing here re-serialises what was signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.errors import CertificateProblem
from agent.record import SCHEMA, Record

TYPE = "benchwipe-certificate+jws"
MAX_BYTES = 64 * 1024  # the MQTT contract's bound for one certificate
THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256


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


def sign(record: Record, key: Ed25519PrivateKey) -> Certificate:
    """Sign a record. CertificateProblem if it claims more than it shows."""
    refuse_empty_claims(record)
    kid = thumbprint(key.public_key())
    header = json.dumps({"alg": "EdDSA", "kid": kid, "typ": TYPE}, separators=(",", ":")).encode()
    signing_input = _b64(header) + b"." + _b64(msgspec.json.encode(record))
    compact = signing_input + b"." + _b64(key.sign(signing_input))
    if len(compact) > MAX_BYTES:
        raise CertificateProblem(problem=f"{len(compact)} bytes, and at most {MAX_BYTES} are allowed")
    return Certificate(id=certificate_id(compact), compact=compact, key_id=kid, record=record)


def verify(compact: bytes, keys: Mapping[str, Ed25519PublicKey]) -> Certificate:
    """Check signature, schema and claims against trusted keys (thumbprint -> key), or CertificateProblem."""
    header, payload, signing_input, signature = _split(compact)
    kid = header["kid"]
    key = keys.get(kid)
    if key is None:
        raise CertificateProblem(problem=f"signed by an unknown key ({kid})")
    try:
        key.verify(signature, signing_input)
    except InvalidSignature:
        raise CertificateProblem(problem="the signature does not fit its contents") from None
    record = _decode(payload)
    refuse_empty_claims(record)
    return Certificate(id=certificate_id(compact), compact=compact, key_id=kid, record=record)


def read_unverified(compact: bytes) -> Certificate:
    """Parse without trusting: to show it, or to quarantine it with its station's name. The signature is NOT checked."""
    header, payload, _, _ = _split(compact)
    return Certificate(id=certificate_id(compact), compact=compact, key_id=header["kid"], record=_decode(payload))


def payload_bytes(compact: bytes) -> bytes:
    """The payload as it was signed, with fields that this version does not know. The signature is NOT checked."""
    return _split(compact)[1]


def certificate_id(compact: bytes) -> str:
    """SHA-256, lower-case hex, of the exact compact bytes."""
    return hashlib.sha256(compact).hexdigest()


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638 thumbprint of an OKP key: base64url SHA-256 of its required members in lexical order."""
    canonical = json.dumps(public_jwk(key), separators=(",", ":"), sort_keys=True).encode()
    return _b64(hashlib.sha256(canonical).digest()).decode()


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """The key as a JWK (RFC 8037 section 2), required members only."""
    raw = key.public_bytes_raw()
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(raw).decode()}


def public_key_from_jwk(jwk: Mapping[str, object]) -> Ed25519PublicKey:
    """The other way round. CertificateProblem if it is no Ed25519 public key."""
    x = jwk.get("x")
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(x, str):
        raise CertificateProblem(problem="the key is not an Ed25519 JWK (kty OKP, crv Ed25519, x)")
    try:
        return Ed25519PublicKey.from_public_bytes(_unb64(x.encode()))
    except ValueError:
        raise CertificateProblem(problem="the key's x is not 32 bytes of base64url") from None


def refuse_empty_claims(record: Record) -> None:
    """CertificateProblem where "erased" is said without what it takes: every pass or command, a read-back, no gap."""
    if record.outcome != "erased":
        if record.sanitization.level != "none":
            raise CertificateProblem(problem=f'outcome "{record.outcome}" claims level "{record.sanitization.level}"')
        return
    gaps = (
        (record.schema != SCHEMA, f"unknown schema {record.schema}"),
        (bool(record.unreached), "it says erased, and lists ranges that were not reached"),
        (bool(record.verification.mismatches), "it says erased, and lists mismatches"),
        (record.verification.result == "failed", "it says erased, and its verification failed"),
        (
            record.verification.kind != "none" and record.verification.result != "passed",
            "it says erased, and its verification was not run",
        ),
        (
            record.verification.kind == "full" and record.verification.bytes != record.drive.capacity_bytes,
            "it says erased, and its full verification did not read the whole drive",
        ),
        (
            None not in (record.verification.blake3, record.verification.expected_blake3)
            and record.verification.blake3 != record.verification.expected_blake3,
            "it says erased, and the drive's hash is not the expected one",
        ),
        (
            record.verification.kind == "sample" and not (record.verification.sample and record.verification.bytes),
            "it says erased, and its sampled verification names no sample",
        ),
        (
            not record.sanitization.passes and not record.sanitization.commands,
            "it says erased, and names neither a pass nor a command",
        ),
        (
            any(p.finished_at is None or p.bytes != record.drive.capacity_bytes for p in record.sanitization.passes),
            "it says erased, and a pass did not cover the whole drive",
        ),
    )
    for wrong, problem in gaps:
        if wrong:
            raise CertificateProblem(problem=problem)


def _split(compact: bytes) -> tuple[dict[str, str], bytes, bytes, bytes]:
    if len(compact) > MAX_BYTES:
        raise CertificateProblem(problem=f"more than {MAX_BYTES} bytes, and no more are allowed")
    parts = compact.split(b".")
    if len(parts) != 3:
        raise CertificateProblem(problem="it is not three parts joined by dots (JWS compact)")
    try:
        header = json.loads(_unb64(parts[0]))
        payload, signature = _unb64(parts[1]), _unb64(parts[2])
    except (ValueError, binascii.Error, RecursionError):  # RecursionError: 30 kB of "[" that nobody signed
        raise CertificateProblem(
            problem="its parts are not base64url of a JSON header, a payload and a signature"
        ) from None
    if not isinstance(header, dict) or header.get("alg") != "EdDSA" or header.get("typ") != TYPE:
        raise CertificateProblem(problem=f"its header is not alg EdDSA, typ {TYPE}")
    kid = header.get("kid")
    if not isinstance(kid, str) or not THUMBPRINT.fullmatch(kid) or "crit" in header:
        raise CertificateProblem(problem="its header names no key, or asks for extensions that nobody defined")
    return header, payload, parts[0] + b"." + parts[1], signature


def _decode(payload: bytes) -> Record:
    try:
        record = msgspec.json.decode(payload, type=Record)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise CertificateProblem(problem=f"its payload does not fit {SCHEMA}: {error}") from None
    if record.schema != SCHEMA:
        raise CertificateProblem(problem=f"unknown schema {record.schema}")
    return record


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unb64(data: bytes) -> bytes:
    decoded = base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    if _b64(decoded) != data:
        raise ValueError("not canonical base64url")
    return decoded
