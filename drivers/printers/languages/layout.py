"""Label -> Drawing: where everything stands, laid out from the data and the label's size.

+-----------------------------+
| icon | HEADLINE     | grade |     banner; white on black and framed for a drive to be destroyed
+-----------------------------+
| rows                 | QR   |     rows as large as they fit; QR as large as it fits, quiet zone kept
| barcode              |      |     large labels only
| number     COPY n    |      |
+-----------------------------+
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from drivers.printers.languages.errors import LabelDoesNotFit
from drivers.printers.languages.label import Label, Media, Row, Shape
from drivers.printers.languages.marks import (
    Box,
    Code128,
    Diagonal,
    Drawing,
    Mark,
    Qr,
    Text,
    code128_modules,
    printable,
    qr_modules,
    qr_version,
    text_width,
)

QUIET = 4  # modules of white around a QR code (ISO/IEC 18004 section 6.3.8)
QUIET_128 = 10  # modules of white before and after a Code 128 (ISO/IEC 15417 section 4.7)
SMALLEST_MM = 1.9  # of a text cell: capitals of 1.4 mm, four point, still read at arm's length
LARGEST_MM = 4.2
MODULE_MM = 0.24  # two dots at 203 dpi: what a hand scanner still reads
BARCODE_FROM_MM = 40  # labels lower than this have no room for a barcode beside the QR code
PITCH = 1.16  # a ring over a capital reaches 0.2 above its cell, a tail ends at 0.95 of it


@dataclass(frozen=True)
class Area:
    """A rectangle of the label, in dots."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column outside."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row outside."""
        return self.y + self.height


def lay_out(label: Label, media: Media) -> Drawing:
    """Lay out the label's marks. Raise LabelDoesNotFit where the QR code or the headline has no room."""
    line = media.dots(0.9) if label.alarm else 0
    edge = media.dots(0.6)
    frame = Area(edge, edge, media.width - 2 * edge, media.height - 2 * edge)
    inner = _shrunk(frame, line + media.dots(0.7))
    banner = Area(inner.x, inner.y, inner.width, min(media.dots(13), inner.height * 24 // 100, inner.width * 16 // 100))
    free = Area(frame.x + line, banner.bottom + 1, frame.width - 2 * line, frame.bottom - line - banner.bottom - 1)
    qr = _qr(tuple(filter(None, (label.qr, label.qr_short))), free, media)
    below = banner.bottom + media.dots(0.9)
    column = Area(inner.x, below, qr.x - QUIET * qr.module - inner.x, inner.bottom - below)
    marks: list[Mark] = [Box(frame.x, frame.y, frame.width, frame.height, line)] if line else []
    marks += _banner(label, banner, media)
    marks += _column(label, column, media)
    return Drawing(media.width, media.height, (*marks, qr))


def _banner(label: Label, area: Area, media: Media) -> Iterator[Mark]:
    gap = media.dots(0.8)
    side = area.height
    yield from _icon(label.shape, _shrunk(Area(area.x, area.y, side, side), side // 10))
    right = area.right
    if label.grade:
        right -= side
        yield Box(right, area.y, side, side, max(2, side // 16))
        letter = _fitted(printable(label.grade), side - 2 * gap, side, media, least=0.5)
        yield Text(right + (side - letter.width) // 2, _middle(area, letter.height), letter.height, letter.text)
        right -= gap
    words = Area(area.x + side + gap, area.y, right - area.x - side - gap, side)
    rule = 0 if label.alarm else max(2, media.dots(0.3))
    highest = min(side * 95 // 100, side - rule)
    text = _fitted(printable(label.headline), words.width - 2 * gap, highest, media, least=0.8)
    if text.text != printable(label.headline):
        raise _too_small(media, f"its headline {label.headline!r} has no room")
    y = min(_middle(area, text.height), area.bottom - rule - text.height)  # a comma has a tail
    if label.alarm:
        yield Box(words.x, words.y, words.width, words.height, words.height)
        yield Text(words.x + (words.width - text.width) // 2, y, text.height, text.text, reverse=True)
    else:
        yield Text(words.x, y, text.height, text.text)
        yield Box(area.x, area.bottom - rule, area.width if not label.grade else right - area.x, rule, rule)


def _icon(shape: Shape, area: Area) -> Iterator[Mark]:
    """Tick: erased. Tick in a frame: erased, not read back. Cross: destroy. Half full: broken off. Hollow: not begun.

    Sheet with two lines: a person's word.
    """
    x, y, side = area.x, area.y, area.width
    stroke = max(3, side // 4)
    if shape is Shape.TICK:
        half, low = side * 45 // 100, side * 90 // 100
        yield Diagonal(x, y + half, half, half, stroke, rising=False)
        yield Diagonal(x + half - stroke, y, side - half + stroke, low, stroke, rising=True)
    elif shape is Shape.CROSS:
        yield Diagonal(x, y, side, side, stroke, rising=False)
        yield Diagonal(x, y, side, side, stroke, rising=True)
    else:
        height = side * 85 // 100
        yield Box(x, y, side, height, max(2, side // 9))
        if shape is Shape.FRAMED_TICK:
            thin, left, top, half = max(2, side // 9), x + side // 5, y + height // 4, side * 3 // 10
            yield Diagonal(left, top + half // 2, half // 2, half // 2, thin, rising=False)
            yield Diagonal(left + half // 2 - thin, top, side * 3 // 5 - half // 2, half, thin, rising=True)
        if shape is Shape.HALF:
            yield Box(x, y, side // 2, height, height)
        if shape is Shape.SIGNED:
            thick = max(2, side // 9)
            yield Box(x + side // 4, y + height // 3, side // 2, thick, thick)
            yield Box(x + side // 4, y + height * 3 // 5, side // 4, thick, thick)


def _column(label: Label, area: Area, media: Media) -> Iterator[Mark]:
    foot = _fitted(printable(label.footer), area.width, media.dots(2.6), media)
    stamp = _stamp(label.copy, area, media) if label.copy else ()
    gap = media.dots(0.8)
    beside = _fitted(printable(label.footer), area.width - (stamp[0].width + gap if stamp else 0), foot.height, media)
    foot = beside if beside.text == foot.text else foot
    y = area.bottom - foot.height
    yield Text(area.x, y, foot.height, foot.text)
    if stamp:  # beside the number, or above it where both are too wide
        y = area.bottom - max(foot.height, stamp[0].height) if foot is beside else y - stamp[0].height - gap
        yield from (replace(mark, y=mark.y + y) for mark in stamp)
    y -= gap
    code = _barcode(label.barcode, area, media)
    if code is not None:
        y -= code.height
        yield Code128(code.x, y, code.module, code.height, code.data)
        y -= media.dots(1.0)
    yield from _rows(label.rows, Area(area.x, area.y, area.width, y - area.y), media)


def _stamp(words: str, area: Area, media: Media) -> tuple[Box, Text]:
    """White on black, at the area's right edge, its top at 0."""
    pad = media.dots(0.5)
    text = _fitted(printable(words), area.width - 2 * pad, media.dots(2.4), media, least=0.8)
    box = Area(area.right - text.width - 2 * pad, 0, text.width + 2 * pad, text.height)
    return (
        Box(box.x, box.y, box.width, box.height, box.height),
        Text(box.x + pad, _middle(box, text.height), text.height, text.text, reverse=True),
    )


def _rows(rows: tuple[Row, ...], area: Area, media: Media) -> Iterator[Mark]:
    least = media.dots(SMALLEST_MM)
    lines = {row: _wrapped(row, area.width, least) for row in rows}
    while rows and _rows_height(rows, lines, least) > area.height:
        rows = _without_one(rows)
    height = media.dots(LARGEST_MM)
    while height > least and _rows_height(rows, lines, height) > area.height:
        height -= 1
    y = area.y
    for row in rows:
        cell = _row_height(row, height)
        for line in lines[row]:
            text = _fitted(line, area.width, cell, media, identifier=row.identifier, kept=row.kept)
            yield Text(area.x, y + (cell - text.height) // 2, text.height, text.text)
            y += int(cell * PITCH)


def _wrapped(row: Row, width: int, height: int) -> tuple[str, ...]:
    """A warning on as many lines as it takes at this height, broken between words; any other row on one."""
    text = printable(row.text)
    if not row.whole:
        return (text,)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, height) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)


def _without_one(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """All but the least of them: the last that is neither a warning nor an identifier, then the last warning."""
    plain = [n for n, row in enumerate(rows) if not row.whole and not row.identifier]
    warnings = [n for n, row in enumerate(rows) if row.whole]
    last = (plain or warnings or [len(rows) - 1])[-1]
    return rows[:last] + rows[last + 1 :]


def _rows_height(rows: tuple[Row, ...], lines: Mapping[Row, tuple[str, ...]], height: int) -> int:
    return sum(len(lines[row]) * int(_row_height(row, height) * PITCH) for row in rows)


def _row_height(row: Row, height: int) -> int:
    return height * 14 // 10 if row.strong else height


def _fitted(
    text: str,
    width: int,
    height: int,
    media: Media,
    *,
    identifier: bool = False,
    kept: int = 0,
    least: float = SMALLEST_MM,
) -> Text:
    """The text as high as it fits into the width, at least `least` mm; shortened with dots if even that is too wide.

    An identifier loses its middle, any other text its end, but for the last characters that are `kept`.
    """
    smallest = min(height, media.dots(least))
    while height > smallest and text_width(text, height) > width:
        height -= 1
    whole = text
    keep = len(whole)
    while keep and text_width(text, height) > width:
        keep -= 1
        front = (keep + 1) // 2 if identifier else max(0, keep - kept)
        text = whole[:front].rstrip() + "..." + whole[len(whole) - (keep - front) :]
    return Text(0, 0, height, text if text_width(text, height) <= width else "")


def _qr(choices: tuple[str, ...], free: Area, media: Media) -> Qr:
    """The first of the contents that has room, as large as the free area's height and less than half its width allow.

    With more correction if both levels fit.
    """
    room = min(free.height, free.width // 2)
    for data, level in product(choices, ("M", "L")):
        version = qr_version(data, level)
        if version is None:
            continue
        module = min(room // (qr_modules(version) + 2 * QUIET), media.dots(0.9))
        if module >= media.dots(MODULE_MM):
            side = module * qr_modules(version)
            x = free.right - QUIET * module - side
            return Qr(x, free.y + (free.height - side) // 2, module, level, version, data)
    shortest = min(map(len, choices), default=0)
    raise _too_small(media, f"a QR code of {shortest} characters has no room")


def _barcode(data: str, area: Area, media: Media) -> Code128 | None:
    """None where it does not fit, or holds what code set B has not."""
    if media.height_mm < BARCODE_FROM_MM or not data or not all(" " <= c <= "~" for c in data):
        return None
    module = min(area.width // (code128_modules(data) + 2 * QUIET_128), media.dots(0.5))
    if module < media.dots(MODULE_MM):
        return None
    return Code128(area.x + QUIET_128 * module, area.y, module, media.dots(7), data)


def _middle(area: Area, height: int) -> int:
    """Where a text's cell begins so that its capitals stand in the area's middle."""
    return area.y + (area.height - height * 3 // 4) // 2


def _shrunk(area: Area, by: int) -> Area:
    return Area(area.x + by, area.y + by, area.width - 2 * by, area.height - 2 * by)


def _too_small(media: Media, problem: str) -> LabelDoesNotFit:
    return LabelDoesNotFit(width_mm=media.width_mm, height_mm=media.height_mm, problem=problem)
