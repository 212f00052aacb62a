"""A printer behind a descriptor (USB character device, serial port, TCP socket): the same careful way for each.

    status -> send in pieces -> hear that it is done, where the printer says so by itself -> ask until it is idle

Everything that waits has the caller's deadline. The descriptor is non-blocking: at paper-out a blocking write to usblp
would wait for ever.
"""

from __future__ import annotations

import errno
import os
import select
import time
from abc import abstractmethod
from dataclasses import dataclass

from drivers.deadline import Deadline
from drivers.errors import DeviceGone
from drivers.printers.base import NotPrinted, Printed, Printer, PrinterSettings, PrintResult, Unknown
from drivers.printers.languages import language
from drivers.printers.languages.dialogue import Completion, Dialogue, PrinterStatus

PIECE = 8192  # usblp's own buffer: a larger write is split there, and its progress is hidden from us
ANSWER_SECONDS = 2.0  # a label printer answers ~HS in under 0.2 s, between two labels
ASK_AGAIN_SECONDS = 0.2
LOOK_AGAIN_SECONDS = 0.05  # where a printing must be seen: the shortest label takes 0.3 s
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
            before = self._await_turn(opened.fd, within)
            if before.ready is False:
                return NotPrinted(label_id, f"{self.name}: {before}")
            if self._dialogue is not None:
                _drain(opened.fd)
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

    def _await_turn(self, fd: int, within: Deadline) -> PrinterStatus:
        """How the printer is, once it prints no other label whose end could be taken for that of ours."""
        status = self._ask(fd, within)
        if self._dialogue is None or not (self._dialogue.completion or self._dialogue.shows_printing):
            return status
        while status.ready and status.waiting:
            if within.passed:
                return PrinterStatus(ready=False, problems=("it still prints another label",))
            time.sleep(min(ASK_AGAIN_SECONDS, within.left()))
            status = self._ask(fd, within)
        return status

    def _await_done(self, fd: int, label_id: str, within: Deadline) -> PrintResult:
        if self._dialogue is None:
            return Unknown(label_id, f"{self.name}: sent; this printer does not say what it printed")
        if self._dialogue.completion is not None:
            told = _hear(fd, self._dialogue.completion, within)
            if not told.ready:
                return Unknown(label_id, f"{self.name}: sent, and then: {told}")
        last = self._await_idle(fd, self._dialogue, within)
        return Unknown(label_id, f"{self.name}: sent, and then: {last}") if last else Printed(label_id)

    def _await_idle(self, fd: int, dialogue: Dialogue, within: Deadline) -> str:
        """Asked until the printer is idle, and was seen printing where it shows that; else what it said last."""
        pause = LOOK_AGAIN_SECONDS if dialogue.shows_printing else ASK_AGAIN_SECONDS
        idle, seen, last = 0, not dialogue.shows_printing, "no time was left to ask it"
        while not within.passed:
            status = self._ask(fd, within)
            seen = seen or bool(status.waiting)
            idle = idle + 1 if seen and status.ready and not status.waiting else 0
            if idle >= IDLE_ANSWERS:
                return ""
            last = str(status) if seen or not status.ready else f"{status}, and it was not seen printing"
            time.sleep(min(pause, within.left()))
        return last

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
PAPER_OUT = "paper out"  # how the kernel's printer class words it: ENOSPC (drivers/usb/class/usblp.c, usblp_wwait)


def _hear(fd: int, completion: Completion, within: Deadline) -> PrinterStatus:
    """Wait for the word that the label is done, or why it is not."""
    _, problem = _send(fd, completion.query, within)
    reply = b""
    while not problem and not within.passed:
        data, problem = _receive(fd, within)
        reply += data
        status = completion.parse(reply)
        if status is not None:
            return status
    return PrinterStatus(ready=False, problems=(problem if problem and problem != LATE else "no word that it is done",))


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
            return sent, PAPER_OUT if error.errno == errno.ENOSPC else error.strerror or "it is gone"
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
