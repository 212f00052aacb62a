"""A reconciliation as a file: the register's own columns as it wrote them, and ours behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from django.utils.translation import override

from agent import files
from collector.parties.models import Organisation
from collector.running import configuration
from collector.units import reconciling, words
from collector.units.errors import UnitProblem
from collector.units.models import DriveLink, Lot, RegisterImport, RegisterRow
from collector.units.reconciling import Line
from collector.units.register_columns import fold
from collector.units.tables_out import people_csv, workbook

LOCAL = ZoneInfo("Europe/Copenhagen")
OURS: Mapping[str, Sequence[str]] = {
    "en": ("Status (benchwipe)", "Data", "Disposal", "Lot", "Erased on", "Certificates", "Certificate", "Why"),
    "da": ("Status (benchwipe)", "Data", "Afhændelse", "Parti", "Slettet den", "Certifikater", "Certifikat", "Hvorfor"),
}
OWN = ("serial", "asset_tag", "imei", "kind", "manufacturer", "model")
"""The columns of units where no register was taken in."""


def write(customer: Organisation, lot: Lot | None, out: Path, language: str) -> int:
    """Write the file, whole or not at all; its ending says what kind. How many units stand in it. Raise UnitProblem."""
    kind = out.suffix.lower().removeprefix(".")
    if kind not in ("csv", "xlsx"):
        raise UnitProblem(problem=f"{out}: allowed are .csv and .xlsx")
    try:
        with files.written_whole(out) as file:
            found = Export(customer, lot, language)
            for piece in found.pieces(kind):
                file.write(piece)
    except OSError as error:
        raise UnitProblem(problem=f"{out}: {error.strerror or error}") from None
    return found.count


class Export:
    """A reconciliation's table. `count`: its rows, once they were written."""

    def __init__(self, customer: Organisation, lot: Lot | None, language: str) -> None:
        self.count = 0
        self._language = language
        self._report = reconciling.reconcile(customer, lot)
        self._headings, self._places = _headings(customer)
        self._rows = _register(customer)
        self._ends = _ends(customer)
        self._address = configuration().settings.public_url.rstrip("/")

    def pieces(self, kind: str) -> Iterator[bytes]:
        """Write it as `csv` or `xlsx`."""
        with override(self._language):
            head = [*self._headings, *OURS[self._language]]
            rows = self._lines()
            yield from people_csv(head, rows) if kind == "csv" else workbook(head, rows, "Reconciliation")

    def _lines(self) -> Iterator[list[str]]:
        for line in self._report.lines:
            self.count += 1
            yield [*self._theirs(line), *self._ours(line)]

    def _theirs(self, line: Line) -> list[str]:
        """What the register wrote; where no row stands for a unit, its numbers under the register's headings."""
        cells = [""] * len(self._headings)
        told = self._rows.get(line.unit)
        if told is not None:
            for place, cell in zip(*told, strict=False):
                cells[place] = cell
            return cells
        known = {
            "serial": line.serial, "asset_tag": line.asset_tag, "imei": line.imei, "kind": line.kind,
            "manufacturer": line.manufacturer, "model": line.model,
        }  # fmt: skip
        for name, cell in known.items():
            if name in self._places:
                cells[self._places[name]] = cell
        return cells

    def _ours(self, line: Line) -> list[str]:
        day, numbers = self._ends.get(line.unit, ("", []))
        names = [f"{self._address}/check/{one}" if self._address else one for one in line.certificates]
        return [
            str(words.STATUSES[line.status]), str(words.DATA[line.data]), str(words.DISPOSALS[line.disposal]), line.lot,
            day, " ".join(numbers), " ".join(names), words.why(*line.why),
        ]  # fmt: skip


def _headings(customer: Organisation) -> tuple[list[str], dict[str, int]]:
    """The headings of all that was taken in, each once, in the order of the files; and where what is told."""
    found: list[str] = []
    folded: dict[str, int] = {}
    places: dict[str, int] = {}
    for headings, columns in (
        RegisterImport.unfiltered.filter(customer=customer).order_by("-pk").values_list("headings", "mapping__columns")
    ):
        for heading in headings:
            if fold(heading) not in folded:
                folded[fold(heading)] = len(found)
                found.append(heading)
        for name, heading in columns.items():
            if fold(heading) in folded:
                places.setdefault(name, folded[fold(heading)])
    if not found:
        return list(OWN), {name: place for place, name in enumerate(OWN)}
    return found, places


def _register(customer: Organisation) -> dict[int, tuple[list[int], list[str]]]:
    """Unit -> the places of its row's cells, and the cells."""
    headings, _ = _headings(customer)
    folded = {fold(heading): place for place, heading in enumerate(headings)}
    of_import: dict[int, list[int]] = {}
    for key, own in RegisterImport.unfiltered.filter(customer=customer).values_list("pk", "headings"):
        of_import[key] = [folded[fold(heading)] for heading in own]
    rows = RegisterRow.unfiltered.filter(customer=customer).values_list("unit_id", "last_import_id", "raw")
    return {unit: (of_import[made], raw) for unit, made, raw in rows.iterator(5000)}


def _ends(customer: Organisation) -> dict[int, tuple[str, list[str]]]:
    """Unit -> the day of its last certificate, in the municipality's time, and their numbers."""
    found: dict[int, tuple[str, list[str]]] = {}
    rows = DriveLink.objects.filter(unit__customer=customer, ended_at__isnull=True).order_by("finished_at", "pk")
    for unit, at, number in rows.values_list("unit_id", "finished_at", "certificate__number").iterator(5000):
        numbers = found.get(unit, ("", []))[1]
        found[unit] = (at.astimezone(LOCAL).date().isoformat(), [*numbers, number])
    return found
