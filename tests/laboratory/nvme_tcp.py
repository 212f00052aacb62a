"""NVMe/TCP (NVM Express TCP Transport 1.0): an NVMe model as a controller on the network.

One namespace, in-capsule data up to 8 KiB, no digests. The guest connects with `nvme connect`; to pull the drive out
is to hang up.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import BinaryIO

from tests.laboratory.models.nvme import BAD_FIELD, BAD_OPCODE, Completion, NvmeDrive, Request

log = logging.getLogger("bench.nvme")

CONNECTION_REQUEST, CONNECTION_RESPONSE = 0, 1
COMMAND, RESPONSE, DATA_OUT, DATA_IN, READY_FOR_DATA = 4, 5, 6, 7, 9
FABRICS, ASYNC_EVENT = 0x7F, 0x0C
PROPERTY_SET, CONNECT, PROPERTY_GET = 0, 1, 4
# CAP: 128 entries, contiguous, 10 s to become ready, NVM command set (Base 2.0, figure 36).
CAP, VS, CC, CSTS = 0x00, 0x08, 0x14, 0x1C
CAPABILITIES = 127 | 1 << 16 | 20 << 24 | 1 << 37
LAST, IN_CAPSULE_LIMIT = 4, 1 << 20


@dataclass
class Queue:
    """One connection: the admin queue or an I/O queue."""

    connection: socket.socket
    number: int = 0
    head: int = 0
    pending: dict[int, tuple[bytes, bytearray, int]] = field(default_factory=dict)


class NvmeTarget:
    """Listens on a port of the loopback interface, which the guest reaches as its gateway."""

    def __init__(self, drive: NvmeDrive) -> None:
        self.drive = drive
        self._configuration = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="nvme", daemon=True).start()

    def unplug(self) -> None:
        """Hang up, and listen no more."""
        self.drive.disconnect()
        for connection in (self._listener, *self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log.debug("nvme: %s", error)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(Queue(connection),), name="nvme-queue", daemon=True).start()

    def _serve(self, queue: Queue) -> None:
        """A connection's thread: until either side hangs up."""
        try:
            with queue.connection.makefile("rb") as stream:
                while self._unit(queue, stream):
                    pass
        except (EOFError, OSError, ValueError) as error:
            log.debug("nvme: %s", error)
        finally:
            queue.connection.close()

    def _unit(self, queue: Queue, stream: BinaryIO) -> bool:
        """One protocol data unit; False at the end of the connection."""
        kind, _, header, offset, size = struct.unpack("<BBBBI", _exactly(stream, 8))
        rest = _exactly(stream, header - 8)
        _exactly(stream, max(offset - header, 0))
        data = _exactly(stream, size - max(header, offset))
        if kind == CONNECTION_REQUEST:
            answer = struct.pack("<BBBBIHBBI", CONNECTION_RESPONSE, 0, 128, 0, 128, 0, 0, 0, IN_CAPSULE_LIMIT)
            queue.connection.sendall(answer.ljust(128, b"\0"))
        elif kind == COMMAND:
            self._command(queue, rest, data)
        elif kind == DATA_OUT:
            self._data_out(queue, rest, data)
        else:
            return False
        return True

    def _command(self, queue: Queue, entry: bytes, data: bytes) -> None:
        """A command capsule; data that did not fit into it are asked for (3.3.2.1)."""
        ident = int.from_bytes(entry[2:4], "little")
        length, descriptor, opcode = int.from_bytes(entry[32:36], "little"), entry[39], entry[0]
        outward = opcode & 3 == 1 or (opcode == FABRICS and entry[4] & 3 == 1)
        if outward and length and descriptor == 0x5A:
            queue.pending[ident] = (entry, bytearray(length), 0)
            unit = struct.pack("<BBBBIHHIII", READY_FOR_DATA, 0, 24, 0, 24, ident, ident, 0, length, 0)
            queue.connection.sendall(unit)
        else:
            self._execute(queue, entry, data)

    def _data_out(self, queue: Queue, header: bytes, data: bytes) -> None:
        ident, _, offset, size = struct.unpack_from("<HHII", header)
        entry, gathered, received = queue.pending[ident]
        gathered[offset : offset + size] = data
        queue.pending[ident] = (entry, gathered, received + size)
        if received + size >= len(gathered):
            del queue.pending[ident]
            self._execute(queue, entry, bytes(gathered))

    def _execute(self, queue: Queue, entry: bytes, data: bytes) -> None:
        opcode, _, ident, nsid = struct.unpack_from("<BBHI", entry)
        if queue.number == 0 and opcode == ASYNC_EVENT:
            return  # kept for ever: nothing happens that it would tell
        if opcode == FABRICS:
            done, result = self._fabrics(queue, entry)
        else:
            words = struct.unpack_from("<III", entry, 40)
            request = Request(opcode=opcode, nsid=nsid, cdw10=words[0], cdw11=words[1], cdw12=words[2], data=data)
            done = self.drive.admin(request) if queue.number == 0 else self.drive.io(request)
            result = done.result
        self._complete(queue, ident, done, result)

    def _complete(self, queue: Queue, ident: int, done: Completion, result: int) -> None:
        out = b""
        if done.data and not done.status:
            size = len(done.data)
            out = struct.pack("<BBBBIHHIII", DATA_IN, LAST, 24, 24, 24 + size, ident, 0, 0, size, 0) + done.data
        queue.head = (queue.head + 1) % 128
        tail = (result, queue.head, queue.number, ident, done.status << 1)
        queue.connection.sendall(out + struct.pack("<BBBBIQHHHH", RESPONSE, 0, 24, 0, 24, *tail))

    def _fabrics(self, queue: Queue, entry: bytes) -> tuple[Completion, int]:
        """Connect, and the controller's properties (Base 2.0, 6)."""
        kind, offset = entry[4], int.from_bytes(entry[44:48], "little")
        if kind == CONNECT:
            queue.number = int.from_bytes(entry[42:44], "little")
            return Completion(), 1
        if kind == PROPERTY_SET:
            if offset == CC:
                self._configuration = int.from_bytes(entry[48:52], "little")
            return Completion(), 0
        if kind != PROPERTY_GET:
            return Completion(status=BAD_OPCODE), 0
        ready = self._configuration & 1 | (8 if self._configuration >> 14 & 3 else 0)  # CSTS: ready, shut down
        values = {CAP: CAPABILITIES, VS: 0x010400, CC: self._configuration, CSTS: ready}
        if offset not in values:
            return Completion(status=BAD_FIELD), 0
        return Completion(), values[offset]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size) if size > 0 else b""
    if len(data) < size:
        raise EOFError
    return data
