"""Page -> paper: where everything stands. Knows nothing of certificates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from agent.pdf.page import Banner, Fact, Kind, Page, Section, Signature, Table
from agent.pdf.qr import paint_qr
from agent.pdf.sheet import BLACK, BOTTOM, GREY, HEIGHT, INNER, MARGIN, TOP, WHITE, WIDTH, Colour, Sheet, Style

GREEN: Colour = (0, 98, 60)
AMBER: Colour = (138, 82, 0)
BLUE: Colour = (0, 70, 140)
TITLE, NUMBER, PLACE = Style(17, bold=True), Style(11, bold=True), Style(9, colour=GREY)
HEADING, NAME, VALUE = Style(9, bold=True), Style(8.4, colour=GREY), Style(8.4)
CELL, SMALL = Style(7.8), Style(7, colour=GREY)
QUIET = Style(7.8, colour=GREY)
GAP, COLUMN, NAMES = 7.0, (INNER - 7.0) / 2, 23.0
QR = 30.0
Cell = tuple[float, list[str], Style]  # x, lines, how they are set


def paint(page: Page, sheet: Sheet, *, pages: int, plain: bool) -> None:
    """Print the page on the sheet. `pages`: how many there will be; `plain`: say that this is no PDF/A."""
    sheet.foot = lambda number: _foot(page, sheet, number, pages, plain=plain)
    sheet.new_page()
    _head(page, sheet)
    _banner(page.banner, sheet)
    _signature(page.signature, sheet)
    for left, right in page.pairs:
        _pair(left, right, sheet)
    for section in page.sections:
        _section(section, sheet)
    _decision(page, sheet)
    _check(page, sheet)


def _head(page: Page, sheet: Sheet) -> None:
    sheet.write_right(WIDTH - MARGIN, TOP + 1.6, page.number, NUMBER, 62)
    end = sheet.write(MARGIN, TOP, page.title, sheet.fitting(page.title, INNER - 66, TITLE), INNER - 66, 1)
    sheet.y = sheet.write(MARGIN, end + 0.2, page.place, PLACE, INNER, 2) + 3


def _banner(banner: Banner, sheet: Sheet) -> None:
    """White on black for a drive that must be destroyed, a frame for the others: a copier keeps the difference."""
    inside, x = INNER - 40, MARGIN + 34
    ink = WHITE if banner.outcome == "failed" else BLACK
    small = Style(9.4, colour=ink)
    claims = [line for claim in banner.claims for line in sheet.lines(claim, inside, small, 3)]
    height = max(32.0, 18 + len(claims) * small.leading + 3)
    colour = _frame(banner.outcome, sheet, height)
    _SHAPES[banner.outcome](sheet, MARGIN + 17, sheet.y + height / 2, colour)
    large = sheet.fitting(banner.headline, inside, Style(30, bold=True, colour=colour))
    top = sheet.y + (height - 13 - len(claims) * small.leading) / 2
    sheet.write(x, top + (11 - large.leading) / 2, banner.headline, large, inside, 1)
    sheet.put(x, top + 12.6, claims, small)
    sheet.y += height + 2.2


COLOURS: Mapping[Kind, Colour] = {
    "erased": GREEN,
    "unread": AMBER,
    "failed": WHITE,
    "again": AMBER,
    "aborted": AMBER,
    "refused": BLACK,
    "attested": BLUE,
}


def _frame(outcome: Kind, sheet: Sheet, height: float) -> Colour:
    """Draw the banner's ground; returns the colour of what stands large on it."""
    colour = COLOURS[outcome]
    pdf = sheet.pdf
    pdf.set_fill_color(*BLACK)
    pdf.set_draw_color(*(BLACK if outcome == "failed" else colour))
    pdf.set_line_width(1.0)
    if outcome in ("aborted", "again"):
        pdf.set_dash_pattern(dash=4, gap=2)
    pdf.rect(MARGIN + 0.5, sheet.y + 0.5, INNER - 1, height - 1, style="DF" if outcome == "failed" else "D")
    pdf.set_dash_pattern()
    if outcome == "failed":
        pdf.set_draw_color(*WHITE)
        pdf.set_line_width(0.8)
        pdf.rect(MARGIN + 2, sheet.y + 2, INNER - 4, height - 4)
    return colour


