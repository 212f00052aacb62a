"""What a process gives back to the kernel: malloc_trim(3) and madvise(2), through libc as in passthrough.py."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

MADV_DONTNEED = 4  # include/uapi/asm-generic/mman-common.h
_MAPPED = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp [0-9a-f]+ \S+ (?!0 )\d+ ")

_libc = ctypes.CDLL(None, use_errno=True)
_madvise = _libc.madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_madvise.restype = ctypes.c_int


def give_back_memory() -> None:
    """Return to the kernel what the heap does not need at this moment, and the pages of programs and libraries.

    10 MB of an enrolled station (benchmarks/idle_footprint.py): those that only starting or a job needed stay away.
    Only code that lies in a file and cannot be written (r-xp): nothing is lost, and what is used next is mapped again
    from the page cache. Where the kernel does not tell, all stays as it was; without glibc the heap does.
    """
    trim = getattr(_libc, "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        maps = Path("/proc/self/maps").read_text(errors="replace")
    except OSError:
        return
    for first, end in _MAPPED.findall(maps):
        begin = int(first, 16)
        _madvise(begin, int(end, 16) - begin, MADV_DONTNEED)
