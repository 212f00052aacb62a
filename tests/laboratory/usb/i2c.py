"""An I2C bus behind USB, as i2c-tiny-usb makes it (protocol: the kernel's i2c-tiny-usb.c), with chips."""

from __future__ import annotations

import struct
from typing import Protocol

from tests.laboratory.usb.device import Device, Stalled

ECHO, GET_FUNC, SET_DELAY, GET_STATUS, IO = 0, 1, 2, 3, 4
LAST_IO = IO | 1 | 2  # with a start before, a stop after
FUNCTIONS = 0x0EFF0009  # plain I2C, and all of SMBus that can be made of it
ACK, NAK = 1, 2
TO_HOST = 0x80


class Chip(Protocol):
    """What answers at an address."""

    def write(self, data: bytes) -> None:
        """Bytes of one message."""

    def read(self, length: int) -> bytes:
        """So many bytes."""


class I2cTinyUsb(Device):
    """A bus; an address without a chip is not acknowledged."""

    vendor_id, product_id = 0x0403, 0xC631
    interfaces = ((0xFF, 0, 0),)

    def __init__(self, chips: dict[int, Chip]) -> None:
        super().__init__(product="i2c-tiny-usb")
        self.chips = chips
        self._status = 0

    def control(self, kind: int, request: int, value: int, index: int, length: int, data: bytes) -> bytes:
        """Messages come as control requests: `index` is the address."""
        if not kind & 0x60:
            return super().control(kind, request, value, index, length, data)
        if request == ECHO:
            return struct.pack("<H", value)
        if request == GET_FUNC:
            return struct.pack("<I", FUNCTIONS)
        if request == SET_DELAY:
            return b""
        if request == GET_STATUS:
            return bytes([self._status])
        if IO <= request <= LAST_IO:
            return self._message(kind, index, length, data)
        raise Stalled

    def _message(self, kind: int, address: int, length: int, data: bytes) -> bytes:
        chip = self.chips.get(address)
        self._status = NAK if chip is None else ACK
        if kind & TO_HOST:
            return bytes(length) if chip is None else chip.read(length)
        if chip is not None:
            chip.write(data)
        return b""


class Mcp23017:
    """Registers with BANK = 0 (DS20001952, table 3-1). `log` has every register that was written, in order."""

    def __init__(self) -> None:
        self.registers = bytearray(0x16)
        self.registers[0:2] = b"\xff\xff"
        self.log: list[tuple[int, int]] = []
        self._at = 0

    def write(self, data: bytes) -> None:
        """The register, then its bytes; what is written to GPIO goes to OLAT."""
        self._at = data[0]
        for value in data[1:]:
            self.log.append((self._at, value))
            self.registers[self._at + 2 if self._at in (0x12, 0x13) else self._at] = value
            self._at = (self._at + 1) % len(self.registers)

    def read(self, length: int) -> bytes:
        """GPIO is the level at the pins: an input's is 0 here, as its relay's resistor pulls it."""
        found = bytearray()
        for _ in range(length):
            at = self._at
            gpio = at in (0x12, 0x13)
            found.append(self.registers[at + 2] & ~self.registers[at - 0x12] & 0xFF if gpio else self.registers[at])
            self._at = (at + 1) % len(self.registers)
        return bytes(found)
