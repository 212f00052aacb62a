"""Registers of the chips on the I2C bus: numbers as their data sheets have them."""

from __future__ import annotations

import pytest

from firmware_bridge.controller import wire
from firmware_bridge.controller.chips import Bus, CurrentSensor, ExpanderBay, TemperatureSensor


class Registers(Bus):
    """One chip, and what was written to it, in order."""

    def __init__(self, registers: dict[int, bytes]) -> None:
        self.registers = registers
        self.written: list[tuple[int, int, int]] = []

    def readfrom_mem(self, address: int, register: int, count: int) -> bytes:
        data = self.registers[register]
        assert len(data) == count
        return data

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self.written.append((address, register, data[0]))


@pytest.mark.parametrize(
    ("chip", "shunt", "bus", "milliamps", "millivolts"),
    [
        ("ina219", "2710", "5dc2", 2000, 12000),  # 100.00 mV over 50 milliohms; 3000 x 4 mV, conversion ready
        ("ina219", "fff6", "0000", -2, 0),  # a little backwards
        ("ina226", "0fa0", "2580", 200, 12000),  # 4000 x 2.5 uV; 9600 x 1.25 mV
    ],
)
def test_current_and_voltage(chip: str, shunt: str, bus: str, milliamps: int, millivolts: int) -> None:
    registers = Registers({1: bytes.fromhex(shunt), 2: bytes.fromhex(bus)})
    sensor = CurrentSensor(registers, 0x40, chip, 50)
    assert (sensor.milliamps(), sensor.millivolts()) == (milliamps, millivolts)
    assert registers.written == []  # nothing to calibrate, and so nothing that a brown-out could undo


@pytest.mark.parametrize(("raw", "tenths"), [("1900", 250), ("e700", -250), ("0010", 0), ("4100", 650), ("1a80", 265)])
def test_temperature(raw: str, tenths: int) -> None:
    assert TemperatureSensor(Registers({0: bytes.fromhex(raw)}), 0x48).decicelsius() == tenths


def test_an_expander_has_its_latch_before_its_direction() -> None:
    bus = Registers({0x12: b"\x83", 0x13: b"\xfd"})
    bay = ExpanderBay(bus, 0x20, [], None)
    bay.write(wire.POWER)
    assert [register for _, register, _ in bus.written[:2]] == [0x14, 0x00]
    assert bus.written[0] == (0x20, 0x14, wire.POWER)
    assert bay.read_outputs() == 0x03
    assert bay.read_inputs() == wire.PRESENT | wire.BUTTON
    assert (bay.milliamps(), bay.millivolts(), bay.decicelsius()) == (None, None, None)
