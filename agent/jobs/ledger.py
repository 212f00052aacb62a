"""The truth about jobs and delivery: SQLite, WAL, synchronous=FULL (0.5 ms a commit on an SSD).

One `Ledger` belongs to one thread at a time; the engine, the uplink and a command line each open their own. What
belongs together is one transaction: a certificate's record, its outbox row and its job's end.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from agent import files
from agent.certificates.certificate import Certificate
from agent.certificates.record import Position
from agent.erase import ResumePoint
from agent.errors import LedgerProblem
from agent.jobs.chain_rows import ChainRows
from agent.jobs.command_rows import CommandRows
from agent.jobs.database import Database
from agent.jobs.device_rows import DeviceRows
from agent.jobs.directory_rows import DirectoryRows
from agent.jobs.hash_rows import HashRows
from agent.jobs.job import ENDED, Job, JobState
from agent.jobs.label_proof import LabelState
from agent.jobs.label_rows import LabelRows
from agent.jobs.outbox_rows import OutboxRows, StatedEvent
from agent.jobs.password_rows import PasswordRows
from agent.jobs.pending_rows import PendingRows
from agent.state_folder import refuse_unfinished
from drivers.drives.drive import Drive

BUSY_TIMEOUT_S = 10.0

T = TypeVar("T")


class Ledger:
    """Jobs, checkpoints, keys and certificates of one station; beside them its other tables, each by its name.

    LedgerProblem when it cannot be used.
    """

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "ledger.sqlite3"
        self.certificates_dir = state_dir / "certificates"
        refuse_unfinished(state_dir)
        self._db = Database(self.path)
        with self._db.translated():
            files.make_private_folder(self.certificates_dir)
        self.chain = ChainRows(self._db)
        self.commands = CommandRows(self._db)
        self.devices = DeviceRows(self._db)
        self.directory = DirectoryRows(self._db)
        self.hashes = HashRows(self._db)
        self.labels = LabelRows(self._db)
        self.outbox = OutboxRows(self._db)
        self.passwords = PasswordRows(self._db)
        self.pending = PendingRows(self._db)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # Jobs

    def add_job(self, job: Job, key: bytes, point: ResumePoint | None = None) -> None:
        """Remember a new job, its key, and the point that it goes on from; the job it resumes lets go of both."""
        with self._db.transaction():
            self._save(job)
            self._put_key(job.id, key)
            if point is not None:
                self._put_checkpoint(job.id, point)

    def save_job(self, job: Job) -> None:
        """Remember a job's present state. The key of a job that ended for good is forgotten with it."""
        with self._db.transaction():
            self._save(job)

    def save_checkpoint(self, job_id: str, point: ResumePoint) -> None:
        """Remember how far a job was flushed to the medium: one small row, to spare an SD card."""
        with self._db.transaction():
            self._put_checkpoint(job_id, point)

    def checkpoint(self, job_id: str) -> ResumePoint | None:
        """Return the last flushed point of a job."""
        row = self._db.one("SELECT body FROM checkpoint WHERE job = ?", job_id)
        return self._db.decoded(row[0], ResumePoint) if row else None

    def key(self, job_id: str) -> bytes | None:
        """Find the key of a job's random passes, while it may still be needed."""
        row = self._db.one("SELECT key FROM job_key WHERE job = ?", job_id)
        return bytes(row[0]) if row else None

    def renew_key(self, job_id: str, key: bytes) -> None:
        """Store another key for a job that begins anew.

        Its own was forgotten, or nothing is known of what it wrote.
        """
        with self._db.transaction():
            self._put_key(job_id, key)

    def forget_keys(self, *, before: float, but: Collection[str] = ()) -> list[str]:
        """Forget the key and checkpoint of jobs where they are older than that (seconds since 1970); not `but`.

        Return the jobs whose are gone now.
        """
        sql = (
            "SELECT job_key.job FROM job_key LEFT JOIN checkpoint USING (job) "
            "WHERE MAX(job_key.made, COALESCE(checkpoint.made, 0)) < ?"
        )
        with self._db.transaction():
            old = [job for (job,) in self._db.execute(sql, (int(before),)).fetchall() if job not in but]
            for job_id in old:
                self._forget(job_id)
        if old:
            self._db.one("PRAGMA wal_checkpoint(TRUNCATE)")  # out of the write-ahead log, too
        return old

    def job(self, job_id: str) -> Job | None:
        """Find one job."""
        row = self._db.one("SELECT body FROM job WHERE id = ?", job_id)
        return self._db.decoded(row[0], Job) if row else None

    def unfinished(self) -> list[Job]:
        """List every job that has not ended, oldest first."""
        marks = ",".join("?" * len(ENDED))
        rows = self._db.all(f"SELECT body FROM job WHERE state NOT IN ({marks}) ORDER BY rowid", *sorted(ENDED))
        return [self._db.decoded(row[0], Job) for row in rows]

    def newest_job(self, drive: Drive) -> Job | None:
        """Find the newest job of this very drive, whatever became of it."""
        return next(self._jobs(drive), None)

    def newest_done(self, drive: Drive) -> Job | None:
        """Find the newest job of this very drive that was not called off."""
        return next((done for done in self._jobs(drive) if done.state is not JobState.CANCELLED), None)

    def _jobs(self, drive: Drive) -> Iterator[Job]:
        rows = self._db.all("SELECT body FROM job WHERE fingerprint IN (?, ?) ORDER BY rowid DESC", *drive.prints)
        return (j for row in rows if drive.is_meant_by((j := self._db.decoded(row[0], Job)).drive))

    def newest_jobs(self, most: int) -> list[Job]:
        """List the newest jobs of all drives, the newest first."""
        rows = self._db.all("SELECT body FROM job ORDER BY rowid DESC LIMIT ?", most)
        return [self._db.decoded(row[0], Job) for row in rows]

    def can_resume(self, job: Job) -> bool:
        """Say whether this job stopped before its end and left a point and a key to go on from."""
        return job.stopped and self.checkpoint(job.id) is not None and self.key(job.id) is not None

    # Certificates

    def issue(
        self,
        draft: Callable[[Position], Certificate],
        job: Job | None = None,
        *,
        printers: tuple[str, ...] = (),
        labels: LabelState = LabelState.SENT,
        strays: Callable[[], Sequence[Certificate]] = tuple,
    ) -> Certificate:
        """Number, sign, write and record a certificate; queue it for the collector; end its job with it.

        `printers` are sent its label as soon as this returns (DUE: by the daemon); that is written down with the rest.
        The number is taken in the transaction of the outbox row: two processes never share one. The file comes first:
        it is the record, and `strays` finds those that a kill left without a row. If this raises, nothing was issued,
        and the file goes.
        """
        with contextlib.ExitStack() as undo:
            with self._db.transaction():
                for stray in strays():
                    self._adopt(stray, printers)
                certificate = draft(self.chain.position())
                undo.callback(self._withdraw, certificate)
                files.write_once(self.certificates_dir / certificate.file_name, certificate.compact)
                self._record(certificate)
                self.labels.put_first(certificate, printers, labels)
                if job is not None:
                    self._save(msgspec.structs.replace(job, certificate_id=certificate.id))
            undo.pop_all()
        return certificate

    def adopt(self, certificate: Certificate, *, printers: tuple[str, ...] = ()) -> bool:
        """Record a certificate whose file was written when the power went; whether it was the next of the chain.

        Its label was never sent: it is due at these printers.
        """
        with self._db.transaction():
            position, record = self.chain.position(), certificate.record
            if (record.sequence, record.previous) != (position.sequence, position.previous):
                return False
            self._adopt(certificate, printers)
        return True

    @contextlib.contextmanager
    def while_nobody_writes(self) -> Iterator[None]:
        """Let nobody issue a certificate meanwhile: what has a file and no row now was left behind."""
        with self._db.transaction():
            yield

    def take_in(self, certificate: Certificate, printers: tuple[str, ...] = ()) -> None:
        """Record a certificate of this station, whatever its number; only `while_nobody_writes`."""
        self._adopt(certificate, printers)

    def send_too(self, certificate: Certificate) -> None:
        """Queue a certificate that has no row for the collector: it was signed, and nothing signed is lost."""
        with self._db.transaction():
            self.outbox.queue(certificate.id, "cert", f"cert/{certificate.id}", certificate.compact)

    def add_event(self, boot_id: str, make: Callable[[int], bytes | StatedEvent], job: Job | None = None) -> None:
        """Queue an event; `make` gets its number within this boot. `job`: what changed with it, as one."""
        with self._db.transaction():
            if job is not None:
                self._save(job)
            self.outbox.add_event(boot_id, make)

    def count_drives(self, tag: str, drives: int, boot_id: str, make: Callable[[int], StatedEvent]) -> None:
        """Remember how many drives a device has, and state it, as one; drives certified before have their places."""
        with self._db.transaction():
            self.devices.count(tag, drives)
            for job_id in self.devices.unplaced(tag):
                old = self.job(job_id)
                if old is not None:
                    self.devices.place(tag, old.drive.fingerprint, job_id, drives)
            self.outbox.add_event(boot_id, make)

    # Inside

    def _adopt(self, certificate: Certificate, printers: tuple[str, ...]) -> None:
        record = certificate.record
        self._record(certificate)
        self.labels.put_first(certificate, printers, LabelState.DUE)
        job = self.job(record.job)
        if job is not None and job.state not in ENDED:
            ended = msgspec.structs.replace(
                job, state=JobState(record.outcome), certificate_id=certificate.id, finished_at=record.finished_at
            )
            self._save(ended)

    def _record(self, certificate: Certificate) -> None:
        record = certificate.record
        self._db.execute(
            "INSERT INTO certificate (sequence, id, number, outcome, job, serial, asset, finished_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.sequence,
                certificate.id,
                record.number,
                record.outcome,
                record.job,
                record.drive.serial,
                record.asset.tag if record.asset else None,
                record.finished_at,
            ),
        )
        if record.replaces is not None:
            self.chain.named(certificate.id)
        self.outbox.queue(certificate.id, "cert", f"cert/{certificate.id}", certificate.compact)

    def _withdraw(self, certificate: Certificate) -> None:
        """Remove the file of a certificate that has no row; what cannot be looked up stays, for who looks next."""
        with contextlib.suppress(LedgerProblem, OSError), self._db.transaction():  # nobody may adopt it meanwhile
            if self._db.one("SELECT 1 FROM certificate WHERE id = ?", certificate.id) is None:
                (self.certificates_dir / certificate.file_name).unlink(missing_ok=True)
                files.flush_folder(self.certificates_dir)

    def _save(self, job: Job) -> None:
        self._db.execute(
            "INSERT INTO job (id, fingerprint, state, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state, "
            "body = excluded.body",
            (job.id, job.drive.fingerprint, job.state, msgspec.json.encode(job)),
        )
        self.devices.put(job)
        if job.state is JobState.CANCELLED:
            self.devices.take_out(job.id)
        if job.resumes:
            self._forget(job.resumes)
        if job.state in ENDED - {JobState.ABORTED}:
            self._forget(job.id)

    def _put_checkpoint(self, job_id: str, point: ResumePoint) -> None:
        self._db.execute(
            "INSERT INTO checkpoint (job, body, made) VALUES (?, ?, ?) "
            "ON CONFLICT (job) DO UPDATE SET body = excluded.body, made = excluded.made",
            (job_id, msgspec.json.encode(point), int(time.time())),
        )

    def _put_key(self, job_id: str, key: bytes) -> None:
        self._db.execute("REPLACE INTO job_key (job, key, made) VALUES (?, ?, ?)", (job_id, key, int(time.time())))

    def _forget(self, job_id: str) -> None:
        self._db.execute("DELETE FROM job_key WHERE job = ?", (job_id,))
        self._db.execute("DELETE FROM checkpoint WHERE job = ?", (job_id,))
