"""What is left of a failed range when everything that can be reached in it was reached, to the logical block.

Each level cuts the failed pieces in 16 (4 MiB, 256 KiB, 16 KiB, 1 KiB, 512 B): a request that fails costs a dying
drive seconds and one that succeeds milliseconds, so few levels with many pieces beat halving (5 failures around
an isolated bad sector instead of 13). Within a level the edges of a bad run come first, from both ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.erase.monitor import Monitor
from agent.erase.ranges import Span, merge, outside_in, pieces

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
    """(what cannot be reached, what was not tried because the job was halted). `failed` are requests that failed once.

    A single block is tried twice before it is given up.
    """
    bad: list[Bad] = []
    level, known = block, list(failed)
    todo = outside_in(pieces(merge(untried), block))
    first = True
    while True:
        more, left = _level(monitor, attempt, todo, last=level <= unit, counted=first or level <= unit)
        if left:
            return bad, merge(left + [(o, n) for o, n, _ in known + more])
        known += more
        if level <= unit:
            return bad + known, []
        if not known:
            return bad, []
        level = max(unit, level // FAN // unit * unit)
        todo, known, first = outside_in(pieces(merge((o, n) for o, n, _ in known), level)), [], False


def _level(
    monitor: Monitor, attempt: Attempt, todo: list[Span], *, last: bool, counted: bool
) -> tuple[list[Bad], list[Span]]:
    """One level: (what failed, what was not tried)."""
    failed: list[Bad] = []
    for i, span in enumerate(todo):
        if not monitor.go():
            return failed, todo[i:]
        problem = attempt(span)
        if problem is not None and last and monitor.go():
            problem = attempt(span)
        if problem is not None:
            what, error = problem
            failed.append((*span, what))
            monitor.failed(error, counted=counted)
    return failed, []
