"""The bench around the controller's firmware: pins, chips on the I2C buses, and the test at the other end of a line.

Runs under CPython and under MicroPython alike, beside the firmware. The test sends lines of words ("drive 0 1") and is
told each change of a bay's outputs ("out 0 3"); "sync n" is answered by "synced n" when all before it is in force.
"""

import struct

import host

from firmware_bridge.controller import config, wire

SENSOR_12V, SENSOR_5V, TEMPERATURE, EXPANDER = 0x40, 0x40, 0x48, 0x20
GPIO_B = 0x13


class Quit(Exception):
    """The test is over."""


class Slot:
    """What a test sets at one bay. Contacts: `drive` in, `door` open, `button` pressed."""

    def __init__(self) -> None:
        self.values = {"drive": 0, "door": 0, "button": 0, "current": 100, "heat": 250, "stuck": 0}
        self.outputs = 0


class World:
    """Pins by number, expanders by address; bays in the order of the configuration."""

    def __init__(self) -> None:
        count = len(config.PIN_BAYS) + len(config.EXPANDERS)
        self.slots = [Slot() for _ in range(count)]
        self.bus_dead = False
        self.cause = 1
        self._pins: dict[int, int] = {}
        self._duties: dict[int, int] = {}
        self._registers = [bytearray([0xFF, 0xFF] + [0] * 20) for _ in config.EXPANDERS]
        self._text = ""

    # Pins

    def drive_pin(self, number: int, level: int) -> None:
        """An output of the board."""
        for index, (outputs, _) in enumerate(config.PIN_BAYS):
            if number in outputs and self.slots[index].values["stuck"]:
                return
        self._pins[number] = level
        self._show()

    def shine_pin(self, number: int, duty: int) -> None:
        """A lamp's pin: told in percent where its brightness changes while it is on."""
        if duty and duty != self._duties.get(number, 0):
            self.tell("shines", number, round(duty * 100 / 0xFFFF))
        self._duties[number] = duty
        self.drive_pin(number, 1 if duty else 0)

    def read_pin(self, number: int) -> int:
        """A pad: what the board drives, or what a contact does to it."""
        for index, (_, inputs) in enumerate(config.PIN_BAYS):
            if number in inputs:
                return self._contacts(index)[inputs.index(number)]
        return self._pins.get(number, 0)

    # I2C

    def read(self, bus: int, address: int, register: int, count: int) -> bytes:
        """OSError where there is no such chip."""
        if self.bus_dead:
            raise OSError(5)
        if EXPANDER <= address < EXPANDER + len(self._registers):
            return self._read_expander(address - EXPANDER, register)
        if SENSOR_12V <= address < SENSOR_12V + len(self.slots):
            return struct.pack(">h", self._ina219(bus, address - SENSOR_12V, register))
        if bus == 0 and TEMPERATURE <= address < TEMPERATURE + len(self.slots):
            return struct.pack(">h", self.slots[address - TEMPERATURE].values["heat"] * 16 // 10 << 4)
        raise OSError(19)

    def write(self, address: int, register: int, data: bytes) -> None:
        """Only expanders are written to."""
        if self.bus_dead or not EXPANDER <= address < EXPANDER + len(self._registers):
            raise OSError(5)
        index = address - EXPANDER
        if not self.slots[len(config.PIN_BAYS) + index].values["stuck"]:
            self._registers[index][register] = data[0]
        self._show()

    def _read_expander(self, index: int, register: int) -> bytes:
        chip = self._registers[index]
        if register == 0x12:  # GPIOA: outputs where IODIRA says so, pull-downs elsewhere
            return bytes([chip[0x14] & ~chip[0x00]])
        if register == GPIO_B:
            levels = self._contacts(len(config.PIN_BAYS) + index)
            return bytes([(levels[0] | levels[1] << 1 | levels[2] << 2) ^ chip[0x03]])
        return bytes([chip[register]])

    def _ina219(self, bus: int, index: int, register: int) -> int:
        slot = self.slots[index]
        on = slot.outputs & (wire.V12 if bus == 0 else wire.V5)
        if register == 0x01:
            return slot.values["current"] * config.SHUNT_MILLIOHM // 10 if on and bus == 0 else 0
        return ((12000 if bus == 0 else 5000) // 4 << 3) if on else 0

    def _contacts(self, index: int) -> tuple[int, int, int]:
        """Levels: a drive and a pressed button pull low, a closed door too."""
        values = self.slots[index].values
        return 1 - values["drive"], values["door"], 1 - values["button"]

    def _show(self) -> None:
        for index, slot in enumerate(self.slots):
            if index < len(config.PIN_BAYS):
                pins = config.PIN_BAYS[index][0]
                outputs = 0
                for bit, number in enumerate(pins):
                    outputs |= self._pins.get(number, 0) << bit
            else:
                outputs = self._read_expander(index - len(config.PIN_BAYS), 0x12)[0]
            if outputs != slot.outputs:
                slot.outputs = outputs
                self.tell("out", index, outputs)

    # The test

    def tell(self, *words: object) -> None:
        """A line to the test."""
        host.control_write(" ".join([str(word) for word in words]) + "\n")

    def obey(self) -> None:
        """Whatever the test has said since. Quit when it has hung up."""
        self._text += host.control_read()
        while "\n" in self._text:
            line, self._text = self._text.split("\n", 1)
            words = line.split()
            if words[0] == "quit":
                raise Quit
            if words[0] == "sync":
                self.tell("synced", words[1])
            elif words[0] == "bus":
                self.bus_dead = words[1] == "dead"
            else:
                self.slots[int(words[1])].values[words[0]] = int(words[2])


WORLD = World()
