"""The ledger on a real file: what belongs together stays together, whoever is killed or in the way."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import Position
from agent.erase import ResumePoint
from agent.errors import LedgerProblem
from agent.jobs.job import ENDED, Job, JobState
from agent.jobs.ledger import Ledger
from agent.jobs.schema import MIGRATIONS
from drivers.drives.drive import Drive
from tests.agent.samples import issue, record
from tests.patience import PROGRAM_S, SOON_S

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    made = Ledger(tmp_path / "state")
    yield made
    made.close()


def job(number: int = 1, state: JobState = JobState.ERASING, serial: str = "S1", **facts: object) -> Job:
    """A job on a drive."""
    drive = Drive(device="/dev/sdz", serial=serial, capacity_bytes=1 << 20)
    made = Job(id=f"job-{number}", bay="A1", drive=drive, plan=None, state=state, created_at="2026-11-22T20:00:00Z")
    return msgspec.structs.replace(made, **facts)


def point(offset: int) -> ResumePoint:
    """A flushed point."""
    return ResumePoint(pass_number=1, offset=offset)


def signed(position: Position) -> Certificate:
    """The certificate for a position."""
    return sign(record(position), KEY)


# Jobs


def test_a_job_its_key_and_its_checkpoint_come_back(ledger: Ledger) -> None:
    ledger.add_job(job(), b"k" * 32)
    ledger.save_checkpoint("job-1", point(4096))
    ledger.save_checkpoint("job-1", point(8192))
    assert ledger.job("job-1") == job()
    assert ledger.key("job-1") == b"k" * 32
    assert ledger.checkpoint("job-1") == point(8192)
    assert (ledger.job("job-2"), ledger.key("job-2"), ledger.checkpoint("job-2")) == (None, None, None)


def test_every_job_that_has_not_ended_is_found_oldest_first(ledger: Ledger) -> None:
    for number, state in enumerate(JobState):
        ledger.add_job(job(number, state), b"k")
    assert {j.state for j in ledger.unfinished()} == set(JobState) - ENDED
    numbers = [int(j.id.removeprefix("job-")) for j in ledger.unfinished()]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("end", sorted(ENDED - {JobState.ABORTED}))
def test_a_key_is_forgotten_when_its_job_ended_for_good(ledger: Ledger, end: JobState) -> None:
    ledger.add_job(job(), b"secret" * 5, point(0))
    ledger.save_job(job(state=end))
    assert ledger.key("job-1") is None
    assert ledger.checkpoint("job-1") is None


def test_no_trace_of_a_forgotten_key_stays_in_the_files(ledger: Ledger) -> None:
    key = os.urandom(32)
    ledger.add_job(job(), key)
    ledger.save_job(job(state=JobState.ERASED))
    ledger.close()
    for path in ledger.path.parent.glob("ledger.sqlite3*"):
        assert key not in path.read_bytes(), path.name


def test_an_aborted_job_keeps_its_key_until_another_goes_on_with_it(ledger: Ledger) -> None:
    ledger.add_job(job(), b"k", point(4096))
    ledger.save_job(job(state=JobState.ABORTED))
    found = ledger.newest_job(job().drive)
    assert found is not None
    assert found.id == "job-1"
    assert ledger.can_resume(found)
    ledger.add_job(job(2, resumes="job-1"), b"k", point(4096))
    assert ledger.key("job-1") is None
    assert ledger.checkpoint("job-1") is None
    assert ledger.key("job-2") == b"k"
    assert ledger.checkpoint("job-2") == point(4096)


def test_a_key_whose_drive_never_comes_back_ends_by_age_and_leaves_no_trace(ledger: Ledger) -> None:
    key, now = os.urandom(32), time.time()
    ledger.add_job(job(), key, point(4096))
    ledger.save_job(job(state=JobState.ABORTED))
    ledger.add_job(job(2, JobState.INTERRUPTED, serial="S2"), b"k")
    assert ledger.forget_keys(before=now - 60) == []
    assert ledger.forget_keys(before=now + 60, but=["job-1", "job-2"]) == []
    assert ledger.can_resume(job(state=JobState.ABORTED))
    assert ledger.forget_keys(before=now + 60, but=["job-2"]) == ["job-1"]
    assert (ledger.key("job-1"), ledger.checkpoint("job-1"), ledger.key("job-2")) == (None, None, b"k")
    assert not ledger.can_resume(job(state=JobState.ABORTED))
    for path in ledger.path.parent.glob("ledger.sqlite3*"):
        assert key not in path.read_bytes(), path.name


def test_a_password_whose_drive_never_comes_back_ends_by_age_and_leaves_no_trace(ledger: Ledger) -> None:
    password, now = os.urandom(32), time.time()
    ledger.passwords.keep("drive", password, "job-1")
    ledger.passwords.keep("other", b"other's", "job-2")
    assert ledger.passwords.forget_old(before=now - 60) == []
    assert ledger.passwords.of("drive") == (password,)
    assert ledger.passwords.forget_old(before=now + 60, but=["job-2"]) == ["job-1"]
    assert (ledger.passwords.of("drive"), ledger.passwords.of("other")) == ((), (b"other's",))
    for path in ledger.path.parent.glob("ledger.sqlite3*"):
        assert password not in path.read_bytes(), path.name


def test_a_drive_that_is_met_again_keeps_all_its_passwords_young(ledger: Ledger) -> None:
    ledger.passwords.keep("drive", b"first", "job-1")
    with contextlib.closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE drive_password SET made = 0")
    ledger.passwords.keep("drive", b"second", "job-2")
    assert ledger.passwords.forget_old(before=time.time() - 60) == []
    assert ledger.passwords.of("drive") == (b"second", b"first")


def test_a_checkpoint_keeps_its_key_young(ledger: Ledger) -> None:
    ledger.add_job(job(), b"k")
    with contextlib.closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE job_key SET made = 0")
    ledger.save_checkpoint("job-1", point(4096))
    assert ledger.forget_keys(before=time.time() - 60) == []


def test_a_drives_newest_job_is_found_by_the_drive_alone(ledger: Ledger) -> None:
    ledger.add_job(job(1, JobState.ABORTED), b"k", point(4096))
    ledger.add_job(job(2, JobState.ABORTED), b"k")
    newest = ledger.newest_job(job().drive)
    assert newest is not None
    assert newest.id == "job-2"
    assert ledger.newest_job(job(serial="S2").drive) is None


@pytest.mark.parametrize("state", sorted(JobState))
def test_a_job_is_gone_on_with_only_from_a_point_and_with_its_key(ledger: Ledger, state: JobState) -> None:
    ledger.add_job(job(1, state), b"k", point(4096))
    ledger.add_job(job(2, state, serial="S2"), b"k")
    assert ledger.can_resume(job(1, state)) is (state not in ENDED or state is JobState.ABORTED)
    assert not ledger.can_resume(job(2, state))


# Certificates


def test_certificates_are_numbered_without_a_gap_and_chained(ledger: Ledger) -> None:
    made = [issue(ledger, KEY) for _ in range(5)]
    assert [c.record.sequence for c in made] == [1, 2, 3, 4, 5]
    assert [c.record.previous for c in made] == [None, *[c.id for c in made[:4]]]
    for certificate in made:
        assert (ledger.certificates_dir / certificate.file_name).read_bytes() == certificate.compact
    assert ledger.chain.certificate_ids() == {c.id for c in made}
    rows = ledger.outbox.waiting(10)
    assert [(r.id, r.kind, r.topic, r.payload) for r in rows] == [
        (c.id, "cert", f"cert/{c.id}", c.compact) for c in made
    ]


def _issue_many(state: Path, count: int) -> None:
    ledger = Ledger(state)
    for _ in range(count):
        issue(ledger, KEY)
    ledger.close()


def test_processes_that_open_and_issue_at_once_make_one_chain(tmp_path: Path) -> None:
    state = tmp_path / "state"
    workers = [multiprocessing.Process(target=_issue_many, args=(state, 10)) for _ in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SOON_S)
    assert [w.exitcode for w in workers] == [0] * 5
    ledger = Ledger(state)
    assert len(ledger.chain.certificate_ids()) == len(list(ledger.certificates_dir.glob("*.jws"))) == 50
    assert ledger.outbox.depth() == 50
    ledger.close()


def test_a_certificate_ends_its_job_in_the_same_breath(ledger: Ledger) -> None:
    ledger.add_job(job(), b"k", point(0))
    certificate = ledger.issue(signed, job(state=JobState.ERASED))
    ended = ledger.job("job-1")
    assert ended is not None
    assert (ended.state, ended.certificate_id) == (JobState.ERASED, certificate.id)
    assert ledger.key("job-1") is None
    assert ledger.unfinished() == []


def test_a_draft_that_cannot_be_signed_leaves_no_trace(ledger: Ledger) -> None:
    def breaks(_position: Position) -> Certificate:
        raise ValueError("cannot be signed")

    with pytest.raises(ValueError, match="cannot be signed"):
        ledger.issue(breaks)
    assert ledger.chain.certificate_ids() == set()
    assert issue(ledger, KEY).record.sequence == 1


def test_a_certificate_that_could_not_be_recorded_leaves_no_file_to_fork_the_chain(ledger: Ledger) -> None:
    first = issue(ledger, KEY)
    breaker = sqlite3.connect(ledger.path)
    breaker.execute("CREATE TRIGGER full BEFORE INSERT ON outbox BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
    breaker.commit()
    with pytest.raises(LedgerProblem, match="disk is full"):
        issue(ledger, KEY)
    assert [p.name for p in ledger.certificates_dir.iterdir()] == [first.file_name]
    breaker.execute("DROP TRIGGER full")
    breaker.commit()
    breaker.close()
    second = issue(ledger, KEY)
    assert (second.record.sequence, second.record.previous) == (2, first.id)


def test_a_certificate_whose_folder_is_gone_is_not_recorded(ledger: Ledger) -> None:
    ledger.certificates_dir.rmdir()
    with pytest.raises(LedgerProblem):
        issue(ledger, KEY)
    assert ledger.chain.certificate_ids() == set()
    assert ledger.outbox.depth() == 0


CHILD = """
import os, signal, sys
from pathlib import Path
from agent import files
from agent.jobs import ledger
from tests.agent import samples
from tests.agent.jobs import test_ledger
book = ledger.Ledger(Path(sys.argv[1]))
write, where = files.write_once, sys.argv[2]
def dies(path, data, **options):
    if where == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, data, **options)
    os.kill(os.getpid(), signal.SIGKILL)
