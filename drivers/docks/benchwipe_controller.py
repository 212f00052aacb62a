"""Our own dock controller: power, lock, fan, lamps and sensors of up to eight bays over a serial line.

docs/controller.md has the wiring, the protocol and the firmware. The controller keeps limits and lease by itself: a
station that dies leaves idle bays off and busy ones on, for `busy_hold_s`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.docks._attachment import Attachment, ControllerRefused, Heard
from drivers.docks.base import DockEvent, Light, Lights, Lock, Power, Readings, Sensors
from drivers.errors import DeviceSilent
from drivers.senses import BLINK_S, Senses
from firmware_bridge.controller import wire
from firmware_bridge.link import Link, RequestRefused
from firmware_bridge.messages import BayState
from firmware_bridge.serial_line import SerialLine

LightName = Literal["off", "ready", "working", "attention", "done", "failed"]

PLAY, TICK, CROSS = 1, 2, 4  # the three lamps' symbols; a state is a pattern of shapes, whatever the colours
LAMPS: dict[str, int] = {
    Light.OFF.value: 0,
    Light.READY.value: PLAY | TICK,
    Light.WORKING.value: PLAY,
    Light.ATTENTION.value: PLAY | CROSS,
    Light.DONE.value: TICK,
    Light.FAILED.value: CROSS,
}
FIRST_LAMP = 4  # its bit among the outputs
STRAY_MILLIAMPS, STRAY_MILLIVOLTS = 50, 1000  # above these a bay has power, whatever its switch says
RETRY_S = 0.05
REV_TRIES = 3
LONGEST_BEAT_S = min(BLINK_S.values()) / 2  # lamps blink with the heartbeats


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`port`: a name under /dev/serial/by-id. 0 for a limit is the controller's own, which nothing here can lift.

    `dtr`: true only for the board's own USB port. `blink`: the lights that do, where the station's senses let any.
    `lamps`: other patterns of the three lamps than ours, as bits 1, 2 and 4.
    """

    port: Annotated[str, msgspec.Meta(min_length=1)]
    slots: Annotated[int, msgspec.Meta(ge=1, le=8)] = 2
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800] = 115200
    dtr: bool = False
    lease_ms: Annotated[int, msgspec.Meta(ge=500, le=60000)] = wire.DEFAULT_LEASE_MS
    busy_hold_s: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 14400
    max_milliamps: Annotated[int, msgspec.Meta(ge=0, le=30000)] = 0
    max_celsius: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    blink: tuple[LightName, ...] = ("attention",)
    lamps: dict[LightName, Annotated[int, msgspec.Meta(ge=0, le=7)]] = {}


