"""In the guest: wait for a device that comes or goes, in a fork of the agent.

    waiting SECONDS there|gone PATTERN [KNOWN...]

One that is there is one that udev is done with. A shell that asks again and again would, emulated, keep the processor
from the very work that it waits for: `udevadm settle` alone costs as much of it as the kernel's and udev's whole
greeting of a drive.
"""

from __future__ import annotations

import glob
import os
import stat
import sys
import time
from collections.abc import Collection
from pathlib import Path

LOOK_S = 0.02
BUSY = Path("/run/udev/queue")
"""It is there while udev has events that it has not finished (systemd, src/udev/udevd.c)."""
DATABASE = Path("/run/udev/data")


def found(pattern: str, known: Collection[str]) -> list[str]:
    """The devices that it means, those aside that were there before; none that udev has still to look at."""
    paths = sorted({os.path.realpath(path) for path in glob.glob(pattern)} - set(known))
    ready = [path for path in paths if _looked_at(path)]
    return [] if BUSY.exists() else ready


def _looked_at(path: str) -> bool:
    """Whether udev has written down what it found of a disk, which it does at the end. Links are its own work."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return False
    number = f"b{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return not stat.S_ISBLK(status.st_mode) or (DATABASE / number).exists()


def main() -> int:
    """What is there, a line each; 1 if it took too long."""
    seconds, wanted, pattern, *known = sys.argv[1:]
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        if wanted == "gone" and not glob.glob(pattern):
            return 0
        if wanted == "there" and (paths := found(pattern, known)):
            print("\n".join(paths))
            return 0
        time.sleep(LOOK_S)
    return 1


if __name__ == "__main__":
    sys.exit(main())
