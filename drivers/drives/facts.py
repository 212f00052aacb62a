"""What is known of a path that somebody wants to erase. Gathering only: agent/safety.py judges.

Opens devices for reading at most, and lets go of them at once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from drivers.drives import _sysfs
from drivers.drives._paths import paths_of
from drivers.drives._stack import Stack
from drivers.drives.base import Drive, DriveError
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
    """One use of the drive or of something on it. `target` is the mount point, or the name of the holder."""

    kind: Literal["mount", "swap", "holder", "protected"]
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
    held: bool = False
    holder: str = ""
    read_only: bool = False
    capacity_bytes: int = 0
    logical_block_bytes: int = 512
    drive: Drive | None = None
    in_bay: bool | None = None


def gather(path: str, *, protect: Iterable[Path] = (), in_bay: bool | None = None, root: Path = _sysfs.ROOT) -> Facts:
    """Everything that decides whether this path may be erased. `protect`: further paths whose disks are not erased."""
    kind, problem, status = _kind(path)
    if status is None or kind != "block":
        return Facts(path=path, kind=kind, problem=problem, in_bay=in_bay)
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    facts = of_number(path, number, protect=protect, root=root)
    held = _held(path)
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


def of_number(path: str, number: str, *, protect: Iterable[Path] = (), root: Path = _sysfs.ROOT) -> Facts:
    """The part that needs neither a device node nor a descriptor: what sysfs and /proc say of this number."""
    folder = _sysfs.folder_of(number, root)
    if folder is None:
        return Facts(path=path, kind="missing", number=number)
    name = folder.name
    partition = (folder / "partition").exists()
    disk = folder.parent if partition else folder
    block = _sysfs.text(disk / "queue/logical_block_size")
    return Facts(
        path=path,
        kind="block",
        number=number,
        disk_sequence=_sysfs.disk_sequence(disk),
        partition_of=f"/dev/{_sysfs.device_name(disk)}" if partition else "",
        no_drive=next((words for pattern, words in NO_DRIVES if re.fullmatch(pattern, name)), ""),
        uses=uses_of(number, protect=protect, root=root),
        beside=_beside(number, protect, root),
        read_only=_sysfs.text(folder / "ro") == "1",
        capacity_bytes=_sysfs.size_bytes(folder),
        logical_block_bytes=int(block) if block.isdecimal() else 0,
    )


def uses_of(number: str, *, protect: Iterable[Path] = (), root: Path = _sysfs.ROOT) -> tuple[Use, ...]:
    """Every use of the disk, of its partitions, and of all that rests on them or that they rest on."""
    stack = Stack(root)
    family, above = stack.family(number), stack.above(number)
    below = tuple(n for b in stack.below(number) for n in stack.family(b) if n not in family)
    ways = (way for way in paths_of(stack.whole(number), root, asking=False) if way not in family)
    twins = tuple(n for t in (*stack.twins(number), *ways) for n in (*stack.family(t), *stack.above(t)))
    concerned = tuple(dict.fromkeys((*family, *above, *below, *twins)))
    mounts = [Use(kind="mount", device=stack.name(n), target=t) for n in concerned for t in stack.mounted.get(n, ())]
    swaps = [Use(kind="swap", device=stack.name(n)) for n in concerned if n in stack.swaps]
    holders = [Use(kind="holder", device=stack.name(number), target=stack.name(n)) for n in above]
    return (*_protected(stack, number, {*family, *below}, protect), *mounts, *swaps, *holders)


def _beside(number: str, protect: Iterable[Path], root: Path) -> tuple[Use, ...]:
    others = [_sysfs.text(folder / "dev") for folder in _sysfs.siblings(number, root)]
    return tuple(use for other in others for use in uses_of(other, protect=protect, root=root))


def _protected(stack: Stack, number: str, mine: set[str], protect: Iterable[Path]) -> list[Use]:
    own = (Path(sys.executable), Path(__file__))
    paths = [Path(p) for p in SYSTEM] + [_existing(p) for p in (*protect, *own)]
    first = {stack.mount_point(p): p for p in reversed(paths)}  # one sentence for each file system is enough
    hit = [p for p in first.values() if mine & stack.under(p)]
    return [Use(kind="protected", device=stack.name(number), target=str(p)) for p in reversed(hit)]


def _existing(path: Path) -> Path:
    """The path, or its nearest ancestor that is there, without links: that is where it would be made."""
    here = Path(os.path.realpath(path))
    return next(p for p in (here, *here.parents) if p.exists())


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
