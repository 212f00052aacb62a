"""What stands in stock, what a seller asks for it, and what a buyer bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.timezone import localdate

from collector.certificates import stored
from collector.certificates.rules import Heading
from collector.intake.models import Certificate
from collector.parties.models import Organisation
from collector.parties.roles import BUYER, FINANCE, Sight
from collector.selling.models import ListPrice
from collector.trade.models import Sale, SaleLine
from collector.trade.sights import organisations
from collector.units import lots
from collector.units import vocabulary as words
from collector.units.models import DriveLink, Unit, UnitEvent

PER_PAGE = 100
HIDDEN = frozenset({"asset_tag"})
"""A tag says whose the unit was: its buyer is not told."""


@dataclass(frozen=True)
class Certified:
    """A certificate of a unit that was sold, as its buyer sees it: the public check shows the rest."""

    id: str
    number: str
    heading: Heading


@dataclass
class Bought:
    """A unit that a buyer bought: what it is, its grade and faults, its certificates. Never whose it was."""

    line: SaleLine
    kind: str
    manufacturer: str = ""
    model: str = ""
    numbers: Sequence[str] = ()
    grade: str = ""
    graded_on: date | None = None
    faults: Sequence[str] = ()
    state: str = ""
    """`returned` or `cancelled` where it went back."""
    certificates: list[Certified] = field(default_factory=list)


def stock(sight: Sight, kind: str = "", grade: str = "") -> QuerySet[Unit]:
    """Find the units in stock, those longest here first."""
    rows = Unit.objects.seen_by(sight).filter(disposal=words.STOCK, merged_into__isnull=True)
    rows = rows.filter(kind=kind) if kind else rows
    rows = rows.filter(grade=grade.upper()) if grade else rows
    found: QuerySet[Unit] = rows.select_related("customer", "lot").order_by("received_at", "pk")
    return found


def prices(sellers: Iterable[int], day: date | None = None) -> Mapping[tuple[str, str], int]:
    """Read what these sellers ask today: (kind, grade) -> øre; `*` is every grade."""
    found: dict[tuple[str, str], int] = {}
    rows = ListPrice.objects.filter(seller__in=list(sellers), valid_from__lte=day or localdate())
    for row in rows.order_by("valid_from", "pk"):
        found[row.kind, row.grade] = row.price_ore
    return found


def asked(found: Mapping[tuple[str, str], int], unit: Unit) -> int | None:
    """Say what is asked for a unit; None where the list has no price for it."""
    return found.get((unit.kind, unit.grade), found.get((unit.kind, "*")))


def sales_of(sight: Sight) -> QuerySet[Sale]:
    """Find the sales to organisations that somebody buys for, and of those whose finance people they are."""
    buying = organisations(sight, BUYER)
    names = Organisation.objects.filter(pk__in=buying).values_list("name", flat=True)
    mine = Q(buyer__in=buying) | Q(buyer__isnull=True, buyer_name__in=list(names))
    return Sale.objects.filter(mine | Q(seller__in=organisations(sight, FINANCE)))


def purchases(sight: Sight) -> QuerySet[SaleLine]:
    """Find the lines that a buyer bought, the newest first."""
    buying = organisations(sight, BUYER)
    names = Organisation.objects.filter(pk__in=buying).values_list("name", flat=True)
    mine = Q(sale__buyer__in=buying) | Q(sale__buyer__isnull=True, sale__buyer_name__in=list(names))
    rows: QuerySet[SaleLine] = SaleLine.unfiltered.filter(mine).select_related("sale__seller", "unit")
    return rows.prefetch_related("events").order_by("-sold_on", "-pk")


def bought(lines: Sequence[SaleLine]) -> list[Bought]:
    """Gather what a buyer is told of these lines, in a handful of questions."""
    units = {line.unit_id: line.unit for line in lines if line.unit is not None}
    numbers = lots.numbers_of([pk for pk in units if pk is not None])
    grades = _grades(units)
    proved = _certificates(units)
    found = []
    for line in lines:
        one = Bought(line, line.kind, state=_state(line), grade=line.grade)
        unit = line.unit
        if unit is not None:
            told = numbers.get(unit.pk, {})
            one.manufacturer, one.model = unit.manufacturer, unit.model
            one.numbers = [seen for kind, some in told.items() if kind not in HIDDEN for seen in some]
            one.certificates = proved.get(unit.pk, [])
            _grade(one, grades.get(unit.pk, ()))
        found.append(one)
    return found


def _grade(one: Bought, events: Sequence[Any]) -> None:
    """The newest grade that was given by the day of the sale."""
    given = [event for event in events if localdate(event.occurred_at) <= one.line.sold_on]
    if given and given[-1].data.get("grade"):
        one.grade = one.grade or str(given[-1].data.get("grade", ""))
        one.graded_on, one.faults = localdate(given[-1].occurred_at), given[-1].data.get("faults", ())


def _grades(units: Iterable[int | None]) -> dict[int, list[UnitEvent]]:
    found: dict[int, list[UnitEvent]] = {}
    for event in UnitEvent.objects.filter(unit__in=list(units), kind="graded").order_by("occurred_at", "pk"):
        found.setdefault(event.unit_id, []).append(event)
    return found


def _certificates(units: Iterable[int | None]) -> dict[int, list[Certified]]:
    links = DriveLink.objects.filter(unit__in=list(units), ended_at__isnull=True).order_by("finished_at", "pk")
    pairs = list(links.values_list("unit_id", "certificate_id"))
    rows = Certificate.unfiltered.filter(id__in={name for _unit, name in pairs}).select_related("signed_by", "bytes")
    by_id = {row.id: row for row in rows}
    found: dict[int, list[Certified]] = {}
    for unit, name in pairs:
        if (row := by_id.get(name)) is not None:
            found.setdefault(unit, []).append(Certified(row.id, row.number, stored.heading(row)))
    return found


def _state(line: SaleLine) -> str:
    kinds = {event.kind for event in line.events.all()}
    return "returned" if "return" in kinds else "cancelled" if "cancel" in kinds else ""
