"""Where a capacity proof writes, by the size that a drive shows. Pure; agent/erase/capacity.py does it.

Places lie a window apart, one at each multiple of it and one at the last block. Then two runs are written: the drive's
last two windows, and after it the first window. All bytes differ, so no two addresses can share a place unseen:

- A drive that has R bytes and wraps (address a is a mod R) keeps nothing that lies in [R, R + window) apart from the
  first window. A place lies there, or the last block does, whatever R is.
- One whose addresses fold back in any other way, in pieces of two windows or more, has a place under the last two.
- One that drops what lies beyond R loses the places there. A memory for the newest writes that keeps them for a while
  has to hold the last run too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.erase.ranges import Span

MOST = 1024  # windows in the drive
MIB = 1 << 20
COSTLY = 4 * MIB  # a place costs as much time as some MiB of a pass: on a small drive they lie farther apart
FEWEST = 128
GRAIN = 4096  # bytes at a place: a physical block, so that nothing has to be read before it is written
MEMORY = 8 * MIB  # of newest writes is told from a medium, where that is no more than a quarter of the drive


@dataclass(frozen=True)
class ProofPlan:
    """The places and runs of one drive, in bytes."""

    capacity: int
    unit: int

    @property
    def possible(self) -> bool:
        """Whether the drive shows a capacity in blocks that can be written."""
        return self.capacity > 0 and self.unit >= 512 and self.capacity % self.unit == 0

    @property
    def grain(self) -> int:
        """Bytes at each place."""
        small = self.capacity < MOST * GRAIN or GRAIN % self.unit
        return self.unit if small else GRAIN

    @property
    def window(self) -> int:
        """The distance of places: a 1024th of the drive; below 4 GiB up to four times that, and never above a 128th."""
        wished = max(-(-self.capacity // MOST), min(COSTLY, self.capacity // FEWEST), 1)
        return min(-(-wished // self.grain) * self.grain, self.capacity)

    @property
    def places(self) -> list[Span]:
        """A block at each multiple of the window, and the last block of the drive."""
        last = (self.capacity - self.unit, self.unit)
        starts = range(self.window, self.capacity, self.window)
        found = [(at, min(self.grain, self.capacity - at)) for at in starts]
        return found if found and found[-1] == last else [*found, last]

    @property
    def last(self) -> Span:
        """The run at the drive's end."""
        length = max(2 * self.window, min(self.capacity // 4, MEMORY))
        start = max(0, self.capacity - length) // self.grain * self.grain
        return start, self.capacity - start

    @property
    def first(self) -> Span:
        """The run at the drive's beginning."""
        return 0, self.window

    @property
    def bytes(self) -> int:
        """What is written, and read back."""
        return sum(length for _, length in (*self.places, self.last, self.first))

    def requests(self, block: int) -> tuple[Iterable[Span], ...]:
        """List all of it in the order of writing, and of reading: places, then the end, then the beginning."""
        return self.places, cut(self.last, block), cut(self.first, block)


def cut(span: Span, block: int) -> Iterator[Span]:
    """Cut a span into requests of a block, made when they are asked for.

    Those of a large drive would take 40 MB as a list.
    """
    offset, end = span[0], sum(span)
    while offset < end:
        stop = min(end, (offset // block + 1) * block)
        yield offset, stop - offset
        offset = stop
