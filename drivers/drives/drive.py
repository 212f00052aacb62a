"""What is known of a drive: who it is, what its firmware says that it can do, what it hides. Pure: values alone."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from drivers.drives._identities import names_a_drive, wwn_names_a_drive

CommandSet = Literal["ata", "scsi", "nvme"]
Media = Literal["hdd", "ssd", "nvme", "flash", "unknown"]
IdentitySource = Literal["drive", "bridge"]
HiddenFeature = Literal["hpa", "amac", "dco"]
HiddenKind = Literal[HiddenFeature, "unknown"]

LARGEST = 10**15
"""Bytes: four times the largest drive that anybody sells (245 TB, 2026). What claims more is a bridge that errs."""


class HiddenArea(msgspec.Struct, frozen=True, kw_only=True):
    """Capacity that the drive has and does not show: HPA, AMAC or DCO.

    "unknown": a bridge shows less than the drive has, or NVMe capacity that belongs to no namespace.
    """

    kind: HiddenKind
    bytes: int
    outcome: Literal["reported", "removed", "not-removed"] = "reported"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a drive's firmware says that it can do, and in which state it is; None is "it did not say".

    `security_...`, `secure_erase...` and `enhanced_...` are ATA's; `format...`, `namespaces`, `unallocated_bytes` and
    `replay_protected_units` NVMe's. `trusted_commands`: it takes the commands of self-encrypting drives.
    """

    sanitize: tuple[Literal["block", "crypto", "overwrite"], ...] = ()
    hidden_area_features: tuple[HiddenFeature, ...] = ()
    hidden_area_unread: tuple[HiddenFeature, ...] = ()
    """Of these features in use the drive, or its bridge, did not say whether they hide something."""
    trusted_commands: bool | None = None
    security_supported: bool | None = None
    security_enabled: bool | None = None
    security_locked: bool | None = None
    security_frozen: bool | None = None
    security_count_expired: bool | None = None
    secure_erase_minutes: int | None = None
    enhanced_erase: bool | None = None
    enhanced_erase_minutes: int | None = None
    format: bool | None = None
    format_crypto: bool | None = None
    format_all_namespaces: bool | None = None
    namespaces: int | None = None
    unallocated_bytes: int | None = None
    replay_protected_units: int | None = None


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """Who a drive is, as it said itself. Sizes in bytes; None is "it did not say"."""

    device: str
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    wwn: str | None = None
    firmware: str | None = None
    transport: str = "unknown"
    media: Media = "unknown"
    removable: bool = False
    capacity_bytes: int
    native_capacity_bytes: int | None = None
    logical_block_bytes: int = 512
    physical_block_bytes: int = 512
    identity_source: IdentitySource = "drive"
    bridge: str | None = None
    hidden_area: HiddenArea | None = None
    capabilities: Capabilities | None = None
    """None: its firmware was not asked, or did not answer."""
    silent: bool = False
    """Its firmware was asked, and gave no answer in time to a question: what it can do or hides is not wholly known.

    A bridge that answers that it passes no commands on is not silent, nor is a drive that may not be asked.
    """
    number: str = ""
    """major:minor of the device node, where the kernel has one."""
    disk_sequence: int | None = None
    """The kernel's number for this very appearance of the drive: a re-plugged one gets another (Linux 5.15)."""
    appearance: str = ""
    """What no other stay of any drive here has; all that tells a drive without an identity from its like."""
    told: str = ""
    """What it told in place of a serial number, and what many others tell too."""
    lun: int | None = None
    """Which unit of its device: SCSI's LUN, NVMe's namespace id less one. None: nobody counted it."""

    @property
    def own_serial(self) -> str | None:
        """Its serial number, where that is one drive's own and no default of a bridge or a maker."""
        return self.serial if names_a_drive(self.serial) else None

    @property
    def own_wwn(self) -> str | None:
        """Its world wide name, likewise."""
        return self.wwn if wwn_names_a_drive(self.wwn) else None

    @property
    def identified(self) -> bool:
        """Whether anything that it tells is its own: by that it is known again wherever it is plugged in."""
        return bool(self.own_serial or self.own_wwn)

    @property
    def identity_note(self) -> str:
        """What is amiss with its identity, in words; empty where nothing is."""
        told = self.told or ("" if self.own_serial else self.serial or "")
        many = f"{told} stands in place of its serial number, and many others tell that too" if told else ""
        if self.identified:
            return many
        return "; ".join(filter(None, ("the drive told no identity of its own", many)))

    @property
    def unit(self) -> tuple[str | int | None, ...]:
        """Who it is whatever capacity it shows. Meaningful where `identified`."""
        lun = (self.lun,) if self.lun else ()
        return self.model, self.serial, self.wwn, self.logical_block_bytes, *lun

    @property
    def likeness(self) -> str:
        """Hex digest of what the drive says of itself; other units of its device may say the same."""
        facts = (self.model, self.serial, self.wwn, self.capacity_bytes, self.logical_block_bytes)
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Hex digest that stays the same wherever the drive is plugged in, and differs for any other drive.

        A drive that tells no identity has another one each time that it is plugged in: it is never known again.
        """
        if not self.identified:
            stay = self.appearance or f"{self.number} {self.disk_sequence} {self.device}"
            facts: tuple[object, ...] = (self.likeness, stay, self.lun or 0)
        elif self.lun:
            facts = (self.likeness, self.lun)
        else:
            return self.likeness
        return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()

    @property
    def prints(self) -> tuple[str, str]:
        """The fingerprint, and the one under which a record of before units were counted may have it."""
        return self.fingerprint, self.likeness if self.identified else self.fingerprint

    def is_meant_by(self, earlier: Drive) -> bool:
        """Say whether it is the drive of that record.

        A record of before units were counted does not name its unit.
        """
        same = self.fingerprint == earlier.fingerprint
        return same or (self.identified and earlier.lun is None and earlier.likeness == self.likeness)


class Writes(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that were written to the whole disk: by us, and by everybody, as the kernel counts them."""

    ours: int
    seen: int

    @property
    def foreign(self) -> int:
        """Bytes that somebody else wrote, at least."""
        return max(0, self.seen - self.ours)


class Others(msgspec.Struct, frozen=True, kw_only=True):
    """Who else uses a drive that we hold. `users`: in words, those who may write to it or stand on it.

    `unseen`: why somebody may be missing. `counted`: whether the kernel counts what is written to the drive.
    """

    users: tuple[str, ...] = ()
    unseen: str = ""
    counted: bool = True


def speaks(drive: Drive) -> CommandSet | None:
    """Tell the command set of a drive whose firmware answered when it was identified. None where it was silent."""
    can = drive.capabilities
    if can is None:
        return None
    if can.format is not None:
        return "nvme"
    return "ata" if can.security_supported is not None else "scsi"
