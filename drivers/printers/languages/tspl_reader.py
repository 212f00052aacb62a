"""Reads TSPL. Source: TSC, TSPL/TSPL2 Programming Manual (2013): SIZE to CLS, BAR, BITMAP, QRCODE, PRINT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.printers.languages.label import Media
from drivers.printers.languages.marks import Drawing, Qr, qr_version
from drivers.printers.languages.paint import paint
from drivers.printers.languages.reading import Scanner, blank, fill, inside, put

if TYPE_CHECKING:
    from PIL import Image

SETTINGS = rb"(?:GAP \d+ mm,\d+ mm|DIRECTION [01]|REFERENCE 0,0|CODEPAGE UTF-8)\r\n"


def read(data: bytes, media: Media) -> Image.Image:
    """Read the label's dots. The resolution is the printer's.

    Raise ValueError for what no TSPL printer could print.
    """
    if b"\x1b!" in data:
        raise ValueError("ESC ! is an immediate command, even within an image")
    scanner = Scanner(data)
    size = scanner.match(rb"SIZE (\d+) mm,(\d+) mm\r\n")
    if size is None:
        raise scanner.unknown()
    while scanner.match(SETTINGS):
        continue
    if not scanner.match(rb"CLS\r\n"):
        raise scanner.unknown()
    sheet = blank(*(int(int(mm) * media.dpi / 25.4) for mm in size.groups()))
    while not scanner.match(rb"PRINT 1,1\r\n"):
        _command(scanner, sheet)
    if not scanner.done:
        raise scanner.unknown()
    return sheet


def _command(scanner: Scanner, sheet: Image.Image) -> None:
    if bar := scanner.match(rb"BAR (\d+),(\d+),(\d+),(\d+)\r\n"):
        x, y, width, height = map(int, bar.groups())
        fill(sheet, x, y, width, height)
    elif bits := scanner.match(rb"BITMAP (\d+),(\d+),(\d+),(\d+),0,"):
        x, y, stride, height = map(int, bits.groups())
        put(sheet, x, y, 8 * stride, height, scanner.take(stride * height), black=0)
        if not scanner.match(rb"\r\n"):
            raise scanner.unknown()
    elif code := scanner.match(rb'QRCODE (\d+),(\d+),([LM]),(\d+),A,0,M2,S7,"([^"\\\x00-\x1f]+)"\r\n'):
        x, y, cell = int(code[1]), int(code[2]), int(code[4])
        _qr(sheet, x, y, cell, code[3].decode(), code[5].decode("ascii"))
    else:
        raise scanner.unknown()


def _qr(sheet: Image.Image, x: int, y: int, cell: int, level: str, content: str) -> None:
    version = qr_version(content, level)
    if version is None or not 1 <= cell <= 10:
        raise ValueError(f"a QR code of {len(content)} characters in cells of {cell}")
    mark = Qr(0, 0, cell, level, version, content)
    inside(sheet, x, y, mark.width, mark.height)
    sheet.paste(paint(Drawing(mark.width, mark.height, (mark,))), (x, y))
