"""The report on paper: title, charts, tables, method. fpdf2 (the `pdf` extra) is loaded when a page is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from agent.pdf import PdfExtraMissing, fonts
from collector.effect import charts, words
from collector.effect.report import charts as charts_of
from collector.effect.rules import Report
from collector.effect.tables import Table
from collector.text import visible

if TYPE_CHECKING:
    from fpdf import FPDF

PT_TO_MM = 267 / charts.WIDTH
"""A chart is as wide as the page between its margins (A4 across: 297 mm less two of 15)."""
LINE, FILL, PAPER = (81, 96, 110), (11, 83, 148), (255, 255, 255)
NARROWEST, WIDEST = 7, 48
"""Characters: bounds of a column's share of the page."""


def paint(title: str, tables: list[Table], report: Report) -> bytes:
    """Paint the report in the language that is active. PdfExtraMissing where this machine has no libraries for it."""
    try:
        from fpdf import FPDF
    except ModuleNotFoundError as error:
        raise PdfExtraMissing(missing=error.name) from None
    sheet = FPDF(orientation="landscape", format="A4")
    sheet.set_margin(15)
    sheet.set_auto_page_break(auto=True, margin=15)
    sheet.set_title(visible(title))
    faces = fonts.find()
    if faces is not None:
        sheet.add_font("own", "", str(faces.sans))
        sheet.add_font("own", "B", str(faces.sans_bold))
    _Painter(sheet, "own" if faces else "helvetica").report(title, tables, report)
    return bytes(sheet.output())


class _Painter:
    def __init__(self, sheet: FPDF, family: str) -> None:
        self._sheet, self._family = sheet, family

    def report(self, title: str, tables: list[Table], report: Report) -> None:
        self._sheet.add_page()
        self._line(title, 16, "B")
        for one in charts_of(report):
            self._line(one.title, 11, "B")
            self._chart(one)
        for table in tables:
            self._table(table)
        self._line(_("Method"), 11, "B")
        for told in words.METHOD:
            self._line(str(told), 9)

    def _line(self, text: str, size: float, style: str = "") -> None:
        self._sheet.set_font(self._family, style, size)
        self._sheet.multi_cell(0, size / 2, self._printed(text), new_x="LMARGIN", new_y="NEXT")
        self._sheet.ln(1)

    def _chart(self, one: charts.Chart) -> None:
        sheet, unit = self._sheet, PT_TO_MM
        if sheet.get_y() + one.height * unit > sheet.h - 15:
            sheet.add_page()
        left, top = sheet.l_margin, sheet.get_y()
        sheet.set_font(self._family, "", 9)
        sheet.set_draw_color(*LINE)
        sheet.set_fill_color(*FILL)
        for bar in one.bars:
            sheet.text(left, top + bar.text_y * unit, self._printed(bar.label))
            sheet.rect(left + bar.x * unit, top + bar.y * unit, bar.width * unit, one.bar * unit, style="F")
            across = top + bar.line_y * unit
            sheet.line(left + bar.line_from * unit, across, left + bar.line_to * unit, across)
            sheet.text(left + one.figures_x * unit, top + bar.text_y * unit, self._printed(bar.told))
        sheet.line(left + one.zero * unit, top, left + one.zero * unit, top + one.height * unit)
        sheet.set_y(top + one.height * unit + 4)

    def _table(self, table: Table) -> None:
        self._sheet.ln(2)
        self._line(table.title, 11, "B")
        self._sheet.set_font(self._family, "", 8)
        if table.rows:
            self._rows([[self._cell(cell) for cell in cells] for cells in (table.head, *table.rows)])
        else:
            self._line(_("Nothing."), 9)
        for told in table.notes:
            self._line(told, 8)

    def _rows(self, rows: list[list[str]]) -> None:
        """A column is as wide as its longest text asks for, within bounds: a source is longer than a figure."""
        widths = tuple(min(max(len(row[place]) for row in rows), WIDEST) for place in range(len(rows[0])))
        self._sheet.set_fill_color(*PAPER)
        shape: dict[str, Any] = {"borders_layout": "HORIZONTAL_LINES", "text_align": "LEFT", "line_height": 4.2}
        with self._sheet.table(col_widths=[max(width, NARROWEST) for width in widths], **shape) as drawn:
            for row in rows:
                drawn.row(row)

    def _cell(self, cell: str | int) -> str:
        return self._printed(cell if isinstance(cell, str) else words.number(cell))

    def _printed(self, text: str) -> str:
        """Without a font to embed, the reader's own has Latin 1 alone."""
        told = visible(text, 2000)
        if self._family == "own":
            return told
        return told.replace("−", "-").replace("–", "-").encode("latin-1", "replace").decode("latin-1")
