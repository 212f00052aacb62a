"""What comes before an erasure: the drive shows what it hides, its security is not frozen. Belongs to the worker.

    reveal        one change -> power off and on -> the same drive, showing what it should -> until nothing is hidden
    power-cycle   frozen -> power off and on -> the same drive

A drive that our own crash left with a password loses it in between: unlocking needs it unfrozen, SET MAX unlocked.

What the drive says when it is asked decides, not what the plan remembers: so a job that was interrupted in the middle
does what is left. After every power cycle model, serial, WWN and block size must be those that were planned, and the
capacity the one that is expected: another drive is never taken for it. Nothing of the user's data is touched here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from agent.certificates.outcome import SILENT, Reason
from agent.certificates.record import CommandRecord
from agent.erase import Checkpoint, EraseSpec, Progress, Renewed
from agent.erase.hidden_area import NOT_SHOWN, Change, show_more
from agent.erase.signals import Stop
from agent.erase.techniques import TECHNIQUES
from drivers.drives.base import DriveError, DriveGone, OpenDrive
from drivers.drives.drive import Drive, HiddenArea
from drivers.errors import DriverError

log = logging.getLogger("benchwipe.worker")

MOST_CHANGES = 3  # AMAC or HPA, then DCO; one more for a drive that has both
APPEAR_S = 60.0  # a disk that turns takes up to 30 s to be ready, a USB bridge some more
AGAIN_S = 0.25

CANNOT_CYCLE = Reason(
    "BW-E52",
    "The hidden area is removed, and the drive shows it after its power was off",
    "Pull the drive out, put it in again, and erase it.",
)
NOT_BACK = Reason("BW-E53", "The drive did not come back after its power was off", "Take it out, and put it in again.")
ANOTHER = Reason(
    "BW-E54", "Another drive answers after the power was off", "Take it out, and put it in again on its own."
)
STILL_HIDDEN = Reason(NOT_SHOWN, "The hidden area cannot be removed: the drive still hides it", "Destroy the drive.")


@dataclass(frozen=True)
class BayServices:
    """What this station can do for a bay. `cycle`: power off, proved, and on; None where nobody can."""

    reopen: Callable[[], OpenDrive]
    cycle: Callable[[], None] | None
    emit: Callable[[Progress | Checkpoint | Renewed], None]
    stop: Stop


class Preparation:
    """One drive. `opened` is the one to erase; `commands` and `hidden` belong on the certificate, whatever follows."""

    def __init__(self, opened: OpenDrive, spec: EraseSpec, station: BayServices) -> None:
        self.opened = opened
        self.spec, self.station = spec, station
        self.commands: list[CommandRecord] = []
        self.changed = False
        area = opened.drive.hidden_area
        self.hidden: HiddenArea | None = area
        self._hid = area

    def run(self) -> Reason | None:
        """Prepare the drive, and say why it cannot be erased; None when it is ready. DriveError, OSError."""
        if reason := self._unfreeze() or self._without_own_password():
            return reason
        if "reveal" not in self.spec.prepare or not (reason := self._reveal()):
            return None
        if self._hid is not None:
            self.hidden = msgspec.structs.replace(self._hid, outcome="not-removed")
        return reason

    def _without_own_password(self) -> Reason | None:
        if not self._has_password():
            return None
        from agent.erase.firmware.work import take_off_own_password  # a station that only overwrites does without it

        station = self.station
        reason, commands = take_off_own_password(self.opened, self.spec, station.emit, station.stop)
        self.commands += commands
        self.changed = self.changed or bool(commands)
        return reason

    def _has_password(self) -> bool:
        """One that may be ours."""
        can = self.opened.drive.capabilities
        return can is not None and bool(can.security_enabled or can.security_locked) and bool(self.spec.passwords)

    def _reveal(self) -> Reason | None:
        for _ in range(MOST_CHANGES):
            if self.opened.drive.hidden_area is None:
                return None
            port = self.opened.firmware
            if port is None:
                return Reason(NOT_SHOWN, "The hidden area cannot be removed: its firmware does not answer", "")
            change = show_more(port, self.commands)
            if isinstance(change, Reason):
                return change
            self.changed = True
            log.info("%s: %s is removed from the next power-on", self.opened.drive.device, change.kind.upper())
            if self.station.cycle is None:
                return CANNOT_CYCLE
            if reason := self._cycle(self.station.cycle, change):
                return reason
        return STILL_HIDDEN if self.opened.drive.hidden_area else None

    def _unfreeze(self) -> Reason | None:
        """Where nobody can switch the power, the technique itself refuses a frozen drive."""
        row, can, cycle = TECHNIQUES.get(self.spec.technique), self.opened.drive.capabilities, self.station.cycle
        if can is None or cycle is None or not (self._has_password() or (row and row.security)):
            return None
        if not (can.security_frozen or can.security_count_expired):
            return None
        return self._cycle(cycle, None)

    def _cycle(self, cycle: Callable[[], None], change: Change | None) -> Reason | None:
        """The bay's power, and the same drive again."""
        if reason := self.station.stop.requested:
            return reason
        before = self.opened.drive
        self._say("cycling")
        self.opened.close()
        try:
            cycle()
        except DriverError as error:
            return Reason(error.code, str(error), error.hint)
        found = self._reopened()
        if isinstance(found, Reason):
            return found
        self.opened = found
        if reason := _wrong(found.drive, before, change):
            return reason
        if change is not None:
            self._grown(before, found.drive)
        self._say("pass")
        return None

    def _reopened(self) -> OpenDrive | Reason:
        """As soon as it is there, and says what it hides.

        A drive that spins up is gone for a while, or silent; one that udev looks at is in use, as is one whose question
        of a moment ago still waits in the kernel.
        """
        until, silent = time.monotonic() + APPEAR_S, False
        while True:
            problem: DriveError | None = None
            try:
                found = self.station.reopen()
                if not found.drive.silent:
                    return found
                found.close()
                silent = True
            except DriveError as error:
                problem = error
            if self.station.stop.requested or time.monotonic() > until:
                if silent:
                    return SILENT
                if isinstance(problem, DriveGone):
                    return NOT_BACK
                assert problem is not None
                raise problem
            self._say("cycling")
            time.sleep(AGAIN_S)

    def _grown(self, before: Drive, now: Drive) -> None:
        """The same drive with more capacity: whoever keeps the job must know it by that from now on."""
        if now.hidden_area is None and self._hid is not None:
            size = max(now.capacity_bytes - before.capacity_bytes, self._hid.bytes)
            self.hidden = HiddenArea(kind=self._hid.kind, bytes=size, outcome="removed")
            now = msgspec.structs.replace(now, hidden_area=self.hidden)
        self.station.emit(Renewed(job=self.spec.job, drive=now))

    def _say(self, phase: str) -> None:
        facts = {"job": self.spec.job, "phase": phase, "pass_number": 0, "passes": 0}
        zeros = {"bytes_done": 0, "bytes_total": 0, "mb_per_s": 0.0}
        self.station.emit(msgspec.convert({**facts, **zeros}, Progress))


def _wrong(now: Drive, before: Drive, change: Change | None) -> Reason | None:
    """Whether what stands there now is not the drive that stood there, or does not show what it should."""
    if not now.identified or now.unit != before.unit or now.identity_source != before.identity_source:
        return ANOTHER
    wanted = before.capacity_bytes if change is None else change.bytes
    if now.capacity_bytes != wanted:
        text = f"The drive shows {now.capacity_bytes} bytes after its power was off, and should show {wanted}"
        return Reason("BW-E55", text, "Take it out, put it in again, and look at its plan.")
    return None
