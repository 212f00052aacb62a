"""Positioned reads and writes that reach the medium: O_DIRECT, and a fall-back that proves itself.

Where O_DIRECT is refused (by the device, or for a tail that is no multiple of its block), reading goes through the
page cache only after the range was dropped from it and mincore(2) found no page of it left; a page that stays makes
the read fail with EIO, so that verification can never be satisfied by memory. Writing then waits for the write-back, so
that an error belongs to the request that met it; the drive's own cache is left to `flush`: a failed flush is no failed
write, it loses what others wrote.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import stat
import sys
import threading

from firmware_bridge import passthrough

PAGE = mmap.PAGESIZE
TRIES = 3  # another program (udev's blkid) may read the range between our drop and our look


class DirectFile:
    """One exclusive descriptor, and a buffered one beside it that is opened when it is first needed."""

    def __init__(self, fd: int, *, direct: bool, block: int) -> None:
        self.fd = fd
        self.direct = direct
        memory, offset = passthrough.direct_alignment(fd) or (block, block)
        self._memory = max(1, memory)
        self._block = max(block, offset)
        self._buffered = -1 if direct else fd
        self._lock = threading.Lock()
        self._cached, self._end = _cache_of(fd)
        self._counting = threading.Lock()
        self.submitted = 0
        """Bytes of write requests that went to the device, well or not, as its kernel counts them."""

    def read(self, buffer: memoryview, offset: int) -> int:
        """Read from the medium, by preadv(2), and return the bytes read."""
        if not self._fits(len(buffer), offset):
            return self._read_buffered(buffer, offset)
        try:
            if passthrough.address_of(buffer) % self._memory:
                with mmap.mmap(-1, len(buffer)) as bounce, memoryview(bounce) as view:
                    done = os.preadv(self.fd, [view], offset)
                    buffer[:done] = view[:done]
                    return done
            return os.preadv(self.fd, [buffer], offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        return self._read_buffered(buffer, offset)

    def write(self, buffer: memoryview, offset: int) -> int:
        """Write to the medium, by pwritev(2), and return the bytes written."""
        if not self._fits(len(buffer), offset):
            return self._write_buffered(buffer, offset)
        self._count(len(buffer))
        try:
            done = self._write_direct(buffer, offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        else:
            self._count(done - len(buffer))
            return done
        self._count(-len(buffer))  # turned away: nothing of it went to the device
        return self._write_buffered(buffer, offset)

    def _write_direct(self, buffer: memoryview, offset: int) -> int:
        if passthrough.address_of(buffer) % self._memory:
            with mmap.mmap(-1, len(buffer)) as bounce:
                bounce[:] = buffer
                return os.pwritev(self.fd, [bounce], offset)
        return os.pwritev(self.fd, [buffer], offset)

    def flush(self) -> None:
        """Flush by fdatasync(2), which also sends the drive the order to empty its own cache."""
        os.fdatasync(self.fd)

    def close(self) -> None:
        """Close both descriptors."""
        if self._buffered not in (-1, self.fd):
            os.close(self._buffered)
        os.close(self.fd)
        self.fd = self._buffered = -1

    def _fits(self, size: int, offset: int) -> bool:
        return self.direct and size > 0 and size % self._block == 0 and offset % self._block == 0

    def _read_buffered(self, buffer: memoryview, offset: int) -> int:
        if not buffer:
            return 0
        with self._lock:
            fd = self._second()
            self._drop(fd, offset, len(buffer))
            try:
                return os.preadv(fd, [buffer], offset)
            finally:
                os.posix_fadvise(fd, offset, len(buffer), os.POSIX_FADV_DONTNEED)

    def _write_buffered(self, buffer: memoryview, offset: int) -> int:
        with self._lock:
            fd = self._second()
            whole = self._as_written(offset, len(buffer))
            self._count(whole)
            try:
                done = os.pwritev(fd, [buffer], offset)
                passthrough.write_back(fd, offset, done)
            finally:
                os.posix_fadvise(fd, offset, len(buffer), os.POSIX_FADV_DONTNEED)
            self._count(self._as_written(offset, done) - whole)
            return done

    def _count(self, size: int) -> None:
        with self._counting:
            self.submitted += size

    def _as_written(self, offset: int, size: int) -> int:
        """What the page cache sends to the device for this range: whole blocks of its own, up to the device's end."""
        start, end = offset // self._cached * self._cached, -(-(offset + size) // self._cached) * self._cached
        return min(end, self._end) - start if size else 0

    def _second(self) -> int:
        """The same open device without O_DIRECT: through the descriptor, never through the path again."""
        if self._buffered < 0:
            access = fcntl.fcntl(self.fd, fcntl.F_GETFL) & os.O_ACCMODE
            self._buffered = os.open(f"/proc/self/fd/{self.fd}", access | os.O_CLOEXEC)
            os.posix_fadvise(self._buffered, 0, 0, os.POSIX_FADV_RANDOM)
        return self._buffered

    def _drop(self, fd: int, offset: int, size: int) -> None:
        """Nothing of the range is in the page cache when this returns; EIO where that cannot be reached."""
        start, end = offset // PAGE * PAGE, -(-(offset + size) // PAGE) * PAGE
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode):  # mmap(2) of a file ends with it: an image whose size is no multiple of a page
            end = min(end, status.st_size)
        for attempt in range(TRIES):
            os.fdatasync(fd)
            if attempt:
                _drop_whole_device(fd)
            os.posix_fadvise(fd, start, end - start, os.POSIX_FADV_DONTNEED)
            if passthrough.cached_pages(fd, start, end - start) == 0:
                return
        raise OSError(errno.EIO, "the page cache does not let go of the range")


def _cache_of(fd: int) -> tuple[int, int]:
    """The page cache's block, and the device's size, at which the last block is cut: no multiple of it where somebody
    held the device while its size changed.
    """
    if not stat.S_ISBLK(os.fstat(fd).st_mode):
        return 1, sys.maxsize
    return passthrough.cache_block_bytes(fd), passthrough.block_size_bytes(fd)


def _drop_whole_device(fd: int) -> None:
    if not stat.S_ISBLK(os.fstat(fd).st_mode):  # a file in memory has no medium behind it, and nothing lets go of it
        return
    try:
        passthrough.drop_buffers(fd)
    except PermissionError:  # needs CAP_SYS_ADMIN; without it the range stays, and the caller fails
        return
