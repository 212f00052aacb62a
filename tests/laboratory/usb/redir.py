"""The usbredir protocol (usbredir-protocol.txt, version 0.7), as far as one device of one configuration needs it.

QEMU's `usb-redir` listens on a socket; a `Port` connects to it when something is plugged in, and hangs up when it is
pulled out. What the device answers, `device.Device` says.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from tests.laboratory.usb.device import Device, Stalled, Status, Transfer

log = logging.getLogger("bench.usb")

HIGH_SPEED = 2
# Connect version, packet sizes of endpoints, 64-bit ids, 32-bit bulk lengths: QEMU's xHCI refuses devices without.
CAPABILITIES = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6
NO_ENDPOINT = 255
CONNECT_TIMEOUT_S = 30.0


class Kind(IntEnum):
    """Types of packets."""

    HELLO = 0
    DEVICE_CONNECT = 1
    RESET = 3
    INTERFACES = 4
    ENDPOINTS = 5
    SET_CONFIGURATION = 6
    GET_CONFIGURATION = 7
    CONFIGURATION = 8
    SET_ALTERNATE = 9
    GET_ALTERNATE = 10
    ALTERNATE = 11
    START_INTERRUPTS = 15
    STOP_INTERRUPTS = 16
    INTERRUPTS = 17
    CANCEL = 21
    CONTROL = 100
    BULK = 101
    INTERRUPT = 103


class Port:
    """A socket of the guest's hub. Nothing is plugged in at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._device: Device | None = None
        self._pulling = threading.Lock()

    def plug(self, device: Device) -> None:
        """Plug it in; the guest sees it a moment later."""
        if self._socket is not None:
            raise RuntimeError("something is plugged in already")
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(CONNECT_TIMEOUT_S)
        connection.connect(str(self._path))
        connection.settimeout(None)
        self._socket, self._device = connection, device
        device.attach(self)
        self._send(Kind.HELLO, 0, b"benchwipe".ljust(64, b"\0") + struct.pack("<I", CAPABILITIES))
        threading.Thread(target=self._serve, args=(connection, device), name="usb", daemon=True).start()

    def unplug(self) -> None:
        """Pull it out, whatever it is doing. Harmless where nothing is plugged in."""
        connection, self._socket = self._socket, None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                log.debug("usb port: %s", error)
            connection.close()
        self._pulled(self._device)

    def _pulled(self, device: Device | None) -> None:
        """Once for each time that it was plugged in: its drive may stand in another device by the second time."""
        with self._pulling:
            if device is None or self._device is not device:
                return
            self._device = None
            device.detached()

    # --- to the guest ------------------------------------------------------------------------------------------

    def _send(self, kind: Kind, ident: int, body: bytes = b"") -> None:
        """Packets to a guest that is gone are lost, as they should be. Only HELLO has a 32-bit id."""
        connection = self._socket
        if connection is None:
            return
        head = struct.pack("<IIQ" if kind != Kind.HELLO else "<III", kind, len(body), ident)
        with self._lock:
            try:
                connection.sendall(head + body)
            except OSError as error:
                log.debug("usb packet to nobody: %s", error)

    def _answer(self, device: Device, kind: Kind, ident: int, body: bytes) -> None:
        """Of a device that still stands here: by now another may, which was not asked this."""
        if self._device is device:
            self._send(kind, ident, body)

    def bulk_done(self, transfer: Transfer, data: bytes = b"", status: Status = Status.DONE) -> None:
        """A bulk transfer ended; `data` for one from the device."""
        size = len(data) if transfer.endpoint & 0x80 else transfer.length
        head = struct.pack("<BBHIH", transfer.endpoint, status, size & 0xFFFF, 0, size >> 16)
        self._send(Kind.BULK, transfer.ident, head + data)

    def interrupt(self, endpoint: int, ident: int, data: bytes) -> None:
        """An interrupt packet from the device."""
        self._send(Kind.INTERRUPT, ident, struct.pack("<BBH", endpoint, Status.DONE, len(data)) + data)

    # --- from the guest ----------------------------------------------------------------------------------------

    def _serve(self, connection: socket.socket, device: Device) -> None:
        """The connection's thread: until either side hangs up."""
        try:
            with connection.makefile("rb") as stream:
                head = "<III"  # of the first packet, which is the other side's HELLO
                while True:
                    kind, size, ident = struct.unpack(head, _exactly(stream, struct.calcsize(head)))
                    head = "<IIQ"
                    self._packet(kind, ident, _exactly(stream, size), device)
        except (EOFError, OSError, ValueError) as error:
            log.debug("usb port: %s", error)
        finally:
            self._pulled(device)

    def _packet(self, kind: int, ident: int, body: bytes, device: Device) -> None:
        if kind == Kind.HELLO:
            self._introduce(device)
        elif kind == Kind.CONTROL:
            self._control(ident, body, device)
        elif kind == Kind.BULK:
            endpoint, _, low, _, high = struct.unpack_from("<BBHIH", body)
            transfer = Transfer(endpoint, ident, high << 16 | low)
            if endpoint & 0x80:
                device.bulk_in(transfer)
            else:
                device.bulk_out(transfer, body[10:])
        elif kind == Kind.INTERRUPT:
            self._answer(device, Kind.INTERRUPT, ident, struct.pack("<BBH", body[0], Status.DONE, len(body) - 4))
        elif kind == Kind.RESET:
            device.reset()
        elif kind == Kind.CANCEL:
            device.cancel(ident)
        else:
            self._settle(kind, ident, body, device)

    def _settle(self, kind: int, ident: int, body: bytes, device: Device) -> None:
        """Requests that are always granted: one configuration, one setting, interrupts on and off."""
        if kind in (Kind.SET_CONFIGURATION, Kind.GET_CONFIGURATION):
            self._answer(device, Kind.CONFIGURATION, ident, bytes([Status.DONE, 1]))
        elif kind in (Kind.SET_ALTERNATE, Kind.GET_ALTERNATE):
            self._answer(device, Kind.ALTERNATE, ident, bytes([Status.DONE, body[0], 0]))
        elif kind in (Kind.START_INTERRUPTS, Kind.STOP_INTERRUPTS):
            self._answer(device, Kind.INTERRUPTS, ident, bytes([Status.DONE, body[0]]))
            if kind == Kind.START_INTERRUPTS:
                device.interrupts_wanted(body[0])

    def _introduce(self, device: Device) -> None:
        """Interfaces, endpoints, then the device itself."""
        count = len(device.interfaces)
        classes = [*device.interfaces, *[(0, 0, 0)] * (32 - count)]
        columns = b"".join(bytes(row[i] for row in classes) for i in range(3))
        self._send(Kind.INTERFACES, 0, struct.pack("<I", count) + bytes(range(32)) + columns)
        kinds, intervals, owners, sizes = bytearray([NO_ENDPOINT] * 32), bytearray(32), bytearray(32), [0] * 32
        kinds[0] = kinds[16] = 0
        sizes[0] = sizes[16] = 64
        for endpoint in device.endpoints:
            at = (endpoint.address & 0x80) >> 3 | endpoint.address & 0xF
            kinds[at], intervals[at], owners[at] = endpoint.kind, endpoint.interval, endpoint.interface
            sizes[at] = endpoint.packet_bytes
        self._send(Kind.ENDPOINTS, 0, bytes(kinds) + bytes(intervals) + bytes(owners) + struct.pack("<32H", *sizes))
        ids = (device.vendor_id, device.product_id, device.release)
        self._send(Kind.DEVICE_CONNECT, 0, struct.pack("<BBBBHHH", HIGH_SPEED, device.device_class, 0, 0, *ids))

    def _control(self, ident: int, body: bytes, device: Device) -> None:
        endpoint, request, kind, _, value, index, length = struct.unpack_from("<BBBBHHH", body)
        status, data = Status.DONE, b""
        try:
            data = device.control(kind, request, value, index, length, body[10:])[:length]
        except Stalled:
            status, length = Status.STALLED, 0
        size = len(data) if kind & 0x80 else length
        head = struct.pack("<BBBBHHH", endpoint, request, kind, status, value, index, size)
        self._answer(device, Kind.CONTROL, ident, head + (data if kind & 0x80 else b""))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size) if size else b""
    if len(data) < size:
        raise EOFError
    return data
