"""What a year's reuse came to, from facts and factors. Pure: whole numbers, each rounded once.

For a unit of a kind, at each of low, mid and high:

    production x displacement x credited life / expected life - refurbishing

rounded half-up to a tenth of a kilogram, once; a total is the sum of the printed rows, never computed anew. The low
figure takes the low end of what is credited and the high end of what is subtracted, and may be below nothing: it is
shown as it is.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

import msgspec

from collector.effect.factors import WHOLE_BP, FactorSet

Region = Literal["eu", "outside_eu"]
STEP_G = 100
"""What a unit's figure is rounded to: what is printed, so that printed rows add up."""
_MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_MEMBERS.split(" "))
"""ISO 3166-1 codes of the Union's 27 members, since 2020-02-01."""


class Range(msgspec.Struct, frozen=True):
    """A figure with its range."""

    low: int = 0
    mid: int = 0
    high: int = 0

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def times(self, count: int) -> Range:
        """Return it so many times."""
        return Range(self.low * count, self.mid * count, self.high * count)


class Sale(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A line of a sale that stands: nothing of it came back, and it was not cancelled."""

    sold_on: date
    unit: str
    """The unit's number; for a line of small kinds its sale and line."""
    kind: str
    country: str
    quantity: int = 1
    identified: bool = True


class Scrapped(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A unit that went to a recycler. `grams` is what the scale said; None where nobody weighed it."""

    unit: str
    kind: str
    grams: int | None = None


class WorkLine(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Persons and hours on one kind of terms, as the organisation entered them. Never a name."""

    organisation: str
    terms: str
    persons: int
    hours: int


class Figure(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A number that somebody entered with its source; the program multiplies nothing by it but the tonnes' price."""

    name: str
    amount_ore: int
    source: str
    dated: date
    organisation: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a report of one customer's year is made of."""

    customer: str
    year: int
    sales: tuple[Sale, ...] = ()
    """Every sale of this customer's units that stands, of all years: a unit counts in its first."""
    scrapped: tuple[Scrapped, ...] = ()
    drives_destroyed: int = 0
    units_erased: int = 0
    received: int = 0
    work: tuple[WorkLine, ...] = ()
    figures: tuple[Figure, ...] = ()
    partners: tuple[str, ...] = ()
    agreements_since: int | None = None


class ReuseRow(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one kind that were sold for reuse to one side of the Union's border."""

    kind: str
    region: Region
    units: int
    without_identity: int
    each_g: Range | None
    """None where the set lacks a factor of this kind: counted, and credited with nothing."""
    avoided_g: Range | None
    mass_g: Range | None


class ScrapRow(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one kind that went to a recycler: by the scale, and how many nobody weighed."""

    kind: str
    units: int
    weighed_g: int
    not_weighed: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A year's effect, with all that is needed to make it again."""

    customer: str
    year: int
    factor_version: str
    factor_sha256: str
    input_sha256: str
    reuse: tuple[ReuseRow, ...]
    scrap: tuple[ScrapRow, ...]
    facts: Facts

    def units(self, region: Region) -> int:
        """Count the units that were sold for reuse to a region."""
        return sum(row.units for row in self.reuse if row.region == region)

    def avoided(self, region: Region) -> Range:
        """Sum the printed rows of a region."""
        return _sum(row.avoided_g for row in self.reuse if row.region == region)

    def kept(self, region: Region) -> Range:
        """Sum the mass that was kept in use."""
        return _sum(row.mass_g for row in self.reuse if row.region == region)


def make_report(facts: Facts, factors: FactorSet) -> Report:
    """Make the report."""
    counted = [one for one in first_sales(facts.sales) if one.sold_on.year == facts.year]
    groups: dict[tuple[Region, str], list[Sale]] = defaultdict(list)
    for sale in counted:
        groups[region_of(sale.country), sale.kind].append(sale)
    return Report(
        customer=facts.customer,
        year=facts.year,
        factor_version=factors.version,
        factor_sha256=factors.sha256,
        input_sha256=input_hash(facts),
        reuse=tuple(_reuse(kind, region, groups[region, kind], factors) for region, kind in sorted(groups)),
        scrap=tuple(_scrap(facts.scrapped)),
        facts=facts,
    )


def first_sales(sales: Iterable[Sale]) -> list[Sale]:
    """Keep one sale of each unit, the first that stands: one that is sold again years later counts no second time."""
    found: dict[str, Sale] = {}
    for sale in sorted(sales):
        found.setdefault(sale.unit, sale)
    return list(found.values())


def region_of(country: str) -> Region:
    """Say on which side of the Union's border a country lies."""
    return "eu" if country.upper() in EU else "outside_eu"


def avoided_each(factors: FactorSet, kind: str) -> Range | None:
    """Compute what reuse of one unit is credited with, in grams of CO2e. None where a factor is missing."""
    if factors.lacks(kind):
        return None
    found = {what: factors.find(what, kind) for what in ("production", "displacement", "credited_life")}
    expected, refurbishing = factors.find("expected_life", kind), factors.find("refurbishing", kind)
    assert expected is not None
    assert refurbishing is not None

    def at(end: str, against: str) -> int:
        credited = 1
        for factor in found.values():
            credited *= getattr(factor, end)
        below = WHOLE_BP * getattr(expected, against)
        # Nobody is credited with more years than a new unit is expected to live.
        most = getattr(found["production"], end) * getattr(found["displacement"], end) * getattr(expected, against)
        less = getattr(refurbishing, against) * below
        return STEP_G * half_up(min(credited, most) - less, below * STEP_G)

    return Range(at("low", "high"), at("mid", "mid"), at("high", "low"))


def half_up(above: int, below: int) -> int:
    """Divide, and round half-up on the magnitude, so that -x rounds as -round(x)."""
    size = (2 * abs(above) + below) // (2 * below)
    return size if above >= 0 else -size


def input_hash(facts: Facts) -> str:
    """Hash the facts in a fixed order: whoever has the same facts and factors makes the same report."""
    ordered = msgspec.structs.replace(
        facts,
        sales=tuple(sorted(facts.sales)),
        scrapped=tuple(sorted(facts.scrapped, key=lambda one: one.unit)),
        work=tuple(sorted(facts.work)),
        figures=tuple(sorted(facts.figures)),
        partners=tuple(sorted(facts.partners)),
    )
    return hashlib.sha256(msgspec.json.encode(ordered, order="sorted")).hexdigest()


def _reuse(kind: str, region: Region, sales: Sequence[Sale], factors: FactorSet) -> ReuseRow:
    units = sum(one.quantity for one in sales)
    each, mass = avoided_each(factors, kind), factors.find("mass", kind)
    return ReuseRow(
        kind=kind,
        region=region,
        units=units,
        without_identity=sum(one.quantity for one in sales if not one.identified),
        each_g=each,
        avoided_g=None if each is None else each.times(units),
        mass_g=None if mass is None else Range(mass.low, mass.mid, mass.high).times(units),
    )


def _scrap(scrapped: Iterable[Scrapped]) -> Iterable[ScrapRow]:
    groups: dict[str, list[Scrapped]] = defaultdict(list)
    for one in scrapped:
        groups[one.kind].append(one)
    for kind, rows in sorted(groups.items()):
        weighed = [one.grams for one in rows if one.grams is not None]
        yield ScrapRow(kind=kind, units=len(rows), weighed_g=sum(weighed), not_weighed=len(rows) - len(weighed))


def _sum(ranges: Iterable[Range | None]) -> Range:
    total = Range()
    for one in ranges:
        total += one or Range()
    return total
