"""The engine's wishes, carried out: each goes to whoever has the device, and the state to displays and the uplink.

Nothing here makes the engine wait.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from agent.bench.alarms import AlarmBoard, spoken
from agent.bench.inbox import Inbox
from agent.certificates.certificate import Certificate
from agent.certificates.clock import utc_now
from agent.certificates.record import Disposition
from agent.devices.bay_power import BayPower
from agent.devices.device_thread import DeviceThread
from agent.devices.dock_reports import DockReports
from agent.devices.equipment import Equipment
from agent.devices.hash_ahead import HashAhead
from agent.devices.label_printing import LabelPrinting
from agent.devices.lights_and_locks import LightsAndLocks
from agent.devices.notify import Notifier
from agent.devices.watcher import Watcher
from agent.devices.workers import Workers
from agent.erase import EraseSpec, PatternSpan
from agent.erase.signals import Stop
from agent.jobs.bay import Bay
from agent.jobs.job import Job
from agent.messages import Alarm, BayProgressMessage, BayStateMessage, CommandStatus, ReportedConfig
from agent.phrases import Spoken, phrase
from agent.scan.command_words import command_words
from agent.settings import Settings
from agent.uplink.uplink import Uplink
from agent.views.bay import bay_lines
from drivers.deadline import Deadline
from drivers.docks.base import Dock

log = logging.getLogger("benchwipe.effects")

NO_WATCHERS: Mapping[str, Watcher] = MappingProxyType({})


class StationEffects:
    """Effects on real (or wholly simulated) equipment."""

    def __init__(
        self,
        settings: Settings,
        equipment: Equipment,
        inbox: Inbox,
        notifier: Notifier,
        state_dir: Path,
        *,
        watchers: Mapping[str, Watcher] = NO_WATCHERS,
        uplink: Uplink | None = None,
        at_rest: Callable[[], None] = lambda: None,
    ) -> None:
        """`watchers`: by source. `at_rest` is done when no bay has worked for a while.

        Begins a thread for each device; `close` ends them.
        """
        self._at_rest = at_rest
        self.settings, self.notifier, self.uplink = settings, notifier, uplink
        self.said = ""  # the last sentence at the bench; the control thread reads it
        self.language: str = settings.station.language
        self.alarms = AlarmBoard(state_dir, self._publish_alarm)
        self._equipment = equipment
        self._reports = DockReports(settings, equipment.docks, inbox)
        self._threads = threads = {
            device.name: DeviceThread(device.name, self._reports.fault, patient=isinstance(device, Dock))
            for device in equipment.with_threads
        }
        self.power = BayPower(settings.bay, equipment.docks, threads, equipment.sources, settings.dock)
        self._lights = LightsAndLocks(settings.bay, equipment.docks, threads, lambda: inbox.stopping)
        self._labels = LabelPrinting(settings.station, equipment.printers, threads, inbox)
        self._hashes = HashAhead(inbox.put)
        self._workers = Workers(settings.bay, equipment.sources, watchers, self.power, inbox)

    # Effects

    def work(self, bay: Bay, started: Job, spec: EraseSpec, stop: Stop) -> None:
        """Start the worker of a bay."""
        self._hashes.want(None)
        self._workers.start(bay.name, started, spec, stop)

    def can_cycle(self, bay: str) -> bool:
        """Say whether a dock switches this bay's power."""
        return self.power.cycler(bay) is not None

    def bay_changed(self, bay: Bay) -> None:
        """Tell lamps, locks, displays and MQTT of a bay."""
        self._lights.show(bay)
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
        """Show progress on displays and MQTT; both keep no more than the latest.

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
        """Say what happened and what is expected, a line each, on every display of the bench."""
        spoken = ((key, values), then) if then else ((key, values),)
        words = self.commands
        lines = tuple(phrase(self.language, said, **{**words, **named}) for said, named in spoken)
        self.said = " ".join(lines)
        log.info("%s", self.said)
        self._display(lines)

    def report(self, key: str, values: Mapping[str, str]) -> None:
        """Say what happened beside it: on a bench display below what is expected, which stays."""
        line = phrase(self.language, key, **{**self.commands, **values})
        log.info("%s", line)
        self._display((*(text for text in (self.said,) if text), line))

    def _display(self, lines: tuple[str, ...]) -> None:
        for display in self._equipment.displays.values():
            self._threads[display.name].call(functools.partial(display.show, lines, bay=None), key="said")

    @property
    def commands(self) -> Mapping[str, str]:
        """What the commands are called, in the language that is spoken now."""
        return command_words(self.settings.scanning, self.language)

    def speak(self, language: str) -> None:
        """Choose the language of all that is said and shown from now on."""
        self.language = language

    def certified(self, ended: Job | None, certificate: Certificate, *, whole: bool = True) -> None:
        """Print a certificate's label on every printer; the uplink learns that its outbox has a new row."""
        if self.uplink:
            self.uplink.wake()
        self.print_label(certificate, 0, bay=ended.bay if ended else "", whole=whole)

    def print_label(
        self,
        certificate: Certificate,
        copy: int,
        given: Disposition | None = None,
        bay: str = "",
        *,
        whole: bool = True,
    ) -> None:
        """Print a label on every printer, each in its own thread."""
        self._labels.print(certificate, copy, given, bay, whole=whole)

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear, in the station's language; raising the same again is silent."""
        if alarm is not None and not self._reports.in_words(name, alarm):
            language = self.settings.station.language
            alarm = spoken(alarm, language, command_words(self.settings.scanning, language))
        self.alarms.set(name, alarm)

    def config_report(self, report: ReportedConfig) -> None:
        """Say over MQTT what became of a controller's directory."""
        if self.uplink:
            self.uplink.config_report(report)

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

    def hash_ahead(self, place: PatternSpan | None) -> None:
        """Make this hash behind everything else; None: rest."""
        self._hashes.want(place)

    def rest(self) -> None:
        """Give back what only starting or a job needed."""
        self._at_rest()

    def beat(self) -> None:
        """Feed systemd's watchdog."""
        self.notifier.beat()

    # From the start to the end

    def watch_docks(self) -> None:
        """Listen to each dock, and ask now and then whether it is there; to be called once, when the engine runs."""
        self._reports.listen()
        self.power.watch(self._equipment.docks.values(), self._threads)

    def close(self, within: float) -> None:
        """Let the devices finish what is queued, then let go of them. One that hangs is left behind."""
        deadline = Deadline(within)
        self._hashes.want(None)
        for device in self._equipment.with_threads:
            if self._threads[device.name].close(deadline):
                device.close()

    # Inside

    def _show(self, bay: Bay) -> None:
        lines = bay_lines(bay, self.language, now=time.monotonic(), commands=self.commands)
        for display in self._equipment.displays.values():
            show = functools.partial(display.show, lines, bay=bay.name)
            self._threads[display.name].call(show, key=("bay", bay.name))

    def _publish_alarm(self, name: str, alarm: Alarm | None) -> None:
        if self.uplink:
            self.uplink.alarm(name, alarm)


def _drive(bay: Bay) -> dict[str, object] | None:
    if bay.drive is None:
        return None
    shown = ("vendor", "model", "serial", "wwn", "transport", "media", "capacity_bytes")
    facts: dict[str, object] = msgspec.structs.asdict(bay.drive)
    return {name: facts[name] for name in shown}
