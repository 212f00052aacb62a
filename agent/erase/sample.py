"""Which places a sampled verification reads: repeatable by anyone from the seed on the certificate.

NIST SP 800-88 Rev. 1, 4.7.3: at least 1,000 equal sections, two places that do not overlap in each, together at
least the fraction asked for, with the first and the last addressable block. Where the drive is large, more sections
with places of at most 1 MiB: many small places say more about scattered remains than few large ones.

The rule, for auditors: sections are `sections` equal runs of logical blocks (section i begins at block
i * blocks // sections). A section of n blocks reads t = max(2, ceil(fraction * n)) of them, at most n, in two
places of t // 2 and t - t // 2 blocks. Sixteen bytes at position 16 * i of BLAKE3 (derive_key context below, over the
seed's bytes) are two big-endian numbers, each modulo n - t + 1: the smaller is the first place's beginning, the larger
plus t // 2 is the second's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import overload

from blake3 import blake3

from agent.erase.ranges import Span

SECTIONS = 1000
PLACE = 1 << 20
_CONTEXT = "benchwipe 2026-11 places of a sampled verification"


class SamplePlan(Sequence[Span]):
    """The places in ascending order, computed when asked for: a list would take 10 MB on a large drive."""

    def __init__(self, *, seed: str, fraction: float, capacity: int, unit: int) -> None:
        self.seed = seed
        self.fraction = fraction
        self._unit = unit
        self._blocks = capacity // unit
        wanted = max(SECTIONS, math.ceil(capacity * fraction / (2 * PLACE)))
        self._sections = min(wanted, self._blocks // 2)
        self._draw = blake3(bytes.fromhex(seed), derive_key_context=_CONTEXT)
        last = self._blocks - 1
        self._first = [] if self._sections and self._section(0)[0][0] == 0 else [(0, 1)]
        ends = self._sections and sum(self._section(self._sections - 1)[1]) == self._blocks
        self._last = [] if ends or (self._first and last == 0) else [(last, 1)]

    @property
    def confidence(self) -> str:
        """What a clean sample proves: with n independent places, 1 - 0.05^(1/n) of the drive at 95 %."""
        n = max(1, 2 * self._sections)
        residue = 100 * (1 - 0.05 ** (1 / n))
        return f"95 %: less than {residue:.3g} % of the drive differs ({n} independent places)"

    def __len__(self) -> int:
        return 2 * self._sections + len(self._first) + len(self._last)

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> list[Span]: ...
    def __getitem__(self, index: int | slice) -> Span | list[Span]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        i = index - len(self._first)
        if i < 0:
            place = self._first[0]
        elif i < 2 * self._sections:
            place = self._section(i // 2)[i % 2]
        else:
            place = self._last[0]
        return place[0] * self._unit, place[1] * self._unit

    def __iter__(self) -> Iterator[Span]:
        return (self[i] for i in range(len(self)))

    def _section(self, i: int) -> tuple[Span, Span]:
        """The two places of one section, in blocks."""
        begin = i * self._blocks // self._sections
        n = (i + 1) * self._blocks // self._sections - begin
        t = min(n, max(2, math.ceil(self.fraction * n)))
        numbers = self._draw.digest(16, seek=16 * i)
        room = n - t + 1
        x, y = sorted((int.from_bytes(numbers[:8], "big") % room, int.from_bytes(numbers[8:], "big") % room))
        return (begin + x, t // 2), (begin + y + t // 2, t - t // 2)
