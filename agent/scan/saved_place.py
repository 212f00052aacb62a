"""A person's place -> bytes -> their place again: what they had begun is theirs after a power cut, too. Pure.

What names a bay is not kept: the bay itself asks for it again.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

import msgspec

from agent.certificates.record import AssetKind
from agent.scan.context import Context, fresh
from agent.scan.flow import Step
from agent.scan.handset import Attempt
from agent.settings import Settings


class _Saved(msgspec.Struct, frozen=True, kw_only=True):
    badge: str
    lot: str | None = None
    asset: str | None = None
    drives: int = 0
    grade: str = ""
    destination: str = ""
    serial: str = ""
    tag: str = ""
    kind: AssetKind = "phone"
    answers: tuple[bool, ...] = ()
    began: str = ""
    second: str = ""


def saved(place: Context) -> bytes | None:
    """Write down what a person has begun; None where that is nothing."""
    if place.operator is None or not place.unfinished:
        return None
    kept = _Saved(
        badge=place.badge,
        lot=place.lot.code if place.lot else None,
        asset=place.asset,
        drives=place.drives,
        grade=place.grade,
        destination=place.destination,
    )
    if (device := place.attempt) is not None:
        kept = msgspec.structs.replace(kept, **device.known())
    return msgspec.json.encode(kept)


def recalled(body: bytes, settings: Settings) -> Context | None:
    """Return that place, of a person who has yet to sign in; None where the file does not know them any more."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        kept = msgspec.json.decode(body, type=_Saved)
        who = next((operator for operator in settings.operator if operator.badge == kept.badge), None)
        if who is None:
            return None
        place = fresh(settings, who)
        lot = next((lot for lot in settings.lot if lot.code == kept.lot), place.lot)
        device = (
            Attempt(kept.serial, kept.tag, kept.kind, kept.answers, kept.began, kept.second) if kept.serial else None
        )
        return replace(
            place,
            lot=lot,
            step=Step.BAY if kept.asset else Step.TAG,
            asset=kept.asset,
            drives=kept.drives,
            grade=kept.grade,
            destination=kept.destination,
            attempt=device,
        )
    return None
