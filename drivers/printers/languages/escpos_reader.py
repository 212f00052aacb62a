"""Reads ESC/POS. Source: Epson, ESC/POS Application Programming Guide: ESC @, GS a, GS v 0, GS V."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drivers.printers.languages.label import Media
from drivers.printers.languages.reading import Scanner, blank, put

if TYPE_CHECKING:
    from PIL import Image

RECEIVE_BUFFER = 4096  # the smallest (DIP switch "small")


def read(data: bytes, media: Media) -> Image.Image:
    """Read the paper's dots, as wide as the pictures. Raise ValueError for what no such printer could print."""
    if found := re.search(rb"\x10[\x04\x05\x14]", data):
        raise ValueError(f"{found[0].hex(' ')} is obeyed at once, even within a picture")
    scanner = Scanner(data)
    if not scanner.match(rb"\x1b@\x1da\x00"):
        raise scanner.unknown()
    strips: list[tuple[int, int, bytes]] = []
    while not scanner.match(rb"\x1dVB."):
        head = scanner.match(rb"\x1dv0\x00(..)(..)")
        if head is None:
            raise scanner.unknown()
        stride, count = (int.from_bytes(field, "little") for field in head.groups())
        if stride * count > RECEIVE_BUFFER or (strips and strips[0][0] != stride):
            raise ValueError(f"a strip of {stride} x {count} bytes")
        strips.append((stride, count, scanner.take(stride * count)))
    if not scanner.done or not strips:
        raise scanner.unknown()
    sheet = blank(8 * strips[0][0], sum(count for _, count, _ in strips))
    y = 0
    for stride, count, rows in strips:
        put(sheet, 0, y, 8 * stride, count, rows, black=1)
        y += count
    return sheet
