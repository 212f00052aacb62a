"""A printer behind a descriptor (USB character device, serial port, TCP socket): the same careful way for each.

    status -> send in pieces -> hear that it is done, where the printer says so by itself -> ask until it is idle

Everything that waits has the caller's deadline.
"""

from __future__ import annotations

import errno
import os
import queue
import select
import threading
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
EMPTY_PACKET_SECONDS = 0.01
IDLE_ANSWERS = 2  # the first "nothing waits" may come before the label has been read from the buffer


class ChannelSettings(PrinterSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`answers` = false for a printer that cannot be asked (a one-way cable, a print server)."""

    answers: bool = True


@dataclass(frozen=True)
class Opened:
    """An open descriptor, and what closes it. It is non-blocking.

    `packets`: it is a USB printer of the kernel's (usblp), and blocks: `_write`. Nothing read is an empty packet.
    """

    fd: int
    closer: object = None
    packets: bool = False


class ChannelPrinter(Printer):
    """Subclasses open and close the descriptor."""

    def __init__(self, name: str, settings: ChannelSettings) -> None:
        self.name = name
        self.media = settings.media()
        self._dialogue: Dialogue | None = language(settings.language).dialogue if settings.answers else None

    @abstractmethod
    def open_channel(self, within: Deadline) -> Opened:
        """Open a descriptor as Opened says. May raise DeviceGone."""

    @abstractmethod
    def close_channel(self, opened: Opened) -> None:
        """Let go of it; never raises."""

    def drain(self, opened: Opened, within: Deadline) -> None:
        """Wait until the system has passed on what it took. Only for printers that cannot be asked."""
        return

    def trouble(self, opened: Opened, within: Deadline) -> str:
        """Read what the line itself tells of the printer, without its language. Empty for nothing."""
        return ""

    def print(self, data: bytes, *, label_id: str, within: Deadline) -> PrintResult:
        """Print by asking before, sending, and asking after; see Printer."""
        try:
            opened = self.open_channel(within)
        except DeviceGone as gone:
            return NotPrinted(label_id, str(gone))
        try:
            before = self._await_turn(opened, within)
            if before.ready is False:
                return NotPrinted(label_id, f"{self.name}: {before}")
            if self._dialogue is not None:
                _drain(opened)
            sent, problem = _send(opened, data, within)
            if problem:
                why = f"{self.name}: {problem} after {sent} of {len(data)} bytes"
                return Unknown(label_id, why) if sent else NotPrinted(label_id, why)
            if self._dialogue is None:
                self.drain(opened, within)
            return self._await_done(opened, label_id, within)
        finally:
            self.close_channel(opened)

    def status(self, *, within: Deadline) -> PrinterStatus:
        """Ask on a channel of its own."""
        try:
            opened = self.open_channel(within)
        except DeviceGone as gone:
            return PrinterStatus(ready=False, problems=(str(gone),))
        try:
            return self._ask(opened, within)
        finally:
            self.close_channel(opened)

    def _await_turn(self, opened: Opened, within: Deadline) -> PrinterStatus:
        """How the printer is, once it prints no other label whose end could be taken for that of ours."""
        status = self._ask(opened, within)
        if self._dialogue is None or not (self._dialogue.completion or self._dialogue.shows_printing):
            return status
        while status.ready and status.waiting:
            if within.passed:
                return PrinterStatus(ready=False, problems=("it still prints another label",))
            time.sleep(min(ASK_AGAIN_SECONDS, within.left()))
            status = self._ask(opened, within)
        return status

    def _await_done(self, opened: Opened, label_id: str, within: Deadline) -> PrintResult:
        if self._dialogue is None:
            return Unknown(label_id, f"{self.name}: sent; this printer does not say what it printed")
        if self._dialogue.completion is not None:
            told = _hear(opened, self._dialogue.completion, within)
            if not told.ready:
                return Unknown(label_id, f"{self.name}: sent, and then: {told}")
        last = self._await_idle(opened, self._dialogue, within)
        return Unknown(label_id, f"{self.name}: sent, and then: {last}") if last else Printed(label_id)

    def _await_idle(self, opened: Opened, dialogue: Dialogue, within: Deadline) -> str:
        """Asked until the printer is idle, and was seen printing where it shows that; else what it said last."""
        pause = LOOK_AGAIN_SECONDS if dialogue.shows_printing else ASK_AGAIN_SECONDS
        idle, seen, last = 0, not dialogue.shows_printing, "no time was left to ask it"
        while not within.passed:
            status = self._ask(opened, within)
            seen = seen or bool(status.waiting)
            idle = idle + 1 if seen and status.ready and not status.waiting else 0
            if idle >= IDLE_ANSWERS:
                return ""
            if status.gone:
                return str(status)
            last = str(status) if seen or not status.ready else f"{status}, and it was not seen printing"
            time.sleep(min(pause, within.left()))
        return last

    def _ask(self, opened: Opened, within: Deadline) -> PrinterStatus:
        """One query. No answer is an answer too: it is what a printer without paper gives."""
        if trouble := self.trouble(opened, within):
            return PrinterStatus(ready=False, problems=(trouble,), gone=trouble == GONE)
        if self._dialogue is None:
            return PrinterStatus(ready=None)
        deadline = Deadline(min(ANSWER_SECONDS, within.left()))
        _drain(opened)
        _, problem = _send(opened, self._dialogue.query, deadline)
        reply = b""
        while not problem and not deadline.passed:
            data, problem = _receive(opened, deadline)
            reply += data
            status = self._dialogue.parse(reply)
            if status is not None:
                return status
        if problem and problem != LATE:
            return PrinterStatus(ready=False, problems=(problem,), gone=True)
        return PrinterStatus(ready=False, problems=(f"no answer ({self._dialogue.silent_means})",))


LATE = "it takes nothing more"
GONE = "it is gone"
PAPER_OUT = "paper out"  # how the kernel's printer class words it: ENOSPC (drivers/usb/class/usblp.c, usblp_wwait)


def _hear(opened: Opened, completion: Completion, within: Deadline) -> PrinterStatus:
    """Wait for the word that the label is done, or why it is not."""
    _, problem = _send(opened, completion.query, within)
    reply = b""
    while not problem and not within.passed:
        data, problem = _receive(opened, within)
        reply += data
        status = completion.parse(reply)
        if status is not None:
            return status
    return PrinterStatus(ready=False, problems=(problem if problem and problem != LATE else "no word that it is done",))


def _send(opened: Opened, data: bytes, within: Deadline) -> tuple[int, str]:
    """Bytes that the printer may have, and what stopped it: empty for nothing."""
    sent = 0
    while sent < len(data):
        piece = data[sent : sent + PIECE]
        try:
            if not _ready(opened.fd, select.POLLOUT, within):
                return sent, LATE
            sent += _write(opened, piece, within)
        except BlockingIOError:
            time.sleep(min(0.01, within.left()))
            if within.passed:
                return sent, LATE
        except TimeoutError:
            return sent + len(piece), LATE
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return sent, PAPER_OUT
            return sent + len(piece) * opened.packets, error.strerror or GONE
    return sent, ""


def _write(opened: Opened, piece: bytes, within: Deadline) -> int:
    """One write; TimeoutError. usblp takes a piece at once of who does not wait, and never tells him that it was lost.

    So it is waited for in a thread, which ends with the transfer: when the printer goes on, or is unplugged. Until then
    the device is busy for everybody else.
    """
    if not opened.packets:
        return os.write(opened.fd, piece)
    ended: queue.SimpleQueue[int | OSError] = queue.SimpleQueue()
    threading.Thread(target=_put_written, args=(opened.fd, piece, ended), name="usblp", daemon=True).start()
    try:
        found = ended.get(timeout=within.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, OSError):
        raise found
    return found


def _put_written(fd: int, piece: bytes, ended: queue.SimpleQueue[int | OSError]) -> None:
    try:
        ended.put(os.write(fd, piece))
    except OSError as error:
        ended.put(error)


def _receive(opened: Opened, within: Deadline) -> tuple[bytes, str]:
    try:
        if not _ready(opened.fd, select.POLLIN, within):
            return b"", LATE
        data = os.read(opened.fd, 4096)
    except BlockingIOError:
        return b"", ""
    except OSError as error:
        if not (opened.packets and error.errno == errno.EIO):  # one read that failed: usblp begins another
            return b"", error.strerror or GONE
        data = b""
    if data or not opened.packets:
        return (data, "") if data else (b"", "it hung up")
    time.sleep(min(EMPTY_PACKET_SECONDS, within.left()))
    return b"", ""


def _drain(opened: Opened) -> None:
    """Throw away what is left of an answer that came too late."""
    while _receive(opened, Deadline(0))[0]:
        continue


def _ready(fd: int, event: int, within: Deadline) -> bool:
    poll = select.poll()
    poll.register(fd, event)
    return bool(poll.poll(within.left() * 1000))
