"""What every SCSI disk of the bench has in common (SPC-5, SBC-4): blocks in and out, sizes, pages, sense data."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tests.laboratory.models.medium import BlockError, Medium

GOOD, CHECK = 0x00, 0x02
NOT_READY, MEDIUM_ERROR, HARDWARE, ILLEGAL, ATTENTION, PROTECT, ABORTED = 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0B
LENGTHS = {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}  # of a CDB by its operation code's group (SPC-5, 4.2.5.1)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a command ended. `silent`: it never does."""

    status: int = GOOD
    data: bytes = b""
    sense: bytes = b""
    silent: bool = False


@dataclass(frozen=True)
class Recorded:
    """A command as it arrived."""

    cdb: bytes
    data: bytes


def fixed(key: int, asc: int, ascq: int, *, progress: int | None = None, block: int | None = None) -> bytes:
    """Sense data in fixed format (SPC-5, 4.4.3), with a progress indication or the block that failed."""
    sense = bytearray(18)
    sense[0], sense[2], sense[7], sense[12], sense[13] = 0x70, key, 10, asc, ascq
    if block is not None and block < 1 << 32:
        sense[0] |= 0x80
        sense[3:7] = block.to_bytes(4, "big")
    if progress is not None:
        sense[15:18] = b"\x80" + progress.to_bytes(2, "big")
    return bytes(sense)


def described(key: int, asc: int, ascq: int, descriptor: bytes = b"") -> bytes:
    """Sense data in descriptor format (SPC-5, 4.4.2)."""
    return bytes([0x72, key, asc, ascq, 0, 0, 0, len(descriptor)]) + descriptor


def _progress_described(progress: int) -> bytes:
    return bytes([0x02, 6, 0, 0, 0x80, *progress.to_bytes(2, "big"), 0])


def check(key: int, asc: int, ascq: int = 0, *, progress: int | None = None, block: int | None = None) -> Answer:
    """CHECK CONDITION with fixed-format sense data."""
    return Answer(status=CHECK, sense=fixed(key, asc, ascq, progress=progress, block=block))


UNKNOWN_COMMAND, BAD_FIELD, OUT_OF_RANGE = check(ILLEGAL, 0x20), check(ILLEGAL, 0x24), check(ILLEGAL, 0x21)


def number(raw: bytes) -> int:
    """Big-endian, as SCSI counts."""
    return int.from_bytes(raw, "big")


def cdb_length(opcode: int) -> int:
    """Bytes of a command that begins so."""
    return LENGTHS.get(opcode >> 5, 16)


