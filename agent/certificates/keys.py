"""The station's signing key: an Ed25519 private key in PEM (PKCS #8), readable by its owner alone.

It signs certificates and nothing else; it is not the key of the MQTT connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent import files
from agent.certificates import key_traces
from agent.certificates.jws import public_jwk, public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem, KeyLost, KeyProblem
from agent.state_folder import give_to_owner, refuse_unfinished

FILE_NAME = "station.key"
TRUSTS_THE_BROKER = (
    "no collector_keys: this station trusts the broker, and believes receipts that nobody signed "
    "(`benchwipe-collector key show` prints the key to name there)"
)
LONGEST_PUBLIC = 1 << 20
"""A set of thousands of keys; more is another file."""


def load_or_make(state_dir: Path) -> Ed25519PrivateKey:
    """Load the key of this state folder; it is made there at first use.

    KeyProblem if it is not ours alone, or no key.

    KeyLost if there was one and it is gone, or another one lies in its place.
    """
    refuse_unfinished(state_dir)
    path = state_dir / FILE_NAME
    if not os.path.lexists(path):
        make(state_dir)
    key = load(path)
    _remember(state_dir, key.public_key())
    return key


def make(state_dir: Path) -> bool:
    """Make the key unless there is one; whether it was made. Two processes at once end with the same key.

    KeyProblem if it cannot be written; KeyLost where there has been one before.
    """
    path = state_dir / FILE_NAME
    refuse_unfinished(state_dir)
    refuse_lost(state_dir)
    try:
        write_new(path)
    except FileExistsError as error:
        if path.is_file():
            return False
        raise KeyProblem(path=path, problem=f"the signing key cannot be written: {error.strerror}") from None
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the signing key cannot be written: {error.strerror}") from None
    _remember(state_dir, load(path).public_key())
    return True


def write_new(path: Path) -> None:
    """Write a new private key, and make its folder; what root writes belongs to whom the folder belongs.

    OSError; FileExistsError where the name is taken.
    """
    files.make_private_folder(path.parent)
    files.write_once(path, new_pem(), mode=0o600)
    give_to_owner(path, of=path.parent)


def refuse_lost(state_dir: Path) -> None:
    """Raise KeyLost where this station had a key, and there is none; KeyProblem where nobody can look."""
    path = state_dir / FILE_NAME
    if os.path.lexists(path):
        return
    try:
        trace = key_traces.find(state_dir)
    except OSError as error:
        raise KeyProblem(path=path, problem=f"the signing key cannot be looked for: {error.strerror}") from None
    # Asked again: what shows that there was a key may have been made meanwhile, with the key.
    if trace and not os.path.lexists(path):
        raise KeyLost(path=path, problem=f"this station had a signing key, and it is gone: {trace}")


def refuse_other(state_dir: Path) -> None:
    """Raise KeyLost where the key is not the one that this station had."""
    known, path = key_traces.remembered(state_dir), state_dir / FILE_NAME
    if known is not None and (own := thumbprint(load(path).public_key())) != thumbprint(known):
        raise KeyLost(path=path, problem=f"this is key {own}, and the station's was {thumbprint(known)}")


def new_pem() -> bytes:
    """Make a new private key, as it stands in a file."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _remember(state_dir: Path, key: Ed25519PublicKey) -> None:
    """The public half beside the key: it is known when the key is lost. KeyLost where it tells of another key."""
    if key_traces.remembered(state_dir) is None:
        with contextlib.suppress(OSError):  # a medium that cannot be written is said where something must be
            key_traces.remember(state_dir, key)
    refuse_other(state_dir)


def load(path: Path) -> Ed25519PrivateKey:
    """Load a private key. KeyProblem if the file is missing, open to others, or not an Ed25519 private key."""
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
    """Read public keys by thumbprint from a JWK, a JWK set or a PEM file. KeyProblem if it holds none."""
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


def jwk_line(key: Ed25519PublicKey) -> str:
    """Write the public key as a JWK with its thumbprint as `kid`, on one line.

    It names no `alg`: a key signs under both names of Ed25519, and JOSE libraries refuse the one that a JWK leaves out.
    """
    return json.dumps({**public_jwk(key), "kid": thumbprint(key), "use": "sig"})


def read_all(names: Iterable[str], base_dir: Path) -> dict[str, Ed25519PublicKey]:
    """Read every key of these files, by thumbprint. KeyProblem for a file that holds none."""
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
