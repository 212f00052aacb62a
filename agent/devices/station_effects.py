"""The engine's wishes, carried out: worker threads, one thread for each dock, printer and display, the uplink.

Nothing here makes the engine wait.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.bench.alarms import AlarmBoard, spoken
from agent.bench.engine import Engine
from agent.bench.events import DeviceFault, DockReported, DriveCycled, LabelResult, Told, Worked, WorkEnded
from agent.certificates.certificate import Certificate
from agent.certificates.clock import utc_now
from agent.certificates.outcome import Failed, Outcome, Reason, Work
from agent.certificates.record import Disposition
from agent.devices.bay_power import BayPower
from agent.devices.device_thread import DeviceThread
from agent.devices.notify import Notifier
from agent.devices.watcher import Watcher
from agent.erase import Checkpoint, EraseSpec, Progress, Renewed
from agent.erase.signals import Stop
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import Job
from agent.jobs.label_proof import LabelState
from agent.messages import Alarm, BayProgressMessage, BayStateMessage, CommandStatus
from agent.phrases import Spoken, phrase
from agent.settings import Bay as BaySettings
from agent.settings import Settings
from agent.uplink.uplink import Uplink
from agent.views.bay import bay_lines
from drivers.deadline import Deadline
from drivers.displays.base import Display
from drivers.docks.base import Dock, DockEvent, Light, Lights, Lock, Sensors
from drivers.drives.base import DriveSource
from drivers.errors import DeviceGarbled, DeviceGone, DeviceSilent, DeviceTaken
from drivers.printers.base import NotPrinted, Printed, Printer, PrintResult, Unknown

log = logging.getLogger("benchwipe.effects")

DEVICE_S = 2.0
APPEAR_S = 60.0  # a disk that turns takes up to 30 s
PRINT_S = 30.0
SILENT = (DeviceGone.code, DeviceTaken.code, DeviceSilent.code, DeviceGarbled.code)
DIED = Reason("BW-E90", "The station broke down: the worker died", "Erase it again.")

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


@dataclass(frozen=True)
class Bench:
    """The devices of this station, as the configuration names them."""

    sources: Mapping[str, DriveSource]
    docks: Mapping[str, Dock]
    displays: Mapping[str, Display]
    printers: Mapping[str, Printer]


class StationEffects:
    """Effects on a real (or wholly simulated) bench. `engine` and `uplink` are set before the engine runs."""

    def __init__(self, settings: Settings, bench: Bench, notifier: Notifier, state_dir: Path) -> None:
        self.settings = settings
        self.bench = bench
        self.notifier = notifier
        self.uplink: Uplink | None = None
        self.said = ""  # the last sentence at the bench; the control thread reads it
        self.engine: Engine | None = None
        self.language: str = settings.station.language
        self.alarms = AlarmBoard(state_dir, self._publish_alarm)
        self.watchers: Mapping[str, Watcher] = {}
        self._silent_docks: set[str] = set()
        self._busy: dict[str, bool] = {}
        self._bays: Mapping[str, BaySettings] = {bay.name: bay for bay in settings.bay}
        self._devices: tuple[Dock | Display | Printer, ...] = (
            *bench.docks.values(),
            *bench.displays.values(),
            *bench.printers.values(),
        )
        self._threads = {
            device.name: DeviceThread(device.name, self._put_fault, patient=isinstance(device, Dock))
            for device in self._devices
        }
        self.power = BayPower(settings.bay, bench.docks, self._threads, bench.sources, settings.dock)

    # Effects

    def work(self, bay: Bay, started: Job, spec: EraseSpec, stop: Stop) -> None:
        """Start the worker of a bay, in a thread of its own."""
        place = self._bays[bay.name]
        source = self.bench.sources[place.source]

        def emit(report: Progress | Checkpoint | Renewed) -> None:
            self._put(Worked(bay.name, started.id, report))

        def run() -> None:
            outcome: Outcome = Failed(Work(), DIED)
            cycle = self._cycler(place, started.id)
            try:
                from agent.erase.worker import run_job  # the erase engine, with the first job: 1 MB

                outcome = run_job(started.drive, spec, lambda: source.open(place.port), emit, stop, cycle=cycle)
            finally:  # whatever kills this thread: the engine hears that nobody holds the drive any more
                self._put(WorkEnded(bay.name, started.id, outcome))

        threading.Thread(target=run, name=f"work-{bay.name}", daemon=True).start()

    def can_cycle(self, bay: str) -> bool:
        """Whether a dock switches this bay's power."""
        return self.power.cycler(bay) is not None

    def _cycler(self, place: BaySettings, job: str) -> Callable[[], None] | None:
        """Power off and on, for the bay's worker. The watcher looks away meanwhile: this is no drive that left."""
        switch = self.power.cycler(place.name)
        if switch is None:
            return None
        source, watcher = self.bench.sources[place.source], self.watchers.get(place.source)

        def cycle() -> None:
            token = ""
            if watcher is not None:
                watcher.look_away(place.port)
            try:
                switch()
                token = _appeared(source, place.port)
            finally:
                if watcher is not None:
                    watcher.look_back(place.port, token)
            if token:
                self._put(DriveCycled(place.name, job, token))

        return cycle

    def bay_changed(self, bay: Bay) -> None:
        """Lamps, locks, displays, MQTT."""
        self._light(bay)
        self._keep_in(bay)
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
        """Displays and MQTT; both keep no more than the latest.

        Of a command that tells no progress nothing goes out: the collector would make a percentage of it.
        """
        self._show(bay)
        at = bay.progress
        if self.uplink and at and bay.job and at.works_s is None:
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

    def say(self, key: str, values: Mapping[str, str], then: Spoken | None = None) -> None:
        """What happened and what is expected, a line each, on every display of the bench."""
        spoken = ((key, values), then) if then else ((key, values),)
        lines = tuple(phrase(self.language, said, **named) for said, named in spoken)
        self.said = " ".join(lines)
        log.info("%s", self.said)
        for display in self.bench.displays.values():
            self._threads[display.name].call(functools.partial(display.show, lines, bay=None), key="bench")

    def speak(self, language: str) -> None:
        """For all that is said and shown from now on."""
        self.language = language

    def certified(self, ended: Job | None, certificate: Certificate) -> None:
        """Its label on every printer; the uplink learns that its outbox has a new row."""
        if self.uplink:
            self.uplink.wake()
        self.print_label(certificate, 0)

    def print_label(self, certificate: Certificate, copy: int, given: Disposition | None = None) -> None:
        """On every printer, each in its own thread."""
        for name, printer in self.bench.printers.items():
            if not self._threads[printer.name].call(functools.partial(self._print, name, certificate, copy, given)):
                behind = f"{name} is too far behind"
                self._put(LabelResult(certificate.record.number, name, copy, LabelState.NOT_PRINTED, behind))

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear, in the station's language; raising the same again is silent."""
        docks = {f"device-{dock.name}" for dock in self.bench.docks.values()}
        if alarm is not None and not (name in docks and alarm.code in SILENT):  # that one has its words: _of_dock
            alarm = spoken(alarm, self.settings.station.language)
        self.alarms.set(name, alarm)

    def command_status(self, kind: str, command: str, status: CommandStatus) -> None:
        """Answer a controller."""
        if self.uplink:
            self.uplink.command_status(kind, command, status)

    def abandon(self, bay: Bay) -> None:
        """Cut the power of a bay whose drive answers no more."""
        if not self.power.off(bay.name):
            log.warning("bay %s: its drive does not answer, and its power cannot be cut from here", bay.name)

    def restore(self, bay: Bay) -> None:
        """Give the bay power: absolute, so that asking twice does no harm."""
        self.power.on(bay.name)

    def watch_docks(self) -> None:
        """Listen to each dock, and ask now and then whether it is there; to be called once, when the engine runs."""
        for name, dock in self.bench.docks.items():
            if isinstance(dock, Sensors):
                dock.subscribe(functools.partial(self._dock_reported, name))
        self.power.watch(self.bench.docks.values(), self._threads)

    def beat(self) -> None:
        """Feed systemd's watchdog."""
        self.notifier.beat()

    # Inside

    def close(self, within: float) -> None:
        """Let the devices finish what is queued, then let go of them. One that hangs is left behind."""
        deadline = Deadline(within)
        for device in self._devices:
            if self._threads[device.name].close(deadline):
                device.close()

    def _light(self, bay: Bay) -> None:
        place = self._bays[bay.name]
        dock = self.bench.docks.get(place.dock or "")
        if not isinstance(dock, Lights):
            return
        light = LIGHTS[bay.state]
        if bay.state is BayState.FINISHED and bay.claim != "erased":
            light = Light.ATTENTION if bay.claim == "unread" else Light.FAILED
        self._threads[dock.name].call(
            lambda: dock.set_light(place.slot, light, within=Deadline(DEVICE_S)), key=("light", place.slot)
        )

    def _keep_in(self, bay: Bay) -> None:
        """Tell the dock whether a drive is at work: it locks, and holds its power if this station falls silent.

        A station that stops says nothing of "no more": the drive may go on by itself inside a firmware erasure.
        """
        if self.engine is not None and self.engine.stopping and not bay.busy:
            return
        place = self._bays[bay.name]
        dock = self.bench.docks.get(place.dock or "")
        if not isinstance(dock, Lock) or self._busy.get(bay.name) is bay.busy:
            return
        self._busy[bay.name] = busy = bay.busy
        self._threads[dock.name].call(
            lambda: dock.set_busy(place.slot, busy, within=Deadline(DEVICE_S)), key=("busy", place.slot)
        )

    def _dock_reported(self, dock: str, event: DockEvent) -> None:
        bay = next((b.name for b in self.settings.bay if b.dock == dock and b.slot == event.slot), None)
        if self.engine is not None:
            self.engine.put(DockReported(dock, bay, event.what, event.readings.door_open))

    def _show(self, bay: Bay) -> None:
        lines = bay_lines(bay, self.language)
        for display in self.bench.displays.values():
            show = functools.partial(display.show, lines, bay=bay.name)
            self._threads[display.name].call(show, key=("bay", bay.name))

    def _print(self, name: str, certificate: Certificate, copy: int, given: Disposition | None) -> None:
        number = certificate.record.number
        from agent.certificates import label  # with the first label: an idle station does without fonts and layouts

        about, printer = self.settings.station, self.bench.printers[name]
        state, detail = LabelState.NOT_PRINTED, f"{name} failed"
        try:
            data = label.write_label(
                certificate,
                printer.media,
                copy=copy,
                language=about.language,
                certificate_url=about.certificate_url,
                given=given,
            )
            state = LabelState.UNKNOWN  # a printer that breaks down may have printed something
            state, detail = _came_of(printer.print(data, label_id=number, within=Deadline(PRINT_S)))
        finally:
            self._put(LabelResult(number, name, copy, state, detail))

    def _publish_alarm(self, name: str, alarm: Alarm | None) -> None:
        if self.uplink:
            self.uplink.alarm(name, alarm)

    def _put(self, event: Worked | DriveCycled | WorkEnded | LabelResult) -> None:
        assert self.engine is not None
        self.engine.put(event)

    def _put_fault(self, fault: DeviceFault) -> None:
        for name, dock in self.bench.docks.items():
            if dock.name == fault.device:
                fault = self._of_dock(name, fault)
        if self.engine is not None:
            self.engine.put(fault)

    def _of_dock(self, name: str, fault: DeviceFault) -> DeviceFault:
        """A dock's silence, in the technician's words, and which bays it is about; they go on."""
        silent = fault.code in SILENT
        if silent != (name in self._silent_docks):
            self._silent_docks ^= {name}
            if self.engine is not None:
                self.engine.put(Told("dock_silent" if silent else "dock_back", {"dock": name}))
        if not silent:
            return fault
        bays = ", ".join(bay.name for bay in self.settings.bay if bay.dock == name)
        text = phrase(self.settings.station.language, "dock_silent", dock=name)
        return DeviceFault(fault.device, fault.code, f"{text} [{bays}] {fault.text}")


def _came_of(result: PrintResult) -> tuple[LabelState, str]:
    match result:
        case Printed():
            return LabelState.PRINTED, ""
        case NotPrinted(reason=reason):
            return LabelState.NOT_PRINTED, reason
        case Unknown(reason=reason):
            return LabelState.UNKNOWN, reason


def _appeared(source: DriveSource, port: str) -> str:
    """The token of the drive that appears at the port; empty if none does in time."""
    until = Deadline(APPEAR_S)
    while not (token := source.present(frozenset((port,))).get(port, "")) and not until.passed:
        time.sleep(0.25)
    return token


def _drive(bay: Bay) -> dict[str, object] | None:
    if bay.drive is None:
        return None
    shown = ("vendor", "model", "serial", "wwn", "transport", "media", "capacity_bytes")
    facts: dict[str, object] = msgspec.structs.asdict(bay.drive)
    return {name: facts[name] for name in shown}
