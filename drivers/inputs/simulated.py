"""A scanner that is a file: append a line (`echo KK-004711 >> scans`), or write into a FIFO of that name.

What stood in the file before the station started was scanned for somebody else, and is not read.
"""

from __future__ import annotations

import os
import select
import stat
import time
from typing import Annotated

import msgspec

from drivers.errors import DeviceGone
from drivers.inputs.base import Input

TAIL_SECONDS = 0.02


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the technician's scans appear."""

    path: Annotated[str, msgspec.Meta(min_length=1)]


class Driver(Input):
    """A FIFO is held open for writing too, so that it never ends; a file is followed as `tail -F` does."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._path = settings.path
        self._fd: int | None = None
        self._fifo = False
        self._started = False

    def open(self) -> None:
        """Open the file. One that is not there yet is waited for, and then read from its beginning."""
        first, self._started = not self._started, True
        try:
            self._fifo = stat.S_ISFIFO(os.stat(self._path).st_mode)
            fd = os.open(self._path, (os.O_RDWR if self._fifo else os.O_RDONLY) | os.O_NONBLOCK | os.O_CLOEXEC)
            if first and not self._fifo:
                os.lseek(fd, 0, os.SEEK_END)
            self._fd = fd
        except FileNotFoundError:
            self._fd = None
        except OSError as error:
            raise DeviceGone(device=f"{self.name} ({self._path}: {error.strerror})") from error

    def read_some(self, seconds: float) -> bytes:
        """Read what has come.

        Raise DeviceGone when the file was replaced or cut short: the next session reads the new one from its
        beginning.
        """
        if self._fd is None:
            time.sleep(min(seconds, TAIL_SECONDS))
            self.open()
            return b""
        if self._fifo:
            ready, _, _ = select.select([self._fd], [], [], seconds)
            return os.read(self._fd, 4096) if ready else b""
        until = time.monotonic() + seconds
        while not (data := os.read(self._fd, 4096)):
            self._same_file(self._fd)
            if time.monotonic() >= until:
                return b""
            time.sleep(TAIL_SECONDS)
        return data

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _same_file(self, fd: int) -> None:
        held = os.fstat(fd)
        try:
            now = os.stat(self._path)
        except OSError as error:
            raise DeviceGone(device=f"{self.name} ({self._path})") from error
        if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino) or now.st_size < os.lseek(fd, 0, os.SEEK_CUR):
            raise DeviceGone(device=f"{self.name} ({self._path} was replaced)")
