"""Letters that Pillow's own face lacks, composed: it has ASCII only, and a Danish label needs ÆØÅ.

No font file is shipped and none of the machine's is looked for, so that a label looks the same on every machine.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

LIGATURES: Mapping[str, tuple[str, str, float]] = {"Æ": ("A", "E", 0.27), "æ": ("a", "e", 0.11)}
"""Two letters and by how much of the capitals' height they overlap."""
SLASHED: Mapping[str, str] = {"Ø": "O", "ø": "o"}
PLAIN: Mapping[str, str] = {
    "ß": "ss",
    "Ð": "D",
    "ð": "d",
    "Þ": "Th",
    "þ": "th",
    "×": "x",
    "°": "o",
    "µ": "u",
    "\xa0": " ",
}

RING, ACUTE, GRAVE, CIRCUMFLEX, DIAERESIS, TILDE, CEDILLA = "\u030a\u0301\u0300\u0302\u0308\u0303\u0327"
STROKES: Mapping[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    ACUTE: (((-0.08, 0.06), (0.10, 0.22)),),
    GRAVE: (((-0.10, 0.22), (0.08, 0.06)),),
    CIRCUMFLEX: (((-0.16, 0.06), (0.0, 0.20), (0.16, 0.06)),),
    DIAERESIS: (((-0.14, 0.12), (-0.13, 0.12)), ((0.13, 0.12), (0.14, 0.12))),
    TILDE: (((-0.18, 0.07), (-0.08, 0.15), (0.08, 0.08), (0.18, 0.16)),),
}
"""Lines of an accent: x from the letter's middle, y above its top, in capitals' heights."""


@dataclass(frozen=True)
class Unit:
    """What is drawn at one place: letters of the face, and what is added to them."""

    letters: str
    accent: str = ""
    slashed: bool = False
    overlap: float = 0.0


def units(text: str) -> Iterator[Unit]:
    """Split the text into letters that the face has, and additions to them. What cannot be composed becomes "?"."""
    for char in text:
        if " " <= char <= "~" or char in "©«±´·»":
            yield Unit(char)
        elif char in LIGATURES:
            first, second, overlap = LIGATURES[char]
            yield Unit(first, overlap=overlap)
            yield Unit(second)
        elif char in SLASHED:
            yield Unit(SLASHED[char], slashed=True)
        elif char in PLAIN:
            yield Unit(PLAIN[char])
        else:
            base, marks = unicodedata.normalize("NFD", char)[0], unicodedata.normalize("NFD", char)[1:]
            known = base.isascii() and (marks in STROKES or marks in (RING, CEDILLA))
            yield Unit(base, accent=marks) if known else Unit("?")


def length(text: str, font: ImageFont.FreeTypeFont, capital: float) -> int:
    """Measure the pixels that the line takes, without the thickening of its strokes."""
    if text.isascii():
        return int(font.getlength(text))
    return int(sum(font.getlength(u.letters) - u.overlap * capital for u in units(text)))


def draw(
    draw: ImageDraw.ImageDraw,
    x: float,
    baseline: float,
    text: str,
    font: ImageFont.FreeTypeFont,
    capital: float,
    stroke: int,
) -> None:
    """Draw a line in full ink from x on. `capital` is the height of capitals, `stroke` what thickens them; pixels."""
    if text.isascii():
        draw.text((x, baseline), text, fill=255, font=font, anchor="ls", stroke_width=stroke)
        return
    for unit in units(text):
        draw.text((x, baseline), unit.letters, fill=255, font=font, anchor="ls", stroke_width=stroke)
        left, top, right, bottom = font.getbbox(unit.letters, anchor="ls")
        box = (x + left, baseline + top, x + right, baseline + bottom)
        if unit.slashed:
            _slash(draw, box, capital, stroke)
        if unit.accent:
            _accent(draw, unit.accent, box, capital, stroke)
        x += font.getlength(unit.letters) - unit.overlap * capital


Extent = tuple[float, float, float, float]


def _slash(draw: ImageDraw.ImageDraw, box: Extent, capital: float, stroke: int) -> None:
    left, top, right, bottom = box
    out = capital * 0.05
    draw.line((left, bottom + out, right, top - out), fill=255, width=int(capital * 0.07) + stroke)


def _accent(draw: ImageDraw.ImageDraw, accent: str, box: Extent, capital: float, stroke: int) -> None:
    left, top, right, bottom = box
    middle, thick = (left + right) / 2, int(capital * 0.07) + 2 * stroke
    if accent == RING:
        radius = capital * 0.15
        y = top - radius - capital * 0.02
        draw.ellipse((middle - radius, y - radius, middle + radius, y + radius), outline=255, width=thick * 3 // 5)
    elif accent == CEDILLA:
        draw.line((middle, bottom, middle - capital * 0.06, bottom + capital * 0.2), fill=255, width=thick)
    else:
        for line in STROKES[accent]:
            points = [(middle + dx * capital, top - dy * capital - stroke) for dx, dy in line]
            draw.line(points, fill=255, width=thick, joint="curve")
            for px, py in (points[0], points[-1]):
                draw.ellipse((px - thick / 2, py - thick / 2, px + thick / 2, py + thick / 2), fill=255)
