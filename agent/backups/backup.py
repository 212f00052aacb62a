"""Makes one sealed file of what a station cannot do without: signing key, ledger, certificates.

Inside (agent/backups/sealed.py) is a tar archive: `manifest.json`, `station.key`, `station.jwk`, `ledger.sqlite3` and
`certificates/*.jws`. Ledger and list of certificates are of one moment: the list is taken while nobody may issue, and
the ledger is read from a snapshot that begins then. Certificates are never changed, so they may be read later.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import msgspec

from agent import files
from agent.backups.sealed import CHUNK, MAGIC, BackupProblem, SealedReader, SealedWriter
from agent.certificates import key_traces, keys
from agent.certificates.clock import utc_now
from agent.certificates.jws import thumbprint
from agent.errors import LedgerProblem, PlaceTaken
from agent.jobs.ledger import Ledger
from agent.jobs.reconcile import Reconciler
from agent.state_folder import refuse_unfinished
from agent.version import version

MANIFEST, LEDGER, CERTIFICATES = "manifest.json", "ledger.sqlite3", "certificates"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `newest`: the number of its last certificate; null where there is none yet."""

    format: Literal[1] = 1
    made_at: str
    software: str
    station: str
    key: str
    certificates: int
    newest: str | None


@dataclass(frozen=True)
class Made:
    """What was written. `doubt`: the first contradiction between ledger and files, which the backup has too."""

    manifest: Manifest
    size: int
    doubt: str


def make(state_dir: Path, out: Path, passphrase: str, station: str) -> Made:
    """Write the backup and read it back. KeyProblem, LedgerProblem, PlaceTaken, OSError: nothing was written."""
    refuse_unfinished(state_dir)
    if not (state_dir / LEDGER).exists():
        raise LedgerProblem(path=state_dir, problem="there is no ledger, so there is nothing to back up")
    own = keys.load(state_dir / keys.FILE_NAME).public_key()
    refuse_out(state_dir, out)
    files.sweep(state_dir)
    with contextlib.closing(Ledger(state_dir)) as ledger, _snapshot(ledger) as (copy, names, newest):
        found = Reconciler(ledger, own).look()
        manifest = Manifest(
            made_at=utc_now(),
            software=version(),
            station=station,
            key=thumbprint(own),
            certificates=len(names),
            newest=newest,
        )
        files.sweep(out.parent)
        with files.written_whole(out) as file:
            _write(file, passphrase, state_dir, manifest, copy, names)
            file.flush()
            size = file.tell()
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # from the medium, not from memory
            file.seek(0)
            SealedReader(file, passphrase, name=out).drain()
    return Made(manifest, size, found.conflicts[0].problem if found.conflicts else "")


def refuse_out(state_dir: Path, out: Path) -> None:
    """Raise PlaceTaken where another file than an older backup lies, or the folder itself would get it."""
    files.refuse_place(out, made_from=(state_dir / keys.FILE_NAME, state_dir / LEDGER))
    if not out.parent.is_dir():
        raise BackupProblem(path=out.parent, problem="there is no such folder")
    if out.exists():
        with out.open("rb") as file:
            if (head := file.read(len(MAGIC))) and head != MAGIC:
                raise PlaceTaken(path=out, problem="is there, and no backup of benchwipe")


@contextlib.contextmanager
def _snapshot(ledger: Ledger) -> Iterator[tuple[BinaryIO, list[str], str | None]]:
    """(a copy of the ledger, the names of the certificates of that moment, the newest number in it).

    The copy lies beside the ledger, as private as it is.
    """
    reader = sqlite3.connect(ledger.path, isolation_level=None)
    with contextlib.closing(reader), _copy_beside(ledger.path.parent) as (file, path):
        with ledger.while_nobody_writes():
            reader.execute("BEGIN")
            newest = reader.execute("SELECT number FROM certificate ORDER BY sequence DESC LIMIT 1").fetchone()
            names = sorted(found.name for found in ledger.certificates_dir.glob("*.jws"))
        try:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
                target.execute("PRAGMA journal_mode = OFF")
                target.execute("PRAGMA synchronous = OFF")
                reader.backup(target)
            reader.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise LedgerProblem(path=ledger.path, problem=f"it cannot be copied: {error}") from error
        yield file, names, newest[0] if newest else None


@contextlib.contextmanager
def _copy_beside(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    with files.temporary(folder) as (file, path):
        try:
            yield file, path
        finally:
            for ending in ("-journal", "-wal", "-shm"):
                path.with_name(path.name + ending).unlink(missing_ok=True)


def _write(
    out: BinaryIO, passphrase: str, state_dir: Path, manifest: Manifest, ledger: BinaryIO, names: list[str]
) -> None:
    sealed = SealedWriter(out, passphrase)
    with tarfile.open(fileobj=cast("BinaryIO", sealed), mode="w|", bufsize=CHUNK, format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST, io.BytesIO(msgspec.json.encode(manifest)))
        for name in (keys.FILE_NAME, key_traces.FILE_NAME):
            with contextlib.suppress(FileNotFoundError), (state_dir / name).open("rb") as file:
                _add(tar, name, file)
        _add(tar, LEDGER, ledger)
        for name in names:
            with (state_dir / CERTIFICATES / name).open("rb") as file:
                _add(tar, f"{CERTIFICATES}/{name}", file)
    sealed.finish()


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = file.seek(0, os.SEEK_END), 0o600
    file.seek(0)
    tar.addfile(about, file)
