"""Grades that a station signed, copied into their unit: in a certificate, and in its own word afterwards.

A grade decides money, so only the station that signed the certificate grades by it. Read again, nothing is copied
twice.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from agent.certificates import jws
from agent.certificates.record import Record
from agent.errors import CertificateProblem
from collector.intake.models import Certificate, Statement
from collector.intake.statements import DISPOSITION
from collector.moments import parse
from collector.parties.services import Actor
from collector.text import clean
from collector.units import grading, store
from collector.units.models import Unit, UnitEvent

LOG = logging.getLogger(__name__)
NO_WORDS: dict[str, Any] = {}


@dataclass(frozen=True)
class Graded:
    """A grade as it was signed; empty: taken back. `statement` is empty where the certificate itself says it."""

    grade: str
    at: datetime
    statement: str = ""


def copy(unit: Unit, certificate: Certificate, record: Record, finished: datetime) -> bool:
    """Write what a certificate and its later statements grade into the unit's events. Whether something was new."""
    events = UnitEvent.objects.filter(unit=unit, kind="graded")
    known = set(events.filter(certificate=certificate.id).values_list("statement", flat=True))
    standing, made = "", []
    for one in _signed(certificate, record, finished):
        if one.grade == standing:
            continue
        standing = one.grade
        if one.statement in known:
            continue
        made.append(
            store.event(
                unit,
                "graded",
                Actor(certificate.station_id),
                at=one.at,
                certificate=certificate.id,
                statement=one.statement,
                grade=one.grade,
                faults=[],
            )
        )
    if made:
        UnitEvent.objects.bulk_create(made)
        grading.keep_newest(unit)
    return bool(made)


def withdraw(unit: Unit, certificate: str, actor: Actor) -> None:
    """Let the grade before count again, where the newest came with a certificate that is not this unit's."""
    events = UnitEvent.objects.filter(unit=unit, kind="graded").order_by("occurred_at", "pk")
    newest = events.last()
    if newest is None or newest.certificate != certificate:
        return
    before = events.exclude(certificate=certificate).last()
    grade, faults = ("", []) if before is None else (before.data.get("grade", ""), before.data.get("faults", []))
    UnitEvent.objects.bulk_create(
        [store.event(unit, "graded", actor, certificate=certificate, grade=grade, faults=faults)]
    )
    grading.keep_newest(unit)


def _signed(certificate: Certificate, record: Record, finished: datetime) -> Iterator[Graded]:
    """List the grades in the order in which they were signed, or arrived."""
    if record.disposition is not None and (word := _word(record.disposition.grade, certificate)):
        yield Graded(word, finished)
    rows = Statement.objects.filter(certificate=certificate.id, station=certificate.station_id, typ=DISPOSITION)
    for row in rows.order_by("arrival"):
        told = _payload(bytes(row.body))
        given = told.get("disposition")
        grade = given.get("grade") if isinstance(given, dict) else None
        word = _word(grade, certificate) if isinstance(grade, str) else None
        if word is not None:
            yield Graded(word, _moment(told.get("at"), finished, row.received_at), row.sha256)


def _word(told: str, certificate: Certificate) -> str | None:
    """Read a grade as a person's is read. None where it is none."""
    word = told.strip().upper()
    if word and not grading.GRADE.fullmatch(word):
        LOG.warning("certificate %s: the grade %r that was signed is none", certificate.id, clean(told, 40))
        return None
    return word


def _moment(told: object, finished: datetime, received: datetime) -> datetime:
    """Say when: by the station's clock where that lies between certificate and arrival, else when it arrived."""
    try:
        at = parse(told) if isinstance(told, str) else received
    except (ValueError, OverflowError):
        return received
    return at if finished <= at <= received else received


def _payload(body: bytes) -> dict[str, Any]:
    """Read what was verified when it came in."""
    try:
        return msgspec.json.decode(jws.read_unverified(body, typ=DISPOSITION).payload, type=dict[str, Any])
    except (CertificateProblem, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return NO_WORDS
