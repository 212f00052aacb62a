"""The collector's own keys: Ed25519, one for each use, PEM (PKCS #8) in `keys_dir`, readable by their owner alone.

A key is made at its first use. Stations name the receipt's public key in `mqtt.collector_keys`. A secret, with which
the pages sign what browsers bring back, lies beside them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import keys, receipt
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem, KeyProblem
from collector.errors import CollectorKeyProblem
from collector.owned import make_file, make_folder

USES = ("receipt", "statement", "controller")
SHORTEST_SECRET = 32


def load_or_make(folder: Path, use: str) -> Ed25519PrivateKey:
    """Load the key of this use, and make it now if there is none.

    Raise CollectorKeyProblem if it cannot be used, or made.
    """
    path = folder / f"{use}.key"
    try:
        if not os.path.lexists(path):
            make_folder(folder)
            with contextlib.suppress(FileExistsError):  # two programs at once end with the same key
                keys.write_new(path)
        return keys.load(path)
    except KeyProblem as problem:
        raise CollectorKeyProblem(path=path, problem=problem.fields["problem"]) from None
    except OSError as error:
        raise CollectorKeyProblem(path=path, problem=error.strerror or error) from None


def has(folder: Path, use: str) -> bool:
    """Say whether there is a key of this use, good or bad. None is made."""
    return os.path.lexists(folder / f"{use}.key")


def secret(folder: Path, use: str, *, make: bool = True) -> str:
    """Load the secret of this use, and make it now if there is none. Raise CollectorKeyProblem if it cannot be.

    Without `make` one that is missing is another one each time, and stands nowhere.
    """
    path = folder / f"{use}.secret"
    try:
        if not os.path.lexists(path):
            if not make:
                return secrets.token_urlsafe(48)
            make_folder(folder)
            make_file(path, secrets.token_urlsafe(48).encode("ascii"))
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            raise CollectorKeyProblem(path=path, problem=f"open to others ({stat.filemode(mode)}); chmod 600 it")
        found = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CollectorKeyProblem(path=path, problem=getattr(error, "strerror", None) or error) from None
    if len(found) < SHORTEST_SECRET:
        raise CollectorKeyProblem(path=path, problem="too short to be a secret; take it away, and a new one is made")
    return found


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
