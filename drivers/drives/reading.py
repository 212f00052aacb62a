"""A drive, or an image of one, opened for reading alone: to hold it against its certificate, or to measure it.

Nobody is shut out and nothing is written; reading goes past the page cache all the same.
"""

from __future__ import annotations

import errno
import os
import stat

from drivers.drives._direct import DirectFile
from drivers.drives._identity import identify
from drivers.drives.base import DriveError, DriveForbidden, DriveGone, NotADrive, OpenDrive
from drivers.drives.drive import Drive

FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def open_for_reading(path: str) -> ReadOnlyDrive:
    """Open a whole drive or a regular file. May raise DriveGone, NotADrive, DriveForbidden, DriveError."""
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISBLK(mode) or stat.S_ISREG(mode)):
            raise NotADrive(device=path, what="neither a drive nor a file")
        fd, direct = _open(path)
    except OSError as error:
        raise _translated(error, path) from error
    try:
        drive = identify(fd, path) if stat.S_ISBLK(mode) else _image(path, fd)
        return ReadOnlyDrive(drive, DirectFile(fd, direct=direct, block=drive.logical_block_bytes))
    except (DriveError, OSError):
        os.close(fd)
        raise


class ReadOnlyDrive(OpenDrive):
    """Reads; every write is refused by the kernel too."""

    def __init__(self, drive: Drive, file: DirectFile) -> None:
        self.drive = drive
        self._file = file

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read past the page cache, see `_direct`."""
        return self._file.read(buffer, offset)

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """Raise EBADF, always: it was opened for reading."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def flush(self) -> None:
        """Do nothing: there is nothing to flush."""

    def identify_again(self) -> Drive:
        """Return the drive as it was: a file does not change who it is."""
        return self.drive

    def close(self) -> None:
        """Let go of it."""
        if self._file.fd >= 0:
            self._file.close()


def _open(path: str) -> tuple[int, bool]:
    try:
        return os.open(path, FLAGS | os.O_DIRECT), True
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return os.open(path, FLAGS), False


def _image(path: str, fd: int) -> Drive:
    return Drive(device=path, model="file", transport="file", capacity_bytes=os.fstat(fd).st_size)


def _translated(error: OSError, path: str) -> DriveError:
    if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOMEDIUM):
        return DriveGone(device=path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return DriveForbidden(device=path)
    return DriveError(device=path, problem=error.strerror or str(error))
