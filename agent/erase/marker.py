"""A job's marker: noise from its key in two slots at the drive's end, so that its medium is known when it goes on.

Constant patterns say nothing of who wrote them: a blank twin has zeros, too. So a pass of a constant pattern covers
the slots last, one after the other, and at any moment one of them holds the marker, or what a random pass before left
there, on the medium. The last pass gives the last slot its pattern when all else of the drive was read back.
"""

from __future__ import annotations

from collections.abc import Sequence

from blake3 import blake3

from agent.erase.buffers import PAGE, aligned
from agent.erase.monitor import Monitor
from agent.erase.pattern import Fill
from agent.erase.ranges import Span, total
from agent.erase.salvage import Bad, salvage
from agent.erase.streams import Aes256Ctr, pass_key
from agent.erase.transfer import explain, read_all, write_all

NUMBER = -1 & (1 << 64) - 1  # their key is that of a pass that no method has; 0 is the sentinels'
_CONTEXT = "benchwipe 2026-11 key of a job that began anew"
SLOT = 4096
LEAST = 64 * SLOT  # a drive smaller than that begins anew: it takes no time


def slots_of(capacity: int, unit: int) -> tuple[Span, ...]:
    """Place the two slots, each a physical block, at the very end; none on a tiny drive."""
    size = max(SLOT, unit)
    if capacity < max(LEAST, 4 * size):
        return ()
    last = (capacity - 1) // size * size
    return (last - size, size), (last, capacity - last)


def life_key(root_key: bytes, life: str) -> bytes:
    """Derive the key of all that a job writes in one life: its own, until it began anew."""
    if not life:
        return root_key
    return blake3(root_key + bytes.fromhex(life), derive_key_context=_CONTEXT).digest()


class Marker:
    """The marker of one job on one drive. `slots` are those that hold it, as far as it is known."""

    def __init__(self, monitor: Monitor, root_key: bytes) -> None:
        drive = monitor.drive.drive
        unit = drive.logical_block_bytes
        self._monitor, self._drive, self._unit = monitor, monitor.drive, unit
        self._stream = Aes256Ctr(pass_key(root_key, fingerprint=drive.fingerprint, pass_number=NUMBER))
        self._buffer = aligned(max(SLOT, unit, PAGE))
        self.all = slots_of(drive.capacity_bytes, unit) if root_key else ()
        self.slots: tuple[Span, ...] = ()
        self.withheld: tuple[Span, ...] = ()
        self.bad: list[Bad] = []
        self.left: list[Span] = []
        self.covered = 0

    def put(self, slots: Sequence[Span]) -> None:
        """Write it there, and flush: afterwards it is on the medium, or not in `slots`."""
        self.slots = tuple(slot for slot in self.slots if slot not in slots)
        written = [slot for slot in slots if self._monitor.go() and self._write(slot)]
        try:
            self._drive.flush()
        except OSError as error:
            self._monitor.failed(error, counted=False)
        else:
            self.slots += tuple(written)

    def look(self) -> None:
        """Find out which slots hold it."""
        self.slots = tuple(slot for slot in self.all if self._monitor.go() and self._holds(slot))

    def put_all(self) -> None:
        """Write it to both slots, for a job that begins."""
        self.put(self.all)

    def end_pass(self, fill: Fill, *, last: bool, withhold: bool) -> None:
        """Cover the slots with a pass that has covered all else; `bad`, `left` and `covered` say what came of it.

        At any moment one of them holds what shows whose medium it is. The `last` pass leaves none, or one `withheld`.
        """
        self.bad, self.left, self.covered = [], [], 0
        if last and not withhold:
            self._cover(self.all, fill)
            return
        first, second = sorted(self.all, key=lambda slot: slot in self.slots)
        if second not in self.slots:  # a random pass went before
            self.put((second,))
        self._cover((first,), fill)
        if last and second in self.slots:
            self.withheld = (second,)
            return
        if not last:
            self.put((first,))
        self._cover((second,), fill)

    def cover_withheld(self, fill: Fill) -> None:
        """Cover the very last: nothing of the job is on the drive afterwards but its pattern."""
        self.bad, self.left, self.covered = [], [], 0
        slots, self.withheld = self.withheld, ()
        self._cover(slots, fill)

    def cover_at_once(self, fill: Fill) -> None:
        """Cover the slots of a drive that was given up.

        One request for each slot, whose failure changes nothing any more.
        """
        self.bad, self.left, self.covered, self.withheld = [], [], 0, ()
        for slot in self.all:
            try:
                write_all(self._drive, fill.at(slot[0], slot[1], memoryview(b"")), slot[0])
                self._drive.flush()
            except OSError:
                self.left.append(slot)
            else:
                self.covered += slot[1]

    def _cover(self, slots: Sequence[Span], fill: Fill) -> None:
        self.slots = tuple(slot for slot in self.slots if slot not in slots)
        scratch = memoryview(b"")  # a constant pattern needs none

        def attempt(span: Span) -> tuple[str, OSError] | None:
            operation = "write"
            try:
                write_all(self._drive, fill.at(span[0], span[1], scratch), span[0])
                operation = "flush"
                self._drive.flush()
            except OSError as error:
                return explain(operation, error), error
            self._monitor.moved(span[1])
            return None

        block = 2 * max(SLOT, self._unit)
        bad, left = salvage(self._monitor, attempt, untried=slots, failed=(), block=block, unit=self._unit)
        self.bad += bad
        self.left += left
        self.covered += total(slots) - total([*left, *((offset, length) for offset, length, _ in bad)])

    def _write(self, slot: Span) -> bool:
        offset, length = slot
        self._stream.fill(self._buffer[:length], offset)
        try:
            write_all(self._drive, self._buffer[:length], offset)
        except OSError as error:
            self._monitor.failed(error, counted=False)
            return False
        self._monitor.moved(length, done=0)
        return True

    def _holds(self, slot: Span) -> bool:
        offset, length = slot
        try:
            read_all(self._drive, self._buffer[:length], offset)
        except OSError as error:
            self._monitor.failed(error, counted=False)
            return False
        found = bytes(self._buffer[:length])
        self._stream.fill(self._buffer[:length], offset)
        self._monitor.moved(length, done=0)
        return found == self._buffer[:length]
