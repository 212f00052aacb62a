"""The truth about jobs and delivery: SQLite, WAL, synchronous=FULL (0.5 ms a commit on an SSD).

One `Ledger` belongs to one thread at a time; the engine, the uplink and a command line each open their own. What
belongs together is one transaction: a certificate's record, its outbox row and its job's end.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agent import files
from agent.certificate import Certificate
from agent.erase import ResumePoint
from agent.errors import LedgerProblem
from agent.job import ENDED, Job, JobState
from agent.label_proof import LabelState
from agent.ledger_labels import LabelRows
from agent.ledger_passwords import PasswordRows
from agent.ledger_schema import migrate
from agent.messages import CommandStatus
from drivers.deadline import Deadline

BUSY_TIMEOUT_S = 10.0
MOST_COMMANDS = 1000

T = TypeVar("T")


@dataclass(frozen=True)
class Position:
    """Where the next certificate stands in the station's chain."""

    sequence: int
    previous: str | None


@dataclass(frozen=True)
class OutboxRow:
    """Something that the collector has not yet confirmed. `topic` is relative to the station's root."""

    id: str
    kind: str
    topic: str
    payload: bytes
    attempts: int


class Ledger(LabelRows, PasswordRows):
    """Jobs, checkpoints, keys, certificates and the outbox of one station. LedgerProblem when it cannot be used."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "ledger.sqlite3"
        self.certificates_dir = state_dir / "certificates"
        with self._translated():
            files.make_private_folder(state_dir)
            files.make_private_folder(self.certificates_dir)
            _make_private_file(self.path)
            self._db = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            self._use_wal()
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA foreign_keys = ON")
            with self._transaction():
                migrate(self._db)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _use_wal(self) -> None:
        """SQLite does not wait for a lock here: of 30 x 6 processes that opened a new ledger at once, one failed."""
        end = Deadline(BUSY_TIMEOUT_S)
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or end.passed:
                    raise
                time.sleep(0.01)
            else:
                return

    # Jobs

    def add_job(self, job: Job, key: bytes, point: ResumePoint | None = None) -> None:
        """Remember a new job, its key, and the point that it goes on from; the job it resumes lets go of both."""
        with self._transaction():
            self._save(job)
            self._put_key(job.id, key)
            if point is not None:
                self._put_checkpoint(job.id, point)

    def save_job(self, job: Job) -> None:
        """Remember a job's present state. The key of a job that ended for good is forgotten with it."""
        with self._transaction():
            self._save(job)

    def save_checkpoint(self, job_id: str, point: ResumePoint) -> None:
        """Remember how far a job was flushed to the medium: one small row, to spare an SD card."""
        with self._transaction():
            self._put_checkpoint(job_id, point)

    def checkpoint(self, job_id: str) -> ResumePoint | None:
        """The last flushed point of a job."""
        row = self._one("SELECT body FROM checkpoint WHERE job = ?", job_id)
        return self._decoded(row[0], ResumePoint) if row else None

    def key(self, job_id: str) -> bytes | None:
        """The key of a job's random passes, while it may still be needed."""
        row = self._one("SELECT key FROM job_key WHERE job = ?", job_id)
        return bytes(row[0]) if row else None

    def renew_key(self, job_id: str, key: bytes) -> None:
        """Another key for a job that begins anew: its own was forgotten, or nothing is known of what it wrote."""
        with self._transaction():
            self._put_key(job_id, key)

    def forget_keys(self, *, before: float, but: Collection[str] = ()) -> list[str]:
        """The jobs whose key and checkpoint are older than that (seconds since 1970), and are gone now; not `but`."""
        sql = (
            "SELECT job_key.job FROM job_key LEFT JOIN checkpoint USING (job) "
            "WHERE MAX(job_key.made, COALESCE(checkpoint.made, 0)) < ?"
        )
        with self._transaction():
            old = [job for (job,) in self._db.execute(sql, (int(before),)).fetchall() if job not in but]
            for job_id in old:
                self._forget(job_id)
        if old:
            self._one("PRAGMA wal_checkpoint(TRUNCATE)")  # out of the write-ahead log, too
        return old

    def job(self, job_id: str) -> Job | None:
        """One job."""
        row = self._one("SELECT body FROM job WHERE id = ?", job_id)
        return self._decoded(row[0], Job) if row else None

    def unfinished(self) -> list[Job]:
        """Every job that has not ended, oldest first."""
        marks = ",".join("?" * len(ENDED))
        rows = self._all(f"SELECT body FROM job WHERE state NOT IN ({marks}) ORDER BY rowid", *sorted(ENDED))
        return [self._decoded(row[0], Job) for row in rows]

    def newest_job(self, fingerprint: str) -> Job | None:
        """The newest job of this very drive, whatever became of it."""
        row = self._one("SELECT body FROM job WHERE fingerprint = ? ORDER BY rowid DESC LIMIT 1", fingerprint)
        return self._decoded(row[0], Job) if row else None

    def can_resume(self, job: Job) -> bool:
        """Whether this job stopped before its end and left a point and a key to go on from."""
        stopped = job.state not in ENDED or job.state is JobState.ABORTED
        return stopped and self.checkpoint(job.id) is not None and self.key(job.id) is not None

    # Certificates

    def issue(
        self,
        draft: Callable[[Position], Certificate],
        job: Job | None = None,
        *,
        printers: tuple[str, ...] = (),
        labels: LabelState = LabelState.SENT,
    ) -> Certificate:
        """Number, sign, write and record a certificate; queue it for the collector; end its job with it.

        `printers` are sent its label as soon as this returns (DUE: by the daemon); that is written down with the rest.
        The number is taken in the transaction of the outbox row: two processes never share one. The file comes first:
        it is the record, and `adopt` mends a power cut between. If this raises, nothing was issued, and the file goes.
        """
        with contextlib.ExitStack() as undo:
            with self._transaction():
                certificate = draft(self._position())
                undo.callback(self._withdraw, certificate)
                files.write_once(self.certificates_dir / certificate.file_name, certificate.compact)
                self._record(certificate)
                self._put_first_labels(certificate, printers, labels)
                if job is not None:
                    self._save(msgspec.structs.replace(job, certificate_id=certificate.id))
            undo.pop_all()
        return certificate

    def certificate_ids(self) -> set[str]:
        """The ids of all certificates that have a row."""
        return {row[0] for row in self._all("SELECT id FROM certificate")}

    def adopt(self, certificate: Certificate, *, printers: tuple[str, ...] = ()) -> bool:
        """Record a certificate whose file was written when the power went; whether it was the next of the chain.

        Its label was never sent: it is due at these printers.
        """
        with self._transaction():
            position, record = self._position(), certificate.record
            if (record.sequence, record.previous) != (position.sequence, position.previous):
                return False
            self._record(certificate)
            self._put_first_labels(certificate, printers, LabelState.DUE)
            job = self.job(record.job)
            if job is not None and job.state not in ENDED:
                ended = msgspec.structs.replace(
                    job, state=JobState(record.outcome), certificate_id=certificate.id, finished_at=record.finished_at
                )
                self._save(ended)
        return True

    # Outbox

    def add_event(self, boot_id: str, make: Callable[[int], bytes], job: Job | None = None) -> None:
        """Queue an event; `make` gets its number within this boot. `job`: what changed with it, as one."""
        with self._transaction():
            if job is not None:
                self._save(job)
            row = self._one("SELECT COALESCE(MAX(seq), 0) + 1 FROM event_number WHERE boot_id = ?", boot_id)
            sequence = int(row[0]) if row else 1
            self._db.execute(
                "INSERT INTO event_number (boot_id, seq) VALUES (?, ?) "
                "ON CONFLICT (boot_id) DO UPDATE SET seq = excluded.seq",
                (boot_id, sequence),
            )
            self._queue(f"{boot_id}/{sequence}", "event", "event", make(sequence))

    def outbox(self, limit: int, *, without: frozenset[str] = frozenset()) -> list[OutboxRow]:
        """The oldest rows that wait for delivery, less those that the caller has in hand."""
        rows = self._all(
            "SELECT id, kind, topic, payload, attempts FROM outbox WHERE quarantined IS NULL "
            "AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY rowid LIMIT ?",
            msgspec.json.encode(sorted(without)).decode(),
            limit,
        )
        return [OutboxRow(*row) for row in rows]

    def outbox_tried(self, row_id: str) -> None:
        """Count one more attempt."""
        with self._transaction():
            self._db.execute("UPDATE outbox SET attempts = attempts + 1 WHERE id = ?", (row_id,))

    def outbox_delivered(self, row_id: str) -> bool:
        """The collector has it: the row goes. Whether there was one."""
        with self._transaction():
            return self._db.execute("DELETE FROM outbox WHERE id = ?", (row_id,)).rowcount > 0

    def outbox_quarantine(self, row_id: str, reason: str) -> bool:
        """The collector refused it: keep it, and stop sending it. Whether it was waiting until now."""
        with self._transaction():
            sql = "UPDATE outbox SET quarantined = ? WHERE id = ? AND quarantined IS NULL"
            return self._db.execute(sql, (reason, row_id)).rowcount > 0

    def outbox_quarantined(self) -> list[tuple[str, str]]:
        """What the collector refused (id, reason), oldest first."""
        rows = self._all("SELECT id, quarantined FROM outbox WHERE quarantined IS NOT NULL ORDER BY rowid")
        return [(row[0], row[1]) for row in rows]

    def outbox_depth(self) -> int:
        """How many rows wait for delivery."""
        row = self._one("SELECT COUNT(*) FROM outbox WHERE quarantined IS NULL")
        return int(row[0]) if row else 0

    def next_connection(self) -> int:
        """A number that grows with every connection to the broker, over restarts too."""
        with self._transaction():
            self._db.execute("UPDATE counter SET value = value + 1 WHERE name = 'connection'")
            row = self._one("SELECT value FROM counter WHERE name = 'connection'")
        return int(row[0]) if row else 0

    # Commands of controllers

    def command(self, command_id: str) -> tuple[str, CommandStatus] | None:
        """Type and status of a command that was taken before."""
        row = self._one("SELECT type, status FROM command WHERE id = ?", command_id)
        return (row[0], self._decoded(row[1], CommandStatus)) if row else None

    def save_command(self, command_id: str, kind: str, status: CommandStatus) -> None:
        """Remember a command and what became of it; the newest MOST_COMMANDS are kept."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO command (id, type, status) VALUES (?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET status = excluded.status",
                (command_id, kind, msgspec.json.encode(status)),
            )
            self._db.execute(
                "DELETE FROM command WHERE rowid <= (SELECT MAX(rowid) FROM command) - ?", (MOST_COMMANDS,)
            )

    def open_commands(self) -> list[tuple[str, str]]:
        """(id, type) of those that were taken and have no end yet."""
        rows = self._all("SELECT id, type, status FROM command ORDER BY rowid")
        return [(i, k) for i, k, s in rows if self._decoded(s, CommandStatus).state in ("accepted", "running")]

    # Inside

    def _position(self) -> Position:
        row = self._one("SELECT sequence, id FROM certificate ORDER BY sequence DESC LIMIT 1")
        return Position(row[0] + 1, row[1]) if row else Position(1, None)

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
        self._queue(certificate.id, "cert", f"cert/{certificate.id}", certificate.compact)

    def _withdraw(self, certificate: Certificate) -> None:
        """Remove the file of a certificate that has no row; what cannot be looked up stays, for `adopt`."""
        with contextlib.suppress(LedgerProblem, OSError):
            if self._one("SELECT 1 FROM certificate WHERE id = ?", certificate.id) is None:
                (self.certificates_dir / certificate.file_name).unlink(missing_ok=True)
                files.flush_folder(self.certificates_dir)

    def _queue(self, row_id: str, kind: str, topic: str, payload: bytes) -> None:
        self._db.execute(
            "INSERT INTO outbox (id, kind, topic, payload) VALUES (?, ?, ?, ?)", (row_id, kind, topic, payload)
        )

    def _save(self, job: Job) -> None:
        self._db.execute(
            "INSERT INTO job (id, fingerprint, state, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, state = excluded.state, "
            "body = excluded.body",
            (job.id, job.drive.fingerprint, job.state, msgspec.json.encode(job)),
        )
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

    def _decoded(self, body: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise LedgerProblem(path=self.path, problem=f"a {kind.__name__} in it cannot be read: {error}") from error

    def _one(self, sql: str, *values: Any) -> Any:  # noqa: ANN401 - a row of SQLite
        with self._translated():
            return self._db.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Any]:  # noqa: ANN401 - rows of SQLite
        with self._translated():
            return self._db.execute(sql, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise LedgerProblem(path=self.path, problem=problem) from error


def _make_private_file(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise OSError(0, f"the ledger is open to others (mode {mode:o}); chmod 600 it")
