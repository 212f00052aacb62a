"""TLS for the pages, by this program itself: each connection shakes hands in the server's own loop, and blocks nobody.

waitress knows no TLS. Its loop hands each connection to a channel; here the channel reads and writes through Python's
ssl. A handshake that stays half-sent costs a descriptor and some 30 kB until waitress closes what is silent.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

from collector.errors import CollectorError
from collector.settings import Configuration
from collector.web_server import Channel

READ_AT_ONCE = 64 * 1024
WAIT_S = 0.2


class PagesTls:
    """The context of the pages: of the files that the configuration names, or of the own authority's."""

    def __init__(self, configuration: Configuration) -> None:
        told, folder = configuration.settings.tls, configuration.tls_dir
        given = bool(told.certificate)
        self._certificate = configuration.path(told.certificate) if given else folder / "pages.crt"
        self._key = configuration.path(told.key) if given else folder / "pages.key"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._seen: object = None

    def wait(self) -> None:
        """Wait until the certificate is there: another thread has it made. CollectorError where it cannot be used."""
        while not self._certificate.exists():
            time.sleep(WAIT_S)
        try:
            self.follow()
        except (OSError, ValueError) as error:
            raise CollectorError(problem=f"{self._certificate} cannot be used with {self._key}: {error}") from None

    def follow(self) -> None:
        """Use the files anew if they are others than before; connections that stand are not touched. OSError."""
        seen = _look(self._certificate)
        if seen != self._seen:
            self._context.load_cert_chain(self._certificate, self._key, password=_no_password)
            self._seen = seen

    def channel(self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: Any = None) -> TlsChannel | None:  # noqa: ANN401, A002 - as waitress calls it
        """Make the channel of a connection. One that broke before it began is closed, and the loop goes on."""
        try:
            sock.setblocking(False)
            wrapped = self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            return TlsChannel(server, _Locked(wrapped), addr, adj, map=map)
        except (OSError, ValueError):
            sock.close()
            return None


class _Locked:
    """One connection. The loop reads while a thread of the pool writes, and OpenSSL takes one of them at a time."""

    def __init__(self, wrapped: ssl.SSLSocket) -> None:
        self._wrapped, self._lock = wrapped, threading.Lock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever waitress asks of a socket
        return getattr(self._wrapped, name)

    def read(self) -> bytes | None:
        """Read what is there; None where no record is whole yet, empty at the end. OSError."""
        found = bytearray()
        with self._lock:
            try:
                while True:
                    more = self._wrapped.recv(READ_AT_ONCE)
                    found += more
                    # What OpenSSL holds already wakes no poll: it is taken now.
                    if not more or not self._wrapped.pending():
                        return bytes(found)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return bytes(found) or None

    def send(self, data: bytes) -> int:
        """Write as much as goes. OSError, in waitress's words where nothing goes now."""
        with self._lock:
            try:
                return self._wrapped.send(data)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK)) from None
            except ssl.SSLError as error:
                raise ConnectionResetError(errno.ECONNRESET, str(error)) from None

    def close(self) -> None:
        """Close it, without a farewell that somebody might not answer."""
        with self._lock:
            self._wrapped.close()


class TlsChannel(Channel):
    """A connection of waitress whose bytes come out of TLS."""

    def handle_read(self) -> None:
        """Take what came. Bytes of a handshake count for nothing: who sends them for ever is closed as silent."""
        try:
            data = self.socket.read()
        except OSError:
            self.handle_close()
            return
        if data is None:
            return
        if not data:
            self.handle_close()
            return
        self.last_activity = time.time()
        self.received(data)


def _look(path: Path) -> object:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _no_password() -> str:
    raise ValueError("the key is encrypted, and a service has nobody to ask")
