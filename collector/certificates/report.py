"""A customer's certificates of some days as one file, by its ending: a list (.pdf, .csv), or a ZIP of pages and JWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from agent import files
from agent.pdf import PdfExtraMissing
from collector.certificates import queries, stored
from collector.certificates.exports.bundle import bundle
from collector.certificates.exports.columns import Language
from collector.certificates.exports.list_page import list_page
from collector.certificates.exports.text_files import people_csv
from collector.certificates.rules import Shown
from collector.certificates.statements_about import afterwards_of
from collector.errors import CollectorError
from collector.intake.models import Certificate
from collector.parties.models import CustomerName, Organisation
from collector.parties.services import Actor, note

HERE = ZoneInfo("Europe/Copenhagen")
ENDINGS = (".pdf", ".csv", ".zip")


class NoReport(CollectorError):
    """The report cannot be written."""

    code = "BW-C43"
    message = "no report: {problem}"
    hint = "It is: report --customer NAME --from 2026-01-01 --to 2026-03-31 --out FILE.pdf, .csv or .zip."


def report(actor: Actor, customer: str, first: date, last: date, out: Path, language: Language) -> int:
    """Write the file, whole or not at all; how many certificates are in it. Raise NoReport.

    Before it gets its name stands on the audit trail who took what out of the house.
    """
    if out.suffix not in ENDINGS:
        raise NoReport(problem=f"{out.name} ends in none of {', '.join(ENDINGS)}")
    if last < first:
        raise NoReport(problem=f"{last} is before {first}")
    of = _organisation(customer)
    counted = _Counted(stored.shown(row) for row in _rows(of, first, last))

    def told() -> None:
        days = {"from": str(first), "to": str(last)}
        note(actor, "certificates.reported", of.name, file=out.name, certificates=counted.count, **days)

    try:
        with files.written_whole(out) as file:
            for piece in _pieces(out.suffix, counted, f"{customer}, {first} – {last}", language):
                file.write(piece)
            told()
    except PdfExtraMissing as missing:
        raise NoReport(problem=str(missing)) from None
    except OSError as error:
        raise NoReport(problem=f"{out}: {error.strerror or error}") from None
    return counted.count


class _Counted:
    def __init__(self, rows: Iterable[Shown]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Shown]:
        for row in self._rows:
            self.count += 1
            yield row


def _pieces(ending: str, rows: Iterable[Shown], title: str, language: Language) -> Iterator[bytes]:
    if ending == ".zip":
        return bundle(rows, language=language, said=afterwards_of)
    if ending == ".csv":
        return people_csv(rows, audience="full", language=language)
    return iter([list_page(rows, title=title, language=language)])


def _organisation(customer: str) -> Organisation:
    found = Organisation.objects.filter(name=customer).first()
    if found is None:
        named = CustomerName.objects.filter(name=customer).select_related("organisation").first()
        found = None if named is None else named.organisation
    if found is None:
        raise NoReport(problem=f"there is no organisation {customer!r}")
    return found


def _rows(organisation: Organisation, first: date, last: date) -> Iterator[Certificate]:
    """By the day on which each was finished; where the station's clock was not set, by the day of its arrival."""
    begin, end = _midnight(first), _midnight(last + timedelta(days=1))
    return queries.of_customer(organisation.pk, begin, end)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=HERE).astimezone(UTC)
