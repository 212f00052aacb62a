"""ESC/POS, for receipt and label printers of Epson's kind. Source: Epson, ESC/POS Application Programming Guide.

The whole label is one picture, GS v 0: these printers' code pages differ by model and country. So no text of a
certificate is ever in a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from drivers.printers.languages import Language
from drivers.printers.languages.dialogue import Completion, Dialogue, PrinterStatus
from drivers.printers.languages.label import Label, Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.raster import Bitmap, bitmap

INITIALIZE = b"\x1b@\x1da\x00"  # and no status by itself (GS a 0), which would be taken for answers
CUT = b"\x1dVB\x00"  # GS V 66 0: feed to the cutter and cut, leaving a bridge
STRIP = 4000  # bytes of a picture at a time: the smallest receive buffers hold 4 KiB

# DLE EOT n: which of the four fixed bits every answer has (0 at bits 0 and 7, 1 at bits 1 and 4).
FIXED, FIXED_VALUE = 0x93, 0x12
ANSWERS: tuple[tuple[tuple[int, str], ...], ...] = (
    ((0x08, "offline"),),
    ((0x04, "cover open"), (0x20, "paper out, it stopped"), (0x40, "error")),
    ((0x60, "paper out"),),
)
"""Bits and their meaning in the answers to n = 1, 2 and 4."""


def render(label: Label, media: Media) -> bytes:
    """Render the label: initialize, the picture in strips, cut.

    May raise LabelDoesNotFit; DriverUnavailable without the `labels` extra.
    """
    return write(bitmap(lay_out(label, media)))


def write(image: Bitmap) -> bytes:
    """Write a picture in ESC/POS."""
    return INITIALIZE + b"".join(_strips(image)) + CUT


def _strips(image: Bitmap) -> Iterator[bytes]:
    rows = max(1, STRIP // image.stride)
    for first in range(0, image.height, rows):
        count = min(rows, image.height - first)
        head = b"\x1dv0\x00" + image.stride.to_bytes(2, "little") + count.to_bytes(2, "little")
        yield head + _harmless(image.rows(first, count))


def _harmless(data: bytes) -> bytes:
    """DLE EOT, DLE ENQ and DLE DC4 are obeyed even within a picture. DLE is one lonely dot; made two, it is none."""
    return re.sub(rb"\x10(?=[\x04\x05\x14])", b"\x18", data)


def parse_status(reply: bytes) -> PrinterStatus | None:
    """Parse the answers to DLE EOT 1, 2 and 4. None while they are not all there.

    Bytes of other kinds are passed over.
    """
    answers = [byte for byte in reply if byte & FIXED == FIXED_VALUE]
    if len(answers) < len(ANSWERS):
        return None
    rows = zip(answers, ANSWERS, strict=False)
    problems = tuple(words for byte, bits in rows for bit, words in bits if byte & bit)
    return PrinterStatus(ready=not problems, problems=problems)


def parse_completion(reply: bytes) -> PrinterStatus | None:
    """Parse the answer to GS r 1, which waits its turn behind the label: bits 4 and 7 are 0."""
    for byte in reply:
        if byte & 0x90 == 0:
            return PrinterStatus(ready=False, problems=("paper out",)) if byte & 0x0C else PrinterStatus(ready=True)
    return None


LANGUAGE = Language(
    name="escpos",
    extension="escpos",
    render=render,
    dialogue=Dialogue(
        b"\x10\x04\x01\x10\x04\x02\x10\x04\x04",
        parse_status,
        "switched off, or a line that cannot answer",
        completion=Completion(b"\x1dr\x01", parse_completion),
    ),
)
