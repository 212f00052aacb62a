"""Which name of Ed25519 stands in a signature's header, and until when which of the two is the usual one. Pure.

RFC 8037 called it "EdDSA"; RFC 9864 (October 2025) calls it "Ed25519" and deprecates the other name, of which JOSE
libraries begin to warn. Key and signature are the same under both. Both are verified, for as long as certificates of
either are kept; no third one is. Which one is signed is a setting, and no clock changes it: a station that began by
itself to sign what an older collector does not know would fill that one's quarantine, on one day, everywhere.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

Alg = Literal["EdDSA", "Ed25519"]
ALGS: frozenset[str] = frozenset({"EdDSA", "Ed25519"})
USUAL: Final[Alg] = "EdDSA"
CHANGE_DAY: Final = date(2027, 7, 1)
"""Releases from this day on sign "Ed25519" where no setting says otherwise. Until then USUAL is "EdDSA"."""


def overdue(alg: Alg, today: date) -> str:
    """Say that the old name is still signed after the day of the change; empty where there is nothing to say."""
    if alg != "EdDSA" or today < CHANGE_DAY:
        return ""
    return (
        f'signature_alg is "EdDSA", and since {CHANGE_DAY} "Ed25519" is the usual one (RFC 9864); '
        "once every collector and reader of yours verifies it, set it"
    )
