"""What the units' room knows, as the rules of the trade ask for it: drives and their ends, grades, where units went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Q

from collector.statements import kinds, queries
from collector.trade.rules.days import local_day
from collector.trade.rules.drives import DriveFacts, UnitFacts
from collector.units import rules
from collector.units.models import DriveLink, Unit, UnitEvent

IN_ONE_QUESTION = 500
"""Values in one IN: SQLite takes 32,766 in a statement, and every piece of a question is planned anew."""
WENT = ("scrapped", "given_back", "own_use")


@dataclass
class Known:
    """What is known of some units, by their number."""

    facts: dict[int, UnitFacts] = field(default_factory=dict)
    grades: dict[int, list[tuple[date, str]]] = field(default_factory=dict)
    went: dict[int, list[tuple[date, str, str]]] = field(default_factory=dict)
    """(day, what happened, statement), in their order."""

    def grade_on(self, unit: int, day: date) -> str:
        """Tell the newest signed grade of a unit before the end of a day; empty where there was none."""
        return next((grade for on, grade in reversed(self.grades.get(unit, [])) if on <= day), "")

    def first_grade(self, unit: int, day: date) -> str:
        """Tell the grade on a day, or, where it had none yet, the first that it was given."""
        given = self.grades.get(unit, [])
        return self.grade_on(unit, day) or (given[0][1] if given else "")

    def went_on(self, unit: int, day: date) -> tuple[date, str, str] | None:
        """Tell where a unit had gone by the end of a day, other than by sale; None: nowhere."""
        return next((one for one in reversed(self.went.get(unit, [])) if one[0] <= day), None)


def of_units(units: Iterable[Unit]) -> Known:
    """Gather what is known of these units."""
    rows = list(units)
    found = Known()
    for begin in range(0, len(rows), IN_ONE_QUESTION):
        some = rows[begin : begin + IN_ONE_QUESTION]
        _gather(found, some, Q(unit__in=[one.pk for one in some]))
    return found


def of_customer(customer: int, units: Iterable[Unit]) -> Known:
    """Gather what is known of all units of a customer."""
    found = Known()
    _gather(found, units, Q(unit__customer=customer))
    return found


def _gather(found: Known, units: Iterable[Unit], condition: Q) -> None:
    decided: defaultdict[str, list[date]] = defaultdict(list)
    graded: defaultdict[int, list[tuple[datetime, str]]] = defaultdict(list)
    went: defaultdict[int, list[tuple[date, str, str]]] = defaultdict(list)
    events = UnitEvent.objects.filter(condition, kind__in=("validated", "graded", *WENT)).order_by("id")
    for event in events.values_list("unit_id", "kind", "occurred_at", "certificate", "statement", "data"):
        of, kind, at, certificate, statement, data = event
        if kind == "validated":
            _decide(decided[certificate], str(data.get("decision", "accepted")), local_day(at))
        elif kind == "graded":
            graded[of].append((at, str(data.get("grade", ""))))
        else:
            went[of].append((local_day(at), kind, statement))
    links: defaultdict[int, list[DriveLink]] = defaultdict(list)
    for link in DriveLink.objects.filter(condition, ended_at__isnull=True).order_by("finished_at", "id"):
        links[link.unit_id].append(link)
    _decided_before(decided, (link for some in links.values() for link in some))
    for unit in units:
        found.facts[unit.pk] = _facts(unit, links[unit.pk], decided)
        given = sorted(graded[unit.pk], key=lambda one: one[0])
        found.grades[unit.pk] = [(local_day(at), grade) for at, grade in given]
        found.went[unit.pk] = sorted(went[unit.pk], key=lambda one: one[0])


def _decide(days: list[date], decision: str, day: date) -> None:
    """Keep the days of acceptance since the last refusal: the first of them is when it began to count."""
    if decision == "accepted":
        days.append(day)
    else:
        days.clear()


def _decided_before(decided: dict[str, list[date]], links: Iterable[DriveLink]) -> None:
    """Find the day of a decision that was said before its certificate found the unit: no event of the unit tells it."""
    silent = [
        link.certificate_id for link in links if link.validation == "accepted" and not decided.get(link.certificate_id)
    ]
    for one in queries.subjects("certificate", silent, (kinds.VALIDATION, kinds.SAMPLE)) if silent else ():
        _decide(decided[one.name], one.word, local_day(one.statement.said_at))


def _facts(unit: Unit, links: list[DriveLink], decided: dict[str, list[date]]) -> UnitFacts:
    return UnitFacts(
        drives=tuple(_drive(link, decided) for link in rules.newest_of_drives(links, unit.kind)),
        wanted=rules.wanted(unit.kind, unit.drives_counted),
        destroyed_on=None if unit.destroyed_at is None else local_day(unit.destroyed_at),
    )


def _drive(link: DriveLink, decided: dict[str, list[date]]) -> DriveFacts:
    days = decided.get(link.certificate_id, [])
    return DriveFacts(
        drive=link.drive,
        outcome=link.outcome,
        day=local_day(link.finished_at),
        certificate=link.certificate_id,
        decision=link.validation,
        decided_on=min(days) if days else None,
        destroyed_on=None if link.destroyed_at is None else local_day(link.destroyed_at),
    )
