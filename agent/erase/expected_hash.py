"""The BLAKE3 hash of what a pass means to put on a drive: the hash of the drive itself, if every byte compares equal.

So no reader has to hash what it reads. BLAKE3 costs four to nine times as much as comparing (0.12 s/GiB with AVX-512,
0.29 with AVX2; memcmp 0.03), and goes in order, which held the read-back to half of what the device gave. A fixed
pattern's hash depends on nothing but the capacity: drives of one size share one (`SharedHashes`), computed beside the
writing, or known from an earlier job of the station (`KnownHash`). A random stream is hashed while it is written
(`StreamHash`), and from where that stopped by the readers.

Copies of the hasher's state are kept on the way. From the nearest one the hash of a drive that differs goes on with
what was read, so that nothing is read twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable

from blake3 import blake3

from agent.erase.buffers import MIB
from agent.erase.compute_slots import BEHIND, COMPUTING
from agent.erase.methods import pattern_name
from agent.erase.pattern import Fill, FixedFill
from agent.erase.spec import KnownHash

log = logging.getLogger("benchwipe.erase")
costs = logging.getLogger("benchwipe.erase.costs")
"""What the first drive of a size pays. The command line, which says no more than it must, says this too."""

STEP = 4 * MIB  # hashed at once without Python's lock: 0.5 ms with AVX-512, 8 ms on a Raspberry Pi 4
STATES = 32  # copies of a hasher over one drive, of 2 KB each
REMEMBERED = 16  # finished hashes of fixed patterns
NICE = 10  # behind the writers, and not so far that it could be preempted for long while it holds Python's lock
TOLD_S = 0.1
"""Less of a processor is not worth a line."""
ONE_PRIORITY = "BENCHWIPE_ONE_PRIORITY"
"""Set where the call is forbidden anyway: the unit's filter has none of @resources, which set real-time ones too."""

Going = Callable[[], bool]
"""Whether the job goes on; asked before each step."""


