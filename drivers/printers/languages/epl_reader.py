"""Reads EPL2. Source: Zebra, EPL Programming Guide (14245L-003 Rev. A): N, q, Q, ZT, LO, GW (p. 110), P."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drivers.printers.languages.label import Media
from drivers.printers.languages.reading import Scanner, blank, fill, put

if TYPE_CHECKING:
    from PIL import Image


def read(data: bytes, media: Media) -> Image.Image:
    """Read the label's dots. Raise ValueError for what no EPL2 printer could print."""
    scanner = Scanner(data)
    size = scanner.match(rb"\r\nN\r\nq(\d+)\r\nQ(\d+),(\d+)\r\nZT\r\n")
    if size is None:
        raise scanner.unknown()
    if int(size[3]) and not 16 <= int(size[3]) <= 240:
        raise ValueError(f"a gap of {int(size[3])} dots; Q takes 16 to 240, or 0")
    sheet = blank(int(size[1]), int(size[2]))
    while not scanner.match(rb"P1\r\n"):
        if line := scanner.match(rb"LO(\d+),(\d+),(\d+),(\d+)\r\n"):
            x, y, width, height = map(int, line.groups())
            fill(sheet, x, y, width, height)
        elif bits := scanner.match(rb"GW(\d+),(\d+),(\d+),(\d+),"):
            x, y, stride, height = map(int, bits.groups())
            put(sheet, x, y, 8 * stride, height, scanner.take(stride * height), black=0)
            if not scanner.match(rb"\r\n"):
                raise scanner.unknown()
        else:
            raise scanner.unknown()
    if not scanner.done:
        raise scanner.unknown()
    return sheet
