"""The engine's way to the ledger: says when it cannot be written, keeps what must not be forgotten, tries it again.

A full disk must not end the work in the bays, nor lose a certificate, nor begin an erasure that nobody wrote down.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import msgspec

from agent.bench.alarms import critical
from agent.certificates.attestation import Handset, Reset
from agent.certificates.certificate import Certificate
from agent.certificates.outcome import PULLED_OUT, Outcome, Work
from agent.certificates.record import Asset, Operator, Record
from agent.erase import EraseSpec, PatternSpan, ResumePoint
from agent.erase.before import done_before
from agent.errors import CertificateProblem, LedgerProblem
from agent.jobs import certify, job
from agent.jobs.at_work import Claim, DriveAtWork
from agent.jobs.command_rows import MOST_COMMANDS
from agent.jobs.job import Job, JobState
from agent.jobs.label_proof import LabelRow
from agent.jobs.pattern_hashes import IDLE
from agent.jobs.registrar import Registrar
from agent.jobs.running import STATION_LOST, begun
from agent.jobs.statements import Stated
from agent.messages import Alarm, CommandStatus
from agent.planning.plan import Plan, plan
from drivers.drives.drive import Drive

log = logging.getLogger("benchwipe.books")

NOT_WRITTEN = "the station's ledger cannot be used now, so this did nothing: mend that, and ask again"


class Books:
    """The wall before the ledger: jobs, certificates, labels and commands, for a caller that goes on without them.

    One thread's. Nothing else in this room reads or writes the ledger, so that no failure stays unsaid.
    """

    def __init__(self, registrar: Registrar, alarm: Callable[[str, Alarm | None], None]) -> None:
        self.registrar = registrar
        self.printers = tuple(printer.name for printer in registrar.settings.printer)
        self.ask_grade = registrar.settings.scanning.ask_grade
        self._alarm = alarm
        self._unsaved: dict[str, Job] = {}
        self._claims: dict[str, Claim] = {}
        self._untold: dict[str, tuple[str, CommandStatus]] = {}
        self._failing: set[str] = set()

    # These raise LedgerProblem when it cannot be done: nothing was done then, and the alarm is raised.

    def save_labels(self, rows: Sequence[LabelRow]) -> None:
        """Write down what is known of labels, before anything is sent."""
        with self._trying("ledger"):
            self.registrar.ledger.labels.save(rows)

    def replace_labels(self, number: str, rows: Sequence[LabelRow]) -> None:
        """Write down what is sent again, before it is sent."""
        with self._trying("ledger"):
            self.registrar.ledger.labels.replace(number, rows)

    def labels(self, name: str) -> list[LabelRow]:
        """Find the label of that certificate's number or id, at each printer."""
        with self._trying("ledger", clears=False):
            return self.registrar.ledger.labels.of(name)

    def certified(self, tag: str) -> str | None:
        """Find the number of the newest certificate with that asset tag, where it can be read."""
        with contextlib.suppress(LedgerProblem), self._trying("ledger", clears=False):
            return self.registrar.ledger.chain.number_of_device(tag)
        return None

    def asset(self, tag: str, drive: Drive) -> Asset | None:
        """Describe a drive's device. None where all the drives that were counted in it have been seen."""
        with self._trying("ledger", clears=False):
            return self.registrar.asset(tag, drive)

    def count_drives(self, tag: str, drives: int, who: Operator | None) -> None:
        """Write down and state how many drives a device has."""
        with self._trying("ledger"):
            self.registrar.count_drives(tag, drives, who)

    def state(self, what: Stated, facts: Mapping[str, object], who: Operator | None) -> None:
        """Sign and queue what a person says of a device."""
        with self._trying("ledger"):
            self.registrar.state(what, facts, who)

    def whole(self, record: Record) -> bool:
        """Say whether all drives of a certificate's device are erased; not where the ledger cannot be read."""
        with contextlib.suppress(LedgerProblem), self._trying("ledger", clears=False):
            return self.registrar.whole(record)
        return False

    def told_whole(self, tag: str) -> frozenset[str]:
        """Find the certificates whose labels may say now that all of this device is erased."""
        quiet = contextlib.suppress(LedgerProblem, CertificateProblem, OSError)
        with quiet, self._trying("ledger", clears=False, but=OSError):
            return frozenset(self.registrar.told_whole(tag) if self.printers else ())
        return frozenset()

    def no_more_whole(self, tag: str, told: frozenset[str]) -> list[str]:
        """Choose those of them, told before, of drives that are erased as before, and that is not all of the device."""
        with contextlib.suppress(LedgerProblem), self._trying("ledger", clears=False):
            still = told - self.told_whole(tag)
            return [name for name in self.registrar.ledger.devices.erased(tag) if name in still]
        return []

    def attest(self, handset: Handset, reset: Reset, occasion: certify.Occasion) -> Certificate:
        """Certify a reset that a person answers for, and the intent to print its label."""
        with self._trying("certificate"):
            return self.registrar.attest(handset, reset, occasion, printers=self.printers)

    def newest(self, drive: Drive) -> Job | None:
        """Find the drive's newest job."""
        with self._trying("ledger", clears=False):
            found = self.registrar.ledger.newest_job(drive)
        return self._unsaved.get(found.id, found) if found else None

    def since(self, done: Job) -> Job | None:
        """Find what the drive of this job has gone through last, if that is another job; one called off is none."""
        with self._trying("ledger", clears=False):
            found = self.registrar.ledger.newest_done(done.drive)
        return found if found is not None and found.id != done.id else None

    def elsewhere(self, drive: Drive) -> DriveAtWork | None:
        """Tell who erases this drive now, if it is not this station's daemon."""
        with self._trying("ledger", clears=False):
            return self.registrar.at_work.running(drive)

    def recover(self) -> list[Job]:
        """Mend what a power cut left of certificates; every job that has not ended, oldest first."""
        with self._trying("ledger", clears=False):
            self.registrar.recover(printers=self.printers)
            self.registrar.want_hashes()
            return self.registrar.ledger.unfinished()

    def set_aside(self) -> list[tuple[str, str]]:
        """List what the collector refused (id, reason)."""
        with self._trying("ledger", clears=False):
            return self.registrar.ledger.outbox.quarantined()

    def certificate(self, name: str) -> Certificate | None:
        """Read the certificate of that number or id.

        CertificateProblem or OSError where its file is not as written.
        """
        with self._trying("ledger", clears=False, but=OSError):
            return self.registrar.certificate(name)

    def open_labels(self, why: str, most: int) -> list[LabelRow]:
        """List the labels that nothing proves, the newest so many.

        What an earlier run sent is unknown now, for that reason.
        """
        with self._trying("ledger"):
            self.registrar.ledger.labels.lose_sent(why)
            return self.registrar.ledger.labels.open(most)

    def command(self, command_id: str) -> tuple[str, CommandStatus] | None:
        """Type and status of a controller's command that was taken before."""
        with self._trying("ledger", clears=False):
            return self._untold.get(command_id) or self.registrar.ledger.commands.find(command_id)

    def open_commands(self) -> list[tuple[str, str]]:
        """List (id, type) of commands that were taken and have no end yet."""
        with self._trying("ledger", clears=False):
            return self.registrar.ledger.commands.open()

    def take_command(self, command_id: str, kind: str, status: CommandStatus) -> None:
        """Write a command down before anything of it is done."""
        with self._trying("ledger"):
            self.registrar.ledger.commands.save(command_id, kind, status)

    def directory(self) -> tuple[int, bytes] | None:
        """Return version and bytes of the controller's directory that was taken last."""
        with self._trying("ledger", clears=False):
            return self.registrar.ledger.directory.newest()

    def keep_directory(self, version: int, body: bytes) -> None:
        """Write a directory down before it is used."""
        with self._trying("ledger"):
            self.registrar.ledger.directory.save(version, body)

    def as_ours(self, drive: Drive) -> Drive:
        """Show the drive as it may be planned: a lock of our own is none."""
        with self._trying("ledger", clears=False):
            return self.registrar.as_ours(drive)

    def job(self, job_id: str) -> Job | None:
        """Find one job."""
        with self._trying("ledger", clears=False):
            return self.registrar.ledger.job(job_id)

    def rated(self, rated: Job, who: Operator | None) -> None:
        """Record a grade or destination given after the certificate was signed: a signed event, and the job's."""
        with self._trying("ledger"):
            self.registrar.rate(rated, who)

    def save(self, changed: Job) -> Job:
        """Write a job down, now or not at all."""
        with self._trying("ledger"):
            self.registrar.ledger.save_job(changed)
        self._unsaved.pop(changed.id, None)
        return changed

    def open(self, new: Job) -> Job:
        """Open a new job for a drive: whatever was left of an older one is closed first."""
        with self._trying("ledger"):
            try:
                self.registrar.supersede(new.drive)
            except DriveAtWork as running:  # since it was looked at: it is looked at again
                raise LedgerProblem(path=self.registrar.state_dir, problem=str(running)) from running
            return self.registrar.open_job(new)

    def go_on(self, new: Job, old: Job) -> Job:
        """Open a new job that goes on from an older one's last flushed point, if it left one."""
        with self._trying("ledger"):
            return self.registrar.open_job(new, resumes=old)

    def begin(self, planned: Job, *, drives_at_once: int) -> tuple[Job, EraseSpec]:
        """Begin a job: it is written down before the first byte is. Return it, and what its worker has to do.

        From now on it is known to run, until `let_go`. DriveAtWork where another program runs a job of this drive.
        """
        with contextlib.ExitStack() as undo, self._trying("ledger"):
            claim = self.registrar.at_work.claim(planned.drive)
            undo.callback(claim.release)
            claim.names(planned.id, planned.bay)
            spec = self.registrar.spec(planned, drives_at_once=drives_at_once, interruption=_why_it_stopped(planned))
            started = begun(planned)
            self.registrar.ledger.save_job(started)
            undo.pop_all()
        self._claims[started.id] = claim
        self._unsaved.pop(started.id, None)
        return started, spec

    def ended_elsewhere(self, planned: Job) -> bool:
        """Say whether `benchwipe erase` closed this job meanwhile: it works on the same ledger."""
        with self._trying("ledger", clears=False):
            found = self.registrar.ledger.job(planned.id)
        return found is None or found.state in job.ENDED

    # These never raise.

    def let_go(self, job_id: str) -> None:
        """Release this job's drive: nobody works on it any more."""
        if job_id in self._claims:
            self._claims.pop(job_id).release()

    def keep(self, changed: Job) -> None:
        """Write a job's state down as soon as that can be done: what it says holds already."""
        try:
            self.save(changed)
        except LedgerProblem:
            self._unsaved[changed.id] = changed

    def keep_answer(self, command_id: str, kind: str, status: CommandStatus) -> None:
        """Write down what became of a command as soon as that can be done."""
        self._untold.pop(command_id, None)
        try:
            self.take_command(command_id, kind, status)
        except LedgerProblem:
            self._untold[command_id] = (kind, status)
            while len(self._untold) > MOST_COMMANDS:  # as the ledger does: the oldest go
                del self._untold[next(iter(self._untold))]

    def checkpoint(self, job_id: str, point: ResumePoint) -> bool:
        """Save how far a job was flushed, and say whether it is written down.

        A lost one costs time after a power cut.
        """
        with contextlib.suppress(LedgerProblem), self._trying("ledger"):
            self.registrar.ledger.save_checkpoint(job_id, point)
            return True
        return False

    def work_done(self, job_id: str) -> Work:
        """Tell what is known to have been done of a job whose worker does not tell."""
        with contextlib.suppress(LedgerProblem), self._trying("ledger", clears=False):
            return done_before(self.registrar.ledger.checkpoint(job_id))
        return Work()

    def issue(self, ended: Job, outcome: Outcome) -> tuple[Job, Certificate] | None:
        """Certify a job's end. None: it could not be written, nothing was, and it has to be tried again."""
        with contextlib.suppress(LedgerProblem), self._trying("certificate"):
            issued = self.registrar.issue(ended, outcome, printers=self.printers)
            self._unsaved.pop(ended.id, None)
            return issued
        return None

    def forget_keys(self, at_work: Collection[str]) -> None:
        """Forget keys whose drive did not come back.

        A ledger that cannot be written keeps them until the next day.
        """
        with contextlib.suppress(LedgerProblem), self._trying("ledger"):
            self.registrar.forget_keys(at_work=at_work)

    def pending(self) -> list[tuple[str, str, bytes]]:
        """List what an earlier run left waiting for a person (kind, name, what is known of it)."""
        with contextlib.suppress(LedgerProblem), self._trying("ledger", clears=False):
            return self.registrar.ledger.pending.all()
        return []

    def keep_pending(self, kind: str, name: str, body: bytes | None) -> None:
        """Remember what waits over a power cut, or with None forget it. What a full disk loses is shown until then."""
        with contextlib.suppress(LedgerProblem), self._trying("ledger"):
            if body is None:
                self.registrar.ledger.pending.drop(kind, name)
            else:
                self.registrar.ledger.pending.put(kind, name, body)

    def seen(self, drive: Drive) -> None:
        """Note a drive that came in: by the station's own policy it will need a hash, so that one may be made."""
        settings = self.registrar.settings
        planned = plan(drive, settings.policy_named(settings.station.policy))
        if isinstance(planned, Plan):
            self.registrar.hashes.want(planned, drive.capacity_bytes)

    def missing_hash(self) -> PatternSpan | None:
        """Tell which pattern's hash is wanted and not made, of any drive that was seen."""
        return self.registrar.hashes.missing()

    def keep_hash(self, place: PatternSpan, digest: str) -> None:
        """Remember a hash that was made while nothing else was to be done."""
        self.registrar.hashes.keep(place, digest, by=IDLE)

    def retry(self) -> None:
        """Write down what could not be written before."""
        for changed in list(self._unsaved.values()):
            self.keep(changed)
        for command_id, (kind, status) in list(self._untold.items()):
            self.keep_answer(command_id, kind, status)

    @contextlib.contextmanager
    def _trying(self, what: str, *, clears: bool = True, but: type[OSError] | tuple[()] = ()) -> Iterator[None]:
        """LedgerProblem for whatever the medium does; the alarm stands from the first failure to the next success.

        `but` is the caller's own trouble, and goes to it as it is.
        """
        try:
            yield
        except but:
            raise
        except (LedgerProblem, OSError) as problem:
            if what not in self._failing:
                self._failing.add(what)
                log.error("%s: %s; it is tried again", what, problem)
            self._alarm(what, critical("BW-A04", f"{_WORDS[what]} cannot be written: {problem}"))
            if isinstance(problem, LedgerProblem):
                raise
            raise LedgerProblem(path=self.registrar.state_dir, problem=str(problem)) from problem
        if clears:
            for name in tuple(self._failing if what == "certificate" else self._failing & {what}):
                self._failing.discard(name)
                self._alarm(name, None)


_WORDS = {"ledger": "The ledger", "certificate": "A certificate"}


def _why_it_stopped(planned: Job) -> str | None:
    if planned.state is JobState.INTERRUPTED:
        return STATION_LOST
    return PULLED_OUT.text if planned.resumes else None


def taken_up(old: Job, *, bay: str, insertion: str, drive: Drive) -> Job:
    """Take up an unfinished job in the bay where its drive stands now."""
    if old.state in job.WORKING:
        old = job.advance(old, JobState.INTERRUPTED)
    was = old.drive.hidden_area
    if was is not None and was.outcome == "removed" and drive.hidden_area is None:
        drive = msgspec.structs.replace(drive, hidden_area=was)
    return msgspec.structs.replace(old, bay=bay, insertion=insertion, drive=drive)
