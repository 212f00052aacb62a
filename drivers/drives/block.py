"""Whole disks of this Linux machine. A port is a path: a name in /dev/disk/by-path, or an absolute one under /dev.

The drive's identity is read for the very descriptor that is written through (`_identity`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from drivers.drives import _firmware, _sysfs
from drivers.drives._bus import bus_of
from drivers.drives._direct import DirectFile
from drivers.drives._holding import hold, hold_ways, translated
from drivers.drives._identity import LOOK, disk_folder, identify, look_device, open_node, shown_by_kernel
from drivers.drives._uevents import Uevents
from drivers.drives._uses import others_of, refuse_users
from drivers.drives._written import CountedDrive
from drivers.drives.base import (
    DriveChanged,
    DriveError,
    DriveGone,
    DriveMute,
    DriveReadOnly,
    DriveSource,
    OpenDrive,
)
from drivers.drives.by_path import find, whole_disks
from drivers.drives.drive import Drive, Others, speaks
from drivers.drives.examine import gather
from drivers.drives.facts import Facts
from drivers.drives.ports import BY_PATH, elsewhere
from firmware_bridge import passthrough

if TYPE_CHECKING:
    from drivers.drives.firmware_port import FirmwarePort

NO_WAYS: Mapping[str, int] = MappingProxyType({})


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`by_path`: where ports without a leading slash are looked up."""

    by_path: str = str(BY_PATH)


class Driver(DriveSource):
    """The kernel's block devices."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._by_path = Path(settings.by_path)
        self._uevents = Uevents()
        self._stood: dict[str, tuple[str, str]] = {}

    def present(self, ports: frozenset[str]) -> Mapping[str, str]:
        """Map each port to its disk sequence, through stat(2) and sysfs only."""
        return {port: token for port in ports if (token := self._stands(port))}

    def _stands(self, port: str) -> str:
        """The token of what stands there; empty where nothing does.

        A disk that the kernel still has did not leave because its link is missing or leads elsewhere: on a busy machine
        udev deals with the removal of an earlier disk when the next one has come already, takes its link away, and
        makes it anew.
        """
        path = str(find(self._by_path, port))
        node = os.path.realpath(path)
        if token := "" if _elsewhere(port, node) else _sysfs.disk_token(node):
            self._stood[port] = (node, token)
        elif port in self._stood:
            node, before = self._stood[port]
            token = before if _sysfs.disk_token(node) == before else ""
        return token

    def every_port(self) -> Mapping[str, str]:
        """Find the whole disks that udev has given a port, through stat(2) and sysfs only."""
        found = {port: _sysfs.disk_token(str(path)) for port, path in whole_disks(self._by_path).items()}
        return {port: token for port, token in found.items() if token}

    def look(self, port: str) -> Drive:
        """See `look_device`."""
        return look_device(self._path(port))

    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """See `examine.gather`: what is asked about is in a configured bay."""
        return gather(self._path(port), protect=protect, in_bay=True)

    def open(self, port: str) -> OpenDrive:
        """See `open_device`."""
        return open_device(self._path(port))

    def wait_for_change(self, seconds: float) -> None:
        """Wait for a change. The kernel's uevents wake it; without libudev it looks again after the time."""
        self._uevents.wait(seconds)

    def _path(self, port: str) -> str:
        """Where the drive in this port is opened; DriveGone where the link still leads to one in another port."""
        path = str(find(self._by_path, port))
        if _elsewhere(port, path):
            raise DriveGone(device=path)
        return path


def _elsewhere(port: str, path: str) -> bool:
    folder = _sysfs.folder_at(path)
    return folder is not None and elsewhere(port, str(folder))


def open_device(path: str, expected: Drive | None = None) -> BlockDrive:
    """Hold the drive exclusively for erasing, after proving that it is the expected one and that nobody uses it.

    Any DriveError; nothing is written before or in between. O_CREAT is never given: a path that vanished makes no file.
    """
    _writable(path)
    fd, direct = hold(path)
    try:
        drive = identify(fd, path, within=_firmware.HOLD_S)
        if passthrough.is_read_only(fd):
            raise DriveReadOnly(device=path)
        _same(drive, expected)
        refuse_users(drive)
        others = hold_ways(drive)
        return BlockDrive(drive, DirectFile(fd, direct=direct, block=drive.logical_block_bytes), others)
    except OSError as error:
        os.close(fd)
        raise translated(error, path) from error
    except DriveError:
        os.close(fd)
        raise


