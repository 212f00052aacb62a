"""Numbers that a station tells to be missing: on the certificate behind them, or in a signed statement. Pure.

A station that was put back from a backup does not know what it certified since. What it says of that with its key is
believed as a certificate is; it makes nothing that is missing arrive, and nothing that arrived go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.certificates import jws
from agent.certificates.certificate import Certificate
from agent.errors import CertificateProblem
from agent.messages import GAP
from collector.intake.judge import LARGEST_SEQUENCE
from collector.intake.statements import Keys
from collector.text import clean

TYPE = f"benchwipe-{GAP}+jws"


@dataclass(frozen=True)
class ToldGap:
    """From `first` to `last`, both included."""

    station: str
    first: int
    last: int
    why: str


class _Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What the signed statement says."""

    station: str
    first: int
    last: int
    why: str = ""


class _GapEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an event that is read here."""

    event: str
    detail: dict[str, Any] = {}


def told_by_certificate(certificate: Certificate) -> ToldGap | None:
    """Find the gap before a verified certificate. None where it tells of none, or of one that cannot be."""
    record = certificate.record
    if record.gap is None or record.gap.last != record.sequence - 1:
        return None
    return _possible(ToldGap(record.station.id, record.gap.first, record.gap.last, clean(record.gap.why)))


def told_by_event(station: str, payload: bytes, keys_of: Callable[[str], Keys]) -> ToldGap | None:
    """Find the gap that an event tells of, if its statement is signed with a key of that station. Never raises."""
    try:
        event = msgspec.json.decode(payload, type=_GapEvent)
        statement = event.detail.get("statement")
        if event.event != GAP or not isinstance(statement, str):
            return None
        signed = jws.verify(statement.encode(), keys_of(station), typ=TYPE)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, CertificateProblem):
        return None
    return told_by_statement(station, signed.payload)


def told_by_statement(station: str, payload: bytes) -> ToldGap | None:
    """Read the gap in a verified statement's payload, of type TYPE; None where it cannot be. Never raises."""
    try:
        told = msgspec.json.decode(payload, type=_Statement)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    if told.station != station:
        return None
    return _possible(ToldGap(station, told.first, told.last, clean(told.why)))


def _possible(gap: ToldGap) -> ToldGap | None:
    return gap if 1 <= gap.first <= gap.last < LARGEST_SEQUENCE else None
