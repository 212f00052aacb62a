"""What each page and each JSON document holds, out of the database and the stations' talk."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row

from agent.certificates.certificate import read_unverified
from agent.certificates.jws import thumbprint
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector.certificates import words
from collector.certificates.proof import Proof, key_from_x, prove
from collector.fleet.live import Bay, Station
from collector.intake import statements
from collector.intake.keys import jwk
from collector.intake.statements import Keys
from collector.old import queries
from collector.old.enrolment import KeyBook

COLUMNS = [c.name for c in queries.LISTED if c.name != "arrival"]


@dataclass(frozen=True)
class CertificateView:
    """One certificate with everything that its page says."""

    row: Row[Any]
    record: Record
    proof: Proof
    key: Ed25519PublicKey | None
    neighbours: list[Row[Any]]
    given: statements.Disposition | None
    """Grade and destination that the station signed after the certificate; they count for more than its own."""


@dataclass(frozen=True)
class StationView:
    """One station, as it is shown."""

    name: str
    enrolled: bool
    mark: words.Mark
    heard: str
    keys: list[str]
    birth_key: str
    outbox: int | None
    version: str
    bays: list[dict[str, Any]]
    alarms: list[dict[str, str]]
    sums: dict[str, Any]
    gaps: list[dict[str, Any]]


def listed(row: Row[Any]) -> dict[str, Any]:
    """List a certificate's searchable facts, for JSON."""
    return {name: getattr(row, name) for name in COLUMNS}


def certificate(connection: Connection, book: KeyBook, identifier: str) -> CertificateView | None:
    """Find the certificate. None where nothing of that id is stored."""
    row = queries.certificate(connection, identifier)
    if row is None:
        return None
    x = queries.key_x(connection, row.station, row.key_id)
    key = _key(x)
    enrolled = row.key_id in book.keys(row.station)
    proof = prove(identifier, row.compact, row.key_id, key, enrolled=enrolled)
    record = read_unverified(row.compact).record
    given = statements.latest(queries.dispositions(connection, row.station, identifier))
    return CertificateView(row, record, proof, key, list(queries.neighbours(connection, row)), given)


def _key(x: str | None) -> Ed25519PublicKey | None:
    try:
        return None if x is None else key_from_x(x)
    except CertificateProblem:
        return None


def certificate_json(view: CertificateView) -> dict[str, Any]:
    """Show the certificate with the payload as it was signed.

    Fields that this version does not know are included.
    """
    payload = msgspec.json.decode(_payload(view.row.compact))
    return {
        **listed(view.row),
        "record": payload,
        "jws": view.row.compact.decode("ascii"),
        "proof": {
            "valid": view.proof.valid,
            "problem": view.proof.problem,
            "key_id": view.proof.key_id,
            "enrolled": view.proof.enrolled,
            "key": None if view.key is None else jwk(view.key),
        },
        "given": None if view.given is None else asdict(view.given),
        "neighbours": [{"id": n.id, "sequence": n.sequence, "number": n.number} for n in view.neighbours],
    }


def stations(
    live: list[Station],
    enrolled: Mapping[str, Keys],
    sums: Mapping[str, dict[str, Any]],
    gaps: Mapping[str, list[dict[str, Any]]],
) -> list[StationView]:
    """List everybody who is enrolled, has certificates or speaks, by name, those that need a hand first."""
    heard = {station.name: station for station in live}
    names = sorted({*heard, *enrolled, *sums, *gaps})
    now = time.monotonic()
    return [
        _station(heard.get(n, Station(n)), enrolled.get(n, {}), sums.get(n, {}), gaps.get(n, []), now) for n in names
    ]


def _station(station: Station, keys: Keys, sums: dict[str, Any], gaps: list[dict[str, Any]], now: float) -> StationView:
    birth = station.birth
    return StationView(
        name=station.name,
        enrolled=bool(keys),
        mark=words.PRESENCE[station.online],
        heard=words.age(now - station.heard_at),
        keys=sorted(keys),
        birth_key="" if birth is None else _thumbprint(birth.key),
        outbox=None if birth is None else birth.outbox_depth,
        version="" if birth is None else " ".join(birth.software.values())[:80],
        bays=[_bay(station.bays[name], now) for name in sorted(station.bays, key=_natural)],
        alarms=[msgspec.to_builtins(alarm) for alarm in station.alarms.values()],
        sums={"ok": 0, "gap": 0, "known": 0, "fork": 0, "last": 0, **sums},
        gaps=gaps,
    )


def _bay(bay: Bay, now: float) -> dict[str, Any]:
    moving = bay.moving(now)
    return {
        "name": bay.name,
        "state": bay.state,
        "mark": words.mark(words.BAYS, bay.state),
        "drive": bay.drive,
        "heard": words.age(now - max(bay.heard_at, bay.progress_at)),
        "phase": bay.phase if moving else "",
        "done": bay.done if moving else None,
        "total": bay.total if moving else None,
        "percent": 100 * bay.done // bay.total if moving else None,
        "mb_per_s": bay.mb_per_s if moving else None,
        "celsius": bay.celsius if moving else None,
    }


def stations_json(views: list[StationView]) -> list[dict[str, Any]]:
    """Write the live page as data."""
    return [
        {
            "id": v.name,
            "enrolled": v.enrolled,
            "state": v.mark.text.lower(),
            "heard": v.heard,
            "keys": v.keys,
            "outbox_depth": v.outbox,
            "version": v.version,
            "bays": [{k: x for k, x in bay.items() if k != "mark"} for bay in v.bays],
            "alarms": v.alarms,
            "certificates": {k: v.sums[k] for k in ("ok", "gap", "known", "fork")},
            "known_gaps": v.gaps,
        }
        for v in views
    ]


def _thumbprint(facts: dict[str, str]) -> str:
    try:
        return thumbprint(key_from_x(facts.get("x", "")))
    except CertificateProblem:
        return ""


def _natural(name: str) -> tuple[int, str]:
    return (int(name) if name.isascii() and name.isdigit() and len(name) < 10 else 10**9, name)


def _payload(compact: bytes) -> bytes:
    part = compact.split(b".")[1]
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
