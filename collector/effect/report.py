"""One customer's year: facts gathered, report made, and what of it is drawn or written as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from collector.effect import services, words
from collector.effect.charts import Chart, chart
from collector.effect.factors import FactorSet
from collector.effect.gather import gather
from collector.effect.rules import Range, Report, WorkLine, make_report
from collector.effect.tables import Table, tables
from collector.parties.models import Organisation


@dataclass(frozen=True)
class Made:
    """A report with the set that it was made with."""

    report: Report
    factors: FactorSet

    @property
    def tables(self) -> list[Table]:
        """Write its tables in the language that is active."""
        return tables(self.report, self.factors)

    @property
    def title(self) -> str:
        """Name it."""
        told = {"customer": self.report.customer, "year": self.report.year}
        return _("Effect of reuse: %(customer)s, %(year)d") % told


def make(customer: Organisation, year: int, version: str = "") -> Made:
    """Make the report of a customer's year. Raise FactorProblem or EffectProblem."""
    factors = services.factors(version)
    return Made(make_report(gather(customer, year), factors), factors)


def document(made: Made) -> dict[str, Any]:
    """Write it for programs: whole grams and øre, and what is needed to make it again."""
    report = made.report
    told: dict[str, Any] = msgspec.to_builtins(report)
    facts = told.pop("facts")
    return {
        **told,
        "unit": "g CO2e",
        "factor_source": msgspec.to_builtins(made.factors.source),
        "factors": msgspec.to_builtins(made.factors.factor),
        "units": {"eu": report.units("eu"), "outside_eu": report.units("outside_eu")},
        "avoided_g": msgspec.to_builtins(report.avoided("eu")),
        "avoided_outside_eu_g": msgspec.to_builtins(report.avoided("outside_eu")),
        "mass_kept_g": msgspec.to_builtins(report.kept("eu")),
        **{name: facts[name] for name in ("received", "units_erased", "drives_destroyed", "work", "figures")},
        **{name: facts[name] for name in ("partners", "agreements_since")},
        "method": [str(line) for line in words.METHOD],
    }


def charts(report: Report) -> list[Chart]:
    """Draw what was avoided by kind, and hours by terms. Nothing is drawn of nothing."""
    rows = [(row.kind, row.avoided_g) for row in report.reuse if row.region == "eu" and row.avoided_g is not None]
    avoided = [(words.kind(kind), words.kilograms(value.mid), value) for kind, value in rows]
    hours = [
        (str(words.TERMS.get(terms, terms)), words.number(count), Range(count, count, count))
        for terms, count in _hours(report.facts.work).items()
    ]
    found = []
    if avoided:
        title = _("Calculated avoided emission within the EU by kind, kg CO2e")
        desc = _("A bar to the middle figure, a line from low to high. The table below says the same in numbers.")
        found.append(chart("avoided", title, desc, avoided))
    if hours:
        title = _("Hours by terms")
        desc = _("A bar for the hours on each kind of terms. The table below says the same in numbers.")
        found.append(chart("hours", title, desc, hours))
    return found


def _hours(work: tuple[WorkLine, ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in work:
        found[one.terms] = found.get(one.terms, 0) + one.hours
    return found
