"""What an enrolment left for its renewal to know. It imports nothing that an idle daemon has not."""

from __future__ import annotations

from pathlib import Path

import msgspec

FACTS = "enrolment.json"


class EnrolmentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a renewal has to know. Moments are RFC 3339, UTC."""

    url: str
    station: str
    authority: str
    by_system: bool
    renew_after: str
    ends: str


def read_facts(folder: Path) -> EnrolmentFacts | None:
    """Read what an enrolment left in its folder; None where there is none."""
    try:
        return msgspec.json.decode((folder / FACTS).read_bytes(), type=EnrolmentFacts)
    except (OSError, msgspec.MsgspecError):
        return None
