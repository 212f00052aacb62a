"""Files and folders that root makes for the service: they belong to whom the folder around them belongs."""

from __future__ import annotations

import contextlib
import os
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


def make_file(path: Path) -> None:
    """Make an empty file that only its owner reads, if there is none."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        give(path, like=path.parent)
