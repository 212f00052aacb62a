"""Bytes -> whether they are a statement that one of some keys signed, and what it says. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws
from agent.errors import CertificateProblem
from collector.statements.kinds import CERTIFICATE, kind_of
from collector.text import clean

LARGEST = 32 << 20
"""A frozen list of 7,000 units has some 2 MB, and a settlement of as many lines 3."""
Keys = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True)
class Verified:
    """A statement whose signature holds."""

    kind: str
    typ: str
    key_id: str
    sha256: str
    payload: Mapping[str, Any]

    @property
    def previous(self) -> str:
        """The hash of the statement before it; empty where it names none."""
        told = self.payload.get("previous_sha256")
        return told if isinstance(told, str) else ""


def sha256(compact: bytes) -> str:
    """Name a statement: SHA-256 of its exact bytes."""
    return hashlib.sha256(compact).hexdigest()


def verify(compact: bytes, keys: Keys, *, kind: str | None = None) -> Verified:
    """Verify a statement of any kind, or of this one. Raise CertificateProblem where it does not hold."""
    typ = jws.type_of(compact, most=LARGEST)
    found = kind_of(typ)
    if typ == CERTIFICATE:
        raise CertificateProblem(problem="it is a certificate: `benchwipe certificate verify` checks it")
    if found is None or (kind is not None and found != kind):
        raise CertificateProblem(problem=f"its type {clean(typ, 60)!r} is no statement's")
    signed = jws.verify(compact, keys, typ=typ, most=LARGEST)
    return Verified(found, typ, signed.key_id, sha256(compact), read(signed.payload))


def read(payload: bytes) -> dict[str, Any]:
    """Read what was signed. Raise CertificateProblem where two readers could read it differently."""
    try:
        told = json.loads(payload.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CertificateProblem(problem=f"its payload is no JSON that every reader reads alike: {error}") from None
    if not isinstance(told, dict):
        raise CertificateProblem(problem="its payload is not a JSON object")
    return told


@dataclass(frozen=True)
class Kept:
    """A row as it lies in the database, not believed."""

    sha256: str
    previous: str
    kind: str
    compact: bytes


def chain_problems(rows: Iterable[Kept], keys: Keys) -> Iterable[str]:
    """Name each row that does not hold, or that does not follow the one before it. Rows come in their order."""
    before = ""
    for row in rows:
        name = f"statement {row.sha256[:12]} ({clean(row.kind, 40)})"
        try:
            told = verify(row.compact, keys, kind=row.kind)
        except CertificateProblem as problem:
            yield f"{name}: {problem.fields['problem']}"
        else:
            if told.sha256 != row.sha256:
                yield f"{name}: the stored bytes have another hash"
            if told.previous != row.previous:
                yield f"{name}: its row names another one before it than was signed"
        if row.previous != before:
            yield f"{name}: does not follow {before[:12] or 'nothing'}: one is gone, or stands between"
        before = row.sha256


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands twice")
    return found


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number")