class MeantHash(ABC):
    """The hash of one pass over a whole drive. `position`: so many bytes from its beginning have been hashed."""

    def __init__(self, fill: Fill, capacity: int) -> None:
        self.capacity = capacity
        self.position = 0
        self._fill = fill
        self._hasher = blake3()
        self._every = max(STEP, capacity // STATES)
        self._states: list[tuple[int, blake3]] = [(0, self._hasher.copy())]

    @property
    def digest(self) -> str | None:
        """Hex; None until everything was hashed."""
        return self._hasher.hexdigest() if self.position == self.capacity else None

    @abstractmethod
    def follow(self, offset: int, view: memoryview, *, same: bool) -> None:
        """Follow a reader that has `view`, in its turn.

        `same`: it is what was meant, so that it can be hashed in its place.
        """

    @abstractmethod
    def finish(self, going: Going, moved: Callable[[int], None]) -> None:
        """Return when `digest` is there, or the job goes on no more. `moved` is told of bytes that were hashed."""

    @abstractmethod
    def doubt(self) -> None:
        """Note that the drive holds something else: nothing that was only remembered may judge that."""

    def at(self, offset: int, going: Going) -> blake3 | None:
        """Make a hasher of one's own that has taken all that is meant before `offset`.

        None if the job went on no more.
        """
        start, state = [s for s in list(self._states) if s[0] <= offset][-1]
        hasher = state.copy()
        while start < offset:
            if not going():
                return None
            length = min(STEP, offset - start)
            with COMPUTING as scratch:
                for piece in self._fill.pieces(start, length, scratch):
                    hasher.update(piece)
            start += length
        return hasher

    def _take(self, view: memoryview) -> None:
        """Hash it. `position` is moved last: whoever waits for it to come to his bytes takes the hasher at once."""
        self._hasher.update(view)
        position = self.position + len(view)
        if position - self._states[-1][0] >= self._every:
            self._states.append((position, self._hasher.copy()))
        self.position = position


def _give_way() -> None:
    if os.environ.get(ONE_PRIORITY):
        return
    with contextlib.suppress(OSError):  # Linux: the priority is that of the thread
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


class StreamHash(MeantHash):
    """Of a random pass: writers leave here what they have generated, and one thread hashes it in order meanwhile.

    A block is hashed while the drive takes it: nobody waits for his turn before he may write. Where each writer hashed
    his own first, in turn, a pass came to 0.72 of fio's speed instead of 0.80 (tmpfs loop device, two cores); where
    whoever had nothing else to do hashed what was there, to 0.72 as well.
    """

    def __init__(self, fill: Fill, capacity: int) -> None:
        super().__init__(fill, capacity)
        self._turn = threading.Condition()
        self._offered: dict[int, memoryview] | None = {}
        self._hashing = -1

    def offer(self, offset: int, view: memoryview) -> None:
        """Offer what belongs there, for writers. It must stay as it is until `await_hashed` returns."""
        with self._turn:
            if self._offered is not None:
                self._offered[offset] = view
                if offset == self.position:
                    self._turn.notify_all()

    def await_hashed(self, offset: int, going: Going) -> None:
        """Wait until the buffer offered for `offset` may be used for something else, for writers."""
        with self._turn:
            while self._hashing == offset or (self._offered is not None and offset in self._offered and going()):
                self._turn.wait(0.5)

    def hash_offered(self, going: Going) -> None:
        """Hash until the whole drive is hashed, or the writers leave the rest to the readers: the hasher's thread."""
        _give_way()
        while (view := self._next(going)) is not None:
            try:
                with BEHIND:
                    self._take(view)
            finally:
                with self._turn:
                    self._hashing = -1
                    self._turn.notify_all()

    def _next(self, going: Going) -> memoryview | None:
        with self._turn:
            while self._offered is not None and self.position < self.capacity and going():
                if (view := self._offered.pop(self.position, None)) is not None:
                    self._hashing = self.position
                    return view
                self._turn.wait(0.5)
        return None

    def leave_to_readers(self) -> None:
        """Leave a gap, or all the rest, to the readers: what is not hashed yet is hashed when it is read back."""
        with self._turn:
            self._offered = None
            self._turn.notify_all()

    def follow(self, offset: int, view: memoryview, *, same: bool) -> None:
        """See MeantHash: goes on where the writers stopped."""
        done = self.position - offset
        if done >= len(view):
            return
        with COMPUTING as scratch:
            if same:
                self._take(view[done:])
            else:
                for piece in self._fill.pieces(self.position, len(view) - done, scratch):
                    self._take(piece)

    def finish(self, going: Going, moved: Callable[[int], None]) -> None:
        """See MeantHash: the last reader has finished it."""

    def doubt(self) -> None:
        """See MeantHash: it was computed in this pass."""


class FixedHash(MeantHash):
    """Of a fixed pattern: a thread behind all others, and at the end whoever waits for it."""

    def __init__(self, repeated: bytes, capacity: int, *, known: str | None = None) -> None:
        """`known`: what it came to before."""
        super().__init__(FixedFill(repeated, STEP), capacity)
        self.users = 0
        self._scratch = memoryview(b"")
        self._turn = threading.Condition()
        self._busy = False
        self._waiting = 0
        self._known = known
        self._spent_s = 0.0

    @property
    def digest(self) -> str | None:
        """See MeantHash; or what an earlier job came to, until something differs."""
        return super().digest or self._known

    @property
    def made(self) -> bool:
        """Whether it was computed here, and not only remembered."""
        return self.position == self.capacity

    def doubt(self) -> None:
        """See MeantHash: it is made anew."""
        with self._turn:
            known, self._known = self._known, None
        if known is not None and not self.made:
            log.info("%s over %d bytes: its remembered hash is made anew", self._fill.name, self.capacity)
            self.start()

    def start(self) -> None:
        """Begin, in a thread of its own that ends with the work or with the last user."""
        threading.Thread(target=self._behind, name=f"hash {self._fill.name}", daemon=True).start()

    def follow(self, offset: int, view: memoryview, *, same: bool) -> None:
        """See MeantHash: nothing to do for a reader."""

    def finish(self, going: Going, moved: Callable[[int], None]) -> None:
        """See MeantHash: the caller, whom nothing else holds up any more, does what is left at its own priority."""
        with self._turn:
            self._waiting += 1
        try:
            while self.digest is None and going():
                before = self.position
                self._step(0.1)
                moved(self.position - before)
        finally:
            with self._turn:
                self._waiting -= 1
                self._turn.notify_all()

    def _behind(self) -> None:
        _give_way()
        while self.users and self.digest is None:
            if self._waiting:
                with self._turn:
                    self._turn.wait_for(lambda: not self._waiting, 0.5)
            else:
                with BEHIND:
                    self._step(0.5)

    def _step(self, patience_s: float) -> None:
        """Hash a step, unless somebody else is at it for longer than that."""
        with self._turn:
            if not self._turn.wait_for(lambda: not self._busy, patience_s):
                return
            self._busy = True
        began = time.thread_time()
        try:
            if self.position < self.capacity:
                length = min(STEP, self.capacity - self.position)
                self._take(self._fill.at(self.position, length, self._scratch))
                self._tell_cost(time.thread_time() - began)
        finally:
            with self._turn:
                self._busy = False
                self._turn.notify_all()

    def _tell_cost(self, seconds: float) -> None:
        """Tell what it took, once: the first drive of a size pays it, and no other."""
        self._spent_s += seconds
        if self.made and self._spent_s >= TOLD_S:
            name, size = self._fill.name, self.capacity
            costs.info("pattern %s over %d bytes: its hash took %.1f s of a processor", name, size, self._spent_s)


class SharedHashes:
    """One hash for each pattern and capacity, while drives use it; the last finished ones are remembered.

    What is shared was computed in this process. A hash that a job brings along serves that job alone: if its drive
    differs, and it is made anew, no other job loses what it relied on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hashes: OrderedDict[tuple[bytes, int], FixedHash] = OrderedDict()

    def take(self, repeated: bytes, capacity: int, *, known: KnownHash | None = None, anew: bool = False) -> FixedHash:
        """Take the hash of this pattern over this capacity, begun by whoever asked for it first. `let_go` of it.

        `known`: of an earlier job, used if it is of just these bytes; `anew`: nothing that was finished is used.
        """
        with self._lock:
            found = self._hashes.get((repeated, capacity))
            if found is not None and found.made and anew:
                found = None  # whoever uses it keeps it
            fits = known is not None and (known.pattern, known.capacity) == (pattern_name(repeated), capacity)
            if known is not None and fits and (found is None or not found.made):
                alone = FixedHash(repeated, capacity, known=known.blake3)
                alone.users = 1
                return alone
            if found is None:
                found = self._hashes[repeated, capacity] = FixedHash(repeated, capacity)
            self._hashes.move_to_end((repeated, capacity))
            found.users += 1
            if found.users == 1 and found.digest is None:
                found.start()
            return found

    def let_go(self, hashed: FixedHash) -> None:
        """Count one user less; unfinished work that nobody waits for ends."""
        with self._lock:
            hashed.users -= 1
            idle = [key for key, h in self._hashes.items() if not h.users]
            finished = [key for key in idle if self._hashes[key].made]
            for key in {*idle} - {*finished[-REMEMBERED:]}:
                del self._hashes[key]

    def __len__(self) -> int:
        return len(self._hashes)


SHARED = SharedHashes()


def begin_hash(fill: Fill, capacity: int, *, known: KnownHash | None = None, anew: bool = False) -> MeantHash:
    """Begin to hash what `fill` means to put on a drive; `end_hash` lets go of it. For a fixed pattern see `take`."""
    if isinstance(fill, FixedFill):
        return SHARED.take(fill.repeated, capacity, known=known, anew=anew)
    return StreamHash(fill, capacity)


def end_hash(hashed: MeantHash) -> None:
    """End the hash: the job has ended, however."""
    if isinstance(hashed, FixedHash):
        SHARED.let_go(hashed)
