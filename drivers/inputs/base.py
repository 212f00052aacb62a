"""What the station asks of a scanner or keypad: readings, one for each code, for as long as the station runs.

A reading is a Scan, or an Unreadable: what was damaged on its way is never mended, because half a tag may be somebody
else's tag. Each input is read in a thread of its own, which does nothing but put readings into the engine's queue.
"""

from __future__ import annotations

import threading
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from drivers.deadline import Deadline
from drivers.errors import DeviceGone

MAX_BYTES = 512  # a PSID or asset tag has under 100; a PDF417 of a driving licence, scanned by mistake, has 400
POLL_SECONDS = 0.2  # how soon a stop is noticed
BACK_OFF = (0.25, 0.5, 1.0, 2.0, 5.0)

SYMBOLOGIES: Mapping[str, str] = {
    "A": "code-39",
    "C": "code-128",
    "E": "ean-upc",
    "F": "codabar",
    "G": "code-93",
    "I": "itf",
    "L": "pdf417",
    "Q": "qr",
    "X": "other",
    "d": "data-matrix",
    "e": "gs1-databar",
    "z": "aztec",
}
"""AIM code characters (ISO/IEC 15424) of the symbologies that scanners in use send."""


@dataclass(frozen=True)
class Scan:
    """One code: printable text without its ends, and the symbology if the scanner told it."""

    text: str
    symbology: str | None = None


@dataclass(frozen=True)
class Unreadable:
    """Something was scanned, and did not arrive whole. `reason` is for the log and the display."""

    reason: str


Reading = Scan | Unreadable


def parse_reading(raw: bytes) -> Reading | None:
    """One line from a scanner; None for an empty one. UTF-8, or else Windows-1252, as older scanners send it."""
    if len(raw) > MAX_BYTES:
        return Unreadable(f"longer than {MAX_BYTES} characters")
    framed = raw.strip(b"\x00\x02\x03\x04\r\n\t ")  # STX, ETX, EOT: what scanners put around a code
    try:
        text = framed.decode("utf-8")
    except UnicodeDecodeError:
        text = framed.decode("cp1252", errors="replace")
    text = unicodedata.normalize("NFC", text).strip()
    if not text:
        return None
    if "\ufffd" in text or any(unicodedata.category(c) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp") for c in text):
        return Unreadable("it holds characters that no label has")
    return split_aim(text)


def split_aim(text: str) -> Scan:
    """Take the AIM identifier (`]`, code character, modifier; ISO/IEC 15424) off a scan's text, if it has one."""
    if len(text) > 3 and text[0] == "]" and text[1] in SYMBOLOGIES and text[2].isascii() and text[2].isalnum():
        return Scan(text[3:].strip(), SYMBOLOGIES[text[1]])
    return Scan(text)


class LineSplitter:
    """Bytes as they come -> whole lines. CR, LF and CRLF end one; what is too long is kept to MAX_BYTES + 1."""

    def __init__(self) -> None:
        self._open = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Lines that are whole now, without their ends; empty ones are left out."""
        *whole, rest = (bytes(self._open) + data).replace(b"\r", b"\n").split(b"\n")
        self._open = bytearray(rest[: MAX_BYTES + 1])
        return [line for line in whole if line]

    @property
    def pending(self) -> bool:
        """Whether a line has begun and not ended."""
        return bool(self._open)

    def drop(self) -> None:
        """Forget a line that will not end."""
        self._open.clear()


class Input(ABC):
    """A source of readings. Subclasses open, read some bytes within a time, and close; the rest is here."""

    name: str
    gap_seconds: ClassVar[float | None] = None
    """A pause inside one code that means that its end was lost; None: a person may type as slowly as they like."""
    endless: ClassVar[bool] = True
    """Whether it comes back after it went; standard input does not."""

    @abstractmethod
    def open(self) -> None:
        """Open the device. DeviceGone when it is not there."""

    @abstractmethod
    def read_some(self, seconds: float) -> bytes:
        """What has arrived, waiting at most so long; empty for nothing. DeviceGone when the device is."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the device. Calling it twice is harmless."""

    def fault(self) -> str | None:
        """Why nothing can be read now; None while all is well. May be asked from any thread."""
        return self._fault

    def out_of_reach(self) -> tuple[str, ...]:
        """Codes of bays that a person can never type on it, because their numbers are too long; usually none."""
        return ()

    _fault: str | None = None

    def readings(
        self, stop: threading.Event, changed: Callable[[DeviceGone | None], None] = lambda _: None
    ) -> Iterator[Reading]:
        """Every reading until `stop` is set (noticed within 0.5 s). An unplugged device is opened again.

        `changed` hears, in this thread, that it is gone, and with None that it is back.
        """
        tries = 0
        try:
            while not stop.is_set():
                try:
                    self.open()
                    if self._fault is not None:
                        changed(None)
                    self._fault, tries = None, 0
                    yield from self._session(stop)
                except DeviceGone as gone:
                    if self._fault != gone.line():
                        changed(gone)
                    self._fault = gone.line()
                self.close()
                if not self.endless:
                    return
                stop.wait(BACK_OFF[min(tries, len(BACK_OFF) - 1)])
                tries += 1
        finally:
            self.close()

    def _session(self, stop: threading.Event) -> Iterator[Reading]:
        splitter = LineSplitter()  # a new one for each session: half a code from before the unplugging is lost
        quiet = Deadline(0)
        while not stop.is_set():
            data = self.read_some(POLL_SECONDS)
            for line in splitter.feed(data):
                reading = parse_reading(line)
                if reading is not None:
                    yield reading
            if data and self.gap_seconds is not None:
                quiet = Deadline(self.gap_seconds)
            elif splitter.pending and self.gap_seconds is not None and quiet.passed:
                splitter.drop()
                yield Unreadable("it has no end: the scanner must send CR after each code")
