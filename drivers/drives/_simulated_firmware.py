"""A simulated drive's own firmware: SANITIZE, ATA security and NVMe Format, with what goes wrong with them.

Its state lies beside the image (`firmware.json`), written before a command is answered: so a sanitize goes on after
the station was killed or the drive was re-plugged, a password stays, and a drive that is plugged in again is locked.
Work advances by one step with each question for its status: a test waits for nothing.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from drivers.drives import _simulated_pages as pages
from drivers.drives._firmware import capabilities_of
from drivers.drives.drive import Capabilities, CommandSet, Drive, HiddenArea, HiddenFeature, HiddenKind
from firmware_bridge import ata
from firmware_bridge.reply import Unreadable

Kind = Literal["block", "crypto", "overwrite"]
Fault = Literal[
    "none", "lies", "never-finishes", "vanishes", "unreadable", "zeros", "fails", "aborts", "silent", "another", "idle"
]
Range = tuple[Annotated[int, msgspec.Meta(ge=0)], Annotated[int, msgspec.Meta(ge=1)]]
CHUNK = 1 << 20
HIDING: tuple[HiddenFeature, ...] = ("amac", "hpa", "dco")


class Commands(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[commands] of drive.toml: what its firmware can do, and how it misbehaves.

    `steps`: questions for the status until a sanitize is through; 0: it is through when the command is answered.
    `fault`: "lies" (success, and every byte kept), "never-finishes", "vanishes" (it is pulled at its first status, or
    in the midst of SECURITY ERASE UNIT or Format; once), "unreadable" (answers that carry no status), "zeros" (an
    answer of zeros), "fails", "aborts" (the command is not taken), "silent" (the command times out), "another" (the
    log names another command), "idle" (the work is at an end, and nothing says that it succeeded).
    `keeps`: ranges that an erasure leaves. `erased_byte`: what block erase and Format leave. `read_errors`: after a
    block or crypto erase a block reads as an error until it is written. `password`: of somebody else. `frozen`: the
    security commands are, until the drive is plugged in anew; `sanitize_frozen`: SANITIZE DEVICE is. `erase_minutes`:
    510 is FFh, "more than 508". `hpa`, `amac`, `dco`: bytes of the image that it hides; `keeps_hidden`: it says that it
    shows them, and does not.
    """

    speaks: CommandSet
    sanitize: tuple[Kind, ...] = ()
    security: bool = False
    enhanced: bool = False
    frozen: bool = False
    sanitize_frozen: bool = False
    hpa: Annotated[int, msgspec.Meta(ge=0)] = 0
    amac: Annotated[int, msgspec.Meta(ge=0)] = 0
    dco: Annotated[int, msgspec.Meta(ge=0)] = 0
    keeps_hidden: bool = False
    password: str = ""
    erase_minutes: Annotated[int, msgspec.Meta(ge=0, le=510)] = 2
    format: bool = False
    format_crypto: bool = False
    steps: Annotated[int, msgspec.Meta(ge=0)] = 2
    fault: Fault = "none"
    keeps: tuple[Range, ...] = ()
    erased_byte: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    read_errors: bool = False


class State(msgspec.Struct, kw_only=True):
    """firmware.json. `appearance`: which plugging-in this is; `left`: steps of the work that goes on, None: none."""

    appearance: str = ""
    cycled: bool = False
    password: str = ""
    locked: bool = False
    left: int | None = None
    total: int = 0
    action: str = ""
    pattern: str = "00"
    command: int = 0
    status: Literal["never", "running", "completed", "failed", "ended"] = "never"
    vanished: bool = False
    unwritten: bool = False
    written: list[tuple[int, int]] = []
    shown: list[HiddenFeature] = []
    shows_next: HiddenFeature | None = None


