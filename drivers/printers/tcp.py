"""A label printer on the network: raw TCP, port 9100."""

from __future__ import annotations

import contextlib
import socket
from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.options import Host
from drivers.printers._channel import ChannelPrinter, ChannelSettings, Opened


class Settings(ChannelSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it listens."""

    host: Host
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 9100


class Driver(ChannelPrinter):
    """One connection a label: network printers drop idle ones."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._address = (settings.host, settings.port)

    def open_channel(self, within: Deadline) -> Opened:
        """Connect to the printer. Raise DeviceGone where nobody listens."""
        try:
            connection = socket.create_connection(self._address, timeout=max(0.01, within.left()))
        except OSError as error:
            host, port = self._address
            raise DeviceGone(device=f"{self.name} ({host}:{port}: {error.strerror or error})") from error
        connection.setblocking(False)
        return Opened(connection.fileno(), connection)

    def close_channel(self, opened: Opened) -> None:
        """Close the connection, half first, so that what was sent is not thrown away with the connection."""
        assert isinstance(opened.closer, socket.socket)
        with contextlib.suppress(OSError):
            opened.closer.shutdown(socket.SHUT_WR)
        opened.closer.close()
