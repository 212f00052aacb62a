"""Who holds a disk open for writing: asked of every process by device number, whatever node it was opened through.

O_EXCL keeps out who asks for it, and a running virtual machine, a database or ddrescue do not ask. A look takes some
milliseconds; a second one, two seconds later, tells a user from udev and smartd, which open a disk for a moment.

Not seen: a descriptor on its way through a socket, one that only io_uring knows, and a file that the kernel itself
holds. The kernel's count of written sectors is for those.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from drivers.drives import _sysfs
from drivers.drives._loops import number_of
from drivers.drives._mounts import processes

APART_S = 2.0
LOOK_S = 5.0
INIT_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
FIRST = "1"
GONE = (errno.ENOENT, errno.ESRCH)
# A shared mapping that may be written: "7f..-7f.. rw-s 00000000 00:06 123   /dev/sdb" (proc_pid_maps(5)).
SHARED = re.compile(
    rb"^([0-9a-f]+-[0-9a-f]+) .w.s [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ [1-9]\d* +/(?!memfd:|SYSV|dev/zero)", re.M
)

_STUCK = threading.BoundedSemaphore(32)  # looks at one time, those that hang among them

Known = Literal["none", "unknown"]


class Writer(msgspec.Struct, frozen=True, kw_only=True):
    """One process that may write to a device. `number` is "c21:3" for a character device of the same disk."""

    pid: int
    program: str
    number: str

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.program} (process {self.pid})"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One look at all processes. `unseen`: why some may be missing; empty where every one was seen."""

    writers: tuple[Writer, ...] = ()
    unseen: str = ""

    @property
    def known(self) -> Known:
        """What may be said of those who were not seen."""
        return "unknown" if self.unseen else "none"


def look(numbers: Iterable[str] | None = None, *, excepted: int = 0) -> Look:
    """Find who has one of these devices open for writing; any device where `numbers` is None.

    `excepted`: a process that is left out, with its children.
    """
    wanted = None if numbers is None else frozenset(numbers)
    walk = _Walk(wanted, excepted)
    if not _STUCK.acquire(blocking=False):
        return Look(unseen="earlier looks at the processes still hang")
    threading.Thread(target=walk.run, name="look-processes", daemon=True).start()
    if not walk.over.wait(LOOK_S):
        return Look(writers=tuple(walk.found), unseen=f"process {walk.at} does not answer in time")
    return Look(writers=tuple(walk.found), unseen=walk.unseen)


class _Walk:
    """One walk through all processes, in a thread of its own: the memory map of one that hangs in the kernel waits."""

    def __init__(self, wanted: frozenset[str] | None, excepted: int) -> None:
        self.wanted, self.excepted = wanted, excepted
        self.found: list[Writer] = []
        self.unseen, self.at = "", FIRST
        self.over = threading.Event()

    def run(self) -> None:
        """Look, and say when it is over."""
        try:
            self.unseen = _blind()
            own = family_of(self.excepted)
            for process in processes():
                if int(process.name) not in own:
                    self._ask(process)
        except Exception as error:  # noqa: BLE001 - the edge of the thread: what broke off has not seen everybody
            self.unseen = f"the look broke off ({type(error).__name__}: {error})"
        finally:
            _STUCK.release()
            self.over.set()

    def _ask(self, process: Path) -> None:
        self.at = process.name
        try:
            for number in dict.fromkeys(_written(process)):
                if self.wanted is None or number in self.wanted:
                    program = _sysfs.text(process / "comm") or "?"
                    self.found.append(Writer(pid=int(process.name), program=program, number=number))
        except OSError as error:
            # Who started the machine holds no drive; one that is hidden from root (a hypervisor's own) hides no other.
            if error.errno not in GONE and not (process.name == FIRST and os.geteuid() == 0):
                self.unseen = self.unseen or f"process {process.name} does not show its files ({error.strerror})"


