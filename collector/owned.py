"""Files and folders that root makes for the service: they belong to whom the folder around them belongs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def give(path: Path, *, like: Path) -> None:
    """Give what root made (by a command, before the first start) to the owner of `like`: the service."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner reads, if there is none."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
        give(folder, like=folder.parent)


def make_file(path: Path, data: bytes = b"", mode: int = 0o600) -> None:
    """Make a file, if there is none. Two programs at once end with the same one."""
    with _written_beside(path, data, mode) as temporary, contextlib.suppress(FileExistsError):
        os.link(temporary, path)


def put(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file, in the place of what was there."""
    with _written_beside(path, data, mode) as temporary:
        temporary.replace(path)


@contextlib.contextmanager
def _written_beside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    """A flushed file in the same folder that belongs to the folder's owner: nobody ever reads half of one."""
    temporary = path.with_name(f".making-{os.urandom(8).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        give(temporary, like=path.parent)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
