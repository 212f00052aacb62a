"""Before a drive is blamed: is it still there, and does it still answer as itself?

A pulled drive fails every request with EIO, while the kernel still knows it for a moment: its entry in sysfs goes only
when the bus has let go of the device. A whole sweep of failing requests fits into that moment. So an identity that the
kernel remembers proves nothing here. A request that the drive carries out does, or an answer of its firmware.
"""

from __future__ import annotations

import time

from agent.certificates.outcome import DRIVE_EXCHANGED, PULLED_OUT
from agent.erase.buffers import aligned
from agent.erase.monitor import GONE, Halt, Monitor
from agent.erase.transfer import read_all
from drivers.drives.base import DriveError, DriveGone, OpenDrive
from drivers.drives.drive import Drive

SETTLE_S = 10.0  # a USB device is let go of within a second; a SATA link is tried again for some
AGAIN_S = 0.1
PLACES = 16


def gone(monitor: Monitor) -> bool:
    """Say whether the job was halted because its drive is not there any more."""
    return monitor.halt is not None and monitor.halt.reason in (PULLED_OUT, DRIVE_EXCHANGED)


def look_for(monitor: Monitor) -> None:
    """Halt the job where its drive is gone, or is another by now. For a worker's thread.

    Returns at once where the drive gives a sign of life. One that gives none is looked for until the kernel has let go
    of it; after SETTLE_S it is dead, and there.
    """
    until = time.monotonic() + SETTLE_S
    while True:
        monitor.check_identity()
        if gone(monitor) or _lives(monitor, until) or time.monotonic() > until:
            return
        monitor.moved(0)
        time.sleep(AGAIN_S)


def who_answers(drive: OpenDrive) -> Drive:
    """Ask who answers: as `identify_again`, and as it raises.

    A drive that is mute is asked for SETTLE_S: it may be gone.
    """
    until: float | None = None
    while True:
        try:
            return drive.identify_again()
        except DriveGone:
            raise
        except (DriveError, OSError):
            until = until or time.monotonic() + SETTLE_S
            if time.monotonic() > until:
                raise
        time.sleep(AGAIN_S)


def _lives(monitor: Monitor, until: float) -> bool:
    drive = monitor.drive
    unit, blocks = drive.drive.logical_block_bytes, drive.drive.capacity_bytes // drive.drive.logical_block_bytes
    buffer = aligned(unit)
    for number in range(PLACES):
        try:
            read_all(drive, buffer, (blocks - 1) * number // (PLACES - 1) * unit)
        except OSError as error:
            if error.errno in GONE:
                monitor.stop_for(Halt("aborted", PULLED_OUT))
            if gone(monitor) or time.monotonic() > until:
                return False
        else:
            return True
    try:
        now = drive.look_again()
    except (DriveError, OSError):
        return False
    return now.capabilities is not None and not now.silent
