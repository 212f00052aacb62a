"""One job while a worker holds its drive: what the worker reports, when it is given up, how its end is certified.

The daemon and the command line run the same one. Each has its own threads and queues, and its own way to the ledger.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from agent.certificates.certificate import Certificate
from agent.certificates.clock import utc_now
from agent.certificates.outcome import STALLED, Aborted, Erased, Failed, Outcome, Refused, Work
from agent.erase import Checkpoint, EraseSpec, Progress, Renewed, ResumePoint
from agent.erase.before import done_before
from agent.erase.signals import Stop
from agent.jobs.job import Job, JobState, advance

CYCLING_S = 180.0  # a dock that is slow, disks that spin up one after the other
SILENT_S = 60.0  # a worker speaks at least once a second; one that opens a dying drive does not
STATION_LOST = "the station was stopped or lost power"

Report = Progress | Checkpoint | Renewed | Outcome
"""What a worker says on its way, and at last."""


class Records(Protocol):
    """The way to the ledger. A disk that is full raises nothing here: it costs the way back, not the erasure."""

    def keep(self, changed: Job) -> None:
        """Write a job's state down."""

    def checkpoint(self, job_id: str, point: ResumePoint) -> bool:
        """Write down how far a job was flushed. Return whether that is on the medium."""

    def issue(self, ended: Job, outcome: Outcome) -> tuple[Job, Certificate] | None:
        """Certify a job's end. Return None where nothing could be written down, so that it has to be tried again."""


class RunningJob:
    """Follows one worker. Belongs to one thread, as its records do.

    It does not hold the Job: its owner does, and hands it in, because an asset tag may be scanned meanwhile.
    """

    def __init__(self, records: Records, spec: EraseSpec | None, *, now: float, give_up_s: float) -> None:
        """`now` is in monotonic seconds. A drive that does not answer for `give_up_s` seconds is given up.

        `spec` is None for a job that ends before it has a worker.
        """
        self.stop = Stop()
        self.outcome: Outcome | None = None
        self.work = Work() if spec is None else done_before(spec.resume, spec.interruption)
        self._records, self._give_up_s = records, give_up_s
        self._heard, self._stalled_since = now, now
        self._before_stall = JobState.ERASING

    def take(self, job: Job, report: Report, now: float) -> Job:
        """Take in what the worker says. Return the job as it is then.

        Nothing counts any more that comes after the end, or after the drive was given up.
        """
        if self.outcome is not None:
            if isinstance(report, Checkpoint):
                self.stop.receipts.tell(report.receipt, kept=False)  # it must not wait for that
            return job
        self._heard = now
        match report:
            case Progress():
                return self._enter(job, _state_by(report, job.state, self._before_stall), now)
            case Checkpoint():
                self._flushed(job, report)
                return job
            case Renewed():
                return self._keep(msgspec.structs.replace(job, drive=report.drive))
            case Erased() | Failed() | Aborted() | Refused():
                self.end(report)
                return job

    def give_up(self, job: Job, now: float) -> Job:
        """Call a silent worker stalled, and give up a drive that has stalled for too long: that is its `outcome`."""
        if self.outcome is not None:
            return job
        if job.state is not JobState.STALLED:
            limit = CYCLING_S if job.state is JobState.CYCLING else SILENT_S
            return self._enter(job, JobState.STALLED, now) if now - self._heard > limit else job
        if now - self._stalled_since > self._give_up_s:
            self.stop.request(STALLED)
            self.end(Failed(self.work, STALLED))
        return job

    def end(self, outcome: Outcome) -> None:
        """Note how the job ended. The first outcome stays."""
        self.outcome = self.outcome or outcome

    def certify(self, job: Job) -> tuple[Job, Certificate] | None:
        """Write the end down. Return the ended job and its certificate, or None where it has to be tried again."""
        if self.outcome is None:
            raise AssertionError(f"job {job.id} has not ended")
        return self._records.issue(job, self.outcome)

    def _flushed(self, job: Job, report: Checkpoint) -> None:
        """A point that nobody could write down was reached all the same."""
        kept = self._records.checkpoint(job.id, report.point)
        self.work = done_before(report.point)
        self.stop.receipts.tell(report.receipt, kept)

    def _enter(self, job: Job, to: JobState, now: float) -> Job:
        if to is job.state:
            return job
        if to is JobState.STALLED:
            self._stalled_since, self._before_stall = now, job.state
        return self._keep(advance(job, to))

    def _keep(self, job: Job) -> Job:
        self._records.keep(job)
        return job


def begun(planned: Job) -> Job:
    """Return the job as it begins: it is written down so before the first byte is."""
    return advance(planned, JobState.ERASING, started_at=planned.started_at or utc_now())


def _state_by(report: Progress, now: JobState, before_stall: JobState) -> JobState:
    """The job's state by its worker's phase. A pause for heat, and a retry, belong to what went on before."""
    if report.phase == "stalled":
        return JobState.STALLED
    if report.phase == "cycling":
        return JobState.CYCLING
    if report.phase == "verify":
        return JobState.VERIFYING
    before = before_stall if now is JobState.STALLED else now
    return JobState.ERASING if before is JobState.CYCLING else before
