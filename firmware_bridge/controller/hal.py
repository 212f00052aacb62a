"""The RP2040 board itself: pins, line to the host, watchdog. The only file besides boot.py that imports `machine`."""

import sys

import machine
import utime

from firmware_bridge.controller import config, wire
from firmware_bridge.controller.bays import Limits
from firmware_bridge.controller.chips import Bus, CurrentSensor, ExpanderBay, Sensors, TemperatureSensor
from firmware_bridge.controller.lines import BayLines
from firmware_bridge.controller.session import Board

LAMPS = 4  # the outputs before the lamps can only be on or off, and are read back at the pad


class PinBay(Sensors):
    """A bay on the board's own pins. Its lamps are dimmed: such a pad, switched all the time, tells nothing."""

    def __init__(
        self,
        outputs: tuple[int, ...],
        inputs: tuple[int, ...],
        rails: list[CurrentSensor],
        temperature: TemperatureSensor | None,
    ) -> None:
        super().__init__(rails, temperature)
        self._outputs = [machine.Pin(number, machine.Pin.OUT, value=0) for number in outputs[:LAMPS]]
        self._lamps = [_lamp(number) for number in outputs[LAMPS:]]
        self._lit, self._percent = 0, config.LAMP_PERCENT
        self._inputs = [machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP) for number in inputs]

    def write(self, outputs: int) -> None:
        """Write the outputs, line by line."""
        for bit, pin in enumerate(self._outputs):
            pin.value(outputs >> bit & 1)
        self._lit = outputs >> LAMPS
        self._shine()

    def dim(self, percent: int) -> None:
        """Dim the lamps at once, also those that are on."""
        self._percent = percent
        self._shine()

    def read_outputs(self) -> int:
        """Read the pads, which a short to ground holds low, and the lamps as they were written."""
        return _bits(self._outputs) | self._lit << LAMPS

    def read_inputs(self) -> int:
        """Read the contacts. A closed one is low: a drive, a pressed button; an open door is an open contact."""
        return _bits(self._inputs) ^ (wire.PRESENT | wire.BUTTON)

    def _shine(self) -> None:
        for bit, lamp in enumerate(self._lamps):
            lamp.duty_u16(0xFFFF * self._percent // 100 if self._lit >> bit & 1 else 0)


class Uart:
    """GP0 and GP1: nothing but our frames ever goes over it."""

    def __init__(self) -> None:
        self._uart = machine.UART(
            0, baudrate=config.BAUD, tx=machine.Pin(0), rx=machine.Pin(1), rxbuf=1024, txbuf=1024, timeout=0
        )

    def read(self) -> bytes:
        """Read what has come. b"" if nothing has."""
        return self._uart.read() or b"" if self._uart.any() else b""

    def write(self, data: bytes) -> None:
        """Write into the buffer, which is longer than a frame."""
        self._uart.write(data)


class Usb:
    """The board's own USB port, taken from the REPL: Ctrl-C is a byte like any other."""

    def __init__(self) -> None:
        import select

        import micropython

        micropython.kbd_intr(-1)
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)

    def read(self) -> bytes:
        """Read what has come, a frame's worth at most."""
        found = bytearray()
        while len(found) < wire.MAX_ENCODED and self._poll.poll(0):
            found += sys.stdin.buffer.read(1)
        return bytes(found)

    def write(self, data: bytes) -> None:
        """Write the data as it is: `buffer` turns no line ends."""
        sys.stdout.buffer.write(data)


class Rp2040(Board):
    """This board. Its watchdog runs from the first `feed` on."""

    def __init__(self) -> None:
        causes = {machine.PWRON_RESET: wire.RESET_POWER_ON, machine.WDT_RESET: wire.RESET_WATCHDOG}
        self.reset_cause = causes.get(machine.reset_cause(), wire.RESET_UNKNOWN)
        self.uid = (machine.unique_id() + bytes(12))[:12]  # 64 bits here
        self.limits = Limits(config.MAX_MILLIAMPS, config.MAX_DECICELSIUS)
        self.spin_up_ms, self.busy_hold_s = config.SPIN_UP_MS, config.BUSY_HOLD_S
        self.capabilities = wire.LINES | wire.CAN_PRESENCE | wire.CAN_DOOR | wire.CAN_BUTTON
        self.capabilities |= wire.CAN_BOOT | wire.CAN_DIM
        self.capabilities |= wire.CAN_CURRENT if config.CURRENT_CHIP else 0
        self.capabilities |= wire.CAN_TEMPERATURE if config.TEMPERATURE_ADDRESS is not None else 0
        self._buses: list[Bus] = [_bus(*config.I2C_12V), _bus(*config.I2C_5V)]
        self._line = Usb() if config.LINK == "usb" else Uart()
        self._watchdog: machine.WDT = None
        self._ticks = utime.ticks_ms()
        self._now = 0

    def bays(self) -> list[BayLines]:
        """Make all of the bays, off."""
        found: list[BayLines] = []
        for outputs, inputs in config.PIN_BAYS:
            found.append(PinBay(outputs, inputs, *self._sensors(len(found))))
        for address in config.EXPANDERS:
            found.append(ExpanderBay(self._buses[0], address, *self._sensors(len(found))))
        return found

    def now(self) -> int:
        """Count the milliseconds since the start, which never begin anew: ticks_ms does, after 12 days."""
        ticks = utime.ticks_ms()
        self._now += utime.ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._now

    def receive(self) -> bytes:
        """Receive what came from the host."""
        return self._line.read()

    def send(self, data: bytes) -> None:
        """Send the data to the host."""
        self._line.write(data)

    def feed(self) -> None:
        """Feed the watchdog: still alive. A board that does not say so is reset, and its bays go off."""
        if self._watchdog is None:
            self._watchdog = machine.WDT(timeout=config.WATCHDOG_MS)
        self._watchdog.feed()

    def rest(self) -> None:
        """Rest for two milliseconds: shorter than a byte's way through the host's USB."""
        utime.sleep_ms(2)

    def enter_boot(self) -> None:
        """Turn the board into a USB drive."""
        machine.bootloader()

    def _sensors(self, bay: int) -> tuple[list[CurrentSensor], TemperatureSensor | None]:
        rails = []
        if config.CURRENT_CHIP:
            for bus in self._buses[: 2 if config.TWO_RAILS else 1]:
                rails.append(
                    CurrentSensor(bus, config.CURRENT_ADDRESS + bay, config.CURRENT_CHIP, config.SHUNT_MILLIOHM)
                )
        address = config.TEMPERATURE_ADDRESS
        return rails, None if address is None else TemperatureSensor(self._buses[0], address + bay)


def _bus(number: int, scl: int, sda: int) -> Bus:
    bus: Bus = machine.I2C(number, scl=machine.Pin(scl), sda=machine.Pin(sda), freq=config.I2C_HZ)
    return bus


def _lamp(number: int) -> machine.PWM:
    """A lamp that is off. GP10 to GP12 and GP20 to GP22 have a PWM channel each; another wiring must see to that."""
    lamp = machine.PWM(machine.Pin(number, machine.Pin.OUT, value=0))
    lamp.freq(config.LAMP_HZ)
    lamp.duty_u16(0)
    return lamp


def _bits(pins: list[machine.Pin]) -> int:
    value = 0
    for bit, pin in enumerate(pins):
        value |= pin.value() << bit
    return value
