"""`benchwipe erase`: several drives at once, without the daemon; with the same worker, ledger and certificates."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from agent import files, job
from agent.certificate import Certificate
from agent.clock import utc_now
from agent.erase import Checkpoint, EraseSpec, Progress, Stop
from agent.job import Job, JobState
from agent.outcome import CANCELLED, STALLED, Aborted, Erased, Failed, Outcome, Reason, Refused
from agent.plan import Plan, plan
from agent.policy import Policy
from agent.record import Operator
from agent.registrar import Registrar, new_job, work_of
from agent.safety import judge
from agent.view import percent
from agent.worker import run_job
from drivers.drives.base import Drive
from drivers.drives.block import open_device
from drivers.drives.facts import gather

log = logging.getLogger("benchwipe.erase")

LET_GO_S = 15.0
GIVE_UP_STALLED_S = 120.0
UNIDENTIFIED = Reason("BW-S12", "The drive does not say who it is")
NOTHING_TO_RESUME = Reason("BW-P10", "No interrupted job of this drive is known in this state folder")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `--json`, in the contract's words."""

    device: str
    outcome: str
    certificate_id: str | None = None
    certificate_file: str | None = None
    reason: str | None = None
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """A device that was named: planned, or refused; nothing of it was touched."""

    device: str
    drive: Drive | None = None
    plan: Plan | None = None
    refusal: Reason | None = None
    resumes: Job | None = None


@dataclass
class _Run:
    """One drive under way."""

    row: int
    candidate: Candidate
    job: Job
    spec: EraseSpec
    stop: Stop = field(default_factory=Stop)
    began: float = field(default_factory=time.monotonic)
    written: int = 0
    stalled_since: float | None = None


def examine(device: str, policy: Policy, *, state_dir: Path) -> Candidate:
    """Look at a device and plan its erasure, or say why it may not be erased. Opens nothing for writing."""
    facts = gather(device, protect=(state_dir,))
    refusals = judge(facts)
    if refusals or facts.drive is None:
        return Candidate(device, drive=facts.drive, refusal=refusals[0] if refusals else UNIDENTIFIED)
    planned = plan(facts.drive, policy)
    if isinstance(planned, Reason):
        return Candidate(device, drive=facts.drive, refusal=planned)
    return Candidate(device, drive=facts.drive, plan=planned)


def to_resume(candidate: Candidate, registrar: Registrar) -> Candidate:
    """The same device with the interrupted job that it goes on with, or refused."""
    if candidate.refusal or candidate.drive is None:
        return candidate
    old = registrar.ledger.newest_job(candidate.drive.fingerprint)
    if old is None or old.plan is None or not registrar.ledger.can_resume(old):
        return replace(candidate, refusal=NOTHING_TO_RESUME)
    return replace(candidate, plan=old.plan, resumes=old)


