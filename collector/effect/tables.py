"""A report as tables: the same for the page, the PDF, the CSV and the workbook, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from collector.effect import words
from collector.effect.factors import FactorSet, Source
from collector.effect.rules import Figure, Range, Report

Cell = str | int


@dataclass(frozen=True)
class Table:
    """Rows under headings. A whole number stays one: whoever shows it writes it as its language does."""

    key: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = field(default=())


def tables(report: Report, factors: FactorSet) -> list[Table]:
    """Write all tables of a report."""
    found = [_reuse(report, factors, "eu"), _reuse(report, factors, "outside_eu"), _scrap(report), _counts(report)]
    return [*found, _work(report), _figures(report), _goals(report), factor_table(factors), _proof(report)]


def _range(value: Range | None) -> tuple[str, str, str]:
    if value is None:
        return ("–", "–", "–")
    return words.kilograms(value.low), words.kilograms(value.mid), words.kilograms(value.high)


def _reuse(report: Report, factors: FactorSet, region: str) -> Table:
    rows = [row for row in report.reuse if row.region == region]
    title = {
        "eu": _("Sold for reuse within the EU: calculated avoided emission, kg CO2e"),
        "outside_eu": _("Sold for reuse outside the EU: calculated avoided emission, kg CO2e, in no sum"),
    }[region]
    head = (
        _("Kind"), _("Units"), _("of them without identity"), _("a unit, low"), _("a unit, middle"), _("a unit, high"),
        _("all, low"), _("all, middle"), _("all, high"), _("mass kept in use, kg (middle)"),
    )  # fmt: skip
    body: list[tuple[Cell, ...]] = [
        (
            words.kind(row.kind), row.units, row.without_identity, *_range(row.each_g), *_range(row.avoided_g),
            "–" if row.mass_g is None else words.kilograms(row.mass_g.mid),
        )
        for row in rows
    ]  # fmt: skip
    if rows and region == "eu":
        without = sum(row.without_identity for row in rows)
        kept = words.kilograms(report.kept("eu").mid)
        body.append((_("Sum"), report.units("eu"), without, "", "", "", *_range(report.avoided("eu")), kept))
    sources = "; ".join(
        f"{_title(source)} ({source.year}, {source.licence})"
        for name, source in factors.source.items()
        if any(one.source == name and one.what == "production" for one in factors.factor)
    )
    return Table(f"reuse-{region}", title, head, tuple(body), (words.comparison(sources, factors.version),))


def _scrap(report: Report) -> Table:
    rows = tuple(
        (words.kind(row.kind), row.units, words.kilograms(row.weighed_g), row.not_weighed) for row in report.scrap
    )
    head = (_("Kind"), _("Units"), _("weighed, kg"), _("not weighed, units"))
    return Table("scrapped", _("To a recycler, credited with nothing"), head, rows)


def _counts(report: Report) -> Table:
    facts = report.facts
    rows: tuple[tuple[Cell, ...], ...] = (
        (_("Units received"), facts.received),
        (_("Units erased, with certificate"), facts.units_erased),
        (_("Drives destroyed, with statement"), facts.drives_destroyed),
    )
    return Table("counts", _("Of the year"), (_("What"), _("How many")), rows)


def _work(report: Report) -> Table:
    rows = tuple(
        (one.organisation, str(words.TERMS.get(one.terms, one.terms)), one.persons, one.hours)
        for one in report.facts.work
    )
    head = (_("Organisation"), _("Terms"), _("Persons"), _("Hours"))
    told = _("As the organisation entered it. Persons are counted on each of their terms, and never named.")
    return Table("work", _("Jobs and hours"), head, rows, (told,))


def _figures(report: Report) -> Table:
    named = {name: str(told) for name, told in words.FIGURES.items()}
    rows = [(named[one.name], words.kroner(one.amount_ore), *_told(one)) for one in report.facts.figures]
    priced_so = _("Calculated avoided emission at this price (middle)")
    rows += [
        (priced_so, words.kroner(priced(report, one.amount_ore)), *_told(one))
        for one in report.facts.figures
        if one.name == "co2_price"
    ]
    head = (_("Figure"), _("Amount, kr."), _("Dated"), _("Source"), _("Entered by"))
    told = _("The program multiplies no number of jobs, and knows no price of its own.")
    return Table("figures", _("Figures entered with their source"), head, tuple(rows), (told,))


def _told(one: Figure) -> tuple[str, str, str]:
    return one.dated.isoformat(), one.source, one.organisation


def priced(report: Report, ore_a_tonne: int) -> int:
    """Compute what the avoided emission within the EU (middle) is worth at a price, in øre: rounded half-up, once."""
    above = report.avoided("eu").mid * ore_a_tonne
    size = (2 * abs(above) + 1_000_000) // 2_000_000
    return size if above >= 0 else -size


def _goals(report: Report) -> Table:
    told = {8: _work_told(report), 12: _reuse_told(report), 17: _partners_told(report)}
    rows = tuple(
        (f"{goal.number}. {goal.name}", f"{goal.target}: {goal.text}", "; ".join(told[goal.number]))
        for goal in words.GOALS
    )
    head = (_("Goal"), _("The target in the United Nations' words"), _("Contribution to it"))
    return Table("goals", _("Contributions to the United Nations' goals 8, 12 and 17"), head, rows, (str(words.APART),))


def _work_told(report: Report) -> list[str]:
    special = [one for one in report.facts.work if one.terms != "ordinary"]
    persons, hours = sum(one.persons for one in special), sum(one.hours for one in special)
    told = _("%(persons)s persons and %(hours)s hours on special terms")
    return [told % {"persons": words.number(persons), "hours": words.number(hours)}]


def _reuse_told(report: Report) -> list[str]:
    units = report.units("eu") + report.units("outside_eu")
    kept = report.kept("eu").mid + report.kept("outside_eu").mid
    weighed = sum(one.weighed_g for one in report.scrap)
    return [
        _("%(units)s units sold for reuse") % {"units": words.number(units)},
        _("%(kg)s kg kept in use (middle)") % {"kg": words.kilograms(kept)},
        _("%(kg)s kg weighed to a recycler") % {"kg": words.kilograms(weighed)},
        _("%(count)s drives destroyed with a signed statement")
        % {"count": words.number(report.facts.drives_destroyed)},
    ]


def _partners_told(report: Report) -> list[str]:
    facts = report.facts
    told = [_("partners: %(names)s") % {"names": ", ".join(facts.partners) or "–"}]
    return told + (
        [_("agreements since %(year)d") % {"year": facts.agreements_since}] if facts.agreements_since else []
    )


def factor_table(factors: FactorSet) -> Table:
    """Write a set's factors with their sources."""
    rows = tuple(
        (
            str(words.FACTORS[one.what]), words.kind(one.kind) if one.kind != "*" else _("every kind"),
            words.factor(one.low, one.unit), words.factor(one.mid, one.unit), words.factor(one.high, one.unit),
            str(words.UNITS[one.unit]), *_source(factors, one.source),
        )
        for one in factors.factor
    )  # fmt: skip
    head = (_("Factor"), _("Kind"), _("low"), _("middle"), _("high"), _("Unit"), _("Source"), _("Year"), _("Licence"))
    title = _("Factor set %(version)s") % {"version": factors.version}
    return Table("factors", title, head, rows, tuple(_remarks(factors)))


def _source(factors: FactorSet, name: str) -> tuple[str, str, str]:
    one = factors.source[name]
    return _title(one), str(one.year), one.licence


def _title(source: Source) -> str:
    return source.title_da if source.title_da and get_language() == "da" else source.title


def _remarks(factors: FactorSet) -> Iterator[str]:
    for one in factors.source.values():
        note = one.note_da if one.note_da and get_language() == "da" else one.note
        if note:
            yield f"{_title(one)}: {note}" + (f" {one.url}" if one.url else "")


def _proof(report: Report) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = (
        (_("Factor set"), report.factor_version),
        (_("SHA-256 of the factor set"), report.factor_sha256),
        (_("SHA-256 of the input"), report.input_sha256),
    )
    told = _("Whoever has the same input and the same factor set makes the same report.")
    return Table("proof", _("To make it again"), (_("What"), _("Value")), rows, (told,))
