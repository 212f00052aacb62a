"""One pass over the drive: writers in flight, a flusher beside them, bad parts aside for the end.

Threads: `depth` writers claim blocks in order; one flusher calls `flush` when a checkpoint is due, so that a slow
flush holds up nobody. What a flush acknowledged is a checkpoint; what was written since the last one when a flush
fails, whichever flush it is, is not trusted: it is put aside, and written again with a flush after each piece.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from agent.certificates.outcome import DRIVE_EXCHANGED, PULLED_OUT
from agent.erase.buffers import ROOM, Layout, aligned
from agent.erase.compute_slots import COMPUTING
from agent.erase.expected_hash import StreamHash
from agent.erase.monitor import Monitor
from agent.erase.pattern import Fill
from agent.erase.ranges import Span, merge, total
from agent.erase.salvage import Attempt, Bad, salvage
from agent.erase.transfer import explain, write_all

STREAK = 4  # failures in a row, after which the sweep leaps ahead
LEAP = 64  # blocks at most: 256 MiB of a dead zone cost one failed request instead of 64
POLL_S = 0.2

Reached = Callable[[int, Sequence[Span], Sequence[Span], Sequence[Bad]], None]
"""A flush was acknowledged: (offset, spans put aside below it, those that want a flush each, what was given up)."""


class Overwrite:
    """One pass, up to `end` of the drive where that is given. `bad` and `untried` are what it could not write; `offset`
    is where a resumed pass goes on.
    """

    def __init__(
        self,
        monitor: Monitor,
        fill: Fill,
        layout: Layout,
        *,
        number: int,
        offset: int = 0,
        aside: Sequence[Span] = (),
        flush_each: Sequence[Span] = (),
        avoid: Sequence[Span] = (),
        reached: Reached,
        hashed: StreamHash | None = None,
        end: int | None = None,
    ) -> None:
        self._monitor, self._fill, self._layout, self._reached = monitor, fill, layout, reached
        self._number = number
        self._hashed = hashed
        self._drive = monitor.drive
        self._capacity = self._drive.drive.capacity_bytes if end is None else end
        self._unit = self._drive.drive.logical_block_bytes
        self._lock = threading.Lock()
        self._next = self._flushed = offset
        self._flying: set[int] = set()
        self._untried: list[Span] = list(aside)
        self._distrusted: list[Span] = list(flush_each)
        self._failed: list[Bad] = []
        self._avoid = [span for span in _below(self._capacity, merge(avoid)) if span[0] + span[1] > offset]
        self._streak = 0
        self._swept = threading.Event()
        self._rewritten: list[Span] = []
        self.bad: list[Bad] = []

    def run(self) -> None:
        """Write everything that can be written; afterwards `bad`, `untried` and `written` say what came of it."""
        monitor, capacity = self._monitor, self._drive.drive.capacity_bytes
        monitor.phase("pass", number=self._number, done=self._next, total=capacity)
        self._left = self._layout.depth
        hashers = [] if self._hashed is None else [partial(self._hashed.hash_offered, self._going)]
        monitor.run(*[self._write] * self._left, *hashers, self._flush_now_and_then)
        monitor.run(self._flush_last)
        for _ in range(2):  # the second round is for what the flush after the first did not accept
            if monitor.halt is not None or not self._aside_bytes():
                return
            monitor.phase("retry", number=self._number, done=capacity - self._aside_bytes(), total=capacity)
            monitor.run(self._salvage)
            monitor.run(self._flush_last)
        if monitor.halt is None:
            self.bad += [(*span, "flush: EIO") for span in merge(self._distrusted)]
            self._distrusted.clear()

    @property
    def untried(self) -> list[Span]:
        """What this pass did not write, and nothing is known to be wrong with."""
        aside = [*self._untried, *self._distrusted, *((o, n) for o, n, _ in self._failed)]
        return merge([*aside, (self._frontier(), self._capacity - self._frontier())])

    @property
    def written(self) -> int:
        """Bytes of the drive that hold this pass, as far as a flush has acknowledged them."""
        return self._capacity - total([*self.untried, *((o, n) for o, n, _ in self.bad)])

    # --- writers ------------------------------------------------------------------------------------------

    def _write(self) -> None:
        scratch = aligned(self._layout.block + ROOM) if self._fill.needs_scratch else memoryview(b"")
        try:
            while self._monitor.go() and (span := self._claim()) is not None:
                offset, length = span
                with COMPUTING:
                    view = self._fill.at(offset, length, scratch)
                if self._hashed is not None:
                    self._hashed.offer(offset, view)
                try:
                    write_all(self._drive, view, offset)
                except OSError as error:
                    self._put_aside(span, error)
                    self._monitor.failed(error)
                else:
                    self._landed(offset)
                    self._monitor.moved(length)
                if self._hashed is not None:
                    self._hashed.await_hashed(offset, self._going)
        finally:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    self._swept.set()
                    if self._hashed is not None:
                        self._hashed.leave_to_readers()

    def _going(self) -> bool:
        return self._monitor.halt is None

    def _leave_out(self, until: int) -> None:
        """Leave what lies before `until` for the end."""
        self._untried.append((self._next, until - self._next))
        self._next = until
        if self._hashed is not None:
            self._hashed.leave_to_readers()

    def _claim(self) -> Span | None:
        """The next block in order; what failed in an earlier pass is left for the end."""
        with self._lock:
            while self._avoid and self._avoid[0][0] <= self._next:
                start, length = self._avoid.pop(0)
                if start + length > self._next:
                    self._leave_out(start + length)
            if self._next >= self._capacity:
                return None
            block = self._layout.block
            until = self._avoid[0][0] if self._avoid else self._capacity
            offset = self._next
            self._next = min((offset // block + 1) * block, until)
            self._flying.add(offset)
            return offset, self._next - offset

    def _landed(self, offset: int) -> None:
        with self._lock:
            self._flying.discard(offset)
            self._streak = 0

    def _put_aside(self, span: Span, error: OSError) -> None:
        with self._lock:
            self._flying.discard(span[0])
            self._failed.append((*span, explain("write", error)))
            self._streak += 1
            if self._streak >= STREAK:
                leap = self._layout.block * min(2 ** (self._streak - STREAK), LEAP)
                stop = min(self._next + leap, self._capacity)
                if stop > self._next:
                    self._leave_out(stop)

    # --- flushing -----------------------------------------------------------------------------------------

    def _frontier(self) -> int:
        return min(self._flying, default=self._next)

    def _aside_bytes(self) -> int:
        return total([*self._untried, *self._distrusted, *((o, n) for o, n, _ in self._failed)])

    def _flush_now_and_then(self) -> None:
        limits, since = self._monitor.limits, time.monotonic()
        while not self._swept.wait(POLL_S):
            due = 0 < limits.checkpoint_bytes <= self._frontier_now() - self._flushed
            if due or 0 < limits.checkpoint_s <= time.monotonic() - since:
                self._flush()
                since = time.monotonic()

    def _frontier_now(self) -> int:
        with self._lock:
            return self._frontier()

    def _flush_last(self) -> None:
        # A drive that is gone cannot flush; every other one gets its last checkpoint, stopped or not.
        halt = self._monitor.halt
        if halt is None or halt.reason not in (PULLED_OUT, DRIVE_EXCHANGED):
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            frontier = self._frontier()
            fresh = frontier > self._flushed or bool(self._rewritten)
        try:
            self._flush_drive()
        except OSError as error:
            self._monitor.failed(error)
            return
        with self._lock:
            self._flushed = max(self._flushed, frontier)
            aside = [*self._untried, *((o, n) for o, n, _ in self._failed)]
            below = [(o, min(n, frontier - o)) for o, n in merge(aside) if o < frontier]
            each = [(o, min(n, frontier - o)) for o, n in self._distrusted if o < frontier]
        if fresh:  # a drive that flushes at once and never ends a write has stalled all the same
            self._monitor.moved(0)
        # A dock may exchange drives behind one USB device: no checkpoint for a drive that is another by now.
        self._monitor.check_identity()
        if self._monitor.halt is None or self._monitor.halt.reason not in (PULLED_OUT, DRIVE_EXCHANGED):
            self._reached(frontier, below, each, self.bad)

    def _flush_drive(self) -> None:
        """Flush, or OSError: then everything since the last good flush is distrusted, whoever wrote it."""
        with self._lock:
            covered = len(self._rewritten)
        try:
            self._drive.flush()
        except OSError:
            with self._lock:
                # Requests in flight may have been part of what failed: nothing that was claimed is trusted.
                lost = [(self._flushed, self._next - self._flushed), *self._rewritten]
                self._distrusted = merge([*self._distrusted, *lost])
                self._rewritten, self._flushed = [], self._next
            raise
        with self._lock:
            del self._rewritten[:covered]

    # --- the end: what was put aside ----------------------------------------------------------------------

    def _salvage(self) -> None:
        untried, self._untried = self._untried, []
        failed, self._failed = self._failed, []
        each, self._distrusted = self._distrusted, []
        scratch = aligned(self._layout.block + ROOM) if self._fill.needs_scratch else memoryview(b"")
        go_through = partial(salvage, self._monitor, block=self._layout.block, unit=self._unit)
        bad, left = go_through(self._attempt(scratch), untried=untried, failed=failed)
        bad_each, left_each = go_through(self._attempt(scratch, flush_each=True), untried=each, failed=())
        with self._lock:
            self.bad += [*bad, *bad_each]
            self._untried += left
            self._distrusted += left_each

    def _attempt(self, scratch: memoryview, *, flush_each: bool = False) -> Attempt:
        def attempt(span: Span) -> tuple[str, OSError] | None:
            offset, length = span
            operation = "write"
            try:
                write_all(self._drive, self._fill.at(offset, length, scratch), offset)
                if flush_each:
                    operation = "flush"
                    self._flush_drive()
            except OSError as error:
                return explain(operation, error), error
            if not flush_each:
                with self._lock:
                    self._rewritten.append(span)
            self._monitor.moved(length)
            return None

        return attempt


def _below(end: int, spans: Sequence[Span]) -> list[Span]:
    return [(offset, min(length, end - offset)) for offset, length in spans if offset < end]
