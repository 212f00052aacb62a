"""Memory for requests: page-aligned as O_DIRECT wants it, taken once, and little of it."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from functools import cache

PAGE = mmap.PAGESIZE
ZEROS_BYTES = 4 << 20
MIB = 1 << 20


@dataclass(frozen=True)
class Layout:
    """How many requests of how many bytes one drive keeps in flight."""

    block: int
    depth: int
    parallel_hash: bool = False

    @classmethod
    def plan(cls, drives_at_once: int) -> Layout:
        """Within 50 MB + 5 MB a drive for the whole process; smaller requests only where drives share the memory."""
        if drives_at_once <= 2:
            return cls(block=4 * MIB, depth=3, parallel_hash=True)
        return cls(block=2 * MIB, depth=2)


def aligned(size: int) -> memoryview:
    """A writable page-aligned buffer of its own."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


@cache
def zeros(size: int = ZEROS_BYTES) -> memoryview:
    """Read-only zeros that take no memory: never written, so every page is the kernel's one zero page."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ))