def confirmed(first: Look, ask: Callable[[], Look], due: float) -> Look:
    """Keep those who are there again at `due`, and did not only have a look. Waits only where somebody was seen."""
    if not first.writers:
        return first
    time.sleep(max(0.0, due - time.monotonic()))
    again = ask()
    return Look(writers=tuple(w for w in first.writers if w in again.writers), unseen=first.unseen or again.unseen)


def nodes_of(number: str, root: Path = _sysfs.ROOT) -> frozenset[str]:
    """Find every device number that reaches the disk.

    That is itself, its partitions, its SCSI generic and NVMe generic nodes.
    """
    folder = _sysfs.folder_of(number, root)
    if folder is None:
        return frozenset((number,))
    disk = folder.parent if (folder / "partition").exists() else folder
    parts = [_sysfs.text(p.parent / "dev") for p in disk.glob("*/partition")]
    generic = [*disk.glob("device/scsi_generic/*/dev"), *disk.glob("device/bsg/*/dev")]
    if found := re.fullmatch(r"nvme(\d+)n(\d+)", disk.name):
        generic += [*disk.glob(f"device/ng{found[1]}n{found[2]}/dev")]
    characters = [f"c{_sysfs.text(file)}" for file in generic]
    return frozenset((_sysfs.text(disk / "dev"), *parts, *characters))


def family_of(pid: int) -> frozenset[int]:
    """Find the process and all that descend from it. Nobody for 0."""
    if not pid:
        return frozenset()
    parents = {int(p.name): _parent(p) for p in processes()}
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return frozenset(found)


def _parent(process: Path) -> int:
    """Field 4 of proc_pid_stat(5); the name before it may hold blanks and brackets."""
    fields = _sysfs.blob(process / "stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _blind() -> str:
    """Why not every process of the machine can be seen from here."""
    try:
        inside = os.stat("/proc/self/ns/pid").st_ino != INIT_PID_NAMESPACE
    except OSError as error:
        return f"/proc shows nothing ({error.strerror})"
    if inside:
        return "this is a container: the machine's other processes are not shown in it"
    return "" if os.path.exists("/proc/1/fd") else "/proc does not show the processes of others"


def _written(process: Path) -> Iterator[str]:
    """Numbers of the devices that a process has open, or mapped, for writing. OSError where it does not say."""
    leader = set(os.listdir(process / "fd"))
    yield from _of_files(process, leader)
    for thread in os.listdir(process / "task"):
        if thread != process.name:  # threads share their files, but need not; the first one may have ended before them
            task = process / "task" / thread
            try:
                yield from _of_files(task, set(os.listdir(task / "fd")) - leader)
            except OSError as error:
                if error.errno not in GONE:
                    raise
    for area in _shared((process / "maps").read_bytes()):
        try:
            yield from _device(os.stat(process / "map_files" / area.decode("ascii")))
        except OSError as error:
            if error.errno not in GONE:
                raise


def _shared(maps: bytes) -> list[bytes]:
    """What is mapped shared and may be written. Most processes have none, and are spared the pattern."""
    return SHARED.findall(maps) if b"w-s " in maps or b"wxs " in maps else []


def _of_files(task: Path, names: Iterable[str]) -> Iterator[str]:
    folder = f"{task}/fd/"  # text: a Path for each of thousands of files was a third of the look
    for name in names:
        try:
            # The link's own mode says how it is open: asked first, since most are sockets and pipes, or only read.
            if os.lstat(folder + name).st_mode & stat.S_IWUSR:
                yield from _device(os.stat(folder + name))
        except OSError as error:
            if error.errno not in GONE:
                raise


def _device(status: os.stat_result) -> Iterator[str]:
    if stat.S_ISBLK(status.st_mode):
        yield number_of(status.st_rdev)
    elif stat.S_ISCHR(status.st_mode):
        yield f"c{number_of(status.st_rdev)}"
