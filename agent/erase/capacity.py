"""Proves that a drive has the capacity that it shows: blocks that all differ, written far apart, read back.

A constant pattern reads back from a drive that wraps or drops as well as from any other, so this comes before the
first pass. Blocks are the key stream of AES-256-CTR, counter block = offset / 16, under a key from a seed that the
drive cannot know and the certificate names: who has the seed can make them again, and a block that stands in a wrong
place tells by its counter which one it is.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Literal

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from agent.certificates.outcome import SKIPPED
from agent.certificates.record import CapacityProof
from agent.erase.buffers import aligned
from agent.erase.findings import Findings, Kind
from agent.erase.monitor import Monitor
from agent.erase.proof_plan import MEMORY, MIB, ProofPlan, cut
from agent.erase.ranges import Span
from agent.erase.streams import Aes256Ctr
from agent.erase.transfer import read_all, write_all
from firmware_bridge.passthrough import same_memory

_CONTEXT = "benchwipe 2026-11 blocks of a capacity proof"
DEPTH = 8  # requests in flight: single blocks far apart take a third of the time that they take one by one
BLOCK = MIB // 8  # with two buffers for each of them: 2 MiB for a drive
ROUNDS = 3  # what fails is tried again after all else, and once more
MOST_FAILED = 16  # requests in one round: a bad drive is left to the passes, which find each of its blocks
SECTOR = 512
COMPARED = 64  # bytes: so many in their place are no chance


def skipped(transport: str) -> CapacityProof:
    """Make the proof of a drive that the policy takes at its word."""
    return CapacityProof(result="not-run", why=f"{SKIPPED} {transport}")


class Proof:
    """One proof on one drive. `record` is what a certificate says of it."""

    def __init__(self, monitor: Monitor, *, seed: str = "") -> None:
        self._monitor, self._drive = monitor, monitor.drive
        drive = monitor.drive.drive
        self._unit = drive.logical_block_bytes
        self.plan = ProofPlan(drive.capacity_bytes, self._unit)
        self.seed = seed or secrets.token_hex(16)
        key = proof_key(self.seed)
        self._stream = Aes256Ctr(key)
        self._backwards = Cipher(algorithms.AES(key), modes.ECB()).decryptor()
        self.found = Findings(self.plan)
        self._noting = threading.Lock()
        self._why: str | None = None
        self._real: int | None = None
        self._proved = False

    def run(self) -> None:
        """Run `prove`, for the caller's thread."""
        self._monitor.run(self.prove)

    @property
    def counterfeit(self) -> bool:
        """Whether no other fault of a drive looks like this, so that nothing more needs to be written to it."""
        return self._proved and self.found.certain

    @property
    def record(self) -> CapacityProof:
        """What the certificate says."""
        result: Literal["passed", "failed", "not-run"] = "not-run"
        if self._proved:
            result = "failed" if self.found else "passed"
        return CapacityProof(
            seed=self.seed,
            places=len(self.plan.places),
            bytes=self.plan.bytes,
            result=result,
            real_bytes=self._real,
            why=None if result == "passed" else self._why or "it was stopped before its end",
        )

    # --- in the job's working thread --------------------------------------------------------------------------

    def prove(self) -> None:
        """Write, flush, read back, judge. Ends early where the monitor halts; then nothing is proved."""
        self._monitor.phase("proof", number=1, done=0, total=2 * self.plan.bytes)
        requests = self.plan.requests(BLOCK)
        if not self._write_all() or not all(self._every(self._check, spans, "read") for spans in requests):
            return
        if self.found:
            self._real = self._real_bytes()
            self._why = self.found.why
        self._proved = self._monitor.halt is None

    def _write_all(self) -> bool:
        """Whether everything was written, and a flush acknowledged it: one that fails may have lost all of it."""
        for _ in range(ROUNDS):
            # One after the other: which of two addresses that share a place was written last tells how they share it.
            if not all(self._every(self._write, spans, "written") for spans in self.plan.requests(BLOCK)):
                return False
            if self._flushed():
                return True
        self._why = "the drive does not flush"
        return False

    def _every(self, work: Work, left: Iterable[Span], what: str) -> bool:
        """Whether it worked for every request; those that fail are tried again after the others."""
        for _ in range(ROUNDS):
            left = failed = self._beside_each_other(work, left)
            if not failed or len(failed) >= MOST_FAILED:
                break
        if failed:
            self._why = f"{len(failed)} or more of its blocks could not be {what}"
        return not failed and self._monitor.halt is None

    def _beside_each_other(self, work: Work, spans: Iterable[Span]) -> list[Span]:
        """Some requests in flight, as a drive wants it; those that failed. Nothing more is begun after too many."""
        todo, failed, lock = iter(spans), list[Span](), threading.Lock()
        crashes: list[BaseException] = []

        def guarded() -> None:
            try:
                work_off()
            except BaseException as error:  # noqa: BLE001 - a thread's outermost edge: raised again by who waits for it
                crashes.append(error)

        def work_off() -> None:
            buffers = _Buffers()
            while self._monitor.go() and len(failed) < MOST_FAILED and not crashes:
                with lock:
                    span = next(todo, None)
                if span is None:
                    return
                try:
                    work(span, buffers)
                except OSError as error:
                    failed.append(span)
                    self._monitor.failed(error, counted=False)

        # Daemons: a request that hangs in the kernel must not hold up the end of the program.
        threads = [threading.Thread(target=guarded, daemon=True) for _ in range(DEPTH)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if crashes:
            raise crashes[0]
        return failed

    def _write(self, span: Span, buffers: _Buffers) -> None:
        offset, length = span
        view = buffers.found[:length]
        self._stream.fill(view, offset)
        write_all(self._drive, view, offset)
        self._monitor.moved(length)

    def _flushed(self) -> bool:
        try:
            self._drive.flush()
        except OSError as error:
            self._monitor.failed(error, counted=False)
            return False
        self._monitor.moved(0)
        return True

    # --- reading back -----------------------------------------------------------------------------------------

    def _check(self, span: Span, buffers: _Buffers) -> None:
        offset, length = span
        found, wanted = buffers.found[:length], buffers.wanted[:length]
        self._stream.fill(wanted, offset)
        read_all(self._drive, found, offset)
        if not same_memory(found, wanted, length):
            first = bytes(found)
            read_all(self._drive, found, offset)  # what a glitch of the reading changed is not what the drive holds
            if not same_memory(found, wanted, length):
                with self._noting:
                    self._note(offset, bytes(found), bytes(wanted), first)
        self._monitor.moved(length)

    def _note(self, offset: int, found: bytes, wanted: bytes, first: bytes) -> None:
        """The first and the last block that differ; what lies between them is as they are."""
        starts = range(0, len(found), self._unit)
        differ = [at for at in starts if found[at : at + self._unit] != wanted[at : at + self._unit]]
        begin, end = differ[0], differ[-1] + self._unit
        for at in {begin, differ[-1]}:
            self._note_folded(found[at : at + self._unit], offset + at)
        kind = _kind(found[begin:end], wanted[begin:end], first[begin:end])
        self.found.lost((offset + begin, end - begin), kind)

    def _note_folded(self, block: bytes, offset: int) -> None:
        """Where a sector of this proof stands that was written to another address: its first counter names that."""
        scratch = memoryview(bytearray(COMPARED))
        for at in range(0, len(block), SECTOR):
            written = int.from_bytes(self._backwards.update(block[at : at + 16]), "big") * 16
            if written >= self.plan.capacity or written == offset + at:
                continue
            self._stream.fill(scratch, written)
            if scratch == block[at : at + COMPARED]:
                self.found.folded(offset + at, written)
                return

    # --- how much there is ------------------------------------------------------------------------------------

    def _real_bytes(self) -> int | None:
        """What the drive has, where it can be told: the distance that addresses fold by, or where it begins to drop."""
        if self.found.wraps:
            return self.found.wraps_at
        if self.found.bounds is not None and self.found.bounds[1] <= self.plan.window and not self._looked_again():
            return None
        if (bounds := self.found.bounds) is None:
            return None
        low, high = bounds
        while low < high:
            middle = low + (high - low) // 2 // self._unit * self._unit
            if (kept := self._keeps(middle)) is None:
                return None
            low, high = (middle + self._unit, high) if kept else (low, middle)
        return high

    def _looked_again(self) -> bool:
        """Whether the first run was read again after the last: it was the newest, and all of it may be remembered."""
        refill = cut(self.plan.last, BLOCK)
        first = cut(self.plan.first, BLOCK)
        return (
            self._every(self._write, refill, "written") and self._flushed() and self._every(self._check, first, "read")
        )

    def _keeps(self, offset: int) -> bool | None:
        """Whether a block there outlasts the end of the last run, which drives it out of a memory for newest writes.

        None where the drive fails, or the job ends.
        """
        buffers = _Buffers()
        try:
            for span in ((offset, self._unit), *self._refilled()):
                if not self._monitor.go():
                    return None
                self._write(span, buffers)
            self._drive.flush()
            read_all(self._drive, buffers.found[: self._unit], offset)
        except OSError as error:
            self._monitor.failed(error, counted=False)
            return None
        self._stream.fill(buffers.wanted[: self._unit], offset)
        return buffers.found[: self._unit] == buffers.wanted[: self._unit]

    def _refilled(self) -> Iterable[Span]:
        """Of the run at the end, the newest part; nothing where the drive remembered none of it."""
        start, length = self.plan.last
        part = min(length, MEMORY) if self.found.remembers else 0
        return cut((start + length - part, part), BLOCK)


def proof_key(seed: str) -> bytes:
    """Derive the key of a proof's blocks, from the seed that stands on the certificate."""
    return blake3(bytes.fromhex(seed), derive_key_context=_CONTEXT).digest()


class _Buffers:
    """Of one thread: what is written or read, and what should be there."""

    def __init__(self) -> None:
        self.found, self.wanted = aligned(BLOCK), aligned(BLOCK)


Work = Callable[[Span, _Buffers], None]


def _kind(found: bytes, wanted: bytes, first: bytes) -> Kind:
    steps = range(0, len(found), COMPARED)
    if any(found[at : at + COMPARED] == wanted[at : at + COMPARED] for at in steps):
        return "damaged"
    if found != first or found == found[:1] * len(found):
        return "nothing"
    return "other"
