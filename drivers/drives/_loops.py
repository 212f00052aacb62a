"""What stands under each loop device, asked of the device itself: the kernel's numbers, never a path.

`loop/backing_file` in sysfs is the name that the file had in another view of the machine: a container's `/dev`, a live
medium before its root was changed, a node or a file that was removed since.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

from drivers.drives import _sysfs
from firmware_bridge import passthrough


class Backing(msgspec.Struct, frozen=True, kw_only=True):
    """What one loop device shows. `block` is the device under it; empty where it is a regular file.

    `device` and `inode` name that file: `device` is the number of its file system.
    """

    device: str
    inode: int
    block: str = ""


class Loops(msgspec.Struct, frozen=True, kw_only=True):
    """Every attached loop device by its number, and why some could not be asked."""

    backing: Mapping[str, Backing] = {}
    unasked: tuple[str, ...] = ()


def number_of(device: int) -> str:
    """The kernel's way to write a device number."""
    return f"{os.major(device)}:{os.minor(device)}"


def ask_loops(root: Path = _sysfs.ROOT) -> Loops:
    """Ask all of them. Opens each for reading, and lets go of it at once; another root than ours has none to ask."""
    if root != _sysfs.ROOT:
        return Loops()
    backing: dict[str, Backing] = {}
    unasked: list[str] = []
    for folder in sorted((root / "sys/block").glob("loop*")):
        try:
            found = _ask(folder)
        except OSError as error:
            if attached(folder):
                unasked.append(f"what stands under /dev/{folder.name} ({error.strerror or error})")
            continue
        if found is not None:
            backing[_sysfs.text(folder / "dev")] = found
    return Loops(backing=backing, unasked=tuple(unasked))


def attached(folder: Path) -> bool:
    """Whether sysfs says that something stands under this loop device."""
    return (folder / "loop").exists() or _sysfs.size_bytes(folder) > 0


def _ask(folder: Path) -> Backing | None:
    """The answer of one loop device; None where nothing is attached to it."""
    number = _sysfs.text(folder / "dev")
    try:
        with open(f"/dev/{folder.name}", "rb", buffering=0) as device:
            status = os.fstat(device.fileno())
            if not stat.S_ISBLK(status.st_mode) or number_of(status.st_rdev) != number:
                raise OSError(errno.ENODEV, f"that name is another device than {number}")
            found = passthrough.loop_status(device.fileno())
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
    block = number_of(found.backing_rdevice) if found.backing_rdevice else ""
    return Backing(device=number_of(found.device), inode=found.inode, block=block)
