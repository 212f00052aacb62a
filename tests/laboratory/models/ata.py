"""An ATA drive: IDENTIFY, SECURITY, SANITIZE DEVICE, HPA, AMAC, DCO (ACS-4; HPA and DCO as in ACS-2).

It takes registers and gives registers back; sat.py stands before it. Which features it has, and in which state it
comes, is told when it is made.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.laboratory.models.eraser import Eraser
from tests.laboratory.models.identify import identify
from tests.laboratory.models.medium import Medium

READY, READY_ERROR = 0x50, 0x51
ABORTED = 0x04
ALL_FEATURES = frozenset({"sanitize", "block", "crypto", "overwrite", "security", "enhanced", "amac"})
OLD_FEATURES = frozenset({"security", "enhanced", "hpa", "dco"})
ATTEMPTS = 5  # wrong passwords until the drive asks for a power cycle (ACS-4, 4.18.9)
SANITIZE_FAILED, SANITIZE_UNSUPPORTED, SANITIZE_FROZEN = 1, 2, 3  # LBA 7:0 of an aborted SANITIZE (ACS-4, table 176)


@dataclass(frozen=True, kw_only=True)
class Command:
    """The registers as they reach the drive. `data` is what goes with a PIO-out command."""

    command: int
    feature: int = 0
    count: int = 0
    lba: int = 0
    device: int = 0x40
    ext: bool = False
    data: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The registers as the command leaves them, and what is read."""

    status: int = READY
    error: int = 0
    count: int = 0
    lba: int = 0
    device: int = 0x40
    data: bytes = b""


DONE = Result()
ABORT = Result(status=READY_ERROR, error=ABORTED)


@dataclass
class Lock:
    """The security feature set's state. A password is 32 bytes; frozen and the failed attempts end with the power."""

    user: bytes | None = None
    master: bytes = b"factory master".ljust(32, b"\0")
    maximum: bool = False
    locked: bool = False
    frozen: bool = False
    freezes_at_power_on: bool = False
    attempts: int = ATTEMPTS

    @property
    def expired(self) -> bool:
        """Too many wrong passwords."""
        return self.attempts <= 0

    def power_on(self) -> None:
        """Locked if there is a password; a dock's or a computer's firmware may freeze it at once."""
        self.locked, self.attempts, self.frozen = self.user is not None, ATTEMPTS, self.freezes_at_power_on


@dataclass
class Sizes:
    """Sectors: made, offered by DCO, shown now. `volatile`: what is shown ends with the power."""

    made: int
    offered: int
    shown: int
    before: int = 0
    changed: bool = False
    """One non-volatile change for each power-on (ACS-2, 7.46.2; ACS-4, 7.2.3)."""

    def power_on(self) -> None:
        """A volatile limit is gone; another change is allowed."""
        self.shown, self.before, self.changed = self.before or self.shown, 0, False


