"""MicroPython's `machine` for the RP2040, as far as the firmware uses it, on the bench of world.py."""

import host

from tests.firmware_bridge.device.world import WORLD, Quit

PWRON_RESET, WDT_RESET = 1, 3


class Pin:
    """An output drives the bench, an input reads it."""

    IN, OUT, PULL_UP = 0, 1, 1

    def __init__(self, number: int, mode: int = -1, pull: int = -1, value: int | None = None) -> None:
        self.number, self._mode = number, mode
        if value is not None:
            self.value(value)

    def value(self, level: int | None = None) -> int:
        """Read, or drive."""
        if level is not None:
            assert self._mode == Pin.OUT
            WORLD.drive_pin(self.number, 1 if level else 0)
        return WORLD.read_pin(self.number)


class PWM:
    """A pin that is on for a part of the time: on at all, for the bench, and how bright a lamp is, for the test."""

    def __init__(self, pin: Pin) -> None:
        self._number = pin.number

    def freq(self, hertz: int) -> None:
        """As the RP2040 takes it."""
        assert 8 <= hertz <= 62_500_000

    def duty_u16(self, duty: int) -> None:
        """0 is off, 65535 on all the time."""
        assert 0 <= duty <= 0xFFFF
        WORLD.shine_pin(self._number, duty)


class I2C:
    """A bus of the bench."""

    def __init__(self, number: int, scl: Pin, sda: Pin, freq: int) -> None:
        self._number = number

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        """OSError from a chip that is not there."""
        return WORLD.read(self._number, address, register, count)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """OSError from a chip that is not there."""
        WORLD.write(address, register, data)


class UART:
    """The line to the host."""

    def __init__(self, number: int, **settings: object) -> None:
        self._held = b""

    def any(self) -> int:
        """Bytes that wait."""
        self._held += bytes.fromhex(host.serial_read())
        return len(self._held)

    def read(self) -> bytes:
        """All of them."""
        held, self._held = self._held, b""
        return held

    def write(self, data: bytes) -> None:
        """To the host."""
        host.serial_write(data.hex())


class WDT:
    """Each feed is also the bench's turn."""

    def __init__(self, timeout: int) -> None:
        WORLD.tell("watchdog", timeout)

    def feed(self) -> None:
        """Still alive."""
        WORLD.obey()


def reset_cause() -> int:
    """As the test wants it."""
    return WORLD.cause


def unique_id() -> bytes:
    """64 bits."""
    return b"\x10\x11\x12\x13\x14\x15\x16\x17"


def bootloader() -> None:
    """The board is a USB drive now, and its pins drive nothing."""
    WORLD.tell("booted")
    raise Quit
