"""Which devices of the kernel are ways to one and the same unit: paths of a LUN, and loops over one part of a file.

USB and ATA have one way to a drive: two of their disks that say the same are two drives, whatever they say. Takes the
root of the file system, as `_sysfs` does.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from drivers.drives import _sysfs
from drivers.drives._loops import Backing, ask_loops
from drivers.drives._names import vpd_serial, vpd_wwn
from drivers.drives._stack import Stack

WAYS = ("sas", "scsi", "iscsi")  # transports that may lead to one unit by several ways; Fibre Channel is "scsi"
COUNTING = ("tmpfs", "bcachefs")  # file systems without a disk of their own that number their files themselves


@dataclass(frozen=True)
class _Window:
    """The part of a file that a loop device shows. `file`: device and inode; None where it could not be asked."""

    file: tuple[str, int] | None
    name: str
    start: int
    end: float


def paths_of(number: str, root: Path = _sysfs.ROOT, *, loops: Mapping[str, Backing] | None = None) -> tuple[str, ...]:
    """Find all ways to the unit of this whole disk: their numbers (major:minor), its own first.

    This alone if in doubt. Loops whose windows overlap are ways to one unit, too: what one writes, the other reads.
    `loops`: what stands under each, where the caller has asked; of one that did not answer the name counts that the
    kernel shows.
    """
    folder = _sysfs.folder_of(number, root)
    if folder is None or (folder / "partition").exists():
        return (number,)
    if _sysfs.transport_of(str(folder)) == "loop":
        others = _loops_beside(folder, root, ask_loops(root).backing if loops is None else loops)
    else:
        mine = _unit(folder)
        others = [f for f in _disks(root) if mine is not None and _unit(f) == mine]
    return tuple(dict.fromkeys((number, *(_sysfs.text(f / "dev") for f in others))))


def name_of(number: str, root: Path = _sysfs.ROOT) -> str:
    """Find the /dev path by the kernel's name. The number itself where there is none."""
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
    serial = vpd_serial(_sysfs.blob(device / "vpd_pg80"))
    name = vpd_wwn(_sysfs.blob(device / "vpd_pg83")) or _sysfs.text(device / "wwid")
    certain = re.fullmatch(r"(0x|naa\.|eui\.|uuid\.).*[1-9a-f].*", name.lower()) or (name and serial)
    return ("scsi", name, serial, size) if certain and size else None


def _loops_beside(folder: Path, root: Path, loops: Mapping[str, Backing]) -> list[Path]:
    mine = _window(folder, loops)
    others = [(f, _window(f, loops)) for f in _disks(root) if f != folder and (f / "loop").is_dir()]
    near = [(f, w) for f, w in others if w.name and mine.start < w.end and w.start < mine.end]
    return [f for f, theirs in near if _one_file(mine, theirs, root)]


def _one_file(mine: _Window, theirs: _Window, root: Path) -> bool:
    """By number; by name too where the file system makes its numbers up; by name alone where nobody could be asked."""
    if mine.file is None or theirs.file is None:
        return mine.name == theirs.name
    return mine.file == theirs.file and (mine.name == theirs.name or _counted(mine.file[0], Stack(root)))


def _counted(device: str, stack: Stack) -> bool:
    """Whether one inode number is one file there. FUSE and network file systems make numbers up: two may be alike."""
    if not device.startswith("0:"):
        return True
    return any(mount.number == device and mount.kind in COUNTING for mount in stack.mounts)


def _window(folder: Path, loops: Mapping[str, Backing]) -> _Window:
    name, found = _sysfs.text(folder / "loop/backing_file"), loops.get(_sysfs.text(folder / "dev"))
    start, size = (_sysfs.text(folder / "loop" / key) for key in ("offset", "sizelimit"))
    low = int(start) if start.isdecimal() else 0
    high = low + int(size) if size.isdecimal() and int(size) else math.inf
    return _Window((found.device, found.inode) if found is not None else None, name, low, high)
