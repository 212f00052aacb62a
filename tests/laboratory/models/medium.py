"""What a drive keeps its data on, and how that goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

SECRET = b"Kundedata 0815! "  # 16 bytes: what a drive holds when it comes in


@dataclass(kw_only=True)
class Faults:
    """How a medium misbehaves; block numbers. May be changed while a drive is at work."""

    bad_reads: set[int] = field(default_factory=set)
    bad_writes: set[int] = field(default_factory=set)
    corrupts: set[int] = field(default_factory=set)
    """One bit of these blocks is stored wrongly, and nobody complains."""
    drops_writes: bool = False
    """Writes are acknowledged and forgotten: the old data stay."""


class BlockError(Exception):
    """A block that cannot be read or written. `block` is the first of them."""

    def __init__(self, block: int, *, write: bool) -> None:
        super().__init__(f"block {block}")
        self.block, self.write = block, write


class Medium:
    """Blocks, with a volatile cache before them: what was not flushed is lost when the power is cut.

    `data` is what a laboratory would find. A cache that is written through (`caching` False) loses nothing.
    """

    def __init__(self, size: int, *, block_bytes: int = 512, caching: bool = False) -> None:
        if size % block_bytes:
            raise ValueError(f"{size} bytes are no whole number of blocks")
        self.block_bytes, self.blocks, self.caching = block_bytes, size // block_bytes, caching
        self.data = bytearray((SECRET * (size // len(SECRET) + 1))[:size])
        self.faults = Faults()
        self._unflushed: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()

    def read(self, first: int, count: int) -> bytes:
        """BlockError where one of the blocks cannot be read."""
        _refuse(self.faults.bad_reads, first, count, write=False)
        return bytes(self.data[first * self.block_bytes : (first + count) * self.block_bytes])

    def write(self, first: int, data: bytes) -> None:
        """BlockError where one of the blocks cannot be written; then none of them is."""
        count = len(data) // self.block_bytes
        _refuse(self.faults.bad_writes, first, count, write=True)
        if self.faults.drops_writes:
            return
        start = first * self.block_bytes
        with self._lock:
            if self.caching:
                self._unflushed.append((start, bytes(self.data[start : start + len(data)])))
            self.data[start : start + len(data)] = data
            for block in _hit(self.faults.corrupts, first, count):
                self.data[block * self.block_bytes] ^= 0x01

    def flush(self) -> None:
        """All that was written is on the medium."""
        with self._lock:
            self._unflushed.clear()

    def lose_cache(self) -> int:
        """The power goes: takes back what was not flushed; returns how many writes."""
        with self._lock:
            lost = len(self._unflushed)
            for start, before in reversed(self._unflushed):
                self.data[start : start + len(before)] = before
            self._unflushed.clear()
        return lost

    def fill(self, pattern: bytes, *, upto: float = 1.0, spared: range = range(0)) -> None:
        """The drive's own erasure: the pattern over the first part of the blocks, without the spared ones."""
        with self._lock:
            end = int(self.blocks * upto) * self.block_bytes
            keep = slice(spared.start * self.block_bytes, spared.stop * self.block_bytes)
            kept = bytes(self.data[keep])
            self.data[:end] = (pattern * (end // len(pattern) + 1))[:end]
            self.data[keep] = kept
            self._unflushed.clear()

    def secrets(self) -> int:
        """How many blocks still hold what they held when the drive came in."""
        size, block = self.block_bytes, (SECRET * self.block_bytes)[: self.block_bytes]
        return sum(self.data[at : at + size] == block for at in range(0, len(self.data), size))


def _hit(blocks: Iterable[int], first: int, count: int) -> list[int]:
    return sorted(block for block in blocks if first <= block < first + count)


def _refuse(bad: set[int], first: int, count: int, *, write: bool) -> None:
    if bad and (hit := _hit(bad, first, count)):
        raise BlockError(hit[0], write=write)
