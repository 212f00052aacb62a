"""The host's end of guest/tcmu.py: a SCSI model that answers commands over TCP."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from typing import BinaryIO

from tests.laboratory.models.target import ScsiTarget

log = logging.getLogger("bench.relay")


class Relay:
    """Listens on a port of the loopback interface; one guest connects."""

    def __init__(self, target: ScsiTarget) -> None:
        self._target = target
        target.connect()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connection: socket.socket | None = None
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    def unplug(self) -> None:
        """Hang up: the guest's disk goes away."""
        self._target.disconnect()
        for end in (self._connection, self._listener):
            if end is not None:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError as error:
                    log.debug("relay: %s", error)
                end.close()

    def _serve(self) -> None:
        try:
            self._connection, _ = self._listener.accept()
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._connection.makefile("rb") as stream:
                while True:
                    self._command(self._connection, stream)
        except (EOFError, OSError, ValueError) as error:
            log.debug("relay: %s", error)

    def _command(self, connection: socket.socket, stream: BinaryIO) -> None:
        size, out, wanted = struct.unpack(">BII", _exactly(stream, 9))
        cdb = _exactly(stream, size)
        answer = self._target.execute(cdb, _exactly(stream, out), wanted)
        head = struct.pack(">BBHI", answer.status, answer.silent, len(answer.sense), len(answer.data))
        connection.sendall(head + answer.sense + answer.data)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size) if size else b""
    if len(data) < size:
        raise EOFError
    return data
