"""Which devices of the kernel are ways to one and the same unit: paths of a LUN, and loops over one part of a file.

USB and ATA have one way to a drive: two of their disks that say the same are two drives, whatever they say. Takes the
root of the file system, as `_sysfs` does.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drivers.drives import _sysfs
from drivers.drives._stack import Stack
from firmware_bridge import passthrough

WAYS = ("sas", "scsi", "iscsi")  # transports that may lead to one unit by several ways; Fibre Channel is "scsi"
COUNTING = ("tmpfs", "bcachefs")  # file systems without a disk of their own that number their files themselves


@dataclass(frozen=True)
class _Window:
    """The part of a file that a loop device shows. `file`: device and inode; None where it could not be asked."""

    file: tuple[int, int] | None
    name: str
    start: int
    end: float


def paths_of(number: str, root: Path = _sysfs.ROOT, *, asking: bool = True) -> tuple[str, ...]:
    """Numbers (major:minor) of all ways to the unit of this whole disk, its own first; of this alone if in doubt.

    Loops whose windows overlap are ways to one unit, too: what one writes, the other reads. `asking`: other loops may
    be opened, to be asked for their file; otherwise it goes by the name that the kernel shows.
    """
    folder = _sysfs.folder_of(number, root)
    if folder is None or (folder / "partition").exists():
        return (number,)
    if _sysfs.transport_of(str(folder)) == "loop":
        others = _loops_beside(folder, root, asking)
    else:
        mine = _unit(folder)
        others = [f for f in _disks(root) if mine is not None and _unit(f) == mine]
    return tuple(dict.fromkeys((number, *(_sysfs.text(f / "dev") for f in others))))


def name_of(number: str, root: Path = _sysfs.ROOT) -> str:
    """The /dev path by the kernel's name; the number itself where there is none."""
    folder = _sysfs.folder_of(number, root)
    return f"/dev/{_sysfs.device_name(folder)}" if folder else number


def _disks(root: Path) -> Iterator[Path]:
    for entry in sorted((root / "sys/block").glob("*")):
        folder = Path(os.path.realpath(entry))
        if (folder / "dev").exists():
            yield folder


def _unit(folder: Path) -> tuple[object, ...] | None:
    """What all ways to a unit have in common, and nothing else has; None where nothing is that certain."""
    transport, size = _sysfs.transport_of(str(folder)), _sysfs.size_bytes(folder)
    if transport == "nvme":
        return _namespace(folder, size)
    return _scsi_unit(folder, size) if transport in WAYS else None


def _namespace(folder: Path, size: int) -> tuple[object, ...] | None:
    """A namespace of a subsystem, shown once for each controller: where the kernel does no multipathing itself."""
    found = (_sysfs.text(folder / "device/subsysnqn"), _sysfs.text(folder / "wwid"), _sysfs.text(folder / "nsid"))
    return ("nvme", *found, size) if all(found) and size else None


def _scsi_unit(folder: Path, size: int) -> tuple[object, ...] | None:
    """The logical unit's own designator (VPD page 83h). One of a vendor's text (T10) needs a serial beside it."""
    device = folder / "device"
    serial = _sysfs.vpd_serial(_sysfs.blob(device / "vpd_pg80"))
    name = _sysfs.vpd_wwn(_sysfs.blob(device / "vpd_pg83")) or _sysfs.text(device / "wwid")
    certain = re.fullmatch(r"(0x|naa\.|eui\.|uuid\.).*[1-9a-f].*", name.lower()) or (name and serial)
    return ("scsi", name, serial, size) if certain and size else None


def _loops_beside(folder: Path, root: Path, asking: bool) -> list[Path]:
    mine = _window(folder, asking)
    others = [(f, _window(f, asking)) for f in _disks(root) if f != folder and (f / "loop").is_dir()]
    near = [(f, w) for f, w in others if w.name and mine.start < w.end and w.start < mine.end]
    return [f for f, theirs in near if _one_file(mine, theirs, root)]


def _one_file(mine: _Window, theirs: _Window, root: Path) -> bool:
    """By number; by name too where the file system makes its numbers up; by name alone where nobody could be asked."""
    if mine.file is None or theirs.file is None:
        return mine.name == theirs.name
    return mine.file == theirs.file and (mine.name == theirs.name or _counted(mine.file[0], Stack(root)))


def _counted(device: int, stack: Stack) -> bool:
    """Whether one inode number is one file there. FUSE and network file systems make numbers up: two may be alike."""
    if os.major(device):
        return True
    number = f"{os.major(device)}:{os.minor(device)}"
    return any(mount.number == number and mount.kind in COUNTING for mount in stack.mounts)


def _window(folder: Path, asking: bool) -> _Window:
    name = _sysfs.text(folder / "loop/backing_file")
    start, size = (_sysfs.text(folder / "loop" / key) for key in ("offset", "sizelimit"))
    low = int(start) if start.isdecimal() else 0
    high = low + int(size) if size.isdecimal() and int(size) else math.inf
    return _Window(_file_of(folder) if asking else _file_at(name), name, low, high)


def _file_at(name: str) -> tuple[int, int] | None:
    try:
        status = os.stat(name)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _file_of(folder: Path) -> tuple[int, int] | None:
    """Asked of the device itself, by a node that is really its own."""
    try:
        fd = os.open(f"/dev/{_sysfs.device_name(folder)}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}" != _sysfs.text(folder / "dev"):
            return None
        found = passthrough.loop_status(fd)
        return found.device, found.inode
    except OSError:
        return None
    finally:
        os.close(fd)
