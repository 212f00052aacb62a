"""A device on an I2C bus: opened at its first use; the kernel's errors in words.

smbus2 takes no deadlines: the kernel's bus driver gives up by itself (usually after 1 s a try).
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable

import smbus2

from drivers.deadline import Deadline
from drivers.docks.base import Power
from drivers.errors import DeviceGone, DeviceSilent

ABSENT = (errno.ENXIO, errno.EREMOTEIO, errno.ENODEV, errno.ENOENT)  # nobody acknowledged the address, or no bus


class I2cDevice:
    """One address of one bus (/dev/i2c-N)."""

    def __init__(self, name: str, bus: int, address: int) -> None:
        self.name = name
        self.address = address
        self._number = bus
        self._bus: smbus2.SMBus | None = None

    def do(self, what: Callable[[smbus2.SMBus, int], int | None], *, within: Deadline) -> int:
        """Carry out one transfer with (bus, address). DeviceGone, DeviceSilent."""
        where = f"{self.name} (I2C bus {self._number}, address 0x{self.address:02x})"
        if within.passed:
            raise DeviceSilent(device=where, seconds=within.seconds)
        try:
            if self._bus is None:
                self._bus = smbus2.SMBus(self._number)
            return what(self._bus, self.address) or 0
        except OSError as error:
            self.close()
            if error.errno in ABSENT:
                raise DeviceGone(device=where) from error
            raise DeviceSilent(device=where, seconds=within.seconds) from error

    def read(self, register: int, *, within: Deadline) -> int:
        """Read one byte of a register."""
        return self.do(lambda bus, address: bus.read_byte_data(address, register), within=within)

    def write(self, register: int, value: int, *, within: Deadline) -> None:
        """Write one byte into a register."""
        self.do(lambda bus, address: bus.write_byte_data(address, register, value), within=within)

    def close(self) -> None:
        """Let go of the bus."""
        bus, self._bus = self._bus, None
        if bus is not None:
            with contextlib.suppress(OSError):
                bus.close()


class I2cBoard(Power):
    """Outputs of one chip, one a slot. What they are is asked before one is changed: nothing is remembered."""

    settle_seconds = 0.05

    def __init__(self, name: str, slots: int, bus: int, address: int, *, active_low: bool) -> None:
        self.name = name
        self.slots = slots
        self.active_low = active_low
        self._chip = I2cDevice(name, bus, address)

    def close(self) -> None:
        """Leave the outputs as they are."""
        self._chip.close()
