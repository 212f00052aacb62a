"""A serial line for docks: opened at its first use, exclusively; after an error closed, and opened by the next call."""

from __future__ import annotations

import contextlib
import errno
import termios
from typing import Annotated, Literal

import msgspec
import serial

from drivers.deadline import Deadline
from drivers.docks.base import Power
from drivers.errors import DeviceGarbled, DeviceGone, DeviceSilent, DeviceTaken

FAILURES = (OSError, termios.error, TypeError)  # TypeError: pyserial 3.5 when its port closes under it
TAKEN = (errno.EAGAIN, errno.EBUSY)  # flock(2), TIOCEXCL


class Line:
    """8N1. A device that answers late must not answer the next question: what lay in the buffer is thrown away."""

    def __init__(self, name: str, path: str, baud: int) -> None:
        self.name = name
        self._path = path
        self._baud = baud
        self._port: serial.Serial | None = None

    def open(self, within: Deadline) -> serial.Serial:
        """Open the port, with the deadline set. Raise DeviceGone where there is none, or another program has it."""
        try:
            if self._port is None:
                self._port = self._opened()
            self._port.timeout = self._port.write_timeout = max(0.01, within.left())
            self._port.reset_input_buffer()
        except FAILURES as error:
            raise self.gone() from error
        return self._port

    def _opened(self) -> serial.Serial:
        try:
            return serial.Serial(self._path, self._baud, exclusive=True)
        except serial.SerialException as error:
            if error.errno in TAKEN:
                raise DeviceTaken(device=f"{self.name} ({self._path})") from error
            raise

    def send(self, request: bytes, *, within: Deadline) -> None:
        """Write a command that has no answer; it has left this machine when this returns."""
        try:
            port = self.open(within)
            port.write(request)
            port.flush()
        except serial.SerialTimeoutException as error:
            raise self.silent(within) from error
        except FAILURES as error:
            raise self.gone() from error

    def ask(self, request: bytes, length: int, *, within: Deadline) -> bytes:
        """Ask, and read the answer of exactly that length. Raise DeviceSilent for less, DeviceGarbled for more."""
        self.send(request, within=within)
        assert self._port is not None
        try:
            answer = bytes(self._port.read(length))
            more = bytes(self._port.read(self._port.in_waiting)) if self._port.in_waiting else b""
        except FAILURES as error:
            raise self.gone() from error
        if len(answer) < length:
            raise self.silent(within)
        if more:
            raise self.garbled(answer + more)
        return answer

    def gone(self) -> DeviceGone:
        """Close the port, so that the next call finds it again when it was plugged in, and build DeviceGone."""
        self.close()
        return DeviceGone(device=f"{self.name} ({self._path})")

    def silent(self, within: Deadline) -> DeviceSilent:
        """Close the port, and build DeviceSilent.

        What still lies in the driver's buffers must not reach a device that wakes up later.
        """
        self.close()
        return DeviceSilent(device=f"{self.name} ({self._path})", seconds=within.seconds)

    def garbled(self, answer: bytes | str) -> DeviceGarbled:
        """Build the error for an answer that the protocol does not have, or for what a library says of it."""
        cut = answer[:16].hex(" ") if isinstance(answer, bytes) else answer[:80]
        shown = cut + (" ..." if len(answer) > (16 if isinstance(answer, bytes) else 80) else "")
        return DeviceGarbled(device=f"{self.name} ({self._path})", answer=shown)

    def close(self) -> None:
        """Leave the outputs as they are."""
        port, self._port = self._port, None
        if port is not None:
            with contextlib.suppress(*FAILURES):
                port.reset_output_buffer()  # or close() waits for a device that takes nothing any more
            with contextlib.suppress(*FAILURES):
                port.close()


class BoardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`port`: a name under /dev/serial/by-path or by-id. `slots`: the channels that the board has."""

    port: Annotated[str, msgspec.Meta(min_length=1)]
    slots: Literal[1, 2, 4, 8] = 8


class SerialBoard(Power):
    """Relays on a serial line, one a slot: closed is "on" (the supply goes through the normally open contact)."""

    settle_seconds = 0.2

    def __init__(self, name: str, slots: int, port: str, baud: int) -> None:
        self.name = name
        self.slots = slots
        self._line = Line(name, port, baud)

    def close(self) -> None:
        """Leave the outputs as they are."""
        self._line.close()
