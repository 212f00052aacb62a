"""Who stands behind a device node: looked at through an open descriptor, so that nothing is exchanged meanwhile.

fstat(2) gives the device's number, the kernel's disk sequence number (BLKGETDISKSEQ) binds what sysfs says under that
number to the open disk.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import msgspec

from drivers.drives import _firmware, _sysfs
from drivers.drives._holding import translated
from drivers.drives.base import DriveGone, NotADrive
from drivers.drives.drive import Drive
from firmware_bridge import passthrough

LOOK = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def look_device(path: str) -> Drive:
    """Identify the drive without holding it; DriveGone, NotADrive or DriveForbidden."""
    fd = open_node(path, LOOK)
    try:
        return identify(fd, path)
    finally:
        os.close(fd)


def identify(fd: int, path: str, *, within: float = _firmware.LOOK_S) -> Drive:
    """Find who stands behind this open descriptor.

    Raise DriveGone when it went away or was exchanged while we asked. Its firmware has `within` seconds to answer;
    without an answer it is what the kernel and udev know of it.
    """
    shown = shown_by_kernel(fd, path)
    asked = _firmware.ask(fd, shown, within=within)
    if asked is not shown:
        after = shown_by_kernel(fd, path)
        if (after.disk_sequence, after.capacity_bytes) != (shown.disk_sequence, shown.capacity_bytes):
            raise DriveGone(device=path)
    return asked


def shown_by_kernel(fd: int, path: str) -> Drive:
    """Ask the kernel and udev alone, not its firmware. DriveGone where it went away meanwhile."""
    try:
        folder, number = disk_folder(fd, path)
        before = _sequence(fd, folder)
        who = _sysfs.identify(number)
        if who.transport == "loop":
            who = msgspec.structs.replace(who, serial=_loop_serial(fd))
        capacity = passthrough.block_size_bytes(fd)
        logical, physical = passthrough.logical_block_bytes(fd), passthrough.physical_block_bytes(fd)
        after = _sysfs.folder_of(number)
        if after is None or _sysfs.disk_sequence(after) != before:
            raise DriveGone(device=path)
    except OSError as error:
        raise translated(error, path) from error
    return Drive(
        device=path,
        capacity_bytes=capacity,
        logical_block_bytes=logical,
        physical_block_bytes=physical,
        number=number,
        disk_sequence=before,
        appearance=_sysfs.appearance(number, after),
        **msgspec.structs.asdict(who),
    )


def open_node(path: str, flags: int) -> int:
    """Open a block device, and nothing else. DriveGone, NotADrive, DriveForbidden, DriveError."""
    _is_block(path)
    try:
        return os.open(path, flags)
    except OSError as error:
        raise translated(error, path) from error


def _is_block(path: str) -> None:
    """Before anything is opened: opening a pipe or a terminal may block or have effects."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise translated(error, path) from error
    if not stat.S_ISBLK(mode):
        raise NotADrive(device=path, what=_kind(mode))


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISREG, "a file"), (stat.S_ISDIR, "a directory"), (stat.S_ISCHR, "a character device"))
    return next((name for test, name in kinds if test(mode)), "a pipe or socket")


def disk_folder(fd: int, path: str) -> tuple[Path, str]:
    """Find sysfs's folder and the number of the whole disk behind the descriptor. NotADrive, DriveGone."""
    status = os.fstat(fd)
    if not stat.S_ISBLK(status.st_mode):
        raise NotADrive(device=path, what=_kind(status.st_mode))
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    folder = _sysfs.folder_of(number)
    if folder is None:
        raise DriveGone(device=path)
    if (folder / "partition").exists():
        raise NotADrive(device=path, what=f"a partition of /dev/{_sysfs.device_name(folder.parent)}")
    return folder, number


def _sequence(fd: int, folder: Path) -> int | None:
    """The disk's sequence, and the proof that sysfs speaks of the disk behind this descriptor."""
    shown = _sysfs.disk_sequence(folder)
    try:
        held = passthrough.disk_sequence(fd)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):  # Linux < 5.15: an open descriptor keeps its number to itself
            return shown
        raise
    if shown is not None and shown != held:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    return held


def _loop_serial(fd: int) -> str:
    """The file under it and the window into it: two loops differ, the same file attached again is the same drive."""
    found = passthrough.loop_status(fd)
    window = f":{found.offset}" if found.offset else ""
    return f"{found.device:x}:{found.inode}{window}"
