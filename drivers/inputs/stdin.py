"""Standard input: a keyboard, or a scanner that types. Ends with it."""

from __future__ import annotations

import os
import select
import sys
from typing import ClassVar

import msgspec

from drivers.errors import DeviceGone
from drivers.inputs.base import Input


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to set."""


class Driver(Input):
    """Reads the descriptor itself, so that a stop need not wait for a line."""

    endless: ClassVar[bool] = False

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._fd: int | None = None

    def open(self) -> None:
        """Take standard input. Raise DeviceGone for a process without one."""
        try:
            self._fd = sys.stdin.fileno()
        except (AttributeError, OSError, ValueError) as error:
            raise DeviceGone(device=f"{self.name} (standard input)") from error

    def read_some(self, seconds: float) -> bytes:
        """Read from standard input. Raise DeviceGone at its end."""
        assert self._fd is not None
        try:
            ready, _, _ = select.select([self._fd], [], [], seconds)
            data = os.read(self._fd, 4096) if ready else b""
        except (OSError, ValueError) as error:
            raise DeviceGone(device=f"{self.name} (standard input)") from error
        if ready and not data:
            raise DeviceGone(device=f"{self.name} (standard input)")
        return data

    def close(self) -> None:
        """Let go of standard input, which belongs to the process, and stays open."""
        self._fd = None