class Model:
    """The firmware of one open simulated drive. Thread-safe."""

    def __init__(self, place: Path, fd: int, drive: Drive, commands: Commands, *, appearance: str) -> None:
        self.drive, self.commands = drive, commands
        self._path, self._fd = place.resolve() / "firmware.json", fd
        self._lock = threading.RLock()
        self.asked: HiddenFeature | None = None
        self.state = read_state(place, commands, appearance)
        self.keep()

    def keep(self) -> None:
        """Keep the state on the disk."""
        with self._lock:
            new = self._path.with_suffix(".new")
            new.write_bytes(msgspec.json.encode(self.state))
            os.replace(new, self._path)

    # --- reading and writing ------------------------------------------------------------------------------

    def admit(self, offset: int, size: int, *, write: bool) -> None:
        """Refuse with EIO where the firmware takes no reads and writes.

        It is locked, sanitizing, or not written since an erasure.
        """
        with self._lock:
            state = self.state
            if state.locked or state.status in ("running", "failed"):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if not state.unwritten:
                return
            if write:
                state.written.append((offset, size))
            elif not _covered(offset, offset + size, state.written):
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    # --- what erases --------------------------------------------------------------------------------------

    def begin(self, action: str, *, command: int = 0, pattern: bytes = b"\0") -> None:
        """Begin a sanitize. With no steps it is through at once."""
        with self._lock:
            state = self.state
            state.action, state.command, state.pattern = action, command, pattern.hex()
            state.status, state.left, state.total = "running", self.commands.steps, max(1, self.commands.steps)
            if not state.left:
                self._finish()
            self.keep()

    def step(self) -> None:
        """Go one step in whatever goes on."""
        with self._lock:
            state = self.state
            if state.status != "running" or self.commands.fault == "never-finishes":
                return
            assert state.left is not None
            if state.left:
                state.left -= 1
            else:
                self._finish()
            self.keep()

    def _finish(self) -> None:
        state, fault = self.state, self.commands.fault
        state.left = None
        if fault == "fails":
            state.status = "failed"
            return
        self.erase(state.action, bytes.fromhex(state.pattern))
        state.status = "ended" if fault == "idle" else "completed"

    @property
    def progress(self) -> int:
        """Of 65536."""
        left = self.state.left or 0
        return min(65535, 65536 * (self.state.total - left) // (self.state.total + 1))

    def erase(self, action: str, pattern: bytes = b"\0") -> None:
        """Leave the medium as it is after an erasure, as far as this drive does what it says."""
        if self.commands.fault == "lies":
            return
        kept = [(at, os.pread(self._fd, size, at)) for at, size in self.commands.keeps]
        size, fill = self.drive.capacity_bytes, (pattern * (CHUNK // len(pattern) + 1))[:CHUNK]
        for at in range(0, size, CHUNK):
            data = os.urandom(CHUNK) if action == "crypto" else fill
            os.pwrite(self._fd, data[: min(CHUNK, size - at)], at)
        for at, data in kept:
            os.pwrite(self._fd, data, at)
        self.state.unwritten = self.commands.read_errors and action != "overwrite"
        self.state.written = []

    def vanish_once(self, pull: Callable[[], None]) -> None:
        """Raise ENODEV, and pull the drive out, where it is to vanish. It does so once."""
        if self.commands.fault != "vanishes" or self.state.vanished:
            return
        self.state.vanished = True
        self.keep()
        pull()
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


def read_state(place: Path, commands: Commands, appearance: str) -> State:
    """Read the state as firmware.json has it.

    Plugged in anew, a drive with a password is locked, and one that was frozen is not.
    """
    try:
        state = msgspec.json.decode((place / "firmware.json").read_bytes(), type=State)
    except FileNotFoundError:
        state = State(appearance=appearance, password=commands.password.encode().hex(), locked=bool(commands.password))
    if state.appearance != appearance:
        state.appearance, state.cycled, state.locked = appearance, True, bool(state.password)
        if state.shows_next and not commands.keeps_hidden:
            state.shown.append(state.shows_next)
        state.shows_next = None
    return state


def capabilities(drive: Drive, commands: Commands, state: State) -> Capabilities:
    """Tell what the drive says that it can do."""
    if commands.speaks == "ata":
        page = ata.parse_identify(identify(drive, commands, state))
        assert not isinstance(page, Unreadable)
        return capabilities_of(page)
    if commands.speaks == "scsi":
        return Capabilities(sanitize=commands.sanitize)
    return Capabilities(
        sanitize=commands.sanitize,
        format=commands.format,
        format_crypto=commands.format_crypto,
        format_all_namespaces=False,
        namespaces=1,
        unallocated_bytes=0,
        replay_protected_units=0,
    )


def identify(drive: Drive, commands: Commands, state: State) -> bytes:
    """Build the answer to IDENTIFY DEVICE."""
    frozen = commands.frozen and not state.cycled
    security = 1 | bool(state.password) << 1 | state.locked << 2 | frozen << 3 | commands.enhanced << 5
    return pages.identify(
        drive,
        sanitize=commands.sanitize,
        security=security if commands.security else None,
        minutes=commands.erase_minutes,
        hides=[kind for kind in HIDING if getattr(commands, kind)],
    )


def sizes(drive: Drive, commands: Commands, state: State) -> dict[str, Any]:
    """Tell what the drive shows of its image, and what it has: fields of Drive."""
    layers: dict[HiddenKind, int] = {kind: size for kind, size in hidden(commands, state).items() if size}
    whole = drive.capacity_bytes
    if commands.speaks != "ata":
        return {}
    area = HiddenArea(kind=max(layers, key=lambda kind: layers[kind]), bytes=sum(layers.values())) if layers else None
    return {"capacity_bytes": whole - sum(layers.values()), "native_capacity_bytes": whole, "hidden_area": area}


def hidden(commands: Commands, state: State) -> dict[HiddenFeature, int]:
    """Count the bytes that each layer hides now, from the outermost to the innermost."""
    return {kind: 0 if kind in state.shown else getattr(commands, kind) for kind in HIDING}


def _covered(start: int, end: int, spans: list[tuple[int, int]]) -> bool:
    for low, size in sorted(spans):
        if low <= start < low + size:
            start = low + size
    return start >= end
