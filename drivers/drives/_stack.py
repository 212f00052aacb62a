"""What stands on what: partitions, holders, loops, mounts and swap, as sysfs and /proc tell it.

Takes the root of the file system, as `_sysfs` does. A device is its "major:minor" here: names change, links lie.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from drivers.drives import _sysfs


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo (proc_pid_mountinfo(5))."""

    number: str
    target: str
    kind: str
    source: str
    options: str


class Stack:
    """One look at the machine: devices and how they rest on each other."""

    def __init__(self, root: Path = _sysfs.ROOT) -> None:
        self.root = root
        self.folders = {_sysfs.text(f / "dev"): f for f in _devices(root)}
        self._numbers = {name: number for number, f in self.folders.items() for name in _names(f)}
        self.mounts = tuple(_mounts(root))
        self.mounted = self._mounted()
        self.swaps = self._swaps()

    def name(self, number: str) -> str:
        """/dev path by the kernel's name, with the volume's own where it has one."""
        folder = self.folders.get(number)
        if folder is None:
            return number
        volume = _sysfs.text(folder / "dm/name")
        return f"/dev/{_sysfs.device_name(folder)}" + (f" ({volume})" if volume else "")

    def number_of(self, path: str) -> str:
        """The device that a path names: by its node, else by its name; empty where it names none."""
        try:
            status = os.stat(self.root / path.lstrip("/"))
            if stat.S_ISBLK(status.st_mode):
                return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        except OSError:
            pass  # a sandbox without this node, or a node already gone: the name may still be known to sysfs
        return self._numbers.get(path.removeprefix("/dev/"), "")

    def whole(self, number: str) -> str:
        """The whole disk that a partition lies on; the disk itself for a disk."""
        folder = self.folders.get(number)
        if folder is None or not (folder / "partition").exists():
            return number
        return _sysfs.text(folder.parent / "dev")

    def family(self, number: str) -> tuple[str, ...]:
        """The whole disk and its partitions."""
        disk = self.whole(number)
        folder = self.folders.get(disk)
        parts = sorted(folder.glob("*/partition")) if folder else []
        return (disk, *(_sysfs.text(p.parent / "dev") for p in parts))

    def above(self, number: str) -> tuple[str, ...]:
        """Everything that rests on the disk or its partitions, nearest first: dm, md, bcache, loops, and theirs."""
        return _closure(self.family(number), self._directly_above)

    def below(self, number: str) -> tuple[str, ...]:
        """Every device that this one rests on, whole disks too."""
        return _closure((number,), self._directly_below)

    def twins(self, number: str) -> tuple[str, ...]:
        """Other loop devices over the same file."""
        mine = self._backing_file(number)
        return tuple(n for n in self.folders if n != number and mine and self._backing_file(n) == mine)

    def mount_point(self, path: Path) -> str:
        """Where the file system that holds this path is mounted; empty where mountinfo does not say."""
        return next((m.target for m in self._mounts_of(str(path))), "")

    def under(self, path: Path) -> frozenset[str]:
        """Every device that holds a part of what stands at this path, down to the disks; loops' files are followed."""
        found: set[str] = set()
        waiting, seen = [str(path)], set()
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            for mount in self._mounts_of(here):
                waiting += re.findall(r"(?:lowerdir|upperdir)\+?=([^,]+)", mount.options.replace(":/", ",lowerdir=/"))
                for number in self._numbers_of(mount):
                    devices = {number, *self.below(number)} | self._mates(number)
                    found |= devices
                    waiting += [f for f in map(self._backing_path, devices) if f]
        return frozenset(found)

    def _mates(self, number: str) -> set[str]:
        """The other devices of the same multi-device file system."""
        groups = [set(group) for group in _btrfs(self.root).values() if number in group]
        return {n for mate in set().union(*groups) for n in (mate, *self.below(mate))}

    def _directly_above(self, number: str) -> tuple[str, ...]:
        folder = self.folders.get(number)
        if folder is None:
            return ()
        holders = sorted((folder / "holders").glob("*"))
        numbers = [n for h in holders if (n := _sysfs.text(h / "dev"))]
        loops = [n for n in self.folders if (file := self._backing_path(n)) and self.number_of(file) == number]
        return tuple(p for n in (*numbers, *loops) for p in self.family(n))

    def _directly_below(self, number: str) -> tuple[str, ...]:
        folder = self.folders.get(number)
        if folder is None:
            return ()
        disk = self.whole(number)
        slaves = [_sysfs.text(s / "dev") for s in sorted((folder / "slaves").glob("*"))]
        backing = self.number_of(self._backing_path(number))
        return tuple(n for n in (disk, *slaves, backing) if n and n != number)

    def _backing_path(self, number: str) -> str:
        folder = self.folders.get(number)
        return _sysfs.text(folder / "loop/backing_file").removesuffix(" (deleted)") if folder else ""

    def _backing_file(self, number: str) -> object:
        path = self._backing_path(number)
        try:
            status = os.stat(self.root / path.lstrip("/")) if path else None
        except OSError:
            return path
        return (status.st_dev, status.st_ino) if status else None

    def _mounts_of(self, path: str) -> Iterator[Mount]:
        """The mount that a path lies on: the longest mount point above it; the last one where several are stacked."""
        fitting = [m for m in self.mounts if path == m.target or path.startswith(m.target.rstrip("/") + "/")]
        longest = max((len(m.target) for m in fitting), default=0)
        yield from (m for m in fitting if len(m.target) == longest)

    def _numbers_of(self, mount: Mount) -> set[str]:
        """By number, and by source: btrfs and FUSE show a number that no device has."""
        source = self.number_of(mount.source) if mount.source.startswith("/") else ""
        return {n for n in (mount.number, source) if n in self.folders}

    def _mounted(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for mount in self.mounts:
            for number in self._numbers_of(mount):
                if mount.target not in found.get(number, ()):
                    found[number] = (*found.get(number, ()), mount.target)
        for label, group in _btrfs(self.root).items():
            for number in group:
                found.setdefault(number, (f"a btrfs file system ({label})",))
        return found

    def _swaps(self) -> frozenset[str]:
        lines = _sysfs.blob(self.root / "proc/swaps").decode(errors="replace").splitlines()[1:]
        return frozenset(n for line in lines if (n := self.number_of(_unescaped(line.split()[0]))))


def _closure(start: Iterable[str], step: object) -> tuple[str, ...]:
    first = tuple(start)
    found: list[str] = []
    waiting = list(first)
    while waiting:
        new = [n for n in step(waiting.pop(0)) if n not in found and n not in first]  # type: ignore[operator]
        found += list(dict.fromkeys(new))
        waiting += new
    return tuple(found)


def _devices(root: Path) -> Iterator[Path]:
    for disk in sorted((root / "sys/block").glob("*")):
        folder = Path(os.path.realpath(disk))
        yield folder
        yield from sorted(p.parent for p in folder.glob("*/partition"))


def _names(folder: Path) -> Iterator[str]:
    yield _sysfs.device_name(folder)
    if volume := _sysfs.text(folder / "dm/name"):
        yield f"mapper/{volume}"


def _mounts(root: Path) -> Iterator[Mount]:
    """Our own mounts and those of the first process: a sandboxed service sees fewer than the machine has."""
    for process in ("self", "1"):
        text = _sysfs.blob(root / "proc" / process / "mountinfo").decode(errors="replace")
        for line in text.splitlines():
            before, _, after = line.partition(" - ")
            left, right = before.split(" "), after.split(" ")
            if len(left) > 4 and len(right) > 2:
                yield Mount(left[2], _unescaped(left[4]), right[0], _unescaped(right[1]), _unescaped(right[2]))


def _btrfs(root: Path) -> dict[str, tuple[str, ...]]:
    """Mounted btrfs file systems: mountinfo names one of their devices only."""
    groups = sorted((root / "sys/fs/btrfs").glob("*/devices"))
    return {g.parent.name: tuple(n for d in g.iterdir() if (n := _sysfs.text(d / "dev"))) for g in groups}


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), text)
