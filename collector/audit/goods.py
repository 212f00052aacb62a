"""Units, sales, fees, imports: I4, I5, I6, I10, I12."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from django.db.models import Count, QuerySet

from collector.certificates import stored
from collector.intake.models import Certificate
from collector.moments import day_of
from collector.parties.models import Organisation
from collector.statements import kinds, queries
from collector.trade.models import AgreementVersion, LedgerEntry, SaleEvent, SaleLine
from collector.units import rules
from collector.units import vocabulary as words
from collector.units.models import DriveLink, RegisterImport, RegisterRow, Unit, UnitEvent
from collector.units.said import DECISIONS

AT_ONCE = 500
T = TypeVar("T")
BACK = ("return", "cancel")


def sold_once() -> Iterator[str]:
    """Find units with more than one sale that stands (I4)."""
    for row in _standing().values("unit").annotate(times=Count("pk")).filter(times__gt=1).order_by("unit"):
        yield f"unit {row['unit']}: {row['times']} sales stand at once"


def _standing() -> QuerySet[Any]:
    back = SaleEvent.unfiltered.filter(kind__in=BACK).values("line")
    return SaleLine.unfiltered.filter(unit__isnull=False).exclude(pk__in=back)


@dataclass(frozen=True)
class Drive:
    """What a certificate says of a drive, and until when it counted for its unit."""

    drive: str
    outcome: str
    day: date
    said: tuple[tuple[date, str], ...]
    """What people decided about it, in order."""
    destroyed: date | None
    ended: date | None

    def is_done(self, version: AgreementVersion, day: date) -> bool:
        """Say whether nothing is left on it as of a day, as an agreement asks it."""
        if self.destroyed is not None and self.destroyed <= day:
            return True
        allowed = {"erased": True, "unread": version.unread_allowed, "attested": version.attested_allowed}
        if not allowed.get(self.outcome, False) or self.day > day:
            return False
        # Who refuses it after the sale says nothing of the day on which it was sold.
        word = next((word for on, word in reversed(self.said) if word != "rejected" or on <= day), "")
        return word == "accepted" or (not word and version.validation != "required")


def nothing_was_sold_with_data() -> Iterator[str]:
    """Find shares of units that were sold before all of their drives were accounted for (I5)."""
    shares = LedgerEntry.unfiltered.filter(kind="share", unit__isnull=False, corrects__isnull=True)
    lines = {int(subject.partition(":")[2]) for subject in shares.values_list("subject", flat=True)}
    for some in chunks(sorted(lines)):
        rows = list(SaleLine.unfiltered.filter(pk__in=some, unit__isnull=False).select_related("unit").order_by("pk"))
        drives = _drives(row.unit_id for row in rows)
        versions = _versions({row.agreement_id for row in rows})
        for row in rows:
            ruling = next((one for one in versions[row.agreement_id] if one.valid_from <= row.sold_on), None)
            why = "no version of its agreement bound" if ruling is None else _open(row, drives[row.unit_id], ruling)
            if why:
                yield f"unit {row.unit_id}, sold on {row.sold_on}: {why}"


def why_open(line: SaleLine, version: AgreementVersion) -> str:
    """Say why the unit of one line was not ready to be sold; empty where it was."""
    return _open(line, _drives([line.unit_id])[line.unit_id], version)


def _open(line: SaleLine, drives: list[Drive], version: AgreementVersion) -> str:
    """Say why a unit was not ready to be sold on its day; empty where it was."""
    unit, day = line.unit, line.sold_on
    assert unit is not None
    if unit.destroyed_at is not None and day_of(unit.destroyed_at) <= day:
        return ""
    there = [one for one in drives if one.day <= day and (one.ended is None or one.ended >= day)]
    newest = rules.newest_of_drives(there, unit.kind)
    wanted = rules.wanted(unit.kind, unit.drives_counted)
    if wanted is None:
        return "nobody had counted its drives"
    undone = [one for one in newest if not one.is_done(version, day)]
    if undone:
        return f"{len(undone)} of its drives had data, or were not accepted"
    return "" if len(newest) == wanted else f"{len(newest)} of its {wanted} drives were accounted for"


def _drives(units: Iterable[int | None]) -> defaultdict[int | None, list[Drive]]:
    found: defaultdict[int | None, list[Drive]] = defaultdict(list)
    rows = list(DriveLink.objects.filter(unit__in=set(units)).order_by("finished_at", "pk"))
    said = _decisions(rows)
    for link in rows:
        gone = None if link.destroyed_at is None else day_of(link.destroyed_at)
        ended = None if link.ended_at is None else day_of(link.ended_at)
        day = day_of(link.finished_at)
        found[link.unit_id].append(Drive(link.drive, link.outcome, day, tuple(said[link.pk]), gone, ended))
    return found


def _decisions(links: Iterable[DriveLink]) -> dict[int, list[tuple[date, str]]]:
    """List what was decided about each link's certificate, as it was signed; then what its row says, if another."""
    signed: defaultdict[str, list[tuple[date, str]]] = defaultdict(list)
    names = {link.certificate_id for link in links if link.validation}
    for one in queries.subjects("certificate", names, (kinds.VALIDATION, kinds.SAMPLE)):
        if one.word in DECISIONS:
            signed[one.name].append((day_of(one.statement.said_at), DECISIONS[one.word]))
    found = {link.pk: list(signed[link.certificate_id]) for link in links}
    for link in links:
        if link.validation and [word for _, word in found[link.pk]][-1:] != [link.validation]:
            found[link.pk].append((date.min, link.validation))
    return found


