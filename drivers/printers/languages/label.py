"""What stands on a label, in no printer's language. agent/certificates/label.py makes it of a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Shape(Enum):
    """The outcome as a shape, for whoever does not read the words."""

    TICK = "tick"
    FRAMED_TICK = "framed-tick"
    CROSS = "cross"
    HALF = "half"
    HOLLOW = "hollow"
    SIGNED = "signed"


@dataclass(frozen=True)
class Row:
    """One line. `text` is shortened in its middle when it is an identifier (its ends tell most), else at its end.

    `kept`: so many characters at its end stay, and those before them go. `whole`: a warning. It is never shortened: it
    takes as many lines as it needs, and what is no warning and no identifier makes room for it.
    """

    text: str
    identifier: bool = False
    strong: bool = False
    kept: int = 0
    whole: bool = False


@dataclass(frozen=True)
class Label:
    """Rows stand in order of importance: a small label shows the first of them.

    `alarm` asks for white on black and a thick frame. `qr` is the QR code's content, `barcode` the Code 128's, which
    only large labels have room for. `footer` (the certificate's number) is on every label. `qr_short`: what the QR code
    holds where the label has no room for `qr`.
    """

    headline: str
    shape: Shape
    alarm: bool
    rows: tuple[Row, ...]
    footer: str
    qr: str
    barcode: str = ""
    grade: str = ""
    copy: str = ""
    qr_short: str = ""


@dataclass(frozen=True)
class Media:
    """The label in the printer and how finely it prints.

    `gap_mm`: between two labels, 0 for continuous paper; for languages that are told. `printable`: dots that a printer
    reaches across and down, where that is not the whole label.
    """

    language: str = "zpl"
    width_mm: int = 57
    height_mm: int = 32
    dpi: int = 203
    gap_mm: int = 3
    printable: tuple[int, int] | None = None

    @property
    def width(self) -> int:
        """Dots, rounded down: what falls off the edge is not printed."""
        return self.printable[0] if self.printable else int(self.width_mm * self.dpi / 25.4)

    @property
    def height(self) -> int:
        """Dots, rounded down."""
        return self.printable[1] if self.printable else int(self.height_mm * self.dpi / 25.4)

    def dots(self, mm: float) -> int:
        """Convert a length to dots, at least one."""
        return max(1, round(mm * self.dpi / 25.4))
