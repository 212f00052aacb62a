"""Files that survive a power cut: written beside, flushed, renamed, and the folder flushed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import BinaryIO

from agent.errors import PlaceTaken

TEMPORARY = ".writing-"


def write_once(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Create `path` with exactly these bytes, or find it so already. FileExistsError if it holds other bytes.

    Nobody ever sees half a file, and when this returns the bytes and the name are on the medium.
    """
    with _written_beside(path, data, mode) as temporary:
        try:
            _link(temporary, path)
        except FileExistsError:
            if path.read_bytes() != data:
                raise
    flush_folder(path.parent)


def replace(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put these bytes in the place of whatever `path` held."""
    with _written_beside(path, data, mode) as temporary:
        temporary.replace(path)
    flush_folder(path.parent)


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file beside `path` that takes its place when the block ends; else it goes.

    It is flushed, and for its owner alone.

    A file system without modes (a USB stick) has one for all: what is written so must be a secret by itself.
    """
    file, temporary = _locked_temporary(path.parent)
    try:
        with file:
            yield file
            file.flush()
            with contextlib.suppress(PermissionError):
                os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Make an empty file for its owner alone, locked against `sweep`; gone afterwards."""
    file, path = _locked_temporary(folder)
    try:
        with file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def refuse_place(out: Path, *, made_from: tuple[Path | None, ...]) -> None:
    """Raise PlaceTaken: no certificate is lost to its own copy, and no device node to a slip of the keyboard."""
    if out.exists() and not out.is_file():
        raise PlaceTaken(path=out, problem="is no ordinary file")
    if any(source is not None and source.exists() and out.exists() and out.samefile(source) for source in made_from):
        raise PlaceTaken(path=out, problem="is what it would be made from")
    if out.suffix.lower() == ".jws":
        raise PlaceTaken(path=out, problem="is named like a certificate")


def place_once(source: Path, target: Path) -> None:
    """Move a file to a name that is free on the same medium. FileExistsError if it is not."""
    _link(source, target)
    source.unlink(missing_ok=True)


def make_private_folder(path: Path) -> None:
    """Create a folder (and its parents) that only its owner may enter; one that exists stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder by fsync, so that the names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what a power cut left half written, and leave alone what another process writes just now."""
    for path in folder.glob(TEMPORARY + "*"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            flock(file, LOCK_EX | LOCK_NB)
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _written_beside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """A flushed temporary file in the same folder, locked against `sweep`; gone afterwards under this name."""
    file, temporary = _locked_temporary(path.parent)
    try:
        with file:
            file.write(data)
            file.flush()
            _set_mode(file.fileno(), mode)
            os.fsync(file.fileno())
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _locked_temporary(folder: Path) -> tuple[BinaryIO, Path]:
    while True:
        path = folder / f"{TEMPORARY}{os.urandom(8).hex()}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            error.filename = str(folder)  # nobody asked for the temporary's name
            raise
        file = os.fdopen(descriptor, "w+b")
        flock(file, LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return file, path
        file.close()  # a sweep was faster, between the two lines above


def _set_mode(descriptor: int, mode: int) -> None:
    try:
        os.fchmod(descriptor, mode)
    except PermissionError:
        # FAT (a USB stick as certificate folder) has one mode for all. A secret is not written there.
        if not mode & stat.S_IROTH:
            raise


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name, unless the name is taken: FileExistsError."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        # FAT and exFAT have no hard links. Between these two lines only somebody with the same name could come.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        temporary.rename(path)
