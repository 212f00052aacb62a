"""What is known of a path that somebody wants to erase. Gathering only: agent/planning/safety.py judges.

Opens devices for reading at most, and lets go of them at once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from drivers.drives import _sysfs, _writers
from drivers.drives._loops import may_stand_on, number_of
from drivers.drives._members import member_of
from drivers.drives._mounts import shown
from drivers.drives._paths import paths_of
from drivers.drives._stack import Stack
from drivers.drives._witness import Testimony, who_uses
from drivers.drives._writers import Look, Writer
from drivers.drives.base import Drive, DriveError, DriveHeld, DriveUnasked, Others
from drivers.drives.block import look_device

Kind = Literal["missing", "file", "directory", "character", "other", "block", "unreadable"]

# Where the running system lives, beside its state folder and its own program.
SYSTEM = ("/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc", "/home")

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


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One use of the drive or of something on it. `target`: the mount point, the holder's name, or the program."""

    kind: Literal["mount", "swap", "holder", "protected", "writer"]
    device: str
    target: str = ""

    @property
    def sentence(self) -> str:
        """In words, for a person."""
        words = {
            "mount": f"{self.device} is mounted on {self.target}",
            "swap": f"{self.device} is active swap",
            "holder": f"{self.target} stands on {self.device}",
            "protected": f"this station's {self.target} lies on it",
            "writer": f"{self.target} has {self.device} open for writing",
        }
        return words[self.kind]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """`drive` is None where it could not be identified; `problem` says why. `in_bay` is None on the command line."""

    path: str
    kind: Kind
    problem: str = ""
    real_path: str = ""
    number: str = ""
    disk_sequence: int | None = None
    partition_of: str = ""
    no_drive: str = ""
    uses: tuple[Use, ...] = ()
    beside: tuple[Use, ...] = ()
    """Uses of the drive's other namespaces (NVMe): its own commands reach those too."""
    unasked: tuple[str, ...] = ()
    """What could not be asked at all, so that some use may be missing above; one clause each."""
    unseen: str = ""
    """Why some program that writes to it may be missing among the uses; empty where every process was seen."""
    counted: bool = True
    """Whether the kernel counts what is written to it: that decides where not every process is seen."""
    writers: Literal["none", "unknown"] | None = None
    """None where nobody asked: it is refused anyway, or simulated."""
    held: bool = False
    holder: str = ""
    read_only: bool = False
    capacity_bytes: int = 0
    logical_block_bytes: int = 512
    drive: Drive | None = None
    in_bay: bool | None = None


def gather(
    path: str,
    *,
    protect: Iterable[Path] = (),
    in_bay: bool | None = None,
    root: Path = _sysfs.ROOT,
    looks: Looks | None = None,
) -> Facts:
    """Everything that decides whether this path may be erased. `protect`: further paths whose disks are not erased.

    `looks`: shared by those who gather several drives at once, so that all wait for one second look. A drive that is
    used anyway is not asked who writes to it.
    """
    kind, problem, status = _kind(path)
    if status is None or kind != "block":
        return Facts(path=path, kind=kind, problem=problem, in_bay=in_bay)
    number = number_of(status.st_rdev)
    seen = who_uses(_whole(number, root), root)
    facts = of_number(path, number, protect=protect, root=root, seen=seen)
    held = _held(path)
    if not (held or facts.uses or facts.partition_of or facts.no_drive):
        facts = _asked_of_it(facts, seen.look, looks or Looks())
    try:
        drive, problem = look_device(path), ""
    except DriveError as error:
        drive, problem = None, f"{error}. {error.hint}".strip()
    return msgspec.structs.replace(
        facts,
        real_path=os.path.realpath(path),
        held=held,
        holder=_program_with(status.st_rdev) if held else "",
        drive=drive,
        problem=problem if not facts.partition_of else "",
        in_bay=in_bay,
    )


def of_number(
    path: str,
    number: str,
    *,
    protect: Iterable[Path] = (),
    root: Path = _sysfs.ROOT,
    seen: Testimony | None = None,
) -> Facts:
    """The part that needs no node of the drive: what sysfs, /proc, loops and the helper say of this number."""
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
        beside=_beside(number, protect, root, seen),
        unasked=_unasked(number, seen, root),
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


