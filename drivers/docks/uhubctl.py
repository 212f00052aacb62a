"""USB hubs that switch each port (`uhubctl`): a bay is a port of the hub, on its USB 2 and its USB 3 side.

Many hubs obey and leave VBUS on, or cut the data only. So a port is "off" when every side of the hub says so *and* no
device is left at it on any side. Whether VBUS went too, no hub tells: measure it once with a lamp or a meter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from drivers.deadline import Deadline
from drivers.docks.base import Power
from drivers.errors import DeviceGarbled, DeviceGone
from drivers.program import run

HUB = re.compile(r"^(?:Current|New) status for hub ([0-9.-]+) ", re.MULTILINE)
PORT = re.compile(r"^  Port (\d+): [0-9a-f]{4}(.*)$", re.MULTILINE)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`location`: the hub as `uhubctl` lists it ("1-1.4"); its other side is found. `ports`: of slot 1, 2, .."""

    location: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(-[0-9]+(\.[0-9]+)*)?$")]
    ports: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=31)], ...], msgspec.Meta(min_length=1)] = (1, 2, 3, 4)
    program: str = "uhubctl"
    sysfs: str = "/sys/bus/usb/devices"


class Driver(Power):
    """The program switches both sides of a hub at once and prints what the hub says afterwards."""

    settle_seconds = 3.0

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.slots = len(settings.ports)
        self._settings = settings

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch the port by `-a on` or `-a off`, which are absolute. `cycle` and `toggle` are never used."""
        self._ask(slot, "-a", "on" if on else "off", within=within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Ask all sides. Off is what all of them call off, and where nothing is seen any more."""
        self.require(slot)
        sides = self._ask(slot, within=within)
        port = self._settings.ports[slot - 1]
        devices = [Path(self._settings.sysfs) / f"{hub}{'.' if '-' in hub else '-'}{port}" for hub in sides]
        return any(sides.values()) or any(device.exists() for device in devices)

    def close(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _ask(self, slot: int, *words: str, within: Deadline) -> dict[str, bool]:
        """Each side of the hub, and whether it powers the port."""
        port = str(self._settings.ports[slot - 1])
        program = self._settings.program
        said = run([program, "-l", self._settings.location, "-p", port, *words], device=self.name, within=within)
        if "No compatible devices" in said:
            raise DeviceGone(device=f"{self.name} (hub {self._settings.location})")
        sides: dict[str, bool] = {}
        for head, below in zip(HUB.findall(said), HUB.split(said)[2::2], strict=True):
            for number, state in PORT.findall(below):
                if number == port:
                    sides[head] = "power" in state.split()  # the last one stands: "New status" comes last
        if not sides:
            raise DeviceGarbled(device=self.name, answer=repr(said[:60]))
        return sides
