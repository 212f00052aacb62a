"""TSPL2, for TSC printers and the many that understand it. Source: TSC, TSPL/TSPL2 Programming Manual (2013).

Lines and boxes are the printer's, and the QR code where its content is plain; letters are sent as dots: not every
printer that speaks TSPL has font "0" or CODEPAGE UTF-8, and none says so. So no text of a certificate is ever in a
command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from drivers.printers.languages import Language
from drivers.printers.languages.dialogue import Dialogue, PrinterStatus
from drivers.printers.languages.label import Label, Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.marks import Drawing, Mark, Qr
from drivers.printers.languages.raster import Sheet, Tile, rectangles

END = b"\r\n"
PLAIN = re.compile(r"[A-Za-z0-9:/?&=%._+-]+")  # nothing that ends a string, escapes, or means something in mode A
LARGEST_CELL = 10  # dots of a QR code's module ("QRCODE", p. 63)
FLAGS = ("head open", "paper jam", "paper out", "ribbon out", "paused", "", "cover open", "too hot or too cold")
PRINTING = 0x20


def render(label: Label, media: Media) -> bytes:
    """Render one label, SIZE to PRINT.

    May raise LabelDoesNotFit; DriverUnavailable without the `labels` extra.
    """
    return write(lay_out(label, media), media)


def write(drawing: Drawing, media: Media) -> bytes:
    """Write a drawing in TSPL: sizes in mm, places in dots."""
    sheet = Sheet(drawing)
    head = (
        f"SIZE {media.width_mm} mm,{media.height_mm} mm",
        f"GAP {media.gap_mm} mm,0 mm",
        "DIRECTION 1",
        "REFERENCE 0,0",
        "CODEPAGE UTF-8",
        "CLS",
    )
    lines = [line.encode("ascii") for line in head]
    lines += (line for mark in drawing.marks for line in _commands(mark, sheet))
    return b"".join(line + END for line in (*lines, b"PRINT 1,1"))


def _commands(mark: Mark, sheet: Sheet) -> Iterator[bytes]:
    blocks = rectangles(mark)
    if blocks is not None:
        for block in blocks:
            yield f"BAR {block.x},{block.y},{block.width},{block.height}".encode("ascii")
    elif isinstance(mark, Qr) and PLAIN.fullmatch(mark.data) and mark.module <= LARGEST_CELL:
        # M2: the default is model 1, which no telephone reads
        yield f'QRCODE {mark.x},{mark.y},{mark.level},{mark.module},A,0,M2,S7,"{mark.data}"'.encode("ascii")
    elif (tile := sheet.tile(mark)) is not None:
        yield image_command(tile)


def image_command(tile: Tile) -> bytes:
    """Build BITMAP in mode 0, overwrite; 0 is black.

    ESC ! is a command even within an image, and costs one dot here.
    """
    data = re.sub(rb"\x1b(?=!)", b"\x1a", tile.bitmap.inverted())
    return f"BITMAP {tile.x},{tile.y},{tile.bitmap.stride},{tile.bitmap.height},0,".encode("ascii") + data


def parse_status(reply: bytes) -> PrinterStatus | None:
    """Parse the one byte that answers ESC !? (manual, "<ESC>!?"). The last one, where answers came late."""
    if not reply:
        return None
    status = reply[-1]
    problems = tuple(words for bit, words in enumerate(FLAGS) if words and status >> bit & 1)
    return PrinterStatus(ready=not problems, problems=problems, waiting=1 if status & PRINTING else 0)


LANGUAGE = Language(
    name="tspl",
    extension="tspl",
    render=render,
    dialogue=Dialogue(b"\x1b!?", parse_status, "switched off, or a line that cannot answer", shows_printing=True),
)
