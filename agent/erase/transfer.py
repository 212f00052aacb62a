"""One request and its remainder: whole transfers or an OSError, and the words that a certificate uses for it."""

from __future__ import annotations

import errno

from drivers.drives.base import OpenDrive


def write_all(drive: OpenDrive, view: memoryview, offset: int) -> None:
    """Write the whole view. OSError; ENOSPC where the drive takes no more (it shrank, or it is gone)."""
    done = drive.write_from(view, offset)
    while done < len(view):
        step = drive.write_from(view[done:], offset + done)
        if step <= 0:
            raise OSError(errno.ENOSPC, "the drive took no more")
        done += step


def read_all(drive: OpenDrive, view: memoryview, offset: int) -> None:
    """Fill the whole view. OSError; EIO where the drive gives no more (it shrank, or it is gone)."""
    done = drive.read_into(view, offset)
    while done < len(view):
        step = drive.read_into(view[done:], offset + done)
        if step <= 0:
            raise OSError(errno.EIO, "the drive gave no more")
        done += step


def explain(operation: str, error: OSError) -> str:
    """Say "write: EIO" and the like: the operation and the errno's name."""
    return f"{operation}: {errno.errorcode.get(error.errno or 0, 'EIO')}"
