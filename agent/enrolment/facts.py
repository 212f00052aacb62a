"""What an enrolment left for its renewal to know. It imports nothing that an idle daemon has not."""

from __future__ import annotations

from datetime import datetime
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

    def __post_init__(self) -> None:
        """Refuse what is no moment. ValueError, of which msgspec makes its own."""
        for written in (self.renew_after, self.ends):
            if moment(written).tzinfo is None:
                raise ValueError(f"{written} has no time zone")


def moment(written: str) -> datetime:
    """Read a moment. ValueError."""
    return datetime.fromisoformat(written.replace("Z", "+00:00"))


def read_facts(folder: Path) -> EnrolmentFacts | None:
    """Read what an enrolment left in its folder; None where there is none, or nothing that can be read."""
    try:
        return msgspec.json.decode((folder / FACTS).read_bytes(), type=EnrolmentFacts)
    except (OSError, msgspec.MsgspecError):
        return None
