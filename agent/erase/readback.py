"""Reads a drive back and holds it against what was meant to be written.

Threads: `depth` readers, each reads a block and compares it with the regenerated pattern (memcmp). While all is equal,
the hash of the drive is the hash of what was meant (agent/erase/expected_hash.py). From the first block that differs
on, or where nobody knows what was meant, each reader hashes its block when its turn comes, so that BLAKE3 sees the
drive in order while the others read ahead; data never changes threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from blake3 import blake3

from agent.certificates.record import Mismatch, Sample, Verification
from agent.erase.buffers import Layout, aligned
from agent.erase.compute_slots import COMPUTING
from agent.erase.expected_hash import STEP, MeantHash
from agent.erase.monitor import Monitor
from agent.erase.overwrite import LEAP, STREAK
from agent.erase.pattern import Fill
from agent.erase.ranges import Span, bound, merge
from agent.erase.salvage import Bad, salvage
from agent.erase.transfer import explain, read_all

RETRIES_AT_ONCE = 8  # blocks that are read again at once, before the bisection at the end: a glitch keeps the hash


class Grid(Sequence[Span]):
    """The whole drive in blocks, the odd tail included."""

    def __init__(self, capacity: int, block: int) -> None:
        self._capacity, self._block = capacity, block

    def __len__(self) -> int:
        return (self._capacity + self._block - 1) // self._block

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> list[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | list[Span]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        offset = index * self._block
        return offset, min(self._block, self._capacity - offset)


@dataclass(frozen=True)
class Asked:
    """How much of what differs is listed, and whether the first difference ends the reading."""

    max_mismatches: int = 64
    stop_at_first: bool = False


class ReadBack:
    """One reading of the spans.

    `fill` is None where nobody knows what should stand there: then it only hashes. `meant` is the fill's hash, for a
    reading of the whole drive; without it places are only compared.
    """

    def __init__(
        self,
        monitor: Monitor,
        fill: Fill | None,
        layout: Layout,
        spans: Sequence[Span],
        *,
        asked: Asked,
        meant: MeantHash | None = None,
    ) -> None:
        self._monitor, self._fill, self._layout, self._spans, self._asked = monitor, fill, layout, spans, asked
        self._drive = monitor.drive
        self._unit = self._drive.drive.logical_block_bytes
        self._lock = threading.Lock()
        self._turned = threading.Condition()
        self._next = self._turn = 0
        self._until = len(spans)
        self._meant = meant
        self._found = blake3(max_threads=blake3.AUTO if layout.parallel_hash else 1) if fill is None else None
        self._glitches = 0
        self._lost_hash = False
        self._streak = self._leap_to = 0
        self._failed: list[Bad] = []
        self._skipped: list[Span] = []
        self._differ: list[Span] = []
        self._truncated = False
        self.bad: list[Bad] = []
        self.untried: list[Span] = []
        self.bytes = 0

    def run(self, *, number: int, total: int, first: tuple[int, Callable[[], None]] | None = None) -> None:
        """Read everything that can be read; afterwards `result`, `bad` and `untried` say what came of it.

        `first`: (n, what is done when all spans before number n were read, and none from there on).
        """
        self._monitor.phase("verify", number=number, done=0, total=total)
        if first is not None:
            self._until, work = first
            self._monitor.run(*[self._read] * self._layout.depth)
            if self._monitor.halt is None and not self._stopped:
                work()
            self._until = len(self._spans)
        self._monitor.run(*[self._read] * self._layout.depth)
        if (self._failed or self._skipped) and self._monitor.halt is None and not self._stopped:
            self._monitor.phase("retry", number=number, done=self.bytes, total=total)
            self._monitor.run(self._salvage)
        self.bad += self._failed
        self.untried += self._skipped
        if self._turn < len(self._spans):
            self.untried += [span for span in self._rest() if span[1] > 0]
        elif self._meant is not None and self._monitor.halt is None:
            self._monitor.run(self._finish_hash)

    @property
    def complete(self) -> bool:
        """Every span was read."""
        return self._turn == len(self._spans) and not self.bad and not self.untried

    def result(self, *, sample: Sample | None) -> Verification:
        """Say of the read-back what a certificate says of it."""
        exact, covering = bound(self._differ, self._asked.max_mismatches)
        clean = self.complete and not self._differ
        found, wanted = self._hashes()
        return Verification(
            kind="sample" if sample else "full",
            result="passed" if clean else "failed",
            bytes=self.bytes,
            blake3=found,
            expected_blake3=wanted,
            sample=sample,
            mismatches=tuple(Mismatch(offset=o, bytes=n) for o, n in merge(exact + covering)),
            mismatches_truncated=bool(covering) or self._truncated,
        )

    def _hashes(self) -> tuple[str | None, str | None]:
        """(of the drive as read, of what was meant); None for what is not known."""
        if self._turn != len(self._spans):
            return None, None
        wanted = self._meant.digest if self._meant is not None else None
        if self._found is not None and not self._lost_hash:
            return self._found.hexdigest(), wanted
        # Each byte was read, if only in pieces at the end, and was what was meant: then the two hashes are the same.
        return (wanted if self.complete and not self._differ else None), wanted

    @property
    def _stopped(self) -> bool:
        return self._asked.stop_at_first and bool(self._differ)

    def _rest(self) -> list[Span]:
        """What the readers did not get to."""
        if isinstance(self._spans, Grid):
            start = self._spans[self._turn][0]
            return [(start, self._drive.drive.capacity_bytes - start)]
        return []

    # --- readers ------------------------------------------------------------------------------------------

    def _read(self) -> None:
        buffer = aligned(self._layout.block)
        while self._monitor.go() and (index := self._claim()) is not None:
            offset, length = self._spans[index]
            view = buffer[:length]
            good = self._fetch(index, view, offset)
            with COMPUTING as scratch:
                same = good and self._compare(view, offset, scratch)
            if not self._await_turn(index):
                return
            self._hash(view, offset, good=good, same=same)
            with self._turned:
                self._turn += 1
                self._turned.notify_all()
            self._monitor.moved(length if good else 0)

    def _claim(self) -> int | None:
        with self._lock:
            if self._next >= self._until or self._stopped:
                return None
            self._next += 1
            return self._next - 1

    def _fetch(self, index: int, view: memoryview, offset: int) -> bool:
        """Whether the block could be read; a few are tried twice at once, and a dead zone is leapt over."""
        for again in (True, False):
            with self._lock:
                if index < self._leap_to:
                    self._skipped.append((offset, len(view)))
                    return False
            try:
                read_all(self._drive, view, offset)
            except OSError as error:
                if not self._mind(error, index, view, offset, again=again):
                    return False
            else:
                self._streak = 0
                return True
        return False

    def _mind(self, error: OSError, index: int, view: memoryview, offset: int, *, again: bool) -> bool:
        """Note a failed read; whether it is to be tried again at once."""
        with self._lock:
            self._glitches += 1
            again = again and self._glitches <= RETRIES_AT_ONCE
            if not again:
                self._failed.append((offset, len(view), explain("read", error)))
                self._streak += 1
                if self._streak >= STREAK:
                    self._leap_to = index + 1 + min(2 ** (self._streak - STREAK), LEAP)
        self._monitor.failed(error, counted=not again)
        return again

    def _compare(self, view: memoryview, offset: int, scratch: memoryview) -> bool:
        """Whether the block holds what was meant; where it differs is noted to the logical block."""
        with self._lock:
            self.bytes += len(view)
        if self._fill is None or self._fill.same(view, offset, scratch):
            return True
        if self._meant is not None:
            self._meant.doubt()
        spans = self._fill.differing(view, offset, scratch, unit=self._unit)
        with self._lock:
            self._differ = merge([*self._differ, *spans])
            keep = 4 * self._asked.max_mismatches
            if len(self._differ) > keep:  # never more memory than this, and never less covered
                exact, covering = bound(self._differ, self._asked.max_mismatches)
                self._differ, self._truncated = merge(exact + covering), True
        return False

    def _await_turn(self, index: int) -> bool:
        """Wait until every earlier block was hashed; False when the job was halted."""
        with self._turned:
            while self._turn != index:
                if self._monitor.halt is not None:
                    return False
                self._turned.wait(0.5)
        return True

    def _hash(self, view: memoryview, offset: int, *, good: bool, same: bool) -> None:
        """In turn: the hash as read, where it is another than that of what was meant, and the latter."""
        self._lost_hash |= not good
        parting = good and not same and not self._asked.stop_at_first
        if parting and self._found is None and self._meant is not None and not self._lost_hash:
            # Up to here every block was equal to what was meant, so the two hashes part only now.
            self._found = self._meant.at(offset, self._hash_going)
        if self._found is not None and not self._lost_hash:
            with COMPUTING:
                self._found.update(view)
        if self._meant is not None:
            self._meant.follow(offset, view, same=good and same)

    def _hash_going(self) -> bool:
        self._hashed_beside(STEP)
        return self._monitor.halt is None

    def _hashed_beside(self, length: int) -> None:
        """The drive waits meanwhile: it must not be taken for stalled or slow."""
        self._monitor.moved(length, done=0)

    def _finish_hash(self) -> None:
        assert self._meant is not None
        self._meant.finish(lambda: self._monitor.halt is None, self._hashed_beside)

    # --- the end: what could not be read ------------------------------------------------------------------

    def _salvage(self) -> None:
        buffer = aligned(self._layout.block)

        def attempt(span: Span) -> tuple[str, OSError] | None:
            offset, length = span
            try:
                read_all(self._drive, buffer[:length], offset)
            except OSError as error:
                return explain("read", error), error
            with COMPUTING as scratch:
                self._compare(buffer[:length], offset, scratch)
            self._monitor.moved(length)
            return None

        failed, self._failed = self._failed, []
        skipped, self._skipped = self._skipped, []
        bad, left = salvage(
            self._monitor, attempt, untried=skipped, failed=failed, block=self._layout.block, unit=self._unit
        )
        self.bad += bad
        self.untried += left
