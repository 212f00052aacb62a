"""One queue of events, timers, effects: the engine's thread, the only one that changes the bay table.

Everybody else (watchers, workers, inputs, the uplink, the command socket) puts immutable events into the inbox. What
must happen in the world goes out through `Effects`, none of which may wait for a device. Its hands lie beside it:
reception.py (drives come and go), workforce.py (their workers), scan_desk.py (people), books.py (what is written down).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.bench import device_reports
from agent.bench.alarms import critical
from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.controllers import ControllerDesk
from agent.bench.conversation import Conversation
from agent.bench.directory_desk import DirectoryDesk
from agent.bench.effects import Effects
from agent.bench.events import (
    CancelRequested,
    CertificateRejected,
    CommandArrived,
    DeviceFault,
    DirectoryArrived,
    DockReported,
    DriveArrived,
    DriveCycled,
    DriveLeft,
    DriveUnreadable,
    Event,
    HashMade,
    LabelResult,
    ReprintRequested,
    Scanned,
    Told,
    Worked,
    WorkEnded,
)
from agent.bench.inbox import Inbox
from agent.bench.labels import LabelDesk
from agent.bench.pending import PendingDesk
from agent.bench.reception import Reception
from agent.bench.scan_desk import ScanDesk
from agent.bench.workforce import RETRY_S, Workforce
from agent.certificates.clock import boot_id
from agent.jobs import job
from agent.jobs.bay import Bay, BayState
from agent.jobs.job import JobState
from agent.messages import Alarm
from agent.phrases import Spoken
from agent.scan.context import Context
from agent.scan.people import Person, people, unfinished
from agent.settings import Settings

log = logging.getLogger("benchwipe.engine")

NOBODY: Mapping[str, Ed25519PublicKey] = MappingProxyType({})
TICK_S = 0.25
DAY_S = 86400.0
REST_S = 5.0
"""After a start, and after a job: by then the connection to the broker is open, and a certificate is sent."""
SHUTDOWN_S = 2.5  # of the five seconds that a stop may take: the uplink and the devices want theirs

Raise = Callable[[str, Alarm | None], None]
"""Raises an alarm of that name, or clears it with None."""


class Engine:
    """The bay table and all that changes it. `run` belongs to the main thread."""

    def __init__(
        self,
        settings: Settings,
        make_books: Callable[[Raise], Books],
        effects: Effects,
        inbox: Inbox,
        *,
        controllers: Mapping[str, Ed25519PublicKey] = NOBODY,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make_books` is given what raises the alarm of a failing disk.

        `controllers`: thumbprint -> key of those whose commands over MQTT are obeyed.
        """
        self.now, self.inbox, self._settings = now, inbox, settings
        self._conversation = Conversation(settings)
        self.table = BayTable([bay.name for bay in settings.bay], effects, self._conversation.answer, now=now)
        self._books = make_books(self.table.alarm)
        self.pending = PendingDesk(settings, self._books)
        self._workforce = Workforce(
            self.table, self._books, self.pending, now=now, give_up_s=settings.station.stalled_power_off_s
        )
        self._reception = Reception(
            settings,
            self.table,
            self._books,
            self._workforce,
            self.pending,
            terms=self._conversation.terms,
            now=now,
            boot_id=boot_id(),
        )
        self.labels = LabelDesk(self.table, self._books, self.pending)
        self._scans = ScanDesk(
            settings, self.table, self._books, self._reception, self.labels, self.pending, self._conversation
        )
        self._controllers = ControllerDesk(self.table, self._books, self._reception.cancel_and_say, controllers)
        self._directory = DirectoryDesk(settings, self.table, self._books, controllers, self._use)
        self._stop_asked: str | None = None
        self._retry_at = 0.0
        self._keys_at = now() + DAY_S  # `recover` does it at the start
        self._rests_at: float | None = now() + REST_S
        self._seconds_told: dict[str, int] = {}

    @property
    def bays(self) -> dict[str, Bay]:
        """The rows, by name. Any thread may read them: each is frozen, and the keys stay."""
        return self.table.bays

    @property
    def context(self) -> Context:
        """Who is signed in, for whom, and what is expected. Any thread may read it: it is frozen."""
        return self._conversation.context

    @property
    def shown(self) -> tuple[Spoken, ...]:
        """What the screen says now. Any thread may read it."""
        return self._conversation.shown

    def people(self) -> tuple[Person, ...]:
        """List who is signed in, and what is said to each. Any thread may ask."""
        return people(self.context, self.bays, self._settings)

    def unfinished(self) -> tuple[Context, ...]:
        """List what people began who are not signed in. Any thread may ask."""
        return unfinished(self.context)

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
        self._controllers.recover()
        self._directory.recover()
        for row, reason in self._books.set_aside():
            self._rejected(row, reason)
        self._conversation.recall(self.pending.recover())
        self.table.say("station_ready")
        self.labels.recover()
        for bay in self.bays.values():
            self.table.tell(self.table.effects.restore, bay)
            self.table.put(bay)

    def _use(self, settings: Settings) -> None:
        """Put settings in force for everything that begins now; what is at work keeps its plan."""
        self._settings = settings
        for part in (self._conversation, self.pending, self._reception, self._scans):
            part.use(settings)

    def run(self) -> None:
        """Handle events until a stop was asked for and every worker has let go, or the time for that is over."""
        deadline: float | None = None
        while deadline is None or (self._working() and self.now() < deadline):
            if (event := self.inbox.take(TICK_S)) is not None:
                self.handle(event)
            self.tick()
            self.table.tell(self.table.effects.beat)
            if self._stop_asked is not None and not self.inbox.stopping:
                self.stop(self._stop_asked)
                deadline = self.now() + SHUTDOWN_S
        self._workforce.leave_behind()

    def ask_to_stop(self, reason: str) -> None:
        """Shut down soon. Takes no lock, so that a signal handler may call it."""
        self._stop_asked = reason

    def stop(self, reason: str) -> None:
        """Begin nothing more, and ask every worker to let go."""
        log.info("stopping: %s", reason)
        self.inbox.stopping = self._reception.closed = True
        self._workforce.stop_all()

    def handle(self, event: Event) -> None:
        """Handle one event. A defect of ours in doing so costs this one event, and is said."""
        self.table.guarded(self._react, event)
        self._settle_freed()
        self.table.guarded(self._scans.look_again)

    def tick(self) -> None:
        """Do whatever is due by the clock, bay by bay: trouble in one costs the others nothing."""
        for name in self.bays:
            self.table.guarded(self._tick_bay, name)
        self._settle_freed()
        self.table.guarded(self._scans.look_again)
        self.table.guarded(self._mind_hashes)
        self._mind_rest()
        self.table.guarded(self._controllers.settle)
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

    def _controlled(self, event: CommandArrived | DirectoryArrived) -> None:
        """Hear a controller."""
        if isinstance(event, CommandArrived):
            self._controllers.received(event.request)
        else:
            self._directory.received(event.body)

    def _react(self, event: Event) -> None:
        match event:
            case DriveArrived() | DriveUnreadable() | DriveCycled():
                self._arrived(event)
            case DriveLeft():
                self._reception.left(event)
            case Scanned():
                self._scans.scanned(event)
            case CancelRequested():
                self._reception.cancel_and_say(self.table[event.bay])
            case CommandArrived() | DirectoryArrived():
                self._controlled(event)
            case Worked():
                self._workforce.worked(event)
            case WorkEnded():
                self._workforce.work_ended(event)
            case HashMade() | CertificateRejected():
                self._note(event)
            case LabelResult():
                self.labels.result(event)
            case ReprintRequested():
                self.labels.reprint(event.label)
            case DeviceFault() | DockReported() | Told():
                device_reports.heard(self.table, event, pressed=self._scans.pressed)

    def _arrived(self, event: DriveArrived | DriveUnreadable | DriveCycled) -> None:
        self._reception.arrived(event)
        if isinstance(event, DriveArrived) and not event.refusals:
            self._books.seen(event.drive)

    def _note(self, event: HashMade | CertificateRejected) -> None:
        match event:
            case HashMade(place, digest):
                self._books.keep_hash(place, digest)
            case CertificateRejected(row, reason):
                self._rejected(row, reason)

    def _tick_bay(self, name: str) -> None:
        bay = self.table[name]
        if self.inbox.stopping:
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

    # Small things

    def _mind_hashes(self) -> None:
        """Have hashes made that drives will need, while no bay works."""
        idle = not self._working() and not self.inbox.stopping
        self.table.tell(self.table.effects.hash_ahead, self._books.missing_hash() if idle else None)

    def _mind_rest(self) -> None:
        """Say once that no bay has worked for a while."""
        if self.inbox.stopping:
            return
        if self._working():
            self._rests_at = self.now() + REST_S
        elif self._rests_at is not None and self.now() >= self._rests_at:
            self._rests_at = None
            self.table.tell(self.table.effects.rest)

    def _settle_freed(self) -> None:
        for certificate_id in self._workforce.take_outdated():
            self.table.guarded(self.labels.renew, certificate_id)
        if self._workforce.take_freed():
            self._reception.settle_all()

    def _working(self) -> bool:
        return any(bay.busy for bay in self.bays.values())

    def _rejected(self, row: str, reason: str) -> None:
        text = f"The collector refused certificate {row[:12]}: {reason}"
        self.table.alarm(f"certificate-{row[:12]}", critical("BW-U02", text) if reason else None)
