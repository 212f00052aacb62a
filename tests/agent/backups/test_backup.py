"""A station's state on another medium and back: whole or not at all, at any moment, whatever is cut off."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent import files, state_folder
from agent.backups import backup, restore, sealed
from agent.backups.backup import Manifest
from agent.backups.restore import FolderTaken
from agent.backups.sealed import BackupProblem
from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import read_unverified
from agent.erase import ResumePoint
from agent.errors import LedgerConflict, LedgerProblem, PlaceTaken
from agent.jobs.adopt import carry_out, rehearse
from agent.jobs.chain import Span
from agent.jobs.job import Job, JobState
from agent.jobs.label_proof import LabelState
from agent.jobs.ledger import Ledger
from agent.jobs.registrar import Registrar
from agent.settings import Settings
from agent.state_folder import RestoreUnfinished
from drivers.drives.drive import Drive
from tests.agent.samples import record
from tests.patience import PROGRAM_S

WORDS = "four words are better"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a small file system, another owner")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cheaper key, for the sake of the many backups here; docs/backup.md's commands are tried with the real one."""
    monkeypatch.setattr(sealed, "LOG2_N", 14)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A station with three certificates."""
    with closing(Registrar(Settings(), tmp_path / "state")) as station:
        for _ in range(3):
            issue(station)
    return tmp_path / "state"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False).returncode:
        pytest.skip("a small tmpfs cannot be mounted")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def issue(station: Registrar) -> Certificate:
    """The station's next certificate, by its own way."""
    return station.ledger.issue(
        lambda position: sign(record(position, gap=position.gap), station.key), strays=station.reconciler.strays
    )


def issued(state: Path) -> Certificate:
    """The next one of a station that starts, and ends."""
    with closing(Registrar(Settings(), state)) as station:
        station.recover()
        return issue(station)


def saved(state: Path, file: Path) -> Path:
    backup.make(state, file, WORDS, "bench-01")
    return file


def after(number: int) -> Callable[[Manifest, int], int]:
    return lambda _, __: number


def leave(free: int) -> Callable[[Manifest, int], int]:
    return lambda _, last: last + free


def contents(state: Path) -> dict[str, bytes]:
    """The names and bytes of everything in a folder, but for locks."""
    return {
        str(path.relative_to(state)): path.read_bytes()
        for path in state.rglob("*")
        if path.is_file() and path.name != state_folder.LOCK
    }


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name.startswith((".writing-", ".restoring-")))


# There and back


def test_everything_comes_back_and_the_next_number_is_the_one_after_the_newest_label(
    state: Path, tmp_path: Path
) -> None:
    file = saved(state, tmp_path / "b")
    lost = [issued(state), issued(state)]
    before = contents(state)
    done = restore.restore(file, tmp_path / "new", WORDS, after(5))
    assert (done.next_number, done.free) == (6, Span(4, 5))
    now = contents(tmp_path / "new")
    assert set(now) == set(before) - {f"certificates/{c.file_name}" for c in lost}
    assert all(now[name] == before[name] for name in now if name != "ledger.sqlite3")
    certificate = issued(tmp_path / "new")
    assert (certificate.record.sequence, certificate.record.number) == (6, "bench-01-000006")
    gap = certificate.record.gap
    assert gap is not None
    assert (gap.first, gap.last) == (4, 5)
    assert issued(tmp_path / "new").record.gap is None


def test_without_a_number_a_thousand_stay_free(state: Path, tmp_path: Path) -> None:
    restore.restore(saved(state, tmp_path / "b"), tmp_path / "new", WORDS, leave(restore.FREE))
    assert issued(tmp_path / "new").record.sequence == 1004


def test_where_nothing_was_certified_since_there_is_no_gap(state: Path, tmp_path: Path) -> None:
    done = restore.restore(saved(state, tmp_path / "b"), tmp_path / "new", WORDS, after(3))
    assert (done.free, issued(tmp_path / "new").record.gap) == (None, None)
    with closing(Ledger(tmp_path / "new")) as ledger:
        assert [row.kind for row in ledger.outbox.waiting(100)] == ["cert"] * 4


