"""A part's health at an address of its own: it answers while the pages do not. Yes or no, and nothing else.

One thread, one question at a time, each within two seconds: who asks slowly holds up other questions, and no receipt.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable

from collector.web_address import listen

LOG = logging.getLogger(__name__)
ANSWER_S = 2.0
LONGEST = 4096


def begin(address: str, well: Callable[[], bool]) -> socket.socket:
    """Answer every GET at HOST:PORT with 200 while the part is well, else 503. Raise CollectorError."""
    listener = listen(address)
    LOG.info("health at http://%s/healthz", "{}:{}".format(*listener.getsockname()[:2]))
    threading.Thread(target=_serve, args=(listener, well), name="health", daemon=True).start()
    return listener


def _serve(listener: socket.socket, well: Callable[[], bool]) -> None:
    while True:
        try:
            wire, _ = listener.accept()
        except OSError:
            if listener.fileno() < 0:
                return
            time.sleep(0.1)  # no descriptor is free now
            continue
        with wire, contextlib.suppress(OSError):
            _answer(wire, well)


def _answer(wire: socket.socket, well: Callable[[], bool]) -> None:
    end, asked = time.monotonic() + ANSWER_S, b""
    while b"\r\n\r\n" not in asked:
        left = end - time.monotonic()
        if left <= 0 or len(asked) > LONGEST:
            return
        wire.settimeout(left)
        piece = wire.recv(1024)
        if not piece:
            return
        asked += piece
    wire.settimeout(max(0.1, end - time.monotonic()))
    wire.sendall(_document(asked, well()))


def _document(asked: bytes, well: bool) -> bytes:
    method, _, rest = asked.partition(b" ")
    if method not in (b"GET", b"HEAD") or not rest.split(b" ")[0].startswith(b"/healthz"):
        status, body = "404 Not Found", b""
    else:
        status = "200 OK" if well else "503 Service Unavailable"
        body = b'{"status": "ok"}' if well else b'{"status": "degraded"}'
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if method == b"HEAD" else body)
