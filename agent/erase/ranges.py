"""Byte ranges: merged, subtracted, and kept to a bounded number without ever covering less. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Sequence

from agent.certificates.record import Unreached

Span = tuple[int, int]
"""(offset, bytes)"""


def merge(spans: Iterable[Span]) -> list[Span]:
    """Merge the spans: sorted, overlapping and touching ones joined."""
    merged: list[Span] = []
    for offset, length in sorted(spans):
        if length <= 0:
            continue
        if merged and offset <= merged[-1][0] + merged[-1][1]:
            start, before = merged[-1]
            merged[-1] = (start, max(before, offset + length - start))
        else:
            merged.append((offset, length))
    return merged


def total(spans: Iterable[Span]) -> int:
    """Count the bytes covered, each once."""
    return sum(length for _, length in merge(spans))


def bound(spans: Iterable[Span], most: int) -> tuple[list[Span], list[Span]]:
    """Return (exact, covering): together at most `most` ranges that cover all.

    Where there are too many, the smallest gaps close.
    """
    merged = merge(spans)
    surplus = len(merged) - most
    if surplus <= 0:
        return merged, []
    gaps = ((merged[i + 1][0] - merged[i][0] - merged[i][1], i) for i in range(len(merged) - 1))
    closed = {i for _, i in heapq.nsmallest(surplus, gaps)}
    exact: list[Span] = []
    covering: list[Span] = []
    start = 0
    for i, (offset, length) in enumerate(merged):
        if i in closed:
            continue
        span = (merged[start][0], offset + length - merged[start][0])
        (exact if start == i else covering).append(span)
        start = i + 1
    return exact, covering


def pieces(spans: Iterable[Span], size: int) -> list[Span]:
    """Cut the spans at multiples of `size`."""
    cut: list[Span] = []
    for start, length in spans:
        at, end = start, start + length
        while at < end:
            stop = min(end, (at // size + 1) * size)
            cut.append((at, stop - at))
            at = stop
    return cut


def outside_in(spans: Sequence[Span]) -> list[Span]:
    """Order spans outside in: adjacent ones form a run, and those nearest to its ends come first, from both.

    A scratch or a dead head is worst in its middle: its edges are written before time is lost there.
    """
    ordered = sorted(spans)
    ranked: list[tuple[int, Span]] = []
    start = 0
    for i, (offset, length) in enumerate(ordered):
        if i + 1 < len(ordered) and ordered[i + 1][0] == offset + length:
            continue
        ranked += ((min(k - start, i - k), ordered[k]) for k in range(start, i + 1))
        start = i + 1
    return [span for _, span in sorted(ranked)]


def unreached(bad: Iterable[tuple[int, int, str]], most: int = 256) -> tuple[Unreached, ...]:
    """Make ranges with a reason each disjoint, bounded to `most`: a certificate has 64 KiB (docs/certificate.md).

    What failed in two ways is one range with both reasons. Where they are too many, those nearest to each other are
    joined and their reason says so.
    """
    rows = _disjoint(bad)
    if len(rows) > most:
        exact, covering = bound([(o, n) for o, n, _ in rows], most)
        known = {(o, n): reason for o, n, reason in rows}
        names = "; ".join(sorted({reason for _, _, reason in rows}, reverse=True)[:4])
        rows = [(o, n, known.get((o, n), names)) for o, n in exact]
        rows += [(o, n, f"{names} (some of it; too many ranges to list)") for o, n in covering]
    return tuple(Unreached(offset=o, bytes=n, reason=reason) for o, n, reason in sorted(rows))


def _disjoint(bad: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Each byte in one range at most, with all its reasons ("write: EIO; read: EIO"); neighbours that agree are one."""
    by_reason: dict[str, list[Span]] = {}
    for offset, length, reason in bad:
        by_reason.setdefault(reason, []).append((offset, length))
    edges = [(at, reason) for reason, found in by_reason.items() for o, n in merge(found) for at in (o, o + n)]
    rows: list[tuple[int, int, str]] = []
    active: set[str] = set()
    before = 0
    for at, group in itertools.groupby(sorted(edges), key=lambda edge: edge[0]):
        if active and at > before:
            rows = _joined(rows, (before, at - before, "; ".join(sorted(active, reverse=True))))
        active ^= {reason for _, reason in group}
        before = at
    return rows


def _joined(rows: list[tuple[int, int, str]], row: tuple[int, int, str]) -> list[tuple[int, int, str]]:
    if rows and rows[-1][0] + rows[-1][1] == row[0] and rows[-1][2] == row[2]:
        row = (rows[-1][0], rows[-1][1] + row[1], row[2])
        rows.pop()
    rows.append(row)
    return rows


def subtract(spans: Iterable[Span], minus: Iterable[Span]) -> list[Span]:
    """Find what of the spans lies in none of `minus`."""
    left: list[Span] = []
    holes = merge(minus)
    i = 0
    for offset, length in merge(spans):
        at, end = offset, offset + length
        while i < len(holes) and sum(holes[i]) <= at:
            i += 1
        k = i
        while k < len(holes) and holes[k][0] < end:
            if holes[k][0] > at:
                left.append((at, holes[k][0] - at))
            at = max(at, sum(holes[k]))
            k += 1
        if at < end:
            left.append((at, end - at))
    return left
