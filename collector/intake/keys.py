"""Public keys of stations as documents: a JWK, or a JWK set while keys are exchanged (RFC 7517). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates.jws import public_jwk, public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem
from collector.errors import EnrolmentError

LARGEST = 64 * 1024


def parse_keys(data: bytes, *, where: str) -> dict[str, Ed25519PublicKey]:
    """Parse the keys: thumbprint -> key. Raise EnrolmentError if there is none, or a private one."""
    try:
        document = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise EnrolmentError(where=where, problem="not a JWK or JWK set (RFC 7517) in JSON")
    jwks = document.get("keys", [document])
    if not isinstance(jwks, list) or not jwks or not all(isinstance(jwk, dict) for jwk in jwks):
        raise EnrolmentError(where=where, problem="there is no key in it")
    if any("d" in jwk for jwk in jwks):
        raise EnrolmentError(where=where, problem="it holds a PRIVATE key, which must not leave the station")
    try:
        keys = [public_key_from_jwk(jwk) for jwk in jwks]
    except CertificateProblem as error:
        raise EnrolmentError(where=where, problem=str(error)) from None
    return {thumbprint(key): key for key in keys}


def jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """Write the key as a JWK with its thumbprint as `kid`."""
    return {**public_jwk(key), "kid": thumbprint(key), "use": "sig"}


def jwk_set(keys: Mapping[str, Ed25519PublicKey]) -> bytes:
    """Write one key as a JWK, several as a JWK set."""
    rows = [jwk(key) for key in keys.values()]
    document: object = rows[0] if len(rows) == 1 else {"keys": rows}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def table_keys(rows: list[Any]) -> dict[str, Ed25519PublicKey]:
    """Read the keys of a [[station]] table, which the settings have checked."""
    found = [public_key_from_jwk(msgspec.to_builtins(row)) for row in rows]
    return {thumbprint(key): key for key in found}
