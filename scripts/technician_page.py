"""Print a technicians' page: `.venv/bin/python scripts/technician_page.py docs/technician.da.md ark.pdf`. Two A4 pages.

Only what these pages are written with is known here: headings, paragraphs, lists, sentences of the screen, pictures.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fpdf.enums import MethodReturnValue

from agent.commands.watch import in_ascii
from agent.pdf.document import NO_DATE
from agent.pdf.fonts import find
from agent.pdf.sheet import BLACK, BOTTOM, GREY, INNER, MARGIN, Sheet, Style

TITLE, HEADING, TEXT, SAID = Style(16, bold=True), Style(11, bold=True), Style(9.4), Style(9.4, bold=True)
LEADING, AFTER = 4.2, 1.0
LABELS_HIGH, SCREEN_HIGH = 20.0, 58.0


def main(page_file: Path, out: Path) -> None:
    """Write the PDF, and say how many pages it has."""
    data, pages = page(page_file)
    out.write_bytes(data)
    print(f"{out}: {pages} pages")


def page(file: Path) -> tuple[bytes, int]:
    """Draw (the PDF, its pages)."""
    sheet = Sheet(find())
    sheet.pdf.MARKDOWN_UNDERLINE_MARKER = "~~"  # "--out" is no underlined word
    sheet.pdf.set_title(file.stem)
    sheet.pdf.set_creation_date(NO_DATE)
    sheet.new_page()
    for kind, lines in _blocks(file.read_text("utf-8")):
        if kind == "picture":
            _pictures([file.parent / name for name in lines], sheet)
        else:
            _text(kind, lines, sheet)
    return bytes(sheet.pdf.output()), sheet.pdf.pages_count


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        if block.startswith("!["):
            yield "picture", re.findall(r"\]\((pictures/[^)]+)\)", block)
        elif block.startswith("#"):
            yield ("title" if block.startswith("# ") else "heading"), [block.lstrip("# ")]
        elif block.startswith("> "):
            yield "said", [line.removeprefix("> ") for line in lines]
        elif block.startswith("- "):
            yield "list", [" ".join(item.split()) for item in re.split(r"\n(?=- )", block)]
        else:
            yield "text", [" ".join(lines)]


def _text(kind: str, lines: list[str], sheet: Sheet) -> None:
    style = {"title": TITLE, "heading": HEADING, "said": SAID}.get(kind, TEXT)
    indent = 6.0 if kind == "said" else 0.0
    high = style.leading if kind in ("title", "heading") else LEADING
    for line in lines:
        words = sheet.clean(line if kind in ("said", "title", "heading") else _marked(line))
        sheet.put(0, 0, [], style)  # its font is chosen
        pdf = sheet.pdf
        pdf.set_text_color(*(GREY if kind == "said" else BLACK))
        marked, wide = kind in ("text", "list"), INNER - indent
        tall = pdf.multi_cell(wide, high, words, markdown=marked, dry_run=True, output=MethodReturnValue.HEIGHT)
        assert isinstance(tall, float)
        if sheet.y + tall + (12 if kind == "heading" else 0) > BOTTOM:
            sheet.new_page()
            sheet.put(0, 0, [], style)
        pdf.set_xy(MARGIN + indent, sheet.y + (1.5 if kind == "heading" else 0))
        pdf.multi_cell(wide, high, words, markdown=marked, align="L")
        sheet.y = pdf.get_y()
    sheet.y += AFTER


def _marked(line: str) -> str:
    """Markdown as fpdf2 has it: a command and what is set apart in bold."""
    line = re.sub(r"`([^`]+)`", r"**\1**", line)
    return re.sub(r"(?<!\*)\*([^*]+)\*(?!\*)", r"**\1**", line)


def _pictures(files: list[Path], sheet: Sheet) -> None:
    """Labels side by side; the screen, drawn from the picture's own words."""
    screens = [file for file in files if file.suffix == ".svg"]
    drawn = [file for file in files if file.suffix == ".png"]
    high = SCREEN_HIGH if screens else LABELS_HIGH
    if sheet.y + high > BOTTOM:
        sheet.new_page()
    for n, file in enumerate(drawn):
        sheet.pdf.image(str(file), x=MARGIN + n * (INNER / max(1, len(drawn))), y=sheet.y, h=high)
    for file in screens:
        _screen(file.read_text("utf-8"), sheet)
    sheet.y += high + 2


def _screen(svg: str, sheet: Sheet) -> None:
    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert size
    wide, tall = int(size[1]), int(size[2])
    scale = SCREEN_HIGH / tall
    left = MARGIN + (INNER - wide * scale) / 2
    sheet.pdf.set_draw_color(*GREY)
    sheet.pdf.rect(left, sheet.y, wide * scale, SCREEN_HIGH)
    for x, y, words in re.findall(r'<text x="(\d+)" y="(\d+)"[^>]*>([^<]*)</text>', svg):
        style = Style(15 * scale / 25.4 * 72 * 0.98, exact=True)
        at = sheet.y + int(y) * scale - style.size * 0.95 * 25.4 / 72
        sheet.put(left + int(x) * scale, at, [_known(unescape(words), sheet)], style)


def _known(words: str, sheet: Sheet) -> str:
    """What the font lacks becomes ASCII, as on a terminal that lacks it."""
    return "".join(c if sheet.clean(c) == c else in_ascii(c) for c in words)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
