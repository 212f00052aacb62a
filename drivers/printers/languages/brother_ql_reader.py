"""Reads Brother QL raster.

Source: Brother, Raster Command Reference QL-710W/720NW: 2.1 (order), 2.3.5 (lines), 4 (commands).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.printers.languages.label import Media
from drivers.printers.languages.reading import Scanner, blank, put

if TYPE_CHECKING:
    from PIL import Image

COMMANDS = (  # in the order of 2.1: raster mode, print information, auto cut, every 1, cut at end, margin
    rb"\x00{200,}\x1b@\x1bia\x01\x1biz(?P<valid>.)(?P<kind>[\x0a\x0b])(?P<width>.)(?P<length>.)(?P<lines>.{4})\x00\x00"
    rb"\x1biM\x40\x1biA\x01\x1biK\x08\x1bid(?P<margin>..)"
)
HEADS = (90, 162)  # bytes of a line: 720 pins, and 1296 of the QL-1050, 1060N and 1100


def read(data: bytes, media: Media) -> Image.Image:
    """Read all dots of the print head, as they lie on the tape with its beginning on top.

    Raise ValueError for no whole page.
    """
    scanner = Scanner(data)
    head = scanner.match(COMMANDS)
    if head is None:
        raise scanner.unknown()
    die_cut = head["kind"] == b"\x0b"
    if die_cut is (head["length"] == b"\x00") or head["valid"] != (b"\x8e" if die_cut else b"\x86"):
        raise ValueError("print information that contradicts itself")
    if int.from_bytes(head["margin"], "little") != (0 if die_cut else 35):
        raise ValueError("a margin that its media do not have")
    lines = []
    while line := scanner.match(rb"g\x00(.)"):
        lines.append(scanner.take(line[1][0]))
    size = len(lines[0]) if lines else 0
    if not scanner.match(rb"\x1a") or not scanner.done:
        raise scanner.unknown()
    if size not in HEADS or any(len(line) != size for line in lines):
        raise ValueError("lines that no print head has")
    if len(lines) != int.from_bytes(head["lines"], "little"):
        raise ValueError(f"{len(lines)} lines, and not as many as announced")
    sheet = blank(8 * size, len(lines))
    put(sheet, 0, 0, 8 * size, len(lines), b"".join(lines), black=1)
    return _from_pin_0_at_the_right(sheet)


def _from_pin_0_at_the_right(sheet: Image.Image) -> Image.Image:
    from PIL import Image

    return sheet.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
