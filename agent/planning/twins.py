"""Drives that cannot be told apart by what they say, and paths of one drive. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from agent.certificates.outcome import Reason
from drivers.drives.drive import Drive

ANOTHER_PATH = "BW-S41"
TWINS = "BW-S42"


def alike(one: Drive, other: Drive) -> bool:
    """Say whether both claim to be the same: a certificate or label of one would be that of the other, too."""
    if one.fingerprint == other.fingerprint:
        return True
    if not (one.identified and other.identified):
        return False  # told apart by port and appearance
    named = one.serial is not None and (one.model, one.serial, one.lun or 0) == (
        other.model,
        other.serial,
        other.lun or 0,
    )
    silent = one.wwn is None or other.wwn is None
    return one.unit == other.unit or (named and silent and one.capacity_bytes == other.capacity_bytes)


def told_apart(drives: Mapping[str, Drive], paths_of: Callable[[str], Sequence[str]]) -> dict[str, Reason]:
    """Map each device to why it is not erased beside the others.

    `drives` are those that were named, in their order.

    Of the paths of one drive the first is used. Of two drives with one identity neither is.
    """
    refused: dict[str, Reason] = {}
    named = list(drives.items())
    for place, (device, drive) in enumerate(named):
        ways = paths_of(drive.number) if drive.number else ()
        for earlier, before in named[:place]:
            if before.number in ways:
                text = f"{device} is the same drive as {earlier}, by another path"
                refused.setdefault(device, Reason(ANOTHER_PATH, text, "It is erased through that one, once."))
                break
            if alike(before, drive):
                for one, two in ((earlier, device), (device, earlier)):
                    refused.setdefault(one, _twin(one, two, drives[one]))
    return refused


def _twin(device: str, other: str, drive: Drive) -> Reason:
    who = " ".join(word for word in (drive.model, drive.serial or drive.wwn) if word)
    text = f"{device} and {other} are two drives that both say that they are {who}"
    return Reason(TWINS, text, "Nobody could tell which of them a certificate is for: connect one of them only.")
