"""The command sheet: A4 pages of codes, so that a scanner alone is enough. Text, shape and colour for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path

from agent import files
from agent.pdf import PdfExtraMissing
from agent.pdf.command_codes import Entry, Group, Shape, groups
from agent.pdf.words import Words
from agent.settings import Settings

try:
    from agent.pdf.document import NO_DATE
    from agent.pdf.paint import AMBER, GREEN
    from agent.pdf.qr import paint_qr
    from agent.pdf.sheet import BLACK, BOTTOM, GREY, INNER, MARGIN, WHITE, Colour, Sheet, Style
except ModuleNotFoundError as error:
    raise PdfExtraMissing(missing=error.name) from None

from drivers.printers.languages.code128 import bars

CELL_H, ICON, GAP = 33.0, 17.0, 8.0
CELL_W = (INNER - GAP) / 2
CODE_W, CODE_H = CELL_W - ICON - 4, 13.0
LEAST_MODULE = 0.25  # mm: below it (10 mil) many scanners in use read a long Code 128 no more
MODULE = 0.36
RED: Colour = (176, 32, 32)
BLUE: Colour = (24, 84, 160)
VIOLET: Colour = (104, 50, 128)
FILLED = (Shape.YES, Shape.NO)
"""Their word stands in white on them: it is the word that is scanned for, and no outcome's tick or cross."""
TITLE, GROUP, WORD, SMALL = Style(20, bold=True), Style(12, bold=True), Style(13, bold=True), Style(8.6, colour=GREY)


def command_sheet(settings: Settings, language: str) -> tuple[bytes, int]:
    """Draw the sheet: (the PDF, its pages).

    The same configuration gives the same bytes. NoCodeForPattern, PdfExtraMissing.
    """
    made, words = groups(settings, language), Words(language)
    sheet = Sheet(None)
    pdf, station = sheet.pdf, settings.station
    pdf.set_title(sheet.clean(f"{words('sheet_title')}: {station.name or station.id}"))
    pdf.set_lang(language)
    pdf.set_creation_date(NO_DATE)  # the same sheet is the same file
    _begin_page(sheet, words, settings)
    for group in made:
        _group(group, sheet, words, settings)
    return bytes(pdf.output()), pdf.pages_count


def write_command_sheet(settings: Settings, out: Path, language: str) -> str:
    """Write the sheet whole or not at all; returns the line that a person is told. Also OSError, PlaceTaken."""
    files.refuse_place(out, made_from=())
    data, pages = command_sheet(settings, language)
    files.replace(out, data)
    return f"{out}: {'1 page' if pages == 1 else f'{pages} pages'}, for {len(settings.bay)} bays"


def _begin_page(sheet: Sheet, words: Words, settings: Settings) -> None:
    sheet.new_page()
    about = settings.station
    sheet.y = sheet.write(MARGIN, sheet.y, f"{words('sheet_title')}: {about.name or about.id}", TITLE, INNER, 1)
    sheet.y = sheet.write(MARGIN, sheet.y, words("sheet_note"), SMALL, INNER, 2) + 3


