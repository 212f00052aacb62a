"""What stands on what: partitions, holders, loops, mounts and swap, as sysfs and /proc tell it.

Takes the root of the file system, as `_sysfs` does. A device is its "major:minor" here: names change, links lie.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from drivers.drives import _sysfs
from drivers.drives._loops import Backing, number_of
from drivers.drives._mounts import Elsewhere, Mount, living, own_mounts, shown, swap_names

SERVED = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "afs")
"""How the names of file systems begin whose files somebody answers for, late or never."""


class Stack:
    """One look at the machine: devices and how they rest on each other.

    `loops` and `elsewhere`: what only root may ask, where somebody who is has answered (drivers/drives/_witness.py).
    """

    def __init__(
        self, root: Path = _sysfs.ROOT, loops: Mapping[str, Backing] | None = None, elsewhere: Iterable[Elsewhere] = ()
    ) -> None:
        self.root = root
        self.folders = {_sysfs.text(f / "dev"): f for f in _devices(root)}
        self._numbers = {name: number for number, f in self.folders.items() for name in _names(f)}
        self.loops = dict(loops or {})
        self.mounts = tuple(own_mounts(root))
        self.mounted = self._mounted(elsewhere)
        self.swaps = frozenset(self._swaps())

    def name(self, number: str) -> str:
        """Name the /dev path by the kernel's name, with the volume's own where it has one."""
        folder = self.folders.get(number)
        if folder is None:
            return number
        volume = _sysfs.text(folder / "dm/name")
        return f"/dev/{_sysfs.device_name(folder)}" + (f" ({volume})" if volume else "")

    def number_of(self, path: str) -> str:
        """Find the device that a path names: by its node, else by its name. Empty where it names none."""
        try:
            status = os.stat(self.root / path.lstrip("/"))
            if stat.S_ISBLK(status.st_mode):
                return number_of(status.st_rdev)
        except (OSError, ValueError):
            pass  # a sandbox without this node, or a node already gone: the name may still be known to sysfs
        return self._numbers.get(path.removeprefix("/dev/"), "")

    def whole(self, number: str) -> str:
        """Find the whole disk that a partition lies on. The disk itself for a disk."""
        folder = self.folders.get(number)
        if folder is None or not (folder / "partition").exists():
            return number
        return _sysfs.text(folder.parent / "dev")

    def family(self, number: str) -> tuple[str, ...]:
        """List the whole disk and its partitions."""
        disk = self.whole(number)
        folder = self.folders.get(disk)
        parts = sorted(folder.glob("*/partition")) if folder else []
        return (disk, *(_sysfs.text(p.parent / "dev") for p in parts))

    def above(self, number: str) -> tuple[str, ...]:
        """Find everything that rests on the disk or its partitions, nearest first.

        That is dm, md, bcache, loops, and theirs.
        """
        return _closure(self.family(number), self._directly_above)

    def below(self, number: str) -> tuple[str, ...]:
        """Find every device that this one rests on, whole disks too."""
        return _closure((number,), self._directly_below)

    def twins(self, number: str) -> tuple[str, ...]:
        """Find other loop devices over the same file."""
        mine = self._backing_file(number)
        return tuple(n for n in self.folders if n != number and mine and self._backing_file(n) == mine)

    def claims(self, number: str) -> tuple[str, ...]:
        """Find what holds the disk or a part of it and has no device of its own: bcache, a target of the kernel's."""
        family = self.family(number)
        cached = [f"bcache on {self.name(n)}" for n in family if (self.folders.get(n, Path("/")) / "bcache").exists()]
        exported = [words for words, path in _exports(self.root) if self.number_of(path) in family]
        return (*cached, *exported)

    def place(self, path: Path) -> tuple[str, ...]:
        """Find what is the same for all paths of one file system: its mount point, its number.

        Empty where nobody says.
        """
        mounts = tuple(m.target for m in self._mounts_of(str(path)))
        return (*mounts, self._file_system(str(path))) if mounts else (str(path),)

    def under(self, path: Path) -> frozenset[str]:
        """Find every device that holds a part of what stands at this path, down to the disks.

        Loops' files are followed.
        """
        found: set[str] = set()
        waiting, seen = [str(path)], set()
        while waiting:
            here = waiting.pop()
            if here in seen:
                continue
            seen.add(here)
            for mount in self._mounts_of(here):
                waiting += mount.layers()
                for number in self._numbers_of(mount):
                    found |= self._carriers(number)
            found |= self._carriers(self._file_system(here))
            waiting += [f for f in map(self._backing_path, found) if f]
        return frozenset(found)

    def _carriers(self, number: str) -> set[str]:
        """The device, all that it rests on, its fellows in a multi-device file system, and disks of loops' files."""
        found: set[str] = set()
        waiting = [number]
        while waiting:
            here = waiting.pop()
            if here in found or here not in self.folders:
                continue
            found.add(here)
            waiting += [*self.below(here), *self._mates(here), *self._file_carriers(here)]
        return found

    def _file_carriers(self, number: str) -> tuple[str, ...]:
        """The devices of the file system that holds the file under a loop device."""
        backing = self.loops.get(number)
        if backing is None or backing.block:
            return ()
        by_mount = {n for m in self.mounts if m.number == backing.device for n in self._numbers_of(m)}
        return tuple({backing.device, *by_mount} & self.folders.keys())

    def _file_system(self, path: str) -> str:
        """The number of the file system that this path lies on, as stat(2) has it; empty where it is not there."""
        try:
            return number_of(os.stat(self.root / path.lstrip("/")).st_dev) if self.root == _sysfs.ROOT else ""
        except (OSError, ValueError):
            return ""

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
        resting = [n for n in self.folders if number in (self.block_under(n), *self._file_carriers(n))]
        return tuple(p for n in (*numbers, *resting) for p in self.family(n))

    def _directly_below(self, number: str) -> tuple[str, ...]:
        folder = self.folders.get(number)
        if folder is None:
            return ()
        disk = self.whole(number)
        slaves = [_sysfs.text(s / "dev") for s in sorted((folder / "slaves").glob("*"))]
        return tuple(n for n in (disk, *slaves, self.block_under(number)) if n and n != number)

    def block_under(self, number: str) -> str:
        """Find the device under a loop, or behind a zram: by its number where it was asked, else by its name."""
        backing = self.loops.get(number)
        if backing is not None:
            return backing.block
        path = self._backing_path(number)
        # A name elsewhere may lead to a server that hangs: for what did not answer, it is not asked either.
        return self.number_of(path) if path.startswith("/dev/") and not self._served(path) else ""

    def _served(self, path: str) -> bool:
        """Whether a program or another machine answers for the file: under /dev/shm that may be anybody's."""
        above = self._mounts_above(path)
        return bool(above) and max(above, key=lambda m: len(m.target)).kind.startswith(SERVED)

    def _backing_path(self, number: str) -> str:
        folder = self.folders.get(number)
        if folder is None:
            return ""
        name = _sysfs.blob(folder / "loop/backing_file") or _sysfs.blob(folder / "backing_dev")
        path = living(os.fsdecode(name).rstrip("\n"))
        return path if path.startswith("/") else ""

    def _backing_file(self, number: str) -> object:
        backing = self.loops.get(number)
        if backing is not None:
            return None if backing.block else (backing.device, backing.inode)
        return self._backing_path(number) or None

    def _mounts_of(self, path: str) -> Iterator[Mount]:
        """The mounts that a path may lie on: by the longest mount point above it, and by what the kernel says of it."""
        identity = self._mount_identity(path)
        yield from (m for m in self.mounts if m.identity == identity)
        fitting = self._mounts_above(path)
        longest = max((len(m.target) for m in fitting), default=0)
        yield from (m for m in fitting if len(m.target) == longest)

    def _mounts_above(self, path: str) -> list[Mount]:
        return [m for m in self.mounts if path == m.target or path.startswith(m.target.rstrip("/") + "/")]

    def _mount_identity(self, path: str) -> int | None:
        """The mount's number in mountinfo, of an O_PATH descriptor; None in another root than ours."""
        if self.root != _sysfs.ROOT:
            return None
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        try:
            told = dict(line.split(":\t", 1) for line in _sysfs.text_lines(Path(f"/proc/self/fdinfo/{fd}")))
        finally:
            os.close(fd)
        return int(told.get("mnt_id", "-1"))

    def _numbers_of(self, mount: Mount) -> set[str]:
        """By number, and by source: btrfs and FUSE show a number that no device has."""
        source = self.number_of(mount.source) if mount.source.startswith("/") else ""
        return {n for n in (mount.number, source) if n in self.folders}

    def _mounted(self, elsewhere: Iterable[Elsewhere]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for mount in self.mounts:
            for number in self._numbers_of(mount):
                if shown(mount.target) not in found.get(number, ()):
                    found[number] = (*found.get(number, ()), shown(mount.target))
        for label, group in _btrfs(self.root).items():
            for number in group:
                found.setdefault(number, (f"a btrfs file system ({label})",))
        strange: dict[str, tuple[str, ...]] = {}
        for other in elsewhere:
            words = f"{other.target}, as {other.process} sees it"
            for number in {other.number, self.number_of(other.source)} & self.folders.keys() - found.keys():
                strange[number] = (*strange.get(number, ()), words)
        return found | strange

    def _swaps(self) -> Iterator[str]:
        """Swap on a device is that device; swap in a file is what the file lies on."""
        for name in swap_names(self.root):
            number = self.number_of(name)
            yield from (number,) if number else self.under(Path(name))


def _closure(start: Iterable[str], step: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    first = tuple(start)
    found: list[str] = []
    waiting = list(first)
    while waiting:
        new = [n for n in step(waiting.pop(0)) if n not in found and n not in first]
        found += list(dict.fromkeys(new))
        waiting += new
    return tuple(found)


def _exports(root: Path) -> Iterator[tuple[str, str]]:
    """(what it is, path) of what the kernel itself serves to others, by its configfs: it claims no device."""
    config = root / "sys/kernel/config"
    for pattern, words in (
        ("nvmet/subsystems/*/namespaces/*/device_path", "the NVMe target"),
        ("target/core/*/*/udev_path", "the SCSI target"),
        ("usb_gadget/*/functions/mass_storage.*/lun.*/file", "the USB gadget"),
    ):
        for file in sorted(config.glob(pattern)):
            yield f"{words} {file.parent.relative_to(config)}", living(_sysfs.text(file))


def _devices(root: Path) -> Iterator[Path]:
    for disk in sorted((root / "sys/block").glob("*")):
        folder = Path(os.path.realpath(disk))
        yield folder
        yield from sorted(p.parent for p in folder.glob("*/partition"))


def _names(folder: Path) -> Iterator[str]:
    yield _sysfs.device_name(folder)
    if volume := _sysfs.text(folder / "dm/name"):
        yield f"mapper/{volume}"


def _btrfs(root: Path) -> dict[str, tuple[str, ...]]:
    """Mounted btrfs file systems: mountinfo names one of their devices only."""
    groups = sorted((root / "sys/fs/btrfs").glob("*/devices"))
    return {g.parent.name: tuple(n for d in g.iterdir() if (n := _sysfs.text(d / "dev"))) for g in groups}
