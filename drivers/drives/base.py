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

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from drivers.drives.drive import Drive, Others, Writes
from drivers.drives.facts import Facts
from drivers.errors import DriverError

if TYPE_CHECKING:
    from drivers.drives.firmware_port import FirmwarePort


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


class OpenDrive(ABC):
    """A drive held open, exclusively. Offsets and lengths are bytes and multiples of the logical block.

    `read_into`, `write_from` and `flush` may be called from several threads at once, release the GIL while they
    wait, and raise OSError as the kernel reported it (EIO, ENODATA: medium; ENODEV, ENXIO: the drive is gone).
    """

    drive: Drive
    """The identity as read on this very descriptor."""

    @property
    def bus(self) -> str:
        """Name what carries the data of this drive and of others. Empty where nothing is known to be shared."""
        return ""

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
        """Flush the drive: all that was written before this call is on the medium when it returns."""

    @abstractmethod
    def identify_again(self) -> Drive:
        """Read the identity anew on the same descriptor; DriveGone when there is nobody left to answer."""

    def look_again(self) -> Drive:
        """Identify the same again, and what its firmware says now: capabilities, state, hidden area.

        Raises as `identify_again` does.
        """
        return self.identify_again()

    def count_writes(self) -> None:
        """Begin to count what is written to the drive, by whomever. No request of ours may be under way."""
        return

    def written(self) -> Writes | None:
        """Tell what was written since `count_writes`. None where nobody counts.

        While a request of ours is under way, it may stand with ours only.
        """
        return None

    def others(self) -> Others | None:
        """Find who else uses the drive now, which may take some seconds.

        None where nobody else can, as with a simulated one. May raise DriveUnasked.
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
        """Find which of these ports hold a drive now.

        Port -> a token that changes whenever the drive was exchanged. Cheap enough to be asked every second; opens
        nothing.
        """

    def every_port(self) -> Mapping[str, str]:
        """Find, as `present` does, the drives of all ports: for a person who maps ports to bays. Opens nothing."""
        return {}

    @abstractmethod
    def look(self, port: str) -> Drive:
        """Identify the drive in this port without holding it; DriveGone when there is none."""

    @abstractmethod
    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """Gather what is known of the drive in this port, for safety to judge.

        `protect`: paths whose disks are not erased.
        """

    @abstractmethod
    def open(self, port: str) -> OpenDrive:
        """Open the drive in this port exclusively for erasing; any DriveError."""

    def wait_for_change(self, seconds: float) -> None:
        """Return when drives may have come or gone, at the latest after so many seconds."""
        import time

        time.sleep(seconds)