def _group(group: Group, sheet: Sheet, words: Words, settings: Settings) -> None:
    for number, row in groupby(enumerate(group.entries), key=lambda numbered: numbered[0] // 2):
        if sheet.y + CELL_H + 8 > BOTTOM:
            _begin_page(sheet, words, settings)
        if number == 0:
            sheet.rule(MARGIN, sheet.y + 6.2, INNER, colour=BLACK, thick=0.3)
            sheet.y = sheet.write(MARGIN, sheet.y, group.title, GROUP, INNER, 1) + 3
        for at, entry in row:
            _cell(entry, MARGIN + (at % 2) * (CELL_W + GAP), sheet.y, sheet)
        sheet.y += CELL_H


def _cell(entry: Entry, x: float, y: float, sheet: Sheet) -> None:
    colour = COLOURS[entry.shape]
    _SHAPES[entry.shape](sheet, x + ICON / 2, y + ICON / 2, colour)
    if entry.mark:
        ink, room = (WHITE, ICON - 9) if entry.shape in FILLED else (colour, ICON - 6)
        style = sheet.fitting(entry.mark, room, Style(22, bold=True, colour=ink))
        width = min(room, sheet.pdf.get_string_width(entry.mark))  # of the type before it was made smaller
        sheet.put(x + ICON / 2 - width / 2, y + ICON / 2 - style.leading / 2, [sheet.clean(entry.mark)], style)
    left = x + ICON + 4
    sheet.write(left, y, entry.word, sheet.fitting(entry.word, CODE_W, WORD), CODE_W, 1)
    sheet.write(left, y + 6, entry.does, SMALL, CODE_W, 1)
    _code(entry.text, left, y + 11, sheet)


def _code(text: str, x: float, y: float, sheet: Sheet) -> None:
    """Code 128 where a scanner still reads it at this width, else a QR code."""
    try:
        modules = bars(text)
        module = min(MODULE, CODE_W / len(modules))
    except ValueError:  # code set B has no such character
        modules, module = b"", 0.0
    sheet.pdf.set_fill_color(*BLACK)
    if module < LEAST_MODULE:
        paint_qr(sheet.pdf, text, x, y, 18.0, quiet_zone=0)
        return
    at = 0
    for black, run in groupby(modules):
        width = len(list(run))
        if black:
            sheet.pdf.rect(x + at * module, y, width * module, CODE_H, style="F")
        at += width


def _door(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.strokes([(x + 1, y - 7), (x - 6, y - 7), (x - 6, y + 7), (x + 1, y + 7)], colour=colour, thick=1.4)
    sheet.strokes([(x - 2, y), (x + 7, y)], colour=colour, thick=1.4)
    sheet.strokes([(x + 3.5, y - 3.5), (x + 7, y), (x + 3.5, y + 3.5)], colour=colour, thick=1.4)


def _disk(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.pdf.set_draw_color(*colour)
    sheet.pdf.set_line_width(1)
    sheet.pdf.rect(x - 6, y - 7.5, 12, 15, style="D")


def _bin(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.strokes([(x - 7, y - 3), (x - 5, y + 7), (x + 5, y + 7), (x + 7, y - 3)], colour=colour, thick=1.4)
    sheet.strokes([(x, y - 8), (x, y + 2)], colour=colour, thick=1.4)
    sheet.strokes([(x - 3, y - 1), (x, y + 2), (x + 3, y - 1)], colour=colour, thick=1.4)


def _disc(sheet: Sheet, x: float, y: float, colour: Colour, *, style: str) -> None:
    sheet.pdf.set_fill_color(*colour)
    sheet.pdf.set_draw_color(*colour)
    sheet.pdf.set_line_width(1.2)
    sheet.pdf.circle(x, y, ICON / 2 - 1, style=style)


def _yes(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    _disc(sheet, x, y, colour, style="DF")


def _no(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.pdf.set_fill_color(*colour)
    half = ICON / 2
    sheet.pdf.polygon([(x, y - half), (x + half, y), (x, y + half), (x - half, y)], style="F")


def _device(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.pdf.set_draw_color(*colour)
    sheet.pdf.set_line_width(1)
    sheet.pdf.rect(x - 7.5, y - 5.5, 15, 11, style="D")
    sheet.pdf.set_fill_color(*colour)
    sheet.pdf.circle(x + 5.6, y, 0.7, style="F")


def _square(sheet: Sheet, x: float, y: float, colour: Colour, *, style: str = "D") -> None:
    half = ICON / 2 - 1
    sheet.pdf.set_fill_color(*colour)
    sheet.pdf.set_draw_color(*colour)
    sheet.pdf.set_line_width(1.2)
    sheet.pdf.rect(x - half, y - half, 2 * half, 2 * half, style=style)


def _back(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.strokes([(x + 6, y + 4), (x + 6, y - 2), (x - 6, y - 2)], colour=colour, thick=1.8)
    sheet.strokes([(x - 2, y - 6), (x - 6, y - 2), (x - 2, y + 2)], colour=colour, thick=1.8)


def _stop(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.pdf.set_fill_color(*colour)
    a, b = 7.5, 3.1
    corners = ((-b, -a), (b, -a), (a, -b), (a, b), (b, a), (-b, a), (-a, b), (-a, -b))
    sheet.pdf.polygon([(x + dx, y + dy) for dx, dy in corners], style="F")
    sheet.strokes([(x - 4, y), (x + 4, y)], colour=WHITE, thick=2.2)


def _paper(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.strokes(
        [(x - 5, y - 7), (x + 5, y - 7), (x + 5, y + 7), (x - 5, y + 7), (x - 5, y - 7)], colour=colour, thick=1
    )
    for line in (-3, 0, 3):
        sheet.strokes([(x - 3, y + line), (x + 3, y + line)], colour=colour, thick=0.8)


def _arrow(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.strokes([(x - 7, y), (x + 7, y)], colour=colour, thick=1.8)
    sheet.strokes([(x + 2, y - 5), (x + 7, y), (x + 2, y + 5)], colour=colour, thick=1.8)


def _ring(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    _disc(sheet, x, y, colour, style="D")


COLOURS: Mapping[Shape, Colour] = {
    Shape.YES: GREEN,
    Shape.NO: VIOLET,
    Shape.BACK: BLUE,
    Shape.STOP: RED,
    Shape.PAPER: GREY,
    Shape.BAY: BLACK,
    Shape.LETTER: BLUE,
    Shape.ARROW: AMBER,
    Shape.DEVICE: GREY,
    Shape.DOOR: GREY,
    Shape.DISK: BLACK,
    Shape.BIN: RED,
}
_SHAPES: Mapping[Shape, Callable[[Sheet, float, float, Colour], None]] = {
    Shape.YES: _yes,
    Shape.NO: _no,
    Shape.BACK: _back,
    Shape.STOP: _stop,
    Shape.PAPER: _paper,
    Shape.BAY: _square,
    Shape.LETTER: _ring,
    Shape.ARROW: _arrow,
    Shape.DEVICE: _device,
    Shape.DOOR: _door,
    Shape.DISK: _disk,
    Shape.BIN: _bin,
}