class BlockDrive(CountedDrive):
    """One disk, held by O_EXCL until `close`."""

    def __init__(self, drive: Drive, file: DirectFile, ways: Mapping[str, int] = NO_WAYS) -> None:
        """`ways`: descriptors that hold the other paths of this drive, by number."""
        self.drive = drive
        self._file = file
        self._port: FirmwarePort | None = None
        self._held = dict(ways)

    @property
    def direct(self) -> bool:
        """Whether O_DIRECT is in use."""
        return self._file.direct

    def fileno(self) -> int:
        """Hand out the descriptor, for commands that the firmware carries out."""
        return self._file.fd

    @property
    def bus(self) -> str:
        """See OpenDrive: by its place in the tree of devices."""
        folder = _sysfs.folder_of(self.drive.number)
        return bus_of(str(folder)) if folder is not None else ""

    @property
    def firmware(self) -> FirmwarePort | None:
        """On the held descriptor; made when it is first asked for: most erasures send no command."""
        if self._port is None:
            from drivers.drives import _passthrough_port  # an idle station does without it

            language = speaks(self.drive)
            self._port = _passthrough_port.PassThroughPort(self._file.fd, language) if language else None
        return self._port

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read past the page cache, see `_direct`."""
        return self._file.read(buffer, offset)

    def flush(self) -> None:
        """Flush by fdatasync(2)."""
        self._file.flush()

    def identify_again(self) -> Drive:
        """Identify it anew on the same descriptor.

        Raise DriveGone when the disk behind it went away or was exchanged, DriveMute where the drive itself, behind
        its bridge, does not answer any more.
        """
        shown = shown_by_kernel(self._file.fd, self.drive.device)
        if shown.disk_sequence != self.drive.disk_sequence or not shown.capacity_bytes:
            raise DriveGone(device=self.drive.device)
        now = _firmware.ask_again(self._file.fd, shown, self.drive)
        if now is None:
            raise DriveMute(device=self.drive.device)
        return now

    def look_again(self) -> Drive:
        """Ask its firmware everything anew."""
        self.identify_again()
        return identify(self._file.fd, self.drive.device, within=_firmware.HOLD_S)

    def others(self) -> Others:
        """See `_uses.others_of`."""
        return others_of(self.drive.number, self.drive.device)

    def hold_all(self) -> None:
        """Hold the other namespaces of this controller, or of its subsystem. Calling it twice is harmless."""
        for folder in _sysfs.siblings(self.drive.number):
            number, path = _sysfs.text(folder / "dev"), f"/dev/{_sysfs.device_name(folder)}"
            if number not in self._held:
                self._held[number], _ = hold(path)
                refuse_users(shown_by_kernel(self._held[number], path))

    def close(self) -> None:
        """Let go of the disk."""
        while self._held:
            os.close(self._held.popitem()[1])
        if self._file.fd >= 0:
            self._file.close()


# --- opening -------------------------------------------------------------------------------------------------


def _writable(path: str) -> None:
    """The kind and the write protection, before a descriptor for writing exists."""
    fd = open_node(path, LOOK)
    try:
        disk_folder(fd, path)
        if passthrough.is_read_only(fd):
            raise DriveReadOnly(device=path)
    finally:
        os.close(fd)


def _same(found: Drive, expected: Drive | None) -> None:
    """The planned drive, in the same appearance: unplugged and plugged in again asks for a new plan."""
    if expected is None:
        return
    if found.silent and not expected.silent:
        raise DriveMute(device=found.device)
    known = (expected.number, expected.disk_sequence) if expected.number else (found.number, found.disk_sequence)
    if found.fingerprint != expected.fingerprint or (found.number, found.disk_sequence) != known:
        raise DriveChanged(device=found.device, planned=_words(expected), found=_words(found))


def _words(drive: Drive) -> str:
    return f"{drive.model or 'unknown model'} {drive.serial or drive.wwn or 'without serial'} ({drive.number or '?'})"
