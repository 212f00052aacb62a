"""Devantech USB-RLY16 (a CDC port; any speed): `65`..`6C` relay 1..8 on, `6F`..`76` off, `5B` -> states, `5A` -> who.

One relay is switched at a time: `5C nn` sets all of them, and would need to know what the others are.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.docks._line import SerialBoard

VERSION, READ = b"\x5a", b"\x5b"
ALL_ON, ALL_OFF = 0x64, 0x6E  # plus the number of a relay: that one alone


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`port`: a name under /dev/serial/by-path or by-id. `slots`: 8, or fewer where some relays do something else."""

    port: Annotated[str, msgspec.Meta(min_length=1)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=8)] = 8
    baud: Literal[9600, 19200, 38400, 57600, 115200] = 19200


class Driver(SerialBoard):
    """Commands are absolute, and the module says nothing to them: `5B` tells."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.slots, settings.port, settings.baud)

    def probe(self, *, within: Deadline) -> None:
        """Ask who it is: two bytes in answer mean a module of this family. Then ask for its relays."""
        self._line.ask(VERSION, 2, within=within)
        super().probe(within=within)

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch the relay absolutely. The module says nothing to it."""
        self._line.send(bytes(((ALL_ON if on else ALL_OFF) + slot,)), within=within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Ask for the module's own word: bit 0 is relay 1."""
        self.require(slot)
        (states,) = self._line.ask(READ, 1, within=within)
        return bool(states >> (slot - 1) & 1)
