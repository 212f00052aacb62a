"""EPL2, for older Zebra and Eltron printers. Source: Zebra, EPL Programming Guide (14245L-003 Rev. A).

Lines and boxes are the printer's (LO); letters and the QR code are dots (GW): which code page a printer has depends on
its model and country, and the desktop printers before the GX series print nothing at all for a QR code (b). So no text
of a certificate is ever in a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from drivers.printers.languages import Language
from drivers.printers.languages.dialogue import Completion, Dialogue, PrinterStatus
from drivers.printers.languages.label import Label, Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Drawing, Mark
from drivers.printers.languages.raster import Sheet, rectangles

END = b"\r\n"
SMALLEST_GAP = 16  # dots ("Q"); 0 is continuous paper

# Codes of ^ee, p. 175. What is not here is a fault too, by its number.
CODES = {
    "01": "it did not understand a command",
    "02": "the label leaves the paper",
    "07": "paper or ribbon out",
    "11": "head open",
    "12": "paused",
}
FINE = {"00"}
_REPORT = re.compile(rb"(?:\$|\x15)?(\d\d)(?:[PR]\d+)?((?:,\d\d)*)\r?\n")
ACK = b"\x06"


def render(label: Label, media: Media) -> bytes:
    """Render one form, N to P1.

    May raise LabelDoesNotFit; DriverUnavailable without the `labels` extra.
    """
    return write(lay_out(label, media), media)


def write(drawing: Drawing, media: Media) -> bytes:
    """Write a drawing in EPL2. No R: it would override q. The empty line ends what a broken transfer left."""
    sheet = Sheet(drawing)
    gap = max(SMALLEST_GAP, media.dots(media.gap_mm)) if media.gap_mm else 0
    head = ("", "N", f"q{drawing.width}", f"Q{drawing.height},{gap}", "ZT")
    lines = [line.encode("ascii") for line in head]
    lines += (line for mark in drawing.marks for line in _commands(mark, sheet))
    return b"".join(line + END for line in (*lines, b"P1"))


def _commands(mark: Mark, sheet: Sheet) -> Iterator[bytes]:
    blocks = rectangles(mark)
    if blocks is not None:
        for block in blocks:
            yield f"LO{block.x},{block.y},{block.width},{block.height}".encode("ascii")
    elif (tile := sheet.tile(mark)) is not None:  # 0 is black
        image = tile.bitmap
        yield f"GW{tile.x},{tile.y},{image.stride},{image.height},".encode("ascii") + image.inverted()


def parse_report(reply: bytes) -> PrinterStatus | None:
    """Parse the report of ^ee, or of a change of state ("$11"), which eR$,2 asks for.

    None while it is not whole.
    """
    found = _REPORT.search(reply)
    if found is None:
        return None
    codes = [found[1].decode(), *found[2].decode().split(",")[1:]]
    problems = tuple(CODES.get(code, f"error {code}") for code in codes if code not in FINE)
    return PrinterStatus(ready=not problems, problems=problems)


def parse_completion(reply: bytes) -> PrinterStatus | None:
    """Parse the ACK after the label, which US asks for; a report of an error where it was not printed."""
    if ACK in reply:
        return PrinterStatus(ready=True)
    status = parse_report(reply)
    return status if status is not None and not status.ready else None


LANGUAGE = Language(
    name="epl",
    extension="epl",
    render=render,
    dialogue=Dialogue(
        b"\r\nUS\r\neR$,2\r\n^ee\r\n",  # ^ee last: the ACK of US comes before its report, and not after the label
        parse_report,
        "switched off, or a line that cannot answer: older models answer on a serial line only",
        completion=Completion(b"", parse_completion),
    ),
)
