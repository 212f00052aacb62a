"""What the pages of units read, as a person's memberships see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet

from collector.parties.models import Organisation
from collector.parties.roles import Sight
from collector.units import changing, lots, rules
from collector.units import vocabulary as words
from collector.units.models import Identifier, Loose, Lot, Question, RegisterRow, Unit

PER_PAGE = 50


@dataclass(frozen=True)
class Asked:
    """Which units somebody asks for. 0 and the empty text ask for all."""

    q: str = ""
    customer: int = 0
    lot: int = 0
    status: str = ""
    kind: str = ""
    disposal: str = ""

    def address(self, path: str, **more: object) -> str:
        """Write the address of what is asked for."""
        told = {"q": self.q, "customer": self.customer, "lot": self.lot, "status": self.status, "kind": self.kind,
                "disposal": self.disposal} | more  # fmt: skip
        query = urlencode({name: value for name, value in told.items() if value})
        return f"{path}?{query}" if query else path


@dataclass(frozen=True)
class Listed:
    """A unit of a list, with its first numbers."""

    unit: Unit
    numbers: Mapping[str, list[str]]

    @property
    def name(self) -> str:
        """What people call it: its tag, else its serial number, else an IMEI."""
        for kind in ("asset_tag", "serial", "imei14"):
            if self.numbers.get(kind):
                return self.numbers[kind][0]
        return f"#{self.unit.pk}"


def customers(sight: Sight) -> list[Organisation]:
    """List the customers whose units a person may choose among."""
    rows = Organisation.objects.filter(kind="customer").order_by("name")
    return list(rows if sight.every_customer else rows.filter(pk__in=sight.customers))


def units(sight: Sight, asked: Asked) -> QuerySet[Unit]:
    """Find units."""
    rows: QuerySet[Unit] = Unit.objects.seen_by(sight)
    if asked.customer:
        rows = rows.filter(customer=asked.customer)
    if asked.lot:
        rows = rows.filter(Q(lot=asked.lot) | Q(expected_in=asked.lot))
    exact = {"headline": asked.status, "kind": asked.kind, "disposal": asked.disposal}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if asked.q:
        rows = rows.filter(pk__in=_numbered(asked.q))
    return rows.select_related("lot", "expected_in", "customer").order_by("pk")


def listed(rows: Iterable[Unit]) -> list[Listed]:
    """Give units their numbers, to be listed."""
    found = list(rows)
    numbers = lots.numbers_of([unit.pk for unit in found])
    return [Listed(unit, numbers.get(unit.pk, {})) for unit in found]


def unit(sight: Sight, number: int) -> Unit | None:
    """Find one unit."""
    found: Unit | None = (
        Unit.objects.seen_by(sight).select_related("lot", "expected_in", "customer").filter(pk=number).first()
    )
    return found


def sums(sight: Sight, asked: Asked) -> rules.Sums:
    """Count what must add up, of a customer or a lot, as a person sees it."""
    chosen = units(sight, Asked(customer=asked.customer, lot=asked.lot)).order_by()
    headlines = dict(chosen.values_list("headline").annotate(n=Count("pk")))
    places = dict(chosen.filter(received_at__isnull=False).values_list("disposal").annotate(n=Count("pk")))
    rows = RegisterRow.unfiltered.filter(unit__in=chosen.values("pk"), unit__merged_into__isnull=True).count()
    return rules.Sums(rows, headlines, chosen.filter(received_at__isnull=False).count(), places)


def counted(sums_: rules.Sums, asked: Asked) -> list[tuple[str, int, str]]:
    """List each status with its number and the address of its list."""
    return [
        (status, sums_.headlines.get(status, 0), asked.address("/units", status=status)) for status in words.STATUSES
    ]


def open_questions(sight: Sight) -> QuerySet[Question]:
    """Find the questions that wait for a person."""
    rows: QuerySet[Question] = Question.objects.seen_by(sight).filter(answered_at__isnull=True)
    return rows.select_related("unit", "other", "customer").order_by("pk")


def loose(sight: Sight) -> QuerySet[Loose]:
    """Find the certificates without a unit."""
    rows: QuerySet[Loose] = Loose.objects.seen_by(sight).select_related("certificate", "customer")
    return rows.order_by("-certificate__arrival")


def lots_of(sight: Sight) -> QuerySet[Lot]:
    """Find lots, those that are open first."""
    rows: QuerySet[Lot] = Lot.objects.seen_by(sight).select_related("customer")
    return rows.order_by("closed_at", "-opened_at", "pk")


def lot(sight: Sight, number: int) -> Lot | None:
    """Find one lot."""
    found: Lot | None = Lot.objects.seen_by(sight).select_related("customer").filter(pk=number).first()
    return found


def page_of(rows: QuerySet[Any], page: int) -> tuple[Sequence[Any], bool]:
    """Take one page of a list; whether more follow."""
    first = max(page - 1, 0) * PER_PAGE
    some = list(rows[first : first + PER_PAGE + 1])
    return some[:PER_PAGE], len(some) > PER_PAGE


def _numbered(text: str) -> QuerySet[Identifier, int]:
    wanted = Q(pk__in=[])
    for one in changing.numbers_in(text):
        wanted |= Q(kind=one.kind, norm__startswith=one.norm)
    return Identifier.objects.filter(wanted).values_list("unit_id", flat=True)
