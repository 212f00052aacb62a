"""The address of the pages, bound once by the parent: a web process that is started again loses nobody who waits."""

from __future__ import annotations

import socket

from collector.errors import CollectorError

BACKLOG = 1024


def listen(address: str) -> socket.socket:
    """Open a socket that listens on HOST:PORT. Raise CollectorError where that cannot be."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CollectorError(problem=f"cannot listen on {address}: {error.strerror or error}") from None