def _versions(agreements: set[int]) -> defaultdict[int, list[AgreementVersion]]:
    found: defaultdict[int, list[AgreementVersion]] = defaultdict(list)
    rows = AgreementVersion.unfiltered.filter(agreement__in=agreements, binding_at__isnull=False)
    for row in rows.order_by("-valid_from"):
        found[row.agreement_id].append(row)
    return found


def fees_are_proved() -> Iterator[str]:
    """Find fees that were taken twice, or whose certificate does not verify now (I6)."""
    fees = LedgerEntry.unfiltered.filter(kind="fee", amount_ore__lt=0, corrects__isnull=True)
    counted = fees.values("subject").annotate(times=Count("pk")).filter(times__gt=1)
    yield from (f"{row['subject']}: the fee was taken {row['times']} times" for row in counted.order_by("subject"))
    whole = {f"fee:{unit}:{lot}" for unit, lot in _places(fees.values_list("subject", flat=True))}
    both = fees.filter(subject__in=whole).values_list("subject", flat=True)
    single = {":".join(one.split(":")[:3]) for one in fees.values_list("subject", flat=True) if one.count(":") > 2}
    yield from (f"{one}: a fee for the unit and fees for its drives" for one in sorted(set(both) & single))
    rows = list(fees.order_by("pk").values_list("subject", "certificate", "why", "unit_id"))
    for some in chunks(rows):
        yield from _unproved(some)


def _places(subjects: Iterable[str]) -> set[tuple[str, str]]:
    return {(parts[1], parts[2]) for parts in (one.split(":") for one in subjects) if len(parts) > 2}


def _unproved(fees: list[tuple[str, str, str, int | None]]) -> Iterator[str]:
    ids = {certificate for _, certificate, _, _ in fees if certificate}
    rows = Certificate.unfiltered.filter(id__in=ids).select_related("bytes", "signed_by")
    holds = {row.id: stored.shown(row) for row in rows}
    bare = [unit for _, certificate, _, unit in fees if not certificate]
    told = UnitEvent.objects.filter(unit__in=bare, kind="destroyed").exclude(statement="")
    proved = set(told.values_list("unit_id", flat=True))
    for subject, certificate, why, unit in fees:
        if not certificate and not (why == "destroyed" and unit in proved):
            yield f"{subject}: names no certificate, and no signed destruction"
        elif certificate and (certificate not in holds or holds[certificate].certificate is None):
            yield f"{subject}: certificate {certificate[:12]} does not verify, or is not here"
        elif certificate and holds[certificate].differences:
            yield f"{subject}: certificate {certificate[:12]} says otherwise than its row"