class ScsiTarget:
    """A disk behind SCSI commands. Subclasses say who it is and what else it can do.

    `log` holds every command; `running` is clear while the drive does not answer.
    """

    vendor, product, revision, serial, rotation = "BENCH", "DISK", "1.0", "BW-0", 1

    def __init__(self, medium: Medium) -> None:
        self.medium = medium
        self.actions: dict[int, tuple[int, ...]] = {0x9E: (0x10,), 0xA3: (0x0C,)}
        """Operation codes with service actions, for REPORT SUPPORTED OPERATION CODES."""
        self.log: list[Recorded] = []
        self.running = threading.Event()
        self.running.set()
        self.attention = False
        self.pauses_after: int | None = None
        """So many writes more, then it stops answering until `running` is set; `paused` tells that it came to that."""
        self.paused = threading.Event()
        self._epoch = 0

    @property
    def blocks(self) -> int:
        """What it shows."""
        return self.medium.blocks

    def execute(self, cdb: bytes, data: bytes = b"", length: int = 1 << 20) -> Answer:
        """One command with the data that go with it; at most `length` bytes come back."""
        self.log.append(Recorded(cdb, data))
        epoch = self._epoch
        self._pause(cdb[0])
        self.running.wait()
        if epoch != self._epoch:
            return Answer(silent=True)  # it was pulled out meanwhile: what had come over the wire is lost
        if self.attention and cdb[0] not in (0x12, 0x03, 0xA0):
            self.attention = False
            return check(ATTENTION, 0x29)
        refusal = self.refuse(cdb)
        if refusal is not None:
            return refusal
        handler = self.table().get(cdb[0])
        answer = handler(cdb, data) if handler is not None else UNKNOWN_COMMAND
        return Answer(status=answer.status, data=answer.data[:length], sense=answer.sense, silent=answer.silent)

    def _pause(self, opcode: int) -> None:
        if self.pauses_after is not None and opcode in (0x2A, 0x8A):
            self.pauses_after -= 1
            if self.pauses_after < 0:
                self.pauses_after = None
                self.running.clear()
                self.paused.set()

    def connect(self) -> None:
        """It was plugged in."""

    def disconnect(self) -> None:
        """The cable was pulled out: commands that wait end unheard."""
        self._epoch += 1
        self.running.set()

    def refuse(self, cdb: bytes) -> Answer | None:
        """What stands before every command: an erasure that runs, a lock. None lets it through."""
        raise NotImplementedError

    def pages(self) -> dict[int, bytes]:
        """Vital product data: page -> what stands in it."""
        raise NotImplementedError

    def condition(self) -> tuple[int, int, int, int | None]:
        """What REQUEST SENSE tells: sense key, ASC, ASCQ, and the progress of what is under way."""
        return 0, 0, 0, None

    def _request_sense(self, cdb: bytes, _data: bytes) -> Answer:
        """In descriptor format where that is asked for (SPC-5, 6.39)."""
        key, asc, ascq, progress = self.condition()
        if not cdb[1] & 1:
            return Answer(data=fixed(key, asc, ascq, progress=progress)[: cdb[4]])
        more = b"" if progress is None else _progress_described(progress)
        return Answer(data=described(key, asc, ascq, more)[: cdb[4]])

    def table(self) -> dict[int, Callable[[bytes, bytes], Answer]]:
        """Operation code -> what carries it out."""
        done = lambda _cdb, _data: Answer()  # noqa: E731  a row of the table, as the others are
        return {
            **dict.fromkeys((0x00, 0x1B, 0x1E), done),
            0x03: self._request_sense,
            0x12: self._inquiry,
            **dict.fromkeys((0x1A, 0x5A), self._mode_sense),
            0x25: lambda _cdb, _data: Answer(data=_last(self.blocks, 4) + _size(self.medium)),
            0x9E: self._capacity_16,
            0x28: lambda cdb, _: self.read(number(cdb[2:6]), number(cdb[7:9])),
            0x88: lambda cdb, _: self.read(number(cdb[2:10]), number(cdb[10:14])),
            0x2A: lambda cdb, data: self.write(number(cdb[2:6]), number(cdb[7:9]), data, fua=bool(cdb[1] & 8)),
            0x8A: lambda cdb, data: self.write(number(cdb[2:10]), number(cdb[10:14]), data, fua=bool(cdb[1] & 8)),
            **dict.fromkeys((0x35, 0x91), self._synchronize),
            0xA0: lambda _cdb, _data: Answer(data=(8).to_bytes(4, "big") + bytes(12)),
            0xA3: self._supported,
        }

    # --- blocks ------------------------------------------------------------------------------------------------

    def read(self, first: int, count: int) -> Answer:
        """READ(10) and (16)."""
        if first + count > self.blocks:
            return OUT_OF_RANGE
        try:
            return Answer(data=self.medium.read(first, count))
        except BlockError as error:
            return check(MEDIUM_ERROR, 0x11, block=error.block)

    def write(self, first: int, count: int, data: bytes, *, fua: bool = False) -> Answer:
        """WRITE(10) and (16)."""
        if first + count > self.blocks:
            return OUT_OF_RANGE
        try:
            self.medium.write(first, data[: count * self.medium.block_bytes])
        except BlockError as error:
            return check(MEDIUM_ERROR, 0x0C, block=error.block)
        if fua:
            self.medium.flush()
        return Answer()

    def _synchronize(self, _cdb: bytes, _data: bytes) -> Answer:
        self.medium.flush()
        return Answer()

    # --- who and what ------------------------------------------------------------------------------------------

    def _inquiry(self, cdb: bytes, _data: bytes) -> Answer:
        length = number(cdb[3:5])
        if cdb[1] & 1:
            pages = self.pages()
            if cdb[2] == 0:
                body = bytes(sorted((0, *pages)))
            elif cdb[2] in pages:
                body = pages[cdb[2]]
            else:
                return BAD_FIELD
            return Answer(data=(bytes([0, cdb[2]]) + len(body).to_bytes(2, "big") + body)[:length])
        names = f"{self.vendor:8.8}{self.product:16.16}{self.revision:4.4}".encode("ascii")
        return Answer(data=(bytes([0, 0, 6, 0x12, 91, 0, 0, 2]) + names).ljust(96, b"\0")[:length])

    def _capacity_16(self, cdb: bytes, _data: bytes) -> Answer:
        if cdb[1] & 0x1F != 0x10:
            return BAD_FIELD
        body = _last(self.blocks, 8) + _size(self.medium) + bytes(20)
        return Answer(data=body[: number(cdb[10:14])])

    def _mode_sense(self, cdb: bytes, _data: bytes) -> Answer:
        """The caching page (SBC-4, 6.5.6), which says whether a cache is there to be flushed."""
        page = cdb[2] & 0x3F
        if page not in (0x08, 0x3F, 0x00):
            return BAD_FIELD
        body = bytes([8, 18, 4 if self.medium.caching else 0]) + bytes(17) if page else b""
        if cdb[0] == 0x1A:
            return Answer(data=(bytes([3 + len(body), 0, 0, 0]) + body)[: cdb[4]])
        return Answer(data=((6 + len(body)).to_bytes(2, "big") + bytes(6) + body)[: number(cdb[7:9])])

    def _supported(self, cdb: bytes, _data: bytes) -> Answer:
        """REPORT SUPPORTED OPERATION CODES (SPC-5, 6.34): all of them, or one."""
        if cdb[1] & 0x1F != 0x0C:
            return BAD_FIELD
        opcode, action, limit = cdb[3], number(cdb[4:6]), number(cdb[6:10])
        if cdb[2] & 7:
            there = opcode in self.table() and (cdb[2] & 7 == 1 or action in self.actions.get(opcode, (0,)))
            size = cdb_length(opcode)
            usage = bytes([opcode]) + b"\xff" * (size - 1)
            return Answer(data=(bytes([0, 3, 0, size]) + usage if there else bytes([0, 1, 0, 0]))[:limit])
        rows = b"".join(
            bytes([code, 0, *act.to_bytes(2, "big"), 0, code in self.actions, *cdb_length(code).to_bytes(2, "big")])
            for code in sorted(self.table())
            for act in self.actions.get(code, (0,))
        )
        return Answer(data=(len(rows).to_bytes(4, "big") + rows)[:limit])


def _last(blocks: int, size: int) -> bytes:
    return min(blocks - 1, (1 << 8 * size) - 1).to_bytes(size, "big")


def _size(medium: Medium) -> bytes:
    return medium.block_bytes.to_bytes(4, "big")
