"""What a scanner or keypad says: bytes -> readings. Pure.

A reading is a Scan, or an Unreadable: what was damaged on its way is never mended, because half a tag may be somebody
else's tag.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

MAX_BYTES = 512  # a PSID or asset tag has under 100; a PDF417 of a driving licence, scanned by mistake, has 400

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


@dataclass(frozen=True)
class Unfinished:
    """A number was typed and not ended; it is forgotten, and the Enter that may still come is no answer."""

    number: str


Reading = Scan | Unreadable | Unfinished


def parse_reading(raw: bytes) -> Reading | None:
    """Parse one line from a scanner. None for an empty one.

    UTF-8, or else Windows-1252, as older scanners send it.
    """
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
        """Split off the lines that are whole now, without their ends. Empty ones are left out."""
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
