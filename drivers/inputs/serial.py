"""A scanner or keypad that is a serial port: USB CDC ("/dev/serial/by-id/...") or a real one."""

from __future__ import annotations

import termios
from typing import Annotated, ClassVar, Literal

import msgspec
import serial

from drivers.errors import DeviceGone
from drivers.inputs.base import Input

BROKEN = (OSError, ValueError, TypeError, termios.error)
"""What a port that goes away raises: SerialException is an OSError, termios.error is none, and pyserial 3.5 has a
TypeError when it is closed in mid-read."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """CDC scanners do not care for `baud`. Use a by-id path: ttyACM numbers change with the order of plugging."""

    port: Annotated[str, msgspec.Meta(min_length=1)]
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600


class Driver(Input):
    """8N1; opened exclusively, so that two stations cannot share half a scan each."""

    gap_seconds: ClassVar[float | None] = 1.0  # a scan is one burst: 30 ms at 9600 baud

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._port: serial.Serial | None = None

    def open(self) -> None:
        """Open the port.

        What lay in its buffer before is thrown away: nobody knows when it was scanned.
        """
        try:
            self._port = serial.Serial(self._settings.port, self._settings.baud, timeout=0, exclusive=True)
            self._port.reset_input_buffer()
        except BROKEN as error:
            raise self._gone(error) from error

    def read_some(self, seconds: float) -> bytes:
        """Read at least one byte, and then whatever else has come."""
        assert self._port is not None
        try:
            self._port.timeout = seconds
            first: bytes = self._port.read(1)
            return first + bytes(self._port.read(self._port.in_waiting)) if first else b""
        except BROKEN as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Close the port. One that is gone cannot be closed any better."""
        if self._port is not None:
            try:
                self._port.close()
            except BROKEN:
                self._fault = self._fault or f"{self.name}: {self._settings.port} did not close"
            self._port = None

    def _gone(self, error: Exception) -> DeviceGone:
        return DeviceGone(device=f"{self.name} ({self._settings.port}: {error})")