class EraseCommand:
    """Runs the planned candidates side by side. Belongs to the main thread; workers only put events."""

    def __init__(self, registrar: Registrar, *, folder: Path | None, show: Callable[[list[str]], None]) -> None:
        """`folder` gets a copy of each certificate. `show` takes one line for each drive under way."""
        self.registrar = registrar
        self.folder = folder
        self.show = show
        self.interrupted = False
        self._events: queue.SimpleQueue[tuple[_Run, Progress | Checkpoint | Outcome]] = queue.SimpleQueue()
        self._runs: list[_Run] = []
        self._lines: dict[int, str] = {}

    def interrupt(self) -> None:
        """Ask every worker to stop: certificates will say "aborted". Safe in a signal handler."""
        self.interrupted = True
        for run in self._runs:
            run.stop.request(CANCELLED)

    def run(self, candidates: Sequence[Candidate], *, asset: str | None, operator: str | None) -> list[Result]:
        """One result for each candidate, in their order. Whatever happens to one drive, the others go on."""
        results: dict[int, Result] = {}
        for row, candidate in enumerate(candidates):
            if candidate.refusal:
                results[row] = Result(device=candidate.device, outcome="refused", reason=str(candidate.refusal))
            else:
                self._runs.append(self._open(row, candidate, len(candidates), asset, operator))
        for run in self._runs:
            threading.Thread(target=self._work, args=(run,), name=f"work-{run.candidate.device}", daemon=True).start()
        self._follow(results)
        return [results[row] for row in range(len(candidates))]

    def _open(self, row: int, candidate: Candidate, together: int, asset: str | None, operator: str | None) -> _Run:
        assert candidate.drive is not None
        old = candidate.resumes
        if old is None:
            self.registrar.supersede(candidate.drive.fingerprint)
        if old is not None and old.state not in job.ENDED:
            planned = self._taken_up(old)
        else:
            planned = new_job(candidate.drive, asset=asset, operator=Operator(id=operator) if operator else None)
            planned = msgspec.structs.replace(planned, plan=candidate.plan)
            if old is not None:
                planned = msgspec.structs.replace(
                    planned, asset=planned.asset or old.asset, operator=planned.operator or old.operator
                )
            planned = self.registrar.open_job(planned, resumes=old)
        why = "the station was stopped or lost power" if old else None
        spec = self.registrar.spec(planned, drives_at_once=together, interruption=why)
        started = job.advance(planned, JobState.ERASING, started_at=planned.started_at or utc_now())
        self.registrar.ledger.save_job(started)
        return _Run(row, candidate, started, spec)

    def _taken_up(self, old: Job) -> Job:
        if old.state in job.WORKING:
            old = job.advance(old, JobState.INTERRUPTED)
        return msgspec.structs.replace(old, bay="")

    def _work(self, run: _Run) -> None:
        candidate = run.candidate
        assert candidate.drive is not None
        outcome = run_job(
            candidate.drive,
            run.spec,
            lambda: open_device(candidate.device, candidate.drive),
            lambda report: self._events.put((run, report)),
            run.stop,
        )
        self._events.put((run, outcome))

    def _follow(self, results: dict[int, Result]) -> None:
        """Take in reports until every drive has its certificate."""
        under_way = {run.row: run for run in self._runs}
        let_go: float | None = None
        while under_way:
            with contextlib.suppress(queue.Empty):
                run, report = self._events.get(timeout=0.2)
                if run.row in under_way:
                    self._take(run, report, results)
            if self.interrupted and let_go is None:
                let_go = time.monotonic() + LET_GO_S
            for run in list(under_way.values()):
                self._give_up(run, let_go, results)
                if run.row in results:
                    del under_way[run.row]

    def _take(self, run: _Run, report: Progress | Checkpoint | Outcome, results: dict[int, Result]) -> None:
        if isinstance(report, Checkpoint):
            self.registrar.ledger.save_checkpoint(run.job.id, report.point)
        elif isinstance(report, Progress):
            run.stalled_since = (run.stalled_since or time.monotonic()) if report.phase == "stalled" else None
            if report.phase == "verify" and run.job.state is JobState.ERASING:
                run.job = job.advance(run.job, JobState.VERIFYING)
                self.registrar.ledger.save_job(run.job)
            self._lines[run.row] = progress_line(run.candidate.device, report)
            self.show([self._lines[row] for row in sorted(self._lines)])
        else:
            results[run.row] = self._certify(run, report)
            self._lines[run.row] = f"{run.candidate.device}: {results[run.row].outcome}"
            self.show([self._lines[row] for row in sorted(self._lines)])

    def _give_up(self, run: _Run, let_go: float | None, results: dict[int, Result]) -> None:
        """A drive that answers no more must not hold the others: what is known of it is certified."""
        now, point = time.monotonic(), None
        if run.row in results:
            return
        if let_go is not None and now > let_go:
            point = self.registrar.ledger.checkpoint(run.job.id)
            results[run.row] = self._certify(run, Aborted(work_of(point), CANCELLED))
        elif run.stalled_since is not None and now - run.stalled_since > GIVE_UP_STALLED_S:
            run.stop.request(STALLED)
            point = self.registrar.ledger.checkpoint(run.job.id)
            results[run.row] = self._certify(run, Failed(work_of(point), STALLED))

    def _certify(self, run: _Run, outcome: Outcome) -> Result:
        """A refusal at the open touched nothing: it has no certificate, and its job never was."""
        seconds = round(time.monotonic() - run.began, 3)
        if isinstance(outcome, Refused):
            self.registrar.ledger.save_job(job.advance(run.job, JobState.REFUSED, finished_at=utc_now()))
            return Result(device=run.candidate.device, outcome="refused", reason=str(outcome.reason), seconds=seconds)
        run.job, certificate = self.registrar.issue(run.job, outcome)
        return Result(
            device=run.candidate.device,
            outcome=certificate.record.outcome,
            certificate_id=certificate.id,
            certificate_file=str(self._deliver(certificate)),
            reason=None if isinstance(outcome, Erased) else str(outcome.reason),
            bytes=sum(p.bytes for p in outcome.work.passes),
            seconds=seconds,
        )

    def _deliver(self, certificate: Certificate) -> Path:
        """Where the certificate lies for the caller. The record itself is in the state folder whatever happens here."""
        own = self.registrar.ledger.certificates_dir / certificate.file_name
        if self.folder is None:
            return own
        try:
            files.write_once(self.folder / certificate.file_name, certificate.compact)
        except OSError as error:
            log.error("%s: %s; the certificate is in %s", self.folder, error.strerror, own)
            return own
        return self.folder / certificate.file_name


def progress_line(device: str, at: Progress) -> str:
    """One drive's progress for a person."""
    what = {"verify": "reading back", "stalled": "DOES NOT ANSWER", "paused": "too hot: waiting"}.get(
        at.phase, f"pass {at.pass_number}/{at.passes}"
    )
    return f"{device}: {what} {percent(at.bytes_done, at.bytes_total)} %, {at.mb_per_s:.0f} MB/s"


def exit_status(results: Sequence[Result], *, interrupted: bool) -> int:
    """The contract's exit status: 130 interrupted, else the worst of 1 (not erased), 3 (refused), 0."""
    outcomes = {result.outcome for result in results}
    if interrupted and "aborted" in outcomes:
        return 130
    if outcomes & {"failed", "aborted"}:
        return 1
    return 3 if "refused" in outcomes else 0
