"""A label printer of the class Printer (USB Printing Devices 1.1), bidirectional, that speaks ZPL II.

A status of the port is one byte for the whole class; how many labels wait, `~HS` alone tells.
"""

from __future__ import annotations

import re
import struct
import threading

from tests.laboratory.usb.device import BULK, Device, Endpoint, Stalled, Status, Transfer

IN, OUT = 0x81, 0x02
GET_DEVICE_ID, GET_PORT_STATUS, SOFT_RESET = 0, 1, 2
PAPER_EMPTY, SELECTED, NOT_ERROR = 1 << 5, 1 << 4, 1 << 3
HOST_STATUS = b"~HS"


_COMMANDS = re.compile(rb"\^XA.*?\^XZ|~HS", re.DOTALL)


class ZplPrinter(Device):
    """Prints each whole format (^XA to ^XZ) at once: into `labels`, the bytes as they came.

    Faults, settable at any time. `paper_out`, `head_open`: its port status says so, ~HS gets no answer (as the ZPL
    guide has it), and formats wait. `left`: so many labels are left on the roll; with the one after them it notices
    that its paper is out. `takes`: so many bytes more, and then it is stuck. `loses`: no piece of a label arrives (bad
    packets on the cable, again and again). `mute`: no ~HS is answered. `broken_port_status`: 0, whatever is the
    matter. `empty_packets`: so many packets without data before each answer.
    """

    vendor_id, product_id = 0x0A5F, 0x0166
    interfaces = ((0x07, 0x01, 0x02),)
    endpoints = (Endpoint(OUT, BULK, 512), Endpoint(IN, BULK, 512))

    def __init__(self, *, serial: str = "P-0001", product: str = "Label Printer") -> None:
        super().__init__(serial=serial, product=product)
        self.paper_out = self.head_open = self.mute = self.broken_port_status = self.loses = False
        self.left: int | None = None
        self.takes: int | None = None
        self.empty_packets = 0
        self.labels: list[bytes] = []
        self.stuck = threading.Event()
        """Bytes wait in the guest that it does not take."""
        self._buffer = b""
        self._waiting: list[bytes] = []
        self._held: list[tuple[Transfer, bytes]] = []

    # --- the class's requests ----------------------------------------------------------------------------------

    def class_request(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes:
        """Printing Devices 1.1, 4.2."""
        if request == GET_DEVICE_ID:
            text = f"MFG:{self.strings[1]};CMD:ZPL;MDL:{self.strings[2]};CLS:PRINTER;".encode()
            return struct.pack(">H", len(text) + 2) + text
        if request == GET_PORT_STATUS:
            return bytes([self.port_status])
        if request == SOFT_RESET:
            self._buffer, self._waiting = b"", []
            return b""
        raise Stalled

    @property
    def port_status(self) -> int:
        """One byte, as a parallel port's."""
        if self.broken_port_status:
            return 0
        wrong = self.paper_out or self.head_open
        return (PAPER_EMPTY if self.paper_out else 0) | SELECTED | (0 if wrong else NOT_ERROR)

    # --- bytes -------------------------------------------------------------------------------------------------

    def bulk_out(self, transfer: Transfer, data: bytes) -> None:
        """Bytes are taken, or wait in the guest."""
        with self._lock:
            if self.loses and data != HOST_STATUS and self._port is not None:
                self._port.bulk_done(transfer, status=Status.IO_ERROR)
                return
            room = len(data) if self.takes is None else min(self.takes, len(data))
            if self.takes is not None:
                self.takes -= room
            self.received(transfer.endpoint, data[:room])
            if room < len(data):
                self._held.append((transfer, data[room:]))
                self.stuck.set()
            elif self._port is not None:
                self._port.bulk_done(transfer)

    def cancel(self, ident: int) -> None:
        """A write that is given up is gone, with the bytes that were not taken."""
        with self._lock:
            for held in [held for held in self._held if held[0].ident == ident]:
                self._held.remove(held)
                if self._port is not None:
                    self._port.bulk_done(held[0], status=Status.CANCELLED)
        super().cancel(ident)

    def reset(self) -> None:
        """A USB reset, or a cable that was pulled: half a format is lost, what is whole and waits is not."""
        super().reset()
        with self._lock:
            self._buffer, self._held = b"", []

    def received(self, endpoint: int, data: bytes) -> None:
        """ZPL: formats, and the one question."""
        self._buffer += data
        while (found := _COMMANDS.search(self._buffer)) is not None:
            self._buffer = self._buffer[found.end() :]
            if found[0] == HOST_STATUS:
                self._answer()
            else:
                self._waiting.append(found[0])
                self._print()

    # --- paper -------------------------------------------------------------------------------------------------

    def mend(self) -> None:
        """New paper, head closed, everything works: what waits is printed."""
        with self._lock:
            self.paper_out = self.head_open = self.mute = self.broken_port_status = self.loses = False
            self.left = self.takes = None
            self.stuck.clear()
            held, self._held = self._held, []
            for transfer, data in held:
                self.bulk_out(transfer, data)
            self._print()

    def _print(self) -> None:
        while self._waiting and not (self.paper_out or self.head_open):
            if self.left == 0:
                self.paper_out = True
                return
            if self.left is not None:
                self.left -= 1
            self.labels.append(self._waiting.pop(0))

    def _answer(self) -> None:
        if self.mute or self.paper_out or self.head_open:
            return
        for _ in range(self.empty_packets):
            self.send(IN, b"")
        partial = b"^XA" in self._buffer
        lines = (
            f"030,0,0,0245,{len(self._waiting):03},0,0,{partial:d},000,0,0,0",
            "000,0,0,0,0,2,4,0,00000000,1,000",
            "1234,0",
        )
        self.send(IN, b"".join(b"\x02" + line.encode() + b"\x03\r\n" for line in lines))
