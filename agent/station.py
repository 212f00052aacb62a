"""Puts a station together from its configuration, and runs it. docs/architecture.md lists its threads."""

from __future__ import annotations

import functools
import gc
import hashlib
import logging
import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent import files, state_folder
from agent.bench.books import Books
from agent.bench.engine import Engine
from agent.bench.events import (
    CancelRequested,
    CertificateRejected,
    CommandArrived,
    DeviceFault,
    DirectoryArrived,
    ReprintRequested,
    Scanned,
    Told,
)
from agent.bench.inbox import Inbox
from agent.bench.pending import Awaited
from agent.certificates import keys, signature
from agent.certificates.clock import boot_id, clock, utc_now
from agent.certificates.jws import public_jwk
from agent.devices.control import ControlSocket
from agent.devices.equipment import open_equipment
from agent.devices.notify import Notifier
from agent.devices.station_effects import StationEffects
from agent.devices.threads import Threads
from agent.devices.view import View
from agent.devices.watcher import Watcher
from agent.enrolment.facts import FACTS
from agent.erase.streams import fastest, rates
from agent.errors import LedgerProblem
from agent.jobs.bay import BayState
from agent.jobs.label_proof import LabelState
from agent.jobs.ledger import Ledger
from agent.jobs.registrar import Registrar
from agent.messages import Birth
from agent.settings import Mqtt, Settings
from agent.uplink.uplink import Uplink
from agent.version import version
from agent.views.bay import bay_row
from agent.views.people import everybody, sentences, unfinished_items, waiting_item, who_works
from agent.views.waiting import Beside
from drivers import registry
from drivers.drives.base import DriveSource
from drivers.errors import DeviceGone
from drivers.inputs._readings import Scan, Unfinished, Unreadable
from drivers.inputs.base import Input
from drivers.lasting import lasting
from firmware_bridge.memory import give_back_memory

if TYPE_CHECKING:
    from agent.enrolment.renewal import Renewal

log = logging.getLogger("benchwipe.station")

UPLINK_STOP_S = 0.8
DEVICES_STOP_S = 0.4


