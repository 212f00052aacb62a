"""What the intake says of itself, for the pages of another process on the same machine.

A file without a name that the parent makes and both children hold open. It costs neither side anything: a web process
that is in trouble cannot hold up the intake by not reading.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass

import msgspec

SIZE = 4096
STALE_S = 5.0


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The intake's two ends in words, and when it said so (seconds of the machine's monotonic clock)."""

    broker: str
    database: str
    well: bool
    at: float


@dataclass(frozen=True)
class Board:
    """The shared file."""

    descriptor: int

    @classmethod
    def make(cls) -> Board:
        """Make an empty one."""
        with tempfile.TemporaryFile(prefix="benchwipe-") as file:
            os.truncate(file.fileno(), SIZE)
            return cls(os.dup(file.fileno()))

    def write(self, *, broker: str, database: str, well: bool) -> None:
        """Say how things are now."""
        state = State(broker=broker[:500], database=database[:500], well=well, at=time.monotonic())
        os.pwrite(self.descriptor, msgspec.json.encode(state).ljust(SIZE)[:SIZE], 0)

    def read(self) -> State | None:
        """Read how things are. None where nobody has said anything, or not lately."""
        try:
            state = msgspec.json.decode(os.pread(self.descriptor, SIZE, 0).rstrip(b"\0 "), type=State)
        except (msgspec.MsgspecError, UnicodeDecodeError):  # nothing yet, or just being written
            return None
        return state if time.monotonic() - state.at <= STALE_S else None
