"""A report as CSV, workbook or page, and onto the disk whole or not at all."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from agent import files
from agent.pdf import PdfExtraMissing
from collector.certificates.exports.cells import harmless, shown
from collector.effect import words
from collector.effect.errors import EffectProblem
from collector.effect.paper import paint
from collector.effect.report import Made
from collector.effect.tables import Table

ENDINGS = (".pdf", ".csv", ".xlsx")
BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's old code page
SHEET = 31  # characters of a sheet's name that Excel takes
OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def content(made: Made, ending: str) -> bytes:
    """Write the report in the language that is active. Raise EffectProblem."""
    if ending == ".csv":
        return as_csv(made)
    if ending == ".xlsx":
        return as_workbook(made)
    try:
        return paint(made.title, made.tables, made.report)
    except PdfExtraMissing as missing:
        raise EffectProblem(problem=str(missing)) from None


def as_csv(made: Made) -> bytes:
    """Write every table below the other, for a spreadsheet: semicolons, a BOM."""
    text = io.StringIO(newline="")
    text.write(BOM)
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([harmless(made.title)])
    for table in made.tables:
        writer.writerow([])
        writer.writerow([harmless(table.title)])
        writer.writerow([harmless(name) for name in table.head])
        for row in table.rows:
            writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
        for told in table.notes:
            writer.writerow([harmless(told)])
    writer.writerow([])
    writer.writerow([harmless(_("Method"))])
    for line in words.METHOD:
        writer.writerow([harmless(str(line))])
    return text.getvalue().encode()


def as_workbook(made: Made) -> bytes:
    """Write a sheet for each table."""
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        bold = book.add_format({"bold": True})
        for table in made.tables:
            _sheet(book.add_worksheet(table.key[:SHEET]), table, bold)
        sheet = book.add_worksheet(_("Method")[:SHEET])
        for line, told in enumerate(words.METHOD):
            sheet.write_string(line, 0, str(told))
    return file.getvalue()


def save(made: Made, out: Path, language: str) -> None:
    """Write the file, whole or not at all. Raise EffectProblem."""
    if out.suffix not in ENDINGS:
        raise EffectProblem(problem=f"{out.name} ends in none of {', '.join(ENDINGS)}")
    with translation.override(language):
        data = content(made, out.suffix)
    try:
        with files.written_whole(out) as file:
            file.write(data)
    except OSError as error:
        raise EffectProblem(problem=f"{out}: {error.strerror or error}") from None


def _sheet(sheet: Any, table: Table, bold: Any) -> None:  # noqa: ANN401 - XlsxWriter has no types
    sheet.set_column(0, 0, 28)
    sheet.set_column(1, max(1, len(table.head) - 1), 16)
    sheet.write_string(0, 0, table.title, bold)
    for place, name in enumerate(table.head):
        sheet.write_string(1, place, name, bold)
    line = 2
    for line, row in enumerate(table.rows, 2):
        for place, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(line, place, shown(cell))
            else:
                sheet.write_number(line, place, cell)
    for place, told in enumerate(table.notes, 1):
        sheet.write_string(line + 1 + place, 0, told)
