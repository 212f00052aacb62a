"""Drives in a folder, for the demo and the tests: no root, no kernel, the same contract as real ones.

<folder>/drives/<name>/image         the medium
<folder>/drives/<name>/drive.toml    who it is, and how it misbehaves (`Medium`)
<folder>/drives/<name>/firmware.json what its own firmware is at, where it has commands
<folder>/drives/<name>/hold          an offset: while this file is there, requests that reach beyond it get no answer
<folder>/ports/<port>                a link to the drive's folder: making it plugs the drive in, removing it
                                     pulls the drive out, in the middle of a write too
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.drives import _simulated_firmware as own
from drivers.drives._identities import believable
from drivers.drives._simulated_port import SimulatedPort
from drivers.drives.base import DriveError, DriveGone, DriveInUse, DriveReadOnly, DriveSource, OpenDrive
from drivers.drives.drive import Drive, Media
from drivers.drives.facts import Facts
from drivers.options import convert, read_toml

Range = tuple[Annotated[int, msgspec.Meta(ge=0)], Annotated[int, msgspec.Meta(ge=1)]]
Ranges = tuple[Range, ...]
POLL_S = 0.02


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`folder` holds `ports` and `drives`."""

    folder: str


class Medium(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """drive.toml. Ranges are [offset, bytes]; a request that touches one meets it, to the logical block.

    `bad`, `bad_reads`, `bad_writes`: EIO. `lies`: says written, and is not. `corrupt`: written with one bit flipped.
    `stall_at`: no answer to any request that covers this offset, until the drive is pulled. `bad_flushes`: so many
    flushes fail. `forgets`: what was not flushed is lost when the drive is pulled. `commands`: a table of what its own
    firmware can do; without it, it takes no commands. `silent`: its firmware does not answer in time when it is asked
    who it is ("wholly"), or what it hides ("half").
    """

    vendor: str = "Simulated"
    model: str = "SIM-1"
    serial: str = ""
    wwn: str = ""
    firmware: str = "1.0"
    media: Media = "hdd"
    transport: str = "simulated"
    logical_block_bytes: Annotated[int, msgspec.Meta(ge=1)] = 512
    physical_block_bytes: Annotated[int, msgspec.Meta(ge=1)] = 512
    read_only: bool = False
    mb_per_s: Annotated[float, msgspec.Meta(ge=0)] = 0
    bad: Ranges = ()
    bad_reads: Ranges = ()
    bad_writes: Ranges = ()
    lies: Ranges = ()
    corrupt: Ranges = ()
    stall_at: Annotated[int, msgspec.Meta(ge=-1)] = -1
    bad_flushes: Annotated[int, msgspec.Meta(ge=0)] = 0
    forgets: bool = False
    silent: Literal["no", "half", "wholly"] = "no"
    commands: own.Commands | None = None


class Driver(DriveSource):
    """The ports of one folder."""

    needs_power = False  # a file stays where it is, whatever a simulated dock says

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._ports = Path(settings.folder) / "ports"
        self._known = 0

    def present(self, ports: frozenset[str]) -> Mapping[str, str]:
        """Map each port to which link it is: one made anew is another."""
        found = {port: plugged(self._ports / port) for port in ports}
        return {port: token for port, token in found.items() if token}

    def every_port(self) -> Mapping[str, str]:
        """Find every link that leads to a drive."""
        if not self._ports.is_dir():
            return {}
        return self.present(frozenset(link.name for link in self._ports.iterdir() if not link.name.startswith(".")))

    def look(self, port: str) -> Drive:
        """Read what drive.toml says now."""
        return self._identify(port)[0]

    def facts(self, port: str, *, protect: Iterable[Path]) -> Facts:
        """Gather what it says of itself: nobody mounts a simulated drive."""
        drive, medium = self._identify(port)
        return Facts(
            path=drive.device,
            kind="block",
            read_only=medium.read_only,
            capacity_bytes=drive.capacity_bytes,
            logical_block_bytes=drive.logical_block_bytes,
            drive=drive,
            in_bay=True,
        )

    def open(self, port: str) -> OpenDrive:
        """Open the drive, held by a lock on the image, so that two programs cannot have it."""
        drive, medium = self._identify(port)
        if medium.read_only:
            raise DriveReadOnly(device=drive.device)
        return _open(self._ports / port, drive, medium)

    def wait_for_change(self, seconds: float) -> None:
        """Wait until a link was made or removed, which changes the folder's time. Belongs to one thread."""
        until = Deadline(seconds)
        while (now := self._changed_at()) == self._known and not until.passed:
            time.sleep(min(POLL_S, until.left()))
        self._known = now

    def _changed_at(self) -> int:
        try:
            return self._ports.stat().st_mtime_ns
        except OSError:
            return 0

    def _identify(self, port: str) -> tuple[Drive, Medium]:
        link = self._ports / port
        if not plugged(link):
            raise DriveGone(device=str(link))
        here = link.resolve()
        twins = sorted(p.name for p in self._ports.iterdir() if p.is_symlink() and p.resolve() == here)
        if len(twins) > 1:
            raise DriveError(device=str(link), problem=f"the same drive stands in ports {', '.join(twins)}")
        return read_drive(link)


def plugged(link: Path) -> str:
    """Make a token that changes whenever the port's link was made anew. Empty when there is no drive."""
    try:
        status, target = os.lstat(link), os.readlink(link)
    except OSError:
        return ""
    if not (link / "image").is_file():
        return ""
    return f"{status.st_ino}-{status.st_ctime_ns}-{target}"


def read_drive(place: Path) -> tuple[Drive, Medium]:
    """Read the identity and the faults that stand in drive.toml. DriveError names what is wrong in it."""
    data, problems = read_toml(place / "drive.toml")
    medium, wrong = convert(data, Medium) if not problems else (None, problems)
    if medium is None:
        raise DriveError(device=str(place / "drive.toml"), problem="; ".join(wrong))
    try:
        size = (place / "image").stat().st_size
    except OSError as error:
        raise DriveGone(device=str(place)) from error
    serial = believable(medium.serial)
    drive = Drive(
        device=str(place),
        vendor=medium.vendor or None,
        model=medium.model or None,
        serial=serial,
        told="" if serial else medium.serial,
        appearance=plugged(place),
        wwn=medium.wwn or None,
        firmware=medium.firmware or None,
        transport=medium.transport,
        media=medium.media,
        capacity_bytes=size,
        logical_block_bytes=medium.logical_block_bytes,
        physical_block_bytes=medium.physical_block_bytes,
    )
    if medium.commands is not None:
        state = own.read_state(place, medium.commands, plugged(place))
        drive = msgspec.structs.replace(drive, **own.sizes(drive, medium.commands, state))
        drive = msgspec.structs.replace(drive, capabilities=own.capabilities(drive, medium.commands, state))
    return _as_heard(drive, medium), medium


def _as_heard(drive: Drive, medium: Medium) -> Drive:
    """Without what it did not say."""
    if medium.silent == "no":
        return drive
    can = drive.capabilities if medium.silent == "half" else None
    if can is not None:
        can = msgspec.structs.replace(can, hidden_area_unread=can.hidden_area_features)
    return msgspec.structs.replace(drive, silent=True, capabilities=can, native_capacity_bytes=None, hidden_area=None)


def _open(link: Path, drive: Drive, medium: Medium) -> OpenDrive:
    try:
        fd = os.open(link / "image", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise DriveGone(device=str(link)) from error
    except OSError as error:
        raise DriveError(device=str(link), problem=error.strerror or str(error)) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise DriveInUse(device=str(link)) from error
    return SimulatedDrive(link, fd, drive, medium)


class Throttle:
    """One token bucket for all threads of a drive: they wait for their turn asleep, without the GIL."""

    def __init__(self, mb_per_s: float) -> None:
        self._rate = mb_per_s * 1e6
        self._free_at = 0.0
        self._lock = threading.Lock()

    def turn(self, size: int) -> float:
        """Tell the moment (monotonic) at which a request of this size is through."""
        if not self._rate:
            return 0.0
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
            return self._free_at


class SimulatedDrive(OpenDrive):
    """An image file that obeys its drive.toml as it stood when the drive was opened."""

    def __init__(self, link: Path, fd: int, drive: Drive, medium: Medium) -> None:
        self.drive = drive
        self._link = link
        self._fd = fd
        self._medium = medium
        self._token = plugged(link)
        self._throttle = Throttle(medium.mb_per_s)
        self._bad_flushes = medium.bad_flushes
        self._before: list[tuple[int, bytes]] = []
        self._lock = threading.Lock()
        self._model: own.Model | None = None
        if medium.commands is not None:
            self._model = own.Model(link, fd, drive, medium.commands, appearance=self._token)

    @property
    def firmware(self) -> SimulatedPort | None:
        """Its own firmware, where drive.toml gives it commands."""
        if self._model is None or self.drive.capabilities is None:
            return None
        return SimulatedPort(self._model, there=self._there, pull=self._link.unlink)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Read what the image holds, at the drive's pace."""
        self._request(offset, len(buffer), self._medium.bad + self._medium.bad_reads)
        if self._model is not None:
            self._model.admit(offset, len(buffer), write=False)
        return os.preadv(self._fd, [buffer], offset)

    def write_from(self, buffer: memoryview, offset: int) -> int:
        """Write into the image, with the faults that are asked for."""
        size = max(0, min(len(buffer), self.drive.capacity_bytes - offset))
        if buffer and not size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._request(offset, size, self._medium.bad + self._medium.bad_writes)
        if self._model is not None:
            self._model.admit(offset, size, write=True)
        if self._medium.forgets:
            with self._lock:
                self._before.append((offset, os.pread(self._fd, size, offset)))
        at = offset
        for start, end in self._kept(offset, offset + size):
            self._put(buffer[start - offset : end - offset], start)
            at = end
        return size if at >= offset else 0

    def flush(self) -> None:
        """Flush the image by fdatasync(2)."""
        self._there()
        with self._lock:
            failing, self._bad_flushes = self._bad_flushes > 0, max(0, self._bad_flushes - 1)
        if failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(self._fd)
        if self._model is not None:
            self._model.keep()
        with self._lock:
            self._before.clear()

    def identify_again(self) -> Drive:
        """Read drive.toml as it stands now: an exchanged serial is seen."""
        if plugged(self._link) != self._token:
            raise DriveGone(device=self.drive.device)
        return read_drive(self._link)[0]

    def close(self) -> None:
        """Let go of the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _request(self, offset: int, size: int, bad: Ranges) -> None:
        """Waits as the medium does, and fails where it is bad or gone."""
        self._there()
        while self._stands_still(offset, offset + size):
            time.sleep(POLL_S)
            self._there()
        wait = self._throttle.turn(size) - time.monotonic()
        if wait > 0:
            time.sleep(wait)
            self._there()
        if any(start < offset + size and offset < end for start, end in map(self._blocks, bad)):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _stands_still(self, start: int, end: int) -> bool:
        """For ever at the offset of its drive.toml; as long as somebody wishes at that of `hold`."""
        if start <= self._medium.stall_at < end:
            return True
        try:
            return end > int((self._link / "hold").read_text())
        except (OSError, ValueError):
            return False

    def _there(self) -> None:
        if plugged(self._link) == self._token:
            return
        if self._medium.forgets:
            self._forget()
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def _forget(self) -> None:
        with self._lock:
            while self._before:
                offset, old = self._before.pop()
                os.pwrite(self._fd, old, offset)

    def _blocks(self, area: Range) -> tuple[int, int]:
        block = self._medium.logical_block_bytes
        return area[0] // block * block, -(-(area[0] + area[1]) // block) * block

    def _kept(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of a write that the medium does not silently drop."""
        parts = []
        for low, high in sorted(map(self._blocks, self._medium.lies)):
            if low < end and start < high:
                parts.append((start, low))
                start = max(start, min(high, end))
        return [(a, b) for a, b in (*parts, (start, end)) if a < b]

    def _put(self, data: memoryview, at: int) -> None:
        while data:
            written = os.pwritev(self._fd, [data], at)
            for low, size in self._medium.corrupt:
                hit = max(low, at)
                if hit < min(low + size, at + written):
                    os.pwrite(self._fd, bytes([data[hit - at] ^ 1]), hit)
            data, at = data[written:], at + written


def make_drive(folder: Path, name: str, size: int, *, port: str = "", **values: object) -> Path:
    """Make a new drive of so many bytes of zeros, in a port if one is named.

    `values` are those of `Medium`, tables last.
    """
    place = folder / "drives" / name
    place.mkdir(parents=True)
    (folder / "ports").mkdir(exist_ok=True)
    with (place / "image").open("wb") as image:
        image.truncate(size)
    values.setdefault("serial", name)
    tables = {key: value for key, value in values.items() if isinstance(value, dict)}
    lines = [_line(key, value) for key, value in values.items() if key not in tables]
    for title, table in tables.items():
        lines += [f"[{title}]\n".encode(), *(_line(key, value) for key, value in table.items())]
    (place / "drive.toml").write_bytes(b"".join(lines))
    if port:
        plug(folder, port, name)
    return place


def _line(key: str, value: object) -> bytes:
    return f"{key} = ".encode() + msgspec.json.encode(value) + b"\n"  # strings, numbers, lists: JSON is TOML there


def plug(folder: Path, port: str, name: str) -> None:
    """Put the drive into the port."""
    (folder / "ports" / port).symlink_to(Path("..") / "drives" / name)


def pull(folder: Path, port: str) -> None:
    """Take whatever stands in the port out of it."""
    (folder / "ports" / port).unlink()
