"""The station's signing key: an Ed25519 private key in PEM (PKCS #8), readable by its owner alone.

It signs certificates and nothing else; it is not the key of the MQTT connection.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent import files
from agent.errors import CertificateProblem, KeyProblem
from agent.jws import public_jwk, public_key_from_jwk, thumbprint
from agent.settings import Mqtt

FILE_NAME = "station.key"
TRUSTS_THE_BROKER = (
    "no collector_keys: this station trusts the broker, and believes receipts that nobody signed "
    "(`benchwipe-collector key show` prints the key to name there)"
)
LONGEST_PUBLIC = 1 << 20
"""A set of thousands of keys; more is another file."""


def load_or_make(state_dir: Path) -> Ed25519PrivateKey:
    """The key of this state folder; made there at first use. KeyProblem if it is not ours alone, or no key."""
    path = state_dir / FILE_NAME
    if not os.path.lexists(path):
        make(state_dir)
    return load(path)


def make(state_dir: Path) -> bool:
    """Make the key unless there is one; whether it was made. Two processes at once end with the same key.

    KeyProblem if it cannot be written.
    """
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = state_dir / FILE_NAME
    try:
        files.make_private_folder(state_dir)
        files.write_once(path, pem, mode=0o600)
    except FileExistsError as error:
        if path.is_file():
            return False
        raise KeyProblem(path=path, problem=f"the signing key cannot be written: {error.strerror}") from None
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the signing key cannot be written: {error.strerror}") from None
    return True


def load(path: Path) -> Ed25519PrivateKey:
    """KeyProblem if the file is missing, open to others, or not an Ed25519 private key."""
    try:
        mode = path.stat().st_mode
        pem = path.read_bytes()
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the signing key cannot be read: {error.strerror}") from None
    if stat.S_IMODE(mode) & 0o077:
        raise KeyProblem(path=path, problem=f"the signing key is open to others ({stat.filemode(mode)}); chmod 600 it")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(path=path, problem="not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem(path=path, problem="not an Ed25519 key")
    return key


def read_public(path: Path) -> dict[str, Ed25519PublicKey]:
    """Public keys by thumbprint from a JWK, a JWK set or a PEM file. KeyProblem if it holds none."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST_PUBLIC + 1)
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the public key cannot be read: {error.strerror}") from None
    if len(data) > LONGEST_PUBLIC:
        raise KeyProblem(path=path, problem=f"not an Ed25519 public key: longer than {LONGEST_PUBLIC} bytes")
    try:
        found = _from_pem(data) if data.lstrip().startswith(b"-----BEGIN") else _from_json(data)
    except (ValueError, RecursionError, UnsupportedAlgorithm, CertificateProblem) as error:
        raise KeyProblem(path=path, problem=f"not an Ed25519 public key (JWK, JWK set or PEM): {error}") from None
    return {thumbprint(key): key for key in found}


def read_controllers(mqtt: Mqtt | None, base_dir: Path) -> dict[str, Ed25519PublicKey]:
    """Those whose commands are obeyed: all keys of `mqtt.controller_keys`. KeyProblem for a file that holds none."""
    return _read_all(mqtt.controller_keys if mqtt else (), base_dir)


def read_collectors(mqtt: Mqtt | None, base_dir: Path) -> dict[str, Ed25519PublicKey]:
    """Those whose receipts are believed: all keys of `mqtt.collector_keys`. KeyProblem for a file that holds none."""
    return _read_all(mqtt.collector_keys if mqtt else (), base_dir)


def jwk_line(key: Ed25519PublicKey) -> str:
    """The public key as a JWK with its thumbprint as `kid`, on one line."""
    return json.dumps({**public_jwk(key), "kid": thumbprint(key), "use": "sig", "alg": "EdDSA"})


def _read_all(names: tuple[str, ...], base_dir: Path) -> dict[str, Ed25519PublicKey]:
    found: dict[str, Ed25519PublicKey] = {}
    for name in names:
        found |= read_public(base_dir / name)
    return found


def _from_pem(data: bytes) -> list[Ed25519PublicKey]:
    key = serialization.load_pem_public_key(data)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("another kind of key")  # noqa: TRY004 - the caller gathers them
    return [key]


def _from_json(data: bytes) -> list[Ed25519PublicKey]:
    document = json.loads(data)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the caller gathers them
    keys = document.get("keys", [document])
    if not isinstance(keys, list) or not keys or not all(isinstance(k, dict) for k in keys):
        raise ValueError("no keys in it")
    return [public_key_from_jwk(k) for k in keys]
