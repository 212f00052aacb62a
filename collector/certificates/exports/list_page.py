"""A list of certificates as a PDF: a line each, for a customer's file. What counts are the certificates themselves."""

from __future__ import annotations

from collections.abc import Iterable

from agent.pdf import PdfExtraMissing, fonts
from collector.certificates.exports.columns import ALL, Column, Language
from collector.certificates.rules import Shown
from collector.text import visible

WIDTHS = {
    "number": 36, "outcome": 42, "finished_at": 28, "model": 46, "serial": 38, "asset_tag": 30, "lot": 26,
    "certificate": 31,
}  # fmt: skip
TITLES = {"da": "Slettecertifikater", "en": "Certificates of sanitization"}
COUNTS = {"da": "Certifikater: {count}. Holder ikke: {bad}.", "en": "Certificates: {count}. Do not hold: {bad}."}
FEET = {
    "da": "Hvert certifikat er en underskrevet fil med dette id; listen er en kopi.",
    "en": "Each certificate is a signed file with this id; this list is a copy.",
}
ROW_MM, HEAD_MM = 5.2, 6.0


def list_page(rows: Iterable[Shown], *, title: str, language: Language) -> bytes:
    """Paint the list. PdfExtraMissing where this machine has no libraries for it."""
    try:
        from fpdf import FPDF
    except ModuleNotFoundError as error:
        raise PdfExtraMissing(missing=error.name) from None
    paper = FPDF(orientation="landscape", format="A4")
    paper.set_auto_page_break(auto=False)
    paper.set_title(f"{TITLES[language]}: {visible(title)}")
    faces = fonts.find()
    family = "helvetica"
    if faces is not None:
        family = "own"
        paper.add_font(family, "", str(faces.sans))
        paper.add_font(family, "B", str(faces.sans_bold))
    columns = [column for name in WIDTHS for column in ALL if column.name == name]
    count = bad = 0

    def begin() -> None:
        paper.add_page()
        paper.set_font(family, "B", 13)
        paper.cell(0, 9, _printed(f"{TITLES[language]}: {title}", faces is not None), new_x="LMARGIN", new_y="NEXT")
        paper.set_font(family, "B", 7.5)
        for column in columns:
            paper.cell(WIDTHS[column.name], HEAD_MM, _printed(column.heading(language), faces is not None), border="B")
        paper.ln(HEAD_MM)
        paper.set_font(family, "", 7.5)

    begin()
    for row in rows:
        count, bad = count + 1, bad + (row.certificate is None)
        if paper.get_y() + ROW_MM > paper.h - 16:
            begin()
        for column in columns:
            text = _printed(_text(column, row, language), faces is not None)
            while text and paper.get_string_width(text) > WIDTHS[column.name] - 2:
                text = text[:-1]
            paper.cell(WIDTHS[column.name], ROW_MM, text)
        paper.ln(ROW_MM)
    paper.ln(3)
    told = f"{COUNTS[language].format(count=count, bad=bad)} {FEET[language]}"
    paper.cell(0, ROW_MM, _printed(told, faces is not None))
    return bytes(paper.output())


def _text(column: Column, row: Shown, language: Language) -> str:
    cell = column.value(row)
    if column.spoken is not None:
        cell = column.spoken(cell, language)
    if column.name == "certificate":
        return f"{str(cell)[:16]}…"
    return visible("" if cell is None else f"{cell:%Y-%m-%d %H:%M}" if hasattr(cell, "hour") else str(cell), 80)


def _printed(text: str, embedded: bool) -> str:
    """Without a font to embed, the reader's own has Latin 1 alone."""
    return (
        text if embedded else text.replace("…", "..").replace("–", "-").encode("latin-1", "replace").decode("latin-1")
    )
