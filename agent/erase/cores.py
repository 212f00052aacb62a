"""No more threads compute at once than there are cores, over all drives of the process.

24 drives would otherwise have 48 threads generate and hash on a few cores: each evicts the others' data from the
caches, and whoever holds Python's lock waits behind them for a core, with the station's engine behind him. Waiting for
a drive needs no slot.
"""

from __future__ import annotations

import os
import threading

COMPUTING = threading.BoundedSemaphore(max(2, len(os.sched_getaffinity(0))))
"""Taken around generating, comparing and hashing one block; never while waiting for a drive or for a turn."""

BEHIND = threading.BoundedSemaphore(len(os.sched_getaffinity(0)))
"""Taken by threads that hash ahead of need, at a lower priority: they must not hold a slot that a drive waits for."""
