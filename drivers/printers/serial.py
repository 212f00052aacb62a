"""A label printer on a serial port, 8N1."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated, Literal

import msgspec
import serial

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.printers._channel import ChannelPrinter, ChannelSettings, Opened


class Settings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`flow`: how the printer says that its buffer is full; as it is set on the printer."""

    port: Annotated[str, msgspec.Meta(min_length=1)]
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 9600
    flow: Literal["none", "xon-xoff", "rts-cts"] = "xon-xoff"


class Driver(ChannelPrinter):
    """Opened for each label, exclusively."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._settings = settings

    def open_channel(self, within: Deadline) -> Opened:
        """Open the port. Raise DeviceGone where there is no such port, or somebody else has it."""
        wanted = self._settings
        try:
            port = serial.Serial(
                wanted.port,
                wanted.baud,
                timeout=0,
                exclusive=True,
                xonxoff=wanted.flow == "xon-xoff",
                rtscts=wanted.flow == "rts-cts",
            )
        except (OSError, ValueError) as error:
            raise DeviceGone(device=f"{self.name} ({wanted.port}: {error})") from error
        return Opened(port.fileno(), port)

    def drain(self, opened: Opened, within: Deadline) -> None:
        """Wait until the kernel has sent what it holds: four kilobytes in it are four seconds at 9600 baud."""
        assert isinstance(opened.closer, serial.Serial)
        with contextlib.suppress(OSError):
            while opened.closer.out_waiting and not within.passed:
                time.sleep(min(0.02, within.left()))

    def close_channel(self, opened: Opened) -> None:
        """Close the port.

        What a stopped printer has not taken is dropped: the kernel would wait 30 s for it in close().
        """
        assert isinstance(opened.closer, serial.Serial)
        with contextlib.suppress(OSError):
            opened.closer.reset_output_buffer()
            opened.closer.close()