def _ring(sheet: Sheet, x: float, y: float, colour: Colour, *, style: str = "D") -> None:
    sheet.pdf.set_draw_color(*colour)
    sheet.pdf.set_fill_color(*colour)
    sheet.pdf.set_line_width(1.4)
    sheet.pdf.circle(x, y, 10, style=style)


def _tick(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    _ring(sheet, x, y, colour, style="DF")
    sheet.strokes([(x - 5, y + 0.4), (x - 1.4, y + 4), (x + 5.4, y - 4)], colour=WHITE, thick=2.2)


def _open_tick(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    """Not filled: it was written, and nobody looked."""
    _ring(sheet, x, y, colour)
    sheet.strokes([(x - 5, y + 0.4), (x - 1.4, y + 4), (x + 5.4, y - 4)], colour=colour, thick=1.4)


def _cross(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    sheet.strokes([(x - 8, y - 8), (x + 8, y + 8)], colour=colour, thick=3.4)
    sheet.strokes([(x - 8, y + 8), (x + 8, y - 8)], colour=colour, thick=3.4)


def _half(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    _ring(sheet, x, y, colour)
    angles = [math.radians(degrees) for degrees in range(90, 271, 3)]
    sheet.pdf.polygon([(x + 10 * math.cos(angle), y + 10 * math.sin(angle)) for angle in angles], style="F")


def _signed(sheet: Sheet, x: float, y: float, colour: Colour) -> None:
    """A sheet of paper with two lines on it: a person's word."""
    corners = [(x - 7, y - 9), (x + 7, y - 9), (x + 7, y + 9), (x - 7, y + 9), (x - 7, y - 9)]
    sheet.strokes(corners, colour=colour, thick=1.4)
    sheet.strokes([(x - 4, y - 2), (x + 4, y - 2)], colour=colour, thick=1.4)
    sheet.strokes([(x - 4, y + 3), (x, y + 3)], colour=colour, thick=1.4)


_SHAPES: Mapping[Kind, Callable[[Sheet, float, float, Colour], None]] = {
    "erased": _tick,
    "unread": _open_tick,
    "failed": _cross,
    "aborted": _half,
    "again": _half,
    "refused": _ring,
    "attested": _signed,
}


def _signature(signature: Signature, sheet: Sheet) -> None:
    """An unchecked signature is as loud as a claim; a checked one is a line."""
    if signature.checked:
        sheet.y = sheet.write(MARGIN, sheet.y, signature.text, QUIET, INNER, 2) + 2.4
        return
    style = Style(9, bold=True)
    lines = sheet.lines(signature.text, INNER - 8, style)
    height = len(lines) * style.leading + 2.6
    sheet.y += 1
    sheet.pdf.set_draw_color(*BLACK)
    sheet.pdf.set_line_width(0.4)
    sheet.pdf.rect(MARGIN + 0.2, sheet.y, INNER - 0.4, height)
    sheet.put(MARGIN + 4, sheet.y + 1.3, lines, style)
    sheet.y += height + 3


def _pair(left: Section, right: Section, sheet: Sheet) -> None:
    height = max(_facts_height(section.facts, COLUMN, sheet) for section in (left, right))
    sheet.room(height + 8.4)
    top = sheet.y
    for section, x in ((left, MARGIN), (right, MARGIN + COLUMN + GAP)):
        _facts(section.facts, x, _heading(section.title, x, top, COLUMN, sheet), COLUMN, sheet)
    sheet.y = top + height + 8.4


def _heading(title: str, x: float, y: float, width: float, sheet: Sheet) -> float:
    sheet.rule(x, y + 4.9, width, colour=BLACK, thick=0.3)
    sheet.write(x, y, title, HEADING, width, 1)
    return y + 6


def _facts(facts: Sequence[Fact], x: float, y: float, width: float, sheet: Sheet) -> None:
    for fact in facts:
        lines, style = _set(fact, width, sheet)
        below = sheet.write(x, y, fact.name, NAME, NAMES - 1, 2)
        y = max(sheet.put(x + NAMES, y, lines, style), below)


def _facts_height(facts: Sequence[Fact], width: float, sheet: Sheet) -> float:
    height = 0.0
    for fact in facts:
        lines, style = _set(fact, width, sheet)
        names = sheet.lines(fact.name, NAMES - 1, NAME, 2)
        height += max(len(lines) * style.leading, len(names) * NAME.leading)
    return height


def _set(fact: Fact, width: float, sheet: Sheet) -> tuple[list[str], Style]:
    style = Style(8.2 if fact.exact else VALUE.size, bold=fact.strong, exact=fact.exact)
    return sheet.lines(fact.value, width - NAMES, style, 6), style


def _section(section: Section, sheet: Sheet) -> None:
    sheet.room(18)
    sheet.y = _heading(section.title, MARGIN, sheet.y, INNER, sheet)
    if section.table:
        _table(section.table, section.title, sheet)
    for note in section.notes:
        sheet.y = sheet.write(MARGIN, sheet.y, note, VALUE, INNER)
    sheet.y += 2.6


def _table(table: Table, title: str, sheet: Sheet) -> None:
    headings = _cells(table.headings, table, sheet, SMALL)
    _row(headings, sheet)
    for row in table.rows:
        cells = _cells(row, table, sheet)
        if sheet.y + max(len(lines) * style.leading for _, lines, style in cells) + 1 > BOTTOM:
            sheet.new_page()
            sheet.y = _heading(title, MARGIN, sheet.y, INNER, sheet)
            _row(headings, sheet)
        _row(cells, sheet)


def _cells(row: Sequence[str], table: Table, sheet: Sheet, style: Style | None = None) -> list[Cell]:
    made, x, whole = [], MARGIN, sum(table.widths)
    for column, (text, share) in enumerate(zip(row, table.widths, strict=True)):
        width = INNER * share / whole
        how = style or Style(CELL.size, exact=column in table.exact)
        made.append((x, sheet.lines(text, width - 2, how, 3), how))
        x += width
    return made


def _row(cells: Sequence[Cell], sheet: Sheet) -> None:
    sheet.y = max(sheet.put(x, sheet.y, lines, style) for x, lines, style in cells) + 0.5
    sheet.rule(MARGIN, sheet.y, INNER, thick=0.1)
    sheet.y += 0.5


def _decision(page: Page, sheet: Sheet) -> None:
    """The decision, and lines for a pen. They never stand alone on another page than their heading."""
    sheet.room(29)
    sheet.y = _heading(page.decision.title, MARGIN, sheet.y, INNER, sheet)
    for note in page.decision.notes:
        sheet.y = sheet.write(MARGIN, sheet.y, note, VALUE, INNER)
    sheet.y += 10.5
    shares = (0.42, 0.2, 0.38)
    x = MARGIN
    for name, share in zip(page.lines_to_sign, shares, strict=True):
        width = INNER * share
        sheet.rule(x, sheet.y, width - (0 if name == page.lines_to_sign[-1] else 5), colour=GREY, thick=0.25)
        sheet.write(x, sheet.y + 0.8, name, SMALL, width, 1)
        x += width
    sheet.y += 6


def _check(page: Page, sheet: Sheet) -> None:
    sheet.room(7 + QR)
    top = sheet.y = _heading(page.check.title, MARGIN, sheet.y, INNER, sheet)
    paint_qr(sheet.pdf, page.qr, MARGIN, top + 1.6, QR)
    x, width = MARGIN + QR + 5, INNER - QR - 5
    _facts(page.check.facts, x, top, width, sheet)
    y = top + _facts_height(page.check.facts, width, sheet) + 1.4
    for note in page.check.notes:
        y = sheet.write(x, y, note, VALUE, width, 4) + 0.6
    y = sheet.write(x, y, page.command, Style(8.2, exact=True), width, 1)
    sheet.y = max(y, top + QR) + 2


def _foot(page: Page, sheet: Sheet, number: int, pages: int, *, plain: bool) -> None:
    """Every page says which certificate it belongs to, and how many there are."""
    sheet.rule(MARGIN, HEIGHT - 13, INNER)
    sheet.write(MARGIN, HEIGHT - 12, page.footer, SMALL, INNER - 30, 1)
    sheet.write_right(WIDTH - MARGIN, HEIGHT - 12, page.folio.format(number=number, count=pages), SMALL, 28)
    if plain:
        sheet.write(MARGIN, HEIGHT - 9, page.plain, SMALL, INNER, 1)
