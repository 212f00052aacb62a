"""Examine a path that somebody wants to erase: gather what agent/planning/safety.py judges.

Opens devices for reading at most, and lets go of them at once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from drivers.drives import _sysfs
from drivers.drives._identity import look_device
from drivers.drives._loops import SILENT, number_of
from drivers.drives._members import member_of
from drivers.drives._stack import Stack
from drivers.drives._uses import Looks, unasked_of, uses_beside, uses_of, whole_disk, writing
from drivers.drives._witness import Testimony, who_uses
from drivers.drives._writers import Look
from drivers.drives.base import DriveError
from drivers.drives.drive import Drive
from drivers.drives.facts import Facts, Kind, Use

__all__ = ["NO_DRIVES", "Looks", "gather", "of_number"]

# Block devices that are whole and yet no drive: the first that fits.
NO_DRIVES: tuple[tuple[str, str], ...] = (
    (r"dm-\d+", "a device-mapper volume"),
    (r"md\d+.*|md_.*", "a RAID array"),
    (r"(zram|ram)\d+", "memory"),
    (r"bcache\d+", "a bcache volume"),
    (r"sr\d+", "an optical drive"),
    (r"(nbd|drbd|rbd)\d+", "a network block device"),
    (r"mmcblk\d+(boot\d+|rpmb)", "a boot partition of an eMMC"),
)


def gather(
    path: str,
    *,
    protect: Iterable[Path] = (),
    in_bay: bool | None = None,
    root: Path = _sysfs.ROOT,
    looks: Looks | None = None,
) -> Facts:
    """Gather everything that decides whether this path may be erased.

    `protect`: further paths whose disks are not erased. `looks`: shared by those who gather several drives at once,
    so that all wait for one second look. A drive that is used anyway is not asked who writes to it.
    """
    kind, problem, status = _kind(path)
    if status is None or kind != "block":
        return Facts(path=path, kind=kind, problem=problem, in_bay=in_bay)
    number = number_of(status.st_rdev)
    seen = who_uses(whole_disk(number, root), root)
    facts = of_number(path, number, protect=protect, root=root, seen=seen)
    held = _held(path)
    if not (held or facts.uses or facts.partition_of or facts.no_drive):
        facts = _asked_of_it(facts, seen.look, looks or Looks())
    drive, problem = _identified(path, number, seen)
    return msgspec.structs.replace(
        facts,
        real_path=os.path.realpath(path),
        held=held,
        holder=_program_with(status.st_rdev) if held else "",
        drive=drive,
        problem=problem if not facts.partition_of else "",
        in_bay=in_bay,
    )


def _identified(path: str, number: str, seen: Testimony) -> tuple[Drive | None, str]:
    """(the drive, why there is none). A loop that hangs was asked once: who asks again waits as long as it hangs."""
    if SILENT in seen.unasked.get(number, ""):
        return None, f"{path}: {seen.unasked[number]}"
    try:
        return look_device(path), ""
    except DriveError as error:
        return None, f"{error}. {error.hint}".strip()


def of_number(
    path: str,
    number: str,
    *,
    protect: Iterable[Path] = (),
    root: Path = _sysfs.ROOT,
    seen: Testimony | None = None,
) -> Facts:
    """Gather the part that needs no node of the drive: what sysfs, /proc, loops and the helper say of this number."""
    folder = _sysfs.folder_of(number, root)
    if folder is None:
        return Facts(path=path, kind="missing", number=number)
    name = folder.name
    partition = (folder / "partition").exists()
    disk = folder.parent if partition else folder
    block = _sysfs.text(disk / "queue/logical_block_size")
    seen = seen or who_uses(_sysfs.text(disk / "dev"), root)
    uses = uses_of(number, protect=protect, root=root, seen=seen)
    kind_of = next((words for pattern, words in NO_DRIVES if re.fullmatch(pattern, name)), "")
    return Facts(
        path=path,
        kind="block",
        number=number,
        disk_sequence=_sysfs.disk_sequence(disk),
        partition_of=f"/dev/{_sysfs.device_name(disk)}" if partition else "",
        no_drive=kind_of if kind_of or uses else _view(number, seen, root),
        uses=uses,
        beside=uses_beside(number, protect, root, seen),
        unasked=unasked_of(number, seen, root),
        read_only=_sysfs.text(folder / "ro") == "1",
        capacity_bytes=_sysfs.size_bytes(folder),
        logical_block_bytes=int(block) if block.isdecimal() else 0,
    )


def _view(number: str, seen: Testimony, root: Path) -> str:
    """What a loop over a block device is. Who uses that device, or another loop over it, is no user of this one, nor
    counted here; so it is erased itself, or not at all.
    """
    folder = _sysfs.folder_of(number, root)
    if folder is None or _sysfs.transport_of(str(folder)) != "loop":
        return ""
    stack = Stack(root, seen.loops)
    under = stack.block_under(number)
    return f"a view of {stack.name(under)}" if under else ""


def _asked_of_it(facts: Facts, now: Look, looks: Looks) -> Facts:
    """The same with what takes longer, of a drive that nothing refused yet."""
    look = looks.at(facts.number, now)
    counted = _sysfs.written_bytes(facts.number) is not None
    uses = (*_group(facts.path, facts.number), *writing(look.writers))
    return msgspec.structs.replace(facts, uses=uses, unseen=look.unseen, counted=counted, writers=look.known)


def _group(path: str, number: str) -> tuple[Use, ...]:
    """An active LVM group that would lose the drive, though nothing of it is active on this one."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ()
    try:
        name = member_of(fd, number)
    finally:
        os.close(fd)
    return (Use(kind="holder", device=path, target=f"the active volume group {name}"),) if name else ()


def _kind(path: str) -> tuple[Kind, str, os.stat_result | None]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return "missing", "it is a link that leads nowhere" if os.path.islink(path) else "", None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        return "unreadable", getattr(error, "strerror", None) or str(error), None
    tests: tuple[tuple[bool, Kind], ...] = (
        (stat.S_ISBLK(status.st_mode), "block"),
        (stat.S_ISREG(status.st_mode), "file"),
        (stat.S_ISDIR(status.st_mode), "directory"),
        (stat.S_ISCHR(status.st_mode), "character"),
    )
    return next((kind for fits, kind in tests if fits), "other"), "", status


def _held(path: str) -> bool:
    """Whether somebody holds it exclusively: asked by holding it ourselves, for reading, for an instant."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.errno == errno.EBUSY
    return False


def _program_with(rdev: int) -> str:
    """The first program that has the device open, "name (process 123)"; empty where none can be seen."""
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            status = os.stat(entry)
        except OSError:
            continue
        if stat.S_ISBLK(status.st_mode) and status.st_rdev == rdev:
            process = entry.parent.parent
            return f"{_sysfs.text(process / 'comm')} (process {process.name})"
    return ""
