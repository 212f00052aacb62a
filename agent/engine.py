"""One queue of events, timers, effects: the only one who changes the bay table.

Everybody else (watchers, workers, inputs, the uplink, the command socket) puts immutable events into `inbox`. What
must happen in the world goes out through `Effects`, none of which may wait for a device.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from agent import flow, job
from agent.bays import BUSY, Bay, BayState, emptied, move
from agent.certificate import Certificate
from agent.clock import boot_id, utc_now
from agent.erase import Checkpoint, EraseSpec, Progress, Stop
from agent.errors import CertificateProblem, LedgerProblem
from agent.events import (
    CancelRequested,
    CertificateRejected,
    DeviceFault,
    DriveArrived,
    DriveLeft,
    DriveUnreadable,
    Event,
    LabelResult,
    Scanned,
    Worked,
    WorkEnded,
)
from agent.job import ENDED, Job, JobState
from agent.messages import Alarm
from agent.outcome import CANCELLED, PULLED_OUT, STALLED, STATION_STOPPED, Aborted, Failed, Outcome, Reason, Refused
from agent.plan import plan
from agent.record import Customer, Operator
from agent.registrar import Registrar, new_job, work_of
from agent.settings import Settings

log = logging.getLogger("benchwipe.engine")

INBOX_BOUND = 10_000
TICK_S = 0.5
RETRY_ISSUE_S = 5.0
ABANDON_STALLED_S = 120.0
SHUTDOWN_S = 3.5


class Effects(Protocol):
    """What the engine wants to happen. Each call returns at once."""

    def work(self, bay: Bay, planned: Job, spec: EraseSpec, stop: Stop) -> None:
        """Start the worker of a bay."""

    def bay_changed(self, bay: Bay) -> None:
        """Show it: lamps, displays, MQTT."""

    def progressed(self, bay: Bay) -> None:
        """Show how far it is."""

    def say(self, key: str, values: Mapping[str, str]) -> None:
        """Tell the technician at the bench one thing."""

    def certified(self, ended: Job, certificate: Certificate) -> None:
        """Print its label, and let the uplink know of it."""

    def alarm(self, name: str, alarm: Alarm | None) -> None:
        """Raise or clear an alarm."""

    def abandon(self, bay: Bay) -> None:
        """The drive does not answer: cut its power where the dock can."""

    def beat(self) -> None:
        """The engine is alive."""


class Engine:
    """The bay table and all that changes it. `run` belongs to the main thread."""

    def __init__(
        self, settings: Settings, registrar: Registrar, effects: Effects, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.registrar = registrar
        self.effects = effects
        self.now = now
        self.inbox: queue.Queue[Event] = queue.Queue(INBOX_BOUND)
        self.bays = {bay.name: Bay(name=bay.name) for bay in settings.bay}
        self.context = flow.Context()
        self.stopping = False
        self._stop_asked: str | None = None
        self._standing: dict[str, DriveArrived | DriveUnreadable] = {}
        self._stops: dict[str, Stop] = {}
        self._stalled_since: dict[str, float] = {}
        self._unissued: dict[str, tuple[Job, Outcome]] = {}
        self._retry_at = 0.0
        self._boot_id = boot_id()

    # The loop

    def recover(self) -> None:
        """Find every job that an earlier run left: none is taken for done, all wait for their drive."""
        self.registrar.recover()
        for old in self.registrar.ledger.unfinished():
            if old.bay and old.state in job.WORKING:
                self.registrar.ledger.save_job(job.advance(old, JobState.INTERRUPTED))
                log.warning(
                    "job %s of drive %s was interrupted; it goes on when the drive is there", old.id, _name(old)
                )
        for bay in self.bays.values():
            self.effects.bay_changed(bay)

    def run(self) -> None:
        """Handle events until a stop was asked for and every worker has let go, or the time for that is over."""
        deadline: float | None = None
        while deadline is None or (self._busy() and self.now() < deadline):
            with contextlib.suppress(queue.Empty):
                self.handle(self.inbox.get(timeout=TICK_S))
            self._guarded(self.tick)
            self.effects.beat()
            if self._stop_asked is not None and not self.stopping:
                self._stop(self._stop_asked)
                deadline = self.now() + SHUTDOWN_S
        self._leave_behind()

    def put(self, event: Event) -> None:
        """For every other thread. Progress may be dropped when the queue is full; nothing else ever is."""
        if isinstance(event, Worked) and isinstance(event.report, Progress):
            try:
                self.inbox.put_nowait(event)
            except queue.Full:
                log.debug("inbox full: a progress report was dropped")
            return
        self.inbox.put(event)

    def handle(self, event: Event) -> None:
        """React to one event. A defect of ours in doing so costs this one event, and is said."""
        self._guarded(lambda: self._react(event))

    def ask_to_stop(self, reason: str) -> None:
        """Shut down soon. Takes no lock, so that a signal handler may call it."""
        self._stop_asked = reason

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # one bad event must not end the work in all other bays
            log.exception("an event was not handled")
            self.effects.alarm("engine", _alarm("critical", "BW-A90", f"{type(error).__name__}: {error}"))

    def tick(self) -> None:
        """Whatever is due by the clock."""
        now = self.now()
        for bay in list(self.bays.values()):
            if bay.state is BayState.COUNTDOWN and bay.due is not None and bay.due <= now and not self.stopping:
                self._start(bay)
            elif bay.state is BayState.STALLED and now - self._stalled_since[bay.name] > ABANDON_STALLED_S:
                self._abandon(bay)
        if self._unissued and now >= self._retry_at:
            self._retry_at = now + RETRY_ISSUE_S
            for ended, outcome in list(self._unissued.values()):
                self._conclude(self.bays[ended.bay], ended, outcome)

    def _react(self, event: Event) -> None:
        match event:
            case DriveArrived() | DriveUnreadable():
                self._standing[event.bay] = event
                self._settle(self.bays[event.bay])
            case DriveLeft():
                self._standing.pop(event.bay, None)
                self._left(self.bays[event.bay])
            case Scanned():
                self._scanned(event.text)
            case CancelRequested():
                self._cancel(self.bays[event.bay])
            case Worked():
                self._worked(event)
            case WorkEnded():
                self._work_ended(event)
            case CertificateRejected():
                text = f"The collector refused certificate {event.id[:12]}: {event.reason}"
                self.effects.alarm(f"certificate-{event.id[:12]}", _alarm("critical", "BW-U01", text))
            case LabelResult():
                self._label(event)
            case DeviceFault():
                alarm = _alarm("warning", event.code, event.text) if event.text else None
                self.effects.alarm(f"device-{event.device}", alarm)

    # Drives come and go

    def _settle(self, bay: Bay) -> None:
        """Deal with what stands in a bay, as soon as nobody works on what stood there before."""
        event = self._standing.get(bay.name)
        if event is None or bay.busy:
            return
        insertion = f"{self._boot_id}:{event.token}"
        if bay.insertion == insertion:
            return
        if bay.state is not BayState.EMPTY:
            bay = self._vacate(bay)
        if isinstance(event, DriveUnreadable):
            self._set(move(bay, BayState.BLOCKED, insertion=insertion, reason=event.reason, drive_present=True))
            return
        bay = replace(bay, insertion=insertion, drive=event.drive, drive_present=True)
        if event.refusals:
            self._set(move(bay, BayState.BLOCKED, reason=event.refusals[0]))
        else:
            self._welcome(bay)

    def _welcome(self, bay: Bay) -> None:
        assert bay.drive is not None
        ledger = self.registrar.ledger
        old = ledger.newest_job(bay.drive.fingerprint)
        if old and old.state in ENDED and old.certificate_id and old.insertion == bay.insertion:
            self._set(move(bay, BayState.FINISHED, job=old, outcome=old.state.value))
        elif old and old.state in (JobState.INTERRUPTED, JobState.PLANNED):
            self._arm(bay, self._taken_up(old, bay))
        elif old and _was_pulled(old) and ledger.can_resume(old):
            self._arm(bay, self.registrar.open_job(self._continued(old, bay), resumes=old))
        elif self.settings.station.mode == "automatic":
            self._assign(bay, None)
        else:
            self._set(move(bay, BayState.WAITING))

    def _taken_up(self, old: Job, bay: Bay) -> Job:
        """An interrupted job, in the bay where its drive stands now."""
        taken_up = msgspec.structs.replace(old, bay=bay.name, insertion=bay.insertion)
        self.registrar.ledger.save_job(taken_up)
        return taken_up

    def _continued(self, old: Job, bay: Bay) -> Job:
        """A new job for a drive that was pulled out and is back: the old one has its own certificate already."""
        assert bay.drive is not None
        new = new_job(bay.drive, bay=bay.name, insertion=bay.insertion)
        return msgspec.structs.replace(
            new, plan=old.plan, asset=old.asset, operator=old.operator, customer=old.customer
        )

    def _left(self, bay: Bay) -> None:
        if bay.busy:
            self._set(replace(bay, drive_present=False))
            self._stops[bay.name].request(PULLED_OUT)
        elif bay.state is not BayState.EMPTY:
            self._set(self._vacate(bay))

    def _vacate(self, bay: Bay) -> Bay:
        """The bay without its drive. A job that never began is cancelled; one that was interrupted waits on."""
        if bay.state is BayState.COUNTDOWN and bay.job and bay.job.state is JobState.PLANNED:
            self._cancel_job(bay.job)
        return emptied(bay)

    # From assignment to start

    def _scanned(self, text: str) -> None:
        before = self.context
        self.context, action = flow.scan(before, text, self.settings)
        match action:
            case flow.Say(key, values):
                self.effects.say(key, dict(values))
            case flow.Cancel(name):
                self._cancel(self.bays[name])
            case flow.Assign(name, asset):
                bay = self.bays[name]
                if bay.state is BayState.COUNTDOWN and bay.job and bay.job.state is JobState.PLANNED:
                    self._cancel_job(bay.job)
                    bay = self._set(move(bay, BayState.WAITING, job=None, due=None))
                if bay.state is not BayState.WAITING:
                    self.context = before
                    self.effects.say(_NOT_READY.get(bay.state, "bay_is_busy"), {"bay": name})
                    return
                self._assign(bay, asset)

    def _assign(self, bay: Bay, asset: str | None) -> None:
        """Plan the erasure of the drive that stands in this bay, and count down to it."""
        assert bay.drive is not None
        new = new_job(
            bay.drive,
            bay=bay.name,
            asset=asset,
            operator=self._operator(),
            customer=self._customer(),
            insertion=bay.insertion,
        )
        planned = plan(bay.drive, self.settings.policy_named(self._policy_name()))
        self.registrar.supersede(bay.drive.fingerprint)
        if isinstance(planned, Reason):
            opened = self.registrar.open_job(new)
            self._conclude(self._set(replace(bay, job=opened)), opened, Refused(planned))
            return
        self._arm(bay, self.registrar.open_job(msgspec.structs.replace(new, plan=planned)))

    def _arm(self, bay: Bay, planned: Job) -> None:
        due = self.now() + self.settings.station.countdown_s
        self._set(move(bay, BayState.COUNTDOWN, job=planned, due=due))

    def _start(self, bay: Bay) -> None:
        """Begin to erase: only the identified drive that was planned, and only while it stands in this bay."""
        planned = bay.job
        assert planned is not None
        drive = bay.drive
        if not bay.drive_present or drive is None or not drive.identified:
            raise AssertionError(f"bay {bay.name}: no identified drive to start on")
        if drive.fingerprint != planned.drive.fingerprint:
            raise AssertionError(f"bay {bay.name}: the drive is not the planned one")
        interrupted = "the station was stopped or lost power" if planned.state is JobState.INTERRUPTED else None
        if planned.resumes:
            interrupted = PULLED_OUT.text
        working = sum(b.busy for b in self.bays.values()) + 1
        spec = self.registrar.spec(planned, drives_at_once=max(working, len(self.bays)), interruption=interrupted)
        started = job.advance(planned, JobState.ERASING, started_at=planned.started_at or utc_now())
        self.registrar.ledger.save_job(started)
        stop = self._stops[bay.name] = Stop()
        bay = self._set(move(bay, BayState.ERASING, job=started, due=None))
        self.effects.work(bay, started, spec, stop)

    def _cancel(self, bay: Bay) -> None:
        """Idempotent: a bay where nothing counts down or works stays as it is."""
        said = "cancelled"
        if bay.busy:
            self._stops[bay.name].request(CANCELLED)
        elif bay.state is BayState.COUNTDOWN and bay.job:
            if bay.job.state is JobState.PLANNED:
                self._cancel_job(bay.job)
                self._set(move(bay, BayState.WAITING, job=None, due=None))
            else:
                point = self.registrar.ledger.checkpoint(bay.job.id)
                self._conclude(bay, bay.job, Aborted(work_of(point), CANCELLED))
        else:
            said = "nothing_to_cancel"
        self.effects.say(said, {"bay": bay.name})

    def _cancel_job(self, planned: Job) -> None:
        self.registrar.ledger.save_job(job.advance(planned, JobState.CANCELLED, finished_at=utc_now()))

    # Work

    def _worked(self, event: Worked) -> None:
        bay = self.bays[event.bay]
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            return
        if isinstance(event.report, Checkpoint):
            self.registrar.ledger.save_checkpoint(event.job, event.report.point)
            return
        bay = replace(bay, progress=event.report)
        phase = _PHASE.get(event.report.phase, bay.state)
        if phase is bay.state:
            self.bays[bay.name] = bay
        else:
            bay = self._phase(bay, phase)
        self.effects.progressed(bay)

    def _phase(self, bay: Bay, to: BayState) -> Bay:
        assert bay.job is not None
        if bay.state is BayState.VERIFYING and to is BayState.ERASING:
            return bay
        if to is BayState.STALLED:
            self._stalled_since[bay.name] = self.now()
            self.effects.alarm(f"bay-{bay.name}", _alarm("critical", STALLED.code, f"Bay {bay.name}: {STALLED.text}"))
        elif bay.state is BayState.STALLED:
            self.effects.alarm(f"bay-{bay.name}", None)
        moved = job.advance(bay.job, JobState(to.value))
        self.registrar.ledger.save_job(moved)
        return self._set(move(bay, to, job=moved))

    def _work_ended(self, event: WorkEnded) -> None:
        bay = self.bays[event.bay]
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            log.warning("bay %s: a worker that was given up came back; what it says is not used", event.bay)
            return
        outcome = event.outcome
        if isinstance(outcome, Aborted) and outcome.reason == STATION_STOPPED:
            left = job.advance(bay.job, JobState.INTERRUPTED)
            self.registrar.ledger.save_job(left)
            self._set(emptied(bay))
            return
        self._conclude(bay, bay.job, outcome)

    def _conclude(self, bay: Bay, ended: Job, outcome: Outcome) -> None:
        """Certify. If that cannot be written down now, it is tried again until it can: nothing is shown before."""
        try:
            done, certificate = self.registrar.issue(ended, outcome)
        except CertificateProblem as problem:
            log.error("job %s: %s", ended.id, problem)
            self._conclude(bay, ended, Failed(work_of(None), Reason("BW-E91", str(problem), "Erase it again.")))
            return
        except (LedgerProblem, OSError) as problem:
            self._unissued[ended.id] = (ended, outcome)
            self._retry_at = self.now() + RETRY_ISSUE_S
            text = f"A certificate cannot be written: {problem}"
            log.error("job %s: %s; it is tried again", ended.id, problem)
            self.effects.alarm("certificate", _alarm("critical", "BW-A04", text))
            return
        if self._unissued.pop(ended.id, None):
            self.effects.alarm("certificate", None)
        self._finished(bay, done, certificate)
        self.effects.certified(done, certificate)

    def _finished(self, bay: Bay, done: Job, certificate: Certificate) -> None:
        if bay.state is BayState.STALLED:
            self.effects.alarm(f"bay-{bay.name}", None)
        number = certificate.record.number
        reason = Reason(done.reason.code, done.reason.text, done.reason.hint) if done.reason else None
        self._stops.pop(bay.name, None)
        if bay.state is BayState.QUARANTINED:
            return
        bay = move(
            bay,
            BayState.FINISHED,
            job=done,
            outcome=done.state.value,
            certificate_number=number,
            reason=reason,
            due=None,
        )
        self._set(bay if bay.drive_present else emptied(bay))
        self._settle(self.bays[bay.name])

    def _abandon(self, bay: Bay) -> None:
        """A drive that answers no more: its power goes, its thread is given up, its bay waits for a person."""
        assert bay.job is not None
        self._stops[bay.name].request(STALLED)
        self.effects.abandon(bay)
        point = self.registrar.ledger.checkpoint(bay.job.id)
        bay = self._set(move(bay, BayState.QUARANTINED, reason=STALLED, outcome="failed"))
        assert bay.job is not None
        self._conclude(bay, bay.job, Failed(work_of(point), STALLED))

    # Shutdown

    def _stop(self, reason: str) -> None:
        log.info("stopping: %s", reason)
        self.stopping = True
        for bay in self.bays.values():
            if bay.busy:
                self._stops[bay.name].request(STATION_STOPPED)

    def _leave_behind(self) -> None:
        """Workers that did not let go in time: their jobs are interrupted, and go on from their last checkpoint."""
        for bay in self.bays.values():
            if bay.busy and bay.job:
                self.registrar.ledger.save_job(job.advance(bay.job, JobState.INTERRUPTED))
                log.warning("bay %s did not let go of its drive in time; its job goes on at the next start", bay.name)
        for ended, _ in self._unissued.values():
            log.error("job %s ended, and its certificate could not be written; it is done again", ended.id)

    def _busy(self) -> bool:
        return any(bay.state in BUSY for bay in self.bays.values())

    # Small things

    def _set(self, bay: Bay) -> Bay:
        self.bays[bay.name] = bay
        if bay.state is BayState.EMPTY:
            self._stops.pop(bay.name, None)
        self.effects.bay_changed(bay)
        return bay

    def _label(self, result: LabelResult) -> None:
        name = f"label-{result.number}"
        text = f"Label {result.number}: {result.detail}"
        self.effects.alarm(name, None if result.printed else _alarm("warning", "BW-L01", text))

    def _operator(self) -> Operator | None:
        who = self.context.operator
        return Operator(id=who.id, name=who.name, title=who.title) if who else None

    def _customer(self) -> Customer | None:
        lot = self.context.lot
        return Customer(name=lot.customer, lot=lot.code, reference=lot.reference) if lot else None

    def _policy_name(self) -> str:
        lot = self.context.lot
        if lot is None:
            return self.settings.station.policy
        customer = next((c for c in self.settings.customer if c.name == lot.customer), None)
        return lot.policy or (customer.policy if customer else None) or self.settings.station.policy


_PHASE = {
    "pass": BayState.ERASING,
    "retry": BayState.ERASING,
    "verify": BayState.VERIFYING,
    "stalled": BayState.STALLED,
}

_NOT_READY = {BayState.EMPTY: "bay_is_empty", BayState.FINISHED: "bay_is_done"}


def _was_pulled(old: Job) -> bool:
    return old.state is JobState.ABORTED and old.reason is not None and old.reason.code == PULLED_OUT.code


def _alarm(severity: str, code: str, text: str) -> Alarm:
    return Alarm(severity="critical" if severity == "critical" else "warning", code=code, text=text, since=utc_now())


def _name(of: Job) -> str:
    return of.drive.serial or of.drive.wwn or of.drive.device