def test_a_signed_event_tells_of_the_gap(state: Path, tmp_path: Path) -> None:
    restore.restore(saved(state, tmp_path / "b"), tmp_path / "new", WORDS, after(9))
    with closing(Ledger(tmp_path / "new")) as ledger:
        events = [json.loads(row.payload) for row in ledger.outbox.waiting(100) if row.kind == "event"]
    assert [(e["event"], e["detail"]["first"], e["detail"]["last"]) for e in events] == [("gap", 4, 9)]
    statement = read_unverified(events[0]["detail"]["statement"].encode(), typ="benchwipe-gap+jws")
    assert json.loads(statement.payload)["first"] == 4


def test_certificates_that_turn_up_later_are_taken_into_their_gap(state: Path, tmp_path: Path) -> None:
    """The collector has what the dead card had: a person may put it back."""
    file = saved(state, tmp_path / "b")
    lost = [issued(state), issued(state)]
    restore.restore(file, tmp_path / "new", WORDS, after(5))
    issued(tmp_path / "new")
    for certificate in lost:
        shutil.copy(state / "certificates" / certificate.file_name, tmp_path / "new" / "certificates")
    with closing(Registrar(Settings(), tmp_path / "new")) as station:
        with pytest.raises(LedgerConflict):
            station.recover()
        carry_out(station, rehearse(station))
        station.recover()
        assert [row.sequence for row in station.ledger.chain.certificates()] == [1, 2, 3, 4, 5, 6]
        assert issue(station).record.sequence == 7


def test_work_that_was_under_way_does_not_go_on_and_passwords_stay(state: Path, tmp_path: Path) -> None:
    drive = Drive(device="/dev/sdz", serial="S1", capacity_bytes=1 << 20)
    with closing(Ledger(state)) as ledger:
        for number, at in enumerate(JobState):
            job = Job(id=f"j{number}", bay="A1", drive=drive, plan=None, state=at, created_at="2026-11-22T20:00:00Z")
            ledger.add_job(job, b"k" * 32, ResumePoint(pass_number=1, offset=4096))
        ledger.passwords.keep("drive", b"p" * 32, "j0")
    with sqlite3.connect(state / "ledger.sqlite3") as db:
        db.execute("UPDATE drive_password SET made = 0")
    done = restore.restore(saved(state, tmp_path / "b"), tmp_path / "new", WORDS, after(3))
    with closing(Registrar(Settings(), tmp_path / "new")) as station:
        station.recover()
        ledger = station.ledger
        assert ledger.unfinished() == []
        assert done.cancelled == 6
        found = [ledger.job(f"j{number}") for number in range(len(JobState))]
        assert not any(job is not None and ledger.can_resume(job) for job in found)
        assert [ledger.key(f"j{number}") for number in range(len(JobState))] == [None] * len(JobState)
        assert {job.reason.code for job in found if job is not None and job.reason is not None} == {"BW-A37"}
        assert ledger.passwords.of("drive") == (b"p" * 32,), "old as the backup is, it is kept"


def test_a_label_that_was_due_may_have_been_printed_since_and_is_asked_for(state: Path, tmp_path: Path) -> None:
    with closing(Registrar(Settings(), state)) as station:
        made = station.ledger.issue(
            lambda position: sign(record(position), station.key), printers=("zebra",), labels=LabelState.DUE
        )
    restore.restore(saved(state, tmp_path / "b"), tmp_path / "new", WORDS, after(4))
    with closing(Ledger(tmp_path / "new")) as ledger:
        assert [label.state for label in ledger.labels.of(made.id)] == [LabelState.UNKNOWN]


def test_events_and_connections_are_counted_on_beyond_what_was_told_since(state: Path, tmp_path: Path) -> None:
    with closing(Ledger(state)) as ledger:
        ledger.add_event("boot", lambda _: b"x")
        ledger.outbox.next_connection()
    restore.restore(saved(state, tmp_path / "b"), tmp_path / "new", WORDS, after(3))
    with closing(Ledger(tmp_path / "new")) as ledger:
        seen: list[int] = []
        ledger.add_event("boot", lambda number: seen.append(number) or b"x")  # type: ignore[func-returns-value]
        assert seen[0] > 1000
        assert ledger.outbox.next_connection() > 1000


# Nothing is written