class Driver(Power, Lock, Lights, Sensors):
    """Everything that a dock can have."""

    settle_seconds: ClassVar[float] = 1.0  # for the capacitors behind a switch

    def __init__(self, name: str, settings: Settings) -> None:
        self.name, self.slots = name, settings.slots
        self._settings = settings
        self._senses = Senses()
        self._put: Callable[[DockEvent], None] | None = None
        self._states: tuple[BayState, ...] = ()
        self._told: tuple[BayState, ...] = ()
        self._telling = threading.Lock()
        self._deaf: frozenset[int] = frozenset()
        self._lights: dict[int, Light] = {}
        self._shown: dict[int, int] = {}
        self._busy: dict[int, bool] = {}
        self._controller = Attachment(
            name,
            lambda: SerialLine(settings.port, settings.baud, dtr=settings.dtr),
            self._begin,
            slots=settings.slots,
            beat_s=min(settings.lease_ms / 4000, LONGEST_BEAT_S),
            on_beat=self._on_beat,
        )

    # What the station asks for

    def adjust(self, senses: Senses) -> None:
        """Keep the senses: the brightness goes with each session, where its firmware can dim.

        Which lights blink at all is its own setting.
        """
        self._senses = senses

    def probe(self, *, within: Deadline) -> None:
        """Take one look at all bays."""
        self._look(within)
        self._tell_changes()

    def switch_power(self, slot: int, on: bool, *, within: Deadline) -> None:
        """Switch both rails. Wait while another drive spins up.

        Raise ControllerRefused where a limit has cut the bay's power.
        """
        self._set(slot, wire.POWER, wire.POWER if on else 0, within)

    def power(self, slot: int, *, within: Deadline) -> bool | None:
        """Tell whether the bay has power.

        On if both rails are; off if none is and neither current nor voltage says otherwise; else None.
        """
        self.require(slot)
        state = self._look(within)[slot - 1]
        rails = state.outputs & wire.POWER
        if rails == wire.POWER:
            return True
        milliamps = 0 if state.milliamps == wire.NO_MILLI else state.milliamps
        millivolts = 0 if state.millivolts == wire.NO_MILLI else state.millivolts
        return None if rails or milliamps > STRAY_MILLIAMPS or millivolts > STRAY_MILLIVOLTS else False

    def switch_lock(self, slot: int, locked: bool, *, within: Deadline) -> None:
        """Switch the lock's line. Where it is a contact that reports it, that is the door's business."""
        self._set(slot, wire.LOCK, wire.LOCK if locked else 0, within)

    def locked(self, slot: int, *, within: Deadline) -> bool | None:
        """Read the lock's line, as the controller reads it."""
        self.require(slot)
        return bool(self._look(within)[slot - 1].outputs & wire.LOCK)

    def set_busy(self, slot: int, busy: bool, *, within: Deadline) -> None:
        """Lock and hold the slot while busy.

        A controller that hears nothing more does not cut the power of such a slot.
        """
        self.require(slot)
        self._busy[slot] = busy
        mask = wire.BUSY | wire.LOCK | wire.FAN
        self._set(slot, mask, mask if busy else 0, within)
        self._follow(slot, busy, self.locked, ("unlocked", "locked"), within)

    def set_light(self, slot: int, light: Light, *, within: Deadline) -> None:
        """Set a pattern of the three lamps. Blinking is done by the lease's thread."""
        self.require(slot)
        self._lights[slot] = light
        self._shown.pop(slot, None)
        self._show(slot, within)

    def readings(self, slot: int, *, within: Deadline) -> Readings:
        """Read what the contacts and the sensors say."""
        self.require(slot)
        return _readings(self._look(within)[slot - 1])

    def subscribe(self, put: Callable[[DockEvent], None]) -> None:
        """Take the receiver of events. They come from the lease's thread, and from `probe`."""
        self._put = put

    def close(self) -> None:
        """Close the controller.

        Idle bays go off when the lease is over; busy ones stay on for `busy_hold_s`.
        """
        self._controller.close()

    def enter_boot(self, *, within: Deadline) -> None:
        """Make it ready for new firmware, with all bays off. Raise ControllerRefused while a bay is busy."""

        def boot(link: Link) -> None:
            assert self._controller.info is not None
            link.enter_boot(self._controller.info.uid)

        self._controller.do(boot, within=within)

    # Inside

    def _begin(self, link: Link) -> None:
        """A new session: what is on stays on. A controller that was reset learns anew which drives are at work."""
        wanted = self._settings
        link.open(
            wanted.lease_ms,
            busy_hold_s=wanted.busy_hold_s,
            max_milliamps=wanted.max_milliamps,
            max_decicelsius=wanted.max_celsius * 10,
        )
        info = self._controller.info
        if info is not None and info.capabilities & wire.CAN_DIM:
            link.dim(self._senses.brightness)
        self._states = link.bays()
        self._shown.clear()
        for slot, busy in self._busy.items():
            if busy and not self._states[slot - 1].outputs & wire.BUSY:
                mask = wire.BUSY | wire.LOCK | wire.FAN
                link.set_bay(slot - 1, mask, mask, self._states[slot - 1].rev)
        link.heartbeat()

    def _look(self, within: Deadline) -> tuple[BayState, ...]:
        states = self._controller.do(Link.bays, within=within)
        self._states = states
        return states

    def _set(self, slot: int, mask: int, value: int, within: Deadline) -> None:
        """Absolute; carried out once. Whether the hardware followed is for the read-back to say."""
        self.require(slot)

        def switch(link: Link) -> None:
            for tried in range(REV_TRIES):
                state = link.bays()[slot - 1]
                try:
                    link.set_bay(slot - 1, mask, value, state.rev)
                    return
                except RequestRefused as refused:
                    if refused.error == wire.E_HARDWARE:
                        return
                    if refused.error != wire.E_REV or tried == REV_TRIES - 1:
                        raise

        while True:
            try:
                self._controller.do(switch, within=within)
                return
            except ControllerRefused as refused:
                if refused.error != wire.E_SPIN_UP:
                    raise
                if within.passed:
                    raise DeviceSilent(device=self.name, seconds=within.seconds) from refused
                time.sleep(min(RETRY_S, within.left()))

    def _show(self, slot: int, within: Deadline) -> None:
        """The pattern of this moment, unless the lamps have it."""
        light = self._lights[slot]
        pattern = self._settings.lamps.get(light.value, LAMPS[light.value])
        if light.value in self._settings.blink and self._senses.dark(time.monotonic()):
            pattern = 0
        if self._shown.get(slot) != pattern:
            self._shown.pop(slot, None)
            self._set(slot, wire.LED_1 | wire.LED_2 | wire.LED_3, pattern << FIRST_LAMP, within)
            self._shown[slot] = pattern

    def _on_beat(self, heard: Heard) -> None:
        """Buttons as they were pressed; everything else by comparing, so that a missed event changes nothing."""
        for slot in tuple(self._lights):
            self._show(slot, Deadline(1.0))
        self._tell_deafness(heard.faults)
        if not heard.events and not heard.missed:
            return
        self._look(Deadline(1.0))
        for event in heard.events:
            if event.what == wire.SAW_BUTTON and event.value and event.bay < self.slots:
                self._tell(event.bay + 1, "button", self._states[event.bay])
            elif event.what == wire.SAW_LEASE_EXPIRED:
                self._tell(0, "lease", None)
        self._tell_changes()

    def _tell_deafness(self, faults: int) -> None:
        """The heartbeat says that some sensor is silent, a look at the bays where."""
        if self._put is None or not (faults & wire.FAULT_SENSOR or self._deaf):
            return
        states = self._look(Deadline(1.0))[: self.slots] if faults & wire.FAULT_SENSOR else ()
        now = frozenset(slot for slot, state in enumerate(states, start=1) if self._measures_nothing(state))
        before, self._deaf = self._deaf, now
        for slot in sorted(now ^ before):
            self._tell(slot, "deaf" if slot in now else "hears", self._states[slot - 1])

    def _measures_nothing(self, state: BayState) -> bool:
        """Whether a bay tells nothing of what this board can measure."""
        can = self._controller.info.capabilities if self._controller.info else 0
        no_current = can & wire.CAN_CURRENT and state.milliamps == wire.NO_MILLI
        return bool(no_current or (can & wire.CAN_TEMPERATURE and state.decicelsius == wire.NO_TEMPERATURE))

    def _tell_changes(self) -> None:
        """From two threads; each change is told by one of them."""
        with self._telling:
            before, found = self._told, self._states
            self._told = found
        for index, now in enumerate(found[: self.slots]):
            changed = now.inputs ^ (before[index].inputs if before else 0)
            for bit, on, off in (
                (wire.PRESENT, "present", "absent"),
                (wire.DOOR, "door", "door"),
                (wire.OVERCURRENT, "overcurrent", "well"),
                (wire.OVERTEMPERATURE, "hot", "well"),
            ):
                if changed & bit:
                    self._tell(index + 1, on if now.inputs & bit else off, now)

    def _tell(self, slot: int, what: str, state: BayState | None) -> None:
        if self._put is not None:
            self._put(DockEvent(slot, what, _readings(state) if state else Readings()))


def _readings(state: BayState) -> Readings:
    return Readings(
        present=bool(state.inputs & wire.PRESENT),
        door_open=bool(state.inputs & wire.DOOR),
        button=bool(state.inputs & wire.BUTTON),
        milliamps=None if state.milliamps == wire.NO_MILLI else state.milliamps,
        millivolts=None if state.millivolts == wire.NO_MILLI else state.millivolts,
        celsius=None if state.decicelsius == wire.NO_TEMPERATURE else state.decicelsius / 10,
    )
