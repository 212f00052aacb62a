"""A settlement on paper: A4 across, a table for each section, sums, how to check it; PDF/A-3B where fonts are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF
from fpdf.fonts import TTFFont

from agent.pdf import fonts
from agent.pdf.document import describe
from agent.pdf.fonts import LATIN_1, Faces
from agent.pdf.qr import paint_qr
from collector.moments import HERE
from collector.trade.documents.model import Order, Party
from collector.trade.documents.table_files import FOOT
from collector.trade.documents.words import CHANNELS, COLUMNS, KINDS, OUTCOMES, SECTIONS, SUMS, TEXTS
from collector.trade.rules.money import percent, written

WIDTH, HEIGHT, MARGIN, TOP = 297.0, 210.0, 12.0, 12.0
BOTTOM = HEIGHT - 14.0
ROW, SMALL, NORMAL = 4.3, 7.2, 8.5
QR = 26.0
# Column -> its width in mm. Numbers stand at the right.
TABLES: dict[str, tuple[tuple[str, float], ...]] = {
    "sale": (("asset_tag", 30), ("serial", 38), ("kind", 22), ("grade", 14), ("certificate", 36), ("sold_on", 20),
             ("channel", 20), ("price_ore", 26), ("base_ore", 26), ("rate_bp", 14), ("amount_ore", 27)),
    "fee": (("asset_tag", 34), ("serial", 44), ("kind", 26), ("certificate", 54), ("outcome", 30), ("pieces", 18),
            ("amount_ore", 36), ("vat_bp", 31)),
    "correction": (("asset_tag", 32), ("serial", 40), ("kind", 24), ("grade", 16), ("corrects", 26), ("sold_on", 22),
                   ("price_ore", 30), ("base_ore", 30), ("rate_bp", 20), ("amount_ore", 33)),
    "unsold": (("asset_tag", 50), ("serial", 70), ("kind", 50), ("grade", 30), ("since", 40), ("age", 33)),
    "scrapped": (("asset_tag", 34), ("serial", 44), ("kind", 30), ("outcome", 30), ("statement", 95),
                 ("amount_ore", 40)),
}  # fmt: skip
RIGHT = frozenset({"price_ore", "base_ore", "rate_bp", "amount_ore", "vat_bp", "age", "pieces"})


def page(order: Order, *, jws: bytes, jws_sha256: str, csv: bytes) -> bytes:
    """Paint the settlement, with its signed form and its CSV attached."""
    faces = fonts.find()
    laid_out = _Page(order, faces, pages=0)
    laid_out.paint(jws_sha256)
    painted = _Page(order, faces, pages=laid_out.pdf.pages_count)
    painted.paint(jws_sha256)
    painted.describe(jws, csv)
    return bytes(painted.pdf.output())


class _Page:
    """Pages and a pen. With `pages` 0 nothing is drawn: it is laid out to count them, which each page's foot tells."""

    def __init__(self, order: Order, faces: Faces | None, *, pages: int) -> None:
        self._order, self._faces, self._pages = order, faces, pages
        self._words, self._columns = TEXTS[order.language], COLUMNS[order.language]
        self.pdf = FPDF(
            orientation="landscape", unit="mm", format="A4", enforce_compliance="PDF/A-3B" if faces else None
        )
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margins(MARGIN, TOP, MARGIN)
        self.pdf.alias_nb_pages("")
        self._family, self._glyphs = "helvetica", LATIN_1
        if faces:
            self._family = "benchwipe-sans"
            self.pdf.add_font(self._family, "", faces.sans)
            self.pdf.add_font(self._family, "B", faces.sans_bold)
            made = [font for font in self.pdf.fonts.values() if isinstance(font, TTFFont)]
            self._glyphs = frozenset.intersection(*(frozenset(font.cmap) for font in made))
        self.y = TOP

    def paint(self, jws_sha256: str) -> None:
        """Paint everything, from head to foot."""
        self._new_page()
        self._head()
        document = self._order.document
        for section in TABLES:
            rows = [
                (line, extra)
                for line, extra in zip(document["lines"], self._order.extras, strict=True)
                if line["section"] == section
            ]
            self._section(section, rows)
        self._sums()
        self._check(jws_sha256)

    def describe(self, jws: bytes, csv: bytes) -> None:
        """Write the metadata, and attach what counts (ISO 19005-3, 6.8)."""
        document, pdf = self._order.document, self.pdf
        made = (
            datetime.fromisoformat(document["issued_at"].replace("Z", "+00:00")).astimezone(UTC).replace(microsecond=0)
        )
        title = self._clean(f"{self._words['number']} {document['number']}, {document['seller']}")
        subject = self._clean(f"{document['customer']}, {document['period']}")
        language, archival = self._order.language, bool(self._faces)
        describe(pdf, title=title, subject=subject, language=language, made=made, archival=archival)
        name = f"settlement-{document['number']}"
        for data, ending, mime, relation, told in (
            (jws, "jws", "application/jose", "Source", "the signed settlement"),
            (csv, "csv", "text/csv", "Data", "the lines as a table"),
        ):
            pdf.embed_file(
                bytes=data,
                basename=f"{name}.{ending}",
                mime_type=mime,
                associated_file_relationship=relation,
                desc=told,
                modification_date=made,
                compress=True,
            )

    def _new_page(self) -> None:
        self.pdf.add_page()
        document = self._order.document
        told = f"{self._words['number']} {document['number']} · {document['seller']} · {document['customer']}"
        self._text(MARGIN, HEIGHT - 8, told, SMALL)
        count = self._words["page"].format(number=self.pdf.page, count=self._pages)
        self._text_right(WIDTH - MARGIN, HEIGHT - 8, count, SMALL)
        if self._faces is None:
            self._text(MARGIN, HEIGHT - 5, self._words["plain"], SMALL - 1)
        self.y = TOP

    def _head(self) -> None:
        document, order = self._order.document, self._order
        self.y += 5
        self._text(MARGIN, self.y, f"{self._words['number']} {document['number']}", 16, bold=True)
        self.y += 7
        facts = (
            ("seller", _party(order.seller)), ("customer", _party(order.customer)),
            ("agreement", f"{order.title} ({document['agreement']})"), ("versions", ", ".join(document["versions"])),
            ("period", f"{document['period']} ({order.first_day} – {order.last_day})"),
            ("issued", _local(document["issued_at"])),
        )  # fmt: skip
        for name, told in facts:
            self._text(MARGIN, self.y, self._words[name], NORMAL, bold=True)
            self._text(MARGIN + 42, self.y, self._fitting(told, WIDTH - 2 * MARGIN - 42, NORMAL), NORMAL)
            self.y += 4.6
        vat = self._words["vat"].format(share=percent(order.share_vat_bp), fee=percent(order.fee_vat_bp))
        for told in (self._words["rounding"], vat, self._words["set_off" if order.set_off else "no_set_off"]):
            self._text(MARGIN, self.y, self._fitting(told, WIDTH - 2 * MARGIN, SMALL), SMALL)
            self.y += 3.8
        self.y += 2

    def _section(self, section: str, rows: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        self._heading(section, table=bool(rows))
        if not rows:
            self._text(MARGIN, self.y, self._words["none"], NORMAL)
            self.y += ROW + 2
            return
        for line, extra in rows:
            if self.y > BOTTOM - ROW:
                self._new_page()
                self._heading(section, table=True)
            self._row(section, line, extra)
        self._text_right(
            WIDTH - MARGIN, self.y + 0.5, f"{self._words['sum']}: {written(_sum(rows), group='.')}", NORMAL, bold=True
        )
        self.y += ROW + 3

    def _heading(self, section: str, *, table: bool) -> None:
        if self.y > BOTTOM - 4 * ROW:
            self._new_page()
        self.y += 3
        self._text(MARGIN, self.y, SECTIONS[self._order.language][section], 10, bold=True)
        self.y += 5
        if not table:
            return
        x = MARGIN
        for name, width in TABLES[section]:
            told = self._fitting(self._columns[name], width - 1, SMALL)
            if name in RIGHT:
                self._text_right(x + width - 1, self.y, told, SMALL, bold=True)
            else:
                self._text(x, self.y, told, SMALL, bold=True)
            x += width
        self.pdf.set_line_width(0.2)
        self.pdf.line(MARGIN, self.y + 1, WIDTH - MARGIN, self.y + 1)
        self.y += ROW

    def _row(self, section: str, line: dict[str, Any], extra: dict[str, Any]) -> None:
        x = MARGIN
        for name, width in TABLES[section]:
            told = self._fitting(self._cell(name, line, extra), width - 1, SMALL)
            if name in RIGHT:
                self._text_right(x + width - 1, self.y, told, SMALL)
            else:
                self._text(x, self.y, told, SMALL)
            x += width
        self.y += ROW

    def _cell(self, name: str, line: dict[str, Any], extra: dict[str, Any]) -> str:
        language = self._order.language
        if name in ("outcome", "since", "statement"):
            told = str(extra.get(name, "") or "")
            return OUTCOMES[language].get(told, told)
        if name in ("age", "pieces"):
            told = str(extra.get("age_days" if name == "age" else name, ""))
            return f"{self._words['overdue']} {told}" if name == "age" and extra.get("overdue") else told
        cell = line[name]
        if cell is None:
            return self._words["late"] if name == "sold_on" and extra.get("late") else ""
        if name.endswith("_ore"):
            return written(cell, group=".")
        if name.endswith("_bp"):
            return percent(cell)
        if name == "corrects":
            return f"{cell['number']}/{cell['line']}"
        if name == "sold_on" and extra.get("late"):
            return f"{cell} *"
        words = {"kind": KINDS, "channel": CHANNELS}.get(name)
        return str(cell) if words is None else words[language].get(str(cell), str(cell))

    def _sums(self) -> None:
        if self.y > BOTTOM - 50:
            self._new_page()
        self.y += 3
        self._text(MARGIN, self.y, SECTIONS[self._order.language]["sum"], 10, bold=True)
        self.y += 5.5
        for name in FOOT:
            bold = name == "payable_ore"
            self._text(MARGIN, self.y, SUMS[self._order.language][name], NORMAL, bold=bold)
            told = f"{written(self._order.document[name], group='.')} {self._order.currency}"
            self._text_right(MARGIN + 120, self.y, told, NORMAL, bold=bold)
            self.y += 4.8
        self.y += 3

    def _check(self, jws_sha256: str) -> None:
        if self.y > BOTTOM - QR - 4:
            self._new_page()
        if self._pages:
            paint_qr(self.pdf, f"sha256:{jws_sha256}", MARGIN, self.y, QR)
        previous = self._order.document["previous_sha256"]
        lines = (self._words["check"], jws_sha256, self._words["how"],
                 self._words["previous"] if previous else self._words["first"], previous or "")  # fmt: skip
        for number, told in enumerate(lines):
            self._text(MARGIN + QR + 4, self.y + 5 + 4.6 * number, told, NORMAL)
        self.y += QR

    def _clean(self, text: str) -> str:
        return fonts.shown(text[:400], self._glyphs)

    def _fitting(self, text: str, width: float, size: float) -> str:
        """As much of a text as fits; a cell that is cut ends in two dots."""
        told = self._clean(text) if self._pages else ""
        if len(told) * size * 0.29 < width:  # the widest letter is about 0.29 mm a point
            return told
        self.pdf.set_font(self._family, "", size)
        if self.pdf.get_string_width(told) <= width:
            return told
        while told and self.pdf.get_string_width(told + "..") > width:
            told = told[:-1]
        return told + ".."

    def _text(self, x: float, y: float, text: str, size: float, *, bold: bool = False) -> None:
        if text and self._pages:
            self.pdf.set_font(self._family, "B" if bold else "", size)
            self.pdf.text(x, y, self._clean(text))

    def _text_right(self, right: float, y: float, text: str, size: float, *, bold: bool = False) -> None:
        told = self._clean(text)
        if told and self._pages:
            self.pdf.set_font(self._family, "B" if bold else "", size)
            self.pdf.text(right - self.pdf.get_string_width(told), y, told)


def _local(moment: str) -> str:
    """Times on paper are Danish ones; what is signed is UTC."""
    told = datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(HERE)
    return f"{told:%Y-%m-%d %H:%M}"


def _party(one: Party) -> str:
    told = [
        one.name,
        f"CVR {one.cvr}" if one.cvr else "",
        f"GLN {one.gln}" if one.gln else "",
        " ".join(one.address.split()),
    ]
    return ", ".join(part for part in told if part)


def _sum(rows: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> int:
    return sum(line["amount_ore"] for line, _ in rows)
