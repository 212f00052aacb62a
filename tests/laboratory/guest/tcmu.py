"""In the guest: a SCSI disk whose commands are answered by a model on the host (target_core_user and tcm_loop).

    python -m tcmu NAME BYTES BLOCK_BYTES HOST_PORT

The kernel writes commands into a ring in shared memory (include/uapi/linux/target_core_user.h); they go to the host
over TCP, one after another, and the answers come back so. When the host hangs up the disk is taken away, as if pulled.

A request: CDB length u8, bytes out u32, bytes wanted u32, CDB, data. An answer: status u8, silent u8, sense length u16,
data length u32, sense, data. Big-endian.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import socket
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import BinaryIO

TARGET = Path("/sys/kernel/config/target")
HOST = "10.0.2.2"
LENGTHS = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}
# Commands that carry data to the drive; for all others the ring's buffers are to be filled.
OUTWARD = frozenset({0x04, 0x0A, 0x15, 0x1D, 0x2A, 0x2E, 0x3B, 0x41, 0x42, 0x48, 0x55, 0x8A, 0x8E, 0x93})
HEAD, TAIL, ENTRY_COMMAND, READ_LENGTH_GIVEN = 12, 64, 1, 2
SENSE_BYTES = 96
NOT_READY_SENSE = bytes([0x70, 0, 0x02, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3A, 0, 0, 0, 0, 0])


class HungUp(Exception):
    """The host pulled the drive out."""


class Host:
    """The model's end."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=30)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.descriptor = self.socket.fileno()
        self._stream: BinaryIO = self.socket.makefile("rb")

    def ask(self, cdb: bytes, out: bytes, wanted: int) -> tuple[int, bool, bytes, bytes]:
        """(status, silent, sense, data)."""
        try:
            self.socket.sendall(struct.pack(">BII", len(cdb), len(out), wanted) + cdb + out)
            status, silent, sense_size, data_size = struct.unpack(">BBHI", self._exactly(8))
            sense = self._exactly(sense_size)
            return status, bool(silent), sense, self._exactly(data_size)
        except OSError as error:
            raise HungUp from error

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise HungUp
        return data


class Disk:
    """The configfs side, and the ring."""

    def __init__(self, name: str, size: int, block_bytes: int) -> None:
        self._core = TARGET / "core" / "user_0" / name
        self._naa = f"naa.5001405{zlib.crc32(name.encode()):09x}"
        self._group = TARGET / "loopback" / self._naa / "tpgt_1"
        self._core.mkdir(parents=True)
        for setting in (f"dev_config=bench/{name}", f"dev_size={size}", f"hw_block_size={block_bytes}", "async=1"):
            (self._core / "control").write_text(setting)
        (self._core / "enable").write_text("1")
        (self._core / "attrib" / "cmd_time_out").write_text("0")
        device = self._device(f"tcm-user/0/{name}/bench/{name}")
        self.descriptor = os.open(f"/dev/{device}", os.O_RDWR)
        size = int(Path(f"/sys/class/uio/{device}/maps/map0/size").read_text(), 16)
        self.ring = mmap.mmap(self.descriptor, size)
        version, _, self._offset, self._size = struct.unpack_from("<HHII", self.ring, 0)
        if version != 2:
            raise SystemExit(f"a ring of version {version}")

    def _device(self, name: str) -> str:
        while True:
            for found in Path("/sys/class/uio").glob("*/name"):
                if found.read_text().strip() == name and Path(f"/dev/{found.parent.name}").exists():
                    return found.parent.name
            time.sleep(0.01)

    def appear(self) -> None:
        """Make it a SCSI disk. The kernel asks it who it is before this returns: another process must serve."""
        self._group.mkdir(parents=True)
        (self._group / "nexus").write_text(self._naa)
        (self._group / "lun" / "lun_0").mkdir()
        (self._group / "lun" / "lun_0" / "disk").symlink_to(self._core)

    def vanish(self) -> None:
        """Take it away."""
        with contextlib.suppress(OSError):
            (self._group / "lun" / "lun_0" / "disk").unlink()
            (self._group / "lun" / "lun_0").rmdir()
            (self._group / "nexus").write_text("NULL")
            self._group.rmdir()
            self._group.parent.rmdir()
            self._core.rmdir()
            self._core.parent.rmdir()

    def serve(self, host: Host) -> None:
        """Until the host hangs up."""
        while True:
            ready, _, _ = select.select([self.descriptor, host.descriptor], [], [], 5.0)
            if ready == [host.descriptor]:
                raise HungUp
            if self.descriptor in ready:
                os.read(self.descriptor, 4)
            if self._entries(host):
                os.write(self.descriptor, bytes(4))

    def _entries(self, host: Host | None) -> bool:
        """Answer what stands in the ring; without a host everything is NOT READY."""
        any_done = False
        while True:
            head, tail = struct.unpack_from("<I", self.ring, HEAD)[0], struct.unpack_from("<I", self.ring, TAIL)[0]
            if head == tail:
                return any_done
            at = self._offset + tail
            length = struct.unpack_from("<I", self.ring, at)[0]
            if length & 7 == ENTRY_COMMAND:
                if not self._command(at, host):
                    return any_done  # a drive that does not answer holds everything behind it
                any_done = True
            struct.pack_into("<I", self.ring, TAIL, (tail + (length & ~7)) % self._size)

    def _command(self, at: int, host: Host | None) -> bool:
        count = struct.unpack_from("<I", self.ring, at + 8)[0]
        where = struct.unpack_from("<Q", self.ring, at + 24)[0]
        pieces = [struct.unpack_from("<QQ", self.ring, at + 48 + 16 * n) for n in range(count)]
        opcode = self.ring[where]
        cdb = bytes(self.ring[where : where + LENGTHS.get(opcode >> 5, 16)])
        wanted = sum(size for _, size in pieces)
        outward = opcode in OUTWARD
        out = b"".join(self.ring[base : base + size] for base, size in pieces) if outward else b""
        status, silent, sense, data = host.ask(cdb, out, wanted) if host else (2, False, NOT_READY_SENSE, b"")
        if silent:
            return False
        self._finish(at, pieces, status, sense, b"" if outward else data[:wanted])
        return True

    def _finish(self, at: int, pieces: list[tuple[int, int]], status: int, sense: bytes, data: bytes) -> None:
        left = data
        for base, size in pieces:
            piece, left = left[:size], left[size:]
            self.ring[base : base + len(piece)] = piece
        answer = struct.pack("<BBHI", status, 0, 0, len(data)) + sense.ljust(SENSE_BYTES, b"\0")
        self.ring[at + 8 : at + 8 + len(answer)] = answer
        if data:
            self.ring[at + 7] = READ_LENGTH_GIVEN

    def drain(self) -> None:
        """What still stands in the ring ends as NOT READY, or the disk could not be taken away."""
        if self._entries(None):
            os.write(self.descriptor, bytes(4))


def main() -> int:
    """Until the drive is pulled out."""
    name, size, block_bytes, port = sys.argv[1], *map(int, sys.argv[2:5])
    subprocess.run(["modprobe", "-a", "target_core_user", "tcm_loop"], check=True)
    host, disk = Host(port), Disk(name, size, block_bytes)
    child = os.fork()
    if child == 0:
        disk.appear()
        os._exit(0)
    print("serving", flush=True)
    try:
        disk.serve(host)
    except HungUp:
        taker = os.fork()
        if taker == 0:
            disk.vanish()
            os._exit(0)
        while os.waitpid(taker, os.WNOHANG) == (0, 0):
            disk.drain()
            time.sleep(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main())
