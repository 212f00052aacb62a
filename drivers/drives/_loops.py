"""What stands under each loop device, asked of the device itself: the kernel's numbers, never a path.

`loop/backing_file` in sysfs is the name that the file had in another view of the machine: a container's `/dev`, a live
medium before its root was changed, a node or a file that was removed since.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from drivers.deadline import Deadline
from drivers.drives import _sysfs
from firmware_bridge import passthrough

ANSWER_S = 2.0
SILENT = "it does not answer in time"


class Backing(msgspec.Struct, frozen=True, kw_only=True):
    """What one loop device shows. `block` is the device under it; empty where it is a regular file.

    `device` and `inode` name that file: `device` is the number of its file system.
    """

    device: str
    inode: int
    block: str = ""


class Loops(msgspec.Struct, frozen=True, kw_only=True):
    """Every attached loop device by its number; `unasked`: those that did not answer, each with what to say of it."""

    backing: Mapping[str, Backing] = {}
    unasked: Mapping[str, str] = {}


def number_of(device: int) -> str:
    """Write a device number the kernel's way."""
    return f"{os.major(device)}:{os.minor(device)}"


def ask_loops(root: Path = _sysfs.ROOT) -> Loops:
    """Ask all of them. Opens each for reading, and lets go of it at once; another root than ours has none to ask.

    The kernel asks the file system of the file under a loop, and a FUSE or network server that hangs answers never.
    """
    if root != _sysfs.ROOT:
        return Loops()
    questions = [_question(folder) for folder in sorted((root / "sys/block").glob("loop*")) if attached(folder)]
    within = Deadline(ANSWER_S)
    for question in questions:
        question.over.wait(within.left())
    return Loops(
        backing={q.number: q.found for q in questions if q.found is not None},
        unasked={q.number: f"what stands under {q.device} ({q.problem})" for q in questions if q.problem},
    )


def attached(folder: Path) -> bool:
    """Say whether something stands under this loop device, as sysfs has it."""
    return (folder / "loop").exists() or _sysfs.size_bytes(folder) > 0


def may_stand_on(loop: str, sizes: Iterable[int], root: Path = _sysfs.ROOT) -> bool:
    """Say whether a loop device that was not asked can stand on a device of one of these sizes.

    It shows all behind its offset, unless it was given a limit.
    """
    folder = _sysfs.folder_of(loop, root)
    if folder is None or not attached(folder):
        return False
    offset, limit = (_sysfs.text(folder / "loop" / key) for key in ("offset", "sizelimit"))
    if not (offset.isdecimal() and limit.isdecimal()):
        return True
    end = int(offset) + _sysfs.size_bytes(folder)
    return any(end <= size and (int(limit) or size - end < _sysfs.SECTOR) for size in sizes)


class _Question:
    """One loop device that is being asked, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.device, self.number = folder, f"/dev/{folder.name}", _sysfs.text(folder / "dev")
        self.found: Backing | None = None
        self.problem = SILENT
        self.over = threading.Event()

    def run(self) -> None:
        """Ask, and say when it is over."""
        try:
            self.found, self.problem = _ask(self.folder), ""
        except OSError as error:
            self.problem = (error.strerror or str(error)) if attached(self.folder) else ""
        finally:
            self.over.set()


_open_questions: dict[str, _Question] = {}


def _question(folder: Path) -> _Question:
    """A new one, or the one that hangs since it was asked before: no second thread waits for the same answer."""
    waiting = _open_questions.get(folder.name)
    if waiting is not None and not waiting.over.is_set():
        return waiting
    question = _open_questions[folder.name] = _Question(folder)
    threading.Thread(target=question.run, name=f"ask-{folder.name}", daemon=True).start()
    return question


def _ask(folder: Path) -> Backing | None:
    """The answer of one loop device; None where nothing is attached to it."""
    number = _sysfs.text(folder / "dev")
    try:
        with open(f"/dev/{folder.name}", "rb", buffering=0) as device:
            status = os.fstat(device.fileno())
            if not stat.S_ISBLK(status.st_mode) or number_of(status.st_rdev) != number:
                raise OSError(errno.ENODEV, f"that name is another device than {number}")
            found = passthrough.loop_status(device.fileno())
    except OSError as error:
        if error.errno == errno.ENXIO:
            return None
        raise
    block = number_of(found.backing_rdevice) if found.backing_rdevice else ""
    return Backing(device=number_of(found.device), inode=found.inode, block=block)
