"""What every service of units shares: one customer at a time, numbers looked up, standings written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import connection, models
from django.db.models import Q, QuerySet

from collector.certificates.identifiers import Identifier as Number
from collector.moments import day_of, now
from collector.parties.models import CustomerName, Organisation
from collector.parties.services import Actor
from collector.statements import policy
from collector.statements.policy import Policy
from collector.units import rules
from collector.units.errors import UnitProblem
from collector.units.matching import Index
from collector.units.models import CustomerRules, DriveLink, Identifier, Question, Unit, UnitEvent, Waiting

AT_ONCE = 400
"""Rows that are looked up or written together."""
SHOWN_NUMBERS = (("serial", "serial"), ("asset_tag", "asset_tag"), ("imei", "imei14"))
"""What a list calls a number, and its kind: the first of each is shown."""
STANDING = ("presence", "data", "disposal", "headline", "why")
T = TypeVar("T")


def lock(customer: Organisation) -> None:
    """Put those who change one customer's units in a line. SQLite has one writer at any time."""
    if connection.features.has_select_for_update:
        Organisation.objects.select_for_update(no_key=True).get(pk=customer.pk)


def customer_named(name: str) -> Organisation:
    """Find a customer by its name, or by one that its certificates have. Raise UnitProblem."""
    found = Organisation.objects.filter(name=name).first()
    if found is None:
        known = CustomerName.objects.filter(name=name).select_related("organisation").first()
        found = known.organisation if known else None
    if found is None or found.kind != "customer":
        raise UnitProblem(problem=f"there is no customer {name!r}: benchwipe-collector organisation add")
    return found


def settle(certificates: Iterable[str]) -> None:
    """Wait for whoever lets these certificates look for their units now; who comes later sees what is said here.

    Without it, on a database with several writers, a link made at the same moment as a statement about its certificate
    would know nothing of it, and the statement nothing of the link: a drive that is gone would never be accounted for.
    """
    if connection.features.has_select_for_update:
        for some in chunks(sorted(set(certificates))):
            list(Waiting.objects.select_for_update(of=("self",)).filter(certificate__id__in=some).order_by("pk"))


def prefix_of(customer: Organisation) -> re.Pattern[str] | None:
    """Return what this customer's tags begin with, which is no part of them."""
    told = CustomerRules.objects.filter(pk=customer.pk).values_list("tag_prefix", flat=True).first()
    return re.compile(told, re.IGNORECASE) if told else None


def index_of(customer: int, numbers: Iterable[tuple[str, str]] | None = None) -> Index:
    """Load the numbers of a customer's units: all, or those of units that have one of these."""
    rows = Identifier.objects.filter(customer=customer, retired_at__isnull=True).order_by("unit_id", "id")
    index = Index()
    facts = ("unit_id", "unit__merged_into_id", "kind", "norm", "unit__manufacturer")
    for some in [rows] if numbers is None else _sharing(rows, numbers):
        for unit, merged, kind, norm, maker in some.values_list(*facts).iterator(5000):
            index.add(merged or unit, kind, norm, maker)
    return index


def _sharing(rows: QuerySet[Identifier], numbers: Iterable[tuple[str, str]]) -> Iterator[QuerySet[Identifier]]:
    units: set[int] = set()
    for some in chunks(sorted(set(numbers))):
        by_kind: dict[str, list[str]] = {}
        for kind, norm in some:
            by_kind.setdefault(kind, []).append(norm)
        wanted = Q()
        for kind, norms in by_kind.items():
            wanted |= Q(kind=kind, norm__in=norms)
        units |= set(rows.filter(wanted).values_list("unit_id", flat=True))
    for ids in chunks(sorted(units)):
        yield rows.filter(unit__in=ids)


def give_numbers(unit: Unit, numbers: Iterable[Number], source: str) -> None:
    """Let a unit be known by these numbers too."""
    numbers = list(numbers)
    made = [identifier(unit, number, source) for number in numbers]
    Identifier.objects.bulk_create(made, ignore_conflicts=True)
    Identifier.objects.filter(
        unit=unit, retired_at__isnull=False, norm__in=[n.norm for n in numbers], kind__in=[n.kind for n in numbers]
    ).update(retired_at=None)


def identifier(unit: Unit, number: Number, source: str) -> Identifier:
    """Make a number of a unit, to be kept by the caller."""
    owner = unit.customer_id
    assert owner is not None
    return Identifier(
        unit=unit, customer_id=owner, kind=number.kind, norm=number.norm, seen_as=number.seen_as, source=source
    )


def event(
    unit: Unit, kind: str, actor: Actor, *, at: datetime | None = None, place: str = "", certificate: str = "",
    statement: str = "", **data: Any,  # noqa: ANN401 - JSON
) -> UnitEvent:  # fmt: skip
    """Write down what happened to a unit, to be kept by the caller."""
    return UnitEvent(
        unit=unit,
        kind=kind,
        occurred_at=at or now(),
        person=actor.person,
        who=actor.who,
        place=place,
        certificate=certificate,
        statement=statement,
        data=data,
    )


