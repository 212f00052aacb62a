"""Blocks of secret noise, written to drawn places before an erasure: what is still there afterwards was not erased.

Their places and contents come from the job's own key, so a drive cannot know them, and a resumed job finds them again.
Each is read back before the command is sent: one that never was on the drive would prove nothing by being gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from blake3 import blake3

from agent.erase.buffers import aligned
from agent.erase.monitor import Monitor
from agent.erase.sample import SamplePlan
from agent.erase.streams import Aes256Ctr, pass_key
from agent.erase.transfer import read_all, write_all

_CONTEXT = "benchwipe 2026-11 places of sentinels"
NUMBER = 0  # their key is that of a pass that no method has
LEAST = 0.9  # of the places must take a sentinel: below that a drive is too sick to prove anything
COMPARED = 64  # bytes: so many of a sentinel in their place are one that survived


@dataclass
class Found:
    """What stood at the places afterwards. `blocks`: the different contents of blocks seen there, two at most."""

    gone: int = 0
    survived: int = 0
    unreadable: int = 0
    blocks: set[bytes] = field(default_factory=set)
    first: bytes | None = None

    @property
    def count(self) -> int:
        """Sentinels that were looked for."""
        return self.gone + self.survived + self.unreadable


class Sentinels:
    """Two places in each of 1,000 sections, the first and the last block: 2,002 blocks at most."""

    def __init__(self, monitor: Monitor, key: bytes) -> None:
        drive = monitor.drive.drive
        self._monitor, self._unit = monitor, drive.logical_block_bytes
        seed = blake3(key, derive_key_context=_CONTEXT).hexdigest()
        plan = SamplePlan(seed=seed, fraction=1e-12, capacity=drive.capacity_bytes, unit=self._unit)
        self.places = [offset for offset, _ in plan]
        self._stream = Aes256Ctr(pass_key(key, fingerprint=drive.likeness, pass_number=NUMBER))
        self._buffer = aligned(max(self._unit, 4096))[: self._unit]

    def plant(self) -> tuple[int, ...]:
        """Write them, flush, and read them back; the places (by number) that did not keep theirs."""
        missing = {n for n, offset in enumerate(self.places) if self._monitor.go() and not self._write(offset)}
        try:
            self._monitor.drive.flush()
        except OSError as error:
            self._monitor.failed(error)
            return tuple(range(len(self.places)))
        for n, offset in enumerate(self.places):
            if n not in missing and self._monitor.go() and self._read(offset) != self._wanted(offset):
                missing.add(n)
        return tuple(sorted(missing))

    def enough(self, missing: tuple[int, ...]) -> bool:
        """Say whether those that were planted can prove anything."""
        return len(self.places) - len(missing) >= max(1, LEAST * len(self.places))

    def check(self, missing: tuple[int, ...]) -> Found:
        """Look for them."""
        found, left_out = Found(), frozenset(missing)
        for n, offset in enumerate(self.places):
            if not self._monitor.go():
                break
            if n in left_out:
                continue
            block = self._read(offset)
            if block is None:
                found.unreadable += 1
                continue
            if offset == 0:
                found.first = block
            if len(found.blocks) < 2:
                found.blocks.add(block)
            if self._alike(block, self._wanted(offset)):
                found.survived += 1
            else:
                found.gone += 1
        return found

    def _alike(self, block: bytes, wanted: bytes) -> bool:
        return any(block[at : at + COMPARED] == wanted[at : at + COMPARED] for at in range(0, self._unit, COMPARED))

    def _wanted(self, offset: int) -> bytes:
        scratch = memoryview(bytearray(self._unit))
        self._stream.fill(scratch, offset)
        return bytes(scratch)

    def _write(self, offset: int) -> bool:
        self._stream.fill(self._buffer, offset)
        try:
            write_all(self._monitor.drive, self._buffer, offset)
        except OSError as error:
            self._monitor.failed(error, counted=False)
            return False
        self._monitor.moved(self._unit, done=0)
        return True

    def _read(self, offset: int) -> bytes | None:
        try:
            read_all(self._monitor.drive, self._buffer, offset)
        except OSError as error:
            self._monitor.failed(error, counted=False)
            return None
        self._monitor.moved(self._unit, done=0)
        return bytes(self._buffer)


def repeated_in(block: bytes) -> bytes:
    """Find the shortest beginning of a power of two that the block is made of."""
    size = 1
    while size < len(block) and block[:size] * (len(block) // size) != block:
        size *= 2
    return block[:size]
