"""What is left of a failed range when everything that can be reached in it was reached, to the logical block.

A request that fails costs a dying drive seconds, one that succeeds milliseconds. So a failed range is first trimmed
from both ends to the exact first and last bad block, in few steps (each cuts the failed piece in 16: 4 MiB, 256 KiB,
16 KiB, 1 KiB, 512 B: about 5 failures where halving needs 13); only then its inside is tried, in pieces that get
smaller, the edges of each bad run before its middle. Given up at any moment, what is listed is tight from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agent.erase.monitor import Monitor
from agent.erase.ranges import Span, merge, outside_in, pieces, subtract

FAN = 16
Bad = tuple[int, int, str]
"""(offset, bytes, reason)"""

Attempt = Callable[[Span], tuple[str, OSError] | None]
"""Try one span; what failed ("write: EIO") and the error, or None."""


def salvage(
    monitor: Monitor,
    attempt: Attempt,
    *,
    untried: Iterable[Span],
    failed: Iterable[Bad],
    block: int,
    unit: int,
) -> tuple[list[Bad], list[Span]]:
    """Try the spans: return (what cannot be reached, what was not tried because the job was halted).

    `failed` are requests that failed once.

    A single block is tried twice before it is given up.
    """
    work = _Salvage(monitor, attempt, block=block, unit=unit)
    asked = merge([*untried, *((offset, length) for offset, length, _ in failed)])
    work.run(asked, [(offset, length) for offset, length, _ in failed])
    return work.bad, subtract(asked, [*work.good, *((offset, length) for offset, length, _ in work.bad)])


class _Salvage:
    """Everything asked for ends in `good` or in `bad`; what is in neither was not tried."""

    def __init__(self, monitor: Monitor, attempt: Attempt, *, block: int, unit: int) -> None:
        self._monitor, self._attempt, self._block, self._unit = monitor, attempt, block, unit
        self.good: list[Span] = []
        self.bad: list[Bad] = []

    def run(self, asked: Sequence[Span], failed: Sequence[Span]) -> None:
        level = self._block
        runs = [*failed, *self._scan(subtract(asked, failed), level)]
        while runs and level > self._unit:
            insides = [inside for run in merge(runs) if (inside := self._trim(run, level))[1] > 0]
            level = self._smaller(level)
            runs = self._scan(insides, level)

    def _scan(self, spans: Iterable[Span], size: int) -> list[Span]:
        """Try the spans in pieces of `size`, edges first; the pieces that failed and can be cut further."""
        failed = []
        for piece in outside_in(pieces(spans, size)):
            if not self._monitor.go():
                break
            if not self._try(piece, counted=True) and piece[1] > self._unit:
                failed.append(piece)
        return failed

    def _trim(self, run: Span, level: int) -> Span:
        """Find the first and the last bad block of a run; what lies between them."""
        start, end = run[0], run[0] + run[1]
        first = self._edge(start, end, level, from_left=True)
        if first is None:
            return start, 0
        start = first + self._unit
        last = self._edge(start, end, level, from_left=False)
        return (start, last - start) if last is not None else (start, 0)

    def _edge(self, start: int, end: int, level: int, *, from_left: bool) -> int | None:
        """The offset of the bad block nearest to one end; None where there is none, or the job was halted."""
        outer = inner = (start, end - start)
        size = self._smaller(level)
        while outer[1] > 0:
            piece = self._nearest_failure(inner, size, from_left=from_left)
            if not self._monitor.go():
                return None
            if piece is None and inner == outer:
                return None
            if piece is None:  # what failed as a whole works in pieces: go on behind it
                stop = inner[0] + inner[1]
                outer = (stop, outer[0] + outer[1] - stop) if from_left else (outer[0], inner[0] - outer[0])
                inner, size = outer, self._smaller(level)
            elif piece[1] <= self._unit:
                return piece[0]
            else:
                inner, size = piece, self._smaller(size)
        return None

    def _nearest_failure(self, span: Span, size: int, *, from_left: bool) -> Span | None:
        cut = pieces([span], size)
        for piece in cut if from_left else reversed(cut):
            if not self._monitor.go():
                return None
            if not self._try(piece, counted=piece[1] <= self._unit and not from_left):
                return piece
        return None

    def _try(self, piece: Span, *, counted: bool) -> bool:
        """Whether the piece could be reached; a single block is tried twice."""
        problem = self._attempt(piece)
        if problem is not None and piece[1] <= self._unit and self._monitor.go():
            problem = self._attempt(piece)
        if problem is None:
            self.good.append(piece)
            if len(self.good) > 4096:
                self.good = merge(self.good)
            return True
        what, error = problem
        if piece[1] <= self._unit:
            self.bad.append((*piece, what))
        self._monitor.failed(error, counted=counted)
        return False

    def _smaller(self, size: int) -> int:
        return max(self._unit, size // FAN // self._unit * self._unit)
