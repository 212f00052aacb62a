"""A USB device of one configuration: descriptors, control requests, and byte streams on bulk endpoints.

A model is a subclass that names its interfaces and endpoints and answers what its class asks (USB 2.0, chapter 9).
"""

from __future__ import annotations

import struct
import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.laboratory.usb.redir import Port

BULK, INTERRUPT = 2, 3


class Status(IntEnum):
    """How a transfer ended, in usbredir's numbers."""

    DONE = 0
    CANCELLED = 1
    IO_ERROR = 3
    STALLED = 4


class Stalled(Exception):
    """The device does not know this request."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of an interface (by its number). `address` has bit 7 set where it leads to the host."""

    address: int
    kind: int
    packet_bytes: int
    interval: int = 0
    interface: int = 0


@dataclass(frozen=True)
class Transfer:
    """What the guest asks for on an endpoint."""

    endpoint: int
    ident: int
    length: int


class Device:
    """Nothing but the standard requests; a guest sees it and finds no driver.

    `extra`: descriptors of a class, put behind an interface's own.
    """

    device_class = 0
    vendor_id, product_id, release = 0x1D6B, 0x0104, 0x0100
    interfaces: tuple[tuple[int, int, int], ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    def __init__(self, *, serial: str = "BW1", product: str = "Device", vendor: str = "Bench") -> None:
        self.strings = ("", vendor, product, serial)
        self.extra: dict[int, bytes] = {}
        self.wanted_interrupts = threading.Event()
        self._port: Port | None = None
        self._lock = threading.RLock()
        self._ready: defaultdict[int, deque[bytes | None]] = defaultdict(deque)  # None: a stall
        self._asked: defaultdict[int, deque[Transfer]] = defaultdict(deque)
        self._interrupts = 0

    # --- what a model may say otherwise ------------------------------------------------------------------------

    def class_request(self, kind: int, request: int, value: int, index: int, data: bytes) -> bytes:
        """A request of its class or vendor; Stalled where it knows none such."""
        raise Stalled

    def descriptor(self, kind: int, index: int) -> bytes:
        """A descriptor of its class."""
        raise Stalled

    def received(self, endpoint: int, data: bytes) -> None:
        """Bytes came in on a bulk endpoint."""

    # --- the standard's part -----------------------------------------------------------------------------------

    def attach(self, port: Port) -> None:
        """It was plugged in there."""
        self._port = port

    def detached(self) -> None:
        """It was pulled out."""
        self._port = None
        self.reset()

    def reset(self) -> None:
        """Forget what was under way."""
        with self._lock:
            self._ready.clear()
            self._asked.clear()

    def interrupts_wanted(self, endpoint: int) -> None:
        """The guest's driver listens."""
        self.wanted_interrupts.set()

    def control(self, kind: int, request: int, value: int, index: int, length: int, data: bytes) -> bytes:
        """A control request (USB 2.0, 9.4); Stalled where it is not known."""
        if kind & 0x60:
            return self.class_request(kind, request, value, index, data if data else bytes(0))
        if request == 0x06:
            return self._descriptor(value >> 8, value & 0xFF)
        if request == 0x00:
            return b"\0\0"
        if request in (0x01, 0x03, 0x0B):
            return b""
        raise Stalled

    def _descriptor(self, kind: int, index: int) -> bytes:
        if kind == 1:
            ids = (self.vendor_id, self.product_id, self.release)
            return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x0200, self.device_class, 0, 0, 64, *ids, 1, 2, 3, 1)
        if kind == 2:
            return self._configuration()
        if kind == 3 and index < len(self.strings):
            text = b"\x09\x04" if index == 0 else self.strings[index].encode("utf-16-le")
            return bytes([len(text) + 2, 3]) + text
        if kind == 6:
            return struct.pack("<BBHBBBBBB", 10, 6, 0x0200, self.device_class, 0, 0, 64, 1, 0)
        return self.descriptor(kind, index)

    def _configuration(self) -> bytes:
        body = b""
        for number, triple in enumerate(self.interfaces):
            own = [endpoint for endpoint in self.endpoints if endpoint.interface == number]
            body += bytes([9, 4, number, 0, len(own), *triple, 0]) + self.extra.get(number, b"")
            for endpoint in own:
                head = (7, 5, endpoint.address, endpoint.kind, endpoint.packet_bytes, endpoint.interval)
                body += struct.pack("<BBBBHB", *head)
        return struct.pack("<BBHBBBBB", 9, 2, 9 + len(body), len(self.interfaces), 1, 0, 0x80, 50) + body

    # --- bulk and interrupts -----------------------------------------------------------------------------------

    def send(self, endpoint: int, data: bytes | None) -> None:
        """Bytes for the guest's next reads; None stalls one of them."""
        with self._lock:
            self._ready[endpoint].append(data)
            self._match(endpoint)

    def bulk_in(self, transfer: Transfer) -> None:
        """The guest reads."""
        with self._lock:
            self._asked[transfer.endpoint].append(transfer)
            self._match(transfer.endpoint)

    def _match(self, endpoint: int) -> None:
        ready, asked = self._ready[endpoint], self._asked[endpoint]
        while ready and asked and self._port is not None:
            transfer, data = asked.popleft(), ready.popleft()
            if data is None:
                self._port.bulk_done(transfer, status=Status.STALLED)
                continue
            if len(data) > transfer.length:
                ready.appendleft(data[transfer.length :])
            self._port.bulk_done(transfer, data[: transfer.length])

    def bulk_out(self, transfer: Transfer, data: bytes) -> None:
        """The guest writes."""
        if self._port is not None:
            self._port.bulk_done(transfer)
        self.received(transfer.endpoint, data)

    def cancel(self, ident: int) -> None:
        """The guest gives up a read."""
        with self._lock:
            for asked in self._asked.values():
                for transfer in [t for t in asked if t.ident == ident]:
                    asked.remove(transfer)
                    if self._port is not None:
                        self._port.bulk_done(transfer, status=Status.CANCELLED)

    def interrupt(self, endpoint: int, data: bytes) -> None:
        """Tell the guest something unasked."""
        if self._port is not None:
            self._interrupts += 1
            self._port.interrupt(endpoint, self._interrupts, data)
