"""Drives for the engine's tests: one in memory that can be made to fail, and a real loop device."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from drivers.drives.base import DriveGone, OpenDrive
from drivers.drives.drive import Drive, Writes
from tests.patience import SOON_S

Span = tuple[int, int]


def _hit(spans: list[Span], offset: int, length: int) -> bool:
    return any(o < offset + length and offset < o + n for o, n in spans)


@dataclass
class Faults:
    """What goes wrong, and when. Spans are (offset, bytes)."""

    write_errors: list[Span] = field(default_factory=list)
    read_errors: list[Span] = field(default_factory=list)
    read_errno: int = errno.ENODATA
    transient_writes: int = 0
    transient_reads: int = 0
    flaky: Callable[[int, int], bool] | None = None
    flush_errors: int = 0
    lost_by_failed_flush: list[Span] = field(default_factory=list)
    flush_bad: list[Span] = field(default_factory=list)
    write_fails: Callable[[int], bool] | None = None
    """Whether the n-th write fails, counted from 1."""
    flush_fails: Callable[[int], bool] | None = None
    """Whether the n-th flush fails. The cache dies with it; `survives`: which of its writes stay."""
    survives: Callable[[int], bool] = lambda _: False
    gone_after_writes: int | None = None
    says_eio_when_gone: bool = False
    remembered: int = 0
    """So often the kernel still knows it when it is asked after it was pulled."""
    delay_s: float = 0.0
    block_writes: threading.Event | None = None
    before_write: Callable[[int], None] | None = None
    before_read: Callable[[int], None] | None = None


class MemoryDrive(OpenDrive):
    """A drive whose writes become durable only by `flush`; `power_cut` loses the others, in any mixture."""

    def __init__(self, size: int, *, unit: int = 512, serial: str = "M1", faults: Faults | None = None) -> None:
        self.drive = Drive(device="/dev/memory", model="Memory", serial=serial, capacity_bytes=size,
                           logical_block_bytes=unit)  # fmt: skip
        self.answers_as = self.drive
        self.data = bytearray(b"secret! " * (size // 8 + 1))[:size]
        self.durable = bytearray(self.data)
        self.dirty: list[Span] = []
        self.faults = faults or Faults()
        self.lock = threading.Lock()
        self.writes = self.reads = self.flushes = 0
        self.failed_requests = 0
        self.gone = False
        self.write_log: list[Span] = []
        self.submitted = self.by_others = 0
        self.counted_from: tuple[int, int] | None = None
        self.counts = True

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        self._check(buffer, offset)
        faults = self.faults
        if faults.before_read is not None:
            faults.before_read(offset)
        with self.lock:
            self.reads += 1
            if faults.transient_reads > 0:
                faults.transient_reads -= 1
                raise OSError(errno.EIO, "transient")
            flaky = faults.flaky is not None and faults.flaky(offset, len(buffer))
            if flaky or _hit(faults.read_errors, offset, len(buffer)):
                self.failed_requests += 1
                raise OSError(faults.read_errno, "bad")
            buffer[:] = self.data[offset : offset + len(buffer)]
        return len(buffer)

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        self._check(buffer, offset)
        faults = self.faults
        if faults.before_write is not None:
            faults.before_write(offset)
        if faults.delay_s:
            time.sleep(faults.delay_s)
        if faults.block_writes is not None:
            faults.block_writes.wait(SOON_S)
        with self.lock:
            self.writes += 1
            self.submitted += len(buffer)
            if faults.gone_after_writes is not None and self.writes > faults.gone_after_writes:
                self.gone = True
            self._check(buffer, offset)
            if faults.transient_writes > 0:
                faults.transient_writes -= 1
                raise OSError(errno.EIO, "transient")
            flaky = faults.flaky is not None and faults.flaky(offset, len(buffer))
            flaky |= faults.write_fails is not None and faults.write_fails(self.writes)
            if flaky or _hit(faults.write_errors, offset, len(buffer)):
                self.failed_requests += 1
                raise OSError(errno.EIO, "bad")
            self.data[offset : offset + len(buffer)] = buffer
            self.dirty.append((offset, len(buffer)))
            self.write_log.append((offset, len(buffer)))
        return len(buffer)

    def flush(self) -> None:
        """See OpenDrive."""
        if self.gone:
            raise OSError(errno.EIO if self.faults.says_eio_when_gone else errno.ENODEV, "gone")
        with self.lock:
            self.flushes += 1
            if self.faults.flush_fails is not None and self.faults.flush_fails(self.flushes):
                self._forget(self.faults.survives)
                raise OSError(errno.EIO, "flush")
            dirty, self.dirty = self.dirty, []
            bad = any(_hit(self.faults.flush_bad, *span) for span in dirty)
            if self.faults.flush_errors > 0 or bad:
                self.faults.flush_errors -= 1
                for offset, length in self.faults.lost_by_failed_flush:
                    self.data[offset : offset + length] = bytes(b ^ 0x5A for b in self.data[offset : offset + length])
                raise OSError(errno.EIO, "flush")
            for offset, length in dirty:
                self.durable[offset : offset + length] = self.data[offset : offset + length]

    def write_as_another(self, data: bytes, offset: int) -> None:
        """Another program writes to it, past everything here."""
        self.data[offset : offset + len(data)] = self.durable[offset : offset + len(data)] = data
        self.by_others += len(data)

    def count_writes(self) -> None:
        """See OpenDrive."""
        self.counted_from = (self.submitted, self.submitted + self.by_others) if self.counts else None

    def written(self) -> Writes | None:
        """See OpenDrive."""
        if self.counted_from is None:
            return None
        ours, seen = self.counted_from
        return Writes(ours=self.submitted - ours, seen=self.submitted + self.by_others - seen)

    def power_cut(self, keep: Callable[[int], bool]) -> None:
        """Unflushed writes reach the medium or do not, as `keep(n)` says for the n-th."""
        with self.lock:
            self._forget(keep)
            self.gone = False

    def _forget(self, keep: Callable[[int], bool]) -> None:
        for n, (offset, length) in enumerate(self.dirty):
            if keep(n):
                self.durable[offset : offset + length] = self.data[offset : offset + length]
        self.data[:] = self.durable
        self.dirty = []

    def identify_again(self) -> Drive:
        """See OpenDrive."""
        if self.gone and self.faults.remembered <= 0:
            raise DriveGone(device=self.drive.device)
        self.faults.remembered -= self.gone
        return self.answers_as

    def close(self) -> None:
        """See OpenDrive."""

    def becomes(self, serial: str) -> None:
        """Another drive answers from now on."""
        self.answers_as = msgspec.structs.replace(self.drive, serial=serial)

    def _check(self, buffer: memoryview, offset: int) -> None:
        unit = self.drive.logical_block_bytes
        assert offset % unit == 0, (offset, len(buffer))
        assert len(buffer) % unit == 0, (offset, len(buffer))
        assert offset + len(buffer) <= self.drive.capacity_bytes, (offset, len(buffer))
        if self.gone:
            raise OSError(errno.EIO if self.faults.says_eio_when_gone else errno.ENODEV, "gone")
