"""What the kernel counts as written to one disk while it is erased, beside what was submitted here.

The kernel counts a request when it has ended, whether it succeeded or not; ours are counted before they are sent. So
what is seen is never more than what is ours, unless somebody else wrote.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from drivers.drives import _sysfs
from drivers.drives._direct import DirectFile
from drivers.drives._paths import paths_of
from drivers.drives.base import OpenDrive
from drivers.drives.drive import Writes
from firmware_bridge import passthrough

WRAP = _sysfs.SECTOR << 32  # a 32-bit kernel counts sectors in 32 bits: 2 TiB
OFTEN = 1 << 34  # bytes of ours between two looks: far below WRAP, and a look of some 0.3 ms costs nothing then

Appearance = tuple[str, int | None]
"""A disk's number, and the kernel's number for this appearance of it: one that comes back counts from nothing."""


class CountedDrive(OpenDrive):
    """A disk of this machine, written through `_file`."""

    _file: DirectFile
    _count: WriteCount | None = None

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """See `_direct`."""
        done = self._file.write(buffer, offset)
        if self._count is not None and self._file.submitted - self._count.looked_at >= OFTEN:
            self._count.look()
        return done

    def count_writes(self) -> None:
        """Count what is written from now on. What memory alone held of earlier writes goes to the disk before."""
        settle(self._file.fd, self.drive.number)
        self._count = WriteCount(self.drive.number, self._file)

    def written(self) -> Writes | None:
        """Count what was written since `count_writes`.

        What others have written into memory only is on its way to the disk: it goes there now, and counts.
        """
        if self._count is None:
            return None
        settle(self._file.fd, self.drive.number)
        self._count.look(paths_of(self.drive.number))
        return self._count.told()


class WriteCount:
    """The count of one disk, over all paths to it, from when this was made."""

    def __init__(self, number: str, file: DirectFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._paths = paths_of(number)
        found = {path: _sysfs.written_bytes(path) for path in self._paths}
        self._counts = None not in found.values()
        self._read = {_appearance(path): size for path, size in found.items() if size is not None}
        self._before = self.looked_at = file.submitted
        self._seen = 0
        self._last = self._worst = Writes(ours=0, seen=0)

    def look(self, paths: tuple[str, ...] = ()) -> None:
        """Read the counters; of these paths, too. Often enough, neither a wrap nor a switch goes unseen."""
        with self._lock:
            self.looked_at = self._file.submitted
            if not self._counts:
                return
            self._paths = tuple(dict.fromkeys((*self._paths, *paths)))
            for path in self._paths:
                grown = self._grown(path)
                if grown is None:
                    self._counts = False
                    return
                self._seen += grown
            self._last = Writes(ours=self._file.submitted - self._before, seen=self._seen)
            if self._last.foreign >= self._worst.foreign:
                self._worst = self._last

    def told(self) -> Writes | None:
        """Tell what the last look found. None where that says nothing: the kernel missed some of ours, or all.

        What somebody else was once seen to have written stands, whatever the kernel ceased to count afterwards.
        """
        if self._worst.foreign:
            return self._worst
        return self._last if self._counts and self._last.seen == self._last.ours else None

    def _grown(self, path: str) -> int | None:
        """By how much since the last look; None where that cannot be told."""
        now, who = _sysfs.written_bytes(path), _appearance(path)
        if now is None:
            return None
        before = self._read.get(who, 0)
        self._read[who] = now
        if now >= before:
            return now - before
        return now + WRAP - before if before < WRAP else None


def settle(fd: int, number: str) -> None:
    """Have everything written that memory alone holds for the disk behind `fd`, its partitions and its other paths.

    So what others left there is on the disk, and counted, before a count begins and before it ends.
    """
    with contextlib.suppress(OSError):  # a drive that fails here fails at its own requests, too
        passthrough.write_back(fd)
    for folder in _nodes(number):
        with contextlib.suppress(OSError):  # without a node here nobody here can have left anything behind it
            _settle_node(folder)


def _settle_node(folder: Path) -> None:
    fd = os.open(f"/dev/{_sysfs.device_name(folder)}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if stat.S_ISBLK(found.st_mode) and _sysfs.text(folder / "dev") == _number(found.st_rdev):
            passthrough.write_back(fd)
    finally:
        os.close(fd)


def _nodes(number: str) -> Iterator[Path]:
    for path in paths_of(number):
        folder = _sysfs.folder_of(path)
        if folder is not None:
            yield folder
            yield from (part.parent for part in sorted(folder.glob("*/partition")))


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _appearance(number: str) -> Appearance:
    folder = _sysfs.folder_of(number)
    return number, None if folder is None else _sysfs.disk_sequence(folder)
