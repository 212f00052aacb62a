"""The techniques of drives' own firmware: what each asks of the drive, what it is worth, what it reaches. Pure.

`TECHNIQUES` is the table; its order is the order of preference among techniques of one level. Levels are those of
NIST SP 800-88 Rev. 1 (appendix A) and of IEEE 2883 as secondary sources tell them; the lower one is certified.
docs/erasing.md shows the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from agent.certificates.record import Level
from drivers.drives.drive import Capabilities, CommandSet, Drive, Media, speaks

Reach = Literal["drive", "namespace"]

RANK: Mapping[Level, int] = MappingProxyType({"none": 0, "clear": 1, "purge": 2})
NAMES: Mapping[CommandSet, str] = MappingProxyType({"ata": "ATA", "scsi": "SCSI", "nvme": "NVMe"})


@dataclass(frozen=True)
class Levels:
    """What the two standards say of a technique on one kind of medium."""

    r1: Level
    ieee: Level

    @property
    def certified(self) -> Level:
        """The lower one."""
        return min(self.r1, self.ieee, key=RANK.__getitem__)


CLEAR = Levels("clear", "clear")
PURGE = Levels("purge", "purge")
OVERWRITING = CLEAR  # by the host, on every medium
DISPUTED = Levels("clear", "purge")  # on flash; Rev. 1 does not list sanitize overwrite there
FORMATTING = Levels("purge", "clear")


def _everywhere(levels: Levels, *, hdd: Levels | None = None) -> Mapping[Media, Levels]:
    """Sticks and cards ("flash"): generally nothing purges them (Rev. 1, table A-8), whatever they say they can."""
    rows: dict[Media, Levels] = dict.fromkeys(("hdd", "ssd", "nvme", "unknown"), levels)
    rows["flash"] = Levels("clear", levels.ieee)
    rows["hdd"] = hdd or levels
    return MappingProxyType(rows)


BLOCK_OR_CRYPTO = _everywhere(PURGE)
OVERWRITE_INSIDE = _everywhere(DISPUTED, hdd=PURGE)
ENHANCED = _everywhere(DISPUTED, hdd=PURGE)


@dataclass(frozen=True)
class Technique:
    """One row. `lacking` is empty where the drive says that it can, else what it has not.

    `reach`: "drive" is all of it, every namespace too; "namespace" the one that is asked (or all, where the drive says
    so). `beyond`: it covers what nobody can address, retired cells and sectors. `security`: it needs the ATA security
    feature set unfrozen and unlocked.
    """

    name: str
    speaks: CommandSet
    lacking: Callable[[Capabilities], str]
    levels: Mapping[Media, Levels]
    merit: str
    reach: Reach = "drive"
    beyond: bool = True
    security: bool = False
    minutes: Callable[[Capabilities], int | None] = lambda can: None


def _sanitize(kind: Literal["block", "crypto", "overwrite"]) -> Callable[[Capabilities], str]:
    return lambda can: "" if kind in can.sanitize else f"it has no sanitize {_WORDS[kind]}"


def _security(can: Capabilities) -> str:
    return "" if can.security_supported else "it has no security feature set"


def _enhanced(can: Capabilities) -> str:
    return _security(can) or ("" if can.enhanced_erase else "it has no enhanced security erase")


def _format(can: Capabilities) -> str:
    return "" if can.format else "it has no Format command"


def _format_crypto(can: Capabilities) -> str:
    return _format(can) or ("" if can.format_crypto else "its Format has no cryptographic erase")


_WORDS = {"block": "block erase", "crypto": "crypto scramble", "overwrite": "overwrite"}
_BLOCK = "the firmware erases every cell, also those that nobody can address"
_OVERWRITE = "the firmware writes over every sector, also over those that nobody can address"
_CRYPTO = "the firmware changes its encryption key; it rests on the maker's encryption alone"
_FORMAT = "it reaches one namespace, and nothing that belongs to none"

_ROWS = (
    Technique("ata-sanitize-overwrite", "ata", _sanitize("overwrite"), OVERWRITE_INSIDE, _OVERWRITE),
    Technique("scsi-sanitize-overwrite", "scsi", _sanitize("overwrite"), OVERWRITE_INSIDE, _OVERWRITE),
    Technique("ata-sanitize-block", "ata", _sanitize("block"), BLOCK_OR_CRYPTO, _BLOCK),
    Technique("scsi-sanitize-block", "scsi", _sanitize("block"), BLOCK_OR_CRYPTO, _BLOCK),
    Technique("nvme-sanitize-block", "nvme", _sanitize("block"), BLOCK_OR_CRYPTO, _BLOCK),
    Technique(
        "ata-secure-erase-enhanced",
        "ata",
        _enhanced,
        ENHANCED,
        "the firmware writes over every sector, also over those that it has taken out of use",
        security=True,
        minutes=lambda can: can.enhanced_erase_minutes,
    ),
    Technique("ata-sanitize-crypto", "ata", _sanitize("crypto"), BLOCK_OR_CRYPTO, _CRYPTO),
    Technique("scsi-sanitize-crypto", "scsi", _sanitize("crypto"), BLOCK_OR_CRYPTO, _CRYPTO),
    Technique("nvme-sanitize-crypto", "nvme", _sanitize("crypto"), BLOCK_OR_CRYPTO, _CRYPTO),
    Technique("nvme-sanitize-overwrite", "nvme", _sanitize("overwrite"), OVERWRITE_INSIDE, _OVERWRITE),
    Technique(
        "nvme-format-crypto",
        "nvme",
        _format_crypto,
        _everywhere(FORMATTING),
        f"{_CRYPTO}; {_FORMAT}",
        reach="namespace",
        beyond=False,
    ),
    Technique(
        "nvme-format-user-data",
        "nvme",
        _format,
        _everywhere(FORMATTING),
        _FORMAT,
        reach="namespace",
        beyond=False,
    ),
    Technique(
        "ata-secure-erase",
        "ata",
        _security,
        _everywhere(CLEAR),
        "the firmware writes over every sector that can be addressed",
        beyond=False,
        security=True,
        minutes=lambda can: can.secure_erase_minutes,
    ),
)

TECHNIQUES: Mapping[str, Technique] = MappingProxyType({row.name: row for row in _ROWS})


@dataclass(frozen=True)
class Obstacle:
    """Why a drive cannot have a technique now. `cure`: what a person can do; `power_cycle`: that would do."""

    text: str
    cure: str = ""
    power_cycle: bool = False


def levels_of(technique: Technique, drive: Drive) -> Levels:
    """What the technique is worth on this drive."""
    return technique.levels[drive.media]


def everything_at_once(technique: str, drive: Drive) -> bool:
    """Whether it destroys every namespace of the drive, not only the one that was named."""
    can, row = drive.capabilities, TECHNIQUES.get(technique)
    if row is None or row.speaks != "nvme" or can is None:
        return False
    return row.reach == "drive" or bool(can.format_all_namespaces)


def obstacle(technique: Technique, drive: Drive) -> Obstacle | None:
    """What stands in the way; None where the drive says that it can."""
    can = drive.capabilities
    if can is None or drive.silent:
        return _unheard(drive)
    if speaks(drive) != technique.speaks:
        return Obstacle(f"it is no {NAMES[technique.speaks]} drive")
    if missing := technique.lacking(can):
        return Obstacle(missing)
    if can.security_locked:
        return LOCKED
    if technique.security and (can.security_frozen or can.security_count_expired):
        return FROZEN if can.security_frozen else EXPIRED
    if technique.reach == "namespace" and can.unallocated_bytes:
        return Obstacle(f"{can.unallocated_bytes} bytes belong to no namespace, and Format never reaches them")
    return None


def _unheard(drive: Drive) -> Obstacle:
    if drive.silent:
        return Obstacle("its firmware was asked, and did not answer in time", "Wait a little, and try again.")
    if drive.transport == "usb":
        return Obstacle("its USB bridge passes none of its commands on", "Connect it without the bridge.")
    return Obstacle("its firmware was not asked, or did not say", "Look whether this user may ask it: run as root.")


LOCKED = Obstacle(
    "it is locked with a password that this station does not know",
    "Unlock it with its password in the machine that it comes from, or destroy it.",
)
FROZEN = Obstacle(
    "its security is frozen until its power was off",
    "Pull the drive's power plug, put it in again, and plan again.",
    power_cycle=True,
)
EXPIRED = Obstacle(
    "too many passwords were tried since its power came on",
    "Pull the drive's power plug, put it in again, and plan again.",
    power_cycle=True,
)
