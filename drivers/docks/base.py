"""What the station asks of a dock: power, lock and light of each slot, and what it senses.

Slots are numbered from 1, as on the dock's front. A driver is a Dock and whatever of Power, Lock, Lights and Sensors it
can: the station asks for nothing else.
A driver opens its device at the first call and again after it was unplugged: an absent dock stops no station.
Every method is called from one thread only (the dock's own executor) and returns or raises before its deadline.

    DriverError
    ├── DockCannot       it was asked for something that it cannot: a defect of the station
    ├── NoSuchSlot       it has fewer slots
    ├── PowerNotCut      it reads back "off", and the drive is still there: the bay is wired otherwise
    └── (DeviceGone, DeviceSilent, OutputDidNotFollow: see drivers/errors.py)
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from drivers.deadline import Deadline
from drivers.errors import DriverError, OutputDidNotFollow
from drivers.senses import Senses


class Light(Enum):
    """What a bay's lamp says. How it looks (colour, blinking) is the dock's affair."""

    OFF = "off"
    READY = "ready"
    WORKING = "working"
    ATTENTION = "attention"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Readings:
    """What a dock senses at one slot; None is "it has no such sensor"."""

    present: bool | None = None
    door_open: bool | None = None
    button: bool | None = None
    milliamps: int | None = None
    millivolts: int | None = None
    celsius: float | None = None


@dataclass(frozen=True)
class DockEvent:
    """What a dock reported by itself.

    "present", "absent", "door" (opened or closed), "button" (pressed), "overcurrent" and "hot" (it has cut the slot's
    power), "well" (that is over), "deaf" (its sensors there do not answer any more; nothing was switched) and "hears"
    (they do again), "lease" of slot 0 (it had heard nothing from the station; idle slots are off).
    """

    slot: int
    what: str
    readings: Readings = Readings()


class DockCannot(DriverError):
    """It was asked for something that it cannot."""

    code = "BW-D10"
    message = "{device} cannot do this: {what}"


class NoSuchSlot(DriverError):
    """It has fewer slots."""

    code = "BW-D11"
    message = "{device} has no slot {slot}; its slots are 1 to {slots}"


class PowerNotCut(DriverError):
    """Its output is off, and the drive in the bay still answers: another bay's, or nobody's, power was cut."""

    code = "BW-D12"
    message = "{device}: slot {slot} is off, but the drive in bay {bay} is still there"
    hint = "Check which slot feeds this bay."


class Dock(ABC):
    """A dock or cradle: its name, how many slots it has, and that it can be let go of. A cable can no more than this.

    What else it can do, it says by what it is: Power, Lock, Lights, Sensors. The station asks for nothing else.
    """

    name: str
    slots: int
    settle_seconds: ClassVar[float] = 0.0
    """How long an output may lag behind its command before it counts as not following."""

    def adjust(self, senses: Senses) -> None:
        """Take how bright and how restless its lamps may be; said once, before anything else. Opens nothing."""
        return

    def probe(self, *, within: Deadline) -> None:
        """Ask whether the device is there and has all its slots; DeviceGone, DeviceSilent. Switches nothing, ever."""
        return

    @abstractmethod
    def close(self) -> None:
        """Let go of the device; outputs stay as they are. Calling it twice is harmless."""

    def require(self, slot: int) -> None:
        """Raise NoSuchSlot unless this dock has that slot."""
        if not 1 <= slot <= self.slots:
            raise NoSuchSlot(device=self.name, slot=slot, slots=self.slots)

    def _follow(
        self, slot: int, wanted: bool, read: Callable[..., bool | None], words: tuple[str, str], within: Deadline
    ) -> None:
        """Read an output until it is as it was set. OutputDidNotFollow. `words`: those for off and on."""
        settled = Deadline(min(self.settle_seconds, within.left()))
        while (found := read(slot, within=within)) is not wanted:
            if settled.passed:
                shown = "nothing" if found is None else words[found]
                raise OutputDidNotFollow(device=self.name, bay=slot, found=shown, wanted=words[wanted])
            time.sleep(min(0.01, settled.left()))


class Power(Dock):
    """A dock that switches its slots' power. A switch is believed only when `power` reads it back."""

    switches: bool = True
    """False where the settings say that this one was built without: see `power_of`."""

    @abstractmethod
    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Send the switching command; absolute, never a toggle."""

    @abstractmethod
    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Read from the device whether the slot has power; None where it cannot tell."""

    def probe(self, *, within: Deadline) -> None:
        """Read the last slot."""
        self.power(self.slots, within=within)

    def set_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch a slot's power and read it back. OutputDidNotFollow, DeviceGone, DeviceSilent."""
        if not self.switches:
            raise DockCannot(device=self.name, what="power")
        self.require(slot)
        self.switch_power(slot, on, within=within)
        self._follow(slot, on, self.power, ("power off", "power on"), within)


class Lock(Dock):
    """A dock that holds a drive in. A lock is believed only when `locked` reads it back."""

    @abstractmethod
    def switch_lock(self, slot: int, locked: bool, *, within: Deadline) -> None:
        """Send the locking command; absolute, never a toggle."""

    @abstractmethod
    def locked(self, slot: int, *, within: Deadline) -> bool | None:
        """Read from the device whether the slot is locked; None where it cannot tell."""

    def set_lock(self, slot: int, locked: bool, *, within: Deadline) -> None:
        """Lock or unlock a slot and read it back. OutputDidNotFollow, DeviceGone, DeviceSilent."""
        self.require(slot)
        self.switch_lock(slot, locked, within=within)
        self._follow(slot, locked, self.locked, ("unlocked", "locked"), within)

    def set_busy(self, slot: int, busy: bool, *, within: Deadline) -> None:
        """Lock a drive in while it is worked on, and let it out afterwards. Errors as of `set_lock`."""
        self.set_lock(slot, busy, within=within)


class Lights(Dock):
    """A dock with a lamp for each slot."""

    @abstractmethod
    def set_light(self, slot: int, light: Light, *, within: Deadline) -> None:
        """Show a state on the slot's lamp."""


class Sensors(Dock):
    """A dock that senses something at its slots, and tells of it by itself."""

    @abstractmethod
    def readings(self, slot: int, *, within: Deadline) -> Readings:
        """Read what the sensors say now."""

    @abstractmethod
    def subscribe(self, put: Callable[[DockEvent], None]) -> None:
        """Give each event from now on to `put`, from the dock's own thread."""


def power_of(dock: Dock | None) -> Power | None:
    """Return the dock as one that switches power; None where there is none, or this one does not."""
    return dock if isinstance(dock, Power) and dock.switches else None
