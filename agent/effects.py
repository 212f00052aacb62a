"""The engine's wishes, carried out: worker threads, one executor for each dock, printer and display, the uplink.

Nothing here makes the engine wait. An executor's queue is bounded: what a dead device cannot take is dropped and said.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from agent import label
from agent.bays import Bay, BayState
from agent.certificate import Certificate
from agent.clock import utc_now
from agent.engine import Engine
from agent.erase import Checkpoint, EraseSpec, Progress, Stop
from agent.events import DeviceFault, LabelResult, Worked, WorkEnded
from agent.job import Job
from agent.messages import Alarm, BayProgressMessage, BayStateMessage
from agent.notify import Notifier
from agent.phrases import phrase
from agent.settings import Bay as BaySettings
from agent.settings import Settings
from agent.uplink import Uplink
from agent.view import bay_lines
from agent.worker import run_job
from drivers.deadline import Deadline
from drivers.displays.base import Display
from drivers.docks.base import Capability, Dock, Light
from drivers.drives.base import DriveSource
from drivers.errors import DriverError
from drivers.printers.base import Printed, Printer

log = logging.getLogger("benchwipe.effects")

DEVICE_S = 2.0
PRINT_S = 30.0
QUEUE_BOUND = 256

LIGHTS: Mapping[BayState, Light] = {
    BayState.EMPTY: Light.OFF,
    BayState.WAITING: Light.READY,
    BayState.BLOCKED: Light.ATTENTION,
    BayState.COUNTDOWN: Light.READY,
    BayState.ERASING: Light.WORKING,
    BayState.VERIFYING: Light.WORKING,
    BayState.STALLED: Light.ATTENTION,
    BayState.FINISHED: Light.DONE,
    BayState.QUARANTINED: Light.ATTENTION,
}


class DeviceThread:
    """One thread for one device: its calls in order, its faults told once, its silence nobody else's problem."""

    def __init__(self, name: str, fault: Callable[[DeviceFault], None]) -> None:
        self.name = name
        self._fault = fault
        self._failing = False
        self._calls: queue.Queue[Callable[[], None] | None] = queue.Queue(QUEUE_BOUND)
        self._thread = threading.Thread(target=self._run, name=f"device-{name}", daemon=True)
        self._thread.start()

    def call(self, what: Callable[[], None]) -> bool:
        """Queue a call; False, and a line in the log, when the device is so far behind that it is dropped."""
        try:
            self._calls.put_nowait(what)
        except queue.Full:
            log.warning("device %s is %d calls behind: one was dropped", self.name, QUEUE_BOUND)
            return False
        return True

    def close(self, within: float) -> None:
        """Carry out what is queued, for so many seconds at most."""
        try:
            self._calls.put(None, timeout=within)
        except queue.Full:
            return
        self._thread.join(within)

    def _run(self) -> None:
        while (what := self._calls.get()) is not None:
            try:
                what()
                self._tell(None, "")
            except DriverError as error:
                self._tell(error.line(), error.code)
            except Exception as error:  # the edge of a device's thread: its defect stays its own
                log.exception("device %s", self.name)
                self._tell(f"{type(error).__name__}: {error}", "BW-D99")

    def _tell(self, text: str | None, code: str) -> None:
        if text is None and not self._failing:
            return
        self._failing = text is not None
        self._fault(DeviceFault(self.name, code or "BW-D00", text))


@dataclass(frozen=True)
class Bench:
    """The devices of this station, as the configuration names them."""

    sources: Mapping[str, DriveSource]
    docks: Mapping[str, Dock]
    displays: Mapping[str, Display]
    printers: Mapping[str, Printer]


