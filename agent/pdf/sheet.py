"""Type and lines on A4, from the top down. Lengths in mm, sizes of type in points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from fpdf import FPDF
from fpdf.enums import MethodReturnValue
from fpdf.fonts import TTFFont

from agent.pdf.fonts import LATIN_1, Faces, shown

WIDTH, HEIGHT, MARGIN = 210.0, 297.0, 18.0
INNER = WIDTH - 2 * MARGIN
TOP, BOTTOM = 13.0, HEIGHT - 14.0
POINT = 25.4 / 72
LONGEST = 800  # characters of one value that are looked at: a record of 64 kB may be one long name

Colour = tuple[int, int, int]
BLACK: Colour = (17, 17, 17)
GREY: Colour = (95, 95, 95)
RULE: Colour = (190, 190, 190)
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Style:
    """How a text is set."""

    size: float
    bold: bool = False
    exact: bool = False
    colour: Colour = BLACK

    @property
    def leading(self) -> float:
        """From one line to the next."""
        return self.size * POINT * 1.28


class Sheet:
    """Pages, and a pen that knows how far down it is."""

    def __init__(self, faces: Faces | None) -> None:
        self.pdf = FPDF(unit="mm", format="A4", enforce_compliance="PDF/A-3B" if faces else None)
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margins(MARGIN, TOP, MARGIN)
        self.pdf.c_margin = 0
        self.pdf.alias_nb_pages("")  # or a drive that calls itself {nb} turns into a number
        self._families = ("helvetica", "courier")
        self._glyphs = LATIN_1
        if faces:
            self._embed(faces)
        self.y = TOP
        self._broken: dict[tuple[str, float, Style, int], list[str]] = {}
        self.foot: Callable[[int], None] = lambda number: None

    def new_page(self) -> None:
        """Begin the next page, with its foot; the pen stands at its top.

        The foot comes first: fpdf2 does not set the font anew on a page that is gone back to.
        """
        self.pdf.add_page()
        self.foot(self.pdf.page)
        self.y = TOP

    def room(self, height: float) -> None:
        """Go to the next page unless so much is left on this one."""
        if self.y + height > BOTTOM:
            self.new_page()

    def clean(self, text: str) -> str:
        """Keep what the fonts can show, and nothing that moves other text."""
        return shown(text[:LONGEST], self._glyphs)

    def lines(self, text: str, width: float, style: Style, most: int = 3) -> list[str]:
        """Break the text into lines that fit; what is beyond `most` lines is left out with "..."."""
        asked = (text, width, style, most)
        if asked not in self._broken:  # asked twice: for the height, and to print
            self._broken[asked] = self._break(*asked)
        return self._broken[asked]

    def put(self, x: float, y: float, lines: Iterable[str], style: Style) -> float:
        """Print lines from `y` down; returns where the next would begin."""
        self._use(style)
        self.pdf.set_text_color(*style.colour)
        for line in lines:
            self.pdf.text(x, y + style.size * POINT * 0.95, line)
            y += style.leading
        return y

    def write(self, x: float, y: float, text: str, style: Style, width: float, most: int = 3) -> float:
        """Do `lines` and `put` in one."""
        return self.put(x, y, self.lines(text, width, style, most), style)

    def write_right(self, right: float, y: float, text: str, style: Style, width: float) -> None:
        """Write one line that ends at `right`."""
        line = self.lines(text, width, style, 1)[0]
        self.put(right - self.pdf.get_string_width(line), y, [line], style)

    def fitting(self, text: str, width: float, style: Style) -> Style:
        """Choose the style, in smaller type where the text would not fit on one line."""
        self._use(style)
        return replace(style, size=style.size * min(1.0, width / max(self.pdf.get_string_width(self.clean(text)), 0.1)))

    def rule(self, x: float, y: float, width: float, *, colour: Colour = RULE, thick: float = 0.2) -> None:
        """Draw a horizontal line."""
        self.pdf.set_draw_color(*colour)
        self.pdf.set_line_width(thick)
        self.pdf.line(x, y, x + width, y)

    def strokes(self, points: Sequence[tuple[float, float]], *, colour: Colour, thick: float) -> None:
        """Draw straight lines from point to point."""
        self.pdf.set_draw_color(*colour)
        self.pdf.set_line_width(thick)
        for (x1, y1), (x2, y2) in pairwise(points):
            self.pdf.line(x1, y1, x2, y2)

    def _break(self, text: str, width: float, style: Style, most: int) -> list[str]:
        self._use(style)
        if most == 1:
            return [self._shortened(self.clean(text), width)]
        found: list[str] = self.pdf.multi_cell(  # type: ignore[assignment]  # its type follows from `output`
            width, text=self.clean(text), align="L", dry_run=True, output=MethodReturnValue.LINES
        )
        if len(found) <= most and len(text) <= LONGEST:
            return found or [""]
        last = found[most - 1] if len(found) >= most else found.pop()
        return [*found[: most - 1], self._shortened(last + "...", width)]

    def _shortened(self, line: str, width: float) -> str:
        """The line, or as much of it as fits with "..." after it."""
        whole = self.pdf.get_string_width(line)
        if whole <= width:
            return line
        kept = line.removesuffix("...")[: int(len(line) * width / whole * 2) + 8]  # twice: letters differ in width
        while kept and self.pdf.get_string_width(kept + "...") > width:
            kept = kept[:-1]
        return kept.rstrip() + "..."

    def _use(self, style: Style) -> None:
        self.pdf.set_font(self._families[style.exact], "B" if style.bold else "", style.size)

    def _embed(self, faces: Faces) -> None:
        self._families = ("benchwipe-sans", "benchwipe-exact")
        files = ((0, "", faces.sans), (0, "B", faces.sans_bold), (1, "", faces.exact), (1, "B", faces.exact_bold))
        for family, weight, path in files:
            self.pdf.add_font(self._families[family], weight, path)
        made = [font for font in self.pdf.fonts.values() if isinstance(font, TTFFont)]
        self._glyphs = frozenset.intersection(*(frozenset(font.cmap) for font in made))
