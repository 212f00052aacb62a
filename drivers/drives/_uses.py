"""Who uses a disk: what is mounted from it, swaps to it, rests on it, or has it open for writing.

Opens nothing of the disk itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from drivers.drives import _sysfs, _writers
from drivers.drives._loops import may_stand_on
from drivers.drives._mounts import shown
from drivers.drives._paths import paths_of
from drivers.drives._stack import Stack
from drivers.drives._witness import Testimony, who_uses
from drivers.drives._writers import Look, Writer
from drivers.drives.base import DriveHeld, DriveUnasked
from drivers.drives.drive import Drive, Others
from drivers.drives.facts import Use

# Where the running system lives, beside its state folder and its own program.
SYSTEM = ("/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/etc", "/home")


def uses_of(
    number: str, *, protect: Iterable[Path] = (), root: Path = _sysfs.ROOT, seen: Testimony | None = None
) -> tuple[Use, ...]:
    """Find every use of the disk, of its partitions, and of all that rests on them or that they rest on."""
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
    """Find who else uses a disk that we hold: what rests on it by now, and who may write to it.

    May raise DriveUnasked.
    """
    seen = who_uses(number)
    if unasked := unasked_of(number, seen, _sysfs.ROOT):
        raise DriveUnasked(device=device, problem="; ".join(unasked))
    look = Looks().at(number, seen.look)
    uses = (*uses_of(number, seen=seen), *writing(look.writers))
    counted = _sysfs.written_bytes(number) is not None
    return Others(users=tuple(use.sentence for use in uses), unseen=look.unseen, counted=counted)


def refuse_users(drive: Drive) -> None:
    """Refuse users by DriveHeld or DriveUnasked, once more while it is held.

    Loops and programs need no exclusive right to it.
    """
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
        """Find who writes to it, after a second look where the first one saw somebody."""
        first, due = self._first.get(number), self._due
        if first is None:
            first, due = now, time.monotonic() + _writers.APART_S
        return _writers.confirmed(first, lambda: who_uses(number).look, due)


def uses_beside(number: str, protect: Iterable[Path], root: Path, seen: Testimony) -> tuple[Use, ...]:
    """Return the uses of the drive's other namespaces."""
    others = [_sysfs.text(folder / "dev") for folder in _sysfs.siblings(number, root)]
    return tuple(use for other in others for use in uses_of(other, protect=protect, root=root, seen=seen))


def unasked_of(number: str, seen: Testimony, root: Path) -> tuple[str, ...]:
    """Say of loop devices that did not answer, and could stand on this disk by their size, why that is not known."""
    folder = _sysfs.folder_of(whole_disk(number, root), root)
    folders = [folder, *(part.parent for part in folder.glob("*/partition"))] if folder else []
    sizes = {_sysfs.size_bytes(f) for f in folders}
    return tuple(why for loop, why in seen.unasked.items() if loop == number or may_stand_on(loop, sizes, root))


def whole_disk(number: str, root: Path) -> str:
    """Return the number of the disk that a partition is part of; a disk's own."""
    folder = _sysfs.folder_of(number, root)
    if folder is None or not (folder / "partition").exists():
        return number
    return _sysfs.text(folder.parent / "dev")


def writing(writers: Iterable[Writer]) -> Iterator[Use]:
    """Turn each program that has a disk open for writing into a use of it."""
    for writer in writers:
        folder = _sysfs.folder_of(writer.number)
        device = f"/dev/{_sysfs.device_name(folder)}" if folder else f"device {writer.number}"
        yield Use(kind="writer", device=device, target=writer.words)


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
