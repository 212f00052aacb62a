"""The collector's own keys: Ed25519, one for each use, PEM (PKCS #8) in `keys_dir`, readable by their owner alone.

A key is made at its first use. Stations name the receipt's public key in `mqtt.collector_keys`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import keys, receipt
from agent.certificates.signature import USUAL, Alg
from agent.errors import CertificateProblem, KeyProblem
from collector.errors import CollectorKeyProblem

USES = ("receipt",)


def load_or_make(folder: Path, use: str) -> Ed25519PrivateKey:
    """Load the key of this use, and make it now if there is none.

    Raise CollectorKeyProblem if it cannot be used, or made.
    """
    path = folder / f"{use}.key"
    try:
        if not os.path.lexists(path):
            _make(path)
        return keys.load(path)
    except KeyProblem as problem:
        raise CollectorKeyProblem(path=path, problem=problem.fields["problem"]) from None
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


def _make(path: Path) -> None:
    """What root makes (`key show` before the first start) belongs to whom the place belongs: the service."""
    folder = path.parent
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
        if os.geteuid() == 0:
            owner = folder.parent.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
    with contextlib.suppress(FileExistsError):  # two programs at once end with the same key
        keys.write_new(path)
