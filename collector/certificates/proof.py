"""The proof of a stored certificate: its signature, checked now, from the stored bytes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from agent.certificates.certificate import certificate_id, verify
from agent.certificates.jws import public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem


@dataclass(frozen=True)
class Proof:
    """What was found now. `enrolled` is whether the key is still trusted for that station today."""

    valid: bool
    problem: str
    key_id: str
    enrolled: bool


def prove(identifier: str, compact: bytes, key_id: str, key: Ed25519PublicKey | None, *, enrolled: bool) -> Proof:
    """Verify a certificate once more. Never raises: one that no longer verifies is what the page must say."""
    if key is None:
        return Proof(False, "the key that it was accepted with is not in the database", key_id, enrolled)
    if certificate_id(compact) != identifier:
        return Proof(False, "the stored bytes do not have this id: the database was changed", key_id, enrolled)
    try:
        verify(compact, {thumbprint(key): key})
    except (CertificateProblem, RecursionError) as error:
        return Proof(False, str(error), key_id, enrolled)
    return Proof(True, "", key_id, enrolled)


def key_from_x(x: str) -> Ed25519PublicKey:
    """Read the key. Raise CertificateProblem if it is none."""
    return public_key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": x})


def pem(key: Ed25519PublicKey) -> bytes:
    """Write the key for openssl."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def benchwipe_command(identifier: str) -> str:
    """Write the command for this project's own program."""
    return f"benchwipe certificate verify {identifier}.jws --key {identifier}.jwk"


def openssl_commands(identifier: str) -> str:
    """Write the commands with nothing of ours: coreutils and OpenSSL 3.

    The last line prints "Signature Verified Successfully".
    """
    return f"""sha256sum {identifier}.jws
cut -d. -f1,2 {identifier}.jws | tr -d '\\n' > signed.bin
(cut -d. -f3 {identifier}.jws | tr -d '\\n'; printf '==') | basenc --base64url -d > signature.bin
openssl pkeyutl -verify -pubin -inkey {identifier}.pem -rawin -in signed.bin -sigfile signature.bin
cut -d. -f2 {identifier}.jws | basenc --base64url -d 2>/dev/null"""
