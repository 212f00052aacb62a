"""What a station says beside its certificates, as a JWS of its own: whether it is worth keeping, and what counts. Pure.

Every type that a station signs is kept, those of a later station too, so that no statement is lost to an older
collector. What this one reads of them is which certificate they are about, and a grade or destination.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import jws
from agent.certificates.jws import Statement
from agent.errors import CertificateProblem
from collector.text import clean

Keys = Mapping[str, Ed25519PublicKey]
"""Thumbprint -> key, of one station."""
DISPOSITION = "benchwipe-disposition+jws"
TYPE = re.compile(r"benchwipe-[a-z]{1,40}(-[a-z]{1,40})?\+jws")
OTHERS = frozenset(f"benchwipe-{kind}+jws" for kind in ("certificate", "command", "receipt", "directory", "extract"))
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Read:
    """A statement that a key of its station signed."""

    typ: str
    certificate: str | None
    signed: Statement


@dataclass(frozen=True)
class Disposition:
    """A grade or destination, and when it was given."""

    grade: str
    destination: str
    at: str
    by: str


def read(compact: bytes, station: str, keys: Keys) -> Read:
    """Read a statement. Raise CertificateProblem where it is none of that station's."""
    typ = jws.type_of(compact)
    if not TYPE.fullmatch(typ) or typ in OTHERS:
        raise CertificateProblem(problem=f"its type {clean(typ, 60)!r} is no statement's")
    signed = jws.verify(compact, keys, typ=typ)
    told = _told(signed.payload)
    if told is None:
        raise CertificateProblem(problem="its payload is not a JSON object")
    if told.get("station") != station:
        raise CertificateProblem(problem=f"it was signed as station {clean(str(told.get('station')), 80)!r}'s")
    certificate = told.get("certificate_id")
    known = isinstance(certificate, str) and _HASH.fullmatch(certificate) is not None
    return Read(typ, certificate if known else None, signed)


def latest(rows: Iterable[bytes]) -> Disposition | None:
    """Choose the grade and destination that count, of a certificate's dispositions in their order of arrival.

    A station has no battery clock: within one boot its own numbers order them, and the boot that was heard last
    counts.
    """
    found = [told for told in (_told(_payload(compact)) for compact in rows) if told is not None]
    if not found:
        return None
    boot = found[-1].get("boot_id")
    told = max((t for t in found if t.get("boot_id") == boot), key=_number)
    given, who = told.get("disposition"), told.get("operator")
    given, who = given if isinstance(given, dict) else {}, who if isinstance(who, dict) else {}
    facts = (given.get("grade"), given.get("destination"), told.get("at"), who.get("name") or who.get("id"))
    return Disposition(*(clean(str(fact or "")) for fact in facts))


def _number(told: Mapping[str, Any]) -> int:
    seq = told.get("seq")
    return seq if isinstance(seq, int) else 0


def _payload(compact: bytes) -> bytes:
    try:
        return jws.read_unverified(compact, typ=DISPOSITION).payload
    except CertificateProblem:
        return b""


def _told(payload: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
