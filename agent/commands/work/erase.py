"""`benchwipe erase`: several drives at once, without the daemon; with the same worker, ledger and certificates.

Order of things: every device is looked at and judged; the allowed ones are held exclusively; then their jobs are
written down; then they are written to. Whatever goes wrong before the last step has touched no drive.
"""

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

from agent import files
from agent.certificates.certificate import Certificate
from agent.certificates.clock import utc_now
from agent.certificates.outcome import (
    CANCELLED,
    NAMELESS,
    NEVER_RESUMED,
    Aborted,
    Erased,
    Failed,
    Outcome,
    Reason,
    Refused,
)
from agent.commands.work.erase_records import LenientRecords
from agent.commands.work.erase_request import HELD, Candidate, EraseRequest, at_work, known_result
from agent.commands.work.erase_result import Result as Result
from agent.commands.work.terminal import progress_line
from agent.erase import EraseSpec, Progress
from agent.erase.before import done_before
from agent.erase.worker import run_job
from agent.errors import CertificateProblem
from agent.jobs import job
from agent.jobs.at_work import Claim, DriveAtWork
from agent.jobs.job import Job, JobState
from agent.jobs.new_job import new_job
from agent.jobs.registrar import Registrar
from agent.jobs.running import STATION_LOST, Report, RunningJob, begun
from agent.planning.plan import plan
from agent.planning.policy import Policy
from agent.planning.safety import judge
from drivers.deadline import Deadline
from drivers.drives.base import DriveError, OpenDrive
from drivers.drives.block import open_device
from drivers.drives.drive import Drive
from drivers.drives.examine import Looks, gather
from drivers.drives.facts import Facts

log = logging.getLogger("benchwipe.erase")

LET_GO_S = 8.0
TWICE_S = 0.3
CERTIFY_FOR_S = 10.0
CERTIFY_AGAIN_S = 1.0
LOOK_S = 0.5
NOTHING_TO_RESUME = Reason("BW-P10", "No interrupted job of this drive is known in this state folder")


@dataclass
class _Run:
    """One drive under way. `ended`: when it did, and began to wait for its certificate.

    `let_go`: its worker is done with it, and no request of it is in the kernel any more.
    """

    row: int
    candidate: Candidate
    opened: OpenDrive
    claim: Claim
    job: Job
    spec: EraseSpec
    running: RunningJob
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    try_at: float = 0.0
    let_go: bool = False


def examine(
    device: str,
    policy: Policy,
    *,
    state_dir: Path,
    patience_s: float = 0.0,
    as_ours: Callable[[Drive], Drive] = lambda drive: drive,
    looks: Looks | None = None,
) -> Candidate:
    """Look at a device and plan its erasure, or say why it may not be erased. Opens nothing for writing.

    `patience_s`: who holds it may only look too, for some milliseconds. `as_ours`: the drive as it is planned, where a
    lock of our own may be on it. `looks`: see `gather`.
    """
    nameless = policy.allow_unidentified
    facts, refusals = look(device, state_dir=state_dir, patience_s=patience_s, allow_unidentified=nameless, looks=looks)
    if refusals or facts.drive is None:
        return Candidate(device, drive=facts.drive, refusal=refusals[0] if refusals else NAMELESS)
    if isinstance(planned := plan(as_ours(facts.drive), policy), Reason):
        return Candidate(device, drive=facts.drive, refusal=planned)
    return Candidate(device, drive=facts.drive, plan=msgspec.structs.replace(planned, writers=facts.writers))


def locked(candidate: Candidate) -> bool:
    """Say whether a candidate is refused for a password, which may be ours."""
    can = candidate.drive.capabilities if candidate.drive else None
    return candidate.refusal is not None and can is not None and bool(can.security_locked)