def test_a_folder_that_has_anything_to_lose_is_refused(state: Path, tmp_path: Path) -> None:
    file = saved(state, tmp_path / "b")
    for name in ("ledger.sqlite3", "station.key", "station.jwk"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(state / name, folder)
        before = contents(folder)
        with pytest.raises(FolderTaken):
            restore.restore(file, folder, WORDS, after(3))
        assert contents(folder) == before
    (tmp_path / "some").mkdir()
    shutil.copytree(state / "certificates", tmp_path / "some" / "certificates")
    with pytest.raises(FolderTaken, match="certificates already"):
        restore.restore(file, tmp_path / "some", WORDS, after(3))


def test_a_wrong_passphrase_damage_and_a_cut_write_nothing(state: Path, tmp_path: Path) -> None:
    file = saved(state, tmp_path / "b")
    whole = file.read_bytes()
    for data, words in (
        (whole, "other words"),
        (whole[:-1], WORDS),
        (whole[: len(whole) // 2], WORDS),
        (whole[:-20] + bytes(20), WORDS),
        (b"", WORDS),
        (os.urandom(4096), WORDS),
    ):
        file.write_bytes(data)
        with pytest.raises(BackupProblem) as told:
            restore.restore(file, tmp_path / "new", words, after(3))
        assert "\n" not in told.value.line()
        assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    with pytest.raises(BackupProblem):
        restore.restore(file, tmp_path / "there", WORDS, after(3))
    assert contents(tmp_path / "there") == {}
    assert leftovers(tmp_path / "there") == []


def test_a_sealed_file_of_something_else_is_no_backup(tmp_path: Path) -> None:
    """Who has the passphrase could still make an archive that writes elsewhere."""
    import io
    import tarfile
    from typing import BinaryIO, cast

    for name, kind in (
        ("../outside", tarfile.REGTYPE),
        ("/etc/outside", tarfile.REGTYPE),
        ("certificates/../../x.jws", tarfile.REGTYPE),
        ("station.key", tarfile.SYMTYPE),
        ("certificates/x.jws", tarfile.FIFOTYPE),
        ("other", tarfile.REGTYPE),
    ):
        file = tmp_path / "b"
        with file.open("wb") as out:
            writer = sealed.SealedWriter(out, WORDS)
            with tarfile.open(fileobj=cast("BinaryIO", writer), mode="w|") as tar:
                about = tarfile.TarInfo(name)
                about.type, about.linkname = kind, "/etc/passwd"
                tar.addfile(about, io.BytesIO())
            writer.finish()
        with pytest.raises(BackupProblem, match="no backup holds"):
            restore.restore(file, tmp_path / "new", WORDS, after(3))
        assert not (tmp_path / "new").exists()


def test_a_backup_takes_nobody_elses_place(state: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("a letter")
    (tmp_path / "link").symlink_to(state / "station.key")
    for place in (tmp_path / "letter.txt", state / "station.key", state / "ledger.sqlite3", tmp_path / "link"):
        before = place.read_bytes()
        with pytest.raises(PlaceTaken):
            saved(state, place)
        assert place.read_bytes() == before
    with pytest.raises(BackupProblem, match="no such folder"):
        saved(state, tmp_path / "none" / "b")
    with pytest.raises(LedgerProblem, match="nothing to back up"):
        saved(tmp_path / "none", tmp_path / "b")
    assert not (tmp_path / "none").exists()


def test_a_backup_is_for_its_owner_alone_and_replaces_an_older_one(state: Path, tmp_path: Path) -> None:
    file = saved(state, tmp_path / "b")
    first = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    issued(state)
    assert saved(state, file).read_bytes() != first
    assert leftovers(tmp_path) == leftovers(state) == []


# The ordinary course of things


def _issue_for_ever(state: Path, stop: multiprocessing.synchronize.Event) -> None:
    with closing(Registrar(Settings(), state)) as station:
        while not stop.wait(0.02):
            issue(station)


def test_backups_while_certificates_are_written_are_each_of_one_moment(state: Path, tmp_path: Path) -> None:
    stop = multiprocessing.Event()
    writers = [multiprocessing.Process(target=_issue_for_ever, args=(state, stop)) for _ in range(2)]
    for writer in writers:
        writer.start()
    newest = []
    try:
        for number in range(4):
            file = saved(state, tmp_path / f"b{number}")
            done = restore.restore(file, tmp_path / f"new{number}", WORDS, leave(0))
            newest.append(done.next_number)
            assert done.doubt == ""
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)
    assert newest == sorted(newest)
    assert newest[-1] > newest[0]
    for number, following in enumerate(newest):
        with closing(Registrar(Settings(), tmp_path / f"new{number}")) as station:
            assert station.reconciler.look(newest=None).conflicts == ()
            assert [row.sequence for row in station.ledger.chain.certificates()] == list(range(1, following))
            assert len(list(station.ledger.certificates_dir.glob("*.jws"))) == following - 1


WORK = """
import sys
from pathlib import Path
from agent.backups import sealed
sealed.LOG2_N = 14
from tests.agent.backups import test_backup
from agent.backups import restore
what, state, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
print("begun", flush=True)
if what == "backup":
    while True:
        test_backup.saved(state, file)
restore.restore(file, state, test_backup.WORDS, test_backup.after(3))
"""


def started(what: str, state: Path, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORK, what, str(state), str(file)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    return child


def test_a_kill_in_the_middle_of_a_backup_leaves_the_older_one_and_no_waste(state: Path, tmp_path: Path) -> None:
    file = saved(state, tmp_path / "b")
    for wait_s in (0.0, 0.04, 0.1):
        child = started("backup", state, file)
        time.sleep(wait_s)
        child.kill()
        child.communicate(timeout=PROGRAM_S)
        with file.open("rb") as source:
            sealed.SealedReader(source, WORDS, name=file).drain()
    saved(state, file)
    assert leftovers(tmp_path) == leftovers(state) == []
    assert issued(state).record.sequence == 4


CUTS = ["unpack", "prepare", "key", "trace", "certificates", "ledger", "clear"]


def cut_at(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """kill -9 as far as the medium is concerned: what would tidy up does nothing."""

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    place, rename = files.place_once, Path.rename
    names = {"key": "station.key", "trace": "station.jwk", "ledger": "ledger.sqlite3"}
    monkeypatch.setattr("agent.backups.restore.shutil.rmtree", lambda *_, **__: None)
    if where in names:
        monkeypatch.setattr(files, "place_once", lambda s, t: cut() if t.name == names[where] else place(s, t))
    elif where == "certificates":
        monkeypatch.setattr(Path, "rename", lambda s, t: cut() if s.name == where else rename(s, t))
    elif where == "clear":
        monkeypatch.setattr("agent.backups.restore.state_folder.clear_unfinished", cut)
    else:
        monkeypatch.setattr(
            {"unpack": "agent.backups.restore._unpack_one", "prepare": "agent.backups.restore._cancel"}[where], cut
        )


@pytest.mark.parametrize("where", CUTS)
def test_a_restore_that_is_cut_off_anywhere_counts_for_nothing_and_can_be_done_again(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    file, new = saved(state, tmp_path / "b"), tmp_path / "new"
    new.mkdir(mode=0o700)
    with monkeypatch.context() as patched, contextlib.suppress(KeyboardInterrupt):
        cut_at(patched, where)
        restore.restore(file, new, WORDS, after(9))
        raise AssertionError("it was not cut off")
    if (new / state_folder.UNFINISHED).exists():
        with pytest.raises(RestoreUnfinished):
            Registrar(Settings(), new)
        with pytest.raises(RestoreUnfinished):
            Ledger(new)
    assert not (new / "ledger.sqlite3").exists() or (new / state_folder.UNFINISHED).exists()
    restore.restore(file, new, WORDS, after(9))
    assert leftovers(new) == []
    assert issued(new).record.sequence == 10


def test_a_killed_restore_can_be_done_again(state: Path, tmp_path: Path) -> None:
    file = saved(state, tmp_path / "b")
    for number, wait_s in enumerate((0.0, 0.03, 0.08)):
        new = tmp_path / f"new{number}"
        child = started("restore", new, file)
        time.sleep(wait_s)
        child.kill()
        child.communicate(timeout=PROGRAM_S)
        with contextlib.suppress(FolderTaken):  # it was faster
            restore.restore(file, new, WORDS, after(3))
        assert issued(new).record.sequence == 4
        assert leftovers(new) == []


def test_of_two_restores_at_once_one_is_done_and_the_other_refused(state: Path, tmp_path: Path) -> None:
    file, new = saved(state, tmp_path / "b"), tmp_path / "new"
    children = [started("restore", new, file) for _ in range(2)]
    statuses = []
    for child in children:
        child.communicate(timeout=PROGRAM_S)
        statuses.append(child.returncode)
    assert sorted(statuses) == [0, 1]
    assert issued(new).record.sequence == 4


def test_nothing_is_restored_under_a_running_daemon(state: Path, tmp_path: Path) -> None:
    file, new = saved(state, tmp_path / "b"), tmp_path / "new"
    new.mkdir()
    lock = state_folder.hold(new)
    with pytest.raises(FolderTaken, match="at work in it"):
        restore.restore(file, new, WORDS, after(3))
    os.close(lock)


def test_a_key_that_somebody_makes_meanwhile_stays_and_nothing_is_placed(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`benchwipe erase` takes no lock: it begins in the empty folder while the backup is being decrypted."""
    file, new, sync = saved(state, tmp_path / "b"), tmp_path / "new", os.sync

    def begin() -> None:
        issued(new)
        sync()

    new.mkdir(mode=0o700)
    monkeypatch.setattr("agent.backups.restore.os.sync", begin)
    with pytest.raises(FolderTaken, match="meanwhile"):
        restore.restore(file, new, WORDS, after(3))
    assert issued(new).record.sequence == 2


@ROOT
def test_a_full_stick_keeps_the_older_backup(state: Path, small: Path) -> None:
    file = saved(state, small / "b")
    before = file.read_bytes()
    with contextlib.suppress(OSError), (small / "filler").open("wb") as filler:
        while True:
            filler.write(bytes(4096))
            filler.flush()
    with pytest.raises(OSError, match="No space"):
        saved(state, file)
    assert file.read_bytes() == before
    assert leftovers(small) == leftovers(state) == []


@ROOT
def test_a_full_card_takes_no_half_restore(state: Path, tmp_path: Path, small: Path) -> None:
    with closing(Ledger(state)) as ledger:
        ledger.add_event("boot", lambda _: os.urandom(2 << 20))
    file = saved(state, tmp_path / "b")
    with pytest.raises(OSError, match="No space"):
        restore.restore(file, small / "new", WORDS, after(3))
    assert list(small.iterdir()) == []


@ROOT
def test_what_root_restores_belongs_to_whose_folder_it_is(state: Path, tmp_path: Path) -> None:
    file, new = saved(state, tmp_path / "b"), tmp_path / "new"
    new.mkdir(mode=0o700)
    os.chown(new, 4711, 4712)
    restore.restore(file, new, WORDS, after(3))
    owners = {(p.stat().st_uid, p.stat().st_gid) for p in (new, *new.rglob("*"))}
    assert owners == {(4711, 4712)}
    assert {(new / name).stat().st_mode & 0o777 for name in ("station.key", "ledger.sqlite3")} == {0o600}
    assert (new / "certificates").stat().st_mode & 0o777 == 0o700


def test_a_backup_of_an_older_program_is_brought_up_to_date(state: Path, tmp_path: Path) -> None:
    """A ledger from before there were gaps: it is migrated before numbers are left free in it."""
    with sqlite3.connect(state / "ledger.sqlite3") as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for table in ("number_gap", "key_change", "settled_conflict"):
            db.execute(f"DROP TABLE {table}")
        db.execute(f"PRAGMA user_version = {version - 1}")
    file = tmp_path / "b"
    with file.open("wb") as out:
        manifest = Manifest(made_at="x", software="0", station="bench-01", key="k", certificates=3, newest=None)
        names = sorted(p.name for p in (state / "certificates").iterdir())
        with (state / "ledger.sqlite3").open("rb") as ledger:
            backup._write(out, WORDS, state, manifest, ledger, names)
    restore.restore(file, tmp_path / "new", WORDS, after(7))
    assert issued(tmp_path / "new").record.sequence == 8
