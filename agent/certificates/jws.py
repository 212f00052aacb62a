"""Signed statements: JWS in compact serialisation (RFC 7515), Ed25519, a type in each header. Pure.

What a statement is for stands in its `typ`, inside what is signed: a signature over one kind is worth nothing for
another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent.certificates.signature import ALGS, USUAL, Alg
from agent.errors import CertificateProblem

MAX_BYTES = 64 * 1024  # the MQTT contract's bound for one certificate
NOT_PARTS = "its parts are not base64url of a JSON header, a payload and a signature"
THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")  # base64url of a SHA-256


@dataclass(frozen=True)
class Statement:
    """A statement in its parts. Only `verify` says that `key_id` really signed it."""

    key_id: str
    payload: bytes
    signing_input: bytes
    signature: bytes


def sign(payload: bytes, key: Ed25519PrivateKey, *, typ: str, alg: Alg = USUAL, most: int = MAX_BYTES) -> bytes:
    """Sign the payload, and return the compact bytes. CertificateProblem if they are more than `most`."""
    kid = thumbprint(key.public_key())
    header = json.dumps({"alg": alg, "kid": kid, "typ": typ}, separators=(",", ":")).encode()
    signing_input = _b64(header) + b"." + _b64(payload)
    compact = signing_input + b"." + _b64(key.sign(signing_input))
    if len(compact) > most:
        raise CertificateProblem(problem=f"{len(compact)} bytes, and at most {most} are allowed")
    return compact


def verify(compact: bytes, keys: Mapping[str, Ed25519PublicKey], *, typ: str, most: int = MAX_BYTES) -> Statement:
    """Verify that one of these keys (thumbprint -> key) signed it, and return its parts; else CertificateProblem."""
    statement = read_unverified(compact, typ=typ, most=most)
    key = keys.get(statement.key_id)
    if key is None:
        raise CertificateProblem(problem=f"signed by an unknown key ({statement.key_id})")
    try:
        key.verify(statement.signature, statement.signing_input)
    except InvalidSignature:
        raise CertificateProblem(problem="the signature does not fit its contents") from None
    return statement


def read_unverified(compact: bytes, *, typ: str, most: int = MAX_BYTES) -> Statement:
    """Read its parts, or raise CertificateProblem. The signature is NOT checked."""
    parts, header = _opened(compact, most)
    try:
        payload, signature = _unb64(parts[1]), _unb64(parts[2])
    except (ValueError, binascii.Error):
        raise CertificateProblem(problem=NOT_PARTS) from None
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALGS or header.get("typ") != typ:
        raise CertificateProblem(problem=f"its header is not alg EdDSA or Ed25519, typ {typ}")
    kid = header.get("kid")
    if not isinstance(kid, str) or not THUMBPRINT.fullmatch(kid) or "crit" in header:
        raise CertificateProblem(problem="its header names no key, or asks for extensions that nobody defined")
    return Statement(key_id=kid, payload=payload, signing_input=parts[0] + b"." + parts[1], signature=signature)


def type_of(compact: bytes, *, most: int = MAX_BYTES) -> str:
    """Read the type in its header, or raise CertificateProblem. Nothing else of it is checked."""
    typ = _opened(compact, most)[1].get("typ")
    if not isinstance(typ, str):
        raise CertificateProblem(problem="its header names no type")
    return typ


def _opened(compact: bytes, most: int) -> tuple[list[bytes], dict[str, object]]:
    """The three parts as they are, and the header read."""
    if len(compact) > most:
        raise CertificateProblem(problem=f"more than {most} bytes, and no more are allowed")
    parts = compact.split(b".")
    if len(parts) != 3:
        raise CertificateProblem(problem="it is not three parts joined by dots (JWS compact)")
    try:
        header = json.loads(_unb64(parts[0]))
    except (ValueError, binascii.Error, RecursionError):  # RecursionError: 30 kB of "[" that nobody signed
        raise CertificateProblem(problem=NOT_PARTS) from None
    if not isinstance(header, dict):
        raise CertificateProblem(problem=NOT_PARTS)
    return parts, header


def thumbprint(key: Ed25519PublicKey) -> str:
    """Compute the RFC 7638 thumbprint of an OKP key.

    It is the base64url SHA-256 of its required members in lexical order.
    """
    return _thumbprint_of(key.public_bytes_raw())


@lru_cache(maxsize=1024)
def _thumbprint_of(raw: bytes) -> str:
    """A collector asks for its own key's with each receipt, and for each station's with each certificate."""
    canonical = json.dumps(_jwk_of(raw), separators=(",", ":"), sort_keys=True).encode()
    return _b64(hashlib.sha256(canonical).digest()).decode()


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Write the key as a JWK (RFC 8037 section 2), required members only."""
    return _jwk_of(key.public_bytes_raw())


def _jwk_of(raw: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(raw).decode()}


def public_key_from_jwk(jwk: Mapping[str, object]) -> Ed25519PublicKey:
    """Turn a JWK back into a public key. CertificateProblem if it is no Ed25519 public key."""
    x = jwk.get("x")
    if jwk.get("kty") != "OKP" or jwk.get("crv") != "Ed25519" or not isinstance(x, str):
        raise CertificateProblem(problem="the key is not an Ed25519 JWK (kty OKP, crv Ed25519, x)")
    try:
        return Ed25519PublicKey.from_public_bytes(_unb64(x.encode()))
    except ValueError:
        raise CertificateProblem(problem="the key's x is not 32 bytes of base64url") from None


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unb64(data: bytes) -> bytes:
    decoded = base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    if _b64(decoded) != data:
        raise ValueError("not canonical base64url")
    return decoded