def look(
    device: str, *, state_dir: Path, patience_s: float, allow_unidentified: bool = False, looks: Looks | None = None
) -> tuple[Facts, tuple[Reason, ...]]:
    """Tell what is known of a device, and why it may not be written to."""
    until = Deadline(patience_s)
    while True:
        facts = gather(device, protect=(state_dir,), looks=looks)
        refusals = judge(facts, allow_unidentified=allow_unidentified)
        if until.passed or {reason.code for reason in refusals} != {HELD}:
            break
        time.sleep(0.05)
    return facts, at_work(facts.drive, refusals, state_dir)


def to_resume(candidate: Candidate, registrar: Registrar, named: frozenset[str] = frozenset()) -> Candidate:
    """Return the same device with the interrupted job that it goes on with, or refused.

    `named`: "method", "verify".
    """
    if candidate.refusal or candidate.drive is None or candidate.plan is None:
        return candidate
    drive = candidate.drive
    if not drive.identified:
        return replace(candidate, refusal=NEVER_RESUMED)
    old = registrar.ledger.newest_job(drive)
    if old is not None and old.untold and old.certificate_id is not None and not old.stopped:
        return replace(candidate, certified=old)
    never_began = old is not None and old.state is JobState.PLANNED and bool(old.bay) and not old.resumes
    if old is None or old.plan is None or not old.stopped or never_began:
        return replace(candidate, refusal=NOTHING_TO_RESUME)
    asked, was = candidate.plan, old.plan
    other_method = "method" in named and asked.method != was.method
    if other_method or ("verify" in named and asked.verify.kind != was.verify.kind):
        text = f"The interrupted job is {was.method}, verify {was.verify.kind}, and goes on only so"
        return replace(candidate, refusal=Reason("BW-P11", text, "Leave --method and --verify out, or --resume."))
    planned = msgspec.structs.replace(was, writers=asked.writers)
    return replace(candidate, plan=planned, resumes=old, anew=not registrar.ledger.can_resume(old))


