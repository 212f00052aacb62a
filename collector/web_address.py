"""The address of the pages, bound once by the parent: a web process that is started again loses nobody who waits."""

from __future__ import annotations

import errno
import socket
import time

from collector.errors import CollectorError

BACKLOG = 1024
PATIENCE_S = 5.0
"""A part that lost its parent a moment ago still holds the address while it ends."""


def listen(address: str, *, patience: float = PATIENCE_S) -> socket.socket:
    """Open a socket that listens on HOST:PORT. Raise CollectorError where that cannot be."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    end = time.monotonic() + patience
    while True:
        try:
            return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise CollectorError(problem=f"cannot listen on {address}: {error.strerror or error}") from None
        time.sleep(0.1)
