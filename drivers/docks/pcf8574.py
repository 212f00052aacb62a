"""PCF8574, 8 quasi-bidirectional outputs over I2C (NXP PCF8574, 8.1): one byte written is the port, one read the pins.

All pins are high after a reset, through a weak current source: boards for it close their relays at 0 V (`active_low`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.docks._i2c import I2cBoard


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`address`: 0x20..0x27 (PCF8574) or 0x38..0x3F (PCF8574A), as its pins say."""

    bus: Annotated[int, msgspec.Meta(ge=0, le=255)] = 1
    address: Annotated[int, msgspec.Meta(ge=0x20, le=0x3F)] = 0x20
    slots: Annotated[int, msgspec.Meta(ge=1, le=8)] = 8
    active_low: bool = True


class Driver(I2cBoard):
    """One pin a slot, P0 is slot 1. Nothing is remembered: what the pins are is asked before one is changed."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.slots, settings.bus, settings.address, active_low=settings.active_low)

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch the slot's pin, and leave the other pins as they are."""
        bit = 1 << (slot - 1)
        pins = self._pins(within) & ~bit | (bit if on is not self.active_low else 0)
        self._chip.do(lambda bus, address: bus.write_byte(address, pins), within=within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Read the level at the pin."""
        self.require(slot)
        return bool(self._pins(within) >> (slot - 1) & 1) is not self.active_low

    def _pins(self, within: Deadline) -> int:
        return self._chip.do(lambda bus, address: bus.read_byte(address), within=within)
