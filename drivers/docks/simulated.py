"""A dock in memory, for the demo and the tests. `state_file` mirrors its outputs, so that a person can watch them.

Faults, by setting or by a word in `control_file`: "silent" (no answer at all), "gone" (unplugged), "stuck [slot...]"
(takes a command and does not follow).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.docks.base import DockEvent, Light, Lights, Lock, Power, Readings, Sensors
from drivers.errors import DeviceGone, DeviceSilent
from drivers.faults import Fault, fault_now

FAULTS = ("none", "silent", "gone", "stuck")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths are optional: an empty one is "no such file".

    `ports`: by slot, the link of a simulated drive's port, which is taken away while the slot has no power: then the
    drive is gone, as it is from a real dock, and comes back as another appearance.
    """

    slots: Annotated[int, msgspec.Meta(ge=1, le=64)] = 4
    powered: bool = True
    state_file: str = ""
    control_file: str = ""
    ports: dict[Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]*$")], str] = {}
    fault: Literal["none", "silent", "gone", "stuck"] = "none"


@dataclass(frozen=True)
class Slot:
    """The outputs of one slot, and the drive's presence as a test sets it."""

    power: bool
    locked: bool = False
    light: str = Light.OFF.value
    present: bool | None = None


class Driver(Power, Lock, Lights, Sensors):
    """Everything that a dock can have."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.slots = settings.slots
        self._settings = settings
        dark = {int(slot) for slot, port in settings.ports.items() if _unlit(Path(port)).is_symlink()}
        powered = settings.powered
        self._state = {n: Slot(power=powered and n not in dark) for n in range(1, settings.slots + 1)}
        self._put: Callable[[DockEvent], None] | None = None

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch the power, as the fault allows."""
        if not self._fault(within).hits("stuck", slot):
            self._change(slot, replace(self._state[slot], power=on))
            if port := self._settings.ports.get(str(slot)):
                _feed(Path(port), on=on)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Tell what the slot really has."""
        self.require(slot)
        self._fault(within)
        return self._state[slot].power

    def switch_lock(self, slot: int, locked: bool, *, within: Deadline) -> None:
        """Switch the lock, as the fault allows."""
        if not self._fault(within).hits("stuck", slot):
            self._change(slot, replace(self._state[slot], locked=locked))

    def locked(self, slot: int, *, within: Deadline) -> bool | None:
        """Tell what the slot really has."""
        self.require(slot)
        self._fault(within)
        return self._state[slot].locked

    def set_light(self, slot: int, light: Light, *, within: Deadline) -> None:
        """Set a lamp that nobody reads back."""
        self.require(slot)
        self._fault(within)
        self._change(slot, replace(self._state[slot], light=light.value))

    def readings(self, slot: int, *, within: Deadline) -> Readings:
        """Give five volts where there is power, and what `sense` was told."""
        self.require(slot)
        self._fault(within)
        state = self._state[slot]
        return Readings(present=state.present, millivolts=5000 if state.power else 0)

    def subscribe(self, put: Callable[[DockEvent], None]) -> None:
        """Take the receiver of events. They come from whoever calls `sense`."""
        self._put = put

    def sense(self, slot: int, present: bool) -> None:
        """Put a drive in or take it out: what a test or the demo does to this dock."""
        self.require(slot)
        self._change(slot, replace(self._state[slot], present=present))
        if self._put is not None:
            what = "present" if present else "absent"
            self._put(DockEvent(slot=slot, what=what, readings=Readings(present=present)))

    def close(self) -> None:
        """Leave the outputs as they are."""

    def _fault(self, within: Deadline) -> Fault:
        fault = fault_now(self._settings.control_file, Fault(self._settings.fault), FAULTS)
        if fault.hits("gone"):
            raise DeviceGone(device=self.name)
        if fault.hits("silent"):
            raise DeviceSilent(device=self.name, seconds=within.seconds)
        return fault

    def _change(self, slot: int, state: Slot) -> None:
        self._state[slot] = state
        self._mirror()

    def _mirror(self) -> None:
        if self._settings.state_file:
            path = Path(self._settings.state_file)
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_bytes(msgspec.json.encode({str(n): asdict(s) for n, s in self._state.items()}) + b"\n")
            os.replace(temporary, path)


def _feed(port: Path, *, on: bool) -> None:
    """The drive's link, and beside it under another name what stands there without power."""
    dark = _unlit(port)
    lit, unlit = port.is_symlink(), dark.is_symlink()
    if on and unlit:
        target = os.readlink(dark)
        dark.unlink()
        if not lit:
            port.symlink_to(target)
    elif not on and lit:
        dark.unlink(missing_ok=True)
        dark.symlink_to(os.readlink(port))
        port.unlink()


def _unlit(port: Path) -> Path:
    return port.with_name(f".{port.name}.off")
