"""Whole disks of this Linux machine. A port is a path: a name in /dev/disk/by-path, or an absolute one under /dev.

The drive's identity is read for the very descriptor that is written through: fstat(2) gives the device's number, the
kernel's disk sequence number (BLKGETDISKSEQ) binds what sysfs says under that number to the open disk.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from drivers.drives import _firmware, _sysfs
from drivers.drives._direct import DirectFile
from drivers.drives._holding import hold, hold_ways, translated
from drivers.drives._uevents import Uevents
from drivers.drives._written import CountedDrive
from drivers.drives.base import (
    Drive,
    DriveChanged,
    DriveError,
    DriveGone,
    DriveMute,
    DriveReadOnly,
    DriveSource,
    NotADrive,
    OpenDrive,
    Others,
)
from drivers.drives.ports import BY_PATH, elsewhere, find, whole_disks
from firmware_bridge import passthrough

if TYPE_CHECKING:
    from drivers.drives.facts import Facts
    from drivers.drives.firmware_port import FirmwarePort

LOOK = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
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
        """Port -> disk sequence; through stat(2) and sysfs only."""
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
        """Whole disks that udev has given a port; through stat(2) and sysfs only."""
        found = {port: _sysfs.disk_token(str(path)) for port, path in whole_disks(self._by_path).items()}
        return {port: token for port, token in found.items() if token}

    def look(self, port: str) -> Drive:
        """See `look_device`."""
        return look_device(self._path(port))

    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """See `facts.gather`: what is asked about is in a configured bay."""
        from drivers.drives import facts

        return facts.gather(self._path(port), protect=protect, in_bay=True)

    def open(self, port: str) -> OpenDrive:
        """See `open_device`."""
        return open_device(self._path(port))

    def wait_for_change(self, seconds: float) -> None:
        """The kernel's uevents wake it; without libudev it looks again after the time."""
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


def look_device(path: str) -> Drive:
    """Identify the drive without holding it; DriveGone, NotADrive or DriveForbidden."""
    fd = _open(path, LOOK)
    try:
        return identify(fd, path)
    finally:
        os.close(fd)


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
        _unused(drive)
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
        """The descriptor, for commands that the firmware carries out."""
        return self._file.fd

    @property
    def firmware(self) -> FirmwarePort | None:
        """On the held descriptor; made when it is first asked for: most erasures send no command."""
        if self._port is None:
            from drivers.drives import _passthrough_port, firmware_port

            speaks = firmware_port.speaks(self.drive)
            self._port = _passthrough_port.PassThroughPort(self._file.fd, speaks) if speaks else None
        return self._port

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Past the page cache, see `_direct`."""
        return self._file.read(buffer, offset)

    def flush(self) -> None:
        """fdatasync(2)."""
        self._file.flush()

    def identify_again(self) -> Drive:
        """Anew on the same descriptor; DriveGone when the disk behind it went away or was exchanged.

        DriveMute where the drive itself, behind its bridge, does not answer any more.
        """
        shown = _shown(self._file.fd, self.drive.device)
        if shown.disk_sequence != self.drive.disk_sequence or not shown.capacity_bytes:
            raise DriveGone(device=self.drive.device)
        now = _firmware.ask_again(self._file.fd, shown, self.drive)
        if now is None:
            raise DriveMute(device=self.drive.device)
        return now

    def look_again(self) -> Drive:
        """Its firmware is asked everything anew."""
        self.identify_again()
        return identify(self._file.fd, self.drive.device, within=_firmware.HOLD_S)

    def others(self) -> Others:
        """See `facts.others_of`."""
        from drivers.drives import facts

        return facts.others_of(self.drive.number, self.drive.device)

    def hold_all(self) -> None:
        """The other namespaces of this controller, or of its subsystem. Calling it twice is harmless."""
        for folder in _sysfs.siblings(self.drive.number):
            number, path = _sysfs.text(folder / "dev"), f"/dev/{_sysfs.device_name(folder)}"
            if number not in self._held:
                self._held[number], _ = hold(path)
                _unused(_shown(self._held[number], path))

    def close(self) -> None:
        """Let go of the disk."""
        while self._held:
            os.close(self._held.popitem()[1])
        if self._file.fd >= 0:
            self._file.close()


# --- opening -------------------------------------------------------------------------------------------------


def _writable(path: str) -> None:
    """The kind and the write protection, before a descriptor for writing exists."""
    fd = _open(path, LOOK)
    try:
        _disk_folder(fd, path)
        if passthrough.is_read_only(fd):
            raise DriveReadOnly(device=path)
    finally:
        os.close(fd)


def _open(path: str, flags: int) -> int:
    _is_block(path)
    try:
        return os.open(path, flags)
    except OSError as error:
        raise translated(error, path) from error


def _is_block(path: str) -> None:
    """Before anything is opened: opening a pipe or a terminal may block or have effects."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise translated(error, path) from error
    if not stat.S_ISBLK(mode):
        raise NotADrive(device=path, what=_kind(mode))


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISREG, "a file"), (stat.S_ISDIR, "a directory"), (stat.S_ISCHR, "a character device"))
    return next((name for test, name in kinds if test(mode)), "a pipe or socket")


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


