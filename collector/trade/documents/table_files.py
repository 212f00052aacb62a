"""A settlement as CSV for people (BOM, semicolons, decimal commas) and for programs (øre), and as XLSX."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from collector.certificates.exports.cells import harmless, shown
from collector.trade.documents.model import Order
from collector.trade.documents.words import CHANNELS, COLUMNS, KINDS, SECTIONS, SUMS, TEXTS, Language
from collector.trade.rules.money import percent, written

BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's old code page
LINE = (
    "section", "unit", "asset_tag", "serial", "kind", "grade", "certificate", "sold_on", "channel", "price_ore",
    "base_ore", "rate_bp", "amount_ore", "vat_bp", "corrects",
)  # fmt: skip
FOOT = ("share_ore", "share_vat_ore", "fees_ore", "fees_vat_ore", "opening_ore", "payable_ore", "closing_ore")
MONEY = frozenset({"price_ore", "base_ore", "amount_ore"})
WIDTHS = {"section": 22, "asset_tag": 18, "serial": 20, "certificate": 20, "corrects": 12}


def people_csv(order: Order) -> bytes:
    """Write CSV for a spreadsheet: a heading, the lines, the sums."""
    language, comma = order.language, "," if order.language == "da" else "."
    out = io.StringIO(newline="")
    out.write(BOM)
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([COLUMNS[language][name] for name in LINE])
    for line in order.document["lines"]:
        writer.writerow([_spoken(name, line[name], language, comma) for name in LINE])
    for name in FOOT:
        row = dict.fromkeys(LINE, "") | {
            "section": SUMS[language][name],
            "amount_ore": written(order.document[name], comma=comma),
        }
        writer.writerow(row.values())
    return out.getvalue().encode("utf-8")


def machine_csv(order: Order) -> bytes:
    """Write CSV for programs (RFC 4180): the document's own names, øre and basis points as they were signed."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(LINE)
    for line in order.document["lines"]:
        writer.writerow(["" if (cell := _plain(line[name])) is None else cell for name in LINE])
    return out.getvalue().encode("utf-8")


def workbook(order: Order) -> bytes:
    """Write an XLSX workbook, a row at a time: money as numbers with two decimals."""
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="benchwipe-settlement-") as folder:
        path = Path(folder) / "settlement.xlsx"
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "tmpdir": folder,
        }  # fmt: skip
        book = xlsxwriter.Workbook(str(path), options)
        try:
            _fill(book, order)
        finally:
            book.close()
        return path.read_bytes()


def _fill(book: Any, order: Order) -> None:  # noqa: ANN401 - XlsxWriter has no types
    told = {"text": {"quote_prefix": True}, "head": {"bold": True, "bottom": 1}, "money": {"num_format": "#,##0.00"},
            "day": {"num_format": "yyyy-mm-dd"}}  # fmt: skip
    formats = {name: book.add_format(of) for name, of in told.items()}
    sheet = book.add_worksheet(TEXTS[order.language]["title"])
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(LINE):
        sheet.set_column(place, place, WIDTHS.get(name, 12))
    for place, name in enumerate(LINE):
        sheet.write_string(0, place, COLUMNS[order.language][name], formats["head"])
    number = 0
    for number, line in enumerate(order.document["lines"], 1):
        for place, cell in enumerate(_cells(line, order.language)):
            _write(sheet, number, place, cell, formats)
    for place, name in enumerate(FOOT, number + 2):
        sheet.write_string(place, 0, SUMS[order.language][name], formats["head"])
        sheet.write_number(place, LINE.index("amount_ore"), order.document[name] / 100, formats["money"])


def _cells(line: dict[str, Any], language: Language) -> Iterator[tuple[str, Any]]:
    for name in LINE:
        cell = line[name]
        if name in MONEY or name in ("rate_bp", "vat_bp"):
            yield "money", None if cell is None else cell / 100
        elif name == "sold_on":
            yield "day", None if cell is None else date.fromisoformat(cell)
        else:
            yield "text", _spoken(name, cell, language, ",")


def _write(sheet: Any, row: int, place: int, cell: tuple[str, Any], formats: dict[str, Any]) -> None:  # noqa: ANN401
    kind, value = cell
    if value is None or value == "":
        return
    if kind == "money":
        sheet.write_number(row, place, value, formats["money"])
    elif kind == "day":
        sheet.write_datetime(row, place, value, formats["day"])
    else:
        sheet.write_string(row, place, shown(value), formats["text"])


def _spoken(name: str, cell: Any, language: Language, comma: str) -> str:  # noqa: ANN401 - a cell of the document
    if cell is None:
        return ""
    if name in MONEY:
        return written(cell, comma=comma)
    if name in ("rate_bp", "vat_bp"):
        return percent(cell, comma=comma)
    if name == "corrects":
        return f"{cell['number']}/{cell['line']}"
    words = {"section": SECTIONS, "kind": KINDS, "channel": CHANNELS}.get(name)
    return harmless(str(cell) if words is None else words[language].get(str(cell), str(cell)))


def _plain(cell: Any) -> Any:  # noqa: ANN401 - a cell of the document
    if isinstance(cell, dict):
        return f"{cell['number']}/{cell['line']}"
    return harmless(cell) if isinstance(cell, str) else cell
