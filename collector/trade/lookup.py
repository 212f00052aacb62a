"""Which unit and which agreement a row of a sales file is about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from collector.certificates import identifiers
from collector.parties.models import Organisation
from collector.trade import agreements
from collector.trade.facts import IN_ONE_QUESTION
from collector.trade.models import Agreement, AgreementVersion
from collector.trade.rules import terms
from collector.trade.rules.terms import Rate, Terms
from collector.units.models import Identifier, Unit

ORDER = ("serial", "imei14", "asset_tag")
"""A number is looked for as each of these, and the first that hits decides."""


@dataclass(frozen=True)
class Ruling:
    """The agreement of a sale, the version that rules it, and its rate."""

    agreement: Agreement
    version: AgreementVersion
    terms: Terms
    rate: Rate


class Unruled(Exception):
    """No agreement rules a sale, or more than one. `column` is the cell that is to blame."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column, self.problem = column, problem


class Books:
    """The agreements of a seller, read once for a file."""

    def __init__(self, seller: Organisation) -> None:
        rows = Agreement.unfiltered.filter(seller=seller).select_related("customer", "seller").order_by("id")
        self.agreements = [(row, agreements.binding(row)) for row in rows]

    @cached_property
    def customers(self) -> list[int]:
        """The customers that it sells for."""
        return sorted({row.customer_id for row, _ in self.agreements})

    def ruling(self, customer: int, kind: str, grade: str, sold_on: date) -> Ruling:
        """Find the one agreement that rules a sale. Raise Unruled."""
        begun, found = False, []
        for row, versions in self.agreements:
            told = terms.ruling([one for _, one in versions.values()], sold_on)
            if row.customer_id != customer or told is None:
                continue
            begun = True
            if (rate := terms.rate_for(told.rate, kind, grade)) is not None:
                found.append(Ruling(row, versions[told.valid_from][0], told, rate))
        if not begun:
            raise Unruled("sold_on", f"no agreement binds both sides on {sold_on}")
        if not found:
            raise Unruled("kind", f"the agreement has no rate for kind {kind!r} and grade {grade or '*'!r}")
        if len(found) > 1:
            raise Unruled("kind", f"more than one agreement fits: {', '.join(one.agreement.code for one in found)}")
        return found[0]


def units_by_number(numbers: Iterable[str], customers: list[int]) -> dict[str, list[Unit]]:
    """Find the units that numbers name, among some customers': number -> units, more than one if it is not clear."""
    wanted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for number in set(numbers):
        forms = (identifiers.serial(number), identifiers.imei(number), identifiers.asset_tag(number))
        for kind, norm in zip(ORDER, forms, strict=True):
            if norm:
                wanted[kind, norm].add(number)
    hits: defaultdict[str, dict[str, dict[int, Unit]]] = defaultdict(lambda: {kind: {} for kind in ORDER})
    for kind in ORDER:
        norms = sorted(norm for of, norm in wanted if of == kind)
        for begin in range(0, len(norms), IN_ONE_QUESTION):
            for row in _rows(kind, norms[begin : begin + IN_ONE_QUESTION], customers):
                for number in wanted[kind, row.norm]:
                    hits[number][kind][row.unit_id] = row.unit
    return {number: next((list(found[k].values()) for k in ORDER if found[k]), []) for number, found in hits.items()}


def _rows(kind: str, norms: list[str], customers: list[int]) -> Iterable[Identifier]:
    return Identifier.objects.filter(
        kind=kind, norm__in=norms, customer__in=customers, retired_at__isnull=True, unit__merged_into__isnull=True
    ).select_related("unit")
