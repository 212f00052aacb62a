"""The bytes of a pass at any offset: fixed ones from one shared buffer, random ones generated where they are needed."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from math import gcd

from agent.erase.buffers import PAGE, aligned, zeros
from agent.erase.methods import ZEROS, pattern_name
from agent.erase.ranges import Span
from agent.erase.streams import STREAMS, Stream, pass_key
from firmware_bridge.passthrough import same_memory

_LOCATE = 64 << 10


class Fill(ABC):
    """What a pass means to write. Offsets are those of the drive, multiples of 512."""

    name: str
    needs_scratch: bool

    @abstractmethod
    def at(self, offset: int, length: int, scratch: memoryview) -> memoryview:
        """Give the `length` bytes that belong at `offset`; random ones are generated into `scratch`."""

    @abstractmethod
    def pieces(self, offset: int, length: int, scratch: memoryview) -> Iterator[memoryview]:
        """Give what belongs there, in order, in pieces of any size.

        Random ones lie in `scratch` until the next is taken.
        """

    def same(self, found: memoryview, offset: int, scratch: memoryview) -> bool:
        """Say whether `found` is what belongs at `offset` (memcmp, without the GIL)."""
        start = 0
        for wanted in self.pieces(offset, len(found), scratch):
            if not same_memory(found[start : start + len(wanted)], wanted, len(wanted)):
                return False
            start += len(wanted)
        return start == len(found)

    def differing(self, found: memoryview, offset: int, scratch: memoryview, *, unit: int) -> list[Span]:
        """Find the spans of `found` that differ, in whole units (logical blocks).

        Only for buffers that are not the same.
        """
        spans: list[Span] = []
        step = max(unit, min(_LOCATE, len(scratch)) if self.needs_scratch else _LOCATE)
        for start in range(0, len(found), step):
            part = found[start : start + step]
            wanted = self.at(offset + start, len(part), scratch)
            if not same_memory(part, wanted, len(part)):
                # bytes compare at 40 GB/s where memoryviews need 1 (docs/dependencies.md has the measurement)
                a, b = bytes(part), bytes(wanted)
                differ = (i for i in range(0, len(a), unit) if a[i : i + unit] != b[i : i + unit])
                spans += [(offset + start + i, min(unit, len(a) - i)) for i in differ]
        return spans


class FixedFill(Fill):
    """Bytes that repeat from offset 0 of the drive on, whatever the requests' sizes and offsets are."""

    needs_scratch = False

    def __init__(self, repeated: bytes, block: int) -> None:
        self.name = pattern_name(repeated)
        self.repeated = repeated
        self._length = len(repeated)
        self._buffer = _shared(repeated, max(block, _LOCATE))

    def at(self, offset: int, length: int, scratch: memoryview) -> memoryview:
        """See Fill. A view that begins at a page, as O_DIRECT wants it, and in the pattern's phase."""
        start = _phases(self._length)[offset % self._length]
        return self._buffer[start : start + length]

    def pieces(self, offset: int, length: int, scratch: memoryview) -> Iterator[memoryview]:
        """See Fill: one piece."""
        yield self.at(offset, length, scratch)


@lru_cache(maxsize=8)
def _phases(length: int) -> dict[int, int]:
    """Phase of a pattern -> the first page-aligned position in its buffer that has that phase."""
    return {PAGE * i % length: PAGE * i for i in reversed(range(length // gcd(PAGE, length)))}


def _shared(repeated: bytes, block: int) -> memoryview:
    """One buffer for every drive that writes this pattern: 24 drives of zeros cost no memory at all."""
    with _making:  # 24 drives that come to a pattern at once would otherwise make 24 of it
        return _made(repeated, block)


_making = threading.Lock()


@lru_cache(maxsize=4)
def _made(repeated: bytes, block: int) -> memoryview:
    size = block + len(repeated) * PAGE
    if not any(repeated):
        return zeros(size)
    buffer = aligned(size)
    piece = repeated * PAGE  # not all of it at once: with 24 drives such bytes took 50 MB more
    for start in range(0, size, len(piece)):
        buffer[start : start + len(piece)] = piece[: size - start]
    return buffer.toreadonly()


class RandomFill(Fill):
    """A cryptographic stream."""

    name = "random"
    needs_scratch = True

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def at(self, offset: int, length: int, scratch: memoryview) -> memoryview:
        """See Fill: `scratch` has room for `length`."""
        self._stream.fill(scratch, offset, length)
        return scratch[:length]

    def pieces(self, offset: int, length: int, scratch: memoryview) -> Iterator[memoryview]:
        """See Fill."""
        return self._stream.pieces(offset, length, scratch)


def fill_for(
    repeated: bytes | None, *, block: int, root_key: bytes, stream: str, fingerprint: str, pass_number: int
) -> Fill:
    """Make the fill of one pass on one drive; `stream` names the generator of random ones."""
    if repeated is not None:
        return FixedFill(repeated or ZEROS, block)
    return RandomFill(STREAMS[stream](pass_key(root_key, fingerprint=fingerprint, pass_number=pass_number)))
