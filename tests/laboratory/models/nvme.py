"""An NVMe controller with one namespace: Identify, logs, Format NVM, Sanitize (NVM Express Base 2.0, NVM Set 1.0)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.laboratory.models.eraser import Eraser
from tests.laboratory.models.medium import BlockError, Medium

PAGE, LOG = 4096, 512
DO_NOT_RETRY = 1 << 14


def _final(kind: int, code: int) -> int:
    """A status that no retry changes: status code type and status code (Base 2.0, 3.3.3.2.1)."""
    return DO_NOT_RETRY | kind << 8 | code


BAD_OPCODE, BAD_FIELD, OUT_OF_RANGE, SANITIZE_FAILED = _final(0, 1), _final(0, 2), _final(0, 0x80), _final(0, 0x1C)
SANITIZING = 0x1D  # worth another try
WRITE_FAULT, UNRECOVERED_READ, BAD_LOG, BAD_FORMAT = _final(2, 0x80), _final(2, 0x81), _final(1, 9), _final(1, 0x0A)

BLOCK, OVERWRITE, CRYPTO, EXIT_FAILURE = 2, 3, 4, 1  # SANACT
CAPABILITY = {CRYPTO: 1, BLOCK: 2, OVERWRITE: 4}  # SANICAP


@dataclass(frozen=True, kw_only=True)
class Request:
    """A submission queue entry's fields. `data` is what goes with it."""

    opcode: int
    nsid: int = 0
    cdw10: int = 0
    cdw11: int = 0
    cdw12: int = 0
    data: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Status field without its phase bit; the dword of the result; what is read."""

    status: int = 0
    result: int = 0
    data: bytes = b""


class NvmeDrive:
    """`log` holds every admin command; `running` is clear while it does not answer.

    `format_ending` is how Format ends ("lies": it says success and keeps the data; "fails").
    """

    def __init__(
        self,
        medium: Medium,
        *,
        serial: str = "BW-NVME-1",
        model: str = "BENCH NVME 1",
        sanicap: int = 0x7,
        format_attributes: int = 0x4,
        oacs: int = 0x2,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.medium, self.serial, self.model = medium, serial, model
        self.sanicap, self.format_attributes, self.oacs = sanicap, format_attributes, oacs
        self.subsystem = f"nqn.2026-01.org.benchwipe:{serial.lower()}"
        self.eraser = Eraser(medium, clock)
        self.format_ending = "honest"
        self.unallocated = 0
        self.namespaces = 1
        self.running = threading.Event()
        self.running.set()
        self.released = threading.Event()
        """A Format holds its command until this is set; tests that want it half-way clear it."""
        self.released.set()
        self._epoch = 0
        self.log: list[Request] = []
        self._lock = threading.Lock()

    def power_cycle(self) -> None:
        """The cache is lost; a sanitize goes on."""
        self.medium.lose_cache()
        self.eraser.power(on=False)
        self.eraser.power(on=True)

    def disconnect(self) -> None:
        """It was pulled out: a Format that waits ends half-way, unheard."""
        self._epoch += 1
        self.released.set()
        self.running.set()

    # --- admin -------------------------------------------------------------------------------------------------

    def admin(self, request: Request) -> Completion:
        """One command of the admin queue."""
        self.running.wait()
        with self._lock:
            self.log.append(request)
            handlers: dict[int, Callable[[Request], Completion]] = {
                0x02: self._get_log,
                0x06: self._identify,
                0x09: self._set_features,
                0x80: self._format,
                0x84: self._sanitize,
            }
            handler = handlers.get(request.opcode)
            if handler is not None:
                return handler(request)
            return Completion(status=0 if request.opcode in (0x08, 0x0A, 0x18) else BAD_OPCODE)

    def _set_features(self, request: Request) -> Completion:
        """Feature 07h: two queues of each kind; the others are taken and forgotten."""
        return Completion(result=1 | 1 << 16 if request.cdw10 & 0xFF == 0x07 else 0)

    def _identify(self, request: Request) -> Completion:
        kind, serial = request.cdw10 & 0xFF, self.serial.encode("ascii").ljust(16)[:16]
        if kind == 0x00:
            return Completion(data=self._namespace() if 1 <= request.nsid <= self.namespaces else bytes(PAGE))
        if kind == 0x01:
            return Completion(data=self._controller())
        if kind == 0x02:
            found = range(request.nsid + 1, self.namespaces + 1)
            return Completion(data=b"".join(n.to_bytes(4, "little") for n in found).ljust(PAGE, b"\0"))
        if kind == 0x03:
            return Completion(data=(bytes([2, 16, 0, 0]) + serial).ljust(PAGE, b"\0"))
        return Completion(status=BAD_FIELD)

    def _controller(self) -> bytes:
        """Identify Controller (Base 2.0, figure 275)."""
        data = bytearray(PAGE)
        fields = {
            (0, 2): 0x1D1D,
            (2, 2): 0x1D1D,
            (77, 1): 5,
            (78, 2): 1,
            (80, 4): 0x010400,
            (111, 1): 1,
            (256, 2): self.oacs,
            (259, 1): 3,
            (260, 1): 3,
            (261, 1): 6,
            (266, 2): 350,
            (268, 2): 360,
            (280, 16): self.medium.blocks * self.medium.block_bytes + self.unallocated,
            (296, 16): self.unallocated,
            (320, 2): 10,
            (328, 4): self.sanicap,
            (512, 1): 0x66,
            (513, 1): 0x44,
            (514, 2): 128,
            (516, 4): max(self.namespaces, 1),
            (520, 2): 0x0C,
            (524, 1): self.format_attributes,
            (525, 1): int(self.medium.caching),
            (536, 4): 0x100001,
            (1792, 4): 4 + PAGE // 16,
            (1796, 4): 1,
            (1803, 1): 1,
        }
        for (at, size), value in fields.items():
            data[at : at + size] = value.to_bytes(size, "little")
        data[4:24], data[24:64] = self.serial.encode("ascii").ljust(20), self.model.encode("ascii").ljust(40)
        data[64:72], data[768 : 768 + len(self.subsystem)] = b"1.0     ", self.subsystem.encode("ascii")
        return bytes(data)

    def _namespace(self) -> bytes:
        data = bytearray(PAGE)
        data[0:24] = self.medium.blocks.to_bytes(8, "little") * 3
        data[33] = 1
        data[104:120] = self.serial.encode("ascii").ljust(16)[:16]
        data[130] = self.medium.block_bytes.bit_length() - 1
        return bytes(data)

    def _get_log(self, request: Request) -> Completion:
        page, size = request.cdw10 & 0xFF, 4 * ((request.cdw11 << 16 | request.cdw10 >> 16) + 1)
        bodies: dict[int, Callable[[], bytes]] = {
            0x01: lambda: b"",
            0x02: lambda: bytes([0]) + (303).to_bytes(2, "little") + bytes([100, 10, 1]),
            0x03: lambda: bytes([1]),
            0x05: _effects,
            0x81: self._sanitize_log,
        }
        if page not in bodies:
            return Completion(status=BAD_LOG)
        return Completion(data=bodies[page]().ljust(max(size, PAGE), b"\0")[:size])

    def _sanitize_log(self) -> bytes:
        """Base 2.0, figure 258: progress, state, the command that asked for it, seconds that each kind may take."""
        progress = self.eraser.progress()
        state = {"never": 0, "done": 1, "running": 2, "failed": 3}[self.eraser.state]
        erased = self.eraser.state == "done"
        head = (0xFFFF if progress is None else progress).to_bytes(2, "little")
        return (
            head + (state | erased << 8).to_bytes(2, "little") + self.eraser.command.to_bytes(4, "little")
        ) + b"\xff" * 24

    def _sanitize(self, request: Request) -> Completion:
        """Sanitize (Base 2.0, 5.24). Its pattern is in dword 11."""
        action = request.cdw10 & 7
        if action == EXIT_FAILURE:
            self.eraser.forgive()
            return Completion()
        if not self.sanicap & CAPABILITY.get(action, 0):
            return Completion(status=BAD_FIELD)
        if self.eraser.progress() is not None:
            return Completion(status=SANITIZING)
        self.eraser.start(request.cdw10, request.cdw11.to_bytes(4, "little") if action == OVERWRITE else b"\0")
        return Completion()

    def _format(self, request: Request) -> Completion:
        """Format NVM (Base 2.0, 5.14) to the one format that there is."""
        if self.eraser.progress() is not None:
            return Completion(status=SANITIZING)
        erase = request.cdw10 >> 9 & 7
        if request.cdw10 & 0xF or not self.oacs & 2:
            return Completion(status=BAD_FORMAT if self.oacs & 2 else BAD_OPCODE)
        if erase > 2 or (erase == 2 and not self.format_attributes & 4):
            return Completion(status=BAD_FIELD)
        epoch = self._epoch
        self.released.wait()
        if self.format_ending == "fails" or epoch != self._epoch:
            self.medium.fill(b"\0", upto=0.5)
            return Completion(status=_final(0, 0x06))
        if erase and self.format_ending != "lies":
            self.medium.fill(b"\0", spared=self.eraser.spared)
        return Completion()

    # --- blocks ------------------------------------------------------------------------------------------------

    def io(self, request: Request) -> Completion:
        """One command of an I/O queue."""
        self.running.wait()
        with self._lock:
            if self.eraser.progress() is not None:
                return Completion(status=SANITIZING)
            if self.eraser.state == "failed":
                return Completion(status=SANITIZE_FAILED)
            if request.opcode == 0x00:
                self.medium.flush()
                return Completion()
            return self._blocks(request)

    def _blocks(self, request: Request) -> Completion:
        first, count = request.cdw10 | request.cdw11 << 32, (request.cdw12 & 0xFFFF) + 1
        if request.opcode not in (0x01, 0x02, 0x08):
            return Completion(status=BAD_OPCODE)
        if first + count > self.medium.blocks:
            return Completion(status=OUT_OF_RANGE)
        try:
            if request.opcode == 0x02:
                return Completion(data=self.medium.read(first, count))
            zeros = bytes(count * self.medium.block_bytes)
            self.medium.write(first, request.data if request.opcode == 0x01 else zeros)
        except BlockError as error:
            return Completion(status=WRITE_FAULT if error.write else UNRECOVERED_READ)
        if request.cdw12 & 1 << 30:
            self.medium.flush()
        return Completion()


def _effects() -> bytes:
    """Commands Supported and Effects (Base 2.0, figure 212): what is there, and what changes blocks or namespaces."""
    data = bytearray(PAGE)
    rows = {0x02: 1, 0x06: 1, 0x09: 1, 0x0A: 1, 0x0C: 1, 0x18: 1, 0x80: 0x10003, 0x84: 0x10003}
    rows |= {256 + opcode: 3 for opcode in (0, 1, 2, 8)}
    for place, value in rows.items():
        data[4 * place : 4 * place + 4] = value.to_bytes(4, "little")
    return bytes(data)
