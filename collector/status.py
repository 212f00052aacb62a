"""What each part says of itself, for the pages of another process on the same machine.

A file without a name that the parent makes and all children hold open, with a place for each part. It costs none of
them anything: a web process that is in trouble cannot hold up the intake by not reading.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

PARTS = ("intake", "web", "worker")
SIZE = 4096
"""Of each part's place."""
STALE_S = 5.0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How a part is: its ends in words, what it counted, and when it said so (seconds of the monotonic clock)."""

    well: bool
    at: float
    broker: str = ""
    database: str = ""
    counts: dict[str, float] = {}


@dataclass(frozen=True)
class Board:
    """The shared file."""

    descriptor: int

    @classmethod
    def make(cls) -> Board:
        """Make an empty one."""
        with tempfile.TemporaryFile(prefix="benchwipe-") as file:
            os.truncate(file.fileno(), SIZE * len(PARTS))
            return cls(os.dup(file.fileno()))

    def write(
        self, part: str, *, well: bool, broker: str = "", database: str = "", counts: Mapping[str, float] | None = None
    ) -> None:
        """Say how a part is now."""
        state = State(
            well=well, at=time.monotonic(), broker=broker[:500], database=database[:500], counts=dict(counts or {})
        )
        os.pwrite(self.descriptor, msgspec.json.encode(state).ljust(SIZE)[:SIZE], SIZE * PARTS.index(part))

    def read(self, part: str) -> State | None:
        """Read how a part is. None where it has said nothing, or not lately."""
        told = os.pread(self.descriptor, SIZE, SIZE * PARTS.index(part))
        try:
            state = msgspec.json.decode(told.rstrip(b"\0 "), type=State)
        except (msgspec.MsgspecError, UnicodeDecodeError):  # nothing yet, or just being written
            return None
        return state if time.monotonic() - state.at <= STALE_S else None
