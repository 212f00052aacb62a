"""Mounts and swap as the kernel lists them: mountinfo of this and of every other mount namespace, /proc/swaps.

The kernel writes blanks, newlines and backslashes of a name as octal (`\\040`), everything else as it is; lines end
with a newline and with nothing else. Names that are no UTF-8 keep their bytes (PEP 383).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from drivers.drives import _sysfs

DELETED = (" (deleted)", "//deleted")
MOST_PROCESSES = 20_000


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo (proc_pid_mountinfo(5)). `options` are the file system's own, still escaped."""

    identity: int
    number: str
    target: str
    kind: str
    source: str
    options: str

    def layers(self) -> tuple[str, ...]:
        """List the folders that an overlay is made of."""
        found: list[str] = []
        for option in self.options.split(","):
            key, _, value = option.partition("=")
            if key.removesuffix("+") in ("lowerdir", "upperdir"):
                parts = re.split(r"(?<!\\):", unescaped(value)) if key.startswith("lower") else [unescaped(value)]
                found += [part.replace("\\:", ":") for part in parts if part.startswith("/")]
        return tuple(found)


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """A device that is mounted in a mount namespace which is not ours: by number, and by the name that it has there."""

    number: str
    source: str
    target: str
    process: str


def own_mounts(root: Path) -> Iterator[Mount]:
    """Read our own mounts and those of the first process: a sandboxed service sees fewer than the machine has."""
    for process in ("self", "1"):
        yield from parsed(_sysfs.blob(root / "proc" / process / "mountinfo"))


def parsed(blob: bytes) -> Iterator[Mount]:
    """Parse the lines of one mountinfo."""
    for line in os.fsdecode(blob).split("\n"):
        before, _, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if len(left) > 5 and len(right) > 2 and left[0].isdecimal():
            yield Mount(int(left[0]), left[2], unescaped(left[4]), right[0], unescaped(right[1]), " ".join(right[2:]))


def elsewhere(root: Path = _sysfs.ROOT, *, everywhere: bool = False) -> tuple[Elsewhere, ...]:
    """Find every mount of a block device in the namespaces of other processes, once for each device and place.

    `everywhere`: those of our own namespace too.
    """
    ours = set() if everywhere else {(m.number, m.target) for m in own_mounts(root)}
    found: dict[tuple[str, str], Elsewhere] = {}
    for process, blob in _namespaces(root):
        for mount in parsed(blob):
            place = (mount.number, mount.target)
            device = not mount.number.startswith("0:") or mount.source.startswith("/")
            if device and place not in ours and place not in found:
                found[place] = Elsewhere(
                    number=mount.number, source=shown(mount.source), target=shown(mount.target), process=process
                )
    return tuple(found.values())


def _namespaces(root: Path) -> Iterator[tuple[str, bytes]]:
    """(a process in it, its mountinfo) of each mount namespace; by its text where its identity is not shown to us."""
    seen: set[object] = set()
    for process in processes(root)[:MOST_PROCESSES]:
        try:
            namespace = os.stat(process / "ns/mnt")
            key: object = (namespace.st_dev, namespace.st_ino)
        except OSError:
            key = None
        if key in seen:
            continue
        blob = _sysfs.blob(process / "mountinfo")
        if blob and blob not in seen:
            yield named(process), blob
        seen |= {blob} if key is None else {key, blob}


def processes(root: Path = _sysfs.ROOT) -> list[Path]:
    """List the folders of all processes that are shown to us, by their number."""
    return sorted((p for p in (root / "proc").glob("[0-9]*") if p.name.isdecimal()), key=lambda p: int(p.name))


def named(process: Path) -> str:
    """Name a process for a person: "name (process 123)"."""
    return f"{_sysfs.text(process / 'comm') or '?'} (process {process.name})"


def swap_names(root: Path) -> tuple[str, ...]:
    """Read the paths of active swap devices and files, without what the kernel adds to a name that is gone."""
    lines = os.fsdecode(_sysfs.blob(root / "proc/swaps")).split("\n")[1:]
    return tuple(living(unescaped(line.split()[0])) for line in lines if line.strip())


def living(name: str) -> str:
    """Strip from the name the kernel's word that it is gone."""
    for word in DELETED:
        name = name.removesuffix(word)
    return name


def unescaped(text: str) -> str:
    """Decode the name behind the kernel's octal."""
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), text)


def shown(text: str) -> str:
    """Show the same in valid Unicode: names may hold any byte."""
    return os.fsencode(text).decode(errors="replace")
