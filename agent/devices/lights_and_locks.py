"""The bays' lights and locks, by their bays' states. Wishes go to the dock's own thread; the last one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from agent.devices.device_thread import DeviceThread
from agent.jobs.bay import Bay, BayState
from agent.settings import BaySettings
from drivers.deadline import Deadline
from drivers.docks.base import Dock, Light, Lights, Lock

DEVICE_S = 2.0

LIGHTS: Mapping[BayState, Light] = {
    BayState.EMPTY: Light.OFF,
    BayState.WAITING: Light.READY,
    BayState.BLOCKED: Light.ATTENTION,
    BayState.COUNTDOWN: Light.READY,
    BayState.CYCLING: Light.WORKING,
    BayState.ERASING: Light.WORKING,
    BayState.VERIFYING: Light.WORKING,
    BayState.STALLED: Light.ATTENTION,
    BayState.CERTIFYING: Light.WORKING,
    BayState.FINISHED: Light.DONE,
    BayState.QUARANTINED: Light.ATTENTION,
}


class LightsAndLocks:
    """What docks show of their bays, and which drives they hold. The engine's thread only."""

    def __init__(
        self,
        bays: Iterable[BaySettings],
        docks: Mapping[str, Dock],
        threads: Mapping[str, DeviceThread],
        stopping: Callable[[], bool],
    ) -> None:
        """`docks` by their names in the configuration, `threads` by those of the devices."""
        self._places = {bay.name: (docks.get(bay.dock or ""), bay.slot) for bay in bays}
        self._threads, self._stopping = threads, stopping
        self._busy: dict[str, bool] = {}

    def show(self, bay: Bay) -> None:
        """Set light and lock of a bay as its state wants them."""
        self._light(bay)
        self._keep_in(bay)

    def _light(self, bay: Bay) -> None:
        dock, slot = self._places[bay.name]
        if not isinstance(dock, Lights):
            return
        light = LIGHTS[bay.state]
        if bay.state is BayState.FINISHED and bay.claim != "erased":
            light = Light.ATTENTION if bay.claim == "unread" else Light.FAILED
        self._threads[dock.name].call(
            lambda: dock.set_light(slot, light, within=Deadline(DEVICE_S)), key=("light", slot)
        )

    def _keep_in(self, bay: Bay) -> None:
        """Tell the dock whether a drive is at work: it locks, and holds its power if this station falls silent.

        A station that stops says nothing of "no more": the drive may go on by itself inside a firmware erasure.
        """
        if self._stopping() and not bay.busy:
            return
        dock, slot = self._places[bay.name]
        if not isinstance(dock, Lock) or self._busy.get(bay.name) is bay.busy:
            return
        self._busy[bay.name] = busy = bay.busy
        self._threads[dock.name].call(lambda: dock.set_busy(slot, busy, within=Deadline(DEVICE_S)), key=("busy", slot))
