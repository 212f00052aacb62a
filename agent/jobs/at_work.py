"""Which drives are being erased now: a lock for each in the state folder, which dies with the process that took it.

Not a process number: that may be given to another, and says nothing of another machine's or container's. The lock is
flock(2)'s, of one open file: whoever else opens the file meets it, in this process too. A program that is started
meanwhile does not inherit it, nor does a fork keep it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent import files
from agent.certificates.clock import utc_now
from agent.errors import AgentError, LedgerProblem
from drivers.deadline import Deadline
from drivers.drives.drive import Drive

FOLDER = "at-work"
PATIENCE_S = 1.0  # whoever only asks holds a lock for an instant
ASKED_FOR_S = 0.1  # so does whoever sweeps
AGAIN_S = 0.02
NOTE_BYTES = 4096

_held: set[int] = set()  # descriptors of this process, which a fork must not keep
_known_as: list[int] = []


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a lock's file, for people: who works on the drive, and where."""

    program: str = ""
    process: int = 0
    device: str = ""
    bay: str = ""
    job: str = ""
    since: str = ""

    @property
    def sentence(self) -> str:
        """In words."""
        where = f"in bay {self.bay}" if self.bay else f"at {self.device or 'an unknown place'}"
        job = f"job {self.job}" if self.job else "a job that is beginning"
        return f"{job} {where}, {self.program or 'another program'} (process {self.process}), since {self.since}"


def known_as(process: int) -> None:
    """Name another process in the notes from now on: the one that people see, and may stop."""
    _known_as[:] = [process]


class DriveAtWork(AgentError):
    """A job of this drive runs: in another process, in another bay, or by another path."""

    code = "BW-S40"
    message = "A job of this drive is running: {where}"
    hint = "Let it end, or stop it there."


class Claim:
    """This process works on a drive, until `release` or its own end, whichever way it comes."""

    def __init__(self, path: Path, fd: int, note: Note) -> None:
        self._path, self._fd, self._note, self._kept = path, fd, note, False
        self._write()

    @property
    def held(self) -> bool:
        """Whether it was not released yet."""
        return self._fd >= 0

    def names(self, job: str, bay: str = "") -> None:
        """Name the job that it is for."""
        self._note = msgspec.structs.replace(self._note, job=job, bay=bay)
        self._write()

    def keep(self) -> None:
        """Hold the drive until this process ends: a request of it that hangs in the kernel may still write to it."""
        self._kept = True

    def release(self) -> None:
        """Let go of the drive. Calling it twice is harmless."""
        if self._fd < 0 or self._kept:
            return
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            self._path.unlink()
        _held.discard(fd)
        os.close(fd)

    def _write(self) -> None:
        """Who it is stands there for people: on a full disk the lock is enough."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, msgspec.json.encode(self._note), 0)


class AtWork:
    """The locks of one state folder. LedgerProblem where one can neither be taken nor asked."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / FOLDER
        self._claims: list[Claim] = []

    def close(self) -> None:
        """Release every claim that was taken here."""
        while self._claims:
            self._claims.pop().release()

    def claim(self, drive: Drive) -> Claim:
        """Work on this drive, alone. DriveAtWork where somebody does; nothing of theirs was touched."""
        path = self._path(drive)
        with self._translated():
            files.make_private_folder(self.folder)
            self._belongs_to_the_folders_owner(self.folder)
            fd = self._locked(path)
        note = Note(program=_program(), process=(*_known_as, os.getpid())[0], device=drive.device, since=utc_now())
        claim = Claim(path, fd, note)
        self._claims = [*(held for held in self._claims if held.held), claim]
        return claim

    def running(self, drive: Drive) -> DriveAtWork | None:
        """Tell who works on this drive now, asked without working on it; None: nobody does."""
        until = Deadline(ASKED_FOR_S)
        while True:
            with self._translated():
                found = _holder(self._path(drive))
            if found is None or until.passed:
                return DriveAtWork(where=found.sentence) if found is not None else None
            time.sleep(AGAIN_S)

    def sweep(self) -> None:
        """Remove the files of those that were killed; never one that is held."""
        for path in self.folder.glob("*.lock"):
            with contextlib.suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(file.fileno(), path):
                    path.unlink()

    def _path(self, drive: Drive) -> Path:
        who = drive.unit if drive.identified else drive.fingerprint
        return self.folder / f"{hashlib.sha256(msgspec.json.encode(who)).hexdigest()}.lock"

    def _locked(self, path: Path) -> int:
        """A descriptor that holds the lock of the file that has this name now: the last holder took its own away."""
        until = Deadline(PATIENCE_S)
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            _held.add(fd)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(fd, path):
                    self._belongs_to_the_folders_owner(path)
                    return fd
            except BlockingIOError:
                if until.passed:
                    where = _note(fd).sentence
                    _close(fd)
                    raise DriveAtWork(where=where) from None
            except BaseException:
                _close(fd)
                raise
            _close(fd)
            time.sleep(AGAIN_S)

    def _belongs_to_the_folders_owner(self, path: Path) -> None:
        """The command line of root shares the daemon's state folder, and the daemon must be able to ask."""
        if os.geteuid() == 0:
            owner = self.folder.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LedgerProblem(path=self.folder, problem=error.strerror or str(error)) from error


def _holder(path: Path) -> Note | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _note(fd)
    finally:
        os.close(fd)
    return None


def _note(fd: int) -> Note:
    """What its holder wrote; an empty one where it has not yet, or could not."""
    try:
        return msgspec.json.decode(os.pread(fd, NOTE_BYTES, 0), type=Note)
    except (OSError, msgspec.MsgspecError):
        return Note()


def _is_at(fd: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (mine.st_dev, mine.st_ino) == (named.st_dev, named.st_ino)


def _program() -> str:
    return "benchwipe " + next((word for word in sys.argv[1:2] if word.isalpha()), "")


def _close(fd: int) -> None:
    _held.discard(fd)
    os.close(fd)


def _forget_in_the_child() -> None:
    for fd in tuple(_held):
        with contextlib.suppress(OSError):
            _close(fd)


os.register_at_fork(after_in_child=_forget_in_the_child)
