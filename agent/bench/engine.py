"""One queue of events, timers, effects: the only one who changes the bay table.

Everybody else (watchers, workers, inputs, the uplink, the command socket) puts immutable events into `inbox`. What
must happen in the world goes out through `Effects` (bench/wishes.py), none of which may wait for a device. Its
hands are in bench/: reception.py (drives come and go), workforce.py (their workers), books.py (what is written down),
each with its pure part beside it: arrival.py, bays.py, dialogue.py, job.py.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.bench import device_reports
from agent.bench.alarms import critical
from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.controllers import Remote
from agent.bench.effects import Effects
from agent.bench.events import (
    CancelRequested,
    CertificateRejected,
    CommandArrived,
    DeviceFault,
    DockReported,
    DriveArrived,
    DriveCycled,
    DriveLeft,
    DriveUnreadable,
    Event,
    LabelResult,
    ReprintRequested,
    Scanned,
    Told,
    Worked,
    WorkEnded,
)
from agent.bench.labels import LabelDesk
from agent.bench.reception import Reception
from agent.bench.scan_desk import ScanDesk
from agent.bench.workforce import RETRY_S, Workforce
from agent.certificates.clock import boot_id
from agent.certificates.outcome import CANCELLED, Aborted
from agent.erase import Progress
from agent.jobs import job
from agent.jobs.bay import Bay, BayState, emptied, move
from agent.jobs.job import JobState
from agent.jobs.registrar import Registrar
from agent.scan.context import Context
from agent.settings import Settings

log = logging.getLogger("benchwipe.engine")

NOBODY: Mapping[str, Ed25519PublicKey] = MappingProxyType({})
INBOX_BOUND = 10_000
TICK_S = 0.25
DAY_S = 86400.0
SHUTDOWN_S = 2.5  # of the five seconds that a stop may take: the uplink and the devices want theirs


class Engine:
    """The bay table and all that changes it. `run` belongs to the main thread."""

    def __init__(
        self,
        settings: Settings,
        registrar: Registrar,
        effects: Effects,
        *,
        controllers: Mapping[str, Ed25519PublicKey] = NOBODY,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`controllers`: thumbprint -> key of those whose commands over MQTT are obeyed."""
        self.now = now
        self.inbox: queue.Queue[Event] = queue.Queue(INBOX_BOUND)
        self.table = BayTable([bay.name for bay in settings.bay], effects)
        self.stopping = False
        self._books = Books(registrar, self.table.alarm)
        self._workforce = Workforce(self.table, self._books, now=now, give_up_s=settings.station.stalled_power_off_s)
        self._reception = Reception(settings, self.table, self._books, self._workforce, now=now, boot_id=boot_id())
        self.labels = LabelDesk(self.table, self._books)
        self._scans = ScanDesk(settings, self.table, self._books, self._reception, self.labels, self._cancel)
        self._workforce.freed = self._reception.settle_all
        self._remote = Remote(self.table, self._books, self._cancel_and_say, controllers)
        self._stop_asked: str | None = None
        self._retry_at = 0.0
        self._keys_at = now() + DAY_S  # `recover` does it at the start
        self._seconds_told: dict[str, int] = {}

    @property
    def bays(self) -> dict[str, Bay]:
        """The rows, by name. Any thread may read them: each is frozen, and the keys stay."""
        return self.table.bays

    @property
    def context(self) -> Context:
        """Who is signed in, for whom, and what is expected. Any thread may read it: it is frozen."""
        return self._reception.context

    # The loop

    def recover(self) -> None:
        """Find every job that an earlier run left: none is taken for done, all wait for their drive.

        LedgerProblem if it cannot be read, or a certificate that a power cut left without a row not be recorded.
        """
        for old in self._books.recover():
            if old.bay and old.state in job.WORKING:
                self._books.keep(job.advance(old, JobState.INTERRUPTED))
                who = old.drive.serial or old.drive.wwn or old.drive.device
                log.warning("job %s of drive %s was interrupted; it goes on when the drive is there", old.id, who)
        self._remote.recover()
        for row, reason in self._books.set_aside():
            self._rejected(row, reason)
        self.table.say("station_ready")
        self.labels.recover()
        for bay in self.bays.values():
            self.table.tell(self.table.effects.restore, bay)
            self.table.put(bay)

    def run(self) -> None:
        """Handle events until a stop was asked for and every worker has let go, or the time for that is over."""
        deadline: float | None = None
        while deadline is None or (self._working() and self.now() < deadline):
            with contextlib.suppress(queue.Empty):
                self.handle(self.inbox.get(timeout=TICK_S))
            self.tick()
            self.table.tell(self.table.effects.beat)
            if self._stop_asked is not None and not self.stopping:
                self.stop(self._stop_asked)
                deadline = self.now() + SHUTDOWN_S
        self._workforce.leave_behind()

    def put(self, event: Event) -> None:
        """For every other thread. Progress may be dropped when the queue is full; nothing else ever is."""
        if isinstance(event, Worked) and isinstance(event.report, Progress):
            with contextlib.suppress(queue.Full):
                self.inbox.put_nowait(event)
            return
        self.inbox.put(event)

    def ask_to_stop(self, reason: str) -> None:
        """Shut down soon. Takes no lock, so that a signal handler may call it."""
        self._stop_asked = reason

    def stop(self, reason: str) -> None:
        """Begin nothing more, and ask every worker to let go."""
        log.info("stopping: %s", reason)
        self.stopping = self._reception.closed = True
        self._workforce.stop_all()

    def handle(self, event: Event) -> None:
        """React to one event. A defect of ours in doing so costs this one event, and is said."""
        self.table.guarded(self._react, event)
        self.table.guarded(self._scans.look_again)

    def tick(self) -> None:
        """Whatever is due by the clock, bay by bay: trouble in one costs the others nothing."""
        for name in self.bays:
            self.table.guarded(self._tick_bay, name)
        self.table.guarded(self._remote.settle)
        if self.now() >= self._keys_at:
            self._keys_at = self.now() + DAY_S
            at_work = {bay.job.id for bay in self.bays.values() if bay.job is not None}
            self.table.guarded(self._books.forget_keys, at_work)
        if self.now() >= self._retry_at:
            self._retry_at = self.now() + RETRY_S
            self.table.guarded(self._books.retry)
            self.table.guarded(self.labels.retry)
            self._workforce.certify_waiting()
            self._reception.settle_all()

    def _react(self, event: Event) -> None:
        match event:
            case DriveArrived() | DriveUnreadable() | DriveCycled():
                self._reception.arrived(event)
            case DriveLeft():
                self._reception.left(event)
            case Scanned():
                self._scans.scanned(event)
            case CancelRequested():
                self._cancel_and_say(self.table[event.bay])
            case CommandArrived():
                self._remote.received(event.request)
            case Worked():
                self._workforce.worked(event)
            case WorkEnded():
                self._workforce.work_ended(event)
            case CertificateRejected():
                self._rejected(event.id, event.reason)
            case LabelResult():
                self.labels.result(event)
            case ReprintRequested():
                self.labels.reprint(event.label)
            case DeviceFault() | DockReported() | Told():
                device_reports.heard(self.table, event, pressed=self._scans.pressed)

    def _tick_bay(self, name: str) -> None:
        bay = self.table[name]
        if self.stopping:
            return
        if bay.busy:
            self._workforce.mind(bay)
        elif bay.state is BayState.COUNTDOWN and bay.due is not None:
            left = bay.due - self.now()
            if left <= 0:
                self._workforce.start(bay)
            elif self._seconds_told.get(name) != round(left):
                self._seconds_told[name] = round(left)
                self.table.tell(self.table.effects.progressed, bay)

    # People

    def _cancel(self, bay: Bay) -> str:
        """What to say of it. Idempotent: a bay where nothing counts down or works stays as it is.

        A quarantined one is used again.
        """
        if bay.busy and bay.progress is not None and bay.progress.phase == "firmware":
            return "drive_erases_itself"
        if bay.busy:
            self._workforce.stop(bay.name, CANCELLED)
        elif bay.state is BayState.COUNTDOWN and bay.job:
            if bay.job.state is JobState.PLANNED:
                self.table.put(move(bay, BayState.WAITING, job=None, due=None, asks=""))
                self._reception.cancel_planned(bay.job)
            else:
                self._workforce.conclude(bay, Aborted(self._books.work_done(bay.job.id), CANCELLED))
        elif bay.state is BayState.QUARANTINED:
            self.table.alarm(f"bay-{bay.name}", None)
            self.table.tell(self.table.effects.restore, bay)
            self.table.put(emptied(bay))
            self._reception.settle(bay.name)
        else:
            return "nothing_to_cancel"
        return "cancelled"

    def _cancel_and_say(self, bay: Bay) -> str:
        said = self._cancel(bay)
        self.table.say(said, bay=bay.name)
        return said

    # Small things

    def _working(self) -> bool:
        return any(bay.busy for bay in self.bays.values())

    def _rejected(self, row: str, reason: str) -> None:
        text = f"The collector refused certificate {row[:12]}: {reason}"
        self.table.alarm(f"certificate-{row[:12]}", critical("BW-U02", text) if reason else None)
