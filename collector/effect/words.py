"""What the report says, in the reader's language. Every figure says what it is compared with, and how it was made.

No word here praises: what is counted is counted, what is calculated is called calculated, and a contribution to a goal
is not a measurement of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from collector.trade.rules.money import written

KINDS: dict[str, Promise] = {
    "laptop": _("Laptops"),
    "desktop": _("Desktop computers"),
    "thin-client": _("Thin clients"),
    "server": _("Servers"),
    "tablet": _("Tablets"),
    "phone": _("Phones"),
    "monitor": _("Monitors"),
    "loose-drive": _("Loose drives"),
    "printer": _("Printers"),
    "other": _("Others"),
}
REGIONS: dict[str, Promise] = {"eu": _("within the EU"), "outside_eu": _("outside the EU")}
TERMS: dict[str, Promise] = {
    "fleksjob": _("Flexible job (fleksjob)"),
    "loentilskud": _("Job with wage subsidy (løntilskud)"),
    "praktik": _("Work placement (praktik)"),
    "ordinary": _("Ordinary terms"),
}
FIGURES: dict[str, Promise] = {
    "social_value": _("Social value"),
    "co2_price": _("Price of a tonne of CO2e"),
}
FACTORS: dict[str, Promise] = {
    "production": _("production of a new unit"),
    "refurbishing": _("refurbishing"),
    "expected_life": _("expected life of a new unit"),
    "credited_life": _("credited life of the reused unit"),
    "displacement": _("displacement: new units that one reused unit takes the place of"),
    "mass": _("mass"),
}
UNITS: dict[str, Promise] = {"g": _("kg"), "months": _("months"), "bp": _("share")}


@dataclass(frozen=True)
class Goal:
    """A goal of the United Nations with the target that the figures stand beside, in its own words."""

    number: int
    name: Promise
    target: str
    text: Promise


GOALS = (
    Goal(
        8,
        _("Decent work and economic growth"),
        "8.5",
        _(
            "By 2030, achieve full and productive employment and decent work for all women and men, including for "
            "young people and persons with disabilities, and equal pay for work of equal value"
        ),
    ),
    Goal(
        12,
        _("Responsible consumption and production"),
        "12.5",
        _("By 2030, substantially reduce waste generation through prevention, reduction, recycling and reuse"),
    ),
    Goal(
        17,
        _("Partnerships for the goals"),
        "17.17",
        _(
            "Encourage and promote effective public, public-private and civil society partnerships, building on the "
            "experience and resourcing strategies of partnerships"
        ),
    ),
)
METHOD: tuple[Promise, ...] = (
    _(
        "Calculated avoided emission, in CO2e, of a unit that was sold for reuse and did not come back: production of "
        "a new unit of the same kind × displacement × credited life / expected life of the new one − refurbishing "
        "(parts, transport, energy)."
    ),
    _(
        "Each figure has a range. Low takes the low end of what is credited and the high end of what is subtracted; "
        "high the other way round; middle takes the middle of each. A low figure may be below nothing."
    ),
    _("A unit's figure is rounded to 0.1 kg, once. Sums are sums of the rows as they are printed."),
    _("The use phase is left out: what a reused unit consumes, and what a new one would."),
    _(
        "A unit counts once, in the year of its first sale that stands. What came back or was cancelled is not in it. "
        "Sales to buyers outside the EU stand apart and are in no sum. What was scrapped is weighed, and credited with "
        "nothing."
    ),
    _(
        "Displacement says how many new units one reused unit takes the place of. Sellers assume 1; measured rebound "
        "lowers it, and it may be 0."
    ),
    _("Kinds without a factor are counted, and credited with nothing."),
)
APART = _(
    "Reuse is prevention of waste, not recycling. The figures are contributions to the goals, and no measurement of "
    "the United Nations' indicators."
)


def kind(name: str) -> str:
    """Name a kind of unit."""
    return str(KINDS.get(name, name))


def number(value: int) -> str:
    """Write a whole number as the reader's language groups it."""
    return f"{value:,}".replace(",", _thousands())


def kilograms(grams: int) -> str:
    """Write grams as kilograms with one decimal."""
    sign = "−" if grams < 0 else ""
    tenths = (abs(grams) + 50) // 100
    return f"{sign}{number(tenths // 10)}{_decimal()}{tenths % 10}"


def kroner(ore: int) -> str:
    """Write øre as kroner with two decimals."""
    return written(ore, comma=_decimal(), group=_thousands())


def factor(value: int, unit: str) -> str:
    """Write a factor in its unit."""
    if unit == "g":
        return kilograms(value)
    if unit == "bp":
        return f"{value // 10000}{_decimal()}{value % 10000 // 100:02}"
    return number(value)


def comparison(name: str, version: str) -> str:
    """Say what a figure is compared with, and where its factors come from."""
    told = gettext("compared with the production of a new unit of the same kind; factor set %(set)s: %(source)s")
    return told % {"set": version, "source": name}


def _danish() -> bool:
    return (get_language() or "").startswith("da")


def _thousands() -> str:
    return "." if _danish() else ","


def _decimal() -> str:
    return "," if _danish() else "."
