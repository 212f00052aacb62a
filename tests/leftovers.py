"""Takes down the loop devices that a test run left behind when it was killed, where their file system died with it.

Loop devices belong to the whole machine, containers included. One over a dead file system cannot be asked what stands
under it, and a station rightly leaves every drive of its size alone: all later runs would fail.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

from firmware_bridge import passthrough

FOLDERS = "benchwipe-faults-"
"""How the folders of tests/faults/rig.py begin."""
RIG_SECTORS = [(12 << 20) // 512 + 7 + 2 * n for n in range(500)]
"""A rig's sizes: odd, so nobody else's. Another container shows another path, but this size."""
RIG_BYTES = RIG_SECTORS[os.getpid() % len(RIG_SECTORS)] * 512
"""This process's: a drive that dies in another worker's test leaves all of its own size unasked for a while."""


def sweep() -> list[str]:
    """Detach them; returns their paths. For root alone, and before any rig of this run is there."""
    if os.geteuid() != 0:
        return []
    return [device for device in map(detach_dead, sorted(Path("/sys/block").glob("loop*/loop"))) if device]


def detach_dead(loop: Path) -> str:
    """Detach one, named by its folder in sysfs, if it is dead and was a rig's; returns its path if so."""
    device = f"/dev/{loop.parent.name}"
    try:
        of_a_rig = int((loop.parent / "size").read_text()) in RIG_SECTORS
        if (of_a_rig or f"/{FOLDERS}" in (loop / "backing_file").read_text(errors="replace")) and _dead(device):
            subprocess.run(["losetup", "--detach", device], check=True, capture_output=True)
            return device
    except (OSError, subprocess.CalledProcessError):  # somebody else's to see, or gone meanwhile
        pass
    return ""


def _dead(device: str) -> bool:
    fd = os.open(device, os.O_RDONLY)
    try:
        passthrough.loop_status(fd)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    finally:
        os.close(fd)
    return False