def _unused(drive: Drive) -> None:
    from drivers.drives import facts

    facts.refuse_users(drive)


# --- identity ------------------------------------------------------------------------------------------------


def identify(fd: int, path: str, *, within: float = _firmware.LOOK_S) -> Drive:
    """Who stands behind this open descriptor; DriveGone when it went away or was exchanged while we asked.

    Its firmware has `within` seconds to answer; without an answer it is what the kernel and udev know of it.
    """
    shown = _shown(fd, path)
    asked = _firmware.ask(fd, shown, within=within)
    if asked is not shown:
        after = _shown(fd, path)
        if (after.disk_sequence, after.capacity_bytes) != (shown.disk_sequence, shown.capacity_bytes):
            raise DriveGone(device=path)
    return asked


def _shown(fd: int, path: str) -> Drive:
    """What the kernel and udev say."""
    try:
        folder, number = _disk_folder(fd, path)
        before = _sequence(fd, folder)
        who = _sysfs.identify(number)
        if who.transport == "loop":
            who = msgspec.structs.replace(who, serial=_loop_serial(fd))
        capacity = passthrough.block_size_bytes(fd)
        logical, physical = passthrough.logical_block_bytes(fd), passthrough.physical_block_bytes(fd)
        after = _sysfs.folder_of(number)
        if after is None or _sysfs.disk_sequence(after) != before:
            raise DriveGone(device=path)
    except OSError as error:
        raise translated(error, path) from error
    return Drive(
        device=path,
        capacity_bytes=capacity,
        logical_block_bytes=logical,
        physical_block_bytes=physical,
        number=number,
        disk_sequence=before,
        appearance=_sysfs.appearance(number, after),
        **msgspec.structs.asdict(who),
    )


def _disk_folder(fd: int, path: str) -> tuple[Path, str]:
    """sysfs's folder and the number of the whole disk behind the descriptor."""
    status = os.fstat(fd)
    if not stat.S_ISBLK(status.st_mode):
        raise NotADrive(device=path, what=_kind(status.st_mode))
    number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    folder = _sysfs.folder_of(number)
    if folder is None:
        raise DriveGone(device=path)
    if (folder / "partition").exists():
        raise NotADrive(device=path, what=f"a partition of /dev/{_sysfs.device_name(folder.parent)}")
    return folder, number


def _sequence(fd: int, folder: Path) -> int | None:
    """The disk's sequence, and the proof that sysfs speaks of the disk behind this descriptor."""
    shown = _sysfs.disk_sequence(folder)
    try:
        held = passthrough.disk_sequence(fd)
    except OSError as error:
        if error.errno in (errno.ENOTTY, errno.EINVAL):  # Linux < 5.15: an open descriptor keeps its number to itself
            return shown
        raise
    if shown is not None and shown != held:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
    return held


def _loop_serial(fd: int) -> str:
    """The file under it and the window into it: two loops differ, the same file attached again is the same drive."""
    found = passthrough.loop_status(fd)
    window = f":{found.offset}" if found.offset else ""
    return f"{found.device:x}:{found.inode}{window}"
