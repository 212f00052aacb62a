"""Drives in memory that show more than they have, in each way that such drives are known to do it."""

from __future__ import annotations

import random
from collections import OrderedDict

from tests.agent.erase.drives import Faults, MemoryDrive

STEP = 512


class Counterfeit(MemoryDrive):
    """Shows `size` bytes over `real` ones.

    `kind`: "wrap" (address a is a mod real), "ring" (the same over the upper half of what is real), "zeros", "ones",
    "junk" (anything, each time), "noise" (the same noise each time) are what reads where nothing is. `memory`: so many
    bytes of the newest writes read back all the same.
    """

    def __init__(self, size: int, real: int, kind: str, *, unit: int = 512, memory: int = 0) -> None:
        super().__init__(size, unit=unit, faults=Faults())
        self.real, self.kind, self.memory = real, kind, memory
        self.newest: OrderedDict[int, bytes] = OrderedDict()
        self.dice = random.Random(1)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        with self.lock:
            for at in range(0, len(buffer), STEP):
                buffer[at : at + STEP] = self._block(offset + at)
        return len(buffer)

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """See OpenDrive."""
        with self.lock:
            for at in range(0, len(buffer), STEP):
                self._put(offset + at, bytes(buffer[at : at + STEP]))
            self.write_log.append((offset, len(buffer)))
        return len(buffer)

    def flush(self) -> None:
        """See OpenDrive."""

    def _place(self, address: int) -> int | None:
        if address < self.real:
            return address
        if self.kind == "wrap":
            return address % self.real
        if self.kind == "ring":
            begin = self.real // 2 // STEP * STEP
            return begin + (address - self.real) % (self.real - begin)
        return None

    def _block(self, address: int) -> bytes:
        place = self._place(address)
        if place is not None:
            return bytes(self.data[place : place + STEP])
        if address in self.newest:
            return self.newest[address]
        if self.kind == "junk":
            return self.dice.randbytes(STEP)
        if self.kind == "noise":
            return random.Random(address).randbytes(STEP)
        return (b"\xff" if self.kind == "ones" else b"\0") * STEP

    def _put(self, address: int, block: bytes) -> None:
        place = self._place(address)
        if place is not None:
            self.data[place : place + STEP] = block
        elif self.memory:
            self.newest[address] = block
            self.newest.move_to_end(address)
            while len(self.newest) > self.memory // STEP:
                self.newest.popitem(last=False)
