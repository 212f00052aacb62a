"""A ZIP archive given out while it is made, in constant memory (PKWARE APPNOTE 6.3.10).

Python's own keeps a row for each file until the end, which is a hundred megabytes for two hundred thousand files. Here
the directory, too, goes to the disk when it grows. Each file is packed before its header is written, so that sizes
stand where every reader looks for them. More than 65,535 files or 4 GiB: ZIP64 (section 4.3.14 and 4.5.3).
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO

PIECE = 64 * 1024
IN_MEMORY = 1 << 20  # larger is spooled to the disk
LARGEST = 0xFFFF_FFFF
FARTHEST, MOST = 0xFFFF_FFFF, 0xFFFF  # bytes and files: from here on ZIP64 says it
ELSEWHERE, MANY = 0xFFFF_FFFF, 0xFFFF  # what stands in the old fields then
UTF8 = 1 << 11  # general purpose flag: the name is UTF-8
DEFLATED = 8
VERSION = 45  # needed to read ZIP64
BY_UNIX = 3 << 8
MODE = 0o100644 << 16
FIRST_DAY = datetime(1980, 1, 1)


class ZipStream:
    """One archive. `add` and `end` give out its bytes, in order; all of them must be taken."""

    def __init__(self) -> None:
        self._offset = 0
        self._count = 0
        self._directory: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by end

    def add(self, name: str, data: Iterable[bytes], *, when: datetime = FIRST_DAY) -> Iterator[bytes]:
        """Pack one file. OverflowError where it is larger than 4 GiB: nothing of it was given out."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as packed:
            crc, size = _pack(data, packed)
            length = packed.tell()
            if max(size, length) > LARGEST:
                raise OverflowError(f"{name} is larger than 4 GiB")
            facts = (VERSION, UTF8, DEFLATED, *_dos(when), crc, length, size)
            header = struct.pack("<4s5H3I2H", b"PK\x03\x04", *facts, len(name.encode()), 0) + name.encode()
            self._enter(name.encode(), facts)
            packed.seek(0)
            yield from self._counted(header)
            while piece := packed.read(PIECE):
                yield from self._counted(piece)

    def end(self) -> Iterator[bytes]:
        """Give out the directory, with which an archive ends."""
        begins, size = self._offset, self._directory.tell()
        self._directory.seek(0)
        with self._directory:
            while piece := self._directory.read(PIECE):
                yield from self._counted(piece)
        large = self._count >= MOST or max(begins, size) >= FARTHEST
        if large:
            facts = (VERSION | BY_UNIX, VERSION, 0, 0, self._count, self._count, size, begins)
            record = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, *facts)
            yield record + struct.pack("<4sIQI", b"PK\x06\x07", 0, self._offset, 1)
        ends = (MANY, MANY, ELSEWHERE, ELSEWHERE) if large else (self._count, self._count, size, begins)
        yield struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, *ends, 0)

    def close(self) -> None:
        """Let go of the directory, where the archive is given up before its end."""
        self._directory.close()

    def _enter(self, name: bytes, facts: tuple[int, ...]) -> None:
        far = self._offset >= FARTHEST
        extra = struct.pack("<2HQ", 1, 8, self._offset) if far else b""
        row = (VERSION | BY_UNIX, *facts, len(name), len(extra), 0, 0, 0, MODE, ELSEWHERE if far else self._offset)
        self._directory.write(struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *row) + name + extra)
        self._count += 1

    def _counted(self, piece: bytes) -> Iterator[bytes]:
        self._offset += len(piece)
        yield piece


def _pack(data: Iterable[bytes], packed: IO[bytes]) -> tuple[int, int]:
    """Deflate into the file; (CRC-32, size before)."""
    packing = zlib.compressobj(level=6, wbits=-15)
    crc = size = 0
    for piece in data:
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        packed.write(packing.compress(piece))
    packed.write(packing.flush())
    return crc, size


def _dos(when: datetime) -> tuple[int, int]:
    """(time, date) as MS-DOS had them: two seconds, and years from 1980 to 2107."""
    if not 1980 <= when.year <= 2107:
        when = FIRST_DAY
    return (
        when.hour << 11 | when.minute << 5 | when.second // 2,
        (when.year - 1980) << 9 | when.month << 5 | when.day,
    )
