"""UF2 files for the RP2040 (github.com/microsoft/uf2): checked before the controller is asked to give up its bays."""

from __future__ import annotations

import os
import shutil
import struct
import time
from pathlib import Path

from drivers.deadline import Deadline
from drivers.errors import DriverError

BLOCK = 512
MAGICS = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
HAS_FAMILY = 0x2000
RP2040_FAMILY = 0xE48BFF56
LONGEST = 32 << 20  # twice the largest flash of such a board, as UF2
PROOF = "INFO_UF2.TXT"  # stands on the boot loader's drive
BOARD = "RPI-RP2"


class NoFirmware(DriverError):
    """A file that no RP2040 would take, or takes wrongly."""

    code = "BW-D35"
    message = "{device} is no firmware for the controller: {problem}"


class NoBootDrive(DriverError):
    """The controller is in its boot loader, and its drive did not appear where it was expected."""

    code = "BW-D36"
    message = "{device}: no drive of the boot loader appeared there within {seconds} s"
    hint = "The controller waits in its boot loader: mount the drive RPI-RP2 and copy the file to it."


def check(path: Path) -> int:
    """Count the file's blocks.

    Raise NoFirmware unless every one of them is whole, in its place, and meant for an RP2040.
    """
    data = path.read_bytes() if path.stat().st_size <= LONGEST else b""
    if not data or len(data) % BLOCK:
        raise NoFirmware(device=path, problem="its length is not that of a UF2 file")
    total = len(data) // BLOCK
    for number in range(total):
        block = data[number * BLOCK : (number + 1) * BLOCK]
        first, second, flags, _, size, this, count, family = struct.unpack("<8I", block[:32])
        if (first, second, struct.unpack("<I", block[-4:])[0]) != MAGICS:
            raise NoFirmware(device=path, problem=f"block {number} is no UF2 block")
        if not flags & HAS_FAMILY or family != RP2040_FAMILY:
            raise NoFirmware(device=path, problem="it is for another chip")
        if (this, count) != (number, total) or size > 476:
            raise NoFirmware(device=path, problem=f"block {number} is out of place; the file is not whole")
    return total


def copy(path: Path, drive: Path, *, within: Deadline) -> None:
    """Copy onto the boot loader's drive, once it is there.

    Raise NoBootDrive where it is not; OSError where it cannot be written.
    """
    while not _is_boot_drive(drive):
        if within.passed:
            raise NoBootDrive(device=drive, seconds=within.seconds)
        time.sleep(min(0.2, within.left()))
    with path.open("rb") as source, (drive / path.name).open("wb") as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())


def _is_boot_drive(drive: Path) -> bool:
    try:
        return BOARD in (drive / PROOF).read_text("ascii", errors="replace")
    except OSError:
        return False
