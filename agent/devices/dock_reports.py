"""What docks say by themselves, and what their silence means: told to the engine with the bays that it is about."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from agent.bench.events import DeviceFault, DockReported, Told
from agent.bench.inbox import Inbox
from agent.messages import Alarm
from agent.phrases import phrase
from agent.settings import Settings
from drivers.docks.base import Dock, DockEvent, Sensors
from drivers.errors import DeviceGarbled, DeviceGone, DeviceSilent, DeviceTaken

SILENT = (DeviceGone.code, DeviceTaken.code, DeviceSilent.code, DeviceGarbled.code)


class DockReports:
    """The way from the docks to the engine. Each dock's own thread calls it."""

    def __init__(self, settings: Settings, docks: Mapping[str, Dock], inbox: Inbox) -> None:
        self._settings, self._docks, self._inbox = settings, docks, inbox
        self._silent: set[str] = set()

    def listen(self) -> None:
        """Hear of presence, buttons, doors and cut power; to be called once, when the engine runs."""
        for name, dock in self._docks.items():
            if isinstance(dock, Sensors):
                dock.subscribe(functools.partial(self._reported, name))

    def fault(self, fault: DeviceFault) -> None:
        """Pass on what a device's thread met; a dock's silence names its bays."""
        for name, dock in self._docks.items():
            if dock.name == fault.device:
                fault = self._of_dock(name, fault)
        self._inbox.put(fault)

    def in_words(self, name: str, alarm: Alarm) -> bool:
        """Return whether the alarm is of a dock's silence, which `fault` has put into the technician's words."""
        return alarm.code in SILENT and name in {f"device-{dock.name}" for dock in self._docks.values()}

    def _reported(self, dock: str, event: DockEvent) -> None:
        bay = next((b.name for b in self._settings.bay if b.dock == dock and b.slot == event.slot), None)
        self._inbox.put(DockReported(dock, bay, event.what, event.readings.door_open))

    def _of_dock(self, name: str, fault: DeviceFault) -> DeviceFault:
        """A dock's silence, in the technician's words, and which bays it is about; they go on."""
        silent = fault.code in SILENT
        if silent != (name in self._silent):
            self._silent ^= {name}
            self._inbox.put(Told("dock_silent" if silent else "dock_back", {"dock": name}))
        if not silent:
            return fault
        bays = ", ".join(bay.name for bay in self._settings.bay if bay.dock == name)
        text = phrase(self._settings.station.language, "dock_silent", dock=name)
        return DeviceFault(fault.device, fault.code, f"{text} [{bays}] {fault.text}")