files.write_once = dies
book.add_job(test_ledger.job(), b"k" * 32, test_ledger.point(0))
book.issue(test_ledger.signed_of_job, test_ledger.job(state=test_ledger.JobState.ERASED))
"""


def signed_of_job(position: Position) -> Certificate:
    """A certificate for `job()`."""
    return sign(record(position, job="job-1"), KEY)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_kill_between_file_and_row_is_mended_by_adopting_the_file(tmp_path: Path, where: str) -> None:
    state = tmp_path / "state"
    child = subprocess.run([sys.executable, "-c", CHILD, state, where], check=False, timeout=PROGRAM_S)
    assert child.returncode == -signal.SIGKILL
    ledger = Ledger(state)
    assert ledger.chain.certificate_ids() == set()
    assert [j.state for j in ledger.unfinished()] == [JobState.ERASING]
    found = list(ledger.certificates_dir.glob("*.jws"))
    assert len(found) == (where == "after")
    for path in found:
        from agent.certificates.certificate import read_unverified

        certificate = read_unverified(path.read_bytes())
        assert ledger.adopt(certificate)
        assert not ledger.adopt(certificate)
        ended = ledger.job("job-1")
        assert ended is not None
        assert (ended.state, ended.certificate_id) == (JobState.ERASED, certificate.id)
        assert ledger.key("job-1") is None
        assert [row.id for row in ledger.outbox.waiting(9)] == [certificate.id]
    ledger.close()


def test_a_certificate_that_is_not_the_next_of_the_chain_is_not_adopted(ledger: Ledger) -> None:
    first = issue(ledger, KEY)
    for position in (Position(1, None), Position(2, None), Position(2, "x" * 64), Position(3, first.id)):
        assert not ledger.adopt(signed(position))
    assert ledger.adopt(signed(Position(2, first.id)))


# Outbox


def test_rows_in_hand_and_quarantined_rows_are_left_out(ledger: Ledger) -> None:
    ids = [issue(ledger, KEY).id for _ in range(6)]
    assert [r.id for r in ledger.outbox.waiting(2)] == ids[:2]
    assert [r.id for r in ledger.outbox.waiting(2, without=frozenset(ids[:3]))] == ids[3:5]
    assert ledger.outbox.quarantine(ids[3], "unknown key")
    assert not ledger.outbox.quarantine(ids[3], "again")
    assert not ledger.outbox.quarantine("f" * 64, "not there")
    assert [r.id for r in ledger.outbox.waiting(9)] == [*ids[:3], *ids[4:]]
    assert ledger.outbox.quarantined() == [(ids[3], "unknown key")]
    assert ledger.outbox.depth() == 5


def test_a_row_is_delivered_once_even_out_of_quarantine(ledger: Ledger) -> None:
    row = issue(ledger, KEY).id
    ledger.outbox.quarantine(row, "unknown key")
    assert ledger.outbox.delivered(row)
    assert not ledger.outbox.delivered(row)
    assert ledger.outbox.quarantined() == []
    assert row in ledger.chain.certificate_ids()


def test_attempts_are_counted(ledger: Ledger) -> None:
    row = issue(ledger, KEY).id
    ledger.outbox.tried(row)
    ledger.outbox.tried(row)
    assert ledger.outbox.waiting(1)[0].attempts == 2


def test_events_are_numbered_within_their_boot_and_leave_no_gap(ledger: Ledger) -> None:
    for boot, number in (("one", 1), ("one", 2), ("two", 1), ("one", 3)):
        seen: list[int] = []
        ledger.add_event(boot, lambda seq, seen=seen: seen.append(seq) or b"x")  # type: ignore[misc]
        assert seen == [number]
    assert ledger.outbox.delivered("one/3")
    ledger.add_event("one", lambda seq: str(seq).encode())
    assert ledger.outbox.waiting(9)[-1].payload == b"4"


def test_connections_are_numbered_upwards_over_restarts(ledger: Ledger) -> None:
    assert [ledger.outbox.next_connection() for _ in range(3)] == [1, 2, 3]
    again = Ledger(ledger.path.parent)
    assert again.outbox.next_connection() == 4
    again.close()


# The file


def test_the_ledger_is_its_owners_alone(ledger: Ledger) -> None:
    issue(ledger, KEY)
    for path in ledger.path.parent.glob("ledger.sqlite3*"):
        assert path.stat().st_mode & 0o077 == 0, path.name
    assert ledger.certificates_dir.stat().st_mode & 0o077 == 0


def test_a_ledger_that_others_may_read_is_refused(ledger: Ledger) -> None:
    ledger.path.chmod(0o644)
    with pytest.raises(LedgerProblem, match="open to others"):
        Ledger(ledger.path.parent)


def test_a_ledger_of_a_newer_version_stays_untouched(ledger: Ledger) -> None:
    ledger.close()
    db = sqlite3.connect(ledger.path)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(LedgerProblem, match="newer benchwipe"):
        Ledger(ledger.path.parent)


def test_a_ledger_of_the_first_version_is_brought_up_to_date_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.touch(0o600)
    db = sqlite3.connect(path, isolation_level=None)
    for statement in MIGRATIONS[0]:
        db.execute(statement)
    db.execute("PRAGMA user_version = 1")
    db.execute("INSERT INTO outbox (id, kind, topic, payload) VALUES ('old', 'cert', 'cert/old', x'00')")
    db.close()
    ledger = Ledger(tmp_path)
    assert [row.id for row in ledger.outbox.waiting(9)] == ["old"]
    assert ledger.outbox.depth() == 1
    ledger.close()


def test_a_file_that_is_no_ledger_is_a_ledger_problem_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.touch(0o600)
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(LedgerProblem, match="not a database"):
        Ledger(tmp_path)
    assert path.read_bytes().startswith(b"not a database")


@pytest.mark.parametrize("state", ["/proc/nowhere/state", "/dev/null/state"])
def test_a_state_folder_that_cannot_be_made_is_a_ledger_problem(state: str) -> None:
    with pytest.raises(LedgerProblem):
        Ledger(Path(state))


def test_a_job_that_this_version_cannot_read_is_a_ledger_problem(ledger: Ledger) -> None:
    ledger.add_job(job(), b"k")
    db = sqlite3.connect(ledger.path)
    db.execute("UPDATE job SET body = '{}'")
    db.commit()
    db.close()
    for read in (lambda: ledger.job("job-1"), ledger.unfinished, lambda: ledger.newest_job(job().drive)):
        with pytest.raises(LedgerProblem):
            read()


def test_every_commit_is_flushed_to_the_medium(ledger: Ledger) -> None:
    assert ledger._db.one("PRAGMA synchronous")[0] == 2  # FULL
    assert ledger._db.one("PRAGMA journal_mode")[0] == "wal"


def test_counting_what_waits_reads_no_payload(ledger: Ledger) -> None:
    plan = ledger._db.all("EXPLAIN QUERY PLAN SELECT COUNT(*) FROM outbox WHERE quarantined IS NULL")
    assert "COVERING INDEX outbox_waiting" in plan[0][3]
