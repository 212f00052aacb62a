"""MCP23017, 16 outputs over I2C (Microchip DS20001952, 3.5; IOCON.BANK = 0 as after reset): A0..A7 are slots 1..8.

After a reset all pins are inputs, which drive no relay. A pin's level is written to OLAT *before* IODIR makes it an
output: the other way round a relay clicks. What is read back is GPIO, the level at the pin, not what was written.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.docks._i2c import I2cBoard

IODIR, GPIO, OLAT = 0x00, 0x12, 0x14  # of port A; port B follows each


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`address`: 0x20 plus the pins A2 A1 A0. `active_low`: the relay closes at 0 V, as on most opto-coupled boards."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x20, le=0x27)] = 0x20
    slots: Annotated[int, msgspec.Meta(ge=1, le=16)] = 16
    active_low: bool = False


class Driver(I2cBoard):
    """One pin a slot. Pins that no slot has, and slots that nobody switched yet, are left as they are."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.slots, settings.bus, settings.address, active_low=settings.active_low)

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Set the level first, the direction then. The other bits stay as the chip has them."""
        port, bit = divmod(slot - 1, 8)
        levels = self._chip.read(OLAT + port, within=within)
        self._chip.write(OLAT + port, _with(levels, bit, on is not self.active_low), within=within)
        directions = self._chip.read(IODIR + port, within=within)
        if directions >> bit & 1:
            self._chip.write(IODIR + port, _with(directions, bit, False), within=within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Say whether the slot has power. An input drives nothing: off."""
        self.require(slot)
        port, bit = divmod(slot - 1, 8)
        if self._chip.read(IODIR + port, within=within) >> bit & 1:
            return False
        return bool(self._chip.read(GPIO + port, within=within) >> bit & 1) is not self.active_low


def _with(byte: int, bit: int, value: bool) -> int:
    return byte & ~(1 << bit) | int(value) << bit
