"""How a disk is held: exclusively, by every path that leads to it, and with patience for whoever only has a look."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from typing import TypeVar

from drivers.drives import _paths
from drivers.drives.base import DriveError, DriveForbidden, DriveGone, DriveHeld, DriveInUse, DriveReadOnly
from drivers.drives.drive import Drive

HOLD = os.O_RDWR | os.O_EXCL | os.O_CLOEXEC
HOLD_WAY = os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC
GONE = (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOMEDIUM)
PATIENCE_S = 1.0  # a look by `benchwipe drives` or udev holds a device for some milliseconds: that is no user of it

T = TypeVar("T")


def hold(path: str) -> tuple[int, bool]:
    """Hold the path: return the exclusive descriptor, and whether O_DIRECT was taken."""
    return _patiently(path, lambda: _open_direct(path))


def hold_ways(drive: Drive) -> dict[str, int]:
    """Hold the other paths of the drive, so that nobody writes to it by one of them.

    Raise DriveHeld if one cannot be held.
    """
    held: dict[str, int] = {}
    try:
        for number in _paths.paths_of(drive.number):
            if number != drive.number:
                held[number] = _hold_way(drive, number)
    except DriveError:
        for fd in held.values():
            os.close(fd)
        raise
    return held


def _hold_way(drive: Drive, number: str) -> int:
    """For reading: what closes a descriptor for writing makes udev look at the drive once for each path."""
    path = _paths.name_of(number)
    try:
        fd = _patiently(path, lambda: os.open(path, HOLD_WAY))
    except DriveError as error:
        raise DriveHeld(device=drive.device, holder=f"{path} is the same drive, and cannot be held: {error}") from error
    status = os.fstat(fd)
    if f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" != number:
        os.close(fd)
        raise DriveHeld(device=drive.device, holder=f"{path} should be the same drive, and is another device")
    return fd


def _patiently(path: str, take: Callable[[], T]) -> T:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return take()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > until:
                raise translated(error, path) from error
            time.sleep(PATIENCE_S / 20)


def _open_direct(path: str) -> tuple[int, bool]:
    try:
        return os.open(path, HOLD | os.O_DIRECT), True
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return os.open(path, HOLD), False


def translated(error: OSError, path: str) -> DriveError:
    """Translate what the kernel said into an error of the drive."""
    if error.errno in GONE:
        return DriveGone(device=path)
    if error.errno == errno.EBUSY:
        return DriveInUse(device=path)
    if error.errno == errno.EROFS:
        return DriveReadOnly(device=path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return DriveForbidden(device=path)
    return DriveError(device=path, problem=error.strerror or str(error))
