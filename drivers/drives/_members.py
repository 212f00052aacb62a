"""LVM: whether a disk belongs to a volume group that is active here, though no active volume lies on it.

The kernel shows no holder for such a disk, and the group loses it all the same. The signature alone is old data: only a
group whose identity is that of an active volume (`dm/uuid`) is in use. Layouts: LVM2, lib/format_text/layout.h.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from drivers.drives import _sysfs

SECTORS = 4  # the label stands in one of the first four
MAGIC = b" LVM2 x[5A%r0N*>"
MOST_AREAS = 8
LONGEST_TEXT = 4096  # a group's name and identity come first
GROUP = re.compile(rb"([A-Za-z0-9+_.-]+) \{\s*id = \"([A-Za-z0-9-]{38})\"")


def active_groups(root: Path = _sysfs.ROOT) -> frozenset[str]:
    """Find the volume groups that have an active volume: their identities, 32 signs without their dashes."""
    uuids = [_sysfs.text(file) for file in (root / "sys/block").glob("dm-*/dm/uuid")]
    return frozenset(uuid[4:36] for uuid in uuids if uuid.startswith("LVM-"))


def member_of(fd: int, number: str, root: Path = _sysfs.ROOT) -> str:
    """Find the active group that the disk behind this descriptor, or a partition of it, belongs to; empty: none.

    Reads some sectors, and only on a machine that has an active group.
    """
    active = active_groups(root)
    if not active:
        return ""
    for start in _starts(number, root):
        name, identity = _group_at(fd, start)
        if identity in active:
            return name
    return ""


def _starts(number: str, root: Path) -> Iterator[int]:
    yield 0
    folder = _sysfs.folder_of(number, root)
    for part in sorted(folder.glob("*/partition")) if folder else ():
        start = _sysfs.text(part.parent / "start")
        if start.isdecimal():
            yield int(start) * _sysfs.SECTOR


def _group_at(fd: int, start: int) -> tuple[str, str]:
    """(name, identity) of the group whose label stands there; empty where none does, or it cannot be read."""
    try:
        head = os.pread(fd, SECTORS * _sysfs.SECTOR, start)
        for at in range(0, len(head), _sysfs.SECTOR):
            sector = head[at : at + _sysfs.SECTOR]
            if sector.startswith(b"LABELONE") and sector[24:32] == b"LVM2 001":
                return next((group for area in _areas(sector) if (group := _text(fd, start + area))), ("", ""))
    except (OSError, struct.error):
        pass
    return "", ""


def _areas(sector: bytes) -> Iterator[int]:
    """Offsets of the metadata areas: behind the list of data areas, both ended by zeros."""
    at, lists = struct.unpack_from("<I", sector, 20)[0] + 40, 0
    while lists < 2 and at + 16 <= len(sector) and at < MOST_AREAS * 16 + 256:
        offset, _ = struct.unpack_from("<QQ", sector, at)
        lists += offset == 0
        if offset and lists == 1:
            yield offset
        at += 16


def _text(fd: int, area: int) -> tuple[str, str] | None:
    header = os.pread(fd, _sysfs.SECTOR, area)
    if header[4:20] != MAGIC:
        return None
    (offset,) = struct.unpack_from("<Q", header, 40)
    found = GROUP.search(os.pread(fd, LONGEST_TEXT, area + offset))
    return (found[1].decode("ascii"), found[2].replace(b"-", b"").decode("ascii")) if found else None
