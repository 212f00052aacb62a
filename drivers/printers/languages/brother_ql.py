"""Brother QL raster, for QL-700, 710W, 720NW, 800, 810W, 820NWB, 1050, 1060N and 1100. Source: Brother, Software
Developer's Manual, Raster Command Reference (QL-710W/720NW; QL-800/810W/820NWB; QL-1100/1110NWB/1115NWB).

Always 300 dpi. Labels of a die-cut size are printed on that roll; anything else on the narrowest continuous tape that
holds it, lengthwise where only that fits 62 mm, and the tape is cut 3 mm before and after the label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from drivers.printers.languages import Language
from drivers.printers.languages.dialogue import Completion, Dialogue, PrinterStatus
from drivers.printers.languages.errors import LabelDoesNotFit
from drivers.printers.languages.label import Label, Media
from drivers.printers.languages.layout import lay_out
from drivers.printers.languages.raster import Bitmap, bitmap

DPI = 300
PINS, WIDE_PINS = 720, 1296
WIDE_OFFSET = 44  # pins by which the wide heads' tapes begin further to the right
NARROW_MM = 62  # the widest tape of the narrow heads
FEED = 35  # dots, 3 mm: the least margin before and after on continuous tape (2.3.3)

CONTINUOUS: Mapping[int, tuple[int, int]] = {
    29: (306, 6),
    38: (413, 12),
    50: (554, 12),
    54: (590, 0),
    62: (696, 12),
    102: (1164, 12),
}
"""Tape's width in mm -> dots across that it prints, and pins that it leaves free at its right (2.3.2, 2.3.5)."""

DIE_CUT: Mapping[tuple[int, int], tuple[int, int, int]] = {
    (17, 54): (165, 566, 0),
    (17, 87): (165, 956, 0),
    (29, 42): (306, 425, 6),
    (29, 90): (306, 991, 6),
    (38, 90): (413, 991, 12),
    (39, 48): (425, 495, 6),
    (52, 29): (578, 271, 0),
    (62, 29): (696, 271, 12),
    (62, 100): (696, 1109, 12),
    (102, 51): (1164, 526, 12),
}
"""Width across and length along the tape in mm -> dots across and along that it prints, pins free at its right."""

INVALIDATE = bytes(200)
INITIALIZE = b"\x1b@"
STATUS_LENGTH = 32
_STATUS_HEAD = b"\x80\x20B"
REPLY, DONE, FAILED, TURNED_OFF, PHASE_CHANGE = 0x00, 0x01, 0x02, 0x04, 0x06
KNOWN_TYPES = frozenset({REPLY, DONE, FAILED, TURNED_OFF, 0x05, PHASE_CHANGE})
ERRORS = (
    ("no media", "end of media", "cutter jam", "", "in use", "turned off", "", "fan error"),
    ("wrong media", "buffer full", "communication error", "", "cover open", "", "media cannot be fed", "system error"),
)
"""Bits of the bytes 8 and 9 of a status."""


@dataclass(frozen=True)
class Roll:
    """What must be in the printer. `across` and `along` are dots; `along` 0: as long as the label."""

    width_mm: int
    length_mm: int
    across: int
    along: int
    right: int
    turned: bool

    @property
    def pins(self) -> int:
        """Of the print head that takes this roll."""
        return WIDE_PINS if self.width_mm > NARROW_MM else PINS

    @property
    def offset(self) -> int:
        """Pins before the first printed dot, counted from the right."""
        return self.right + (WIDE_OFFSET if self.pins == WIDE_PINS else 0)


def roll_for(media: Media) -> Roll:
    """Find the roll for a label of this size. Raise LabelDoesNotFit where there is none."""
    size = (media.width_mm, media.height_mm)
    for turned, (width, length) in ((False, size), (True, size[::-1])):
        if (width, length) in DIE_CUT:
            across, along, right = DIE_CUT[width, length]
            return Roll(width, length, across, along, right, turned)
    turned = media.width_mm > NARROW_MM and media.height_mm < media.width_mm
    needed = media.height_mm if turned else media.width_mm
    for width, (across, right) in CONTINUOUS.items():
        if width >= needed:
            return Roll(width, 0, across, 0, right, turned)
    problem = f"no Brother QL tape is wider than {max(CONTINUOUS)} mm"
    raise LabelDoesNotFit(width_mm=media.width_mm, height_mm=media.height_mm, problem=problem)