class EraseCommand:
    """Runs the planned candidates side by side. Belongs to the main thread; workers only put events."""

    def __init__(self, registrar: Registrar, *, folder: Path | None, show: Callable[[list[str]], None]) -> None:
        """`folder` gets a copy of each certificate. `show` takes one line for each drive under way."""
        self.registrar = registrar
        self.folder = folder
        self.show = show
        self.interrupted = False
        self._untold: list[Job] = []
        self._let_go: float | None = None
        self._records = LenientRecords(registrar)
        self._events: queue.SimpleQueue[tuple[_Run, Report]] = queue.SimpleQueue()
        self._runs: list[_Run] = []
        self._lines: dict[int, str] = {}

    def interrupt(self) -> None:
        """Ask every worker to stop: certificates will say "aborted". The second time waits for nobody. Signal-safe.

        Of whoever sends a signal to all processes of a command it comes twice at once: that is one time.
        """
        now = time.monotonic()
        if self._let_go is not None and now - self._let_go + LET_GO_S < TWICE_S:
            return
        self._let_go = now + (0.0 if self.interrupted else LET_GO_S)
        self.interrupted = True
        for run in self._runs:
            run.running.stop.request(CANCELLED)

    def run(self, candidates: Sequence[Candidate], request: EraseRequest) -> list[Result]:
        """Erase the candidates: one result for each, in their order.

        Whatever happens to one drive, the others go on.
        """
        results: dict[int, Result] = {}
        with contextlib.ExitStack() as held:
            for row, candidate in enumerate(candidates):
                found = candidate.refusal or self._hold(row, candidate, len(candidates), request, held)
                if isinstance(found, Reason):
                    results[row] = Result(device=candidate.device, outcome="refused", reason=str(found))
                elif isinstance(found, Job):
                    self._untold.append(found)
                    results[row] = known_result(candidate.device, found, self.registrar, self._deliver)
                else:
                    self._runs.append(found)
            for run in self._runs:
                run.job = begun(run.job)
                self.registrar.ledger.save_job(run.job)
            held.pop_all()
        for run in self._runs:
            if self.interrupted:  # before it was in the list
                run.running.stop.request(CANCELLED)
            threading.Thread(target=self._work, args=(run,), name=f"work-{run.candidate.device}", daemon=True).start()
        self._follow(results)
        return [results[row] for row in range(len(candidates))]

    def told(self) -> None:
        """Note that everybody was told of the certificates: from now on none of these jobs is one to be told of."""
        for ended in self._untold:
            with self._records.tolerated("that a certificate was told of"):
                self.registrar.ledger.save_job(msgspec.structs.replace(ended, untold=False))

    # --- before anything is written ---------------------------------------------------------------------------

    def _hold(
        self, row: int, candidate: Candidate, together: int, request: EraseRequest, held: contextlib.ExitStack
    ) -> _Run | Reason | Job:
        """Claim and hold the drive first: another benchwipe at work on it must not lose its job to us."""
        if candidate.certified is not None:
            return candidate.certified
        assert candidate.drive is not None
        with contextlib.ExitStack() as mine:
            try:
                claim = self.registrar.at_work.claim(candidate.drive)
                mine.callback(claim.release)
                opened = open_device(candidate.device, candidate.drive)
            except (DriveAtWork, DriveError) as error:
                return Reason(error.code, str(error), error.hint)
            mine.callback(opened.close)
            if request.resume:
                candidate = to_resume(candidate, self.registrar, request.named)
            if candidate.idle:
                return candidate.refusal or candidate.certified or NOTHING_TO_RESUME
            held.push(mine.pop_all())
        planned = self._write_down(candidate, request, claim)
        claim.names(planned.id)
        why = None
        if candidate.resumes is not None:
            why = candidate.resumes.reason.text if candidate.resumes.reason else STATION_LOST
        spec = self.registrar.spec(planned, drives_at_once=together, interruption=why)
        limit = self.registrar.settings.station.stalled_power_off_s
        running = RunningJob(self._records, spec, now=time.monotonic(), give_up_s=limit)
        return _Run(row, candidate, opened, claim, planned, spec, running)

    def _write_down(self, candidate: Candidate, request: EraseRequest, claim: Claim) -> Job:
        """The job, in the ledger."""
        assert candidate.drive is not None
        old = candidate.resumes
        if old is None:
            self.registrar.supersede(candidate.drive, claimed=claim)
        elif old.state not in job.ENDED:
            return msgspec.structs.replace(
                job.advance(old, JobState.INTERRUPTED) if old.state in job.WORKING else old,
                bay="",
                asset=old.asset if request.asset is None else new_job(old.drive, asset=request.asset).asset,
                operator=request.operator or old.operator,
            )
        new = new_job(candidate.drive, asset=request.asset, operator=request.operator)
        new = msgspec.structs.replace(new, plan=candidate.plan)
        if old is not None:
            new = msgspec.structs.replace(
                new, asset=new.asset or old.asset, operator=new.operator or old.operator, customer=old.customer
            )
        return self.registrar.open_job(new, resumes=old)

    # --- while they are erased --------------------------------------------------------------------------------

    def _work(self, run: _Run) -> None:
        candidate, early = run.candidate, run.running.stop.requested
        assert candidate.drive is not None
        if early is not None:
            run.opened.close()
            self._events.put((run, Aborted(done_before(run.spec.resume, run.spec.interruption), early)))
            return
        outcome = run_job(
            candidate.drive,
            run.spec,
            lambda: run.opened,
            lambda report: self._events.put((run, report)),
            run.running.stop,
        )
        self._events.put((run, outcome))

    def _follow(self, results: dict[int, Result]) -> None:
        """Take in reports until every drive has its certificate."""
        under_way = {run.row: run for run in self._runs}
        while under_way:
            with contextlib.suppress(queue.Empty):
                run, report = self._events.get(timeout=0.2)
                self._take(run, report)
            for run in list(under_way.values()):
                self._give_up(run)
                result = self._settle(run)
                if result is not None:
                    if not run.let_go:
                        run.claim.keep()
                    run.claim.release()
                    results[run.row] = result
                    del under_way[run.row]
                    self._tell(run, result.words)

    def _take(self, run: _Run, report: Report) -> None:
        run.let_go = run.let_go or isinstance(report, Outcome)
        run.job = run.running.take(run.job, report, time.monotonic())
        if isinstance(report, Progress) and run.running.outcome is None:
            self._tell(run, None, report)

    def _give_up(self, run: _Run) -> None:
        """A drive that answers no more must not hold the others: what is known of it is certified."""
        now = time.monotonic()
        run.job = run.running.give_up(run.job, now)
        if self._let_go is not None and now > self._let_go:
            run.running.end(Aborted(run.running.work, CANCELLED))
        if run.running.outcome is not None:
            run.ended = run.ended or now

    def _tell(self, run: _Run, outcome: str | None, report: Progress | None = None) -> None:
        device = run.candidate.device
        self._lines[run.row] = progress_line(device, report) if report else f"{device}: {outcome}"
        self.show([self._lines[row] for row in sorted(self._lines)])

    # --- afterwards -------------------------------------------------------------------------------------------

    def _settle(self, run: _Run) -> Result | None:
        """The result of a drive that ended; None while it has not, or while its certificate cannot be written yet."""
        outcome = run.running.outcome
        if outcome is None or time.monotonic() < run.try_at:
            return None
        if isinstance(outcome, Refused):
            return self._refused(run, outcome.reason)
        try:
            issued = run.running.certify(run.job)
        except CertificateProblem as problem:
            return self._uncertified(run, problem)
        if issued is not None:
            return self._certified(run, outcome, *issued)
        if time.monotonic() - run.ended >= CERTIFY_FOR_S:
            return self._uncertified(run, self._records.problem)
        if not run.try_at:
            log.warning("%s: no certificate yet: %s; trying again", run.candidate.device, self._records.problem)
        run.try_at = time.monotonic() + CERTIFY_AGAIN_S
        return None

    def _uncertified(self, run: _Run, problem: Exception | None) -> Result:
        """Without a certificate nothing is claimed. The ledger knows the job: `--resume` reads back and certifies."""
        reason = Reason(
            "BW-A13", f"Its certificate cannot be written: {problem}", "Mend that, then go on with erase --resume."
        )
        return self._result(run, "failed", reason=str(reason))

    def _refused(self, run: _Run, reason: Reason) -> Result:
        """A refusal at the open touched nothing: it has no certificate, and its job never was."""
        with self._records.tolerated("a refusal"):
            self.registrar.forget_unsent(run.job)
            self.registrar.ledger.save_job(job.advance(run.job, JobState.REFUSED, finished_at=utc_now()))
        return self._result(run, "refused", reason=str(reason))

    def _certified(self, run: _Run, outcome: Erased | Failed | Aborted, done: Job, certificate: Certificate) -> Result:
        """The row of a drive with a certificate. What the certificate says counts, where the outcome was condensed."""
        self._untold.append(done)
        record = certificate.record
        return self._result(
            run,
            record.outcome,
            certificate_id=certificate.id,
            certificate_file=str(self._deliver(certificate)),
            reason=str(done.reason) if done.reason else None,
            **({"read_back": record.verification.kind != "none"} if record.outcome == "erased" else {}),
            bytes=_erased_bytes(run, outcome),
        )

    def _result(self, run: _Run, outcome: str, **facts: object) -> Result:
        row = {"device": run.candidate.device, "outcome": outcome, "seconds": round(run.ended - run.began, 3), **facts}
        return msgspec.convert(row, Result)

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


def _erased_bytes(run: _Run, outcome: Erased | Failed | Aborted) -> int:
    """Bytes written by passes; the whole drive where its own firmware erased it."""
    by_firmware = isinstance(outcome, Erased) and run.spec.technique != "overwrite"
    return run.job.drive.capacity_bytes if by_firmware else sum(p.bytes for p in outcome.work.passes)
