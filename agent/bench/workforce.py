"""The workers' side of the bay table: begin, follow, stop, give up, certify. The engine's thread only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from agent.bench.alarms import critical
from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.events import Worked, WorkEnded
from agent.certificates.outcome import PULLED_OUT, STALLED, STATION_STOPPED, Aborted, Failed, Outcome, Reason
from agent.erase import Checkpoint, Progress, Renewed
from agent.erase.signals import Stop
from agent.jobs import job
from agent.jobs.at_work import DriveAtWork
from agent.jobs.bay import Bay, BayState, changed, emptied, move
from agent.jobs.job import JobState

log = logging.getLogger("benchwipe.engine")

RETRY_S = 5.0
CYCLING_S = 180.0  # a dock that is slow, disks that spin up one after the other
SILENT_S = 60.0  # a worker speaks at least once a second; one that opens a dying drive does not


@dataclass
class _Worker:
    """What the engine knows of a thread that holds a drive."""

    stop: Stop
    heard: float
    stalled_since: float = 0.0
    stalled_from: BayState = BayState.ERASING


@dataclass(frozen=True)
class _End:
    """How the work in a bay ended, until its certificate is on the medium; `then` is the bay's next state."""

    outcome: Outcome
    then: BayState = BayState.FINISHED


class Workforce:
    """Who works in which bay, and which ends have no certificate yet."""

    def __init__(self, table: BayTable, books: Books, *, now: Callable[[], float], give_up_s: float) -> None:
        """A drive that does not answer for `give_up_s` seconds more is given up."""
        self.table, self.books, self.now = table, books, now
        self._freed = False
        self.ask_grade = books.ask_grade
        self._give_up_s = give_up_s
        self._workers: dict[str, _Worker] = {}
        self._ends: dict[str, _End] = {}

    def start(self, bay: Bay) -> None:
        """Begin to erase: only the identified drive that was planned, and only while it stands in this bay."""
        planned, drive = bay.job, bay.drive
        self.table.note(replace(bay, due=self.now() + RETRY_S))  # if anything below fails
        known = drive is not None and (drive.identified or (planned and planned.plan and planned.plan.unidentified))
        if planned is None or drive is None or not known or not bay.drive_present:
            raise AssertionError(f"bay {bay.name}: no identified drive to start on")
        if drive.fingerprint != planned.drive.fingerprint:
            raise AssertionError(f"bay {bay.name}: the drive is not the planned one")
        if bay.asks:
            raise AssertionError(f"bay {bay.name}: nobody has answered what it asks")
        if self.books.ended_elsewhere(planned):
            log.warning("bay %s: the command line has taken over this drive; nothing is begun here", bay.name)
            self.table.put(move(bay, BayState.WAITING, job=None, due=None))
            return
        try:
            started, spec = self.books.begin(planned, drives_at_once=len(self.table.bays))
        except DriveAtWork as running:
            log.warning("bay %s: %s; nothing is begun here", bay.name, running)
            self.table.put(emptied(bay))  # and looked at anew: it is blocked as long as that lasts
            self._freed = True
            return
        worker = self._workers[bay.name] = _Worker(Stop(), heard=self.now())
        bay = self.table.put(move(bay, BayState.ERASING, job=started, due=None))
        try:
            self.table.effects.work(bay, started, spec, worker.stop)
        except RuntimeError as error:  # no thread to be had
            text = f"The station could not begin: {error}"
            self.conclude(bay, Failed(self.books.work_done(started.id), Reason("BW-E92", text, "Erase it again.")))

    def stop(self, name: str, reason: Reason) -> None:
        """Ask the worker of a busy bay to let go."""
        self._workers[name].stop.request(reason)

    def stop_all(self) -> None:
        """The station stops."""
        for worker in self._workers.values():
            worker.stop.request(STATION_STOPPED)

    def mind(self, bay: Bay) -> None:
        """A busy bay whose worker is silent has stalled; one that has stalled for too long is given up."""
        worker, now = self._workers[bay.name], self.now()
        if bay.state is not BayState.STALLED:
            if now - worker.heard > (CYCLING_S if bay.state is BayState.CYCLING else SILENT_S):
                self._phase(bay, BayState.STALLED)
        elif now - worker.stalled_since > self._give_up_s:
            self._abandon(bay)

    def take_freed(self) -> bool:
        """Return whether a drive was let go since the last call: one that waits may have its turn."""
        freed, self._freed = self._freed, False
        return freed

    def certify_waiting(self) -> None:
        """Try again what could not be certified."""
        for name in tuple(self._ends):
            self.table.guarded(self.certify, name)

    def leave_behind(self) -> None:
        """Workers that did not let go in time: their jobs are interrupted, and go on from their last checkpoint."""
        self.certify_waiting()
        for bay in list(self.table.bays.values()):
            if bay.busy:
                log.warning("bay %s did not let go of its drive in time; its job goes on at the next start", bay.name)
                self.table.guarded(self._interrupt, bay)
        self.table.guarded(self.books.retry)
        for name in self._ends:
            log.error("bay %s: what was done has no certificate yet; the next start does it again", name)

    def worked(self, event: Worked) -> None:
        """A worker's progress or checkpoint."""
        bay = self.table[event.bay]
        report = event.report
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            return  # that job was told to stop, and waits for no receipt
        worker = self._workers[bay.name]
        worker.heard = self.now()
        if isinstance(report, Checkpoint):
            kept = self.books.checkpoint(event.job, report.point)
            worker.stop.receipts.tell(report.receipt, kept)
            return
        if isinstance(report, Renewed):
            renewed = msgspec.structs.replace(bay.job, drive=report.drive)
            self.table.put(changed(bay, job=renewed, drive=report.drive))
            self.books.keep(renewed)
            return
        to = _phase_of(report, bay.state, worker.stalled_from)
        bay = self.table.note(replace(bay, progress=report))
        if to is not bay.state:
            bay = self._phase(bay, to)
        self.table.tell(self.table.effects.progressed, bay)

    def _phase(self, bay: Bay, to: BayState) -> Bay:
        assert bay.job is not None
        worker, alarm = self._workers[bay.name], f"bay-{bay.name}"
        if to is BayState.STALLED:
            worker.stalled_since, worker.stalled_from = self.now(), bay.state
            self.table.alarm(alarm, critical(STALLED.code, f"Bay {bay.name}: {STALLED.text}"))
        elif bay.state is BayState.STALLED:
            self.table.alarm(alarm, None)
        moved = job.advance(bay.job, JobState(to.value))
        bay = self.table.put(move(bay, to, job=moved))
        self.books.keep(moved)
        return bay

    def work_ended(self, event: WorkEnded) -> None:
        """A worker has let go of its drive."""
        bay, outcome = self.table[event.bay], event.outcome
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            log.warning("bay %s: a worker that was given up came back; what it says is not used", event.bay)
        elif isinstance(outcome, Aborted) and outcome.reason == STATION_STOPPED:
            self._interrupt(bay)
        else:
            self.conclude(bay, outcome)

    def _interrupt(self, bay: Bay) -> None:
        """Leave the job to the next start, which goes on from its last flushed point."""
        assert bay.job is not None
        self._workers.pop(bay.name, None)
        self.books.keep(job.advance(bay.job, JobState.INTERRUPTED))
        self.books.let_go(bay.job.id)
        self.table.put(emptied(bay))

    def conclude(self, bay: Bay, outcome: Outcome, then: BayState = BayState.FINISHED) -> None:
        """The work is over. Nothing is shown of how, before the certificate is on the medium."""
        bay = move(bay, BayState.CERTIFYING, due=None, asks="", progress=None)
        self._ends[bay.name] = _End(outcome, then)
        self._workers.pop(bay.name, None)
        self.table.put(bay)
        self.certify(bay.name)

    def certify(self, name: str) -> None:
        """Certify, then label, then publish. What cannot be written down now is tried again until it can."""
        bay, end = self.table[name], self._ends[name]
        assert bay.job is not None
        issued = self.books.issue(bay.job, end.outcome)
        if issued is None:
            return
        del self._ends[name]
        done, certificate = issued
        self.books.let_go(done.id)
        if end.then is not BayState.QUARANTINED:
            self.table.alarm(f"bay-{name}", None)
        why = done.reason
        reason = Reason(why.code, why.text, why.hint) if why else None
        number = certificate.record.number
        bay = move(bay, end.then, job=done, outcome=done.state.value, certificate_number=number, reason=reason)
        if self.ask_grade and done.state is JobState.ERASED and not (done.disposition and done.disposition.grade):
            bay = replace(bay, asks="grade")
        self.table.put(bay)
        self.table.tell(self.table.effects.certified, done, certificate)
        if bay.state is BayState.FINISHED and not bay.drive_present:
            self.table.put(emptied(bay))
            if reason is not None and reason.code == PULLED_OUT.code:
                self.table.say("bay_interrupted", bay=name)
        self._freed = True

    def _abandon(self, bay: Bay) -> None:
        """A drive that answers no more: its power goes, its thread is given up, its bay waits for a person."""
        assert bay.job is not None
        self._workers[bay.name].stop.request(STALLED)
        self.table.tell(self.table.effects.abandon, bay)
        self.conclude(bay, Failed(self.books.work_done(bay.job.id), STALLED), BayState.QUARANTINED)


def _phase_of(report: Progress, now: BayState, stalled_from: BayState) -> BayState:
    """The bay's state by its worker's phase. A pause for heat, and a retry, belong to what went on before."""
    if report.phase == "stalled":
        return BayState.STALLED
    if report.phase == "cycling":
        return BayState.CYCLING
    if report.phase == "verify":
        return BayState.VERIFYING
    before = stalled_from if now is BayState.STALLED else now
    return BayState.ERASING if before is BayState.CYCLING else before
