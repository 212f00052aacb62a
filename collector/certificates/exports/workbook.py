"""XLSX, written row by row to the disk (XlsxWriter's constant_memory) and given out piece by piece."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from collector.certificates.exports.cells import shown
from collector.certificates.exports.columns import Audience, Cell, Column, Language, columns_for
from collector.certificates.rules import Shown

PIECE = 64 * 1024
MOST_ROWS = 1_048_576  # of a sheet (ECMA-376); the next one goes on
TITLES = {"da": "Certifikater", "en": "Certificates"}
# A text stays one, whatever it looks like, and whoever edits its cell: quotePrefix is the apostrophe of people.
TEXT = {"quote_prefix": True}
HEAD = {"bold": True, "bottom": 1}
MOMENT = {"num_format": "yyyy-mm-dd hh:mm"}
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "remove_timezone": True,
}


def workbook(rows: Iterable[Shown], *, audience: Audience, language: Language) -> Iterator[bytes]:
    """Write a workbook. It needs its size on the disk until the last piece is taken, or the iterator is closed."""
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="benchwipe-export-") as folder:
        path = Path(folder) / "certificates.xlsx"
        book = xlsxwriter.Workbook(str(path), {**OPTIONS, "tmpdir": folder})
        try:
            _fill(book, rows, columns_for(audience), language)
        finally:
            book.close()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece


def _fill(book: Any, rows: Iterable[Shown], columns: tuple[Column, ...], language: Language) -> None:  # noqa: ANN401
    formats = {name: book.add_format(of) for name, of in (("text", TEXT), ("head", HEAD), ("moment", MOMENT))}
    sheet, line = None, MOST_ROWS
    for row in rows:
        if line >= MOST_ROWS:
            sheet, line = _sheet(book, columns, language, formats), 1
        for place, column in enumerate(columns):
            cell = column.value(row)
            _write(sheet, line, place, column.spoken(cell, language) if column.spoken else cell, formats)
        line += 1
    if sheet is None:
        _sheet(book, columns, language, formats)


def _sheet(book: Any, columns: tuple[Column, ...], language: Language, formats: dict[str, Any]) -> Any:  # noqa: ANN401
    number = len(book.worksheets()) + 1
    sheet = book.add_worksheet(TITLES[language] if number == 1 else f"{TITLES[language]} {number}")
    sheet.freeze_panes(1, 1)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
    for place, column in enumerate(columns):
        sheet.write_string(0, place, column.heading(language), formats["head"])
    return sheet


def _write(sheet: Any, line: int, place: int, cell: Cell, formats: dict[str, Any]) -> None:  # noqa: ANN401
    if isinstance(cell, str) and cell:
        sheet.write_string(line, place, shown(cell), formats["text"])
    elif isinstance(cell, datetime) and cell.year >= 1900:
        sheet.write_datetime(line, place, cell, formats["moment"])
    elif isinstance(cell, datetime):  # before a spreadsheet's first day
        sheet.write_string(line, place, cell.isoformat(), formats["text"])
    elif isinstance(cell, int | float):
        sheet.write_number(line, place, cell)
