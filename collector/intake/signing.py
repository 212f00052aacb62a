"""The collector's own keys: Ed25519, one for each use, PEM (PKCS #8) in `keys_dir`, readable by their owner alone.

A key is made at its first use. Stations name the receipt's public key in `mqtt.collector_keys`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from agent.certificates import receipt
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem
from collector.errors import CollectorKeyProblem
from collector.owned import give, make_folder

USES = ("receipt", "statement", "controller")
SHORTEST_SECRET = 32


def load_or_make(folder: Path, use: str) -> Ed25519PrivateKey:
    """Load the key of this use, and make it now if there is none.

    Raise CollectorKeyProblem if it cannot be used, or made.
    """
    path = folder / f"{use}.key"
    try:
        if not os.path.lexists(path):
            key = Ed25519PrivateKey.generate()
            _make(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return _load(path)
    except OSError as error:
        raise CollectorKeyProblem(path=path, problem=error.strerror or error) from None


class Signer:
    """Signs receipts."""

    def __init__(self, key: Ed25519PrivateKey, alg: Alg = USUAL) -> None:
        self._key, self._alg = key, alg

    def receipt(self, station: str, certificate: str, result: str, stored_at: str) -> str:
        """Sign the `sig` of a receipt.

        Empty where the topic was too long to be signed, which is no station's of ours.
        """
        said = receipt.SignedReceipt(station=station, certificate=certificate, result=result, stored_at=stored_at)
        try:
            return receipt.sign(said, self._key, alg=self._alg)
        except CertificateProblem:
            return ""


def _load(path: Path) -> Ed25519PrivateKey:
    _refuse_open(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CollectorKeyProblem(path=path, problem="not a private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CollectorKeyProblem(path=path, problem="not an Ed25519 key")
    return key


def _refuse_open(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_IMODE(mode) & 0o077:
        raise CollectorKeyProblem(path=path, problem=f"open to others ({stat.filemode(mode)}); chmod 600 it")


def _make(path: Path, content: bytes) -> None:
    """Beside, flushed, then linked: two programs at once end with the same key, and nobody sees half of one."""
    folder = path.parent
    make_folder(folder)
    temporary = folder / f".making-{os.urandom(8).hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        give(temporary, like=folder)
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    _flush(folder)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def secret(folder: Path, use: str) -> str:
    """Load the secret of this use, and make it now if there is none. Raise CollectorKeyProblem if it cannot be."""
    path = folder / f"{use}.secret"
    try:
        if not os.path.lexists(path):
            _make(path, secrets.token_urlsafe(48).encode())
        _refuse_open(path)
        found = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CollectorKeyProblem(path=path, problem=getattr(error, "strerror", None) or error) from None
    if len(found) < SHORTEST_SECRET:
        raise CollectorKeyProblem(path=path, problem="too short to be a secret; take it away, and a new one is made")
    return found
