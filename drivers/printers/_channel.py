"""A printer behind a descriptor (USB character device, serial port, TCP socket): the same careful way for each.

    status -> send in pieces -> ask until it is done

Everything that waits has the caller's deadline. The descriptor is non-blocking: at paper-out a blocking write to usblp
would wait for ever.
"""

from __future__ import annotations

import os
import select
import time
from abc import abstractmethod
from dataclasses import dataclass

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.printers.base import NotPrinted, Printed, Printer, PrinterSettings, PrintResult, Unknown
from drivers.printers.languages import language
from drivers.printers.languages.dialogue import Dialogue, PrinterStatus

PIECE = 8192  # usblp's own buffer: a larger write is split there, and its progress is hidden from us
ANSWER_SECONDS = 2.0  # a label printer answers ~HS in under 0.2 s, between two labels
ASK_AGAIN_SECONDS = 0.2
IDLE_ANSWERS = 2  # the first "nothing waits" may come before the label has been read from the buffer


class ChannelSettings(PrinterSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`answers` = false for a printer that cannot be asked (a one-way cable, a print server)."""

    answers: bool = True


@dataclass(frozen=True)
class Opened:
    """An open descriptor, and what closes it."""

    fd: int
    closer: object = None


class ChannelPrinter(Printer):
    """Subclasses open and close the descriptor."""

    def __init__(self, name: str, settings: ChannelSettings) -> None:
        self.name = name
        self.media = settings.media()
        self._dialogue: Dialogue | None = language(settings.language).dialogue if settings.answers else None

    @abstractmethod
    def open_channel(self, within: Deadline) -> Opened:
        """A non-blocking descriptor; DeviceGone."""

    @abstractmethod
    def close_channel(self, opened: Opened) -> None:
        """Let go of it; never raises."""

    def drain(self, opened: Opened, within: Deadline) -> None:
        """Wait until the system has passed on what it took. Only for printers that cannot be asked."""
        return

    def print(self, data: bytes, *, label_id: str, within: Deadline) -> PrintResult:
        """Asked before, sent, asked after; see Printer."""
        try:
            opened = self.open_channel(within)
        except DeviceGone as gone:
            return NotPrinted(label_id, str(gone))
        try:
            before = self._ask(opened.fd, within)
            if before.ready is False:
                return NotPrinted(label_id, f"{self.name}: {before}")
            sent, problem = _send(opened.fd, data, within)
            if problem:
                why = f"{self.name}: {problem} after {sent} of {len(data)} bytes"
                return Unknown(label_id, why) if sent else NotPrinted(label_id, why)
            if self._dialogue is None:
                self.drain(opened, within)
            return self._await_done(opened.fd, label_id, within)
        finally:
            self.close_channel(opened)

    def status(self, *, within: Deadline) -> PrinterStatus:
        """Asked on a channel of its own."""
        try:
            opened = self.open_channel(within)
        except DeviceGone as gone:
            return PrinterStatus(ready=False, problems=(str(gone),))
        try:
            return self._ask(opened.fd, within)
        finally:
            self.close_channel(opened)

    def _await_done(self, fd: int, label_id: str, within: Deadline) -> PrintResult:
        if self._dialogue is None:
            return Unknown(label_id, f"{self.name}: sent; this printer does not say what it printed")
        idle, last = 0, PrinterStatus(ready=None)
        while not within.passed:
            last = self._ask(fd, within)
            idle = idle + 1 if last.ready and not last.waiting else 0
            if idle >= IDLE_ANSWERS:
                return Printed(label_id)
            time.sleep(min(ASK_AGAIN_SECONDS, within.left()))
        return Unknown(label_id, f"{self.name}: sent, and then: {last}")

    def _ask(self, fd: int, within: Deadline) -> PrinterStatus:
        """One query. No answer is an answer too: it is what a printer without paper gives."""
        if self._dialogue is None:
            return PrinterStatus(ready=None)
        deadline = Deadline(min(ANSWER_SECONDS, within.left()))
        _drain(fd)
        _, problem = _send(fd, self._dialogue.query, deadline)
        reply = b""
        while not problem and not deadline.passed:
            data, problem = _receive(fd, deadline)
            reply += data
            status = self._dialogue.parse(reply)
            if status is not None:
                return status
        gone = problem and problem != LATE
        return PrinterStatus(ready=False, problems=(problem if gone else f"no answer ({self._dialogue.silent_means})",))


LATE = "it takes nothing more"


def _send(fd: int, data: bytes, within: Deadline) -> tuple[int, str]:
    """Bytes that the system took, and what stopped it: empty for nothing."""
    sent = 0
    while sent < len(data):
        try:
            if not _ready(fd, select.POLLOUT, within):
                return sent, LATE
            sent += os.write(fd, data[sent : sent + PIECE])
        except BlockingIOError:
            time.sleep(min(0.01, within.left()))
            if within.passed:
                return sent, LATE
        except OSError as error:
            return sent, error.strerror or "it is gone"
    return sent, ""


def _receive(fd: int, within: Deadline) -> tuple[bytes, str]:
    try:
        if not _ready(fd, select.POLLIN, within):
            return b"", LATE
        data = os.read(fd, 4096)
    except BlockingIOError:
        return b"", ""
    except OSError as error:
        return b"", error.strerror or "it is gone"
    return (data, "") if data else (b"", "it hung up")


def _drain(fd: int) -> None:
    """Throw away what is left of an answer that came too late."""
    while _receive(fd, Deadline(0))[0]:
        continue


def _ready(fd: int, event: int, within: Deadline) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(within.left() * 1000))