def adapted(media: Media) -> Media:
    """Fit the same label to 300 dpi, and no larger than what its roll prints."""
    roll, plain = roll_for(media), replace(media, dpi=DPI, printable=None)
    across, along = (plain.height, plain.width) if roll.turned else (plain.width, plain.height)
    across = roll.across if roll.along else min(across, roll.across)
    along = roll.along or along
    return replace(plain, printable=(along, across) if roll.turned else (across, along))


def render(label: Label, media: Media) -> bytes:
    """Render one page, cut at its end.

    May raise LabelDoesNotFit; DriverUnavailable without the `labels` extra.
    """
    roll = roll_for(media)
    return write(bitmap(lay_out(label, adapted(media)), turned=roll.turned), roll)


def write(image: Bitmap, roll: Roll) -> bytes:
    """Write a picture in raster commands. Without M: compression is off by default, and a QL-800 does not know M."""
    kind, checked = (0x0B, 0x8E) if roll.length_mm else (0x0A, 0x86)  # kind, width (and length) are checked
    media = bytes([checked, kind, roll.width_mm, roll.length_mm]) + image.height.to_bytes(4, "little") + b"\x00\x00"
    margin = 0 if roll.length_mm else FEED
    commands = (
        INVALIDATE,
        INITIALIZE,
        b"\x1bia\x01",  # raster mode
        b"\x1biz" + media,
        b"\x1biM\x40",  # cut by itself,
        b"\x1biA\x01",  # after each label,
        b"\x1biK\x08",  # and after the last
        b"\x1bid" + margin.to_bytes(2, "little"),
    )
    return b"".join((*commands, *_lines(image, roll), b"\x1a"))


def _lines(image: Bitmap, roll: Roll) -> Iterator[bytes]:
    """Each row from the right to the left: pin 0 is at the right edge (2.3.5). Narrow labels stand in the middle."""
    free = roll.offset + (roll.across - image.width) // 2
    size = roll.pins // 8
    for row in range(image.height):
        dots = int.from_bytes(image.rows(row, 1), "big") >> (8 * image.stride - image.width)
        mirrored = int(f"{dots:0{image.width}b}"[::-1], 2)
        yield b"g\x00" + bytes([size]) + (mirrored << (roll.pins - free - image.width)).to_bytes(size, "big")


def parse_status(reply: bytes) -> PrinterStatus | None:
    """Parse the first whole status of 32 bytes. None while there is none."""
    return next((_read(status) for status in _statuses(reply)), None)


def parse_completion(reply: bytes) -> PrinterStatus | None:
    """Parse what the printer says by itself while it prints: done, or why not. Phase changes are neither."""
    for status in _statuses(reply):
        if not _read(status).ready or status[18] == DONE:
            return _read(status)
    return None


def _statuses(reply: bytes) -> Iterator[bytes]:
    at = reply.find(_STATUS_HEAD)
    while 0 <= at <= len(reply) - STATUS_LENGTH:
        yield reply[at : at + STATUS_LENGTH]
        at = reply.find(_STATUS_HEAD, at + STATUS_LENGTH)


def _read(status: bytes) -> PrinterStatus:
    bits = ((status[8 + i] >> bit & 1, words) for i, row in enumerate(ERRORS) for bit, words in enumerate(row))
    problems = [words or "error" for on, words in bits if on]
    kind = status[18]
    if kind == TURNED_OFF and "turned off" not in problems:
        problems.append("turned off")
    elif (kind == FAILED or kind not in KNOWN_TYPES) and not problems:
        problems.append("error")
    printing = status[19] == 1 and kind != DONE
    return PrinterStatus(ready=not problems, problems=tuple(problems), waiting=int(printing))


LANGUAGE = Language(
    name="brother-ql",
    extension="bin",
    render=render,
    dialogue=Dialogue(
        INVALIDATE + INITIALIZE + b"\x1biS",
        parse_status,
        "switched off, or on a network: it answers on USB only",
        completion=Completion(b"", parse_completion),
    ),
    adapted=adapted,
)
