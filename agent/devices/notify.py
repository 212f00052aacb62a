"""systemd's notification protocol (sd_notify(3)): datagrams to the manager's socket, if there is one."""

from __future__ import annotations

import os
import socket
import time


class Notifier:
    """Tells systemd that the service is ready, alive, and about to stop."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        microseconds = int(os.environ.get("WATCHDOG_USEC") or 0)
        self._every = microseconds / 1e6 / 3
        self._next = 0.0

    def ready(self, status: str) -> None:
        """Announce that the station works."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(f"STATUS={status}")

    def stopping(self) -> None:
        """Announce that the station is about to end."""
        self._send("STOPPING=1")

    def beat(self) -> None:
        """Feed the watchdog, at a third of its time. Called from the engine's loop and from nowhere else."""
        if self._every and time.monotonic() >= self._next:
            self._next = time.monotonic() + self._every
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(1.0)
            try:
                out.sendto(text.encode(), address)
            except OSError:
                return  # the manager is restarting; it asks again by its own means
