"""What a year's report is made of, gathered from the rooms that know it. Days are those of Europe/Copenhagen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from collector.effect import rules, services
from collector.moments import HERE
from collector.parties.models import Organisation
from collector.trade.models import Agreement, AgreementVersion, SaleEvent, SaleLine
from collector.units import vocabulary as words
from collector.units.models import DriveLink, Unit, UnitEvent

BACK = ("return", "cancel")
AT_HOME = "DK"
"""Where a sale is to whose file names no country."""


def gather(customer: Organisation, year: int) -> rules.Facts:
    """Gather the facts of a customer's year."""
    begin, end = _midnight(year), _midnight(year + 1)
    units = Unit.unfiltered.filter(customer=customer, merged_into__isnull=True)
    links = DriveLink.objects.filter(unit__customer=customer, ended_at__isnull=True)
    erased = links.filter(outcome__in=("erased", "unread"), finished_at__gte=begin, finished_at__lt=end)
    destroyed = links.filter(destroyed_at__gte=begin, destroyed_at__lt=end)
    agreements = Agreement.unfiltered.filter(customer=customer, versions__binding_at__isnull=False).distinct()
    return rules.Facts(
        customer=customer.name,
        year=year,
        sales=tuple(_sales(customer)),
        scrapped=tuple(_scrapped(customer, begin, end)),
        drives_destroyed=destroyed.count(),
        units_erased=erased.values("unit").distinct().count(),
        received=units.filter(received_at__gte=begin, received_at__lt=end).count(),
        work=services.work_of(customer, year),
        figures=services.figures_of(customer, year),
        partners=tuple(sorted({one.seller.name for one in agreements.select_related("seller")})),
        agreements_since=_since(customer),
    )


def _sales(customer: Organisation) -> Iterator[rules.Sale]:
    """Every sale that stands, of all years: which year a unit counts in hangs on its first."""
    back = SaleEvent.unfiltered.filter(line__agreement__customer=customer, kind__in=BACK).values("line")
    rows = SaleLine.unfiltered.filter(agreement__customer=customer).exclude(pk__in=back).order_by("pk")
    facts = ("pk", "unit_id", "kind", "quantity", "sold_on", "sale__country")
    for pk, unit, kind, quantity, sold_on, country in rows.values_list(*facts).iterator(2000):
        yield rules.Sale(
            sold_on=sold_on,
            unit=f"line:{pk}" if unit is None else str(unit),
            kind=kind,
            country=country or AT_HOME,
            quantity=quantity,
            identified=unit is not None,
        )


def _scrapped(customer: Organisation, begin: datetime, end: datetime) -> Iterator[rules.Scrapped]:
    """Units that are scrapped now, in the year in which that was told; what the scale said where somebody weighed."""
    rows = UnitEvent.objects.filter(
        unit__customer=customer, unit__disposal=words.SCRAPPED, kind="scrapped", occurred_at__gte=begin,
        occurred_at__lt=end,
    )  # fmt: skip
    found: dict[int, rules.Scrapped] = {}
    for unit, kind, data in rows.order_by("pk").values_list("unit_id", "unit__kind", "data"):
        grams = data.get("weight_g")
        found[unit] = rules.Scrapped(unit=str(unit), kind=kind, grams=grams if isinstance(grams, int) else None)
    yield from found.values()


def _since(customer: Organisation) -> int | None:
    rows = AgreementVersion.unfiltered.filter(agreement__customer=customer, binding_at__isnull=False)
    first: date | None = rows.order_by("valid_from").values_list("valid_from", flat=True).first()
    return None if first is None else first.year


def _midnight(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=HERE).astimezone(UTC)
