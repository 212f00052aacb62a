"""The techniques of drives' own firmware: what each asks of the drive, how it is carried out, what it is worth. Pure.

`TECHNIQUES` is the one table; its order is the order of preference among techniques of one level. Levels are those of
NIST SP 800-88 Rev. 1 (appendix A) and of IEEE 2883 as secondary sources tell them; the lower one is certified.
docs/erasing.md shows the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from agent.certificates.record import Level
from drivers.drives.drive import Capabilities, CommandSet, Drive, Media, speaks

Reach = Literal["drive", "namespace"]
Machine = Literal["sanitize", "security", "format"]
"""Which dialogue with the firmware carries it out (agent/erase/firmware)."""
Kind = Literal["block", "crypto", "overwrite", "normal", "enhanced", "user-data"]
Leaves = Literal["pattern", "constant", "either", "anything"]
"""What may be read afterwards: what we named; the same everywhere; whatever a lost key makes of it; one of these two.

Self-encrypting drives may change their key for an enhanced erase and for Format (Base 2.0, figure 172) too.
"""
HOUR = 3600.0

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
    """One row. `patience_s`: how long it may take where neither the drive nor the policy says.

    `reach`: "drive" is all of it, every namespace too; "namespace" the one that is asked (or all, where the drive says
    so). `beyond`: it covers what nobody can address, retired cells and sectors.
    """

    name: str
    speaks: CommandSet
    machine: Machine
    kind: Kind
    leaves: Leaves
    patience_s: float
    levels: Mapping[Media, Levels]
    merit: str
    reach: Reach = "drive"
    beyond: bool = True

    @property
    def security(self) -> bool:
        """Whether it needs the ATA security feature set unfrozen and unlocked."""
        return self.machine == "security"

    def lacking(self, can: Capabilities) -> str:
        """Say what the drive has not that this needs; empty where the drive says that it can."""
        if self.machine == "sanitize":
            return "" if self.kind in can.sanitize else f"it has no sanitize {_WORDS[self.kind]}"
        if self.machine == "format":
            if not can.format:
                return "it has no Format command"
            return "" if self.kind != "crypto" or can.format_crypto else "its Format has no cryptographic erase"
        if not can.security_supported:
            return "it has no security feature set"
        return "" if self.kind != "enhanced" or can.enhanced_erase else "it has no enhanced security erase"

    def minutes(self, can: Capabilities) -> int | None:
        """Return how long the drive says that it takes, where it says so before it begins."""
        if not self.security:
            return None
        return can.enhanced_erase_minutes if self.kind == "enhanced" else can.secure_erase_minutes


_WORDS = {"block": "block erase", "crypto": "crypto scramble", "overwrite": "overwrite"}
_BLOCK = "the firmware erases every cell, also those that nobody can address"
_OVERWRITE = "the firmware writes over every sector, also over those that nobody can address"
_CRYPTO = "the firmware changes its encryption key; it rests on the maker's encryption alone"
_FORMAT = "it reaches one namespace, and nothing that belongs to none"


def _sanitize(speaks: CommandSet, kind: Literal["block", "crypto", "overwrite"]) -> Technique:
    leaves, patience_s, levels, merit = _SANITIZE[kind]
    return Technique(f"{speaks}-sanitize-{kind}", speaks, "sanitize", kind, leaves, patience_s, levels, merit)


_SANITIZE: Mapping[str, tuple[Leaves, float, Mapping[Media, Levels], str]] = {
    "block": ("constant", 12 * HOUR, BLOCK_OR_CRYPTO, _BLOCK),
    "crypto": ("anything", HOUR, BLOCK_OR_CRYPTO, _CRYPTO),
    "overwrite": ("pattern", 96 * HOUR, OVERWRITE_INSIDE, _OVERWRITE),  # 22 TB at 100 MB/s take 61 hours
}
_ROWS = (
    _sanitize("ata", "overwrite"),
    _sanitize("scsi", "overwrite"),
    _sanitize("ata", "block"),
    _sanitize("scsi", "block"),
    _sanitize("nvme", "block"),
    Technique(
        "ata-secure-erase-enhanced",
        "ata",
        machine="security",
        kind="enhanced",
        leaves="either",
        patience_s=24 * HOUR,
        levels=ENHANCED,
        merit="the firmware writes over every sector, also over those that it has taken out of use",
    ),
    _sanitize("ata", "crypto"),
    _sanitize("scsi", "crypto"),
    _sanitize("nvme", "crypto"),
    _sanitize("nvme", "overwrite"),
    Technique(
        "nvme-format-crypto",
        "nvme",
        machine="format",
        kind="crypto",
        leaves="anything",
        patience_s=HOUR,
        levels=_everywhere(FORMATTING),
        merit=f"{_CRYPTO}; {_FORMAT}",
        reach="namespace",
        beyond=False,
    ),
    Technique(
        "nvme-format-user-data",
        "nvme",
        machine="format",
        kind="user-data",
        leaves="either",
        patience_s=4 * HOUR,
        levels=_everywhere(FORMATTING),
        merit=_FORMAT,
        reach="namespace",
        beyond=False,
    ),
    Technique(
        "ata-secure-erase",
        "ata",
        machine="security",
        kind="normal",
        leaves="constant",
        patience_s=24 * HOUR,
        levels=_everywhere(CLEAR),
        merit="the firmware writes over every sector that can be addressed",
        beyond=False,
    ),
)

TECHNIQUES: Mapping[str, Technique] = MappingProxyType({row.name: row for row in _ROWS})
FIRMWARE_TECHNIQUES = tuple(sorted(TECHNIQUES))


@dataclass(frozen=True)
class Obstacle:
    """Why a drive cannot have a technique now. `cure`: what a person can do; `power_cycle`: that would do."""

    text: str
    cure: str = ""
    power_cycle: bool = False


def levels_of(technique: Technique, drive: Drive) -> Levels:
    """Say what the technique is worth on this drive."""
    return technique.levels[drive.media]


def supported(drive: Drive) -> tuple[str, ...]:
    """Name the techniques that the drive says it has, in whatever state it is."""
    can, language = drive.capabilities, speaks(drive)
    if can is None:
        return ()
    rows = (TECHNIQUES[name] for name in FIRMWARE_TECHNIQUES)
    return tuple(row.name for row in rows if row.speaks == language and not row.lacking(can))


def everything_at_once(technique: str, drive: Drive) -> bool:
    """Say whether it destroys every namespace of the drive, not only the one that was named."""
    can, row = drive.capabilities, TECHNIQUES.get(technique)
    if row is None or row.speaks != "nvme" or can is None:
        return False
    return row.reach == "drive" or bool(can.format_all_namespaces)


def obstacle(technique: Technique, drive: Drive) -> Obstacle | None:
    """Say what stands in the way; None where the drive says that it can."""
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
