"""What a process gives back to the kernel: malloc_trim(3) and madvise(2), through libc as in passthrough.py."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

MADV_DONTNEED = 4  # include/uapi/asm-generic/mman-common.h
_AREA = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) [0-9a-f]+ \S+ (\d+)", re.MULTILINE)
_CHANGED = re.compile(r"^(?:Private_Dirty|Anonymous): +[1-9]", re.MULTILINE)

_libc = ctypes.CDLL(None, use_errno=True)
_madvise = _libc.madvise
_madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_madvise.restype = ctypes.c_int


def give_back_memory() -> None:
    """Return to the kernel what the heap does not need at this moment, and the pages of programs and libraries.

    10 MB of an enrolled station (benchmarks/idle_footprint.py): those that only starting or a job needed stay away.
    Only code that lies in a file, cannot be written (r-xp) and was not changed since it was mapped (a debugger, a
    relocation in code): nothing is lost, and what is used next is mapped again from the page cache. Where the kernel
    does not tell, all stays as it was; without glibc the heap does.
    """
    trim = getattr(_libc, "malloc_trim", None)
    if trim is not None:
        trim(0)
    try:
        areas = Path("/proc/self/smaps").read_text(errors="replace")
    except OSError:
        return
    for begin, end in _unchanged_code(areas):
        _madvise(begin, end - begin, MADV_DONTNEED)


def _unchanged_code(areas: str) -> Iterator[tuple[int, int]]:
    """Find code as it lies in its file, in what proc(5) tells of a process's memory."""
    heads = list(_AREA.finditer(areas))
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        first, end, mode, inode = head.groups()
        told = areas[head.end() : following.start() if following else len(areas)]
        if mode == "r-xp" and inode != "0" and not _CHANGED.search(told):
            yield int(first, 16), int(end, 16)
