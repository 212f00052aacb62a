"""What a certificate or statement that arrived is worth: verified and of that very station, or a reason. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from agent.certificates.certificate import Certificate, read_unverified, verify
from agent.errors import CertificateProblem
from agent.messages import split_topic
from collector.intake import statements
from collector.intake.statements import Keys
from collector.text import clean, is_station_id

_HASH = re.compile(r"[0-9a-f]{64}")
NAMES = {"cert": "certificate", "statement": "statement"}
KINDS = frozenset(NAMES)
LARGEST_SEQUENCE = 2**53  # beyond it no JSON reader agrees on a number


@dataclass(frozen=True)
class Delivery:
    """One message as the broker gave it. `station` and `name` are the topic's levels, not yet believed."""

    topic: str
    station: str
    name: str
    payload: bytes
    kind: str = "cert"

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes: a certificate's id, if it is one."""
        return hashlib.sha256(self.payload).hexdigest()


@dataclass(frozen=True)
class Verified:
    """A certificate whose signature, station and id all fit."""

    delivery: Delivery
    certificate: Certificate


@dataclass(frozen=True)
class Stated:
    """A statement whose signature, station and id all fit."""

    delivery: Delivery
    statement: statements.Read


@dataclass(frozen=True)
class Rejected:
    """Bytes that go to quarantine. `reason` is one clean line."""

    delivery: Delivery
    reason: str


Verdict = Verified | Stated | Rejected


def delivery(topic: str, payload: bytes) -> Delivery | None:
    """Read a message on `er/1/<station>/cert/<name>` or `.../statement/<name>`. None on any other topic."""
    split = split_topic(topic)
    if split is None:
        return None
    kind, _, name = split[1].partition("/")
    if kind not in KINDS or not name or "/" in name:
        return None
    return Delivery(topic, split[0], name, payload, kind)


def judge(message: Delivery, keys_of: Callable[[str], Keys]) -> Verdict:
    """Judge the message. Never raises for any payload."""
    problem = _address_problem(message)
    if problem is not None:
        return Rejected(message, problem)
    keys = keys_of(message.station)
    if not keys:
        return Rejected(message, f"station {message.station} is not enrolled")
    try:
        if message.kind == "statement":
            return Stated(message, statements.read(message.payload, message.station, keys))
        certificate = verify(message.payload, keys)
    except CertificateProblem as error:
        told = f"not a valid {NAMES[message.kind]}: {error.fields['problem']}"
        return Rejected(message, clean(f"{told}{_replacement(message.payload, keys)}"))
    except RecursionError:  # JSON nested some ten thousand deep
        return Rejected(message, f"not a valid {NAMES[message.kind]}: it is nested too deep")
    problem = _contents_problem(message, certificate)
    return Verified(message, certificate) if problem is None else Rejected(message, problem)


def _address_problem(message: Delivery) -> str | None:
    if not message.payload:
        return "the message is empty"
    if not is_station_id(message.station):
        return clean(f"the topic names no station: {message.station!r}")
    if not _HASH.fullmatch(message.name):
        return "the topic does not end in a SHA-256 in lower-case hex"
    if message.name != message.digest:
        return f"the bytes have SHA-256 {message.digest}, and the topic says another"
    return None


def _replacement(payload: bytes, keys: Keys) -> str:
    """What a certificate of an unknown key says of the key that it replaces: for a person, who alone may believe it."""
    try:
        claimed = read_unverified(payload)
    except CertificateProblem:
        return ""
    replaces = claimed.record.replaces
    if claimed.key_id in keys or replaces is None:
        return ""
    known = "the enrolled key" if replaces.key in keys else "key"
    last = f" after certificate {replaces.last[:12]}" if replaces.last else ""
    return f"; it says that its station's key was replaced: {known} {replaces.key[:43]}{last}. Ask there, then enrol it"


def _contents_problem(message: Delivery, certificate: Certificate) -> str | None:
    record = certificate.record
    if record.station.id != message.station:
        return clean(f"the certificate is of station {record.station.id!r}, and came as {message.station}'s")
    if not 1 <= record.sequence <= LARGEST_SEQUENCE:
        return f"sequence {clean(str(record.sequence))} is not from 1 up to 2^53"
    return None
