"""What a layout is made of: marks in dots, origin top left, x to the right, y down. Every language draws these."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# Advance widths in thousandths of the height of a bold condensed face (Zebra's font 0 and its like), measured on
# an independent renderer and rounded up. Too wide only makes text smaller; too narrow would overlap.
_WIDTHS = {
    250: "\\ |",
    280: ":;/ftijlI'{}",
    334: '!"(),.[]`r·',
    390: "z",
    444: "Jckxvys°",
    460: "ç",
    500: "#$*+0123456789<=>ELTZ^_abdeghnopquäåéèàñøöß~",
    556: "ABCKSVXYÅ?üF",
    580: "ÄP",
    611: "DGHNOQRUØÖÜÉ",
    667: "&w",
    722: "æ",
    778: "MmÆ",
    800: "-",
    833: "%@W",
}
_ADVANCE = {char: width for width, chars in _WIDTHS.items() for char in chars}
_WIDEST = 850

# Byte-mode capacity of QR versions 1 to 15 (ISO/IEC 18004 table 7).
_QR_BYTES = {
    "M": (14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412),
    "L": (17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520),
}


@dataclass(frozen=True)
class Text:
    """One line in a cell of this height: capitals reach from its top to three quarters. `reverse`: white on black."""

    x: int
    y: int
    height: int
    text: str
    reverse: bool = False

    @property
    def width(self) -> int:
        """Dots that it takes at most."""
        return text_width(self.text, self.height)


@dataclass(frozen=True)
class Box:
    """A rectangle; full when its line is as thick as half its smaller side."""

    x: int
    y: int
    width: int
    height: int
    line: int

    @property
    def full(self) -> bool:
        """Whether nothing of its inside stays white."""
        return 2 * self.line >= min(self.width, self.height)


@dataclass(frozen=True)
class Diagonal:
    """A stroke from corner to corner. `line` is measured along x, and lies within the width."""

    x: int
    y: int
    width: int
    height: int
    line: int
    rising: bool


@dataclass(frozen=True)
class Qr:
    """A QR code without its quiet zone. `data` is ASCII, in byte mode, so that its version is known beforehand."""

    x: int
    y: int
    module: int
    level: str
    version: int
    data: str

    @property
    def width(self) -> int:
        """Dots of each side."""
        return self.module * qr_modules(self.version)

    @property
    def height(self) -> int:
        """A square."""
        return self.width


@dataclass(frozen=True)
class Code128:
    """A Code 128 in code set B, without its quiet zones and without text under it."""

    x: int
    y: int
    module: int
    height: int
    data: str

    @property
    def width(self) -> int:
        """Dots of start, data, check and stop."""
        return self.module * code128_modules(self.data)


Mark = Text | Box | Diagonal | Qr | Code128


@dataclass(frozen=True)
class Drawing:
    """A label in dots."""

    width: int
    height: int
    marks: tuple[Mark, ...]


def printable(text: str) -> str:
    """Reduce the text to Latin-1 without control characters: what every printer's face holds.

    Anything else becomes "?".
    """
    plain = unicodedata.normalize("NFC", text).replace("…", "...").replace("\t", " ")
    return "".join(c if " " <= c <= "~" or "\xa1" <= c <= "\xff" else "?" for c in plain)


def text_width(text: str, height: int) -> int:
    """Measure the dots that this text takes at this height, rounded up."""
    return -(-sum(_ADVANCE.get(c, _WIDEST) for c in text) * height // 1000)


def qr_modules(version: int) -> int:
    """Count the modules of a side (ISO/IEC 18004 section 6.3.1)."""
    return 17 + 4 * version


def qr_version(data: str, level: str) -> int | None:
    """Find the smallest version that holds these bytes. None above 15, which no small label prints well."""
    for version, most in enumerate(_QR_BYTES[level], start=1):
        if len(data.encode()) <= most:
            return version
    return None


def code128_modules(data: str) -> int:
    """Start, data and check at 11 modules each, stop with its bar at 13 (ISO/IEC 15417)."""
    return 11 * (len(data) + 2) + 13
