"""A label printer that is a character device: USB (a udev link to /dev/usb/lp0), or any path that takes bytes."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.printers._channel import GONE, PAPER_OUT, ChannelPrinter, ChannelSettings, Opened
from firmware_bridge.passthrough import give_up_at_printer_errors, printer_port_status

USB_MAJOR = 180  # Documentation/admin-guide/devices.txt: usblp has its nodes there
PORT_STATUS_SECONDS = 5.0  # as long as usblp waits for it
PAPER_EMPTY, NO_ERROR = 1 << 5, 1 << 3


class Settings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A path that exists: nothing is ever created there."""

    path: Annotated[str, msgspec.Meta(min_length=1)]


class Driver(ChannelPrinter):
    """Opened for each label, so that a printer that was unplugged and came back is simply there again."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._path = settings.path

    def open_channel(self, within: Deadline) -> Opened:
        """Open the device. Raise DeviceGone where there is nothing, or somebody else prints (usblp opens once)."""
        how = os.O_WRONLY | os.O_APPEND if self._dialogue is None else os.O_RDWR
        try:
            fd = os.open(self._path, how | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise DeviceGone(device=f"{self.name} ({self._path}: {error.strerror})") from error
        with contextlib.suppress(OSError):  # no printer of the kernel's: a pseudo-terminal, a pipe, a file
            give_up_at_printer_errors(fd)
        packets = os.major(os.fstat(fd).st_rdev) == USB_MAJOR
        os.set_blocking(fd, packets)
        return Opened(fd, packets=packets)

    def trouble(self, opened: Opened, within: Deadline) -> str:
        """Notice paper that is out, by the port's status: a printer that then answers nothing says so there."""
        if not opened.packets or within.left() < PORT_STATUS_SECONDS:
            return ""
        try:
            status = printer_port_status(opened.fd)
        except OSError as error:
            return GONE if error.errno == errno.ENODEV else ""
        return PAPER_OUT if status & PAPER_EMPTY and not status & NO_ERROR else ""

    def close_channel(self, opened: Opened) -> None:
        """Close the device. One that is gone cannot be closed any better."""
        with contextlib.suppress(OSError):
            os.close(opened.fd)