def ask(
    kind: str, key: str, unit: Unit | None, *, customer: int | None, other: Unit | None = None,
    certificate: str = "", **data: Any,  # noqa: ANN401 - JSON
) -> bool:  # fmt: skip
    """Ask a person, once. Whether it is asked now for the first time."""
    _, new = Question.unfiltered.get_or_create(
        key=f"{kind}:{key}"[:200],
        defaults={
            "kind": kind, "unit": unit, "other": other, "customer_id": customer, "certificate": certificate,
            "data": data,
        },
    )  # fmt: skip
    return new


@dataclass
class Agreed:
    """What was agreed about erasures, by customer and day; asked once for each."""

    known: dict[tuple[int | None, date], Policy] = field(default_factory=dict)

    def on(self, customer: int | None, moment: datetime) -> Policy:
        """Say what holds for an erasure of that moment."""
        day = day_of(moment)
        if (customer, day) not in self.known:
            self.known[customer, day] = policy.policy_of(customer, day)
        return self.known[customer, day]


def refresh(units: Iterable[int]) -> int:
    """Compute where these units stand, and write down what is new. How many are."""
    agreed, changed = Agreed(), 0
    for some in chunks(sorted(set(units))):
        rows = list(Unit.unfiltered.filter(pk__in=some).select_related("expected_in"))
        open_links = DriveLink.objects.filter(unit__in=some, ended_at__isnull=True)
        links = _by_unit(open_links.order_by("finished_at", "pk"), "unit_id")
        open_ = Question.unfiltered.filter(answered_at__isnull=True).filter(Q(unit__in=some) | Q(other__in=some))
        asked: dict[int, set[str]] = {}
        for kind, unit, other in open_.values_list("kind", "unit_id", "other_id"):
            for one in (unit, other if kind in rules.CONFLICTS else None):
                if one is not None:
                    asked.setdefault(one, set()).add(kind)
        moved = [row for row in rows if _stand(row, links.get(row.pk, ()), asked.get(row.pk, set()), agreed)]
        update_many(Unit, moved, STANDING)
        changed += len(moved)
    return changed


def known_of(row: Unit, links: Sequence[DriveLink], asked: Iterable[str], agreed: Agreed) -> rules.Known:
    """Gather all that a unit's standing hangs on."""
    lot = row.expected_in
    return rules.Known(
        kind=row.kind,
        registered=row.registered,
        expected="" if lot is None else "closed" if lot.is_closed else "open",
        received=row.received_at is not None,
        accepted=row.accepted,
        merged=row.merged_into_id is not None,
        questions=frozenset(asked),
        drives_counted=row.drives_counted,
        links=tuple(_link(link, agreed.on(row.customer_id, link.finished_at)) for link in links),
        destroyed=row.destroyed_at is not None,
        disposal=row.disposal,
    )


def _link(link: DriveLink, agreed: Policy) -> rules.Link:
    return rules.Link(
        link.drive,
        link.outcome,
        link.finished_at,
        link.validation,
        link.destroyed_at is not None,
        agreed.validation,
        agreed.unread_allowed,
    )


def write(row: Unit, standing: rules.Standing) -> bool:
    """Write a standing into a row. Whether that changes it."""
    told = {
        "presence": standing.presence,
        "data": standing.data,
        "disposal": standing.disposal,
        "headline": standing.headline,
        "why": json.dumps([standing.why.key, standing.why.numbers]) if standing.why.key else "",
    }
    changed = any(getattr(row, name) != value for name, value in told.items())
    for name, value in told.items():
        setattr(row, name, value)
    return changed


def _stand(row: Unit, links: Sequence[DriveLink], asked: Iterable[str], agreed: Agreed) -> bool:
    return write(row, rules.standing(known_of(row, links, asked, agreed)))


def _by_unit(rows: Iterable[Any], name: str) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return found


def update_many(model: type[models.Model], rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write some columns of many rows: one statement, run for each, where Django would write a very long one."""
    if not rows:
        return
    columns = [model._meta.get_field(name) for name in fields]
    assert all(isinstance(column, models.Field) for column in columns)
    told = ", ".join(f"{column.column} = %s" for column in columns if isinstance(column, models.Field))
    values = [
        [c.get_db_prep_save(getattr(row, c.attname), connection) for c in columns if isinstance(c, models.Field)]
        + [row.pk]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {model._meta.db_table} SET {told} WHERE id = %s", values)


def insert_many(model: type[models.Model], rows: Sequence[models.Model]) -> None:
    """Write rows whose keys nobody needs: one statement, run for each, which costs a third of bulk_create."""
    if not rows:
        return
    columns = [c for c in model._meta.concrete_fields if not isinstance(c, models.AutoField)]
    names, marks = ", ".join(str(c.column) for c in columns), ", ".join(["%s"] * len(columns))
    values = [[c.get_db_prep_save(c.pre_save(row, add=True), connection) for c in columns] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({marks})", values)


def chunks(items: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """Give out some at a time."""
    for first in range(0, len(items), size):
        yield items[first : first + size]
