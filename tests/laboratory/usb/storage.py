"""A disk in a USB dock: bulk-only transport (USB Mass Storage Class, Bulk-Only Transport 1.0) before a SCSI model."""

from __future__ import annotations

import queue
import struct
import threading

from tests.laboratory.models.target import Answer, ScsiTarget
from tests.laboratory.usb.device import BULK, Device, Endpoint, Stalled

IN, OUT = 0x81, 0x02
COMMAND, STATUS = b"USBC", b"USBS"
REQUEST_SENSE = 0x03


class Dock(Device):
    """One disk. The dock's serial number is its own, not the drive's."""

    vendor_id, product_id = 0x0BDA, 0x9201
    interfaces = ((0x08, 0x06, 0x50),)
    endpoints = (Endpoint(IN, BULK, 512), Endpoint(OUT, BULK, 512))

    def __init__(self, target: ScsiTarget, *, serial: str = "000000000001", product: str = "USB-SATA dock") -> None:
        super().__init__(serial=serial, product=product)
        self._target = target
        target.connect()
        self._wrapper: tuple[int, int, bool, bytes] | None = None
        self._incoming = b""
        self._sense = b""
        self._jobs: queue.SimpleQueue[tuple[tuple[int, int, bool, bytes], bytes] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="dock", daemon=True).start()

    def detached(self) -> None:
        """Its thread ends with it: a dock that is plugged in again is a new one."""
        super().detached()
        self._target.disconnect()
        self._jobs.put(None)

    def class_request(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes:
        """GET MAX LUN and BULK-ONLY MASS STORAGE RESET."""
        if request == 0xFE:
            return b"\0"
        if request == 0xFF:
            self._wrapper = None
            self.reset()
            return b""
        raise Stalled

    def received(self, endpoint: int, data: bytes) -> None:
        """A command block wrapper, or the data that belong to one."""
        if self._wrapper is None:
            if len(data) != 31 or data[:4] != COMMAND:
                self.send(IN, None)
                return
            tag, length, flags, _, size = struct.unpack_from("<IIBBB", data, 4)
            self._wrapper, self._incoming = (tag, length, bool(flags & 0x80), data[15 : 15 + size]), b""
            if length and not flags & 0x80:
                return
        else:
            self._incoming += data
        _, length, inward, _ = self._wrapper
        if inward or len(self._incoming) >= length:
            self._jobs.put((self._wrapper, self._incoming))
            self._wrapper = None

    def _work(self) -> None:
        """The dock's thread: one command after another, as its drive answers them."""
        while (job := self._jobs.get()) is not None:
            (tag, length, inward, cdb), data = job
            answer = self._answer(cdb, data, length)
            if answer.silent:
                continue
            failed = answer.status != 0
            moved = self._reply(answer.data[:length], length) if inward and length else len(data)
            self.send(IN, struct.pack("<4sIIB", STATUS, tag, length - moved, failed))

    def _answer(self, cdb: bytes, data: bytes, length: int) -> Answer:
        """Bulk-only transport carries no sense data: the bridge keeps them until they are asked for."""
        if cdb[0] == REQUEST_SENSE and self._sense:
            sense, self._sense = self._sense, b""
            return Answer(data=sense[: cdb[4]])
        answer = self._target.execute(cdb, data, length)
        self._sense = answer.sense if answer.status else b""
        return answer

    def _reply(self, data: bytes, length: int) -> int:
        """Send what there is; a short answer that fills whole packets is ended by a stall (6.7.2)."""
        if data:
            self.send(IN, data)
        if len(data) < length and len(data) % 512 == 0:
            self.send(IN, None)
        return len(data)