class StationEffects:
    """Effects on a real (or wholly simulated) bench."""

    def __init__(
        self,
        settings: Settings,
        bench: Bench,
        notifier: Notifier,
    ) -> None:
        self.settings = settings
        self.bench = bench
        self.notifier = notifier
        self.uplink: Uplink | None = None
        self.engine: Engine | None = None
        self.alarms: dict[str, Alarm] = {}
        self._bays: Mapping[str, BaySettings] = {bay.name: bay for bay in settings.bay}
        self._devices: tuple[Dock | Display | Printer, ...] = (
            *bench.docks.values(),
            *bench.displays.values(),
            *bench.printers.values(),
        )
        self._threads = {device.name: DeviceThread(device.name, self._put_fault) for device in self._devices}

    # Effects

    def work(self, bay: Bay, planned: Job, spec: EraseSpec, stop: Stop) -> None:
        """Start the worker of a bay, in a thread of its own."""
        place = self._bays[bay.name]
        source = self.bench.sources[place.source]

        def emit(report: Progress | Checkpoint) -> None:
            self._put(Worked(bay.name, planned.id, report))

        def run() -> None:
            outcome = run_job(
                planned.drive,
                spec,
                lambda: source.open(place.port),
                emit,
                stop,
            )
            self._put(WorkEnded(bay.name, planned.id, outcome))

        threading.Thread(target=run, name=f"work-{bay.name}", daemon=True).start()

    def bay_changed(self, bay: Bay) -> None:
        """Lamps, displays, MQTT."""
        self._light(bay)
        self._show(bay)
        if self.uplink:
            self.uplink.bay_state(
                BayStateMessage(
                    bay=bay.name,
                    state=bay.state.value,
                    drive=_drive(bay),
                    job=bay.job.id if bay.job else None,
                    rev=bay.rev,
                    ts=utc_now(),
                )
            )

    def progressed(self, bay: Bay) -> None:
        """Displays and MQTT; both keep no more than the latest."""
        self._show(bay)
        at = bay.progress
        if self.uplink and at and bay.job:
            self.uplink.progress(
                BayProgressMessage(
                    bay=bay.name,
                    job=bay.job.id,
                    phase=at.phase,
                    bytes_done=at.bytes_done,
                    bytes_total=at.bytes_total,
                    mb_per_s=round(at.mb_per_s, 1),
                    celsius=at.celsius,
                )
            )

    def say(self, key: str, values: Mapping[str, str]) -> None:
        """One sentence on every display of the bench."""
        text = phrase(self.settings.station.language, key, **values)
        log.info("%s", text)
        for display in self.bench.displays.values():
            self._threads[display.name].call(functools.partial(display.show, (text,), bay=None))

    def certified(self, ended: Job, certificate: Certificate) -> None:
        """Its label on every printer; the uplink learns that its outbox has a new row."""
        if self.uplink:
            self.uplink.wake()
        for printer in self.bench.printers.values():
            self._threads[printer.name].call(functools.partial(self._print, printer, certificate))

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear; raising the same again is silent."""
        before = self.alarms.get(name)
        if alarm is None:
            if self.alarms.pop(name, None) is None:
                return
            log.info("alarm %s is over", name)
        elif before and (before.code, before.text) == (alarm.code, alarm.text):
            return
        else:
            self.alarms[name] = alarm
            log.warning("alarm %s: %s (%s)", name, alarm.text, alarm.code)
        if self.uplink:
            self.uplink.alarm(name, alarm)

    def abandon(self, bay: Bay) -> None:
        """Cut the power of a bay whose drive answers no more."""
        place = self._bays[bay.name]
        dock = self.bench.docks.get(place.dock or "")
        if dock is None or Capability.POWER not in dock.capabilities:
            log.warning("bay %s: its drive does not answer, and its power cannot be cut from here", bay.name)
            return
        self._threads[dock.name].call(lambda: dock.set_power(place.slot, False, within=Deadline(DEVICE_S)))

    def beat(self) -> None:
        """Feed systemd's watchdog."""
        self.notifier.beat()

    # Inside

    def close(self, within: float) -> None:
        """Let the devices finish what is queued, then let go of them."""
        deadline = Deadline(within)
        for thread in self._threads.values():
            thread.close(deadline.left())
        for device in self._devices:
            device.close()

    def _light(self, bay: Bay) -> None:
        place = self._bays[bay.name]
        dock = self.bench.docks.get(place.dock or "")
        if dock is None or Capability.LIGHT not in dock.capabilities:
            return
        light = LIGHTS[bay.state]
        if bay.state is BayState.FINISHED and bay.outcome != "erased":
            light = Light.FAILED
        self._threads[dock.name].call(lambda: dock.set_light(place.slot, light, within=Deadline(DEVICE_S)))

    def _show(self, bay: Bay) -> None:
        lines = bay_lines(bay, self.settings.station.language)
        for display in self.bench.displays.values():
            self._threads[display.name].call(functools.partial(display.show, lines, bay=bay.name))

    def _print(self, printer: Printer, certificate: Certificate) -> None:
        number = certificate.record.number
        about = self.settings.station
        data = label.write_label(
            certificate, printer.media, language=about.language, certificate_url=about.certificate_url
        )
        result = printer.print(data, label_id=number, within=Deadline(PRINT_S))
        printed = isinstance(result, Printed)
        self._put(LabelResult(number, printed, "" if printed else str(getattr(result, "reason", "not printed"))))

    def _put(self, event: Worked | WorkEnded | LabelResult) -> None:
        assert self.engine is not None
        self.engine.put(event)

    def _put_fault(self, fault: DeviceFault) -> None:
        if self.engine is not None:
            self.engine.put(fault)


def _drive(bay: Bay) -> dict[str, object] | None:
    if bay.drive is None:
        return None
    shown = ("vendor", "model", "serial", "wwn", "transport", "media", "capacity_bytes")
    facts: dict[str, object] = msgspec.structs.asdict(bay.drive)
    return {name: facts[name] for name in shown}
