"""The station's signing key: an Ed25519 private key in PEM (PKCS #8), readable by its owner alone.

It signs certificates and nothing else; it is not the key of the MQTT connection.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agent import files
from agent.certificates import key_traces
from agent.certificates.jws import public_jwk, public_key_from_jwk, thumbprint
from agent.errors import CertificateProblem, KeyLost, KeyProblem
from agent.state_folder import give_to_owner, refuse_unfinished, view_folder

FILE_NAME = "station.key"
PUBLIC_NAME = "station.jwk"
TRUSTS_THE_BROKER = (
    "no collector_keys: this station trusts the broker, and believes receipts that nobody signed "
    "(`benchwipe-collector key show` prints the key to name there)"
)
_PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
"""What precedes the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7)."""
_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----\n([A-Za-z0-9+/]{64})\n-----END PRIVATE KEY-----\n")
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
    body = base64.b64encode(_PKCS8 + Ed25519PrivateKey.generate().private_bytes_raw())
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"


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
        key = private_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(path=path, problem="not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem(path=path, problem="not an Ed25519 key")
    return key


def private_key(pem: bytes) -> object:
    """Read a private key of any kind. ValueError, TypeError or UnsupportedAlgorithm if it is none, or encrypted."""
    if (own := _PEM.fullmatch(pem)) and (der := base64.b64decode(own[1])).startswith(_PKCS8):
        return Ed25519PrivateKey.from_private_bytes(der[len(_PKCS8) :])
    # Another program's: cryptography's readers of all forms take 1 MB (benchmarks/idle_footprint.py).
    from cryptography.hazmat.primitives import serialization

    return serialization.load_pem_private_key(pem, password=None)


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


def publish(state_dir: Path, key: Ed25519PublicKey) -> None:
    """Write the public half into the view folder, where there is one, for anybody to read. OSError."""
    path = view_folder(state_dir) / PUBLIC_NAME
    line = jwk_line(key).encode() + b"\n"
    if path.parent.is_dir() and (not path.is_file() or path.read_bytes() != line):
        files.replace(path, line, mode=0o644)
        give_to_owner(path, of=path.parent)


def published(state_dir: Path) -> Ed25519PublicKey:
    """Read it back, for somebody who may not enter the state folder. KeyProblem."""
    return next(iter(read_public(view_folder(state_dir) / PUBLIC_NAME).values()))


def read_all(names: Iterable[str], base_dir: Path) -> dict[str, Ed25519PublicKey]:
    """Read every key of these files, by thumbprint. KeyProblem for a file that holds none."""
    found: dict[str, Ed25519PublicKey] = {}
    for name in names:
        found |= read_public(base_dir / name)
    return found


def _from_pem(data: bytes) -> list[Ed25519PublicKey]:
    from cryptography.hazmat.primitives import serialization  # as above

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
