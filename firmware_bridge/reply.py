"""What comes back from a drive, before anybody has understood it. Pure values."""

from __future__ import annotations

import msgspec

GOOD, CHECK_CONDITION = 0x00, 0x02  # SAM-5, 5.3.1
PATH_RELATED = 0x3  # status code type of an NVMe command that did not reach the controller, or was aborted by the host


class Unreadable(msgspec.Struct, frozen=True):
    """Bytes that do not say what they should: never a value, never a success. `raw` is kept for the record."""

    why: str
    raw: bytes = b""


class ScsiReply(msgspec.Struct, frozen=True, kw_only=True):
    """One command's end as SG_IO tells it. `data` is what was transferred to us, without what was missing (`resid`)."""

    status: int
    host_status: int
    driver_status: int
    sense: bytes = b""
    data: bytes = b""
    resid: int = 0

    @property
    def delivered(self) -> bool:
        """Whether the command reached the device and came back: what it said may still be an error."""
        return self.host_status == 0 and self.status in (GOOD, CHECK_CONDITION)

    @property
    def good(self) -> bool:
        """GOOD status, and nothing went wrong on the way."""
        return self.host_status == 0 and self.status == GOOD


class NvmeReply(msgspec.Struct, frozen=True, kw_only=True):
    """One admin command's end. `status` is the completion's status field without its phase bit; 0 is success."""

    status: int
    result: int = 0
    data: bytes = b""

    @property
    def good(self) -> bool:
        """Successful completion (NVM Express Base 2.0, 4.2.3)."""
        return self.status == 0

    @property
    def delivered(self) -> bool:
        """Whether the controller ended it: else nobody knows whether it carries the command out."""
        return self.status >> 8 & 0x7 != PATH_RELATED
