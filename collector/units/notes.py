"""A lot on paper: the collection note for who hands it over, the delivery note with every unit that was received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import override

from agent.pdf import PdfExtraMissing, fonts
from collector.text import visible
from collector.units import lots, words
from collector.units.models import Custody, Lot, Unit

KINDS = ("collection", "delivery")
LOCAL = ZoneInfo("Europe/Copenhagen")
WIDTHS = (12.0, 30.0, 40.0, 36.0, 34.0, 38.0)
LINE_MM = 5.4


def note(lot: Lot, kind: str, language: str) -> bytes:
    """Paint a lot's note. PdfExtraMissing where this machine has no libraries for it."""
    try:
        from fpdf import FPDF
    except ModuleNotFoundError as error:
        raise PdfExtraMissing(missing=error.name) from None
    with override(language):
        return _Note(FPDF(orientation="portrait", format="A4"), lot, kind).paint()


class _Note:
    def __init__(self, paper: object, lot: Lot, kind: str) -> None:
        from fpdf import FPDF

        assert isinstance(paper, FPDF)
        self._paper, self._lot, self._kind = paper, lot, kind
        faces = fonts.find()
        self._embedded, self._family = faces is not None, "own" if faces else "helvetica"
        if faces is not None:
            paper.add_font("own", "", str(faces.sans))
            paper.add_font("own", "B", str(faces.sans_bold))

    def paint(self) -> bytes:
        """Head, steps of custody, units, and lines to sign on."""
        paper, lot = self._paper, self._lot
        title = _("Collection note") if self._kind == "collection" else _("Delivery note")
        paper.set_title(f"{title} {visible(lot.code)}")
        paper.set_auto_page_break(auto=True, margin=18)
        paper.add_page()
        self._line(f"{title}: {lot.code}", size=16, bold=True)
        self._line(f"{_('Customer')}: {lot.customer.name if lot.customer else ''}")
        if lot.reference:
            self._line(f"{_('Reference')}: {lot.reference}")
        self._line(f"{_('State')}: {words.LOT_STATES[lot.state]}")
        for row in self._steps():
            self._step(row)
        if self._kind == "delivery":
            self._units()
        self._signatures()
        return bytes(paper.output())

    def _steps(self) -> Sequence[Custody]:
        rows = self._lot.custody.order_by("pk")
        return list(rows.filter(step="collected") if self._kind == "collection" else rows)

    def _step(self, row: Custody) -> None:
        self._paper.ln(2)
        self._line(f"{words.STEPS[row.step]} {row.day.isoformat()}", bold=True)
        told: Mapping[str, str] = {
            _("Place"): row.place, _("From"): row.from_whom, _("To"): row.to_whom,
            _("Count"): "" if row.count is None else str(row.count), _("Seals"): ", ".join(map(str, row.seals)),
            _("Note"): row.note, _("Written down by"): row.who, _("Signed statement (SHA-256)"): row.statement,
        }  # fmt: skip
        for name, value in told.items():
            if value:
                self._line(f"{name}: {value}", size=9)

    def _units(self) -> None:
        rows = list(Unit.unfiltered.filter(lot=self._lot, merged_into__isnull=True).order_by("pk"))
        numbers = lots.numbers_of([unit.pk for unit in rows])
        self._paper.ln(3)
        self._line(_("Units received: %(n)d") % {"n": len(rows)}, bold=True)
        heads = ("", _("Kind"), _("Serial number"), _("Asset tag"), _("IMEI"), _("Model"))
        self._row(heads, bold=True)
        for place, unit in enumerate(rows, 1):
            own = numbers.get(unit.pk, {})
            first = [(own.get(kind) or [""])[0] for kind in ("serial", "asset_tag", "imei14")]
            self._row((str(place), str(words.KINDS[unit.kind]), *first, unit.model))

    def _row(self, cells: Sequence[str], *, bold: bool = False) -> None:
        paper = self._paper
        paper.set_font(self._family, "B" if bold else "", 8)
        for width, cell in zip(WIDTHS, cells, strict=True):
            text = self._printed(visible(cell, 60))
            while text and paper.get_string_width(text) > width - 2:
                text = text[:-1]
            paper.cell(width, LINE_MM, text, border="B")
        paper.ln(LINE_MM)

    def _signatures(self) -> None:
        self._paper.ln(14)
        for who in (_("Handed over by (name, date, signature)"), _("Received by (name, date, signature)")):
            self._line("_" * 50)
            self._line(who, size=9)
            self._paper.ln(8)

    def _line(self, text: str, *, size: int = 11, bold: bool = False) -> None:
        self._paper.set_font(self._family, "B" if bold else "", size)
        shown = self._printed(visible(text, 400))
        self._paper.multi_cell(0, size * 0.5, shown, new_x="LMARGIN", new_y="NEXT")

    def _printed(self, text: str) -> str:
        """Without a font to embed, the reader's own has Latin 1 alone."""
        return text if self._embedded else text.encode("latin-1", "replace").decode("latin-1")
