"""Why a unit may not be sold, in a sentence's end. Pure."""

from __future__ import annotations

from collections.abc import Mapping

REFUSALS: Mapping[str, str] = {
    "not_counted": "nobody has counted its drives",
    "drives_missing": "not all of its drives are accounted for",
    "too_many": "it has more certificates of drives than drives were counted",
    "not_erased": "a drive in it was not erased",
    "failed": "a drive in it failed, and was not destroyed",
    "attested": "it was reset by hand, which the agreement does not allow",
    "unread": "it was erased and not read back, which the agreement does not allow",
    "not_accepted": "nobody has accepted its erasure, which the agreement requires",
    "rejected": "its erasure was rejected",
    "later": "it was sold before its data were accounted for",
}


def refusal(why: str) -> str:
    """Say why a unit may not be sold."""
    return REFUSALS[why]
