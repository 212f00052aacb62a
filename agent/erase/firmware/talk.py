"""The conversation with one drive's firmware: what was sent and answered, the wait between, what is written down first.

Every method here is for the job's working thread; the caller's thread watches over it (agent/erase/monitor.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from agent.certificates.record import CommandRecord
from agent.erase.firmware.steps import Answer
from agent.erase.monitor import Monitor
from agent.erase.spec import FirmwarePoint
from drivers.drives.firmware_port import FirmwarePort

log = logging.getLogger("benchwipe.erase")

ASK_S = 15.0  # for a question; the kernel resets a drive that takes longer
JOURNAL_S = 20.0
FIRST_POLL_S, LONGEST_POLL_S, SLOWER = 0.02, 5.0, 1.6
MOST_COMMANDS = 40

Journal = Callable[[FirmwarePoint, int], None]
"""Keeps a point, and answers by the number of its receipt."""


class Talk:
    """`commands`: what was sent and what came of it, for the certificate; passwords never stand there."""

    def __init__(
        self, port: FirmwarePort, monitor: Monitor, journal: Journal, commands: tuple[CommandRecord, ...] = ()
    ) -> None:
        self.port, self.monitor = port, monitor
        self.commands = list(commands)
        self._journal = journal
        self._poll_s = FIRST_POLL_S

    def note(self, name: str, command: bytes, status: str, raw: bytes = b"") -> None:
        """Note one line of the certificate: a command, and what came of it."""
        new = CommandRecord(name=name, bytes=command.hex(), status=status, raw=raw[:64].hex())
        if len(self.commands) < MOST_COMMANDS:
            self.commands.append(new)
        else:
            self.commands[-1] = new

    def heard(self, name: str, question: bytes, status: str, raw: bytes = b"") -> None:
        """Note the answer to a question. The same again takes the place of the one before it."""
        if self.commands and (self.commands[-1].name, self.commands[-1].status) == (name, status):
            self.commands.pop()
        self.note(name, question, status, raw)

    def write_down(self, point: FirmwarePoint) -> bool:
        """Say whether the ledger has the point on its medium: only then may be sent what it announces.

        False too where the job ends meanwhile: nothing is sent then.
        """
        receipt = self.monitor.receipts.ask()
        self._journal(point, receipt)
        until = time.monotonic() + JOURNAL_S
        while time.monotonic() < until and self.goes_on:
            kept = self.monitor.receipts.wait(receipt, 0.25)
            if kept is not None:
                return kept
            self.monitor.moved(0)
        return False

    @property
    def goes_on(self) -> bool:
        """Whether the job goes on. A pause does not hold up what the drive does by itself."""
        return self.monitor.halt is None

    def wait(self) -> bool:
        """Wait until the next question, ever slower, and say whether the job goes on."""
        until = time.monotonic() + self._poll_s
        self._poll_s = min(self._poll_s * SLOWER, LONGEST_POLL_S)
        while self.goes_on and (left := until - time.monotonic()) > 0:
            self.monitor.wait(min(left, 1.0))
            self.monitor.moved(0)
        return self.goes_on

    def hurry(self) -> None:
        """Ask often at first: something new begins."""
        self._poll_s = FIRST_POLL_S

    def expect_silence(self, seconds: float) -> None:
        """Expect silence from a command that may take so long: until then the drive has not stalled."""
        self.monitor.expect_silence(seconds)

    def waits(self, estimate_s: float | None) -> None:
        """Show people how long the drive has been at a command that tells no progress and ends with the work.

        It is sent now.
        """
        self.monitor.phase("firmware", number=1, done=0, total=self.monitor.drive.drive.capacity_bytes)
        self.monitor.works_untold(estimate_s)

    def show(self, answer: Answer) -> None:
        """Show progress, for people."""
        total = self.monitor.drive.drive.capacity_bytes
        done = int(total * (answer.progress or 0))
        self.monitor.phase("firmware", number=1, done=done, total=total)