def units_are_somewhere() -> Iterator[str]:
    """Find units that are in no place or in two, and registers whose rows their headlines do not sum up to (I10)."""
    here = Unit.unfiltered.filter(merged_into__isnull=True)
    lost = here.filter(received_at__isnull=False).exclude(disposal__in=words.DISPOSALS)
    yield from (f"unit {pk} was received, and is nowhere" for pk in lost.order_by("pk").values_list("pk", flat=True))
    never = here.filter(received_at__isnull=True).exclude(disposal="")
    yield from (f"unit {pk} was never received, and is {place}"
                for pk, place in never.order_by("pk").values_list("pk", "disposal"))  # fmt: skip
    sold = set(_standing().values_list("unit", flat=True))
    marked = set(here.filter(disposal=words.SOLD).values_list("pk", flat=True))
    yield from (f"unit {pk} is sold, and no sale of it stands" for pk in sorted(marked - sold))
    yield from (f"unit {pk} has a sale that stands, and is not sold" for pk in sorted(sold - marked))
    yield from _moved(here)
    yield from _registers()


def _moved(here: QuerySet[Any]) -> Iterator[str]:
    for place in (words.SCRAPPED, words.GIVEN_BACK, words.OWN_USE):
        told = set(UnitEvent.objects.filter(kind=place).values_list("unit", flat=True))
        there = here.filter(disposal=place).order_by("pk").values_list("pk", flat=True)
        yield from (f"unit {pk} is {place}, and no event says so" for pk in there if pk not in told)


def _registers() -> Iterator[str]:
    rows = Counter(RegisterRow.unfiltered.values_list("customer", flat=True))
    counted = Unit.unfiltered.filter(merged_into__isnull=True).exclude(headline__in=words.NOT_OF_THE_REGISTER)
    units = Counter(counted.values_list("customer", flat=True))
    names = {row.pk: row.name for row in Organisation.objects.filter(pk__in=rows.keys() | units.keys())}
    for customer in sorted(names):
        if rows[customer] != units[customer]:
            told = f"{names[customer]}: its register has {rows[customer]} rows, its headlines"
            yield f"{told} sum up to {units[customer]}"


def imports_are_taken_once() -> Iterator[str]:
    """Find files that were taken in twice, and imports whose counts are not what is there (I12)."""
    made = Counter(RegisterRow.unfiltered.values_list("first_import", flat=True))
    seen = RegisterImport.unfiltered.values("customer", "fingerprint").annotate(times=Count("pk")).filter(times__gt=1)
    yield from (f"a file of customer {row['customer']} was taken in {row['times']} times" for row in seen.order_by())
    for row in RegisterImport.unfiltered.order_by("pk"):
        told = row.new + row.changed + row.same + len(row.rejected)
        if told != row.rows:
            yield f"import {row.pk} ({row.file_name}): {row.rows} rows, and {told} were told"
        if made[row.pk] != row.new:
            yield f"import {row.pk} ({row.file_name}): {row.new} rows were new, and {made[row.pk]} are there"
    lines = SaleLine.unfiltered.values("sale", "line").annotate(times=Count("pk")).filter(times__gt=1)
    yield from (
        f"line {row['line']} of sale {row['sale']} stands there twice" for row in lines.order_by("sale", "line")
    )
    events = SaleEvent.unfiltered.values("line", "external_id").annotate(times=Count("pk")).filter(times__gt=1)
    yield from (f"event {row['external_id']} of line {row['line']} was told twice" for row in events.order_by("line"))


def chunks(items: list[T]) -> Iterator[list[T]]:
    """Give out some at a time: SQLite takes so many values in one question."""
    for begin in range(0, len(items), AT_ONCE):
        yield items[begin : begin + AT_ONCE]
