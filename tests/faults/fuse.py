"""A FUSE file system of one file, `drive`, that fails, lies, forgets and dawdles: run as `python -m tests.faults.fuse`.

Speaks the kernel's protocol (include/uapi/linux/fuse.h, version 7.31) over /dev/fuse itself: a library would add a
dependency and would not let one answer just what one likes. Takes its faults as JSON lines on standard input and
answers each with a line. Backed by a file, so that whoever asks can look at the medium behind the drive's back.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import struct
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
ATTR = struct.Struct("<6Q10I")
ENTRY = struct.Struct("<4Q2I")
ATTR_OUT = struct.Struct("<QII")
INIT_OUT = struct.Struct("<4I2H2I2H2I24x")
READ_IN = struct.Struct("<QQIIQII")

LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20
FLUSH, INIT, OPENDIR, RELEASEDIR, ACCESS, INTERRUPT, DESTROY, BATCH_FORGET = 25, 26, 27, 29, 34, 36, 38, 42
SILENT = frozenset({FORGET, BATCH_FORGET, INTERRUPT})
EMPTY = frozenset({RELEASE, RELEASEDIR, FLUSH, ACCESS, DESTROY})

BIG_WRITES, ASYNC_DIO, MAX_PAGES, ASYNC_READ = 1 << 5, 1 << 15, 1 << 22, 1
DIRECT_IO = 1  # FOPEN_DIRECT_IO: nothing stays in the page cache between the loop device and us
MAX_WRITE = 1 << 20
SECTOR = 512
ROOT, FILE = 1, 2


@dataclass
class Rules:
    """What goes wrong. Spans are [offset, bytes]; counters run down to nothing.

    `real`: the drive has no more than so many bytes, `beyond` which its addresses "wrap", or nothing is kept ("zeros",
    "ones"); of that it remembers the newest `memory` bytes.
    """

    write_errors: list[list[int]] = field(default_factory=list)
    read_errors: list[list[int]] = field(default_factory=list)
    transient_writes: int = 0
    transient_reads: int = 0
    fsync_errors: int = 0
    fsync_errors_after: int = 0
    """Bytes that must have been written before an fsync fails."""
    lose_before_fsync_error: list[list[int]] = field(default_factory=list)
    volatile: bool = False
    """Writes die with an fsync that fails, unless an earlier one succeeded."""
    ignore_writes: list[list[int]] = field(default_factory=list)
    flip_on_write: list[int] = field(default_factory=list)
    flip_on_read: list[int] = field(default_factory=list)
    slow: list[list[int]] = field(default_factory=list)
    slow_s: float = 0.0
    slow_reads: bool = True
    hang_writes_after: int = -1
    hang_reads_after: int = -1
    dead_after_writes: int = -1
    size: int = -1
    real: int = -1
    beyond: str = "wrap"
    memory: int = 0
    pipe_mb_per_s: float = 0.0
    """What one pipe to the medium carries, in each direction at once."""


def hit(spans: list[list[int]], offset: int, length: int) -> bool:
    """Whether any span meets the range."""
    return any(o < offset + length and offset < o + n for o, n in spans)


def _parts(offset: int, data: bytes, rules: Rules) -> Iterator[tuple[int, bytes]]:
    """Where a write lands, in pieces; what lies beyond a drive that keeps nothing there lands nowhere."""
    if rules.real < 0:
        yield offset, data
        return
    for start in range(0, len(data), SECTOR):
        at = offset + start
        if at < rules.real or rules.beyond == "wrap":
            yield at % rules.real, data[start : start + SECTOR]


class Server:
    """Answers the kernel's requests from a few threads."""

    def __init__(self, device: int, medium: mmap.mmap, threads: int = 4) -> None:
        self._device, self._medium, self._most = device, medium, 4 * threads
        self.rules = Rules()
        self.reads = self.writes = self.written = 0
        self._unflushed: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._newest: OrderedDict[int, bytes] = OrderedDict()
        self._pipe = {READ: 0.0, WRITE: 0.0}
        """When each direction is free again."""

    def set(self, rules: Rules) -> None:
        """From now on these faults; whatever hung goes on."""
        self.rules, self.reads, self.writes, self.written = rules, 0, 0, 0
        self._awake.set()
        self._awake = threading.Event()

    def serve(self) -> None:
        """Until the file system is unmounted."""
        while True:
            try:
                request = os.read(self._device, MAX_WRITE + 8192)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return
            _, opcode, unique, node, *_rest = IN_HEADER.unpack_from(request)
            body = memoryview(request)[IN_HEADER.size :]
            if opcode in SILENT:
                continue
            try:
                answer, status = self._answer(opcode, node, body), 0
            except OSError as error:
                answer, status = b"", -(error.errno or errno.EIO)
            header = OUT_HEADER.pack(OUT_HEADER.size + len(answer), status, unique)
            try:
                os.writev(self._device, [header, answer])
            except OSError:  # the request was aborted meanwhile
                continue

    def _answer(self, opcode: int, node: int, body: memoryview) -> bytes:
        if opcode == READ:
            self._carry(READ, self._range(body)[1])
            return self._read(*self._range(body))
        if opcode == WRITE:
            self._carry(WRITE, self._range(body)[1])
            return self._write(*self._range(body), body[READ_IN.size :])
        if opcode == FSYNC:
            return self._fsync()
        if opcode == INIT:
            flags = BIG_WRITES | ASYNC_DIO | MAX_PAGES | ASYNC_READ
            return INIT_OUT.pack(
                7, 31, MAX_WRITE, flags, self._most, self._most * 3 // 4, MAX_WRITE, 1, MAX_WRITE // 4096, 0, 0, 0
            )
        if opcode == LOOKUP:
            if bytes(body).rstrip(b"\0") != b"drive":
                raise OSError(errno.ENOENT, "only the drive is here")
            return ENTRY.pack(FILE, 1, 0, 0, 0, 0) + self._attributes(FILE)
        if opcode in (GETATTR, SETATTR):
            return ATTR_OUT.pack(0, 0, 0) + self._attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 1, DIRECT_IO if opcode == OPEN else 0, 0)
        if opcode == STATFS:
            return struct.pack("<5Q4I24x", 1 << 20, 1 << 20, 1 << 20, 10, 10, 4096, 255, 4096, 0)
        if opcode in EMPTY:
            return b""
        raise OSError(errno.ENOSYS, "not here")

    def _attributes(self, node: int) -> bytes:
        whole = len(self._medium) if self.rules.size < 0 else self.rules.size
        size = whole if node == FILE else 0
        mode = 0o100600 if node == FILE else 0o040700
        return ATTR.pack(node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    @staticmethod
    def _range(body: memoryview) -> tuple[int, int]:
        _, offset, size, *_rest = READ_IN.unpack_from(body)
        return offset, size

    def _read(self, offset: int, size: int) -> bytes:
        rules, awake = self.rules, self._awake
        with self._lock:
            self.reads += 1
            hangs = 0 <= rules.hang_reads_after < self.reads
        if hangs:
            awake.wait(60)
        if rules.slow_reads:
            self._dawdle(offset, size)
        with self._lock:
            if rules.transient_reads > 0:
                rules.transient_reads -= 1
                raise OSError(errno.EIO, "transient")
        if hit(rules.read_errors, offset, size):
            raise OSError(errno.EIO, "unreadable")
        data = bytearray(self._kept(offset, size, rules))
        for bit in rules.flip_on_read:
            if offset <= bit // 8 < offset + size:
                data[bit // 8 - offset] ^= 1 << bit % 8
        return bytes(data)

    def _write(self, offset: int, size: int, data: memoryview) -> bytes:
        rules, awake = self.rules, self._awake
        self._dawdle(offset, size)
        with self._lock:
            self.writes += 1
            dead = 0 <= rules.dead_after_writes < self.writes
            hangs = 0 <= rules.hang_writes_after < self.writes
            if rules.transient_writes > 0:
                rules.transient_writes -= 1
                raise OSError(errno.EIO, "transient")
        if hangs:
            awake.wait(60)
        if dead or hit(rules.write_errors, offset, size):
            raise OSError(errno.EIO, "unwritable")
        with self._lock:
            self.written += size
            if rules.volatile:
                self._unflushed.append((offset, self._medium[offset : offset + size]))
            for at, part in _parts(offset, bytes(data[:size]), rules):
                self._store(at, bytearray(part), rules)
        if 0 <= rules.real < offset + size and rules.beyond != "wrap":
            self._remember(offset, bytes(data[:size]), rules)
        return struct.pack("<II", size, 0)

    def _kept(self, offset: int, size: int, rules: Rules) -> bytes:
        """What reads at the addresses, of a drive that may have less than it shows."""
        if rules.real < 0 or offset + size <= rules.real:
            return bytes(self._medium[offset : offset + size])
        found = bytearray()
        for at in range(offset, offset + size, SECTOR):
            place = at % rules.real if rules.beyond == "wrap" else at
            with self._lock:
                known = self._newest.get(at)
            if place < rules.real:
                found += self._medium[place : place + SECTOR]
            else:
                found += known or (b"\xff" if rules.beyond == "ones" else b"\0") * SECTOR
        return bytes(found)

    def _remember(self, offset: int, data: bytes, rules: Rules) -> None:
        with self._lock:
            for at in range(0, len(data), SECTOR):
                self._newest[offset + at] = data[at : at + SECTOR]
                self._newest.move_to_end(offset + at)
            while len(self._newest) > rules.memory // SECTOR:
                self._newest.popitem(last=False)

    def _store(self, offset: int, data: bytearray, rules: Rules) -> None:
        for bit in rules.flip_on_write:
            if offset <= bit // 8 < offset + len(data):
                data[bit // 8 - offset] ^= 1 << bit % 8
        for start, length in rules.ignore_writes:
            low, high = max(start, offset), min(start + length, offset + len(data))
            if low < high:
                data[low - offset : high - offset] = self._medium[low:high]
        self._medium[offset : offset + len(data)] = bytes(data)

    def _fsync(self) -> bytes:
        rules = self.rules
        with self._lock:
            if rules.fsync_errors <= 0 or self.written < rules.fsync_errors_after:
                self._unflushed.clear()
                return b""
            rules.fsync_errors -= 1
            while self._unflushed:
                offset, before = self._unflushed.pop()
                self._medium[offset : offset + len(before)] = before
        for start, length in rules.lose_before_fsync_error:
            self._medium[start : start + length] = b"\x5a" * length
        raise OSError(errno.EIO, "the write-back failed")

    def _carry(self, direction: int, size: int) -> None:
        if self.rules.pipe_mb_per_s:
            with self._lock:
                now = time.monotonic()
                free = self._pipe[direction] = max(now, self._pipe[direction]) + size / self.rules.pipe_mb_per_s / 1e6
            time.sleep(max(0.0, free - now))

    def _dawdle(self, offset: int, size: int) -> None:
        if self.rules.slow_s and hit(self.rules.slow, offset, size):
            time.sleep(self.rules.slow_s)


def main(folder: str, medium_path: str, threads: str = "4") -> None:
    """Mount at `folder`, serve until standard input ends, unmount. As many requests at once as there are threads."""
    with Path(medium_path).open("r+b") as file:
        medium = mmap.mmap(file.fileno(), 0)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,max_read={MAX_WRITE}"
    command = ["mount", "-i", "-t", "fuse", "-o", options, "benchwipe-faults", folder]
    subprocess.run(command, check=True, pass_fds=[device])
    server = Server(device, medium, int(threads))
    for _ in range(int(threads)):
        threading.Thread(target=server.serve, daemon=True).start()
    print("ready", flush=True)
    for line in sys.stdin:
        server.set(Rules(**json.loads(line)))
        print("set", flush=True)
    server.set(Rules())
    subprocess.run(["umount", "-l", folder], check=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
