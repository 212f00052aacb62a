"""What is entered for the report: one verb, one transaction, one line of the audit trail."""

from __future__ import annotations

from datetime import date
from importlib import resources

from django.db import transaction
from django.utils.translation import gettext as _

from collector.effect import rules
from collector.effect.errors import EffectProblem, FactorProblem
from collector.effect.factors import FactorSet, read_factors
from collector.effect.models import FIGURES, TERMS, FactorDocument, Figure, Work
from collector.parties.models import CustomerName, Organisation
from collector.parties.roles import FINANCE, TEAM_LEAD
from collector.parties.services import Actor, note
from collector.statements.services import as_login, speaker

SHIPPED = "2026-1"
ENTERED_BY = (TEAM_LEAD, FINANCE)
"""Who enters figures, for the organisations in which they have that role."""
FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST = 10_000_000
"""Persons or hours: more than that is a slip of the finger."""


def shipped() -> FactorSet:
    """Read the set that comes with the program."""
    file = resources.files("collector.effect") / "factor_sets" / f"{SHIPPED}.toml"
    return read_factors(file.read_bytes(), where=SHIPPED)


def factors(version: str = "") -> FactorSet:
    """Return a set by its version; without one the newest loaded, else the shipped one. Raise FactorProblem."""
    if version == SHIPPED:
        return shipped()
    rows = FactorDocument.objects.order_by("-id")
    row = (rows.filter(version=version) if version else rows).first()
    if row is None and version:
        raise FactorProblem(where=version, problem=_("there is no set of this version"))
    return shipped() if row is None else read_factors(bytes(row.document), where=row.version)


def versions() -> list[str]:
    """List the versions, the newest first."""
    return [*FactorDocument.objects.order_by("-id").values_list("version", flat=True), SHIPPED]


@transaction.atomic
def load_factors(actor: Actor, document: bytes, *, where: str) -> FactorSet:
    """Keep a set. The same bytes again change nothing; another document of a known version is refused."""
    found = read_factors(document, where=where)
    known = shipped().sha256 if found.version == SHIPPED else None
    row = FactorDocument.objects.filter(version=found.version).first()
    known = row.sha256 if row is not None else known
    if known == found.sha256:
        return found
    if known is not None:
        raise FactorProblem(where=where, problem=_("version %s is another document already") % found.version)
    FactorDocument.objects.create(version=found.version, sha256=found.sha256, document=document, who=actor.who)
    note(actor, "effect.factors_loaded", found.version, sha256=found.sha256)
    return found


@transaction.atomic
def enter_work(
    actor: Actor,
    organisation: Organisation,
    customer: Organisation,
    year: int,
    terms: str,
    *,
    persons: int,
    hours: int,
) -> None:
    """Keep persons and hours on one kind of terms; they take the place of what was entered before."""
    if terms not in TERMS:
        raise EffectProblem(problem=_("terms '%(terms)s': allowed is one of %(all)s")
                            % {"terms": terms, "all": ", ".join(TERMS)})  # fmt: skip
    if not (0 <= persons <= MOST and 0 <= hours <= MOST):
        raise EffectProblem(problem=_("persons and hours are 0 to %d") % MOST)
    _year(year)
    Work.objects.create(
        organisation=organisation,
        customer=customer,
        year=year,
        terms=terms,
        persons=persons,
        hours=hours,
        person=actor.person,
        who=actor.who,
    )
    note(actor, "effect.work_entered", customer.name, year=year, terms=terms, persons=persons, hours=hours)


def enter_work_as(
    actor: Actor,
    login: str,
    organisation: Organisation,
    customer: Organisation,
    year: int,
    terms: str,
    *,
    persons: int,
    hours: int,
) -> None:
    """Keep persons and hours that somebody who is named at the command line says for their organisation. Raise."""
    said = as_login(actor, login)
    speaker(said, ENTERED_BY, organisation)
    enter_work(said, organisation, customer, year, terms, persons=persons, hours=hours)


@transaction.atomic
def enter_figure(
    actor: Actor,
    organisation: Organisation,
    customer: Organisation,
    year: int,
    name: str,
    *,
    amount_ore: int,
    source: str,
    dated: date,
) -> None:
    """Keep a number with its source and the day that it is of."""
    source = " ".join(source.split())
    if name not in FIGURES or not source:
        raise EffectProblem(problem=_("a figure needs a name (%s) and its source") % ", ".join(FIGURES))
    if not 0 <= amount_ore <= 10**15:
        raise EffectProblem(problem=_("an amount is not below 0"))
    _year(year)
    Figure.objects.create(
        organisation=organisation,
        customer=customer,
        year=year,
        name=name,
        amount_ore=amount_ore,
        source=source,
        dated=dated,
        person=actor.person,
        who=actor.who,
    )
    note(actor, "effect.figure_entered", customer.name, year=year, name=name, amount_ore=amount_ore, source=source)


def work_of(customer: Organisation, year: int) -> tuple[rules.WorkLine, ...]:
    """Gather what counts: the newest entry of each organisation and kind of terms."""
    found: dict[tuple[str, str], rules.WorkLine] = {}
    for row in Work.objects.filter(customer=customer, year=year).select_related("organisation").order_by("id"):
        found[row.organisation.name, row.terms] = rules.WorkLine(
            organisation=row.organisation.name, terms=row.terms, persons=row.persons, hours=row.hours
        )
    return tuple(sorted(found.values()))


def figures_of(customer: Organisation, year: int) -> tuple[rules.Figure, ...]:
    """Gather what counts: the newest entry of each organisation and name."""
    found: dict[tuple[str, str], rules.Figure] = {}
    for row in Figure.objects.filter(customer=customer, year=year).select_related("organisation").order_by("id"):
        found[row.organisation.name, row.name] = rules.Figure(
            name=row.name, amount_ore=row.amount_ore, source=row.source, dated=row.dated,
            organisation=row.organisation.name,
        )  # fmt: skip
    return tuple(sorted(found.values()))


def customer_named(name: str) -> Organisation:
    """Find a customer by its name, or by one that it was given. Raise EffectProblem."""
    found = Organisation.objects.filter(name=name, kind="customer").first()
    if found is None:
        named = CustomerName.objects.filter(name=name).select_related("organisation").first()
        found = None if named is None else named.organisation
    if found is None:
        raise EffectProblem(problem=_("there is no customer '%s'") % name)
    return found


def _year(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise EffectProblem(
            problem=_("year %(year)d: allowed are %(first)d to %(last)d")
            % {"year": year, "first": FIRST_YEAR, "last": LAST_YEAR}
        )
