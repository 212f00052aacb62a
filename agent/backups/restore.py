"""Puts a backup back into a folder that has no ledger: everything, or nothing.

The whole file is decrypted and verified beside the place before anything counts. Then a mark says that the folder is
being filled; whatever is cut off after that, no other command works on it until a restore came to its end.
A backup does not know what was done after it: numbers are left free, and no job of it goes on.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from agent import files, state_folder
from agent.backups.backup import CERTIFICATES, LEDGER, MANIFEST, Manifest
from agent.backups.sealed import CHUNK, BackupProblem, SealedReader
from agent.certificates import key_traces, keys
from agent.certificates.clock import utc_now
from agent.certificates.record import Reason
from agent.certificates.signature import USUAL, Alg
from agent.errors import AgentError, LedgerProblem
from agent.jobs import chain_events
from agent.jobs.chain import Span
from agent.jobs.job import JobState
from agent.jobs.ledger import Ledger
from agent.jobs.reconcile import Reconciler

STAGING = ".restoring-"
FREE = 1000
MOST_FREE = 1_000_000
SKIPPED = 1_000_000
LARGEST_CERTIFICATE = 1 << 20
WHY = "a backup was put back: what was certified after it is not known here"
STALE = Reason(
    code="BW-A37",
    text="A backup was put back: nobody knows what became of this drive since",
    hint="Erase it anew.",
)
_CERTIFICATE = re.compile(rf"{CERTIFICATES}/[^./\0][^/\0]{{0,200}}\.jws")
_PLAIN = frozenset({MANIFEST, keys.FILE_NAME, key_traces.FILE_NAME, LEDGER})


class FolderTaken(AgentError):
    """A restore would take the place of a ledger, a key or certificates."""

    code = "BW-A36"
    message = "{path}: {problem}; nothing was changed"
    hint = "Stop the daemon and move the folder away first, or name another one with --state-dir."


@dataclass(frozen=True)
class Restored:
    """What was put back. `free`: the numbers that stay free; `cancelled`: jobs that do not go on."""

    manifest: Manifest
    next_number: int
    free: Span | None
    cancelled: int
    doubt: str


def refuse_taken(state_dir: Path) -> None:
    """Raise FolderTaken where the folder has what a restore would write. A restore that was cut off is done again."""
    if os.path.lexists(state_dir / state_folder.UNFINISHED):
        return
    for name, word in ((LEDGER, "ledger"), (keys.FILE_NAME, "signing key"), (key_traces.FILE_NAME, "trace of a key")):
        if os.path.lexists(state_dir / name):
            raise FolderTaken(path=state_dir, problem=f"there is a {word} already")
    if next((state_dir / CERTIFICATES).glob("*.jws"), None) is not None:
        raise FolderTaken(path=state_dir, problem="there are certificates already")


def restore(
    source: Path, state_dir: Path, passphrase: str, free: Callable[[Manifest, int], int], *, alg: Alg = USUAL
) -> Restored:
    """Put it back. `free`: (manifest, its highest number) -> the highest number that may have been given since.

    BackupProblem, FolderTaken, OSError, or whatever `free` raises: nothing was written.
    """
    with _held(state_dir), _staging(state_dir) as staging:
        refuse_taken(state_dir)
        with source.open("rb") as file:
            manifest = _unpack(SealedReader(file, passphrase, name=source), staging, source)
        done = _prepare(staging, manifest, free, source, alg)
        _give(staging, state_dir)
        os.sync()
        _place(staging, state_dir)
    return done


@contextlib.contextmanager
def _held(state_dir: Path) -> Iterator[None]:
    """The folder, made where it is missing, and gone again where nothing came of it; nobody else works in it."""
    made = not state_dir.exists()
    files.make_private_folder(state_dir)
    try:
        lock = state_folder.hold(state_dir)
    except state_folder.AlreadyRunning:
        raise FolderTaken(path=state_dir, problem="a daemon, or another restore, is at work in it") from None
    try:
        yield
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                (state_dir / state_folder.LOCK).unlink()
                state_dir.rmdir()
        raise
    finally:
        os.close(lock)


@contextlib.contextmanager
def _staging(state_dir: Path) -> Iterator[Path]:
    """A private folder beside the place, on the same medium. What an earlier restore left behind goes."""
    for old in state_dir.glob(STAGING + "*"):
        shutil.rmtree(old, ignore_errors=True)
    staging = state_dir / f"{STAGING}{os.urandom(8).hex()}"
    staging.mkdir(mode=0o700)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack(sealed: SealedReader, staging: Path, source: Path) -> Manifest:
    """Everything into the staging folder, to the last authenticated byte. BackupProblem."""
    (staging / CERTIFICATES).mkdir(mode=0o700)
    try:
        with tarfile.open(fileobj=cast("BinaryIO", sealed), mode="r|", bufsize=CHUNK) as tar:
            for member in tar:
                _unpack_one(tar, member, staging, source)
        sealed.drain()
        manifest = msgspec.json.decode((staging / MANIFEST).read_bytes(), type=Manifest)
        (staging / MANIFEST).unlink()
        keys.load(staging / keys.FILE_NAME)
    except (tarfile.TarError, msgspec.MsgspecError, FileNotFoundError) as error:
        raise BackupProblem(path=source, problem=f"it does not hold what a backup holds: {error}") from None
    if not (staging / LEDGER).exists():
        raise BackupProblem(path=source, problem="there is no ledger in it")
    return manifest


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, staging: Path, source: Path) -> None:
    certificate = _CERTIFICATE.fullmatch(member.name) is not None
    file = tar.extractfile(member) if member.isreg() else None
    if (
        file is None
        or not (certificate or member.name in _PLAIN)
        or (certificate and member.size > LARGEST_CERTIFICATE)
    ):
        raise BackupProblem(path=source, problem=f"there is something in it that no backup holds: {member.name!r}")
    mode = 0o644 if certificate else 0o600
    descriptor = os.open(staging / member.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as out:
        os.fchmod(out.fileno(), mode)
        shutil.copyfileobj(file, out, CHUNK)


def _prepare(
    staging: Path, manifest: Manifest, free: Callable[[Manifest, int], int], source: Path, alg: Alg
) -> Restored:
    """Make the ledger one that knows that it was away."""
    key = keys.load(staging / keys.FILE_NAME)
    try:
        with contextlib.closing(Ledger(staging)) as ledger:
            reconciler = Reconciler(ledger, key.public_key())
            found = reconciler.look(newest=None)
            filed = [file.sequence for file in reconciler.read.values()]
            if not found.conflicts:
                reconciler.take_in()
            given = [
                *filed,
                *(row.sequence for row in ledger.chain.certificates()),
                *(gap.last for gap in ledger.chain.gaps()),
            ]
            last = max(given, default=0)
            station = (manifest.newest or "").rpartition("-")[0] or manifest.station
            span = Span(last + 1, free(manifest, last))
            cancelled = _cancel(ledger)
            ledger.chain.skip_counts(SKIPPED)
            ledger.labels.doubt("a backup was put back")
            ledger.passwords.keep_all()
            if span.last >= span.first:
                with ledger.while_nobody_writes():
                    ledger.chain.add_gap(span, WHY, utc_now())
                    chain_events.tell_gap(ledger, key, station, span, WHY, alg=alg)
            following = ledger.chain.position().sequence
    except LedgerProblem as problem:
        raise BackupProblem(path=source, problem=f"its ledger cannot be used: {problem.fields['problem']}") from None
    doubt = found.conflicts[0].problem if found.conflicts else ""
    return Restored(manifest, following, span if span.last >= span.first else None, cancelled, doubt)


def _cancel(ledger: Ledger) -> int:
    """Jobs that were under way then: their drives may have been erased and certified since. Nothing of them goes on."""
    under_way = ledger.unfinished()
    for old in under_way:
        ended = msgspec.structs.replace(old, state=JobState.CANCELLED, finished_at=utc_now(), reason=STALE)
        ledger.save_job(ended)
    ledger.forget_keys(before=float(1 << 62))
    return len(under_way)


def _give(staging: Path, state_dir: Path) -> None:
    for path in (staging, *staging.rglob("*")):
        state_folder.give_to_owner(path, of=state_dir)


def _place(staging: Path, state_dir: Path) -> None:
    """From the mark on the folder counts for nothing, until all is in its place; the ledger comes last.

    Whoever began to work here before the mark has made a key first, and keeps it: then nothing is placed.
    """
    if os.path.lexists(state_dir / state_folder.UNFINISHED):
        _clear(state_dir, staging / "before")
    state_folder.mark_unfinished(state_dir)
    state_folder.give_to_owner(state_dir / state_folder.UNFINISHED, of=state_dir)
    try:
        files.place_once(staging / keys.FILE_NAME, state_dir / keys.FILE_NAME)
    except FileExistsError:
        state_folder.clear_unfinished(state_dir)
        raise FolderTaken(path=state_dir, problem="somebody made a signing key meanwhile") from None
    if (staging / key_traces.FILE_NAME).exists():
        files.place_once(staging / key_traces.FILE_NAME, state_dir / key_traces.FILE_NAME)
    (staging / CERTIFICATES).rename(state_dir / CERTIFICATES)  # over an empty folder at the most
    files.place_once(staging / LEDGER, state_dir / LEDGER)
    files.flush_folder(state_dir)
    state_folder.clear_unfinished(state_dir)


def _clear(state_dir: Path, aside: Path) -> None:
    """What a restore that was cut off has placed goes; nobody else can have worked with it."""
    aside.mkdir(mode=0o700)
    for name in (LEDGER, f"{LEDGER}-wal", f"{LEDGER}-shm", CERTIFICATES, key_traces.FILE_NAME, keys.FILE_NAME):
        if os.path.lexists(state_dir / name):
            (state_dir / name).rename(aside / name)