@dataclass
class AtaDrive:
    """`log` holds every command, in the order of their coming."""

    medium: Medium
    model: str = "BENCH SSD 1"
    serial: str = "BW-SATA-1"
    firmware: str = "1.0"
    wwn: int = 0x5000C500A1B2C3D4
    rotation: int = 1
    features: frozenset[str] = ALL_FEATURES
    erase_minutes: int = 2
    clock: Callable[[], float] = time.monotonic
    log: list[Command] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    sanitize_frozen: bool = False

    def __post_init__(self) -> None:
        blocks = self.medium.blocks
        self.sizes = Sizes(made=blocks, offered=blocks, shown=blocks)
        self.eraser = Eraser(self.medium, self.clock)
        self.released = threading.Event()
        """A security erase holds its command until this is set; tests that want it half-way clear it."""
        self.released.set()
        self.powered = True
        self._previous = 0

    # --- power -------------------------------------------------------------------------------------------------

    def power_off(self) -> None:
        """The cache is lost; erasures stand still."""
        self.powered = False
        self.medium.lose_cache()
        self.eraser.power(on=False)
        self.released.set()  # a command that waits ends unheard

    def power_on(self) -> None:
        """As after the power came: locked where a password is set, no longer frozen, one size change allowed again."""
        self.powered, self._previous, self.sanitize_frozen = True, 0, False
        self.lock.power_on()
        self.sizes.power_on()
        self.eraser.power(on=True)

    def power_cycle(self) -> None:
        """Off and on."""
        self.power_off()
        self.power_on()

    # --- commands ----------------------------------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        """Whether reads and writes are let through to the medium."""
        return not self.lock.locked and self.eraser.progress() is None and self.eraser.state != "failed"

    def execute(self, command: Command) -> Result:
        """One command; unknown ones are aborted, as are nearly all while a sanitize runs."""
        self.log.append(command)
        previous, self._previous = self._previous, command.command
        code = command.command
        if code == 0xEC:
            return Result(data=identify(self))
        if code == 0xB4:
            return self._sanitize(command)
        if self.eraser.progress() is not None or self.eraser.state == "failed":
            return ABORT
        if 0xF1 <= code <= 0xF6 and "security" in self.features:
            return self._security(command, previous)
        if code in (0xF8, 0x27, 0xF9, 0x37, 0x78, 0xB1):
            return self._size(command, previous)
        if code in (0xE7, 0xEA):
            self.medium.flush()
            return DONE
        return Result(count=0xFF) if code == 0xE5 else DONE if code in (0xE0, 0xE1, 0xE2, 0xE3, 0xEF) else ABORT

    def _sanitize(self, c: Command) -> Result:
        """SANITIZE DEVICE (ACS-4, 7.32). Aborted without a change where anything is not as it must be."""
        if "sanitize" not in self.features or not c.ext:
            return ABORT
        busy = self.eraser.progress()
        if c.feature == 0x0000:
            return self._sanitize_status(c, busy)
        if self.lock.locked or busy is not None:
            return ABORT
        if self.sanitize_frozen:
            return _sanitize_abort(SANITIZE_FROZEN)
        if c.feature == 0x0020 and c.lba == 0x46724C6B:
            self.sanitize_frozen = True
            return self._sanitize_status(c, None)
        pattern = {
            ("crypto", 0x0011, 0x43727970): b"\0",
            ("block", 0x0012, 0x426B4572): b"\0",
            ("overwrite", 0x0014, 0x4F57 << 32 | c.lba & 0xFFFFFFFF): (c.lba & 0xFFFFFFFF).to_bytes(4, "big"),
        }
        for (kind, feature, lba), fill in pattern.items():
            if feature == c.feature and lba == c.lba and kind in self.features:
                self.eraser.start(c.feature, fill)
                return self._sanitize_status(c, self.eraser.progress())
        return _sanitize_abort(SANITIZE_UNSUPPORTED)

    def _sanitize_status(self, c: Command, busy: int | None) -> Result:
        """SANITIZE STATUS EXT (ACS-4, 7.32.7): COUNT 15 completed, 14 in progress, 13 frozen; LBA 15:0 progress."""
        if self.eraser.state == "failed":
            if c.feature == 0 and c.count & 1:
                self.eraser.forgive()
            return _sanitize_abort(SANITIZE_FAILED)
        count = (busy is None and self.eraser.state == "done") << 15 | (busy is not None) << 14
        return Result(count=count | self.sanitize_frozen << 13, lba=0xFFFF if busy is None else busy)

    def _security(self, c: Command, previous: int) -> Result:
        """ACS-4, 7.37 to 7.42."""
        lock = self.lock
        if lock.frozen and c.command != 0xF5:
            return ABORT
        if c.command == 0xF5:
            lock.frozen = not lock.locked
            return DONE if lock.frozen else ABORT
        if c.command == 0xF3:
            return DONE
        if len(c.data) < 512:
            return ABORT
        if c.command == 0xF1:
            return self._set_password(c)
        if not self._opens(c):
            return ABORT
        if c.command == 0xF2:
            lock.locked = False
        elif c.command == 0xF6:
            if lock.locked:
                return ABORT
            lock.user = None
        elif c.command == 0xF4:
            return self._erase_unit(c) if previous == 0xF3 else ABORT
        return DONE

    def _set_password(self, c: Command) -> Result:
        if self.lock.locked:
            return ABORT
        if c.data[0] & 1:
            self.lock.master = c.data[2:34]
        else:
            self.lock.user, self.lock.maximum = c.data[2:34], bool(c.data[1] & 1)
        return DONE

    def _opens(self, c: Command) -> bool:
        """Whether the password is right; a master password does not unlock at the maximum level, it only erases."""
        lock = self.lock
        if lock.user is None or (c.command == 0xF2 and lock.expired):
            return False
        master = bool(c.data[0] & 1)
        right = c.data[2:34] == (lock.master if master else lock.user)
        right = right and not (master and lock.maximum and c.command != 0xF4)
        if not right and c.command == 0xF2:
            lock.attempts -= 1
        return right

    def _erase_unit(self, c: Command) -> Result:
        """SECURITY ERASE UNIT holds the bus until it is done. A power cut in its midst leaves the drive locked."""
        if c.data[0] & 2 and "enhanced" not in self.features:
            return ABORT
        self.released.wait()
        if not self.powered:
            self.medium.fill(b"\0", upto=0.5)
            return ABORT
        ending = self.eraser.ending
        if ending == "vanishes":
            return Result(status=0)
        if ending != "lies":
            spared = self.eraser.spared if ending == "spares" else range(0)
            self.medium.fill(b"\0", upto=0.5 if ending == "fails" else 1.0, spared=spared)
        if ending == "fails":
            return ABORT
        self.lock.user, self.lock.locked = None, False
        return DONE

    def _size(self, c: Command, previous: int) -> Result:
        """READ NATIVE MAX, SET MAX (ACS-2, 7.32, 7.46), AMAC (ACS-4, 7.2), DEVICE CONFIGURATION (ACS-2, 7.9)."""
        sizes = self.sizes
        if c.command == 0xB1:
            return self._configuration(c)
        if c.command == 0x78:
            return self._accessible(c)
        if "hpa" not in self.features:
            return ABORT
        if c.command in (0xF8, 0x27):
            last = sizes.offered - 1
            if c.command == 0x27:
                return Result(lba=last)
            last = min(last, 0x0FFFFFFF)
            return Result(lba=last & 0xFFFFFF, device=0x40 | last >> 24)
        wanted = 1 + (c.lba if c.command == 0x37 else (c.device & 0xF) << 24 | c.lba & 0xFFFFFF)
        lasting = bool(c.count & 1)
        if previous != {0xF9: 0xF8, 0x37: 0x27}[c.command] or wanted > sizes.offered or (lasting and sizes.changed):
            return ABORT
        sizes.before = 0 if lasting else sizes.before or sizes.shown
        sizes.shown, sizes.changed = wanted, sizes.changed or lasting
        return DONE

    def _accessible(self, c: Command) -> Result:
        if "amac" not in self.features:
            return ABORT
        if c.feature == 0x0000:
            return Result(lba=self.sizes.made - 1)
        if c.feature != 0x0001 or self.sizes.changed or c.lba >= self.sizes.made:
            return ABORT
        self.sizes.shown, self.sizes.changed = c.lba + 1, True
        return DONE

    def _configuration(self, c: Command) -> Result:
        if "dco" not in self.features:
            return ABORT
        if c.feature == 0xC2:
            head = b"\x02\x00\x07\x00\x7f\x00" + (self.sizes.made - 1).to_bytes(8, "little")
            page = head.ljust(510, b"\0") + b"\xa5"
            return Result(data=page + bytes([-sum(page) & 0xFF]))
        if c.feature != 0xC0 or self.sizes.shown != self.sizes.offered:  # aborted while an HPA is set
            return ABORT
        self.sizes.offered = self.sizes.shown = self.sizes.made
        return DONE


def _sanitize_abort(reason: int) -> Result:
    return Result(status=READY_ERROR, error=ABORTED, lba=reason)