class Station:
    """Everything that runs while the daemon does."""

    def __init__(self, settings: Settings, state_dir: Path, config_dir: Path) -> None:
        self.settings = settings
        self.state_dir = state_dir
        files.make_private_folder(state_dir)
        self._lock = state_folder.hold(state_dir)
        self.registrar = Registrar(settings, state_dir)
        if late := signature.overdue(settings.station.signature_alg, datetime.now(UTC).date()):
            log.warning("station.%s", late)
        equipment = open_equipment(settings)
        self.notifier = Notifier()
        self.inbox = Inbox()
        self.uplink = self._uplink(config_dir)
        self.renewal = self._renewal(config_dir)
        self.watchers = {name: self._watcher(name, source) for name, source in equipment.sources.items()}
        self.effects = StationEffects(
            settings,
            equipment,
            self.inbox,
            self.notifier,
            state_dir,
            watchers=self.watchers,
            uplink=self.uplink,
            at_rest=give_back_memory,
        )
        self.engine = Engine(
            settings,
            functools.partial(Books, self.registrar),
            self.effects,
            self.inbox,
            controllers=keys.read_all(settings.mqtt.controller_keys if settings.mqtt else (), config_dir),
        )
        self.threads = Threads(self.inbox.put, self.engine.ask_to_stop)
        self.inputs = {
            device.name: registry.load("inputs", device.driver, device.settings, where=f"input.{device.name}")
            for device in settings.input
        }
        self.control = ControlSocket(state_dir, self._answer)
        self.view = View(state_dir, self.registrar.key.public_key(), self._status)
        self._control_ledger: Ledger | None = None
        self._end_of_inputs = threading.Event()

    def run(self) -> None:
        """Start everything, run the engine until a signal ends it, and end everything in under five seconds.

        SIGTERM, SIGINT, or its terminal's end.

        ThreadLost, after all that: a thread is gone without which nobody may believe that the station works.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue  # nohup
            signal.signal(number, lambda received, _: self.engine.ask_to_stop(signal.Signals(received).name))
        self.threads.listen()
        self.effects.alarms.take_back()
        self.engine.recover()
        self.effects.watch_docks()
        for name, device in self.inputs.items():
            self._scanner(name, device).start()
        for part in (self.uplink, self.renewal):
            if part:
                part.start()
        for watcher in self.watchers.values():
            watcher.start()
        gc.collect()  # 0.4 MB of what starting left behind (benchmarks/idle_footprint.py)
        gc.freeze()
        give_back_memory()
        self.view.start()
        self.control.start()  # last: whoever gets an answer finds everything else running
        self.notifier.ready(f"{len(self.settings.bay)} bays")
        log.info("station %s runs with %d bays", self.settings.station.id, len(self.settings.bay))
        try:
            self.engine.run()
        finally:
            self._end()
        if self.threads.problem is not None:
            raise self.threads.problem

    def _end(self) -> None:
        self.notifier.stopping()
        self._end_of_inputs.set()
        for watcher in self.watchers.values():
            watcher.stop()
        if self.renewal:
            self.renewal.stop()
        if self.uplink:
            self.uplink.stop(UPLINK_STOP_S)
        self.effects.close(DEVICES_STOP_S)
        self.view.close()
        self.control.close()
        if self._control_ledger:
            self._control_ledger.close()
        self.registrar.close()
        os.close(self._lock)
        log.info("station %s has stopped", self.settings.station.id)

    def _watcher(self, name: str, source: DriveSource) -> Watcher:
        bays = {bay.port: bay.name for bay in self.settings.bay if bay.source == name}
        nameless = self.settings.allow_unidentified
        return Watcher(name, source, bays, protect=(self.state_dir,), put=self.inbox.put, allow_unidentified=nameless)

    # Scanners and keypads

    def _scanner(self, name: str, device: Input) -> threading.Thread:
        """The thread of an input. Standard input may end; every other one lasts as long as the station.

        A driver's defect takes no drive's work along: the bench goes on without that scanner, and says so.
        """
        ended = threading.Event()

        def body() -> None:
            self._read(name, device)
            if not device.endless:
                ended.set()

        return lasting(f"input-{name}", body, over=lambda: ended.is_set() or self._end_of_inputs.is_set(), vital=False)

    def _read(self, name: str, device: Input) -> None:
        """Readings into the engine's queue, until the end; a device that is gone is an alarm."""

        def changed(gone: DeviceGone | None) -> None:
            self.inbox.put(DeviceFault(name, DeviceGone.code, str(gone) if gone else None))

        try:
            for reading in device.readings(self._end_of_inputs, changed):
                match reading:
                    case Scan(text, symbology):
                        self.inbox.put(Scanned(text, symbology, name, time.monotonic()))
                    case Unfinished(number):
                        self.inbox.put(Told("number_unfinished", {"number": number}))
                    case Unreadable(reason):
                        log.warning("input %s: %s", name, reason)
                        self.inbox.put(Told("scan_again"))
        except Exception as error:  # its scans do nothing until it is begun again
            self.inbox.put(DeviceFault(name, "BW-D99", f"{type(error).__name__}: {error}"))
            raise
        self.inbox.put(DeviceFault(name, "BW-D99", None))

    # MQTT

    def _uplink(self, config_dir: Path) -> Uplink | None:
        if self.settings.mqtt is None:
            log.warning("no [mqtt] in the configuration: certificates wait in the outbox")
            return None
        return Uplink(
            self.settings.mqtt,
            station_id=self.settings.station.id,
            base_dir=config_dir,
            open_ledger=lambda: Ledger(self.state_dir),
            birth=self._birth,
            boot_id=boot_id(),
            on_rejected=lambda row, reason: self.inbox.put(CertificateRejected(row, reason)),
            on_command=lambda request: self.inbox.put(CommandArrived(request)),
            on_config=lambda body: self.inbox.put(DirectoryArrived(body)),
            on_trouble=lambda name, code, text: self.inbox.put(DeviceFault(name, code, text)),
            now=utc_now,
            collectors=self._collectors(self.settings.mqtt, config_dir),
        )

    def _renewal(self, config_dir: Path) -> Renewal | None:
        """Who renews the connection's certificate; nobody where no enrolment gave it."""
        tls, uplink = self.settings.mqtt.tls if self.settings.mqtt else None, self.uplink
        folder = config_dir / tls.certificate if tls and tls.certificate else None
        if folder is None or uplink is None or not (folder.parent / FACTS).exists():
            return None
        from agent.enrolment.renewal import Renewal  # nobody else needs it

        return Renewal(
            folder.parent,
            self.state_dir,
            connected=lambda: uplink.status.connected,
            trouble=lambda text: self.inbox.put(DeviceFault("enrolment", "BW-A85", text)),
        )

    @staticmethod
    def _collectors(mqtt: Mqtt, config_dir: Path) -> dict[str, Ed25519PublicKey]:
        found = keys.read_all(mqtt.collector_keys if mqtt else (), config_dir)
        if not found:
            log.warning("mqtt: %s", keys.TRUSTS_THE_BROKER)
        return found

    def _birth(self, depth: int) -> Birth:
        return Birth(
            software={"name": "benchwipe", "version": version()},
            bays=tuple(bay.name for bay in self.settings.bay),
            capabilities=("overwrite",),
            policy_hash=hashlib.sha256(
                msgspec.json.encode((self.settings.station.policy, self.settings.policy))
            ).hexdigest(),
            clock=msgspec.to_builtins(clock()),
            outbox_depth=depth,
            key=public_jwk(self.registrar.key.public_key()),
            stream=fastest(),
            stream_mb_per_s={name: round(rate) for name, rate in rates().items()},
            boot_id=boot_id(),
            ts=utc_now(),
        )

    # benchwipe status

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("ask"):
            case "status":
                return {**self._status(), "uplink": self._uplink_row(self._outbox_depth())}
            case "cancel":
                return self._cancel(request.get("bay"))
            case "reprint":
                return self._reprint(request.get("label"))
            case other:
                return {"error": f"unknown request {other!r}; known: status, cancel, reprint"}

    def _cancel(self, bay: object) -> dict[str, Any]:
        if not isinstance(bay, str) or bay not in self.engine.bays:
            return {"error": f"no bay is called {bay!r}; known: {', '.join(self.engine.bays)}"}
        self.inbox.put(CancelRequested(bay, "command line"))
        return {"asked": bay}

    def _reprint(self, label: object) -> dict[str, Any]:
        """The engine prints; here only what it cannot answer any more."""
        if not self.settings.printer:
            return {"error": "this station has no printer"}
        try:
            known = self._ledger_of_control().chain.certificate_of(label) if _is_text(label) else None
        except LedgerProblem as problem:
            return {"error": problem.line()}
        if known is None:
            return {"error": f"no certificate of this station has the number or id {label!r}"}
        self.inbox.put(ReprintRequested(known[1]))
        return {"asked": known[1]}

    def _status(self) -> dict[str, Any]:
        uplink = self.uplink.status if self.uplink else None
        beside, now = self._beside(), time.monotonic()
        return {
            "station": self.settings.station.id,
            "language": self.effects.language,
            "commands": dict(self.effects.commands),
            "said": self.effects.said,
            **self._told(),
            "sound": self.settings.senses.sound,
            "bays": [bay_row(bay, now=now, beside=beside) for bay in list(self.engine.bays.values())],
            "labels": [
                {"number": label.number, "state": label.state.value, "copy": label.copy, "detail": label.detail}
                for label in self.engine.labels.open
            ],
            "alarms": {name: alarm.text for name, alarm in self.effects.alarms.standing.items()},
            "alarm_codes": {name: alarm.code for name, alarm in self.effects.alarms.standing.items()},
            "uplink": self._uplink_row(uplink.outbox_depth if uplink else None),
        }

    def _uplink_row(self, depth: int | None) -> dict[str, Any] | None:
        if self.uplink is None:
            return None
        status = self.uplink.status
        return {
            "connected": status.connected,
            "outbox_depth": depth,
            "last_error": status.last_error,
            "receipts_ignored": status.receipts_ignored,
            "most_bytes": status.most_bytes,
        }

    def _told(self) -> dict[str, Any]:
        """What the screen says to whom, what happened, and what waits beside the bays."""
        language, words, shown = self.effects.language, self.effects.commands, self.engine.shown
        return {
            **who_works(self.engine.context),
            "next": sentences(shown, language, words),
            "happened": sentences(
                (line.said for line in self.engine.table.happened.lines if line.said not in shown), language, words
            ),
            "people": everybody(self.engine.people()),
            "pending": [
                *(
                    waiting_item(
                        item.what, label=item.label, asset=item.asset, serial=item.serial, bay=item.bay, who=item.who
                    )
                    for item in self._not_in_a_row()
                ),
                *unfinished_items(self.engine.unfinished()),
            ],
        }

    def _not_in_a_row(self) -> list[Awaited]:
        """What waits, but for what the row of its own bay says."""
        rows = {bay.certificate_number for bay in self.engine.bays.values() if bay.certificate_number}
        empty = {bay.name for bay in self.engine.bays.values() if bay.state is BayState.EMPTY}
        return [
            item
            for item in self.engine.pending.items
            if item.label not in rows and not (item.what == "put_back" and item.bay in empty)
        ]

    def _beside(self) -> Beside:
        waiting = self.engine.pending.items
        labels = {item.label: LabelState.PRINTED for item in waiting if item.what == "label"}
        labels |= {label.number: label.state for label in self.engine.labels.open}
        return Beside(labels, {item.bay: item.serial for item in waiting if item.what == "put_back"})

    def _outbox_depth(self) -> int | None:
        """From the ledger, in the control socket's own thread: the courier's figure is as old as its last look."""
        try:
            return self._ledger_of_control().outbox.depth()
        except LedgerProblem as problem:
            log.warning("the outbox cannot be counted: %s", problem)
            return None

    def _ledger_of_control(self) -> Ledger:
        self._control_ledger = self._control_ledger or Ledger(self.state_dir)
        return self._control_ledger


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is a string that any database takes: JSON may hold half of a surrogate pair."""
    return isinstance(value, str) and value.isprintable()
