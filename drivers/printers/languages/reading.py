"""What comes out of a printer that gets these bytes: for the simulated printer, and for the tests.

Each language has a reader of its own, `<language>_reader.py`, written from the language's manual and sharing nothing
with its writer. A reader knows what the writer uses and no more, and raises ValueError for anything else.
"""

from __future__ import annotations

import importlib
import io
import re
from typing import TYPE_CHECKING

from drivers.errors import DriverUnavailable
from drivers.printers.languages.label import Media

if TYPE_CHECKING:
    from PIL import Image

BLACK, WHITE = 0, 255


def picture(data: bytes, media: Media) -> bytes:
    """Draw a PNG of the label, two pixels a dot.

    Raise ValueError for bytes that are no label; DriverUnavailable too.
    """
    from drivers.printers.languages import paint

    if media.language == "zpl":
        from drivers.printers.languages import zpl_reader

        return paint.png(zpl_reader.read(data))
    image = read(data, media)
    buffer = io.BytesIO()
    image.resize((2 * image.width, 2 * image.height), 0).save(buffer, format="PNG")
    return buffer.getvalue()


def read(data: bytes, media: Media) -> Image.Image:
    """Read the dots, "L", for the languages that send dots. Raise ValueError for bytes that are no label."""
    module = importlib.import_module(f"{__package__}.{media.language.replace('-', '_')}_reader")
    found = module.read(data, media)
    image: Image.Image = found
    return image


class Scanner:
    """Bytes, taken from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.data)

    def match(self, pattern: bytes) -> re.Match[bytes] | None:
        """Match the pattern, if it stands right here. It is then behind us."""
        found = re.compile(pattern, re.DOTALL).match(self.data, self.at)
        self.at = found.end() if found else self.at
        return found

    def take(self, count: int) -> bytes:
        """Take so many bytes. Raise ValueError where there are fewer."""
        taken = self.data[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("it ends in the middle of a picture")
        self.at += count
        return taken

    def unknown(self) -> ValueError:
        """Build what to raise for a command that a reader does not know."""
        return ValueError(f"a command that nobody here writes: {self.data[self.at : self.at + 24]!r}")


def blank(width: int, height: int) -> Image.Image:
    """Make white paper. Raise DriverUnavailable without the `labels` extra."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise DriverUnavailable(
            kind="printers", name="simulated", missing=f"{error.name} (the extra `labels`)"
        ) from error
    return Image.new("L", (width, height), WHITE)


def put(sheet: Image.Image, x: int, y: int, width: int, height: int, rows: bytes, *, black: int) -> None:
    """Overwrite a part of the sheet; `black` is the bit that prints. ValueError where it leaves the sheet."""
    from PIL import Image

    inside(sheet, x, y, width, height)
    tile = Image.frombytes("1", (width, height), rows, "raw", "1;I" if black else "1")
    sheet.paste(tile.convert("L"), (x, y))


def fill(sheet: Image.Image, x: int, y: int, width: int, height: int) -> None:
    """Fill with black, edge to edge. Raise ValueError where it leaves the sheet."""
    inside(sheet, x, y, width, height)
    sheet.paste(BLACK, (x, y, x + width, y + height))


def inside(sheet: Image.Image, x: int, y: int, width: int, height: int) -> None:
    """Raise ValueError where this leaves the sheet, or is nothing."""
    if width < 1 or height < 1 or x + width > sheet.width or y + height > sheet.height:
        raise ValueError(f"{width} x {height} dots at {x},{y} leave a label of {sheet.width} x {sheet.height}")
