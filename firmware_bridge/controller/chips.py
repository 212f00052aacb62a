"""Chips on the I2C bus: registers as in their data sheets. Everything raises OSError when a chip does not answer."""

import struct

from firmware_bridge.controller import wire
from firmware_bridge.controller.lines import BayLines


class Bus:
    """What MicroPython's machine.I2C is to these chips."""

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        """Read bytes of a register."""
        raise NotImplementedError

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write bytes into a register."""
        raise NotImplementedError


def _signed(bus: Bus, address: int, register: int) -> int:
    value: int = struct.unpack(">h", bus.readfrom_mem(address, register, 2))[0]
    return value


class CurrentSensor:
    """INA219 or INA226, as it wakes up: continuous, 12 bits or more. The shunt's voltage is read, not register 04.

    Register 04 reads 0 until register 05 is calibrated, which a brown-out of the chip alone would undo unseen.
    """

    SHUNT, BUS = 0x01, 0x02

    def __init__(self, bus: Bus, address: int, chip: str, shunt_milliohm: int) -> None:
        self._bus, self._address, self._fine, self._milliohm = bus, address, chip == "ina226", shunt_milliohm

    def milliamps(self) -> int:
        """Read the current. INA219: 10 uV a bit; INA226: 2.5 uV."""
        raw = _signed(self._bus, self._address, self.SHUNT)
        return (raw * 5 // 2 if self._fine else raw * 10) // self._milliohm

    def millivolts(self) -> int:
        """Read the voltage. INA219: 4 mV a bit, the lowest three bits are something else; INA226: 1.25 mV."""
        raw = _signed(self._bus, self._address, self.BUS) & 0xFFFF
        return raw * 5 // 4 if self._fine else (raw >> 3) * 4


class TemperatureSensor:
    """TMP102, TMP75, LM75: register 00, 1/16 degree in the upper twelve bits."""

    def __init__(self, bus: Bus, address: int) -> None:
        self._bus, self._address = bus, address

    def decicelsius(self) -> int:
        """Read the temperature in tenths of a degree."""
        return (_signed(self._bus, self._address, 0x00) >> 4) * 10 // 16


class Sensors(BayLines):
    """The measuring part of a bay: any of the sensors may be missing."""

    def __init__(self, rails: list[CurrentSensor], temperature: TemperatureSensor | None) -> None:
        self._rails, self._temperature = rails, temperature

    def milliamps(self) -> int | None:
        """Sum the current of both rails together."""
        return sum(rail.milliamps() for rail in self._rails) if self._rails else None

    def millivolts(self) -> int | None:
        """Read the voltage of the higher of the rails."""
        return max(rail.millivolts() for rail in self._rails) if self._rails else None

    def decicelsius(self) -> int | None:
        """Read the temperature at the drive."""
        return self._temperature.decicelsius() if self._temperature else None


class ExpanderBay(Sensors):
    """A bay on an MCP23017, BANK = 0: port A drives the outputs, port B reads the inputs, bit for bit."""

    IODIR_A, IPOL_B, GPPU_B, GPIO_A, GPIO_B, OLAT_A = 0x00, 0x03, 0x0D, 0x12, 0x13, 0x14
    CONTACTS = wire.PRESENT | wire.DOOR | wire.BUTTON

    def __init__(
        self, bus: Bus, address: int, rails: list[CurrentSensor], temperature: TemperatureSensor | None
    ) -> None:
        super().__init__(rails, temperature)
        self._bus, self._address = bus, address

    def write(self, outputs: int) -> None:
        """Write the latch before the direction: a chip that was reset drives nothing until its latch is right."""
        self._put(self.OLAT_A, outputs & wire.LINES)
        self._put(self.IODIR_A, 0x80)
        self._put(self.GPPU_B, self.CONTACTS)
        self._put(self.IPOL_B, wire.PRESENT | wire.BUTTON)  # a closed contact is low; an open door is an open contact

    def read_outputs(self) -> int:
        """Read the pins. A chip that was reset has inputs there, which the pull-downs hold low."""
        return self._get(self.GPIO_A) & wire.LINES

    def read_inputs(self) -> int:
        """Read the contacts."""
        return self._get(self.GPIO_B) & self.CONTACTS

    def _put(self, register: int, value: int) -> None:
        self._bus.writeto_mem(self._address, register, bytes([value]))

    def _get(self, register: int) -> int:
        return self._bus.readfrom_mem(self._address, register, 1)[0]
