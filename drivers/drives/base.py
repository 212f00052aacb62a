"""What the station asks of a place where drives come from, and of a drive that it has opened.

A drive is opened once. Its identity is read on the descriptor that the erase then writes through, so that no
path, link or bay can be exchanged between looking and writing.

    DriveError
    ├── DriveGone          it was pulled, or never was there
    ├── DriveInUse         somebody else holds it exclusively
    │   └── DriveHeld      the same, and what holds it is known
    ├── DriveReadOnly      the kernel will not write to it
    ├── NotADrive          a file, a partition, a directory: nothing that stands in a bay
    ├── DriveChanged       another drive answers than the one that was planned
    ├── DriveForbidden     this user may not open it
    ├── DriveMute          it answered who it is, and does not any more
    └── DriveUnasked       nobody can say who uses it
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import msgspec

from drivers.drives._identities import names_a_drive, wwn_names_a_drive
from drivers.errors import DriverError

if TYPE_CHECKING:
    from drivers.drives.facts import Facts
    from drivers.drives.firmware_port import FirmwarePort

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
        """Whether it is the drive of that record; one of before units were counted does not name its unit."""
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


class DriveError(DriverError):
    """A drive that cannot be opened or used."""

    code = "BW-B00"
    message = "{device}: {problem}"


class DriveGone(DriveError):
    """It was pulled, or never was there."""

    code = "BW-B01"
    message = "{device} is gone"
    hint = "Put the drive back into its bay."


class DriveInUse(DriveError):
    """Somebody else holds it exclusively."""

    code = "BW-B02"
    message = "{device} is in use by another program"
    hint = "Unmount it, or close the program that uses it."


class DriveHeld(DriveInUse):
    """It is mounted, swapped to, or part of something larger."""

    message = "{device} is in use: {holder}"
    hint = "Unmount it, or take it out of what uses it."


class DriveReadOnly(DriveError):
    """The kernel will not write to it."""

    code = "BW-B03"
    message = "{device} is read-only"
    hint = "Look for a write-protect switch."


class NotADrive(DriveError):
    """Nothing that stands in a bay."""

    code = "BW-B04"
    message = "{device} is {what}; only whole drives are erased"


class DriveChanged(DriveError):
    """Another drive answers than the one that was planned."""

    code = "BW-B06"
    message = "{device} is not the drive that was planned: planned {planned}, found {found}"
    hint = "Nothing was touched. Plan again."


class DriveForbidden(DriveError):
    """This user may not open it."""

    code = "BW-B07"
    message = "{device} may not be opened by this user"
    hint = "It needs root, or the benchwipe user's rights to devices."


class DriveMute(DriveError):
    """It answered who it is when it was opened, and does not any more: nobody knows whether it is the same."""

    code = "BW-B08"
    message = "{device} does not say any more who it is"
    hint = "Erase it again, without the bridge if you can."


class DriveUnasked(DriveError):
    """Nobody can say who uses it: what only root may ask was not answered."""

    code = "BW-S36"
    message = "{device}: it cannot be asked who uses it: {problem}"
    hint = "Run it as root; for the daemon: systemctl start benchwipe-uses.socket."


class Others(msgspec.Struct, frozen=True, kw_only=True):
    """Who else uses a drive that we hold. `users`: in words, those who may write to it or stand on it.

    `unseen`: why somebody may be missing. `counted`: whether the kernel counts what is written to the drive.
    """

    users: tuple[str, ...] = ()
    unseen: str = ""
    counted: bool = True


class OpenDrive(ABC):
    """A drive held open, exclusively. Offsets and lengths are bytes and multiples of the logical block.

    `read_into`, `write_from` and `flush` may be called from several threads at once, release the GIL while they
    wait, and raise OSError as the kernel reported it (EIO, ENODATA: medium; ENODEV, ENXIO: the drive is gone).
    """

    drive: Drive
    """The identity as read on this very descriptor."""

    @property
    def firmware(self) -> FirmwarePort | None:
        """The way to the drive's own commands; None where its firmware did not answer when it was identified."""
        return None

    @abstractmethod
    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read from the medium, past every cache of this machine; returns the bytes read."""

    @abstractmethod
    def write_from(self, buffer: memoryview, offset: int) -> int:
        """Write; returns the bytes written. Durable only after `flush`."""

    @abstractmethod
    def flush(self) -> None:
        """All that was written before this call is on the medium when it returns."""

    @abstractmethod
    def identify_again(self) -> Drive:
        """Read the identity anew on the same descriptor; DriveGone when there is nobody left to answer."""

    def look_again(self) -> Drive:
        """The same, and what its firmware says now: capabilities, state, hidden area. As `identify_again` raises."""
        return self.identify_again()

    def count_writes(self) -> None:
        """Begin to count what is written to the drive, by whomever. No request of ours may be under way."""
        return

    def written(self) -> Writes | None:
        """What was written since `count_writes`; None where nobody counts. While a request of ours is under way, it may
        stand with ours only.
        """
        return None

    def others(self) -> Others | None:
        """Who else uses the drive now; may take some seconds. None where nobody else can, as with a simulated one.

        DriveUnasked.
        """
        return None

    def hold_all(self) -> None:
        """Hold every other device of the same drive too (NVMe namespaces), until `close`. DriveInUse, DriveHeld.

        For whoever sends a command that destroys all of them.
        """
        return

    @abstractmethod
    def close(self) -> None:
        """Let go of the drive. Calling it twice is harmless."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class DriveSource(ABC):
    """A place where drives come from: the kernel's block devices, or the simulated bench's folder.

    A port is the physical place (a USB port path, a SATA port): it stays the same whatever is plugged in.
    """

    needs_power: ClassVar[bool] = True
    """Whether a drive disappears from its port when its bay loses power, so that its disappearance proves it."""

    @abstractmethod
    def present(self, ports: frozenset[str]) -> Mapping[str, str]:
        """Which of these ports hold a drive now: port -> a token that changes whenever the drive was exchanged.

        Cheap enough to be asked every second; opens nothing.
        """

    def every_port(self) -> Mapping[str, str]:
        """As `present`, of all ports: for a person who maps ports to bays. Opens nothing."""
        return {}

    @abstractmethod
    def look(self, port: str) -> Drive:
        """Identify the drive in this port without holding it; DriveGone when there is none."""

    @abstractmethod
    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """What is known of the drive in this port, for safety to judge; `protect`: paths whose disks are not erased."""

    @abstractmethod
    def open(self, port: str) -> OpenDrive:
        """Open the drive in this port exclusively for erasing; any DriveError."""

    def wait_for_change(self, seconds: float) -> None:
        """Return when drives may have come or gone, at the latest after so many seconds."""
        import time

        time.sleep(seconds)
