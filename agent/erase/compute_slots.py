"""No more threads compute at once than there are cores, over all drives of the process.

24 drives would otherwise have 48 threads generate and hash on a few cores: each evicts the others' data from the
caches, and whoever holds Python's lock waits behind them for a core, with the station's engine behind him. Waiting for
a drive needs no slot.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType

from agent.erase.buffers import ROOM, aligned

SCRATCH = 512 << 10
"""Bytes that are generated and compared at once: both fit into a core's cache (docs/erasing.md)."""


class Slots:
    """A slot for each core, and scratch memory with it: that which was used last, because it lies in a cache.

    So 24 drives need no more of it than one. A thread takes one slot at a time.
    """

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)
        self._scratch: list[memoryview] = []
        self._taken = threading.local()

    def __enter__(self) -> memoryview:
        self._free.acquire()
        try:
            scratch = self._scratch.pop()
        except IndexError:  # as many as there are slots, taken when they are first needed
            scratch = aligned(SCRATCH + ROOM)
        self._taken.scratch = scratch
        return scratch

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.append(self._taken.scratch)
        self._free.release()


COMPUTING = Slots(max(2, len(os.sched_getaffinity(0))))
"""Taken around generating, comparing and hashing one block; never while waiting for a drive or for a turn."""

BEHIND = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))
"""Taken by threads that hash ahead of need, at a lower priority: they must not hold a slot that a drive waits for."""
