"""What a technique leaves on a drive, and what it takes along: sentences for plan and certificate. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from agent.erase.techniques import TECHNIQUES, Technique, everything_at_once
from drivers.drives.drive import Capabilities, Drive, HiddenFeature, speaks

FLASH = ("ssd", "nvme", "flash")
CELLS = "flash cells outside the addressable range (over-provisioning, retired blocks)"
HIDDEN = "bytes of hidden area"
UNHEARD = "whatever the drive may hide: its firmware was asked, and did not answer in time"
UNASKED = "whatever the drive may hide: none of its firmware's answers got here"
ASKED = frozenset({"ata", "usb", "sas", "scsi", "iscsi", "nvme"})
"""Transports behind which a drive's own firmware is. Others end in this machine: nothing hides there."""
SECTORS = "sectors that the drive has taken out of use"


def not_reached(drive: Drive, technique: str, *, revealed: bool) -> tuple[str, ...]:
    """Say what the technique does not reach on this drive. `revealed`: its hidden area is removed before."""
    return tuple(_missing(drive, TECHNIQUES.get(technique), revealed=revealed))


def also_destroyed(drive: Drive, technique: str) -> tuple[str, ...]:
    """Say what is destroyed beside the device that was named."""
    others = ((drive.capabilities and drive.capabilities.namespaces) or 1) - 1
    if others < 1 or not everything_at_once(technique, drive):
        return ()
    return (f"every other namespace of this drive ({others})",)


def hidden_bytes(drive: Drive) -> int:
    """Count the bytes that the drive has and does not show."""
    native = drive.native_capacity_bytes or drive.capacity_bytes
    return max(native - drive.capacity_bytes, drive.hidden_area.bytes if drive.hidden_area else 0)


def unread(drive: Drive) -> tuple[HiddenFeature, ...]:
    """Find features in use that must tell the native size, and did not: HPA (ACS-2, 7.32), AMAC (ACS-4, 7.2).

    Not DCO: drives abort its IDENTIFY for good reasons, above all after DEVICE CONFIGURATION FREEZE LOCK (ACS-2,
    7.9).
    """
    asked = drive.capabilities.hidden_area_unread if drive.capabilities else ()
    return tuple(feature for feature in asked if feature != "dco")


def reaches_hidden(drive: Drive, technique: str) -> bool:
    """Say whether the technique erases what the drive does not show: NVMe Sanitize, where no namespace holds it."""
    row = TECHNIQUES.get(technique)
    return row is not None and row.speaks == "nvme" and row.reach == "drive"


def can_be_revealed(drive: Drive) -> bool:
    """Say whether commands are known that make the drive show what it hides: HPA, AMAC, DCO."""
    return speaks(drive) == "ata" and drive.hidden_area is not None and drive.hidden_area.kind != "unknown"


def _missing(drive: Drive, row: Technique | None, *, revealed: bool) -> Iterator[str]:
    if row is None or not row.beyond:
        if drive.media in FLASH:
            yield CELLS
        elif row is not None:
            yield SECTORS
    if hidden_bytes(drive) and not revealed and not (row and reaches_hidden(drive, row.name)):
        yield f"{hidden_bytes(drive)} {HIDDEN}"
    if drive.silent:
        yield UNHEARD
    elif drive.capabilities is None and drive.transport in ASKED and not drive.removable:
        yield UNASKED
    if drive.capabilities:
        yield from _beside(drive, drive.capabilities, row)
    if drive.transport == "mmc":
        yield "boot partitions and the replay protected memory block (RPMB), where it is an eMMC"


def _beside(drive: Drive, can: Capabilities, row: Technique | None) -> Iterator[str]:
    for feature in () if drive.silent else can.hidden_area_unread:
        yield f"whatever {feature.upper()} may hide: the drive did not say"
    if (can.namespaces or 1) > 1 and not (row and everything_at_once(row.name, drive)):
        yield f"the drive's other namespaces (it has {can.namespaces})"
    if speaks(drive) == "nvme":
        yield "boot partitions, where the drive has any"
    if can.replay_protected_units:
        yield "the replay protected memory block (RPMB)"
