"""The bays' power: one mechanism for all docks. Switched in the dock's own thread, read back, staggered, and proved.

A dock that goes silent holds its bays: nothing is switched because of silence, and what was wished meanwhile is tried
again (`DeviceThread`) until it answers or the wish is another. Only `off` and `cycle` ever cut a bay's power; the
engine asks for the first when it has given a drive up, a bay's own worker for the second before it writes anything.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from agent.devices.device_thread import DeviceThread, Later
from agent.settings import BaySettings, DockDevice
from drivers.deadline import Deadline
from drivers.docks.base import Dock, DockCannot, Power, PowerNotCut, power_of
from drivers.drives.base import DriveSource

log = logging.getLogger("benchwipe.power")

SWITCH_S = 5.0  # for one switch with its read-back: a hub's or an enclosure's program takes most of it
PROBE_EVERY_S = 10.0
PROBE_S = 5.0
GONE_S = 20.0  # a USB drive is gone at once; libata tries an unpowered SATA link for more than 10 s
GONE_LOOK_S = 0.25
OFF_S = 5.0  # for the drive's capacitors to drain; a choice, not a measurement


@dataclass(frozen=True)
class _Place:
    """Where a bay's power comes from, and where its drive would be seen."""

    bay: BaySettings
    dock: Power
    thread: DeviceThread
    source: DriveSource

    @property
    def key(self) -> tuple[str, int]:
        """Of two wishes for one slot only the last counts."""
        return ("power", self.bay.slot)

    def drive_is_there(self) -> bool:
        """Whether the kernel still has a drive at the bay's port. Sources whose drives need no power prove nothing."""
        return self.source.needs_power and bool(self.source.present(frozenset((self.bay.port,))))


class BayPower:
    """`on` and `off` are wishes and return at once; `cycle` waits, and belongs to workers."""

    def __init__(
        self,
        bays: Iterable[BaySettings],
        docks: Mapping[str, Dock],
        threads: Mapping[str, DeviceThread],
        sources: Mapping[str, DriveSource],
        settings: Iterable[DockDevice],
    ) -> None:
        """`docks` and `sources` by their names in the configuration, `threads` by those of the devices."""
        settings = tuple(settings)
        self._spin_up = {dock.name: dock.spin_up_s for dock in settings}
        self._off = {dock.name: dock.off_s for dock in settings}
        self._places = {
            bay.name: _Place(bay, dock, threads[dock.name], sources[bay.source])
            for bay in bays
            if (dock := power_of(docks.get(bay.dock or ""))) is not None
        }
        self._wanted_on: set[str] = set()
        self._spun_up: dict[str, float] = {}  # by dock; touched in that dock's thread alone

    def watch(self, docks: Iterable[Dock], threads: Mapping[str, DeviceThread]) -> None:
        """Ask each dock now and then, from now on, whether it is there: silence is noticed before it is needed."""
        for dock in docks:
            threads[dock.name].call(functools.partial(self._look, dock), key="probe")

    def on(self, bay: str) -> bool:
        """Wish the bay on; whether anybody can. Absolute, so that asking twice does no harm."""
        if (place := self._places.get(bay)) is None:
            return False
        self._wanted_on.add(bay)
        return place.thread.call(lambda: self._switch_on(place), key=place.key)

    def off(self, bay: str) -> bool:
        """Wish the bay off, and its drive gone; whether anybody can. What is not proved becomes the dock's fault."""
        if (place := self._places.get(bay)) is None:
            return False
        self._wanted_on.discard(bay)
        until: list[Deadline] = []  # from the first time that the dock said "off"

        def cut() -> None:
            place.dock.set_power(place.bay.slot, False, within=Deadline(SWITCH_S))
            if not until:
                until.append(Deadline(GONE_S))
            if place.drive_is_there():
                if not until[0].passed:
                    raise Later(GONE_LOOK_S)
                raise self._not_cut(place)

        return place.thread.call(cut, key=place.key)

    def cycler(self, bay: str) -> Callable[[], None] | None:
        """Return `cycle` for that bay; None where its power cannot be switched."""
        place = self._places.get(bay)
        if place is None:
            return None
        off_s = self._off.get(place.bay.dock or "", OFF_S)
        return lambda: self.cycle(bay, off_s=off_s)

    def cycle(self, bay: str, *, off_s: float = OFF_S) -> None:
        """Cycle a bay's power.

        Off, proved by the dock and by the drive's disappearance, `off_s` seconds of nothing, and on again.

        Waits; to be called by the bay's own worker, which has let go of the drive. DriverError (PowerNotCut,
        OutputDidNotFollow, DeviceSilent..) if the power was not cut; the bay is wished on whatever happens.
        """
        if (place := self._places.get(bay)) is None:
            raise DockCannot(device=f"bay {bay}", what="power")
        slot = place.bay.slot
        self._wanted_on.discard(bay)  # or the look at the dock would switch it on in between
        try:
            place.thread.ask(
                lambda: place.dock.set_power(slot, False, within=Deadline(SWITCH_S)), key=place.key, within=PROBE_S
            )
            gone = Deadline(GONE_S)
            while place.drive_is_there():
                if gone.passed:
                    raise self._not_cut(place)
                time.sleep(GONE_LOOK_S)
            time.sleep(off_s)
        except BaseException:
            self.on(bay)
            raise
        self._wanted_on.add(bay)
        try:
            others = len(self._places) * self._spin_up.get(place.bay.dock or "", 0.0)
            place.thread.ask(lambda: self._switch_on(place), key=place.key, within=PROBE_S + others)
        except BaseException:
            self.on(bay)
            raise

    def _switch_on(self, place: _Place) -> None:
        """Not while another disk of this dock spins up. A bay that is on (a restarted station) takes nobody's turn."""
        dock, slot, now = place.dock, place.bay.slot, time.monotonic()
        if dock.power(slot, within=Deadline(SWITCH_S)) is True:
            return
        wait = self._spun_up.get(dock.name, 0.0) + self._spin_up.get(place.bay.dock or "", 0.0) - now
        if dock.name in self._spun_up and wait > 0:
            raise Later(wait)
        try:
            dock.set_power(slot, True, within=Deadline(SWITCH_S))
        finally:  # what was not confirmed may have happened all the same
            self._spun_up[dock.name] = time.monotonic()

    def _look(self, dock: Dock) -> None:
        """A dock that lost its outputs (its own power failed) gets them back, one disk after the other."""
        dock.probe(within=Deadline(PROBE_S))
        for name in tuple(self._wanted_on):
            place = self._places[name]
            if place.dock is not dock or place.thread.waits(place.key):
                continue
            if place.dock.power(place.bay.slot, within=Deadline(SWITCH_S)) is False:
                log.warning("bay %s has no power, and should have: it is switched on again", name)
                self.on(name)
        raise Later(PROBE_EVERY_S)

    @staticmethod
    def _not_cut(place: _Place) -> PowerNotCut:
        return PowerNotCut(device=place.dock.name, slot=place.bay.slot, bay=place.bay.name)
