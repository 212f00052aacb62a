"""SCSI enclosures (SES-3; `sg_ses` of sg3-utils): device slots with power, "ident" and "fault" lights.

Enclosure Status page, device slot element: DEVICE OFF (byte 3, bit 4) says that the slot's drive has no power, IDENT
and FAULT REQSTD which lights are asked for. `sg_ses` names them devoff, ident, fault. Not every enclosure switches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.docks.base import Light, Lights, Power
from drivers.errors import DeviceGarbled, OutputDidNotFollow
from drivers.program import run
from drivers.senses import Senses

LIGHTS: Mapping[Light, tuple[bool, bool]] = {  # ident, fault
    Light.OFF: (False, False),
    Light.READY: (False, False),
    Light.WORKING: (False, False),
    Light.ATTENTION: (True, True),
    Light.DONE: (True, False),
    Light.FAILED: (False, True),
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`device`: the enclosure, /dev/sg... `first`: the element index of slot 1. `power`: it switches slots."""

    device: Annotated[str, msgspec.Meta(min_length=1)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=64)] = 12
    first: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    power: bool = True
    program: str = "sg_ses"


class Driver(Power, Lights):
    """One run of the program for each field: it has no memory, and neither has this."""

    settle_seconds = 2.0

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.slots = settings.slots
        self.switches = settings.power
        self._settings = settings
        self._blinks = True

    def adjust(self, senses: Senses) -> None:
        """Let its lights blink or not: how fast they do, if they do, is the enclosure's own affair."""
        self._blinks = senses.blinking != "off"

    def probe(self, *, within: Deadline) -> None:
        """Read the last slot's field: where that can be read it is an enclosure, and has so many."""
        self._get(self.slots, "ident", within)

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Set or clear DEVICE OFF."""
        self._set(slot, "devoff", not on, within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Ask the enclosure. None where it switches nothing."""
        self.require(slot)
        return not self._get(slot, "devoff", within) if self._settings.power else None

    def set_light(self, slot: int, light: Light, *, within: Deadline) -> None:
        """Set two lights, and read each back. Where nothing may blink "ident" stays dark: it often does."""
        self.require(slot)
        ident, fault = LIGHTS[light]
        for field, wanted in (("ident", ident and self._blinks), ("fault", fault)):
            self._set(slot, field, wanted, within)
            if self._get(slot, field, within) is not wanted:
                words = (f"{field} off", f"{field} on")
                raise OutputDidNotFollow(device=self.name, bay=slot, found=words[not wanted], wanted=words[wanted])

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _set(self, slot: int, field: str, value: bool, within: Deadline) -> None:
        self._run(slot, f"--{'set' if value else 'clear'}={field}", within)

    def _get(self, slot: int, field: str, within: Deadline) -> bool:
        said = self._run(slot, f"--get={field}", within).strip()
        if said not in ("0", "1"):
            raise DeviceGarbled(device=self.name, answer=repr(said[:60]))
        return said == "1"

    def _run(self, slot: int, word: str, within: Deadline) -> str:
        index = f"--index={self._settings.first + slot - 1}"
        return run([self._settings.program, index, word, self._settings.device], device=self.name, within=within)
