"""Rows of texts as a file: CSV for a spreadsheet of people, or XLSX, piece by piece."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from collector.certificates.exports.cells import harmless, shown
from collector.certificates.exports.workbook import OPTIONS, TEXT

PIECE = 64 * 1024
BOM = "\ufeff"
WIDTH = 18


def people_csv(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """Write CSV for a spreadsheet: semicolons, a BOM, and no cell that it would take for a formula."""
    piece = io.StringIO(newline="")
    piece.write(BOM)
    writer = csv.writer(piece, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([harmless(cell) for cell in head])
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        if piece.tell() >= PIECE:
            yield piece.getvalue().encode("utf-8")
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue().encode("utf-8")


def workbook(head: Sequence[str], rows: Iterable[Sequence[str]], title: str) -> Iterator[bytes]:
    """Write XLSX of texts: an IMEI stays fifteen digits, and a tag keeps its zeros."""
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="benchwipe-export-") as folder:
        path = Path(folder) / "table.xlsx"
        book = xlsxwriter.Workbook(str(path), {**OPTIONS, "tmpdir": folder})
        sheet = book.add_worksheet(title[:31])
        bold, text = book.add_format({"bold": True, "bottom": 1}), book.add_format(TEXT)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(head) - 1, 0), WIDTH)
        for place, cell in enumerate(head):
            sheet.write_string(0, place, shown(cell), bold)
        for line, row in enumerate(rows, 1):
            for place, cell in enumerate(row):
                if cell:
                    sheet.write_string(line, place, shown(cell), text)
        book.close()
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
