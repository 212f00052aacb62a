"""The papers of a consignment of used equipment that leaves the country, so that it is no waste: a ZIP.

Directive 2012/19/EU, annex VI: a record of a test for each item (what it is, its number, year of production where it is
known, who answers for its function, result, date and kinds of test), fixed to the item or its package, and a
declaration that nothing in it is waste. Invoice and contract are the seller's own, and are named in it.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date

from django.utils.translation import gettext as _

from agent.pdf import PdfExtraMissing, fonts
from collector.certificates.exports.cells import harmless
from collector.selling.errors import NoPack
from collector.selling.queries import Bought
from collector.text import visible
from collector.trade.models import Sale

MOST = 2000
ROW_MM, LABEL_MM = 5.2, 34.0
COLUMNS = (
    "item", "number", "year_of_production", "result", "faults", "tested_on", "tests", "data_erased", "answers_for_it",
    "address",
)  # fmt: skip
WIDTHS = (46.0, 46.0, 16.0, 22.0, 60.0, 24.0, 60.0)


def pack(sale: Sale, items: Sequence[Bought]) -> bytes:
    """Make the ZIP: the list as CSV and PDF, and a label for each item. Raise NoPack."""
    there = [one for one in items if not one.state]
    if not there or len(there) > MOST:
        raise NoPack(problem=_("it has between 1 and %(most)d items") % {"most": MOST})
    if not sale.seller.address:
        raise NoPack(problem=_("the seller has no address: whoever answers for the function is named with one"))
    if untested := [one for one in there if one.line.unit is None or one.graded_on is None]:
        raise NoPack(
            problem=_("%(count)d items have no signed grade, the first is line %(line)s: nobody tested them")
            % {"count": len(untested), "line": untested[0].line.line}
        )
    rows = [_row(sale, one) for one in there]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("annex-vi.csv", _csv(rows))
        folder.writestr("annex-vi.pdf", _paper(sale, rows))
        folder.writestr("labels.pdf", _labels(rows))
    return out.getvalue()


def _row(sale: Sale, one: Bought) -> tuple[str, ...]:
    item = " ".join(part for part in (one.kind, one.manufacturer, one.model) if part)
    drives = ", ".join(f"{c.number} ({c.id[:16]})" for c in one.certificates)
    tests = _("function, screen, keyboard, battery, ports as graded; data erased and verified")
    return tuple(
        visible(str(cell))
        for cell in (
            item,
            one.numbers[0] if one.numbers else one.line.line,
            "",
            _("works, grade %(grade)s") % {"grade": one.grade},
            "; ".join(one.faults) or _("none"),
            one.graded_on or date.min,
            tests,
            drives,
            sale.seller.name,
            " ".join(sale.seller.address.split()),
        )
    )


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _paper(sale: Sale, rows: Sequence[Sequence[str]]) -> bytes:
    sheet = _Sheet(landscape=True)
    sheet.page()
    sheet.line(_("Used equipment for direct re-use: list of items and tests"), 14, bold=True)
    sheet.line(_("Directive 2012/19/EU, annex VI"), 9)
    sheet.line(f"{_('Seller')}: {sale.seller.name}, {' '.join(sale.seller.address.split())}", 9)
    sheet.line(f"{_('Consignee')}: {sale.buyer_name or '-'}, {sale.country or '-'}", 9)
    sheet.line(f"{_('Invoice or contract')}: {sale.channel} {sale.reference}", 9)
    sheet.line(
        _("I declare that nothing in this consignment is waste, and that each item was tested and works as listed."),
        9,
        bold=True,
    )
    heads = (_("Item"), _("Number"), _("Year"), _("Result"), _("Faults"), _("Tested"), _("Data erased"))
    sheet.cells(heads, bold=True)
    for item, number, year, result, faults, tested, _tests, drives, *_rest in rows:
        sheet.cells((item, number, year, result, faults, tested, drives))
    sheet.line(f"{_('Items')}: {len(rows)}", 9, bold=True)
    sheet.line(f"{_('Date, name, signature')}: {'_' * 60}", 10)
    return sheet.output()


def _labels(rows: Sequence[Sequence[str]]) -> bytes:
    """One for each item, to be fixed to it or to its package."""
    sheet = _Sheet(landscape=False)
    sheet.page()
    for item, number, _year, result, faults, tested, tests, drives, name, address in rows:
        sheet.room(LABEL_MM)
        sheet.line(f"{item}, {number}", 10, bold=True)
        for text in (f"{result}; {_('faults')}: {faults}", f"{_('Tested')} {tested}: {tests}", drives):
            sheet.line(text, 8)
        sheet.line(f"{name}, {address}", 8)
        sheet.line("- " * 60, 6)
    return sheet.output()


class _Sheet:
    """A4 with lines and rows of cells, in the machine's own font where it has one to embed."""

    def __init__(self, *, landscape: bool) -> None:
        try:
            from fpdf import FPDF
        except ModuleNotFoundError as error:
            raise NoPack(problem=PdfExtraMissing(missing=error.name)) from None
        self._pdf = FPDF(orientation="landscape" if landscape else "portrait", format="A4")
        self._pdf.set_auto_page_break(auto=False)
        self._faces = fonts.find()
        self._family = "helvetica"
        if self._faces is not None:
            self._family = "own"
            self._pdf.add_font(self._family, "", str(self._faces.sans))
            self._pdf.add_font(self._family, "B", str(self._faces.sans_bold))

    def page(self) -> None:
        """Begin a page."""
        self._pdf.add_page()

    def room(self, height: float) -> None:
        """Begin another page where so much does not fit any more."""
        if self._pdf.get_y() + height > self._pdf.h - 12:
            self.page()

    def line(self, text: str, size: float, *, bold: bool = False) -> None:
        """Write a line, cut at the paper's edge."""
        height = size * 0.6
        self.room(height)
        self._pdf.set_font(self._family, "B" if bold else "", size)
        self._pdf.cell(0, height, self._fitting(text, self._pdf.epw), new_x="LMARGIN", new_y="NEXT")

    def cells(self, texts: Sequence[str], *, bold: bool = False) -> None:
        """Write a row."""
        self.room(ROW_MM)
        self._pdf.set_font(self._family, "B" if bold else "", 7.5)
        for text, width in zip(texts, WIDTHS, strict=True):
            self._pdf.cell(width, ROW_MM, self._fitting(text, width - 1))
        self._pdf.ln(ROW_MM)

    def output(self) -> bytes:
        """Give the file."""
        return bytes(self._pdf.output())

    def _fitting(self, text: str, width: float) -> str:
        shown = text if self._faces is not None else text.encode("latin-1", "replace").decode("latin-1")
        while shown and self._pdf.get_string_width(shown) > width:
            shown = shown[:-1]
        return shown
