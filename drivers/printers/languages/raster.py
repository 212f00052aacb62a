"""Drawing -> dots, for printers whose own letters cannot be trusted with ÆØÅ: they get what the preview shows.

Rectangles stay rectangles where a language can draw them; everything else becomes tiles cut out of the painted label.
A tile holds all that is painted within it, so that tiles may overlap and come in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from drivers.printers.languages.code128 import bars
from drivers.printers.languages.marks import Box, Code128, Drawing, Mark, Text
from drivers.printers.languages.paint import paint

if TYPE_CHECKING:
    from PIL import Image

DARK = tuple(255 if shade < 128 else 0 for shade in range(256))


@dataclass(frozen=True)
class Bitmap:
    """Rows from the top, most significant bit leftmost, 1 for black; each row padded with white to whole bytes."""

    width: int
    height: int
    data: bytes

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return -(-self.width // 8)

    def rows(self, first: int = 0, count: int | None = None) -> bytes:
        """Give the bytes of `count` rows from `first` on. All that are left without a count."""
        last = self.height if count is None else first + count
        return self.data[first * self.stride : last * self.stride]

    def inverted(self) -> bytes:
        """Invert all rows: 0 for black, padding white."""
        return self.data.translate(_INVERTED)


@dataclass(frozen=True)
class Tile:
    """A part of the label; its bitmap's width is a whole number of bytes where the label is as wide."""

    x: int
    y: int
    bitmap: Bitmap


@dataclass(frozen=True)
class Rectangle:
    """Black from edge to edge, in dots."""

    x: int
    y: int
    width: int
    height: int


_INVERTED = bytes(255 - value for value in range(256))


def bitmap(drawing: Drawing, *, turned: bool = False) -> Bitmap:
    """Paint the whole label. `turned` by a quarter clockwise, so that its top is at the right."""
    image = _dots(drawing)
    return _bitmap(image.transpose(_clockwise()) if turned else image)


def rectangles(mark: Mark) -> tuple[Rectangle, ...] | None:
    """Divide the mark into black rectangles. None for what is none.

    A frame is four: languages differ in where its line lies.
    """
    match mark:
        case Box() if mark.full:
            return (Rectangle(mark.x, mark.y, mark.width, mark.height),)
        case Box(x=x, y=y, width=width, height=height, line=line):
            inside = height - 2 * line
            return (
                Rectangle(x, y, width, line),
                Rectangle(x, y + height - line, width, line),
                Rectangle(x, y + line, line, inside),
                Rectangle(x + width - line, y + line, line, inside),
            )
        case Code128():
            return tuple(_bars(mark))
    return None


class Sheet:
    """A painted label, to cut tiles from."""

    def __init__(self, drawing: Drawing) -> None:
        self._image = _dots(drawing)

    def tile(self, mark: Mark) -> Tile | None:
        """Cut out what is painted where this mark is. None where that is nothing."""
        whole_width, whole_height = self._image.size
        above = mark.height // 4 if isinstance(mark, Text) else 0
        top, bottom = max(0, mark.y - above), min(whole_height, mark.y + mark.height + above)
        left, right = max(0, mark.x), min(whole_width, mark.x + mark.width)
        ink = self._image.crop((left, top, right, bottom)).getbbox()
        if ink is None:
            return None
        left, top, right, bottom = left + ink[0], top + ink[1], left + ink[2], top + ink[3]
        width = -(-(right - left) // 8) * 8
        left = max(0, min(left, whole_width - width))
        return Tile(left, top, _bitmap(self._image.crop((left, top, left + width, bottom))))


def _bars(mark: Code128) -> Iterator[Rectangle]:
    x = mark.x
    for dark, run in groupby(bars(mark.data)):
        width = len(list(run)) * mark.module
        if dark:
            yield Rectangle(x, mark.y, width, mark.height)
        x += width


def _dots(drawing: Drawing) -> Image.Image:
    """Mode "1", 1 for black: what lies outside a crop is white then."""
    return paint(drawing).point(DARK, "1")


def _bitmap(image: Image.Image) -> Bitmap:
    return Bitmap(image.width, image.height, image.tobytes())


def _clockwise() -> Image.Transpose:
    from PIL import Image

    return Image.Transpose.ROTATE_270  # Pillow counts against the clock