def uses_of(
    number: str, *, protect: Iterable[Path] = (), root: Path = _sysfs.ROOT, seen: Testimony | None = None
) -> tuple[Use, ...]:
    """Every use of the disk, of its partitions, and of all that rests on them or that they rest on."""
    seen = seen or who_uses(number, root)
    stack = Stack(root, seen.loops, seen.elsewhere)
    family, above = stack.family(number), stack.above(number)
    below = tuple(n for b in stack.below(number) for n in stack.family(b) if n not in family)
    ways = (way for way in paths_of(stack.whole(number), root, loops=seen.loops) if way not in family)
    twins = tuple(n for t in (*stack.twins(number), *ways) for n in (*stack.family(t), *stack.above(t)))
    concerned = tuple(dict.fromkeys((*family, *above, *below, *twins)))
    mounts = [Use(kind="mount", device=stack.name(n), target=t) for n in concerned for t in stack.mounted.get(n, ())]
    swaps = [Use(kind="swap", device=stack.name(n)) for n in concerned if n in stack.swaps]
    names = [*(stack.name(n) for n in above), *stack.claims(number)]
    holders = [Use(kind="holder", device=stack.name(number), target=name) for name in names]
    return (*_protected(stack, number, {*family, *below}, protect), *mounts, *swaps, *holders)


def others_of(number: str, device: str) -> Others:
    """Who else uses a disk that we hold: what rests on it by now, and who may write to it. DriveUnasked."""
    seen = who_uses(number)
    if unasked := _unasked(number, seen, _sysfs.ROOT):
        raise DriveUnasked(device=device, problem="; ".join(unasked))
    look = Looks().at(number, seen.look)
    uses = (*uses_of(number, seen=seen), *_writing(look.writers))
    counted = _sysfs.written_bytes(number) is not None
    return Others(users=tuple(use.sentence for use in uses), unseen=look.unseen, counted=counted)


def refuse_users(drive: Drive) -> None:
    """DriveHeld or DriveUnasked, once more while it is held: loops and programs need no exclusive right to it."""
    others = others_of(drive.number, drive.device)
    if others.users:
        raise DriveHeld(device=drive.device, holder=others.users[0])
    if others.unseen and not others.counted:
        raise DriveUnasked(device=drive.device, problem=f"{others.unseen}; nor does the kernel count what is written")


class Looks:
    """Looks at who writes to which disk: those seen twice. One wait serves all disks that are asked together."""

    def __init__(self, numbers: Iterable[str] = ()) -> None:
        """The first look at all of these is now."""
        self._first = {number: who_uses(number).look for number in numbers}
        self._due = time.monotonic() + _writers.APART_S

    def at(self, number: str, now: Look) -> Look:
        """Who writes to it, after a second look where the first one saw somebody."""
        first, due = self._first.get(number), self._due
        if first is None:
            first, due = now, time.monotonic() + _writers.APART_S
        return _writers.confirmed(first, lambda: who_uses(number).look, due)


def _asked_of_it(facts: Facts, now: Look, looks: Looks) -> Facts:
    """The same with what takes longer, of a drive that nothing refused yet."""
    look = looks.at(facts.number, now)
    counted = _sysfs.written_bytes(facts.number) is not None
    uses = (*_group(facts.path, facts.number), *_writing(look.writers))
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


def _unasked(number: str, seen: Testimony, root: Path) -> tuple[str, ...]:
    """Loop devices that did not answer, and could stand on this disk by their size: what stands on it is not known."""
    folder = _sysfs.folder_of(_whole(number, root), root)
    folders = [folder, *(part.parent for part in folder.glob("*/partition"))] if folder else []
    sizes = {_sysfs.size_bytes(f) for f in folders}
    return tuple(why for loop, why in seen.unasked.items() if loop == number or may_stand_on(loop, sizes, root))


def _whole(number: str, root: Path) -> str:
    folder = _sysfs.folder_of(number, root)
    if folder is None or not (folder / "partition").exists():
        return number
    return _sysfs.text(folder.parent / "dev")


def _writing(writers: Iterable[Writer]) -> Iterator[Use]:
    for writer in writers:
        folder = _sysfs.folder_of(writer.number)
        device = f"/dev/{_sysfs.device_name(folder)}" if folder else f"device {writer.number}"
        yield Use(kind="writer", device=device, target=writer.words)


def _beside(number: str, protect: Iterable[Path], root: Path, seen: Testimony) -> tuple[Use, ...]:
    others = [_sysfs.text(folder / "dev") for folder in _sysfs.siblings(number, root)]
    return tuple(use for other in others for use in uses_of(other, protect=protect, root=root, seen=seen))


def _protected(stack: Stack, number: str, mine: set[str], protect: Iterable[Path]) -> list[Use]:
    own = (Path(sys.executable), Path(__file__))
    paths = [Path(p) for p in SYSTEM] + [_existing(p) for p in (*protect, *own)]
    first = {stack.place(p): p for p in reversed(paths)}  # one sentence for each file system is enough
    hit = [p for p in first.values() if mine & stack.under(p)]
    return [Use(kind="protected", device=stack.name(number), target=shown(str(p))) for p in reversed(hit)]


def _existing(path: Path) -> Path:
    """The path, or its nearest ancestor that is there, without links: that is where it would be made."""
    here = Path(os.path.realpath(path))
    return next(p for p in (here, *here.parents) if os.path.exists(p))


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
