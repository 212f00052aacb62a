"""The workers' side of the bay table: begin, follow, stop, give up, certify. The engine's thread only."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.bench.alarms import critical, warning
from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.events import Worked, WorkEnded
from agent.bench.pending import Awaited, PendingDesk
from agent.certificates.outcome import PULLED_OUT, STALLED, STATION_STOPPED, Aborted, Failed, Outcome, Reason
from agent.erase import EraseSpec, Progress
from agent.jobs import job
from agent.jobs.at_work import DriveAtWork
from agent.jobs.bay import AT_WORK, Bay, BayState, changed, emptied, move
from agent.jobs.job import Job, JobState
from agent.jobs.running import RunningJob

log = logging.getLogger("benchwipe.engine")

RETRY_S = 5.0
PAUSE_TOLD_S = 300.0  # fans bring most drives down sooner
COOL_IT = "Cool it; is it cool to the touch, its sensor is stuck. The job ends by itself where that lasts."


@dataclass(frozen=True)
class _End:
    """A job that has ended, until its certificate is on the medium; `then` is the bay's next state."""

    running: RunningJob
    then: BayState = BayState.FINISHED


class Workforce:
    """Who works in which bay, and which ends have no certificate yet."""

    def __init__(
        self, table: BayTable, books: Books, pending: PendingDesk, *, now: Callable[[], float], give_up_s: float
    ) -> None:
        """A drive that does not answer for `give_up_s` seconds more is given up."""
        self.table, self.books, self.pending, self.now = table, books, pending, now
        self._outdated: list[str] = []
        self._freed = False
        self.ask_grade = books.ask_grade
        self._give_up_s = give_up_s
        self._workers: dict[str, RunningJob] = {}
        self._ends: dict[str, _End] = {}
        self._hot: set[str] = set()  # bays of whose pause a person was told
        self._hanging: set[str] = set()  # jobs that were given up: the kernel may still write to their drives

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
        except DriveAtWork as found:
            log.warning("bay %s: %s; nothing is begun here", bay.name, found)
            self.table.put(emptied(bay))  # and looked at anew: it is blocked as long as that lasts
            self._freed = True
            return
        running = self._workers[bay.name] = self._running(spec)
        bay = self.table.put(move(bay, BayState.ERASING, job=started, due=None))
        try:
            self.table.effects.work(bay, started, spec, running.stop)
        except RuntimeError as error:  # no thread to be had
            text = f"The station could not begin: {error}"
            self.conclude(bay, Failed(running.work, Reason("BW-E92", text, "Erase it again.")))

    def stop(self, name: str, reason: Reason) -> None:
        """Ask the worker of a busy bay to let go."""
        self._workers[name].stop.request(reason)

    def stop_all(self) -> None:
        """Stop every worker: the station stops."""
        for worker in self._workers.values():
            worker.stop.request(STATION_STOPPED)

    def mind(self, bay: Bay) -> None:
        """Call a busy bay stalled whose worker is silent, and give up one that has stalled for too long.

        Such a drive answers no more: its power goes, its thread is left, its bay waits for a person.
        """
        assert bay.job is not None
        running, job_id = self._workers[bay.name], bay.job.id
        bay = self._follow(bay, running.give_up(bay.job, self.now()))
        if running.outcome is not None:
            self._hanging.add(job_id)
            self.table.tell(self.table.effects.abandon, bay)
            self.conclude(bay, running.outcome, BayState.QUARANTINED)

    def take_freed(self) -> bool:
        """Return whether a drive was let go since the last call: one that waits may have its turn."""
        freed, self._freed = self._freed, False
        return freed

    def take_outdated(self) -> list[str]:
        """Return the certificates, since the last call, whose labels say of their device what is no more so."""
        outdated, self._outdated = self._outdated, []
        return outdated

    def certify_waiting(self) -> None:
        """Try again what could not be certified."""
        for name in tuple(self._ends):
            self.table.guarded(self.certify, name)

    def leave_behind(self) -> None:
        """Leave behind the workers that did not let go in time.

        Their jobs are interrupted, and go on from their last checkpoint.
        """
        self.certify_waiting()
        for bay in list(self.table.bays.values()):
            if bay.busy:
                log.warning("bay %s did not let go of its drive in time; its job goes on at the next start", bay.name)
                self.table.guarded(self._interrupt, bay)
        self.table.guarded(self.books.retry)
        for name in self._ends:
            log.error("bay %s: what was done has no certificate yet; the next start does it again", name)

    def worked(self, event: Worked) -> None:
        """Take a worker's progress or checkpoint."""
        bay = self.table[event.bay]
        report = event.report
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            return  # that job was told to stop, and waits for no receipt
        moved = self._workers[bay.name].take(bay.job, report, self.now())
        if not isinstance(report, Progress):
            self._follow(bay, moved)
            return
        self._mind_heat(bay, report)
        bay = self._follow(self.table.note(replace(bay, progress=report)), moved)
        self.table.tell(self.table.effects.progressed, bay)

    def _mind_heat(self, bay: Bay, report: Progress) -> None:
        """Tell a person of a pause that lasts: a drive that does not cool, or a sensor that is stuck."""
        lasts = report.paused_s is not None and report.paused_s >= PAUSE_TOLD_S
        if lasts and bay.name not in self._hot and bay.drive is not None:
            self._hot.add(bay.name)
            since = (datetime.now(UTC) - timedelta(seconds=report.paused_s or 0)).strftime("%H:%M")
            who = " ".join(word for word in (bay.drive.model, bay.drive.serial) if word)
            text = f"Bay {bay.name}: {who} waits to cool at {report.celsius or 0:.0f} C, since {since} UTC."
            self.table.alarm(f"heat-{bay.name}", warning("BW-A71", f"{text} {COOL_IT}"))
        elif not lasts:
            self._cooled(bay.name)

    def _cooled(self, name: str) -> None:
        if name in self._hot:
            self._hot.discard(name)
            self.table.alarm(f"heat-{name}", None)

    def _follow(self, bay: Bay, moved: Job) -> Bay:
        """The bay as its job is now."""
        to, alarm = AT_WORK[moved.state], f"bay-{bay.name}"
        if to is bay.state:
            return bay if moved is bay.job else self.table.put(changed(bay, job=moved, drive=moved.drive))
        if to is BayState.STALLED:
            self.table.alarm(alarm, critical(STALLED.code, f"Bay {bay.name}: {STALLED.text}"))
        elif bay.state is BayState.STALLED:
            self.table.alarm(alarm, None)
        return self.table.put(move(bay, to, job=moved))

    def _running(self, spec: EraseSpec | None) -> RunningJob:
        return RunningJob(self.books, spec, now=self.now(), give_up_s=self._give_up_s)

    def work_ended(self, event: WorkEnded) -> None:
        """Handle that a worker has let go of its drive."""
        bay, outcome = self.table[event.bay], event.outcome
        if bay.job is None or bay.job.id != event.job or not bay.busy:
            log.warning("bay %s: a worker that was given up came back; what it says is not used", event.bay)
            self._hanging.discard(event.job)
            if event.bay not in self._ends:
                self.books.let_go(event.job)
        elif isinstance(outcome, Aborted) and outcome.reason == STATION_STOPPED:
            self._interrupt(bay)
        else:
            self.conclude(bay, outcome)

    def _interrupt(self, bay: Bay) -> None:
        """Leave the job to the next start, which goes on from its last flushed point."""
        assert bay.job is not None
        self._cooled(bay.name)
        self._workers.pop(bay.name, None)
        self.books.keep(job.advance(bay.job, JobState.INTERRUPTED))
        self.books.let_go(bay.job.id)
        self.table.put(emptied(bay))

    def conclude(self, bay: Bay, outcome: Outcome, then: BayState = BayState.FINISHED) -> None:
        """Conclude the work in a bay. Nothing is shown of how it ended, before the certificate is on the medium."""
        self._cooled(bay.name)
        bay = move(bay, BayState.CERTIFYING, due=None, asks="", progress=None)
        running = self._workers.pop(bay.name, None) or self._running(None)
        running.end(outcome)
        self._ends[bay.name] = _End(running, then)
        self.table.put(bay)
        self.certify(bay.name)

    def certify(self, name: str) -> None:
        """Certify, then label, then publish. What cannot be written down now is tried again until it can."""
        bay, end = self.table[name], self._ends[name]
        assert bay.job is not None
        tag = bay.job.asset.tag if bay.job.asset else ""
        told = self.books.told_whole(tag) if tag else frozenset()
        issued = end.running.certify(bay.job)
        if issued is None:
            return
        self._outdated += self.books.no_more_whole(tag, told) if told else []
        del self._ends[name]
        done, certificate = issued
        if done.id not in self._hanging:
            self.books.let_go(done.id)
        if end.then is not BayState.QUARANTINED:
            self.table.alarm(f"bay-{name}", None)
        number = certificate.record.number
        bay = move(bay, end.then, job=done, outcome=done.state.value, certificate_number=number, reason=done.reason)
        if self.ask_grade and done.state is JobState.ERASED and not (done.disposition and done.disposition.grade):
            bay = replace(bay, asks="grade")
        self.table.put(bay)
        whole = self.books.whole(certificate.record)
        self.table.tell(functools.partial(self.table.effects.certified, whole=whole), done, certificate)
        self._note_what_waits(bay, done)
        if bay.state is BayState.FINISHED and not bay.drive_present:
            self.table.put(emptied(bay))
            if done.reason is not None and done.reason.code == PULLED_OUT.code:
                self.table.report("bay_interrupted", bay=name)
        self._freed = True

    def _note_what_waits(self, bay: Bay, done: Job) -> None:
        """A drive that failed goes into the box, one that was pulled out goes back; of no other is that so any more."""
        drive, number = done.drive.fingerprint, bay.certificate_number or ""
        self.pending.done_about("box", drive=drive)
        self.pending.done("put_back", drive)
        facts: dict[str, Any] = {
            "label": number,
            "asset": done.asset.tag if done.asset else "",
            "serial": done.drive.serial or done.drive.wwn or "",
            "bay": bay.name,
            "drive": drive,
            "who": done.operator,
        }
        if bay.claim == "failed":
            self.pending.add(Awaited(what="box", name=number, **facts))
        elif done.reason is not None and done.reason.code == PULLED_OUT.code:
            self.pending.add(Awaited(what="put_back", name=drive, **facts))
